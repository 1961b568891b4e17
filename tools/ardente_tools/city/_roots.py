"""The root ceremony: propose, sign on machines of their own, assemble.

A root says which keys may sign roots, bundles and applications. Each root key is a file on a machine of its own; what
travels are proposals, public keys and signatures, none of them secret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from ardente._ed25519 import verify
from ardente._files import PUBLIC_FILE_MODE, write_file
from ardente.core import cose, encode
from ardente.core.errors import FormatError, TrustError
from ardente.core.root import MAX_ROOT_SIZE, ROLE_BUNDLE, ROLE_FIRMWARE, ROLE_ROOT, Role, Root, parse_root
from ardente.core.trust import open_root
from ardente.issuing import SigningKey

from ._errors import CeremonyError
from ._folder import City, parse_root_file
from ._keys import BUNDLE, FIRMWARE, ROOT, PublicKey

ROLE_NUMBERS = {ROOT: ROLE_ROOT, BUNDLE: ROLE_BUNDLE, FIRMWARE: ROLE_FIRMWARE}
_DAY_S = 86400
_ROOT_KEYS = 3
_MAX_FILE_SIZE = 65536


class Proposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="ardente", tag="root-proposal-1"):
    """A root without signatures, and the root that it takes the place of, empty for the first."""

    payload: bytes
    previous: bytes

    @property
    def root(self) -> Root:
        """Raises `CeremonyError` where the payload is no root."""
        try:
            return parse_root(self.payload)
        except FormatError as error:
            raise CeremonyError(f"The proposal is no root: {_lower(str(error))}") from None

    @property
    def previous_root(self) -> Root | None:
        return parse_root_file(self.previous, "What the proposal takes the place of") if self.previous else None


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="ardente", tag="root-signature-1"):
    """The signature of one root key on one proposal."""

    payload_sha256: bytes
    public_key: bytes
    signature: bytes


_Document = TypeVar("_Document", Proposal, Signature)


def propose(city: City, publics: Iterable[PublicKey], thresholds: Mapping[str, int], now: int) -> Proposal:
    """Return the next root: what the newest one says, except for the roles of which ``publics`` has keys.

    ``thresholds`` are by role; without one, a role keeps its own, a new root role asks for a majority of at least two,
    and the others for one. Raises `CeremonyError`.
    """
    chain = city.roots()
    previous = parse_root_file(chain[-1], "The newest root") if chain else None
    keys = _keys_by_role(publics)
    if previous is None and BUNDLE not in keys:
        keys[BUNDLE] = [public.public_key for public in city.public_keys(BUNDLE)]
    roles = {}
    for role, number in ROLE_NUMBERS.items():
        before = previous.roles[number] if previous else None
        of_role = sorted(keys.get(role) or (before.keys if before else []))
        if not of_role:
            raise CeremonyError(f"The first root needs a {role} key; give its .pub file too.")
        roles[number] = Role(thresholds.get(role) or _threshold(role, len(of_role), before), of_role)
    root = Root(
        city.config.id,
        previous.version + 1 if previous else 1,
        now,
        now + city.config.periods.root_valid_days * _DAY_S,
        roles,
    )
    proposal = Proposal(encode.root_payload(root), chain[-1] if chain else b"")
    _check(proposal)
    return proposal


def describe(proposal: Proposal) -> list[str]:
    """Say in lines for people what a proposal would make true. Raises `CeremonyError`."""
    root, previous = _check(proposal)
    lines = [f"Root {root.version} of {root.city}, from {_day(root.iat)} to {_day(root.exp)}."]
    if previous:
        fingerprint = hashlib.sha256(proposal.previous).hexdigest()
        lines.append(f"It takes the place of root {previous.version}, whose SHA-256 is {fingerprint}.")
    else:
        lines.append("It is the first root: it takes the place of none.")
    for role, number in ROLE_NUMBERS.items():
        keys = root.roles[number].keys
        before = previous.roles[number] if previous else None
        of = f"{role}: {root.roles[number].threshold} of {len(keys)} keys must sign"
        if before and before.threshold != root.roles[number].threshold:
            of += f" (before: {before.threshold})"
        lines.append(of)
        lines += [f"  {_key_line(key, 'new' if before and key not in before.keys else '')}" for key in keys]
        lines += [f"  {_key_line(key, 'leaves')}" for key in (before.keys if before else []) if key not in keys]
    return lines


def warning(proposal: Proposal) -> str:
    """Say what fewer than three root keys mean for the city, "" where there are three. Raises `CeremonyError`."""
    role = proposal.root.roles[ROLE_ROOT]
    count = len(role.keys)
    if count >= _ROOT_KEYS:
        return ""
    means = []
    if role.threshold == count:
        means.append("one lost key ends the city's root, and every partner then needs a new first root by hand")
    if role.threshold == 1:
        means.append("one stolen key is enough to sign another root")
    return f"A root should have three keys, of which two sign. With {role.threshold} of {count}, {'; '.join(means)}."


def sign(proposal: Proposal, key: SigningKey) -> Signature:
    """Return the signature of a root key. Raises `CeremonyError` where its signature would not count."""
    root, previous = _check(proposal)
    signers = root.roles[ROLE_ROOT].keys + (previous.roles[ROLE_ROOT].keys if previous else [])
    if key.public_key not in signers:
        raise CeremonyError("This key is a root key neither of the proposed root nor of the one before.")
    message = cose.sign_message(encode.sign_body(cose.TYP_ROOT), key.key_id, proposal.payload)
    return Signature(hashlib.sha256(proposal.payload).digest(), key.public_key, key.sign(message))


def assemble(city: City, proposal: Proposal, signatures: Iterable[Signature]) -> Path:
    """Put proposal and signatures together, and keep the new root. Raises `CeremonyError`.

    Enough root keys of the root before, and enough of the new one, must have signed; a key that is in both counts for
    both.
    """
    with city.lock():
        chain = city.roots()
        root, previous = _check(proposal)
        if root.city != city.config.id:
            raise CeremonyError(f"The proposal is for {root.city}, and this is {city.config.id}.")
        if proposal.previous != (chain[-1] if chain else b""):
            raise CeremonyError(
                f"The proposal is for root {root.version}, and this city's newest is {len(chain)}; propose again."
            )
        signed = encode.sign(cose.TYP_ROOT, proposal.payload, _valid_signatures(proposal, signatures))
        _require_signatures(signed, root, "the proposed root")
        if previous:
            _require_signatures(signed, previous, f"root {previous.version}")
        if len(signed) > MAX_ROOT_SIZE:
            raise CeremonyError("With its signatures the root is larger than 4 KB; leave some out.")
        _open(signed)
        path = city.roots_path / f"{root.version}.cbor"
        write_file(path, signed, PUBLIC_FILE_MODE)
        return path


def read_document(path: Path, kind: type[_Document]) -> _Document:
    """Return the proposal or signature in a file. Raises `CeremonyError`."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_FILE_SIZE), type=kind)
    except OSError as error:
        raise CeremonyError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        what = "proposal of a root" if kind is Proposal else "signature on a root"
        raise CeremonyError(f"{path} is no {what}.") from None


