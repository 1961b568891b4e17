"""What an attacker tries on a reader's trust, what comes of it, and that nothing of it stays.

The attacker stands between the city and the reader: every file passes his hands. In some rows he has stolen a key,
and signs with it whatever he likes; the row says which. Each row runs on every interpreter.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta

import nacl.bindings
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.exceptions import BadSignatureError

from ardente import issuing
from ardente.core import cose, encode, reasons, trust
from ardente.core.application import Application, Part
from ardente.core.errors import FormatError, TrustError
from ardente.core.keys import StatusKey
from ardente.core.manifest import ListEntry, Manifest, parse_manifest
from ardente.core.reader import BytesReader
from ardente.core.status import inflate
from ardente.core.trust import Installed, Offer
from ardente.core.verdict import Judge
from ardente.testing import TestCity, public_signing_key
from ardente.testing._city import REVOKED
from ardente.testing._clock import START
from interpreters import DEVICE_HELPERS, Interpreter

CITY = TestCity()
TOP_VERSION = 0xFFFFFFFF


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def epoch_s(time: datetime) -> int:
    return int(time.timestamp())


# The city's own documents: three roots, of which the second drops a bundle key and the third changes the root keys.
ROOT1 = CITY.root()
ROOT2 = CITY.root(2, iat=day(10), bundle_keys=("bundle-2", "bundle-3"))
ROOT3_KEYS = ("root-1", "root-4", "root-5")
ROOT3 = CITY.root(
    3, iat=day(20), root_keys=ROOT3_KEYS, bundle_keys=("bundle-2", "bundle-3"), signers=("root-1", "root-2", "root-4")
)
FIRST = CITY.bundle(1, iat=day(0), chain=[ROOT1])
SECOND = CITY.bundle(2, iat=day(1), chain=[ROOT1], revoked={**REVOKED, "card-1": frozenset({78, 512, 1000})})
UNDER_ROOT2 = CITY.bundle(3, iat=day(11), chain=[ROOT1, ROOT2], signers=("bundle-2",))
UNDER_ROOT3 = CITY.bundle(4, iat=day(21), chain=[ROOT1, ROOT2, ROOT3], signers=("bundle-2",))


@dataclass(frozen=True)
class Parts:
    """A bundle taken apart."""

    manifest: bytes
    chain: list[bytes]
    lists: list[bytes]

    def join(self) -> bytes:
        return b"".join([self.manifest, *self.chain, *self.lists])


def split(bundle: bytes) -> Parts:
    reader = BytesReader(bundle)
    documents = [cose.read_sign(reader, 0, cose.TYP_BUNDLE, 1 << 20)]
    at = len(documents[0])
    while bundle[at : at + 2] == cose.SIGN_TAG:
        documents.append(cose.read_sign(reader, at, cose.TYP_ROOT, 1 << 20))
        at += len(documents[-1])
    lists = []
    for entry in parse_manifest(cose.parse_sign(documents[0], cose.TYP_BUNDLE).payload).lists:
        lists.append(bundle[at : at + entry.length])
        at += entry.length
    return Parts(documents[0], documents[1:], lists)


def forged(
    bundle: bytes,
    change: Callable[[Manifest], None],
    *,
    lists: dict[int, bytes] | None = None,
    signer: str = "bundle-1",
) -> bytes:
    """The bundle with its manifest changed and signed again, vouching for other `lists` too: what a thief makes."""
    parts = split(bundle)
    manifest = parse_manifest(cose.parse_sign(parts.manifest, cose.TYP_BUNDLE).payload)
    for at, data in (lists or {}).items():
        parts.lists[at] = data
        manifest.lists[at] = ListEntry(manifest.lists[at].uri, len(data), hashlib.sha256(data).digest())
    change(manifest)
    payload = encode.manifest_payload(manifest)
    signed = issuing.sign_document(cose.TYP_BUNDLE, payload, [public_signing_key(signer)])
    return Parts(signed, parts.chain, parts.lists).join()


def unchanged(manifest: Manifest) -> None:
    pass


def signed_by(bundle: bytes, *signers: str) -> bytes:
    """The bundle, its manifest signed by these keys instead."""
    parts = split(bundle)
    payload = cose.parse_sign(parts.manifest, cose.TYP_BUNDLE).payload
    keys = [public_signing_key(label) for label in signers]
    return Parts(issuing.sign_document(cose.TYP_BUNDLE, payload, keys), parts.chain, parts.lists).join()


def signed_under_names(typ: str, payload: bytes, label: str, kids: list[bytes]) -> bytes:
    """A document signed by one key, each time under another name."""
    key = public_signing_key(label)
    body = encode.sign_body(typ)
    return encode.sign(typ, payload, [(kid, key.sign(cose.sign_message(body, kid, payload))) for kid in kids])


def payload_of(document: bytes, typ: str) -> bytes:
    return cose.parse_sign(document, typ).payload


def noise_root(version: int) -> bytes:
    """A root of the right city and version that nobody of the city has signed: anybody can make one."""
    return CITY.root(
        version,
        root_keys=("root-5",),
        root_threshold=1,
        bundle_keys=("bundle-3",),
        firmware_keys=("firmware-2",),
        signers=("root-5",),
    )


def chain(bundle: bytes, *roots: bytes) -> bytes:
    """The bundle, its chain of roots replaced."""
    parts = split(bundle)
    return Parts(parts.manifest, list(roots), parts.lists).join()


def lists(bundle: bytes, *chosen: bytes) -> bytes:
    """The bundle, its lists replaced."""
    parts = split(bundle)
    return Parts(parts.manifest, parts.chain, list(chosen)).join()


def application_as_bundle() -> bytes:
    part = Part("app.mpy", 1, hashlib.sha256(b"x").digest())
    payload = encode.application_payload(Application(CITY.name, 1, epoch_s(START), "esp32-cam", 1, [part]))
    return issuing.sign_document(cose.TYP_APPLICATION, payload, [public_signing_key("bundle-1")]) + ROOT1


def bomb() -> bytes:
    """A list of 1024 entries that inflates to 4 MB."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 12)
    lst = compressor.compress(bytes(4 << 20)) + compressor.flush()
    key = public_signing_key("status-1")
    payload = encode.status_list_payload(CITY.list_uri("card-1"), epoch_s(day(1)), epoch_s(day(46)), 86400, lst)
    protected = encode.status_list_protected(key.key_id)
    return encode.sign1(protected, payload, key.sign(cose.sign1_message(protected, payload)))


