"""What a reader believes, and when it believes something newer: the rules of TUF, fitted to offline readers.

A reader starts from one root, believed because a person compared its fingerprint. From there an offered bundle is
taken in this order, and nothing is kept where a step fails:

1. Its parts are parsed with their sizes bounded: a manifest (at most 8 KB), the whole chain of roots from version 1 on
   (at most 4 KB each), the status lists that the manifest names, and nothing behind them.
2. The chain is walked from the root believed first, one version at a time; each root is signed by the threshold of the
   one before it and by its own. It leads through the root in force, so that what was installed can be opened again
   from the first root; roots before the first cannot be verified and decide nothing.
3. The last root must not be expired. Those between may be: they only lead to it.
4. The manifest is signed by the threshold of the last root's bundle role.
5. Neither the root's version nor the bundle's goes down, nor the manifest's `iat`; one version is one manifest. A
   manifest is not older than the root it stands under, and names that root's version: who holds back the newest root
   holds back every manifest under it, and cannot keep a dropped root or firmware key alive under fresh lists.
6. Each list has the length and SHA-256 that the manifest states, the URI under which it stands, and a status key that
   may sign it.
7. The caller keeps root and bundle together, by one rename.

Recovery: when the last root no longer lists a key that signed the installed manifest, that key may have been stolen
and used to run the version or the time ahead. The bundle version and the time floor then start again from that root's
`iat`, below which step 5 lets no manifest fall.

Time: a host hands in its clock; a manifest more than 24 h ahead of it is refused. A device without a clock hands in
its estimate (never below the newest `iat` installed), which may have been run ahead too, so that in a recovery the
root's own `iat` stands for it.
"""

import hashlib

from . import reasons
from .application import MAX_APPLICATION_MANIFEST_SIZE, Application, parse_application
from .cose import SIGN_TAG, TYP_APPLICATION, TYP_BUNDLE, TYP_ROOT, Signed, parse_sign, read_sign
from .errors import FormatError, TrustError
from .manifest import MAX_MANIFEST_SIZE, Manifest, parse_manifest
from .public_test_keys import any_test_key
from .reader import BytesReader, read_up_to
from .root import MAX_ROOT_SIZE, ROLE_BUNDLE, ROLE_FIRMWARE, ROLE_ROOT, Root, parse_root
from .status import read_list_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .manifest import ListEntry
    from .reader import Reader
    from .root import Role, Verify

# The manifest, its envelope and 16 signatures.
_MAX_SIGNED_MANIFEST_SIZE = MAX_MANIFEST_SIZE + 2048
MAX_SIGNED_APPLICATION_SIZE = MAX_APPLICATION_MANIFEST_SIZE + 2048
MAX_BUNDLE_SIZE = 16 << 20
MAX_FUTURE_S = 24 * 3600
_HASH_CHUNK_SIZE = 1024


class Installed:
    """What a reader believes now: the root in force and, once there is one, the manifest under it.

    ``signers`` are the bundle keys whose signatures the manifest carries, ``payload_sha256`` its identity; ``first``
    is the root that a person believed.
    """

    def __init__(
        self,
        root: Root,
        manifest: "Manifest | None" = None,
        signers: "list[bytes] | None" = None,
        payload_sha256: bytes = b"",
        first: "Root | None" = None,
    ) -> None:
        self.root = root
        self.first = first or root
        self.manifest = manifest
        self.signers = signers or []
        self.payload_sha256 = payload_sha256


class ListSpan:
    """Where a status list lies in the bundle: ``lst_offset`` and ``lst_length`` span its zlib stream."""

    def __init__(self, entry: "ListEntry", offset: int, entries: int) -> None:
        self.uri = entry.uri
        self.offset = offset
        self.length = entry.length
        self.sha256 = entry.sha256
        self.entries = entries
        self.lst_offset = 0
        self.lst_length = 0


class Offer:
    """A bundle that passed steps 1 to 5; `check_list` does step 6 for each of ``lists``.

    ``unchanged`` where it holds what is installed already; ``recovered`` where versions and time started again, so
    that a device takes ``manifest.iat`` as its time.
    """

    def __init__(self, installed: Installed, manifest: Manifest, lists: "list[ListSpan]") -> None:
        self.installed = installed
        self.manifest = manifest
        self.lists = lists
        self.unchanged = False
        self.recovered = False


def open_root(data: bytes, verify: "Verify", allow_test_city: bool = False) -> Installed:
    """Return the state of a reader that believes the root ``data``, a first one. Raises `TrustError`.

    The caller has compared its fingerprint with one that came another way.
    """
    signed, root = _parse_root(data, allow_test_city)
    _require(root.roles[ROLE_ROOT], signed, verify)
    return Installed(root)


