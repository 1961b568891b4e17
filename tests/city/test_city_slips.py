"""Slip codes: what is on the paper comes back as the SHA-256 that the city keeps, and a typing error is seen."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ardente_tools.city._slips import ALPHABET, Slip, SlipError, slip_sha256, slip_text

codes = st.binary(min_size=10, max_size=10)


@given(codes)
def test_the_text_of_a_code_gives_its_sha256(code: bytes) -> None:
    assert slip_sha256(slip_text(code)) == hashlib.sha256(code).digest()


def test_two_codes_are_written_so_for_ever() -> None:
    assert slip_text(bytes(10)) == "000000-000000-000000"
    assert slip_text(bytes(range(10))) == "000G40-R40M30-E2099K"


def test_a_new_slip_is_random_and_keeps_what_it_prints() -> None:
    slips = [Slip.new() for _ in range(100)]
    assert len({slip.sha256 for slip in slips}) == 100
    assert all(slip_sha256(slip.text) == slip.sha256 for slip in slips)
    assert slips[0].text not in repr(slips[0])


@given(codes)
def test_people_may_write_it_their_way(code: bytes) -> None:
    text = slip_text(code)
    expected = slip_sha256(text)
    assert slip_sha256(text.lower()) == expected
    assert slip_sha256(f" {text.replace('-', '  ')}\n") == expected
    assert slip_sha256(text.replace("0", "O").replace("1", "l")) == expected
    assert slip_sha256(text.replace("-", "–").replace("1", "I")) == expected


@given(codes, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_seen(code: bytes, position: int, wrong: str) -> None:
    characters = list(slip_text(code).replace("-", ""))
    if characters[position] == wrong:
        return
    characters[position] = wrong
    with pytest.raises(SlipError, match="typing error"):
        slip_sha256("".join(characters))


def test_any_two_wrong_characters_are_seen() -> None:
    # The check is linear, so what holds beside the code of zeros holds beside every code.
    zeros = ["0"] * 18
    for (first, second), (one, other) in itertools.product(
        itertools.combinations(range(18), 2), itertools.product(ALPHABET[1:], repeat=2)
    ):
        characters = zeros.copy()
        characters[first], characters[second] = one, other
        with pytest.raises(SlipError):
            slip_sha256("".join(characters))


@given(codes, st.integers(0, 16))
def test_two_neighbours_swapped_are_seen(code: bytes, position: int) -> None:
    characters = list(slip_text(code).replace("-", ""))
    if characters[position] == characters[position + 1]:
        return
    characters[position], characters[position + 1] = characters[position + 1], characters[position]
    with pytest.raises(SlipError):
        slip_sha256("".join(characters))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has 18 characters, this one 0"),
        ("000000-000000-00000", "has 18 characters, this one 17"),
        ("000000-000000-0000000", "has 18 characters, this one 19"),
        ("U00000-000000-000000", "Character 1 of"),
        ("000000-000000-00000é", "Character 18 of"),
        ("000000-000000-00000٣", "Character 18 of"),
    ],
)
def test_what_is_no_code_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(SlipError, match=sentence):
        slip_sha256(text)


@given(st.text())
def test_any_text_is_a_code_or_a_slip_error_that_does_not_repeat_it(text: str) -> None:
    message = ""
    try:
        slip_sha256(text)
    except SlipError as error:
        message = str(error)
    assert len(text) < 12 or text not in message
