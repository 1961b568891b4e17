"""The key set of a manifest: which key may sign cards, vouchers or status lists, and how far.

A COSE_KeySet (RFC 9052, section 7) of OKP keys. Each key has one use; keys stand in ascending order of their encoded
`kid`, and no public key, `kid` or list stands twice.
"""

from . import cbor
from .cose import ED25519, key_id
from .errors import FormatError
from .fields import byte_string, exact_labels, number, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

USE_CARD, USE_VOUCHER, USE_STATUS = 1, 2, 3
MAX_ENTRIES = 1 << 24

KTY, KID, ALG, CRV, X = 1, 2, 3, -1, -2
KTY_OKP, CRV_ED25519 = 1, 6
USE, LATEST_EXP, LIST_URI, ENTRIES, LIST_URIS = -65539, -65540, -65541, -65542, -65543
_COMMON = (KTY, KID, ALG, CRV, X, USE)
_MAX_URI = 96


class TokenKey:
    """A key that signs cards or vouchers: until which `exp` (epoch seconds), and which entries of which list."""

    def __init__(self, kid: int, use: int, public_key: bytes, latest_exp: int, list_uri: str, entries: int) -> None:
        self.kid = kid
        self.use = use
        self.public_key = public_key
        self.latest_exp = latest_exp
        self.list_uri = list_uri
        self.entries = entries


class StatusKey:
    """A key that signs the status lists of ``list_uris``."""

    def __init__(self, kid: bytes, public_key: bytes, list_uris: "list[str]") -> None:
        self.kid = kid
        self.public_key = public_key
        self.list_uris = list_uris


class KeySet:
    """The keys of one manifest. ``tokens`` is by `kid`; the lists' URIs are those of the token keys, in order."""

    def __init__(self, tokens: "dict[int, TokenKey]", status: "list[StatusKey]") -> None:
        self.tokens = tokens
        self.status = status

    def public_keys(self) -> "list[bytes]":
        """All its keys."""
        return [key.public_key for key in list(self.tokens.values()) + self.status]

    def list_uris(self) -> "list[str]":
        """The URIs of all lists, ascending."""
        return sorted([key.list_uri for key in self.tokens.values()])

    def by_list(self, uri: str) -> "TokenKey | None":
        """The key whose cards or vouchers the list of ``uri`` is about."""
        for key in self.tokens.values():
            if key.list_uri == uri:
                return key
        return None

    def signs_list(self, kid: bytes, uri: str) -> "StatusKey | None":
        """The status key ``kid`` if it may sign the list of ``uri``."""
        for key in self.status:
            if key.kid == kid and uri in key.list_uris:
                return key
        return None


def parse_key_set(value: "Any") -> KeySet:
    """Return the key set that a decoded CBOR ``value`` is. Raises `FormatError`."""
    if not isinstance(value, list) or not value:
        raise FormatError("A key set is a list of keys.")
    tokens = {}
    status = []
    public_keys = set()
    uris = set()
    previous = b""
    for item in value:
        kid, public_key, use = _common(item)
        encoded_kid = cbor.encode_bytes(kid)
        if encoded_kid <= previous or public_key in public_keys:
            raise FormatError("A key set has keys that are doubled or not in order.")
        previous = encoded_kid
        public_keys.add(public_key)
        if use == USE_STATUS:
            status.append(_status_key(item, kid, public_key))
            continue
        key = _token_key(item, kid, use, public_key)
        if key.list_uri in uris:
            raise FormatError("A key set has one list under two keys.")
        uris.add(key.list_uri)
        tokens[key.kid] = key
    for status_key in status:
        for uri in status_key.list_uris:
            if uri not in uris:
                raise FormatError("A key set has a status key for a list that no key uses.")
    return KeySet(tokens, status)


def _common(item: "Any") -> "tuple[bytes, bytes, int]":
    if not isinstance(item, dict):
        raise FormatError("A key is a map.")
    if item.get(KTY) != KTY_OKP or item.get(ALG) != ED25519 or item.get(CRV) != CRV_ED25519:
        raise FormatError("A key is an OKP key for Ed25519.")
    kid = item.get(KID)
    use = item.get(USE)
    if not isinstance(kid, bytes):
        raise FormatError("A key has a kid.")
    if use != USE_CARD and use != USE_VOUCHER and use != USE_STATUS:
        raise FormatError("A key has one of the three uses.")
    return kid, byte_string(item.get(X), 32), use


def _token_key(item: "dict[int, Any]", kid: bytes, use: int, public_key: bytes) -> TokenKey:
    exact_labels(item, _COMMON + (LATEST_EXP, LIST_URI, ENTRIES))
    if len(kid) != 1:
        raise FormatError("The kid of a card or voucher key is one byte.")
    entries = number(item[ENTRIES], 8, MAX_ENTRIES)
    if entries % 8:
        raise FormatError("A list has a multiple of eight entries.")
    return TokenKey(kid[0], use, public_key, number(item[LATEST_EXP], 0, 0xFFFFFFFF), _uri(item[LIST_URI]), entries)


def _status_key(item: "dict[int, Any]", kid: bytes, public_key: bytes) -> StatusKey:
    exact_labels(item, _COMMON + (LIST_URIS,))
    if kid != key_id(public_key):
        raise FormatError("The kid of a status key is not that of its key.")
    uris = item[LIST_URIS]
    if not isinstance(uris, list) or not uris:
        raise FormatError("A status key has the URIs of its lists.")
    previous = ""
    for uri in uris:
        if _uri(uri) <= previous:
            raise FormatError("A status key has URIs that are doubled or not in order.")
        previous = uri
    return StatusKey(kid, public_key, uris)


def _uri(value: "Any") -> str:
    return text(value, _MAX_URI)