@dataclass(frozen=True)
class Attack:
    """What a reader holds (`installed`, in order), what it is offered on `today`, and what it has to answer.

    The answer is a reason code where the offer is refused; "installed", "unchanged" or "recovered" where it is taken.
    """

    name: str
    offer: Callable[[], bytes]
    answer: str
    installed: tuple[bytes, ...] = (FIRST,)
    today: float = 2
    has_clock: bool = True
    first: bytes = ROOT1


def rollback() -> Iterator[Attack]:
    yield Attack("rollback: an older bundle", lambda: FIRST, "older_bundle", installed=(FIRST, SECOND))
    yield Attack(
        "rollback: a lower version with a newer time (stolen bundle key)",
        lambda: CITY.bundle(1, iat=day(2)),
        "older_bundle",
        installed=(SECOND,),
    )
    yield Attack(
        "rollback: a higher version with an older time (stolen bundle key)",
        lambda: CITY.bundle(9, iat=day(0.5)),
        "older_bundle",
        installed=(SECOND,),
    )
    yield Attack(
        "rollback: the same version with other lists (stolen bundle key)",
        lambda: CITY.bundle(2, iat=day(1), revoked={}),
        "older_bundle",
        installed=(SECOND,),
    )
    yield Attack("rollback: root and bundle", lambda: SECOND, "older_root", (UNDER_ROOT2,), 12)
    yield Attack(
        "rollback: a new bundle under the old root (stolen bundle key that the new root dropped)",
        lambda: CITY.bundle(9, iat=day(12)),
        "older_root",
        (UNDER_ROOT2,),
        12,
    )
    yield Attack("the same bundle again", lambda: SECOND, "unchanged", (SECOND,))
    yield Attack(
        "the same bundle again, with one signature more",
        lambda: signed_by(SECOND, "bundle-1", "bundle-2"),
        "unchanged",
        (SECOND,),
    )