def refuse_existing(path: Path) -> None:
    """Raise `CeremonyError` where ``path`` exists, before anybody is asked anything."""
    if path.exists():
        raise CeremonyError(f"{path} exists already; choose another name with --output.")


def write_document(path: Path, document: Proposal | Signature) -> None:
    """Write a proposal or signature, which are not secret. Raises `CeremonyError` where ``path`` exists."""
    refuse_existing(path)
    write_file(path, msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n", PUBLIC_FILE_MODE)


def _check(proposal: Proposal) -> tuple[Root, Root | None]:
    root, previous = proposal.root, proposal.previous_root
    if root.version != (previous.version + 1 if previous else 1):
        raise CeremonyError("The proposal leaves out a version; propose again.")
    if previous and previous.city != root.city:
        raise CeremonyError("The proposal is for another city than the root before it.")
    return root, previous


def _keys_by_role(publics: Iterable[PublicKey]) -> dict[str, list[bytes]]:
    keys: dict[str, list[bytes]] = {}
    for public in publics:
        if public.role not in ROLE_NUMBERS:
            raise CeremonyError(f"A root has no {public.role} keys; those stand in the bundle.")
        keys.setdefault(public.role, []).append(public.public_key)
    return keys


def _threshold(role: str, count: int, before: Role | None) -> int:
    if before:
        return before.threshold
    if role != ROOT:
        return 1
    if count == 1:
        raise CeremonyError(
            "One root key alone can neither be lost nor stolen safely: give three. To have one all the same, say so "
            "with --threshold root=1."
        )
    return count // 2 + 1


def _valid_signatures(proposal: Proposal, signatures: Iterable[Signature]) -> list[tuple[bytes, bytes]]:
    digest = hashlib.sha256(proposal.payload).digest()
    body = encode.sign_body(cose.TYP_ROOT)
    found = {}
    for signature in signatures:
        if signature.payload_sha256 != digest:
            raise CeremonyError("One signature is on another proposal; sign this one again.")
        kid = cose.key_id(signature.public_key)
        message = cose.sign_message(body, kid, proposal.payload)
        sizes = len(signature.public_key), len(signature.signature)
        if sizes != (32, 64) or not verify(signature.public_key, signature.signature, message):
            raise CeremonyError(f"The signature of key {kid.hex()} is damaged; sign again.")
        found[kid] = signature.signature
    if len(found) > cose.MAX_SIGNATURES:
        raise CeremonyError(f"A root carries at most {cose.MAX_SIGNATURES} signatures; leave some out.")
    return list(found.items())


def _require_signatures(signed: bytes, root: Root, whose: str) -> None:
    role = root.roles[ROLE_ROOT]
    try:
        count = len(role.signers(cose.parse_sign(signed, cose.TYP_ROOT), verify))
    except FormatError:
        count = 0
    if count < role.threshold:
        raise CeremonyError(f"{role.threshold} root keys of {whose} must sign, and {count} did.")


def _open(signed: bytes) -> None:
    try:
        open_root(signed, verify)
    except TrustError as error:
        raise CeremonyError(f"No partner would take this root: {error.reason}.") from None


def _key_line(key: bytes, remark: str) -> str:
    return f"{cose.key_id(key).hex()}  {remark}".rstrip()


def _day(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).date().isoformat()


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
