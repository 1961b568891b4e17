"""The museum's desk of `examples/museum_gate`, run as it is sold, with a scanner at a pseudo-terminal."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from desk import PROJECT, Cards, assert_no_card

from ardente import Tariffs, TrustStore, _texts
from ardente.testing.scanner import FakeKeyboardScanner, FakeSerialScanner

EXAMPLE = PROJECT / "examples" / "museum_gate"
ACCEPTED, REFUSED = _texts.ACCEPTED, _texts.REFUSED
TORN = _texts.SCAN_TEXTS["torn"]
TIME_LIMIT_S = 20.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")


class Screen:
    """What the program shows, read as it appears."""

    def __init__(self, program: subprocess.Popen[bytes]) -> None:
        self._program = program
        self._output = program.stdout.fileno()
        self.text = ""

    def next_paragraph(self) -> list[str]:
        """Wait for one answer, which ends with the line of the VAT, or is one sentence."""
        deadline = time.monotonic() + TIME_LIMIT_S
        seen = b""
        while not re.search(rb"(VAT .*|scan the card again\.)\n\Z", seen):
            assert time.monotonic() < deadline, f"only this came: {seen!r}"
            if select.select([self._output], [], [], 0.1)[0]:
                part = os.read(self._output, 65536)
                assert part, self._program.stderr.read()
                seen += part
        self.text += seen.decode()
        return seen.decode().strip().splitlines()

    def next_notice(self) -> str:
        """Wait for one line on standard error."""
        return self._program.stderr.readline().decode().strip()


Museum = Callable[..., AbstractContextManager[Screen]]


@pytest.fixture
def museum(trust_folder: Path, cards: Cards) -> Museum:
    """Opens the desk and closes it with Ctrl-C, after which no card may have been shown anywhere."""

    @contextmanager
    def opened(*args: str, stdin: int = subprocess.DEVNULL) -> Iterator[Screen]:
        command = [sys.executable, EXAMPLE / "museum_gate.py", "--trust", trust_folder, "--language", "en", *args]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=stdin, stdout=pipe, stderr=pipe) as program:
            screen = Screen(program)
            try:
                yield screen
            finally:
                program.send_signal(signal.SIGINT)
                shown, errors = program.communicate(timeout=TIME_LIMIT_S)
            assert program.returncode == 0
            assert b"Traceback" not in errors
            assert_no_card(screen.text + shown.decode() + errors.decode(), cards)

    return opened


@pytest.mark.parametrize("layout", ["us", "be", "fr, Caps Lock"])
def test_a_scanner_that_types(museum: Museum, cards: Cards, layout: str) -> None:
    with (
        FakeKeyboardScanner(layout=layout, gap_seconds=0.001) as scanner,
        museum("--product", "exhibition", stdin=scanner.terminal) as screen,
    ):
        assert screen.next_paragraph()[0].startswith("Entry and exhibition")
        scanner.scan(cards.good)
        good = screen.next_paragraph()
        scanner.scan(cards.revoked)
        revoked = screen.next_paragraph()
        scanner.scan(cards.good[:120])
        torn = screen.next_paragraph()
        scanner.scan(cards.good)
        again = screen.next_paragraph()
        assert_no_card(scanner.screen(), cards)
    assert good[0] == ACCEPTED
    assert price_cents(good) < 1700
    assert revoked[0] == REFUSED
    assert price_cents(revoked) == 1700
    assert torn == [TORN]
    assert again == good


def test_a_scanner_on_a_serial_port(museum: Museum, cards: Cards) -> None:
    with FakeSerialScanner() as scanner, museum("--product", "exhibition", "--serial", scanner.port) as screen:
        screen.next_paragraph()
        assert screen.next_notice() == f"Scanner {scanner.port}: connected."
        scanner.scan(cards.good)
        assert screen.next_paragraph()[0] == ACCEPTED
        scanner.scan(cards.revoked)
        assert screen.next_paragraph()[0] == REFUSED
        scanner.type(cards.good[:120])
        assert screen.next_paragraph() == [TORN]
        scanner.unplug()
        assert screen.next_notice() == f"Scanner {scanner.port}: waiting."
        scanner.plug_in()
        assert screen.next_notice() == f"Scanner {scanner.port}: connected."
        scanner.scan(cards.good)
        assert screen.next_paragraph()[0] == ACCEPTED


def test_only_staff_see_the_reason(museum: Museum, cards: Cards) -> None:
    with FakeKeyboardScanner() as scanner, museum("--staff", stdin=scanner.terminal) as screen:
        screen.next_paragraph()
        scanner.scan(cards.revoked)
        assert screen.next_paragraph()[:2] == [REFUSED, _texts.CARD_TEXTS["revoked"]]


def test_staff_are_told_in_the_morning_that_newer_data_are_due(museum: Museum, city, root_sha256, tmp_path) -> None:
    then = datetime.now(UTC) - timedelta(days=9)
    store = TrustStore(tmp_path / "aged", clock=then.timestamp)
    store.init(city.root(), root_sha256)
    store.install(city.bundle(iat=then))
    with FakeKeyboardScanner() as scanner, museum("--trust", tmp_path / "aged", stdin=scanner.terminal) as screen:
        assert "bundle 1, 9 days old" in screen.next_notice()


@pytest.mark.parametrize("args", [["--trust", "nowhere"], ["--product", "lunch"], ["--serial", "no-scheme://x"]])
def test_what_is_missing_is_one_sentence(trust_folder: Path, args: list[str]) -> None:
    command = [sys.executable, str(EXAMPLE / "museum_gate.py"), "--trust", str(trust_folder), *args]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=TIME_LIMIT_S)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_the_program_is_a_page() -> None:
    assert len((EXAMPLE / "museum_gate.py").read_text().splitlines()) <= 60


def test_the_readme_shows_what_the_desk_shows() -> None:
    @dataclass
    class Resident:
        accepted: bool = True
        age_classes: frozenset[str] = frozenset()

    tariffs = Tariffs.load(EXAMPLE / "tariff.toml")
    monday = datetime(2026, 6, 1, 12, tzinfo=UTC)
    shown = (EXAMPLE / "README.md").read_text(encoding="utf-8").replace("\u00a0", " ")
    for verdict in (None, Resident()):
        assert tariffs.quote("entry", verdict, at=monday).text("fr").replace("\u00a0", " ") in shown
    assert _texts.holder_text(True, "fr").replace("\u00a0", " ") in shown


def price_cents(paragraph: list[str]) -> int:
    total = next(line for line in paragraph if line.startswith("Total"))
    return int(re.search(r"€(\d+)\.(\d\d)$", total).expand(r"\1\2"))