def open_bundle(
    reader: "Reader",
    length: int,
    installed: Installed,
    now: int,
    verify: "Verify",
    has_clock: bool = True,
    allow_test_city: bool = False,
) -> Offer:
    """Take a bundle of ``length`` bytes through steps 1 to 5. Raises `TrustError`; changes nothing.

    Holds one document at a time in RAM, at most 10 KB.
    """
    documents = _read_documents(reader, length, installed, verify, allow_test_city)
    recovered = _drops_a_signer(documents.root, installed)
    _check_times(documents.root, documents.manifest, installed, now, has_clock, recovered)
    offer = documents.offer(installed.first, length, verify)
    offer.recovered = recovered
    offer.unchanged = offer.installed.payload_sha256 == installed.payload_sha256
    if not offer.unchanged and not recovered:
        _never_down(offer.manifest, installed)
    return offer


def reopen_bundle(
    reader: "Reader", length: int, first: Installed, verify: "Verify", allow_test_city: bool = False
) -> Offer:
    """Take a bundle that was installed before through steps 1, 2 and 4 again, from the root believed first.

    No time is tested: a root that has expired since, or a clock set back, stops new bundles and not the installed one.
    Raises `TrustError` where the file is not what was installed.
    """
    return _read_documents(reader, length, first, verify, allow_test_city).offer(first.first, length, verify)


def check_list(reader: "Reader", offer: Offer, span: ListSpan) -> None:
    """Step 6 for one list: stream it, compare its SHA-256, and find its zlib stream. Raises `TrustError`."""
    digest = hashlib.sha256()
    buffer = bytearray(_HASH_CHUNK_SIZE)
    view = memoryview(buffer)
    at = span.offset
    end = at + span.length
    while at < end:
        part = view[: min(_HASH_CHUNK_SIZE, end - at)]
        if reader.readinto(at, part) != len(part):
            raise TrustError(reasons.LIST_MISSING)
        digest.update(part)
        at += len(part)
    if digest.digest() != span.sha256:
        raise TrustError(reasons.LIST_CHANGED)
    try:
        head = read_list_head(reader, span.offset, span.length)
    except FormatError:
        raise TrustError(reasons.NOT_A_STATUS_LIST) from None
    if head.uri != span.uri or offer.manifest.keys.signs_list(head.kid, head.uri) is None:
        raise TrustError(reasons.LIST_UNKNOWN)
    span.lst_offset = span.offset + head.lst_offset
    span.lst_length = head.lst_length


def open_application(
    data: bytes, installed: Installed, board: str, floor: int, verify: "Verify"
) -> "tuple[Application, int]":
    """Return (manifest of an application image, offset of its first part). Raises `TrustError`.

    ``data`` is the image or its front; ``floor`` is the version confirmed last, which never goes down.
    """
    try:
        front = read_sign(BytesReader(data), 0, TYP_APPLICATION, MAX_SIGNED_APPLICATION_SIZE)
        signed = parse_sign(front, TYP_APPLICATION)
        application = parse_application(signed.payload)
    except FormatError:
        raise TrustError(reasons.NOT_AN_APPLICATION) from None
    if application.city != installed.root.city:
        raise TrustError(reasons.WRONG_CITY)
    _require(installed.root.roles[ROLE_FIRMWARE], signed, verify)
    if application.board != board:
        raise TrustError(reasons.WRONG_BOARD)
    if application.version < floor:
        raise TrustError(reasons.OLDER_APPLICATION)
    return application, len(front)


class _Documents:
    """The manifest with its envelope, the last root, and the offset behind the chain."""

    def __init__(self, signed: Signed, manifest: Manifest, root: Root, end: int) -> None:
        self.signed = signed
        self.manifest = manifest
        self.root = root
        self.end = end

    def offer(self, first: Root, length: int, verify: "Verify") -> Offer:
        """Step 4 of a bundle of ``length`` bytes, and the rest of step 1."""
        installed = _judge_manifest(self.signed, self.manifest, self.root, first, verify)
        return Offer(installed, self.manifest, _list_spans(self.manifest, self.end, length))


def _read_documents(
    reader: "Reader", length: int, installed: Installed, verify: "Verify", allow_test_city: bool
) -> _Documents:
    """Steps 1 and 2."""
    if length > MAX_BUNDLE_SIZE:
        raise TrustError(reasons.TOO_LARGE)
    signed, manifest, at = _read_manifest(reader)
    root, at = _walk_chain(reader, at, installed, verify, allow_test_city)
    if manifest.city != root.city:
        raise TrustError(reasons.WRONG_CITY)
    if not allow_test_city and any_test_key(manifest.keys.public_keys()):
        raise TrustError(reasons.TEST_CITY)
    return _Documents(signed, manifest, root, at)


