"""The fixed-layout parsers of card and voucher take exactly what the general strict decoder and the rules take."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ardente.core import cbor, cose, digits, encode, token
from ardente.core.errors import FormatError
from ardente.core.token import parse_card, parse_voucher
from ardente.core.verdict import _age_class
from ardente.testing import TestCity
from interpreters import PROJECT

U32 = 0xFFFFFFFF


# The rules of docs/format.md, read slowly.
def reference(data: bytes, label: int) -> tuple[int, int, list[int], bytes, bytes] | None:
    """(kid, exp, claim, message, signature) of a token whose one claim beside `exp` is `label`, or None."""
    try:
        envelope = cose.parse_sign1(data)
        claims = cbor.decode(envelope.payload)
    except FormatError:
        return None
    header = envelope.header
    if len(data) > 105 or set(header) != {1, 4} or not isinstance(header[4], bytes) or len(header[4]) != 1:
        return None
    if not isinstance(claims, dict) or set(claims) != {4, label}:
        return None
    exp, claim = claims[4], claims[label]
    if not isinstance(exp, int) or not 0 < exp <= U32 or not isinstance(claim, list):
        return None
    if not all(isinstance(number, int) and 0 <= number <= U32 for number in claim):
        return None
    return header[4][0], exp, claim, envelope.message(), envelope.signature


def reference_card(data: bytes) -> tuple[Any, ...] | None:
    found = reference(data, -65537)
    if found is None:
        return None
    kid, exp, claim, message, signature = found
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=exp)
    if (moment.month % 3, moment.day, moment.hour, moment.minute, moment.second) != (1, 1, 0, 0, 0):
        return None
    match claim:
        case [index]:
            return kid, exp, index, 0, 0, message, signature
        case [index, 3]:
            return kid, exp, index, 3, 0, message, signature
        case [index, (1 | 2) as age_class, year] if 2024 <= year <= 2098 and year % 2 == 0:
            return kid, exp, index, age_class, year, message, signature
    return None


def reference_voucher(data: bytes) -> tuple[Any, ...] | None:
    found = reference(data, -65538)
    if found is None:
        return None
    kid, exp, claim, message, signature = found
    if exp % 86400 or len(claim) != 3 or not 1 <= claim[0] <= 0xFFFF or claim[2] < 1:
        return None
    return kid, exp, *claim, message, signature


def fast_card(data: bytes) -> tuple[Any, ...] | None:
    card = parse_card(data)
    if card is None:
        return None
    return card.kid, card.exp, card.index, card.age_class, card.until_year, card.message, card.signature


def fast_voucher(data: bytes) -> tuple[Any, ...] | None:
    voucher = parse_voucher(data)
    if voucher is None:
        return None
    claim = (voucher.campaign, voucher.index, voucher.value)
    return voucher.kid, voucher.exp, *claim, voucher.message, voucher.signature


def assert_agreement(data: bytes) -> None:
    assert fast_card(data) == reference_card(data)
    assert fast_voucher(data) == reference_voucher(data)


# Tokens that are nearly right.
SIGNATURE = bytes(range(64))
EDGES = [0, 1, 2, 3, 23, 24, 255, 256, 2024, 2030, 2098, 2099, 0xFFFF, 0x10000, U32, U32 + 1, (1 << 64) - 1]
QUARTERS = [
    int(datetime(year, month, 1, tzinfo=UTC).timestamp())
    for year in (1970, 2024, 2028, 2099)
    for month in (1, 4, 7, 10)
]

numbers = st.sampled_from(EDGES) | st.integers(-(1 << 64), (1 << 64) - 1) | st.integers(0, 3000)
times = st.sampled_from(QUARTERS) | numbers | st.integers(0, U32 // 86400).map(lambda day: day * 86400)
elements = numbers | st.binary(max_size=3) | st.text("abc", max_size=2) | st.lists(numbers, max_size=2)
labels = st.sampled_from([-65537, -65538, -65536, 4, 6, 1, 65536, "exp"])
claim_lists = st.lists(numbers, max_size=4) | st.lists(elements, max_size=4) | elements
cards = st.builds(lambda i, a: [i, *a], numbers, st.sampled_from([[], [3], [1, 2024], [2, 2098], [1, 2031], [0]]))
payloads = (
    st.builds(lambda exp, claim: {4: exp, -65537: claim}, times, cards | claim_lists)
    | st.builds(
        lambda exp, claim: {4: exp, -65538: claim}, times, st.lists(numbers, min_size=3, max_size=3) | claim_lists
    )
    | st.dictionaries(labels, times | claim_lists, max_size=3)
)
headers = st.just({1: -19, 4: b"\x01"}) | st.dictionaries(
    st.sampled_from([1, 2, 4, 16]), st.sampled_from([-19, -8, b"", b"\x01", b"\x01\x02", "x"]), max_size=3
)


@st.composite
def tokens(draw: st.DrawFn) -> bytes:
    """A token of the right shape whose header and claims are anything that strict CBOR can say."""
    protected = cbor.encode(draw(headers))
    payload = cbor.encode(draw(payloads))
    signature = draw(st.just(SIGNATURE) | st.binary(min_size=62, max_size=66))
    unprotected = draw(st.just({}) | st.just({4: b"\x01"}) | st.just([]))
    return draw(st.just(b"\xd2") | st.sampled_from([b"", b"\xd1", b"\xd8\x12"])) + cbor.encode(
        [protected, unprotected, payload, signature]
    )


@settings(max_examples=1500)
@given(tokens())
def test_they_agree_on_whatever_strict_cbor_can_say(data: bytes) -> None:
    assert_agreement(data)


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A good token with a few bytes changed, cut or put in, most of them where its structure is."""
    data = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 3))):
        if not data:
            break
        at = draw(st.integers(0, min(45, len(data) - 1)) | st.integers(0, len(data) - 1))
        how = draw(st.sampled_from(["flip", "set", "cut", "put", "end"]))
        if how == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "set":
            data[at] = draw(
                st.sampled_from([0, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x40, 0x58, 0x81, 0x9F, 0xA0, 0xBF, 0xFF])
            )
        elif how == "cut":
            del data[at]
        elif how == "put":
            data.insert(at, draw(st.integers(0, 255)))
        else:
            del data[at + 1 :]
    return bytes(data)


