"""Characters become scans: at Enter, at Tab, and where the scanner falls silent."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scan_tokens import CARD, OTHER_CARD, tokens

from ardente.scan import Problem, Scan, read_text
from ardente.scan._assembler import Assembler
from ardente.scan._layouts import LAYOUTS
from ardente.testing.scanner import typed

TORN, GLUED, TOO_LONG, GARBLED = (
    Scan(problem=problem) for problem in (Problem.TORN, Problem.GLUED, Problem.TOO_LONG, Problem.GARBLED)
)


@pytest.fixture
def assembler():
    return Assembler(typed=True)


@pytest.mark.parametrize("terminator", ["\n", "\r", "\r\n", "\t", "\t\r\n"])
def test_each_terminator_ends_a_scan_once(assembler, terminator):
    text = CARD + terminator + OTHER_CARD + terminator
    assert assembler.feed(text) == [Scan(CARD), Scan(OTHER_CARD)]


@given(st.lists(tokens, max_size=4), st.sampled_from(list(LAYOUTS)), st.data())
def test_scans_do_not_depend_on_how_the_characters_arrive(cards, layout, data):
    assembler = Assembler(typed=True)
    stream = "".join(typed(card, layout) + "\r" for card in cards)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [scan for piece in pieces for scan in assembler.feed(piece)] == [Scan(card) for card in cards]


def test_empty_lines_and_spaces_around_are_nothing(assembler):
    assert assembler.feed("\r\n \r\n\t " + CARD + " \r\n") == [Scan(CARD)]


def test_a_scan_cut_in_half_is_torn_twice_and_the_next_card_is_read(assembler):
    assert assembler.feed(CARD[:130] + "\r") == [TORN]
    assert assembler.feed(CARD[130:] + "\r") == [TORN]
    assert assembler.feed(OTHER_CARD + "\r") == [Scan(OTHER_CARD)]


@given(tokens, st.data())
def test_wherever_a_card_is_cut_neither_half_passes_for_a_text(card, data):
    at = data.draw(st.integers(6, len(card) - 1))
    assert Assembler(typed=True).feed(card[:at] + "\r" + card[at:] + "\r") == [TORN, TORN]


def test_a_whole_card_after_a_torn_one_is_read(assembler):
    assert assembler.feed(CARD[:50] + "\r" + CARD + "\r") == [TORN, Scan(CARD)]


def test_another_text_after_a_torn_card_is_itself(assembler):
    assert assembler.feed(CARD[:50] + "\r5410123456789\r") == [TORN, Scan("5410123456789")]


def test_two_scans_without_an_end_between_them_are_glued(assembler):
    assert assembler.feed(CARD + OTHER_CARD + "\r") == [GLUED]
    assert assembler.feed(CARD[:90] + OTHER_CARD + "\r") == [GLUED]
    assert assembler.feed(CARD + OTHER_CARD[:9] + "\r") == [GLUED]


def test_silence_within_a_scan_tears_it(assembler):
    assert assembler.feed(CARD[:70]) == []
    assert assembler.cut() == [TORN]
    assert assembler.feed(CARD[70:] + "\r") == [TORN]


def test_silence_after_a_whole_card_ends_it(assembler):
    """A scanner that sends no Enter: the card's own length says that nothing is missing."""
    assembler.feed(CARD)
    assert assembler.cut() == [Scan(CARD)]
    assert assembler.feed("\r") == []


def test_silence_after_another_text_does_not_end_it(assembler):
    assembler.feed("https://liege.be/carte")
    assert assembler.cut() == [TORN]


def test_keys_pressed_by_hand_are_nothing(assembler):
    for keys in ("q", "\x1b[A", "&é"):
        assembler.feed(keys)
        assert assembler.cut() == []
    assert assembler.feed(CARD + "\r") == [Scan(CARD)]


def test_the_end_of_a_file_ends_a_scan(assembler):
    assembler.feed("no newline")
    assert assembler.end() == [Scan("no newline")]


def test_a_text_without_end_is_too_long_and_takes_no_memory(assembler):
    for _ in range(100):
        assert assembler.feed("7" * 1000) == []
    assert len(assembler.pending) < 5000
    assert assembler.feed("\r" + CARD + "\r") == [TOO_LONG, Scan(CARD)]


def test_the_longest_text_is_handed_on(assembler):
    assert assembler.feed("x" * 4096 + "\r") == [Scan("x" * 4096)]
    assert assembler.feed("x" * 4097 + "\r") == [TOO_LONG]


def test_characters_that_were_lost_make_the_scan_garbled(assembler):
    assert assembler.feed(CARD[:100] + "\N{REPLACEMENT CHARACTER}" + CARD[101:] + "\r") == [GARBLED]


def test_noise_of_a_plug_is_nothing(assembler):
    assembler.feed("\N{REPLACEMENT CHARACTER}" * 2)
    assert assembler.cut() == []


@given(st.text(max_size=300))
def test_any_text_becomes_scans_or_nothing(text):
    assembler = Assembler(typed=True)
    scans = assembler.feed(text) + assembler.end()
    assert all((scan.text is None) != (scan.problem is None) for scan in scans)


def test_a_scan_shows_no_text_and_is_not_pickled():
    scan = Scan(CARD)
    assert repr(scan) == str(scan) == f"{scan}" == "<Scan read>"
    assert repr(TORN) == "<Scan torn>"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError) as caught:
            leak(scan)
        assert CARD not in str(caught.value)


@pytest.mark.parametrize("language", ["fr", "nl", "de", "en"])
@pytest.mark.parametrize("problem", Problem)
def test_every_problem_has_a_sentence_for_staff(problem, language):
    assert Scan(problem=problem).staff_text(language)
    assert Scan(CARD).staff_text(language) == ""


def test_a_scan_that_another_program_received_is_read_alike():
    assert read_text(typed(CARD, "be") + "\r\n", typed=True) == Scan(CARD)
    assert read_text(CARD[:60] + "\n") == TORN
    assert read_text("\n") == Scan("")


@pytest.mark.parametrize("arguments", [{}, {"text": CARD, "problem": Problem.TORN}])
def test_a_scan_has_a_text_or_a_problem(arguments):
    with pytest.raises(ValueError, match="either") as caught:
        Scan(**arguments)
    assert CARD not in str(caught.value)
