"""The public test city: fixed keys, a root signed by two of three, three lists with a few revoked entries."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from ardente import issuing
from ardente.core import cose, encode
from ardente.core.keys import USE_CARD, USE_VOUCHER, KeySet, StatusKey, TokenKey
from ardente.core.manifest import BEARER_CITY, Campaign
from ardente.core.root import ROLE_BUNDLE, ROLE_FIRMWARE, ROLE_ROOT, Role, Root
from ardente.core.token import NO_AGE_CLASS
from ardente.issuing import SigningKey
from ardente.testing._clock import START

KEY_LABELS = (
    *(f"root-{number}" for number in range(1, 6)),
    *(f"bundle-{number}" for number in range(1, 4)),
    *(f"firmware-{number}" for number in range(1, 3)),
    *(f"card-{number}" for number in range(1, 4)),
    *(f"voucher-{number}" for number in range(1, 3)),
    *(f"status-{number}" for number in range(1, 3)),
)

CARD_KIDS: Mapping[str, int] = MappingProxyType({"card-1": 1, "card-2": 2, "card-3": 3})
VOUCHER_KIDS: Mapping[str, int] = MappingProxyType({"voucher-1": 9, "voucher-2": 10})
ENTRIES = 1024
REVOKED: Mapping[str, frozenset[int]] = MappingProxyType(
    {
        "card-1": frozenset({77, 512, 1000}),
        "card-2": frozenset({5, 640}),
        "voucher-1": frozenset({404}),
    }
)

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
END = datetime(2099, 1, 1, tzinfo=UTC)
LIFETIME = timedelta(days=45)

RUNNING, COMING, CLOSED = 1, 2, 3


def public_signing_key(label: str) -> SigningKey:
    """Return the key of the test city that ``label`` names, one of `KEY_LABELS`. Everybody has it."""
    if label not in KEY_LABELS:
        raise KeyError(label)
    return SigningKey(hashlib.sha256(f"public test city, key {label}".encode()).digest())


class TestCity:
    """Makes what a city makes, signed with keys that everybody has. The same arguments give the same bytes.

    Keys are named by their labels (`KEY_LABELS`). Times are aware datetimes. ``signing_key`` finds the key of a label;
    a test of the trust rules may hand in one of its own, for a city whose keys are not public.
    """

    __test__ = False  # not a test case, whatever pytest makes of its name

    def __init__(
        self, name: str = "test-city", *, signing_key: Callable[[str], SigningKey] = public_signing_key
    ) -> None:
        self.name = name
        self.key = signing_key

    def root(
        self,
        version: int = 1,
        *,
        iat: datetime = BEGIN,
        exp: datetime = END,
        root_keys: Sequence[str] = ("root-1", "root-2", "root-3"),
        bundle_keys: Sequence[str] = ("bundle-1", "bundle-2"),
        firmware_keys: Sequence[str] = ("firmware-1",),
        root_threshold: int = 2,
        bundle_threshold: int = 1,
        firmware_threshold: int = 1,
        signers: Sequence[str] = ("root-1", "root-2"),
    ) -> bytes:
        """Return a root. The first is signed by two of its three root keys; so is the next, by any two of them."""
        roles = {
            ROLE_ROOT: self._role(root_threshold, root_keys),
            ROLE_BUNDLE: self._role(bundle_threshold, bundle_keys),
            ROLE_FIRMWARE: self._role(firmware_threshold, firmware_keys),
        }
        payload = encode.root_payload(Root(self.name, version, _epoch_s(iat), _epoch_s(exp), roles))
        return issuing.sign_document(cose.TYP_ROOT, payload, [self.key(label) for label in signers])

    def bundle(
        self,
        version: int = 1,
        *,
        iat: datetime = START,
        exp: datetime | None = None,
        chain: Sequence[bytes] = (),
        signers: Sequence[str] = ("bundle-1",),
        cards: Sequence[str] = ("card-1", "card-2"),
        vouchers: Sequence[str] = ("voucher-1",),
        status_key: str = "status-1",
        revoked: Mapping[str, frozenset[int]] = REVOKED,
    ) -> bytes:
        """Return a bundle. ``exp`` is 45 days after ``iat``, ``chain`` the first root alone, unless given.

        ``cards`` and ``vouchers`` are the keys in use, ``revoked`` the revoked indices of each.
        """
        lists = {
            self.list_uri(label): self.status_list(
                label, revoked.get(label, frozenset()), iat=iat, exp=exp or iat + LIFETIME, status_key=status_key
            )
            for label in (*cards, *vouchers)
        }
        return issuing.bundle(
            [self.key(label) for label in signers],
            chain or (self.root(),),
            lists,
            city=self.name,
            version=version,
            iat=_epoch_s(iat),
            exp=_epoch_s(exp or iat + LIFETIME),
            key_set=self.key_set(cards, vouchers, status_key),
            campaigns=self.campaigns(),
        )

    def status_list(
        self,
        label: str,
        revoked: frozenset[int],
        *,
        iat: datetime = START,
        exp: datetime | None = None,
        status_key: str = "status-1",
    ) -> bytes:
        """Return the status list of the card or voucher key ``label``, in which ``revoked`` are revoked."""
        bits = bytearray(ENTRIES // 8)
        for index in revoked:
            bits[index >> 3] |= 1 << (index & 7)
        until = exp or iat + LIFETIME
        return issuing.status_list(
            self.key(status_key), self.list_uri(label), _epoch_s(iat), _epoch_s(until), 86400, bytes(bits)
        )

    def key_set(
        self,
        cards: Sequence[str] = ("card-1", "card-2"),
        vouchers: Sequence[str] = ("voucher-1",),
        status_key: str = "status-1",
    ) -> KeySet:
        """Return the keys that a bundle names."""
        tokens = {}
        for use, kids, labels in ((USE_CARD, CARD_KIDS, cards), (USE_VOUCHER, VOUCHER_KIDS, vouchers)):
            for label in labels:
                key = self.key(label)
                tokens[kids[label]] = TokenKey(
                    kids[label], use, key.public_key, _epoch_s(END), self.list_uri(label), ENTRIES
                )
        signer = self.key(status_key)
        uris = sorted(self.list_uri(label) for label in (*cards, *vouchers))
        return KeySet(tokens, [StatusKey(signer.key_id, signer.public_key, uris)])

    def campaigns(self) -> list[Campaign]:
        """Return its campaigns: one that runs until 2099, one that begins in 2098, one that closed with 2024."""
        return [
            _campaign(RUNNING, "Test vouchers", BEGIN, END),
            _campaign(COMING, "Test vouchers, not yet valid", datetime(2098, 1, 1, tzinfo=UTC), END),
            _campaign(CLOSED, "Test vouchers, closed", datetime(2024, 1, 1, tzinfo=UTC), BEGIN),
        ]

    def list_uri(self, label: str) -> str:
        """Return the URI of the status list of the card or voucher key ``label``."""
        return f"https://{self.name}.example/status/{label}"

    def card(
        self,
        index: int,
        *,
        exp: datetime = END,
        age_class: int = NO_AGE_CLASS,
        until_year: int = 0,
        key: str = "card-1",
    ) -> bytes:
        """Return the bytes of a card; ``exp`` is the start of a quarter. `card_text` gives its digits."""
        return issuing.card(self.key(key), CARD_KIDS[key], _epoch_s(exp), index, age_class, until_year)

    def card_text(
        self,
        index: int,
        *,
        exp: datetime = END,
        age_class: int = NO_AGE_CLASS,
        until_year: int = 0,
        key: str = "card-1",
    ) -> str:
        """Return what the QR code of a card says."""
        return issuing.to_digits(self.card(index, exp=exp, age_class=age_class, until_year=until_year, key=key))

    def voucher(
        self, index: int, value: int, *, campaign: int = RUNNING, exp: datetime = END, key: str = "voucher-1"
    ) -> bytes:
        """Return the bytes of a voucher of ``value`` cents; ``index`` is its serial, ``exp`` the start of a day."""
        return issuing.voucher(self.key(key), VOUCHER_KIDS[key], _epoch_s(exp), campaign, index, value)

    def voucher_text(
        self, index: int, value: int, *, campaign: int = RUNNING, exp: datetime = END, key: str = "voucher-1"
    ) -> str:
        """Return what the QR code of a voucher says."""
        return issuing.to_digits(self.voucher(index, value, campaign=campaign, exp=exp, key=key))

    def _role(self, threshold: int, labels: Sequence[str]) -> Role:
        return Role(threshold, [self.key(label).public_key for label in labels])


def _campaign(number: int, name: str, start: datetime, end: datetime) -> Campaign:
    values = [500, 1000, 2000]
    offline = (20, 20_000, 86_400)
    kid = VOUCHER_KIDS["voucher-1"]
    return Campaign(number, name, "EUR", values, _epoch_s(start), _epoch_s(end), True, BEARER_CITY, [], offline, kid)


def _epoch_s(time: datetime) -> int:
    return int(time.timestamp())
