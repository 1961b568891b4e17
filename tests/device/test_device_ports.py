"""Opening a port resets no board, and says in a sentence why it cannot be opened."""

from __future__ import annotations

import errno
import importlib
import os
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest
import serial.serialposix

from ardente_tools.device import _ports
from ardente_tools.device._errors import PortError
from ardente_tools.device._ports import Port, find_again, find_port, open_port

DTR_AND_RTS = {
    name: (request, line)
    for name, request, line in (
        ("raise DTR", termios.TIOCMBIS, termios.TIOCM_DTR),
        ("raise RTS", termios.TIOCMBIS, termios.TIOCM_RTS),
        ("drop DTR", termios.TIOCMBIC, termios.TIOCM_DTR),
        ("drop RTS", termios.TIOCMBIC, termios.TIOCM_RTS),
    )
}


@pytest.fixture
def terminal() -> Iterator[str]:
    ours, theirs = os.openpty()
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def test_rts_falls_before_dtr_and_neither_rises(terminal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RTS without DTR is "reset" to the circuit of an ESP32 board, and the system raises both when it opens a port."""
    asked: list[str] = []
    real = serial.serialposix.fcntl.ioctl

    def ioctl(descriptor: int, request: int, argument: object = 0, *rest: object) -> object:
        for name, (number, line) in DTR_AND_RTS.items():
            if request == number and argument == line.to_bytes(4, sys.byteorder):
                asked.append(name)
                return 0
        return real(descriptor, request, argument, *rest)

    monkeypatch.setattr(serial.serialposix.fcntl, "ioctl", ioctl)
    open_port(Port(terminal)).close()
    assert asked == ["drop RTS", "drop DTR"]


def test_no_flow_control_is_on(terminal: str) -> None:
    with open_port(Port(terminal)) as connection:
        flags = termios.tcgetattr(connection.fileno())[2]
    assert not flags & termios.CRTSCTS


HOLD = (
    "import serial, sys, time; port = serial.Serial(sys.argv[1], exclusive=True); print(1, flush=True); time.sleep(60)"
)


def test_a_port_that_another_program_has_is_left_to_it(terminal: str) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, terminal], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            other.stdout.readline()
            with pytest.raises(PortError, match=rf"in use by .*\(process {other.pid}\): close that program"):
                open_port(Port(terminal))
        finally:
            other.kill()


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="POSIX only")
def test_who_may_not_use_a_port_is_told_which_group_to_join(terminal: str) -> None:
    os.chmod(terminal, 0)
    # Another user may not read the library that knows the groups.
    importlib.import_module("grp")
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(PortError, match=r"You may not use .*: join its group with `sudo usermod -aG \w+ \$USER`"):
            open_port(Port(terminal))
    finally:
        os.seteuid(user)


def test_a_port_that_is_not_there() -> None:
    with pytest.raises(PortError, match="There is no port /dev/ttyNONE: check the cable"):
        open_port(Port("/dev/ttyNONE"))


def test_what_is_no_serial_port(tmp_path: os.PathLike[str]) -> None:
    file = os.path.join(tmp_path, "file")
    open(file, "w").close()
    with pytest.raises(PortError, match="cannot be opened as a serial port"):
        open_port(Port(file))


BOARDS = [
    Port("/dev/ttyUSB0", "CP2102", 0x10C4, 0xEA60, "0001"),
    Port("/dev/ttyUSB1", "CP2102", 0x10C4, 0xEA60, "0001"),
]


def test_two_boards_where_one_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ports, "ports", lambda: BOARDS)
    with pytest.raises(
        PortError, match="Two boards have the serial number 0001: name the port, one of /dev/ttyUSB0, /d"
    ):
        find_port("0001")
    with pytest.raises(PortError, match="More than one board is plugged in: name one of"):
        find_port(None)
    assert find_port("/dev/ttyUSB1") == BOARDS[1]


def test_a_board_is_found_by_its_serial_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ports, "ports", lambda: BOARDS[:1])
    assert find_port("0001") == find_port(None) == BOARDS[0]


def test_no_board_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ports, "ports", list)
    with pytest.raises(PortError, match="No board is plugged in"):
        find_port(None)


def test_a_board_that_comes_back_under_another_name_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Port("/dev/ttyUSB7", "", 0x303A, 0x1001, "F4:12")
    after = before._replace(path="/dev/ttyUSB8")
    monkeypatch.setattr(_ports, "ports", lambda: [*BOARDS, after])
    assert find_again(before) == after
    assert find_again(before._replace(serial_number=None)).path == before.path


def test_an_unknown_error_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch, terminal: str) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PortError, match="cannot be opened"):
        open_port(Port(terminal))
