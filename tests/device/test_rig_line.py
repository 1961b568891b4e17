"""The simulated serial line: as slow, narrow and bad as it was asked to be, and whole again."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from ardente_tools.rig import Line

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the simulated line is a pseudo-terminal")

MESSAGE = bytes(range(256)) * 4


def opened(line: Line) -> serial.Serial:
    return serial.Serial(line.port, 115_200, timeout=5, exclusive=True)


def at_device(line: Line, count: int) -> bytes:
    received = b""
    while len(received) < count and select.select([line.device], [], [], 5)[0]:
        received += line.device.read(65_536)
    return received


@pytest.fixture
def line() -> Iterator[Line]:
    with Line(baud=None) as line:
        yield line


def test_every_byte_crosses_both_ways(line: Line) -> None:
    with opened(line) as host:
        host.write(MESSAGE)
        assert at_device(line, len(MESSAGE)) == MESSAGE
        line.device.write(MESSAGE)
        assert host.read(len(MESSAGE)) == MESSAGE
    assert line.traffic == (len(MESSAGE), len(MESSAGE), 0)


@pytest.mark.parametrize("baud", [115_200, 921_600])
def test_a_byte_takes_ten_bits_of_the_pace(baud: int) -> None:
    count = baud // 50
    with Line(baud=baud) as line, opened(line) as host:
        for _ in range(3):
            start_s = time.monotonic()
            host.write(bytes(count))
            at_device(line, count)
            there_s = time.monotonic() - start_s
            sender = threading.Thread(target=line.device.write, args=(bytes(count),))
            start_s = time.monotonic()
            sender.start()
            host.read(count)
            back_s = time.monotonic() - start_s
            sender.join()
            # Never faster; how much slower is the machine's business, so the best of three counts.
            assert min(there_s, back_s) >= 0.199
            if max(there_s, back_s) < 0.21:
                return
        pytest.fail("The line was never within 5 % of its pace.")


def test_without_a_ring_the_host_waits_and_nothing_is_lost(line: Line) -> None:
    data = MESSAGE * 300
    with opened(line) as host:
        sender = threading.Thread(target=host.write, args=(data,))
        sender.start()
        time.sleep(0.2)
        assert at_device(line, len(data)) == data
        sender.join()
    assert line.traffic == (len(data), 0, 0)


def test_a_full_ring_drops_the_rest() -> None:
    with Line(baud=None, ring_bytes=259) as line, opened(line) as host:
        host.write(MESSAGE)
        host.flush()
        while sum(line.traffic) < len(MESSAGE):
            time.sleep(0.001)
        assert line.traffic == (259, 0, len(MESSAGE) - 259)
        assert line.device.read(65_536) == MESSAGE[:259]
        host.write(b"next")
        assert at_device(line, 4) == b"next"


def test_a_delay_is_added_to_each_byte(line: Line) -> None:
    line.delay(0.05)
    with opened(line) as host:
        start_s = time.monotonic()
        host.write(b"ping")
        at_device(line, 4)
        line.device.write(b"pong")
        assert host.read(4) == b"pong"
        assert time.monotonic() - start_s >= 0.1
        line.mend()
        start_s = time.monotonic()
        host.write(b"ping")
        at_device(line, 4)
        assert time.monotonic() - start_s < 0.05


def test_a_cut_is_a_pulled_cable_and_mending_brings_the_same_port_back(line: Line) -> None:
    port = line.port
    with opened(line) as host:
        line.cut()
        assert not line.plugged
        with pytest.raises(serial.SerialException):
            host.read(1)
        with pytest.raises(serial.SerialException):
            host.write(b"lost")
        assert not os.path.lexists(port)
    line.device.write(b"nobody hears")
    line.mend()
    assert line.port == port
    with opened(line) as host:
        host.write(MESSAGE)
        assert at_device(line, len(MESSAGE)) == MESSAGE
        line.device.write(b"back")
        assert host.read(4) == b"back"


def test_a_cut_can_come_at_an_exact_byte(line: Line) -> None:
    line.cut(after_bytes=100)
    with opened(line) as host:
        host.write(MESSAGE)
        assert at_device(line, 100) == MESSAGE[:100]
        with pytest.raises(serial.SerialException):
            host.read(1)
    assert not line.plugged


def spoiled(seed: int, **noise: float) -> bytes:
    with Line(baud=None, seed=seed) as line, opened(line) as host:
        line.noise(**noise, ways=("to_device",))  # type: ignore[arg-type]
        for at in range(0, len(MESSAGE), 100):
            host.write(MESSAGE[at : at + 100])
        received = b""
        while select.select([line.device], [], [], 0.2)[0]:
            received += line.device.read(65_536)
        line.device.write(MESSAGE)
        assert host.read(len(MESSAGE)) == MESSAGE, "the other way is quiet"
        return received


def test_noise_is_the_same_for_the_same_seed() -> None:
    kinds = {"drop": 0.05, "double": 0.05, "flip": 0.05, "text": 0.01}
    first = spoiled(1, **kinds)
    assert first == spoiled(1, **kinds)
    assert first != spoiled(2, **kinds)
    assert b"POWERON_RESET" in first


def test_each_kind_of_noise_does_what_it_says() -> None:
    assert len(spoiled(1, drop=0.1)) < len(MESSAGE)
    assert len(spoiled(1, double=0.1)) > len(MESSAGE)
    flipped = spoiled(1, flip=0.1)
    changed = [(a ^ b).bit_count() for a, b in zip(flipped, MESSAGE, strict=True) if a != b]
    assert changed
    assert set(changed) == {1}


def test_letting_go_of_a_watched_port_is_noticed(line: Line) -> None:
    line.watch()
    with opened(line) as host:
        host.write(b"x")
        assert at_device(line, 1) == b"x"
        assert not line.wait_hangup(0.05)
    assert line.wait_hangup(5)
    line.watch(False)
    with opened(line) as host:
        host.write(b"y")
        assert at_device(line, 1) == b"y"
    assert not line.wait_hangup(0.05)


def test_nothing_is_left_of_a_line(tmp_path: Path) -> None:
    port = tmp_path / "port"
    before = set(os.listdir("/proc/self/fd")) if sys.platform == "linux" else set()
    with Line(port=port):
        assert port.is_symlink()
    assert list(tmp_path.iterdir()) == []
    if before:
        assert set(os.listdir("/proc/self/fd")) == before