CITY = TestCity()
GOOD = [
    *(CITY.card(index) for index in (0, 23, 24, 255, 256, 65535, 65536, U32)),
    CITY.card(186, age_class=token.CHILD, until_year=2030),
    CITY.card(70000, age_class=token.YOUTH, until_year=2098),
    CITY.card(186, age_class=token.SENIOR),
    *(CITY.voucher(index, value) for index, value in ((0, 1), (300, 65536), (U32, U32))),
    CITY.voucher(5, 5, campaign=0xFFFF),
]


@settings(max_examples=1500)
@given(changed())
@example(b"")
def test_they_agree_on_tokens_with_a_few_bytes_changed(data: bytes) -> None:
    assert_agreement(data)


@given(st.binary(min_size=80, max_size=110))
def test_they_agree_on_noise(data: bytes) -> None:
    assert_agreement(data)


@pytest.mark.parametrize("data", GOOD, ids=range(len(GOOD)))
def test_every_single_byte_of_a_good_token(data: bytes) -> None:
    """All that one byte can be, where the structure is; one bit in the signature."""
    for at in range(len(data)):
        for value in range(256) if at < len(data) - 64 else (data[at] ^ 1,):
            assert_agreement(data[:at] + bytes([value]) + data[at + 1 :])


def test_they_agree_on_every_vector() -> None:
    vectors = json.loads((PROJECT / "tests" / "vectors" / "vectors.json").read_text(encoding="ascii"))["vectors"]
    tokens = [bytes.fromhex(vector["token"]) for vector in vectors if "token" in vector]
    assert len(tokens) > 200
    for data in tokens:
        assert_agreement(data)


@pytest.mark.parametrize("data", GOOD, ids=range(len(GOOD)))
def test_good_tokens_are_taken_and_print_as_a_version_6_symbol(data: bytes) -> None:
    """QR version 6, level M, holds 255 digits in numeric mode."""
    assert (fast_card(data) is None) != (fast_voucher(data) is None)
    assert len(data) <= token.MAX_TOKEN_SIZE
    assert len(digits.encode(data)) <= token.MAX_DIGITS == 255


YEARS = st.integers(2024, 2098).filter(lambda year: year % 2 == 0)


@given(st.sampled_from([token.CHILD, token.YOUTH]), YEARS)
def test_a_year_counts_to_its_last_second(age_class: int, year: int) -> None:
    card = parse_card(CITY.card(186, age_class=age_class, until_year=year))
    assert card is not None
    end = int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp())
    assert _age_class(card, end - 1) == token.AGE_CLASS_NAMES[age_class]
    assert _age_class(card, end) == ""


@pytest.mark.parametrize("parse", [parse_card, parse_voucher])
@pytest.mark.parametrize("cut", range(len(GOOD[-1])))
def test_a_cut_token_is_none_and_raises_nothing(parse: Callable[[bytes], object], cut: int) -> None:
    for data in GOOD:
        assert parse(data[:cut]) is None or cut >= len(data)


def test_what_is_encoded_is_what_is_read() -> None:
    data = encode.sign1(encode.token_protected(7), encode.card_payload(QUARTERS[-1], 99, 1, 2030), SIGNATURE)
    card = parse_card(data)
    assert card is not None
    assert (card.kid, card.exp, card.index, card.age_class, card.until_year) == (7, QUARTERS[-1], 99, 1, 2030)
    assert card.signature == SIGNATURE
