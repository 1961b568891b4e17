"""A scanner that types into the terminal, played through a pseudo-terminal; and lines from pipes and files."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import termios
import threading
import time

import pytest
from scan_tokens import CARD, OTHER_CARD

from ardente.scan import KeyboardSource, Problem
from ardente.scan._layouts import LAYOUTS
from ardente.testing.scanner import FakeKeyboardScanner, typed


@pytest.fixture
def scanner():
    with FakeKeyboardScanner() as scanner:
        yield scanner


@pytest.fixture
def source(scanner):
    with os.fdopen(scanner.terminal, closefd=False) as terminal, KeyboardSource(terminal) as source:
        yield source


@pytest.mark.parametrize("terminator", ["\r", "\t"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_card_is_read_through_every_layout(scanner, source, layout, terminator):
    scanner.layout, scanner.terminator = layout, terminator
    scanner.scan(CARD)
    scanner.scan(OTHER_CARD)
    assert [next(source).text, next(source).text] == [CARD, OTHER_CARD]


@pytest.mark.slow
def test_a_card_typed_at_50_ms_a_character_is_read(scanner, source):
    scanner.gap_seconds, scanner.layout = 0.05, "be"
    typing = threading.Thread(target=scanner.scan, args=(CARD,))
    typing.start()
    scan = next(source)
    typing.join()
    assert scan.text == CARD


def test_a_scan_that_breaks_off_is_torn_and_the_next_one_is_read(scanner, source):
    scanner.type(CARD[:80])
    assert next(source).problem is Problem.TORN
    scanner.scan(OTHER_CARD)
    assert next(source).text == OTHER_CARD


def test_a_key_pressed_by_hand_does_not_spoil_the_next_scan(scanner, source):
    threading.Timer(0.6, scanner.scan, [CARD]).start()
    scanner.type("q")
    assert next(source).text == CARD


def test_nothing_of_a_scan_appears_on_the_screen(scanner, source):
    scanner.scan(CARD)
    assert next(source).text == CARD
    assert scanner.screen() == ""


def test_the_terminal_is_given_back_as_it_was(scanner):
    before = termios.tcgetattr(scanner.terminal)
    with os.fdopen(scanner.terminal, closefd=False) as terminal, KeyboardSource(terminal):
        assert termios.tcgetattr(scanner.terminal) != before
    assert termios.tcgetattr(scanner.terminal) == before


def test_ctrl_c_alone_interrupts(scanner, source):
    scanner.type("\x03")
    with pytest.raises(KeyboardInterrupt):
        next(source)


def test_ctrl_d_alone_ends(scanner, source):
    scanner.type("\x04")
    assert list(source) == []


def test_a_control_character_inside_a_code_does_not_stop_the_program(scanner, source):
    """Somebody may hold such a code under the scanner on purpose."""
    for text in ("\x03\x03", "a\x03", "\x04", "\x1a\x1c", "\x13"):
        scanner.type(text + "\r")
        assert next(source).text == text
    scanner.scan(CARD)
    assert next(source).text == CARD


def test_a_terminal_that_goes_away_ends_the_source(scanner, source):
    scanner.scan(CARD)
    assert next(source).text == CARD
    os.close(scanner._master)
    scanner._master = -1
    assert list(source) == []


def test_close_from_another_thread_ends_the_loop(source):
    threading.Timer(0.1, source.close).start()
    started = time.monotonic()
    assert list(source) == []
    assert time.monotonic() - started < 5


def test_a_loop_can_be_left_and_taken_up_again(scanner, source):
    scanner.scan(CARD)
    scanner.scan(OTHER_CARD)
    for scan in source:
        assert scan.text == CARD
        break
    for scan in source:
        assert scan.text == OTHER_CARD
        break


def test_lines_of_a_text_stream():
    stream = io.StringIO(f"{CARD}\n\n{typed(OTHER_CARD, 'fr')}\t{CARD[:99]}\nhello\n{CARD}")
    scans = list(KeyboardSource(stream))
    assert [scan.text for scan in scans] == [CARD, OTHER_CARD, None, "hello", CARD]
    assert scans[2].problem is Problem.TORN


def test_bytes_that_are_no_characters_are_garbled_and_leak_nowhere():
    stream = io.TextIOWrapper(io.BytesIO(CARD.encode() + b"\xff\n" + OTHER_CARD.encode()), encoding="utf-8")
    scans = list(KeyboardSource(stream))
    assert [scan.problem for scan in scans] == [Problem.GARBLED, None]


PROGRAM = """
from ardente.scan import KeyboardSource
with KeyboardSource() as source:
    print("ready", flush=True)
    for scan in source:
        print(repr(scan), len(scan.text or ""), flush=True)
"""


def test_a_pipe_is_answered_line_by_line():
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as program:
        assert program.stdout.readline() == "ready\n"
        for text in (CARD, "x" * 9):
            print(text, file=program.stdin)
            assert program.stdout.readline() == f"<Scan read> {len(text)}\n"
        program.stdin.close()
        assert program.wait(10) == 0


def test_the_terminal_is_restored_when_the_program_dies_of_an_exception(scanner):
    before = termios.tcgetattr(scanner.terminal)
    code = "from ardente.scan import KeyboardSource; source = KeyboardSource(); raise SystemExit(3)"
    program = subprocess.run([sys.executable, "-c", code], stdin=scanner.terminal, check=False)
    assert program.returncode == 3
    assert termios.tcgetattr(scanner.terminal) == before
