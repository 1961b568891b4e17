"""Whole, torn, glued: what the digits say of themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scan_tokens import CARD, OTHER_CARD, tokens

from ardente.scan._shape import Shape, shape_of


@given(tokens)
def test_a_token_is_whole(text):
    assert shape_of(text) is Shape.WHOLE


@given(tokens, st.data())
def test_the_beginning_of_a_token_is_torn(text, data):
    length = data.draw(st.integers(6, len(text) - 1))
    assert shape_of(text[:length]) is Shape.TORN


@given(tokens, st.data())
def test_the_end_of_a_token_is_torn_while_it_holds_the_signature(text, data):
    signature_digits = 66 * 17 // 7 + 17
    length = data.draw(st.integers(signature_digits, len(text) - 1))
    assert shape_of(text[-length:]) is Shape.TORN


@given(tokens, st.data())
def test_a_token_that_lost_a_digit_is_torn(text, data):
    at = data.draw(st.integers(0, len(text) - 1))
    # Where the digit before is the same, or within the first chunks, the loss shows at the other end.
    assert shape_of(text[:at] + text[at + 1 :]) is Shape.TORN


@given(tokens, tokens, st.data())
def test_a_token_and_a_piece_of_another_are_glued(first, second, data):
    length = data.draw(st.integers(1, len(second)))
    assert shape_of(first + second[:length]) is Shape.GLUED


@given(tokens, tokens, st.data())
def test_a_torn_token_and_a_whole_one_are_glued(first, second, data):
    length = data.draw(st.integers(1, len(first) - 1))
    assert shape_of(first[:length] + second) is Shape.GLUED


def test_a_glued_scan_as_long_as_one_card_is_still_glued():
    text = CARD[:100] + OTHER_CARD[: len(CARD) - 100]
    assert len(text) == len(CARD)
    assert shape_of(text) is Shape.GLUED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "5410123456789",
        "https://liege.be/carte",
        "٣٤٥" * 80,
        "²" * 240,
        CARD[:100] + "x" + CARD[101:],
        " " + CARD,
        "9" * 240,
        "0" * 240,
        # The first chunk of a token, then what no token has.
        CARD[:17] + "0" * 220,
        CARD[:17] + "9" * 220,
    ],
)
def test_what_is_not_built_like_a_token_is_other(text):
    assert shape_of(text) is Shape.OTHER


@given(st.text(alphabet="0123456789", max_size=600))
def test_noise_of_digits_is_never_whole(text):
    assert shape_of(text) is Shape.OTHER
