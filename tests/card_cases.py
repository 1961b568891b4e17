"""What people may hold in front of a scanner, generated: cards, and what is nearly one.

Each function below is a kind of case and says in its name what it makes; `KINDS` says how often. A case is a text, the
time at which it is scanned and the grace of the place. The same seed gives the same cases.

The bundle is of 20 December 2026 and runs past New Year, when a quarter ends and so does a year of an age class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from ardente.core import cbor, cose, encode
from ardente.core.token import CHILD, CLAIM_CARD, CLAIM_EXP, NO_AGE_CLASS, SENIOR, YOUTH
from ardente.issuing import SigningKey, to_digits
from ardente.testing import TestCity
from ardente.testing._city import CARD_KIDS, ENTRIES, KEY_LABELS, REVOKED, VOUCHER_KIDS

NEW_YEAR = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp())
DAY_S = 86400
ISSUED = datetime(2026, 12, 20, tzinfo=UTC)
IAT = int(ISSUED.timestamp())
LIFETIME = timedelta(days=45)
EXP = IAT + 45 * DAY_S
GATE_GRACE_S, DESK_GRACE_S = 0, 14 * DAY_S
# The group's order and the field's prime, for signatures that say the same in other bytes.
L = 2**252 + 27742317777372353535851937790883648493
P = 2**255 - 19
SMALL_ORDER = (
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    (P - 1).to_bytes(32, "little"),
    P.to_bytes(32, "little"),
    (P + 1).to_bytes(32, "little"),
    b"\x01" + bytes(30) + b"\x80",
)

FRESH = [IAT, IAT + 1, NEW_YEAR - 1, NEW_YEAR, NEW_YEAR + 1, IAT + 30 * DAY_S, EXP - 1]
# A clock that was set back, and a bundle that grows stale.
OTHER_TIMES = [
    *(0, IAT - 365 * DAY_S, IAT - 1, EXP, EXP + 1, EXP + 7 * DAY_S, EXP + DESK_GRACE_S - 1, EXP + DESK_GRACE_S),
    *(EXP + DESK_GRACE_S + 1, EXP + 31 * DAY_S, EXP + 3650 * DAY_S),
]
# Quarters that end long ago, last quarter, at New Year, next spring, and at the last moment there is.
QUARTERS = [
    int(datetime(year, month, 1, tzinfo=UTC).timestamp())
    for year, month in ((2025, 4), (2026, 10), (2027, 1), (2027, 4), (2030, 7), (2099, 1))
]
VALID_QUARTERS = QUARTERS[3:]
NOT_REVOKED = sorted(set(range(ENTRIES)) - REVOKED["card-1"] - REVOKED["card-2"])


def _key_of_another_city(label: str) -> SigningKey:
    return SigningKey(bytes([KEY_LABELS.index(label) + 1]) * 32)


CITY = TestCity()
OTHER_CITY = TestCity("other-city", signing_key=_key_of_another_city)
ROOT = CITY.root()
BUNDLE = CITY.bundle(iat=ISSUED)


@dataclass(frozen=True)
class Case:
    kind: str
    text: str
    now: int
    grace_s: int


@dataclass
class Card:
    """A card in layers, so that one of them can be spoilt: each is bytes of the token."""

    protected: bytes
    unprotected: bytes
    payload: bytes
    signature: bytes
    head: bytes = cose.SIGN1_TAG + b"\x84"

    @property
    def token(self) -> bytes:
        protected, payload, signature = map(cbor.encode_bytes, (self.protected, self.payload, self.signature))
        return self.head + protected + self.unprotected + payload + signature

    @property
    def text(self) -> str:
        return to_digits(self.token)


def claims(random: Random, *, index: int | None = None, exp: int | None = None) -> bytes:
    """The claims of a card that is in order, with or without an age class."""
    if index is None:
        index = random.choice(NOT_REVOKED)
    age_class = random.choice([NO_AGE_CLASS, CHILD, YOUTH, SENIOR])
    until_year = random.choice([2024, 2026, 2028, 2098]) if age_class in (CHILD, YOUTH) else 0
    return encode.card_payload(exp or random.choice(VALID_QUARTERS), index, age_class, until_year)


def signed(
    payload: bytes,
    *,
    key: SigningKey | None = None,
    kid: int = 1,
    protected: bytes | None = None,
    city: TestCity = CITY,
) -> Card:
    """Sign claims, however odd, as a city would."""
    protected = encode.token_protected(kid) if protected is None else protected
    key = key or city.key("card-1")
    return Card(protected, b"\xa0", payload, key.sign(cose.sign1_message(protected, payload)))


def issued(random: Random) -> Card:
    kid = random.choice(list(CARD_KIDS.values())[:2])
    return signed(claims(random), key=CITY.key(f"card-{kid}"), kid=kid)


# In order.


def a_good_card(random: Random) -> str:
    return issued(random).text


def a_card_of_any_quarter(random: Random) -> str:
    return signed(claims(random, exp=random.choice(QUARTERS))).text


# Refused by the city's own data.


def a_revoked_card(random: Random) -> str:
    label = random.choice(["card-1", "card-2"])
    payload = claims(random, index=random.choice(sorted(REVOKED[label])))
    return signed(payload, key=CITY.key(label), kid=CARD_KIDS[label]).text


def a_card_beside_a_revoked_one(random: Random) -> str:
    return signed(claims(random, index=random.choice(sorted(REVOKED["card-1"])) + random.choice([-8, -1, 1, 8]))).text


def an_index_out_of_range(random: Random) -> str:
    return signed(claims(random, index=random.choice([ENTRIES, ENTRIES + 1, 1 << 16, 1 << 31, (1 << 32) - 1]))).text


def an_exp_past_the_last_of_the_key(random: Random) -> str:
    return signed(claims(random, exp=int(datetime(2099, 4, 1, tzinfo=UTC).timestamp()))).text


def a_key_that_is_not_in_the_set(random: Random) -> str:
    kid = random.choice([0, 3, 8, 24, 255])
    return signed(claims(random), key=CITY.key("card-3"), kid=kid).text


def the_kid_of_a_voucher_key(random: Random) -> str:
    kid = VOUCHER_KIDS["voucher-1"]
    return signed(claims(random), key=CITY.key("voucher-1"), kid=kid).text


def a_voucher_at_the_gate(random: Random) -> str:
    return CITY.voucher_text(random.randrange(ENTRIES), random.choice([500, 1000, 2000]))


# Signed by somebody else, or not at all.


def a_card_of_another_city(random: Random) -> str:
    return signed(claims(random), city=OTHER_CITY).text


def a_card_under_the_kid_of_another_key(random: Random) -> str:
    return signed(claims(random), key=CITY.key("card-2"), kid=1).text


def a_signature_from_another_card(random: Random) -> str:
    card = issued(random)
    card.signature = signed(claims(random)).signature
    return card.text


def claims_from_another_card(random: Random) -> str:
    card = signed(claims(random))
    card.payload = claims(random, index=random.randrange(ENTRIES))
    return card.text


def a_bit_of_the_signature_changed(random: Random) -> str:
    card = issued(random)
    card.signature = _flip(random, card.signature)
    return card.text


def s_plus_the_order_of_the_group(random: Random) -> str:
    card = issued(random)
    s = int.from_bytes(card.signature[32:], "little") + L * random.choice([1, 2, 8])
    card.signature = card.signature[:32] + s.to_bytes(33, "little")[:32]
    return card.text


def an_r_of_small_order(random: Random) -> str:
    card = issued(random)
    card.signature = random.choice(SMALL_ORDER) + random.choice([card.signature[32:], bytes(32)])
    return card.text


def an_r_that_is_not_canonical(random: Random) -> str:
    card = issued(random)
    card.signature = (P + random.randrange(2, 19)).to_bytes(32, "little") + card.signature[32:]
    return card.text


def a_signature_of_zeros_or_noise(random: Random) -> str:
    card = issued(random)
    card.signature = random.choice([bytes(64), b"\xff" * 64, random.randbytes(64)])
    return card.text


# Signed by the city, and not what a card looks like.


def an_exp_that_begins_no_quarter(random: Random) -> str:
    exp = random.choice(VALID_QUARTERS) + random.choice([-1, 1, DAY_S, -DAY_S, 31 * DAY_S])
    return signed(claims(random, exp=exp)).text


def an_age_class_that_there_is_not(random: Random) -> str:
    claim = [
        random.randrange(ENTRIES),
        *random.choice([(0,), (4,), (1,), (2,), (3, 2030), (1, 2031), (2, 2022), (1, 2100)]),
    ]
    return signed(cbor.encode({CLAIM_EXP: random.choice(VALID_QUARTERS), CLAIM_CARD: claim})).text


def claims_too_many_too_few_or_others(random: Random) -> str:
    exp, index = random.choice(VALID_QUARTERS), random.randrange(ENTRIES)
    odd = [
        {CLAIM_CARD: [index]},
        {CLAIM_EXP: exp},
        {CLAIM_EXP: exp, CLAIM_CARD: []},
        {CLAIM_EXP: exp, CLAIM_CARD: index},
        {CLAIM_EXP: exp, CLAIM_CARD - 2: [index]},
        {CLAIM_EXP: exp, 6: 1, CLAIM_CARD: [index]},
        {CLAIM_EXP: str(exp), CLAIM_CARD: [index]},
        {CLAIM_EXP: exp, CLAIM_CARD: [index, SENIOR, 0]},
        {CLAIM_EXP: exp, CLAIM_CARD: [-1 - index]},
        {CLAIM_EXP: exp, CLAIM_CARD: [index, 1, 2030, 0]},
    ]
    return signed(cbor.encode(random.choice(odd))).text


def an_integer_longer_than_needed(random: Random) -> str:
    index = random.randrange(24)
    payload = encode.card_payload(random.choice(VALID_QUARTERS), index)
    return signed(payload[:-1] + random.choice([b"\x18", b"\x19\0", b"\x1a\0\0\0"]) + bytes([index])).text


def an_indefinite_length(random: Random) -> str:
    payload = claims(random)
    return signed(random.choice([b"\xbf" + payload[1:] + b"\xff", payload.replace(b"\x81", b"\x9f") + b"\xff"])).text


def another_header(random: Random) -> str:
    protected = random.choice(
        [
            cbor.encode({1: -8, 4: b"\x01"}),
            cbor.encode({1: -19}),
            cbor.encode({1: -19, 4: b"\x01\x01"}),
            cbor.encode({1: -19, 2: [4], 4: b"\x01"}),
            b"",
        ]
    )
    return signed(claims(random), protected=protected).text


def something_in_the_unprotected_header(random: Random) -> str:
    card = issued(random)
    card.unprotected = random.choice([b"\xa1\x04\x41\x01", b"\xa1\x05\x40", b"\xbf\xff", b"\x80", b""])
    return card.text


def another_tag(random: Random) -> str:
    card = issued(random)
    card.head = random.choice(
        [b"\x84", b"\xd8\x3d\xd2\x84", b"\xd8\x12\x84", b"\xd2\x9f", b"\xd8\x62\x84", b"\xd2\x85"]
    )
    return card.text


def a_signature_of_another_length(random: Random) -> str:
    card = issued(random)
    card.signature = random.choice([b"", card.signature[:63], card.signature + b"\0", card.signature * 2])
    return card.text


def bytes_behind_or_before(random: Random) -> str:
    token, more = issued(random).token, random.randbytes(random.randrange(1, 8))
    return to_digits(random.choice([token + more, more + token, token + b"\0"]))


# Spoilt on the way.


def a_bit_of_the_token_changed(random: Random) -> str:
    return to_digits(_flip(random, issued(random).token))


def a_token_cut_short(random: Random) -> str:
    token = issued(random).token
    return to_digits(token[: random.randrange(len(token))])


def a_digit_changed(random: Random) -> str:
    text = issued(random).text
    at = random.randrange(len(text))
    return text[:at] + random.choice("0123456789") + text[at + 1 :]


def two_digits_swapped(random: Random) -> str:
    text = issued(random).text
    at = random.randrange(len(text) - 1)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def two_parts_swapped(random: Random) -> str:
    text = issued(random).text
    a, b, c = sorted(random.sample(range(len(text)), 3))
    return text[:a] + text[b:c] + text[a:b] + text[c:]


def digits_lost_or_doubled(random: Random) -> str:
    text = issued(random).text
    at, size = random.randrange(len(text)), random.choice([1, 2, 17, 34])
    return random.choice([text[:at] + text[at + size :], text[: at + size] + text[at:], text * 2])


def digits_whose_value_does_not_fit(random: Random) -> str:
    text = issued(random).text
    at = random.randrange(len(text) // 17) * 17
    return text[:at] + str(random.randrange(1 << 56, 10**17)) + text[at + 17 :]


def the_tail_that_does_not_fit(random: Random) -> str:
    text = issued(random).text
    whole = len(text) - len(text) % 17
    return text[:whole] + "9" * len(text[whole:])


def a_character_that_is_no_digit(random: Random) -> str:
    text = issued(random).text
    at = random.randrange(1, len(text) - 1)
    # Digits of other scripts, and what int() lets pass.
    return text[:at] + random.choice([*"aZ-+_. \0\n", "\u0663", "\uff13", "\u00b2", "\U0001d7d1"]) + text[at + 1 :]


# Never was one.


def digits_at_random(random: Random) -> str:
    return "".join(random.choices("0123456789", k=random.choice([*range(215, 260), 0, 1, 13, 17, 1000])))


def another_code(random: Random) -> str:
    return random.choice(
        [
            "",
            "https://restaurant.example/menu",
            "5449000000996",
            "WIFI:S:guest;;",
            "\u00e0&\u00e9\"'(",
            "HC1:" + "A" * 220,
        ]
    )


def a_card_in_another_writing(random: Random) -> str:
    token = issued(random).token
    return random.choice([token.hex(), str(int.from_bytes(token, "big")), token.decode("latin-1")])


def a_document_of_the_city(random: Random) -> str:
    return to_digits(random.choice([ROOT, BUNDLE])[: random.choice([90, 96, 105, 300])])


Make = Callable[[Random], str]

# Of 100: some 45 reach a signature, the rest end before it.
KINDS: dict[Make, int] = {
    a_good_card: 14,
    a_card_of_any_quarter: 6,
    a_revoked_card: 4,
    a_card_beside_a_revoked_one: 2,
    an_index_out_of_range: 2,
    an_exp_past_the_last_of_the_key: 1,
    a_key_that_is_not_in_the_set: 2,
    the_kid_of_a_voucher_key: 1,
    a_voucher_at_the_gate: 2,
    a_card_of_another_city: 2,
    a_card_under_the_kid_of_another_key: 1,
    a_signature_from_another_card: 1,
    claims_from_another_card: 1,
    a_bit_of_the_signature_changed: 2,
    s_plus_the_order_of_the_group: 2,
    an_r_of_small_order: 2,
    an_r_that_is_not_canonical: 1,
    a_signature_of_zeros_or_noise: 1,
    an_exp_that_begins_no_quarter: 2,
    an_age_class_that_there_is_not: 2,
    claims_too_many_too_few_or_others: 2,
    an_integer_longer_than_needed: 2,
    an_indefinite_length: 2,
    another_header: 2,
    something_in_the_unprotected_header: 2,
    another_tag: 2,
    a_signature_of_another_length: 2,
    bytes_behind_or_before: 2,
    a_bit_of_the_token_changed: 6,
    a_token_cut_short: 2,
    a_digit_changed: 6,
    two_digits_swapped: 4,
    two_parts_swapped: 2,
    digits_lost_or_doubled: 3,
    digits_whose_value_does_not_fit: 2,
    the_tail_that_does_not_fit: 1,
    a_character_that_is_no_digit: 3,
    digits_at_random: 2,
    another_code: 1,
    a_card_in_another_writing: 2,
    a_document_of_the_city: 1,
}


def cases(seed: int, count: int) -> list[Case]:
    """`count` cases, the same for a seed: every kind at least once where there are enough."""
    random = Random(seed)
    kinds = [*KINDS, *random.choices(list(KINDS), list(KINDS.values()), k=count)][:count]
    return [_case(random, make) for make in kinds]


def _case(random: Random, make: Make) -> Case:
    now = random.choice(FRESH if random.random() < 0.8 else OTHER_TIMES)
    grace_s = random.choice([GATE_GRACE_S, DESK_GRACE_S])
    return Case(make.__name__, make(random), now, grace_s)


def _flip(random: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)
