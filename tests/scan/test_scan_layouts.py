"""Digits come back from any keyboard layout, or the scan is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scan_tokens import CARD, tokens

from ardente.scan._layouts import LAYOUTS, repair
from ardente.scan._scan import Problem, read_text
from ardente.testing.scanner import typed

layouts = st.sampled_from(list(LAYOUTS))
numbers = st.text(alphabet="0123456789", min_size=1, max_size=300)

# Linux, libxkbcommon: what each key of the top row types, from 0 to 9.
KEYS = [
    ("be", ["à", "&", "é", '"', "'", "(", "§", "è", "!", "ç"]),
    ("be, Caps Lock", ["À", "&", "É", '"', "'", "(", "§", "È", "!", "Ç"]),
    ("fr", ["à", "&", "é", '"', "'", "(", "-", "è", "_", "ç"]),
    ("fr, Caps Lock", ["À", "&", "É", '"', "'", "(", "-", "È", "_", "Ç"]),
    ("us", list("0123456789")),
]


@pytest.mark.parametrize(
    ("layout", "digit", "key"), [(layout, digit, key) for layout, keys in KEYS for digit, key in enumerate(keys)]
)
def test_each_key_of_each_layout_is_its_digit(layout, digit, key):
    assert typed(str(digit), layout) == key
    assert repair(key) == str(digit)


def test_windows_shift_lock_types_digits():
    """There, Caps Lock shifts the top row: an AZERTY keyboard types digits, as a US one does."""
    assert repair(CARD) == CARD


@given(numbers, layouts)
def test_digits_come_back_from_every_layout(digits, layout):
    assert repair(typed(digits, layout)) == digits


@given(tokens, layouts, layouts, st.data())
def test_a_layout_that_changes_within_a_card_never_changes_the_card(card, first, second, data):
    at = data.draw(st.integers(0, len(card)))
    scan = read_text(typed(card[:at], first) + typed(card[at:], second), typed=True)
    assert scan.text == card or scan.problem is Problem.AMBIGUOUS


@given(tokens, st.lists(layouts, min_size=400, max_size=400))
def test_keys_of_layouts_mixed_at_random_never_change_the_card(card, mixture):
    text = "".join(typed(digit, layout) for digit, layout in zip(card, mixture, strict=False))
    scan = read_text(text, typed=True)
    assert scan.text == card or scan.problem is Problem.AMBIGUOUS


@pytest.mark.parametrize("first", LAYOUTS)
@pytest.mark.parametrize("second", LAYOUTS)
def test_caps_lock_or_layout_changed_halfway_is_ambiguous(first, second):
    scan = read_text(typed(CARD[:120], first) + typed(CARD[120:], second), typed=True)
    if first == second:
        assert scan.text == CARD
    else:
        assert scan.problem is Problem.AMBIGUOUS


@pytest.mark.parametrize("text", ["978-2-07-036822-8", "04-223", "12_34", "https://liege.be", "BE68 5390", "$£"])
def test_a_text_that_is_no_card_comes_back_as_it_is(text):
    assert read_text(text, typed=True).text == text


def test_a_source_without_a_keyboard_repairs_nothing():
    text = typed("12345", "be")
    assert read_text(text).text == text