def mix_and_match() -> Iterator[Attack]:
    yield Attack("mix: old manifest, newer chain", lambda: chain(SECOND, ROOT1, ROOT2), "too_few_signatures", today=12)
    yield Attack(
        "mix: old manifest by a key that is still listed, newer chain",
        lambda: chain(signed_by(SECOND, "bundle-2"), ROOT1, ROOT2),
        "older_than_root",
        today=12,
    )
    yield Attack(
        "mix: the same, the newer root dated back",
        lambda: chain(signed_by(SECOND, "bundle-2"), ROOT1, CITY.root(2, bundle_keys=("bundle-2", "bundle-3"))),
        "older_than_root",
        today=12,
    )
    yield Attack(
        "mix: new manifest, chain cut short, so that dropped root keys stay",
        lambda: chain(UNDER_ROOT3, ROOT1, ROOT2),
        "root_skipped",
        (UNDER_ROOT2,),
        22,
    )
    yield Attack("mix: new manifest, old chain", lambda: chain(UNDER_ROOT2, ROOT1), "root_skipped", today=12)
    yield Attack(
        "mix: new manifest, chain older than the root in force",
        lambda: chain(UNDER_ROOT3, ROOT1),
        "older_root",
        (UNDER_ROOT2,),
        22,
    )
    old, new = split(FIRST).lists, split(SECOND).lists
    yield Attack("mix: a list of the old bundle in the new", lambda: lists(SECOND, old[0], *new[1:]), "list_changed")
    yield Attack("mix: old manifest, new lists", lambda: lists(FIRST, *new), "list_changed", installed=())


def chain_of_roots() -> Iterator[Attack]:
    yield Attack("root skipped", lambda: chain(UNDER_ROOT3, ROOT1, ROOT3), "root_skipped", today=22)
    yield Attack("root chain without its first", lambda: chain(UNDER_ROOT2, ROOT2), "root_skipped", today=12)
    yield Attack("root twice", lambda: chain(UNDER_ROOT2, ROOT1, ROOT2, ROOT2), "root_skipped", today=12)
    yield Attack("no root", lambda: chain(SECOND), "older_root")
    for values, answer in ((8, "installed"), (10, "not_a_bundle")):

        def grow(manifest: Manifest, values: int = values) -> None:
            (one,) = list(manifest.campaigns.values())[:1]
            for number in range(100, 170):
                manifest.campaigns[number] = copy(one)
                manifest.campaigns[number].campaign = number
                manifest.campaigns[number].values = [0x10000 + at for at in range(values)]

        yield Attack(
            f"manifest of just {'under' if answer == 'installed' else 'over'} 8 KB",
            lambda grow=grow: forged(SECOND, grow),
            answer,
        )
    for how, signers, answer in (
        ("by its own keys alone", ("root-4", "root-5"), "too_few_signatures"),
        ("by the keys before it alone", ("root-2", "root-3"), "too_few_signatures"),
        ("by one stolen key of those before", ("root-1", "root-4"), "too_few_signatures"),
        ("by one key of its own", ("root-1", "root-2"), "too_few_signatures"),
        ("by enough of both", ("root-1", "root-2", "root-4"), "recovered"),
    ):
        # Its bundle is signed by the one bundle key that it lists, so that the root alone decides.
        root = CITY.root(2, iat=day(10), root_keys=ROOT3_KEYS, bundle_keys=("bundle-3",), signers=signers)
        yield Attack(
            f"next root signed {how}",
            lambda root=root: CITY.bundle(3, iat=day(11), chain=[ROOT1, root], signers=("bundle-3",)),
            answer,
            today=12,
        )
    fork = CITY.root(2, iat=day(10), bundle_keys=("bundle-2",), signers=("root-2", "root-3"))
    yield Attack(
        "fork: another second root, signed by the threshold too",
        lambda: CITY.bundle(9, iat=day(12), chain=[ROOT1, fork], signers=("bundle-2",)),
        "root_skipped",
        (UNDER_ROOT2,),
        12,
    )
    yield Attack(
        "fork: a third root that follows another second one",
        lambda: chain(UNDER_ROOT3, ROOT1, fork, ROOT3),
        "root_skipped",
        (UNDER_ROOT2,),
        22,
    )
    later = CITY.bundle(4, iat=day(12), chain=[ROOT1, ROOT2], signers=("bundle-2",))
    yield Attack(
        "noise in place of the root in force, so that the next start finds no chain",
        lambda: chain(later, ROOT1, noise_root(2)),
        "root_skipped",
        (UNDER_ROOT2,),
        12,
    )
    yield Attack(
        "noise in place of the first root",
        lambda: chain(later, noise_root(1), ROOT2),
        "root_skipped",
        (UNDER_ROOT2,),
        12,
    )
    yield Attack(
        "noise as the next root",
        lambda: CITY.bundle(4, iat=day(12), chain=[ROOT1, ROOT2, noise_root(3)], signers=("bundle-3",)),
        "too_few_signatures",
        (UNDER_ROOT2,),
        12,
    )
    yield Attack("three roots at once", lambda: UNDER_ROOT3, "recovered", today=22)
    expired = CITY.root(2, iat=day(10), exp=day(15), bundle_keys=("bundle-2", "bundle-3"))
    yield Attack(
        "a root between that has expired only leads on",
        lambda: CITY.bundle(4, iat=day(21), chain=[ROOT1, expired, ROOT3], signers=("bundle-2",)),
        "recovered",
        today=22,
    )
    yield Attack(
        "last root expired",
        lambda: CITY.bundle(4, iat=day(14), chain=[ROOT1, expired], signers=("bundle-2",)),
        "root_expired",
        today=15,
    )
    yield Attack(
        "last root expired, clock set back, the installed bundle knows better",
        lambda: CITY.bundle(4, iat=day(14), chain=[ROOT1, CITY.root(2, iat=day(10), exp=day(15))]),
        "root_expired",
        (CITY.bundle(2, iat=day(15.5)),),
        14.9,
    )
    for threshold in (0, 4):
        root = CITY.root(2, iat=day(10), root_threshold=threshold)
        yield Attack(
            f"next root with a threshold of {threshold} of 3",
            lambda root=root: CITY.bundle(3, iat=day(11), chain=[ROOT1, root]),
            "not_a_root",
            today=12,
        )
    root = CITY.root(2, iat=day(10), bundle_threshold=0)
    yield Attack(
        "next root with a threshold of 0 for bundles, the bundle signed by nobody known",
        lambda: CITY.bundle(3, iat=day(11), chain=[ROOT1, root], signers=("status-1",)),
        "not_a_root",
        today=12,
    )
    double = CITY.root(2, iat=day(10), root_keys=("root-1", "root-2", "root-2"))
    yield Attack(
        "next root with a key twice", lambda: CITY.bundle(3, iat=day(11), chain=[ROOT1, double]), "not_a_root", today=12
    )
    shared = CITY.root(2, iat=day(10), bundle_keys=("root-3",))
    yield Attack(
        "next root with a key in two roles",
        lambda: CITY.bundle(3, iat=day(11), chain=[ROOT1, shared]),
        "not_a_root",
        today=12,
    )