def _judge_manifest(signed: Signed, manifest: Manifest, root: Root, first: Root, verify: "Verify") -> Installed:
    """Step 4, and what of step 5 needs no clock and no memory: the manifest stands under ``root``."""
    signers = _require(root.roles[ROLE_BUNDLE], signed, verify)
    if manifest.iat < root.iat or manifest.root_version < root.version:
        raise TrustError(reasons.OLDER_THAN_ROOT)
    if manifest.root_version > root.version:
        raise TrustError(reasons.ROOT_SKIPPED)
    return Installed(root, manifest, signers, hashlib.sha256(signed.payload).digest(), first)


def _parse_root(data: bytes, allow_test_city: bool) -> "tuple[Signed, Root]":
    try:
        if len(data) > MAX_ROOT_SIZE:
            raise FormatError("A root is larger than 4 KB.")
        signed = parse_sign(data, TYP_ROOT)
        root = parse_root(signed.payload)
    except FormatError:
        raise TrustError(reasons.NOT_A_ROOT) from None
    if not allow_test_city and _is_test_city(root):
        raise TrustError(reasons.TEST_CITY)
    return signed, root


def _is_test_city(root: Root) -> bool:
    for role in root.roles.values():
        if any_test_key(role.keys):
            return True
    return False


def _require(role: "Role", signed: Signed, verify: "Verify") -> "list[bytes]":
    """Return the keys of ``role`` that signed, at least its threshold of them."""
    signers = role.signers(signed, verify)
    if len(signers) < role.threshold:
        raise TrustError(reasons.TOO_FEW_SIGNATURES)
    return signers


def _read_manifest(reader: "Reader") -> "tuple[Signed, Manifest, int]":
    """Return the manifest, its envelope, and the offset behind it."""
    try:
        data = read_sign(reader, 0, TYP_BUNDLE, _MAX_SIGNED_MANIFEST_SIZE)
        signed = parse_sign(data, TYP_BUNDLE)
        return signed, parse_manifest(signed.payload), len(data)
    except FormatError:
        raise TrustError(reasons.NOT_A_BUNDLE) from None


def _walk_chain(
    reader: "Reader", at: int, installed: Installed, verify: "Verify", allow_test_city: bool
) -> "tuple[Root, int]":
    """Return the last root of the chain, verified, and the offset behind it."""
    trusted = installed.first
    version = 0
    while read_up_to(reader, at, 2) == SIGN_TAG:
        try:
            data = read_sign(reader, at, TYP_ROOT, MAX_ROOT_SIZE)
        except FormatError:
            raise TrustError(reasons.NOT_A_BUNDLE) from None
        at += len(data)
        signed, root = _parse_root(data, allow_test_city)
        version += 1
        if root.version != version:
            raise TrustError(reasons.ROOT_SKIPPED)
        if root.city != trusted.city:
            raise TrustError(reasons.WRONG_CITY)
        for known in (installed.first, installed.root):
            if version == known.version and root.sha256 != known.sha256:
                raise TrustError(reasons.ROOT_SKIPPED)
        if version > trusted.version:
            _require(trusted.roles[ROLE_ROOT], signed, verify)
            _require(root.roles[ROLE_ROOT], signed, verify)
            trusted = root
    if version < installed.root.version:
        raise TrustError(reasons.OLDER_ROOT)
    return trusted, at


def _drops_a_signer(root: Root, installed: Installed) -> bool:
    keys = root.roles[ROLE_BUNDLE].keys
    return any([key not in keys for key in installed.signers])


def _check_times(
    root: Root, manifest: Manifest, installed: Installed, now: int, has_clock: bool, recovered: bool
) -> None:
    time = now
    if recovered:
        time = max(now, root.iat) if has_clock else root.iat
    elif installed.manifest:
        time = max(now, installed.manifest.iat)
    if time >= root.exp:
        raise TrustError(reasons.ROOT_EXPIRED)
    # By the clock alone: counted from what is installed, a stolen key could run ahead by a day at every step.
    if has_clock and max(root.iat, manifest.iat) > now + MAX_FUTURE_S:
        raise TrustError(reasons.FROM_THE_FUTURE)


def _never_down(manifest: Manifest, installed: Installed) -> None:
    current = installed.manifest
    if current and (manifest.version <= current.version or manifest.iat < current.iat):
        raise TrustError(reasons.OLDER_BUNDLE)


def _list_spans(manifest: Manifest, at: int, length: int) -> "list[ListSpan]":
    """Lay the manifest's lists over the rest of the bundle: one for each key's list, and nothing else."""
    expected = manifest.keys.list_uris()
    stated = [entry.uri for entry in manifest.lists]
    if stated != expected:
        missing = any([uri not in stated for uri in expected])
        raise TrustError(reasons.LIST_MISSING if missing else reasons.LIST_UNKNOWN)
    spans = []
    for entry in manifest.lists:
        key = manifest.keys.by_list(entry.uri)
        spans.append(ListSpan(entry, at, key.entries if key else 0))
        at += entry.length
    if at != length:
        raise TrustError(reasons.LIST_MISSING if at > length else reasons.LIST_UNKNOWN)
    return spans
