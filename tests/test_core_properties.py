"""The rule book's small parts, each held against a slow and independent reading of its rule."""

from __future__ import annotations

import hashlib
import hmac
import io
import zlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ardente.core import calendar, cbor, digits, tag
from ardente.core.errors import FormatError
from ardente.core.status import inflate

EPOCH = date(1970, 1, 1)


# Digits.
@given(st.binary(max_size=120))
@example(b"")
def test_digits_of_bytes_are_those_bytes(data: bytes) -> None:
    assert digits.decode(digits.encode(data)) == (data or None)


@given(st.text("0123456789", max_size=260) | st.text(max_size=40))
def test_whatever_digits_are_taken_are_the_only_ones_of_their_bytes(text: str) -> None:
    data = digits.decode(text)
    if data is not None:
        assert digits.encode(data) == text


@given(st.text("0123456789", max_size=260) | st.text(max_size=40))
@example("09007199254740993" * 15)
@example("72057594037927935" + "72057594037927936")
@example("99999999999999999")
@example("281474976710656")
def test_small_numbers_decode_what_large_ones_do(text: str) -> None:
    assert digits.decode_small(text) == digits.decode(text)


@given(st.binary(min_size=1, max_size=105))
def test_small_numbers_decode_the_digits_of_any_bytes(data: bytes) -> None:
    assert digits.decode_small(digits.encode(data)) == data


@given(st.binary(min_size=1, max_size=105))
def test_digits_are_those_of_the_published_rule(data: bytes) -> None:
    """The rule as FIDO CTAP 2.2, section 11.5.1, words it: chunk by chunk, each value padded with zeros."""
    widths = {1: 3, 2: 5, 3: 8, 4: 10, 5: 13, 6: 15, 7: 17}
    chunks = [data[at : at + 7] for at in range(0, len(data), 7)]
    assert digits.encode(data) == "".join(str(int.from_bytes(c, "little")).zfill(widths[len(c)]) for c in chunks)


def test_the_published_example() -> None:
    assert digits.encode(b"hello world") == "335311851610699281684828783"


# CBOR.
def printable() -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)


def values() -> st.SearchStrategy[Any]:
    leaves = st.integers(-(1 << 64), (1 << 64) - 1) | st.binary(max_size=40) | printable()
    keys = st.integers(-(1 << 64), (1 << 64) - 1) | printable()
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
    ).filter(lambda value: depth(value) <= 8)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max([0, *map(depth, value.values())])
    return 1 + max([0, *map(depth, value)]) if isinstance(value, list) else 1


def deterministic(value: Any) -> bytes:
    """RFC 8949, section 4.2.1, with cbor2 for everything but the order of keys."""
    if isinstance(value, list):
        head = cbor2.dumps([0] * len(value))[: -len(value) or None]
        return head + b"".join(map(deterministic, value))
    if isinstance(value, dict):
        pairs = sorted((cbor2.dumps(key), deterministic(item)) for key, item in value.items())
        head = cbor2.dumps(dict.fromkeys(range(len(pairs))))[:1]
        return head + b"".join(key + item for key, item in pairs)
    return cbor2.dumps(value)


@given(values())
def test_cbor_is_read_back_and_has_the_bytes_of_the_rfc(value: Any) -> None:
    encoded = cbor.encode(value)
    assert cbor.decode(encoded) == value
    assert encoded == deterministic(value)