def fast_forward() -> Iterator[Attack]:
    run_ahead = CITY.bundle(TOP_VERSION, iat=day(1))
    yield Attack(
        "fast-forward of version: the city's next bundle is refused",
        lambda: CITY.bundle(2, iat=day(2)),
        "older_bundle",
        (run_ahead,),
    )
    yield Attack(
        "fast-forward of version: a new root that drops the key recovers",
        lambda: UNDER_ROOT2,
        "recovered",
        (run_ahead,),
        12,
    )
    kept = CITY.root(2, iat=day(10))
    yield Attack(
        "fast-forward of version: a new root that drops no signer starts nothing again",
        lambda: CITY.bundle(3, iat=day(11), chain=[ROOT1, kept]),
        "older_bundle",
        (run_ahead,),
        12,
    )
    yield Attack(
        "after recovery: the thief's bundle again", lambda: run_ahead, "older_root", (run_ahead, UNDER_ROOT2), 12
    )
    yield Attack(
        "after recovery: the thief's key under the new root",
        lambda: CITY.bundle(TOP_VERSION, iat=day(12), chain=[ROOT1, ROOT2]),
        "too_few_signatures",
        (run_ahead, UNDER_ROOT2),
        12,
    )
    yield Attack(
        "in recovery: a manifest older than the new root",
        lambda: CITY.bundle(9, iat=day(9), chain=[ROOT1, ROOT2], signers=("bundle-2",)),
        "older_than_root",
        (run_ahead,),
        12,
    )
    yield Attack(
        "after recovery: rollback is refused again",
        lambda: CITY.bundle(2, iat=day(10), chain=[ROOT1, ROOT2], signers=("bundle-2",)),
        "older_bundle",
        (run_ahead, UNDER_ROOT2),
        12,
    )

    yield Attack(
        "fast-forward of time: more than 24 h ahead of a host's clock",
        lambda: CITY.bundle(2, iat=day(3.1)),
        "from_the_future",
    )
    yield Attack(
        "fast-forward of time: a day ahead of the bundle that is a day ahead",
        lambda: CITY.bundle(3, iat=day(3.8)),
        "from_the_future",
        (CITY.bundle(2, iat=day(2.9)),),
    )
    yield Attack(
        "fast-forward of time: a root of the future",
        lambda: UNDER_ROOT2,
        "from_the_future",
        today=2,
    )
    far = CITY.bundle(2, iat=day(3000), exp=day(3045))
    yield Attack("fast-forward of time: a device without clock takes it", lambda: far, "installed", has_clock=False)
    yield Attack(
        "fast-forward of time: and then refuses the city's next",
        lambda: CITY.bundle(3, iat=day(3)),
        "older_bundle",
        (far,),
        has_clock=False,
    )
    yield Attack(
        "fast-forward of time: until a new root drops the key",
        lambda: UNDER_ROOT2,
        "recovered",
        (far,),
        3000,
        has_clock=False,
    )
    beyond = CITY.bundle(
        2, iat=datetime(2105, 1, 1, tzinfo=START.tzinfo), exp=datetime(2105, 2, 1, tzinfo=START.tzinfo)
    )
    yield Attack(
        "fast-forward of time: past the root's exp, the next is refused",
        lambda: CITY.bundle(3, iat=day(3)),
        "root_expired",
        (beyond,),
        has_clock=False,
    )
    yield Attack(
        "fast-forward of time: past the root's exp, a new root recovers",
        lambda: UNDER_ROOT2,
        "recovered",
        (beyond,),
        29000,
        has_clock=False,
    )
    yield Attack(
        "after recovery of a device: rollback is refused again",
        lambda: CITY.bundle(2, iat=day(10), chain=[ROOT1, ROOT2], signers=("bundle-2",)),
        "older_bundle",
        (beyond, UNDER_ROOT2),
        12,
        has_clock=False,
    )


