"""The two tokens that people carry, card and voucher: fixed layouts of a COSE_Sign1 CWT (docs/format.md).

`parse_card` and `parse_voucher` read the layout byte by byte, in a tenth of the time of a general decoder, and take
exactly what `cose.parse_sign1` and the claims' rules would take; the tests hold the two against each other.
"""

from struct import unpack_from

from .calendar import DAY_S, is_quarter_start

MAX_TOKEN_SIZE = 105
MAX_DIGITS = 255

CLAIM_EXP = 4
CLAIM_CARD = -65537
CLAIM_VOUCHER = -65538

NO_AGE_CLASS, CHILD, YOUTH, SENIOR = range(4)
AGE_CLASS_NAMES = ("", "child", "youth", "senior")
# Years stand on a grid, so that a card narrows its holder's birth to two years at best.
UNTIL_YEAR_STEP = 2
FIRST_UNTIL_YEAR = 2024
LAST_UNTIL_YEAR = 2098
MAX_CAMPAIGN = 0xFFFF

_HEAD = b"\xd2\x84\x46\xa2\x01\x32\x04\x41"
_KID_AT = 8
_UNPROTECTED_AT = 9
_PAYLOAD_AT = 10
_CLAIMS = b"\xa2\x04\x1a"
_CARD_LABEL = b"\x3a\x00\x01\x00\x00"
_VOUCHER_LABEL = b"\x3a\x00\x01\x00\x01"
_SIGNATURE_HEAD = b"\x58\x40"
_SIGNATURE_SIZE = 64
_MESSAGE_HEAD = b"\x84\x6aSignature1"
_SMALLEST = 90
# The least value that four bytes encode in the shortest form.
_FIRST_EXP = 0x10000


class Card:
    """The claims of a well-formed card; nothing is verified yet. It has no `repr` that tells them."""

    __slots__ = ("age_class", "exp", "index", "kid", "message", "signature", "until_year")

    def __init__(
        self, kid: int, exp: int, index: int, age_class: int, until_year: int, message: bytes, signature: bytes
    ) -> None:
        self.kid = kid
        self.exp = exp
        self.index = index
        self.age_class = age_class
        self.until_year = until_year
        self.message = message
        self.signature = signature


class Voucher:
    """The claims of a well-formed voucher; nothing is verified yet. ``value`` is in cents."""

    __slots__ = ("campaign", "exp", "index", "kid", "message", "signature", "value")

    def __init__(
        self, kid: int, exp: int, campaign: int, index: int, value: int, message: bytes, signature: bytes
    ) -> None:
        self.kid = kid
        self.exp = exp
        self.campaign = campaign
        self.index = index
        self.value = value
        self.message = message
        self.signature = signature


def parse_card(data: bytes) -> "Card | None":
    """Return the card that ``data`` is, or None. Never raises."""
    at, end = _claim_span(data, _CARD_LABEL)
    if not end:
        return None
    exp = unpack_from(">I", data, at - 9)[0]
    count = data[at] - 0x80
    index, at = _uint(data, at + 1)
    age_class = NO_AGE_CLASS
    until_year = 0
    if count > 1:
        age_class, at = _uint(data, at)
        if count > 2:
            until_year, at = _uint(data, at)
    if at != end or index < 0 or not is_age(count, age_class, until_year):
        return None
    if exp < _FIRST_EXP or not is_quarter_start(exp):
        return None
    return Card(data[_KID_AT], exp, index, age_class, until_year, _message(data, end), data[end + 2 :])


def parse_voucher(data: bytes) -> "Voucher | None":
    """Return the voucher that ``data`` is, or None. Never raises."""
    at, end = _claim_span(data, _VOUCHER_LABEL)
    if not end or data[at] != 0x83:
        return None
    exp = unpack_from(">I", data, at - 9)[0]
    campaign, at = _uint(data, at + 1)
    index, at = _uint(data, at)
    value, at = _uint(data, at)
    if at != end or campaign < 1 or campaign > MAX_CAMPAIGN or index < 0 or value < 1:
        return None
    if exp < _FIRST_EXP or exp % DAY_S:
        return None
    return Voucher(data[_KID_AT], exp, campaign, index, value, _message(data, end), data[end + 2 :])


def is_age(count: int, age_class: int, until_year: int) -> bool:
    """Tell whether a card claim of ``count`` elements may carry this age class and year."""
    if count == 3:
        grid = FIRST_UNTIL_YEAR <= until_year <= LAST_UNTIL_YEAR and not until_year % UNTIL_YEAR_STEP
        return grid and (age_class == CHILD or age_class == YOUTH)
    return count == 1 or (count == 2 and age_class == SENIOR)


def _claim_span(data: bytes, label: bytes) -> "tuple[int, int]":
    """Return where the claim begins and the payload ends, or (0, 0) where ``data`` has another layout."""
    size = len(data)
    if size > MAX_TOKEN_SIZE or not data.startswith(_HEAD) or size < _SMALLEST:
        return 0, 0
    at = _PAYLOAD_AT + 1
    length = data[_PAYLOAD_AT] - 0x40
    if length == 24:
        length = data[at]
        at += 1
        if length < 24:
            return 0, 0
    elif length < 0 or length > 24:
        return 0, 0
    end = at + length
    if size != end + 2 + _SIGNATURE_SIZE or not data.startswith(_SIGNATURE_HEAD, end):
        return 0, 0
    if data[_UNPROTECTED_AT] != 0xA0 or not data.startswith(_CLAIMS, at) or not data.startswith(label, at + 7):
        return 0, 0
    return at + 12, end


def _uint(data: bytes, at: int) -> "tuple[int, int]":
    """Return (value, offset behind it) of the shortest-form CBOR integer of at most 32 bits at ``at``, or (-1, at)."""
    low = data[at]
    if low < 24:
        return low, at + 1
    if low == 0x1A:
        value = unpack_from(">I", data, at + 1)[0]
        return (value, at + 5) if value > 0xFFFF else (-1, at)
    if low == 0x19:
        value = data[at + 1] << 8 | data[at + 2]
        return (value, at + 3) if value > 0xFF else (-1, at)
    if low == 0x18 and data[at + 1] > 23:
        return data[at + 1], at + 2
    return -1, at


def _message(data: bytes, end: int) -> bytes:
    """What the key signed (RFC 9052, section 4.4), cut from the token itself."""
    return b"".join((_MESSAGE_HEAD, data[2:_UNPROTECTED_AT], b"\x40", data[_PAYLOAD_AT:end]))