@given(st.binary(max_size=60))
def test_cbor_takes_one_encoding_of_a_value(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except FormatError:
        return
    assert cbor.encode(value) == data


@given(values(), st.data())
def test_cbor_changed_anywhere_is_refused_or_says_something_else(value: Any, data: st.DataObject) -> None:
    encoded = bytearray(cbor.encode(value))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    try:
        changed = cbor.decode(bytes(encoded))
    except FormatError:
        return
    assert changed != value


@pytest.mark.parametrize("value", [True, None, 1.5, {b"a": 1}, 1 << 64, -(1 << 64) - 1, "é"])
def test_what_no_document_has_is_not_encoded(value: object) -> None:
    with pytest.raises((TypeError, ValueError, FormatError)):
        cbor.decode(cbor.encode(value))


@pytest.mark.parametrize(
    "head", ["9bffffffffffffffff", "bbffffffffffffffff", "5bffffffffffffffff", "7bffffffffffffffff"]
)
def test_a_claimed_size_allocates_nothing(head: str) -> None:
    with pytest.raises(FormatError):
        cbor.decode(bytes.fromhex(head))


# Calendar.
def test_quarters_are_those_of_the_calendar() -> None:
    """Every day that 32 bits of seconds reach."""
    days = 0xFFFFFFFF // calendar.DAY_S
    starts = {day for day in range(days + 1) if calendar.is_quarter_start(day * calendar.DAY_S)}
    expected = {(date(year, month, 1) - EPOCH).days for year in range(1970, 2107) for month in (1, 4, 7, 10)}
    assert starts == {day for day in expected if day <= days}


@given(st.integers(0, 0xFFFFFFFF))
def test_only_midnight_starts_a_quarter(time: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time)
    first = moment.day == 1 and moment.month in (1, 4, 7, 10)
    assert calendar.is_quarter_start(time) == (first and moment.time().isoformat() == "00:00:00")


@pytest.mark.parametrize("year", range(1970, 2106))
def test_years_and_quarters_start_when_they_do(year: int) -> None:
    starts = [datetime(year, month, 1, tzinfo=UTC) for month in (1, 4, 7, 10)] + [datetime(year + 1, 1, 1, tzinfo=UTC)]
    assert [calendar.quarter_start(year, quarter) for quarter in range(1, 6)] == [int(s.timestamp()) for s in starts]
    assert calendar.year_start(year) == calendar.quarter_start(year, 1)


# Tags.
@given(st.binary(min_size=32, max_size=32), st.text(max_size=20), st.binary(min_size=64, max_size=64))
def test_a_tag_is_the_hmac_that_docs_state(secret: bytes, purpose: str, signature: bytes) -> None:
    message = b"ardente-tag-1\x00" + purpose.encode() + b"\x00" + signature
    assert tag.tag(secret, purpose, signature) == hmac.new(secret, message, hashlib.sha256).digest()[:16]


@given(st.binary(min_size=32, max_size=32), st.lists(st.binary(min_size=64, max_size=64), max_size=4))
def test_one_key_makes_the_tags_of_many_cards(secret: bytes, signatures: list[bytes]) -> None:
    key = tag.TagKey(secret, "account")
    assert [key.tag(signature) for signature in signatures] == [tag.tag(secret, "account", s) for s in signatures]
    assert secret.hex() not in repr(key)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_secret_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32"):
        tag.tag(bytes(size), "account", bytes(64))


# Inflation.
def compressed(data: bytes, level: int = 9, window_bits: int = 12) -> bytes:
    compressor = zlib.compressobj(level, zlib.DEFLATED, window_bits)
    return compressor.compress(data) + compressor.flush()


def inflated(stream: bytes, size: int, before: bytes = b"", behind: bytes = b"") -> bytes:
    source = io.BytesIO(before + stream + behind)
    source.seek(len(before))
    parts = bytearray()
    inflate(source, len(stream), size, parts.extend)
    return bytes(parts)


@given(
    st.binary(max_size=3000) | st.integers(1, 40000).map(bytes),
    st.sampled_from([0, 1, 6, 9]),
    st.integers(9, 12),
    st.binary(max_size=20),
)
def test_bits_come_back_wherever_they_lie(data: bytes, level: int, window_bits: int, around: bytes) -> None:
    assert inflated(compressed(data, level, window_bits), len(data), around, around) == data


@given(st.binary(min_size=1, max_size=600), st.integers(-600, 600).filter(bool))
def test_any_other_size_is_refused(data: bytes, more: int) -> None:
    with pytest.raises(FormatError):
        inflated(compressed(data), max(0, len(data) + more))


def test_inflation_stops_one_byte_past_the_entries() -> None:
    written = []
    with pytest.raises(FormatError):
        inflate(
            io.BytesIO(bomb := compressed(bytes(50_000_000))), len(bomb), 1000, lambda part: written.append(len(part))
        )
    assert sum(written) == 1000
    assert max(written) <= 512


@given(st.binary(min_size=8, max_size=400), st.data())
def test_a_damaged_stream_is_refused_or_says_the_same(data: bytes, draw: st.DataObject) -> None:
    stream = bytearray(compressed(data))
    stream[draw.draw(st.integers(0, len(stream) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    try:
        assert inflated(bytes(stream), len(data)) == data
    except FormatError:
        pass
