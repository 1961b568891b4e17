"""The wire of a `Line`, in a process of its own so that no other work disturbs its pace.

    python _link.py WIRE DEVICE CONTROL HANGUPS PORT

The first four are descriptors: the wire's and the device's end of a pseudo-terminal (the latter to see how much lies
unread), a socket over which each line of JSON sets something and is answered by one, and a pipe that
gets a byte when the host lets go of the port. PORT is the path at which hosts find it.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import select
import socket
import sys
import termios
import time
import tty
from collections import deque
from typing import Any, Final

# What the host's driver takes before it lets the writer wait.
_FIFO_BYTES: Final = 4096
# Bytes are handed on so often: rarely enough for a fleet of lines, often enough for a ring of 260 bytes.
_TICK_S: Final = 0.002
# How often a port that nobody holds is looked at.
_VACANT_S: Final = 0.01
_BITS_A_BYTE: Final = 10
_BOOT_TEXT: Final = (
    b"\r\nets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
    b"mode:DIO, clock div:2\r\nentry 0x400805e4\r\n"
)


class Noise:
    """Spoils bytes; what happens to the n-th one depends on the seed and on n alone."""

    def __init__(self, seed: str, drop: float, double: float, flip: float, text: float) -> None:
        self._random = random.Random(seed)
        self._bounds = (drop, drop + double, drop + double + flip, drop + double + flip + text)

    def spoil(self, data: bytes) -> bytes:
        drop, double, flip, text = self._bounds
        spoiled = bytearray()
        for byte in data:
            fate = self._random.random()
            bit = 1 << self._random.randrange(8)
            if fate < drop:
                continue
            if fate < double:
                spoiled.append(byte)
            elif fate < flip:
                byte ^= bit
            elif fate < text:
                spoiled += _BOOT_TEXT
            spoiled.append(byte)
        return bytes(spoiled)


class Direction:
    """Bytes on their way: each takes its time on the wire, and then ``delay_s`` more."""

    def __init__(self) -> None:
        self.bytes_a_second: float | None = None
        self.delay_s = 0.0
        self.noise: Noise | None = None
        self._queue = bytearray()
        self._free_s = 0.0
        self._delayed: deque[tuple[float, bytes]] = deque()

    def wants_more(self) -> bool:
        return len(self._queue) < _FIFO_BYTES

    def pace(self, bytes_a_second: float | None) -> None:
        self.bytes_a_second = bytes_a_second
        self._free_s = time.monotonic()

    def put(self, data: bytes, now_s: float) -> None:
        if not self._queue:
            self._free_s = max(self._free_s, now_s)
        self._queue += self.noise.spoil(data) if self.noise else data

    def take(self, now_s: float) -> bytes:
        """Return what has arrived."""
        sent = self._sent(now_s)
        if not self.delay_s and not self._delayed:
            return sent
        if sent:
            self._delayed.append((now_s + self.delay_s, sent))
        arrived = b""
        while self._delayed and self._delayed[0][0] <= now_s:
            arrived += self._delayed.popleft()[1]
        return arrived

    def next_s(self) -> float | None:
        """Return when to look again."""
        times = [self._delayed[0][0]] if self._delayed else []
        if self._queue and self.bytes_a_second:
            times.append(self._free_s + min(_TICK_S, len(self._queue) / self.bytes_a_second))
        elif self._queue:
            times.append(0.0)
        return min(times, default=None)

    def clear(self) -> None:
        self._queue.clear()
        self._delayed.clear()

    def _sent(self, now_s: float) -> bytes:
        if self.bytes_a_second is None:
            count = len(self._queue)
        else:
            # The last byte is due at a sum of floats: a nanosecond early is on time.
            count = min(len(self._queue), int((now_s - self._free_s) * self.bytes_a_second + 1e-6))
            self._free_s += count / self.bytes_a_second
        sent = bytes(self._queue[:count])
        del self._queue[:count]
        return sent


class HostPort:
    """The pseudo-terminal that a host opens, found at a path that stays the same.

    While it is ``watched``, it is noticed when the host lets go. The terminal is then a host's alone: fit for the ROM,
    which never speaks first, but the firmware's lines would be echoed to it until the host has set the terminal.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._master: int | None = None
        self._kept: int | None = None
        self._name = ""
        self.watched = False
        self.hosted = False
        self.plug()

    @property
    def plugged(self) -> bool:
        return self._master is not None

    def plug(self) -> None:
        if self._master is not None:
            return
        self._master, kept = os.openpty()
        os.set_blocking(self._master, False)
        self._name = os.ttyname(kept)
        self._keep()
        os.close(kept)
        new = self._path + ".new"
        os.symlink(self._name, new)
        os.rename(new, self._path)

    def unplug(self) -> None:
        if self._master is None:
            return
        os.unlink(self._path)
        self._release()
        os.close(self._master)
        self._master = None
        self.hosted = False

    def watch(self, watching: bool) -> None:
        self.watched = watching
        self.hosted = False
        if self.plugged:
            self._release()
            self._keep()

    def _keep(self) -> None:
        """Hold the host's end open as well, unless its closing is to be noticed."""
        if not self.watched:
            self._kept = os.open(self._name, os.O_RDWR | os.O_NOCTTY)
            tty.setraw(self._kept)

    def _release(self) -> None:
        if self._kept is not None:
            os.close(self._kept)
            self._kept = None

    def ready_descriptor(self) -> int | None:
        """Return what to wait for; None where waiting does not help."""
        return None if self.watched and not self.hosted else self._master

    def read(self) -> bytes | None:
        """Return what the host sent; None when it has just let go of the port."""
        if self._master is None:
            return b""
        try:
            data = os.read(self._master, _FIFO_BYTES)
        except BlockingIOError:
            data = b""
        except OSError:
            # Nobody holds the other end.
            gone, self.hosted = self.hosted, False
            return None if gone else b""
        self.hosted = self.watched
        return data

    def write(self, data: bytes) -> int:
        """Return how many bytes the host's driver took."""
        if self._master is None or (self.watched and not self.hosted):
            return 0
        try:
            return os.write(self._master, data)
        except OSError:
            return 0