def wrong_keys() -> Iterator[Attack]:
    for label in ("root-1", "firmware-1", "card-1", "status-1", "bundle-3"):
        yield Attack(f"bundle signed by {label}", lambda label=label: signed_by(SECOND, label), "too_few_signatures")
    payload = payload_of(split(SECOND).manifest, cose.TYP_BUNDLE)
    two_of_two = CITY.root(bundle_threshold=2)
    strict = {"first": two_of_two, "installed": ()}
    both = CITY.bundle(2, iat=day(1), chain=[two_of_two], signers=("bundle-1", "bundle-2"))
    yield Attack("bundle signed by two of two", lambda: both, "installed", **strict)
    yield Attack("bundle signed by one of two", lambda: signed_by(both, "bundle-1"), "too_few_signatures", **strict)
    key = public_signing_key("bundle-1")
    other = public_signing_key("bundle-2")

    def counted_twice(second_name: bytes) -> bytes:
        parts = split(both)
        document = signed_under_names(cose.TYP_BUNDLE, payload, "bundle-1", [key.key_id, second_name])
        return Parts(document, parts.chain, parts.lists).join()

    yield Attack(
        "one key counted twice, under a name of no key",
        lambda: counted_twice(b"\x00" * 8),
        "too_few_signatures",
        **strict,
    )
    yield Attack(
        "one key counted twice, under the other's name",
        lambda: counted_twice(other.key_id),
        "too_few_signatures",
        **strict,
    )

    def other_status_key(manifest: Manifest) -> None:
        thief = public_signing_key("status-2")
        uris = [CITY.list_uri("voucher-1")]
        manifest.keys.status.append(StatusKey(thief.key_id, thief.public_key, uris))

    stranger = CITY.status_list("card-1", frozenset(), iat=day(1), status_key="status-2")
    yield Attack(
        "list of a status key that the key set has not",
        lambda: forged(SECOND, unchanged, lists={0: stranger}),
        "list_unknown",
    )
    yield Attack(
        "list of a status key that is for other lists",
        lambda: forged(SECOND, other_status_key, lists={0: stranger}),
        "list_unknown",
    )


