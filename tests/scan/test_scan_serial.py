"""A scanner on a serial port that is pulled and put back, played through a pseudo-terminal."""

from __future__ import annotations

import logging
import os
import threading
import time

import pytest
from scan_tokens import CARD, OTHER_CARD

from ardente.scan import ConnectionState, Problem, ScanError, SerialSource
from ardente.testing.scanner import FakeSerialScanner

CONNECTED, WAITING = ConnectionState.CONNECTED, ConnectionState.WAITING


@pytest.fixture
def scanner():
    with FakeSerialScanner() as scanner:
        yield scanner


@pytest.fixture
def states():
    return []


@pytest.fixture
def source(scanner, states):
    """An open source: what arrives before a port is opened is old, and thrown away by the driver."""
    with SerialSource(scanner.port, on_state=states.append) as source:
        assert states == [CONNECTED]
        yield source


@pytest.mark.parametrize("terminator", ["\r\n", "\r", "\n", "\t"])
def test_cards_are_read(scanner, source, terminator):
    scanner.terminator = terminator
    scanner.scan(CARD)
    scanner.scan(OTHER_CARD)
    assert [next(source).text, next(source).text] == [CARD, OTHER_CARD]


def test_a_scanner_that_sends_no_enter_is_read_too(scanner, source):
    scanner.type(CARD)
    assert next(source).text == CARD


def test_unplugged_within_a_scan_and_plugged_in_again(scanner, source, states):
    scanner.type(CARD[:100])
    source._advance()
    scanner.unplug()
    assert next(source).problem is Problem.TORN
    assert states == [CONNECTED, WAITING]

    def come_back() -> None:
        time.sleep(0.5)
        scanner.plug_in()
        while states[-1] is not CONNECTED:
            time.sleep(0.02)
        scanner.scan(OTHER_CARD)

    back = threading.Thread(target=come_back)
    back.start()
    assert next(source).text == OTHER_CARD
    back.join()
    assert states == [CONNECTED, WAITING, CONNECTED]


def test_a_scanner_that_is_not_there_yet_is_waited_for(scanner, states):
    scanner.unplug()
    with SerialSource(scanner.port, on_state=states.append) as source:
        source._advance()
        assert states == [WAITING]
        scanner.plug_in()
        source._advance()
        assert states == [WAITING, CONNECTED]


def test_waiting_grows_longer_but_not_long(scanner):
    scanner.unplug()
    source = SerialSource(scanner.port)
    waits = []
    source._closed.wait = waits.append
    for _ in range(9):
        source._advance()
    assert waits == sorted(waits)
    assert waits[0] < 0.5
    assert max(waits) == waits[-1] == 5.0


@pytest.mark.parametrize("plugged", [True, False])
def test_close_from_another_thread_ends_the_loop(scanner, plugged):
    if not plugged:
        scanner.unplug()
    source = SerialSource(scanner.port)
    threading.Timer(0.3, source.close).start()
    started = time.monotonic()
    assert list(source) == []
    assert time.monotonic() - started < 5


def test_a_port_that_another_program_holds_is_refused_with_a_next_step(scanner, source):
    with SerialSource(scanner.port) as second, pytest.raises(ScanError, match="Another program may hold it"):
        next(second)


def test_a_port_refused_after_replugging_is_waited_for(scanner, source, states):
    """The system sets the owner of a new port a moment after it appears."""
    scanner.unplug()
    source._advance()
    scanner.plug_in()
    with SerialSource(scanner.port) as other:
        other._advance()
        source._advance()
        assert states[-1] is WAITING
    source._advance()
    assert states[-1] is CONNECTED


@pytest.mark.parametrize("port", ["nonsense://x", "/dev/null"])
def test_a_name_that_is_no_serial_port_is_refused(port):
    with SerialSource(port) as source, pytest.raises(ScanError, match="is no serial port"):
        next(source)


def test_wrong_speed_gives_noise_which_is_garbled(scanner, source):
    os.write(scanner._master, b"\xff\xfe\xc3" * 20 + b"\r")
    assert next(source).problem is Problem.GARBLED


def test_no_scan_in_logs_exceptions_or_output(scanner, states, caplog, capfd):
    caplog.set_level(logging.DEBUG)

    def fail(state: ConnectionState) -> None:
        if state is WAITING:
            raise RuntimeError("the caller's own")

    with SerialSource(scanner.port, on_state=fail) as source:
        source._advance()
        scanner.type(CARD + "\r" + CARD[:100])
        scan = next(source)
        scanner.unplug()
        with pytest.raises(RuntimeError) as caught:
            list(source)
    seen = caplog.text + repr(scan) + repr(source) + str(caught.value) + "".join(capfd.readouterr())
    assert scan.text == CARD
    assert CARD[20:40] not in seen