class Link:
    def __init__(self, wire: int, device: int, hangups: int, host: HostPort) -> None:
        os.set_blocking(wire, False)
        self._wire = wire
        self._device = device
        self._hangups = hangups
        self._host = host
        self._to_device = Direction()
        self._to_host = Direction()
        self._ring_bytes: int | None = None
        self._cut_after: int | None = None
        # What an end could not take yet, where it makes the other wait.
        self._device_waits = b""
        self._host_waits = b""
        self._counts = {"to_device": 0, "to_host": 0, "dropped": 0}

    def set(self, key: str, value: Any) -> None:
        both = (self._to_device, self._to_host)
        if key == "baud":
            for direction in both:
                direction.pace(value / _BITS_A_BYTE if value else None)
        elif key == "ring_bytes":
            self._ring_bytes = value
        elif key == "delay_s":
            for direction in both:
                direction.delay_s = value
        elif key == "noise":
            self._to_device.noise = Noise(**value["to_device"]) if value["to_device"] else None
            self._to_host.noise = Noise(**value["to_host"]) if value["to_host"] else None
        elif key == "cut_after":
            self._cut_after = value
            if value == 0:
                self._cut()
        elif key == "plug":
            self._host.plug()
        elif key == "watch":
            self._host.watch(value)
        else:
            raise ValueError(key)

    def state(self) -> dict[str, Any]:
        return {**self._counts, "plugged": self._host.plugged}

    def run(self, control: socket.socket) -> None:
        """Carry bytes until the control socket is closed."""
        received = b""
        while True:
            ready = self._wait(control)
            now_s = time.monotonic()
            self._carry(ready, now_s)
            if control not in ready:
                continue
            part = control.recv(4096)
            if not part:
                return
            *lines, received = (received + part).split(b"\n")
            for line in lines:
                for key, value in json.loads(line).items():
                    self.set(key, value)
                control.sendall(json.dumps(self.state()).encode() + b"\n")

    def _wait(self, control: socket.socket) -> list[Any]:
        sources: list[Any] = [control]
        host = self._host.ready_descriptor()
        if host is not None and self._to_device.wants_more() and not self._device_waits:
            sources.append(host)
        if self._to_host.wants_more() and not self._host_waits:
            sources.append(self._wire)
        times = [at_s for at_s in (self._to_device.next_s(), self._to_host.next_s()) if at_s is not None]
        if self._device_waits or self._host_waits:
            times.append(time.monotonic() + _TICK_S)
        timeout = max(0.0, min(times) - time.monotonic()) if times else None
        if self._host.plugged and host is None:
            timeout = _VACANT_S if timeout is None else min(timeout, _VACANT_S)
        return select.select(sources, [], [], timeout)[0]

    def _carry(self, ready: list[Any], now_s: float) -> None:
        host = self._host.ready_descriptor()
        if host is None or host in ready:
            data = self._host.read()
            if data is None:
                os.write(self._hangups, b"h")
            elif data:
                self._to_device.put(data, now_s)
        if self._wire in ready:
            self._to_host.put(os.read(self._wire, _FIFO_BYTES), now_s)
        if data := self._device_waits + self._to_device.take(now_s):
            self._reach_device(data)
        if data := self._host_waits + self._to_host.take(now_s):
            self._reach_host(data)

    def _reach_device(self, data: bytes) -> None:
        if self._cut_after is not None:
            data = data[: self._cut_after]
        taken = self._into_ring(data)
        self._device_waits = b""
        if self._ring_bytes is None:
            self._device_waits = data[taken:]
            data = data[:taken]
        self._count("to_device", taken, len(data))
        if self._cut_after is not None:
            self._cut_after -= len(data)
            if self._cut_after == 0:
                self._cut()

    def _reach_host(self, data: bytes) -> None:
        taken = self._host.write(data)
        self._host_waits = b""
        if self._to_host.bytes_a_second is None and self._host.ready_descriptor() is not None:
            # Without a pace the device waits for the host, as over USB.
            self._host_waits = data[taken:]
            data = data[:taken]
        self._count("to_host", taken, len(data))

    def _into_ring(self, data: bytes) -> int:
        if self._ring_bytes is not None:
            unread = bytearray(4)
            fcntl.ioctl(self._device, termios.FIONREAD, unread)
            data = data[: max(0, self._ring_bytes - int.from_bytes(unread, sys.byteorder))]
        try:
            return os.write(self._wire, data) if data else 0
        except BlockingIOError:
            return 0

    def _count(self, way: str, taken: int, length: int) -> None:
        self._counts[way] += taken
        self._counts["dropped"] += length - taken

    def _cut(self) -> None:
        self._cut_after = None
        if self._host.hosted:
            os.write(self._hangups, b"h")
        self._host.unplug()
        self._to_device.clear()
        self._to_host.clear()
        self._device_waits = self._host_waits = b""


def main(arguments: list[str]) -> int:
    wire, device, control, hangups = (int(argument) for argument in arguments[:4])
    host = HostPort(arguments[4])
    link = Link(wire, device, hangups, host)
    try:
        link.run(socket.socket(fileno=control))
    finally:
        host.unplug()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