def wrong_documents() -> Iterator[Attack]:
    parts = split(SECOND)
    yield Attack("root as a bundle", lambda: ROOT1 + ROOT1, "not_a_bundle")
    yield Attack("application as a bundle", application_as_bundle, "not_a_bundle")
    yield Attack("status list as a bundle", lambda: parts.lists[0], "not_a_bundle")
    yield Attack("card as a bundle", lambda: CITY.card(186), "not_a_bundle")
    yield Attack("bundle as a root of the chain", lambda: chain(SECOND, parts.manifest), "not_a_bundle")
    as_root = issuing.sign_document(
        cose.TYP_ROOT, payload_of(parts.manifest, cose.TYP_BUNDLE), [public_signing_key("bundle-1")]
    )
    yield Attack("manifest signed as a root", lambda: chain(SECOND, ROOT1, as_root), "not_a_root")
    as_bundle = issuing.sign_document(
        cose.TYP_BUNDLE, payload_of(ROOT1, cose.TYP_ROOT), [public_signing_key("bundle-1")]
    )
    yield Attack("root signed as a manifest", lambda: as_bundle + ROOT1, "not_a_bundle")
    yield Attack(
        "card in place of a list", lambda: forged(SECOND, unchanged, lists={0: CITY.card(186)}), "not_a_status_list"
    )
    elsewhere = TestCity("other-city")
    yield Attack(
        "bundle and root of another city that has the same keys", lambda: elsewhere.bundle(2, iat=day(1)), "wrong_city"
    )
    yield Attack(
        "manifest of another city that has the same keys",
        lambda: chain(elsewhere.bundle(2, iat=day(1)), ROOT1),
        "wrong_city",
    )

    def endless(manifest: Manifest) -> None:
        manifest.exp = manifest.iat + 400 * 86400 + 1

    yield Attack(
        "stolen bundle key: a manifest that never gets stale, to be followed by silence",
        lambda: forged(SECOND, endless),
        "not_a_bundle",
    )
    yield Attack("nothing", lambda: b"", "not_a_bundle")
    yield Attack("noise", lambda: bytes(range(256)) * 40, "not_a_bundle")


def status_lists() -> Iterator[Attack]:
    first, second, third = split(SECOND).lists
    yield Attack("list missing", lambda: lists(SECOND, first, second), "list_missing")
    yield Attack("list missing in the middle", lambda: lists(SECOND, first, third), "list_missing")
    yield Attack("list cut short", lambda: lists(SECOND, first, second, third[:-1]), "list_missing")
    yield Attack("list doubled", lambda: lists(SECOND, first, second, third, third), "list_unknown")
    yield Attack("a byte behind the last list", lambda: SECOND + b"\x00", "list_unknown")
    yield Attack("lists swapped", lambda: lists(SECOND, second, first, third), "list_changed")
    yield Attack(
        "lists swapped, and the manifest vouches for it",
        lambda: forged(SECOND, unchanged, lists={0: second, 1: first}),
        "list_unknown",
    )
    yield Attack(
        "list altered",
        lambda: lists(SECOND, first, second[:-70] + bytes([second[-70] ^ 1]) + second[-69:], third),
        "list_changed",
    )
    yield Attack("list inflates without end", lambda: forged(SECOND, unchanged, lists={0: bomb()}), "not_a_status_list")

    def without_first(manifest: Manifest) -> None:
        del manifest.lists[0]

    def doubled(manifest: Manifest) -> None:
        manifest.lists.append(manifest.lists[-1])

    yield Attack("list not named by the manifest", lambda: forged(SECOND, without_first), "list_missing")
    yield Attack("list named twice by the manifest", lambda: forged(SECOND, doubled), "list_unknown")


ATTACKS = [
    attack
    for table in (rollback, mix_and_match, chain_of_roots, fast_forward, wrong_keys, wrong_documents, status_lists)
    for attack in table()
]


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        nacl.bindings.crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True


def install(data: bytes, installed: Installed, today: float, has_clock: bool = True) -> tuple[Offer, dict[str, bytes]]:
    """Take a bundle through all steps, as a store does; return the offer and the bits of its lists."""
    reader = BytesReader(data)
    now = epoch_s(day(today))
    offer = trust.open_bundle(reader, len(data), installed, now, verify, has_clock, allow_test_city=True)
    bits = {}
    for span in offer.lists:
        trust.check_list(reader, offer, span)
        inflated = bytearray()
        stream = io.BytesIO(data)
        stream.seek(span.lst_offset)
        try:
            inflate(stream, span.lst_length, span.entries // 8, inflated.extend)
        except FormatError:
            raise TrustError(reasons.NOT_A_STATUS_LIST) from None
        bits[span.uri] = bytes(inflated)
    return offer, bits


def believing(attack: Attack) -> Installed:
    """The state of a reader that has installed what the attack says, each on the day of its issue."""
    installed = trust.open_root(attack.first, verify, allow_test_city=True)
    for data in attack.installed:
        today = day_of_install(data, attack.has_clock)
        installed = install(data, installed, today, attack.has_clock)[0].installed
    return installed


def day_of_install(data: bytes, has_clock: bool) -> float:
    """The day of issue; a device without clock may have been told any, and believed its own estimate."""
    return issue_day(data) if has_clock else 1


def issue_day(bundle: bytes) -> float:
    manifest = parse_manifest(payload_of(split(bundle).manifest, cose.TYP_BUNDLE))
    return (manifest.iat - epoch_s(START)) / 86400


def answer_of(offer: Offer) -> str:
    if offer.unchanged:
        return "unchanged"
    return "recovered" if offer.recovered else "installed"


def snapshot(value: object) -> object:
    """All that a state holds, down to its last number."""
    if isinstance(value, dict):
        return {key: snapshot(item) for key, item in value.items()}
    if isinstance(value, list):
        return [snapshot(item) for item in value]
    return snapshot(vars(value)) if hasattr(value, "__dict__") else value


def test_names_are_unique() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_gets_its_answer_and_leaves_nothing(attack: Attack) -> None:
    installed = believing(attack)
    before = snapshot(installed)
    data = attack.offer()
    if attack.answer in ("installed", "unchanged", "recovered"):
        offer, _ = install(data, installed, attack.today, attack.has_clock)
        assert answer_of(offer) == attack.answer
        first = trust.open_root(attack.first, verify, allow_test_city=True)
        reopened = trust.reopen_bundle(BytesReader(data), len(data), first, verify, allow_test_city=True)
        assert snapshot(reopened.installed) == snapshot(offer.installed)
    else:
        with pytest.raises(TrustError) as refusal:
            install(data, installed, attack.today, attack.has_clock)
        assert refusal.value.reason == attack.answer
    assert snapshot(installed) == before


def test_every_interpreter_answers_alike(interpreter: Interpreter) -> None:
    lines = []
    for attack in ATTACKS:
        steps = [
            {"bytes": data.hex(), "now": epoch_s(day(day_of_install(data, attack.has_clock)))}
            for data in attack.installed
        ]
        question = {
            "kind": "bundle",
            "first": attack.first.hex(),
            "installed": steps,
            "has_clock": attack.has_clock,
            "now": epoch_s(day(attack.today)),
            "bytes": attack.offer().hex(),
        }
        lines.append(json.dumps(question))
    result = interpreter.run(DEVICE_HELPERS / "run_vectors.py", stdin="\n".join(lines) + "\n", timeout_s=300)
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    told = [answer if isinstance(answer, str) else answer[1] or "installed" for answer in answers]
    assert dict(zip([attack.name for attack in ATTACKS], told, strict=True)) == {
        attack.name: attack.answer for attack in ATTACKS
    }


def test_a_bundle_larger_than_any_is_refused_before_it_is_read() -> None:
    class Unreadable:
        def readinto(self, offset: int, buffer: object) -> int:
            raise AssertionError("read")

    installed = trust.open_root(ROOT1, verify, allow_test_city=True)
    with pytest.raises(TrustError) as refusal:
        trust.open_bundle(
            Unreadable(), trust.MAX_BUNDLE_SIZE + 1, installed, epoch_s(START), verify, allow_test_city=True
        )
    assert refusal.value.reason == reasons.TOO_LARGE


def test_a_reader_that_gets_nothing_new_says_so_and_then_stops() -> None:
    """Freeze: who holds back every new bundle gains 45 days and the grace that the partner states."""
    offer, bits = install(FIRST, trust.open_root(ROOT1, verify, allow_test_city=True), 1)
    judge = Judge(offer.manifest, verify, {uri: (lambda index: 0) for uri in bits})
    card = CITY.card_text(186)
    told = {number: judge.card(card, epoch_s(day(number)), 0).reason for number in (0, 44, 45, 90)}
    assert told == {0: "ok", 44: "ok", 45: "stale_trust", 90: "stale_trust"}
    assert not judge.refresh_due(epoch_s(day(7)))
    assert judge.refresh_due(epoch_s(day(7.1)))
    assert judge.card(card, epoch_s(day(58)), 14 * 86400).reason == "ok"
    assert judge.card(card, epoch_s(day(59)), 14 * 86400).reason == "stale_trust"


def test_the_same_bundle_again_makes_nothing_younger() -> None:
    installed = install(FIRST, trust.open_root(ROOT1, verify, allow_test_city=True), 1)[0].installed
    offer, _ = install(FIRST, installed, 40)
    assert offer.unchanged
    assert Judge(offer.manifest, verify, {uri: (lambda index: 0) for uri in offer.manifest.keys.list_uris()}).age(
        epoch_s(day(40))
    ) == epoch_s(day(40)) - epoch_s(day(0))


def test_a_card_key_that_left_the_key_set_opens_nothing() -> None:
    """A leaked card key: its cards are refused from the next bundle on, those of the other key are not."""
    rotated = CITY.bundle(2, iat=day(1), cards=("card-2", "card-3"))
    installed = install(FIRST, trust.open_root(ROOT1, verify, allow_test_city=True), 1)[0].installed
    offer, bits = install(rotated, installed, 2)
    judge = Judge(offer.manifest, verify, {uri: (lambda index: 0) for uri in bits})
    now = epoch_s(day(2))
    told = {
        label: judge.card(CITY.card_text(100, key=label), now, 0).reason for label in ("card-1", "card-2", "card-3")
    }
    assert told == {"card-1": "unknown_key", "card-2": "ok", "card-3": "ok"}


def test_a_manifest_may_not_name_a_key_of_the_test_city() -> None:
    """A real city that copied the test city's card key into its set would accept cards that anybody can sign."""

    def own_key(label: str) -> issuing.SigningKey:
        if label == "card-1":
            return public_signing_key(label)
        return issuing.SigningKey(hashlib.sha256(f"private {label}".encode()).digest())

    def offered(city: TestCity) -> str:
        bundle = city.bundle()
        installed = trust.open_root(city.root(), verify)
        try:
            trust.open_bundle(BytesReader(bundle), len(bundle), installed, epoch_s(START), verify)
        except TrustError as error:
            return error.reason
        return "ok"

    private = TestCity("a-city", signing_key=lambda label: own_key("own " + label))
    assert offered(private) == "ok"
    assert offered(TestCity("a-city", signing_key=own_key)) == reasons.TEST_CITY


@pytest.mark.parametrize("bundle", [SECOND, UNDER_ROOT2], ids=["one root", "two roots"])
@given(data=st.data())
def test_no_single_change_gets_through(bundle: bytes, data: st.DataObject) -> None:
    """Whatever byte is changed, cut or added: refused, or what it says is what the city said.

    The latter for the signatures of the first root, which a person believed by its fingerprint.
    """
    at = data.draw(st.integers(0, len(bundle) - 1))
    how = data.draw(st.sampled_from(["change", "cut", "insert", "end"]))
    byte = bytes([data.draw(st.integers(0, 255))])
    changed = {
        "change": bundle[:at] + byte + bundle[at + 1 :],
        "cut": bundle[:at] + bundle[at + 1 :],
        "insert": bundle[:at] + byte + bundle[at:],
        "end": bundle[:at],
    }[how]
    installed = trust.open_root(ROOT1, verify, allow_test_city=True)
    untouched = install(bundle, installed, 12)
    try:
        offer, bits = install(changed, installed, 12)
    except TrustError:
        return
    assert snapshot(offer.installed) == snapshot(untouched[0].installed)
    assert bits == untouched[1]
