"""The serial side from the host's end: real firmware behind lines that are as slow as a scanner's.

What the line can carry is told by its own bytes: a share of 1 is a line towards the scanner that is never silent.
"""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from workbench import large_bundle, provision_flash

from ardente.issuing import SigningKey
from ardente.testing import TestCity
from ardente_tools.device._errors import DeviceError
from ardente_tools.device._fleet import DONE, Member, push_fleet
from ardente_tools.device._journal import Journal
from ardente_tools.device._payload import Payload, read_payload
from ardente_tools.device._ports import Port
from ardente_tools.device._push import Target, Watcher, push
from ardente_tools.rig import Line, SimulatedDevice

CONSOLE_RING_BYTES, CONSOLE_BUFFER_BYTES = 259, 180
UART_RING_BYTES, UART_BUFFER_BYTES = 4096, 1500
BITS_A_BYTE = 10
CUTS = 200
FLEET = 8

CITY = TestCity("bench-town", signing_key=lambda label: SigningKey(hashlib.sha256(f"bench, {label}".encode()).digest()))


class Bench:
    """Scanners with a root and no bundle, and bundles of a million cards, each newer than the one before."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._version = 0
        self._root = folder / "root"
        self._root.write_bytes(CITY.root())

    def device(self, label: str, baud: int | None, ring_bytes: int, buffer_bytes: int) -> SimulatedDevice:
        flash = self._folder / label
        provision_flash(flash, self._root, None)
        line = self._stack.enter_context(Line(baud=baud, ring_bytes=ring_bytes))
        device = SimulatedDevice(flash, line=line, buffer_bytes=buffer_bytes)
        return self._stack.enter_context(device)

    def console(self, label: str, baud: int | None = 115_200) -> SimulatedDevice:
        return self.device(label, baud, CONSOLE_RING_BYTES, CONSOLE_BUFFER_BYTES)

    def bundle(self) -> Payload:
        self._version += 1
        file = self._folder / "bundle"
        file.write_bytes(large_bundle(CITY, self._version, datetime.now(UTC)))
        return read_payload(file)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(tmp_path, stack)


def timed_push(device: SimulatedDevice, baud: int, payload: Payload) -> tuple[float, float]:
    """Return the seconds of a whole push, and the share of the line from the first answer to the last piece sent."""
    marks: list[tuple[float, int]] = []
    watcher = Watcher(progress=lambda done, total: marks.append((time.perf_counter(), done)))
    started_s = time.perf_counter()
    pushed = push(Target(Port(device.port), baudrate=baud, watcher=watcher), payload)
    whole_s = time.perf_counter() - started_s
    assert pushed.now.bundle_sha == payload.sha256
    (first_s, first), (last_s, last) = marks[0], marks[-2]
    framed = (last - first) / len(payload.data) * pushed.sent_bytes
    return whole_s, framed / (last_s - first_s) / (baud / BITS_A_BYTE)


def test_push_115200(report, bench: Bench) -> None:
    device = bench.console("slow")
    seconds, shares = zip(*(timed_push(device, 115_200, bench.bundle()) for _ in range(3)), strict=True)
    report.row("push-115200", sorted(seconds)[1], 4.0, "s")
    report.row("push-115200, share of the line", sorted(shares)[1], 0.55, "", at_least=True)


def test_push_921600(report, bench: Bench) -> None:
    device = bench.device("fast", 921_600, UART_RING_BYTES, UART_BUFFER_BYTES)
    shares = [timed_push(device, 921_600, bench.bundle())[1] for _ in range(5)]
    report.row("push-921600", sorted(shares)[2], 0.6, "of the line", at_least=True)


def test_doctor(report, bench: Bench) -> None:
    device = bench.console("well")
    push(Target(Port(device.port)), bench.bundle())
    command = [sys.executable, "-m", "ardente", "device", "doctor", device.port]
    times = []
    for _ in range(3):
        started_s = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        times.append(time.perf_counter() - started_s)
        assert done.returncode == 0, done.stdout + done.stderr
    report.row("doctor", sorted(times)[1], 3.0, "s")


def test_push_resume(report, bench: Bench) -> None:
    device = bench.console("cut", baud=None)
    target = Target(Port(device.port))
    uncut = push(target, bench.bundle()).sent_bytes
    chance = random.Random(200)
    identical = 0
    ratios = []
    for _ in range(CUTS):
        payload = bench.bundle()
        sent = chance.randrange(uncut)
        device.line.cut(after_bytes=sent)
        try:
            sent = push(Target(Port(device.port), wait_s=0.0), payload).sent_bytes
        except DeviceError:
            pass
        device.line.mend()
        pushed = push(target, payload)
        identical += pushed.now.bundle_sha == payload.sha256
        ratios.append((sent + pushed.sent_bytes) / uncut)
    report.row("push-resume", identical, CUTS, f"of {CUTS} identical", at_least=True)
    report.row("push-resume, bytes sent", max(ratios), 1.2, "x uncut")


def test_fleet_8(report, bench: Bench, tmp_path: Path) -> None:
    devices = [bench.console(f"gate-{number}") for number in range(FLEET)]
    members = [Member(device.folder.name, Port(device.port)) for device in devices]

    def seconds(jobs: int) -> float:
        payload = bench.bundle()
        started_s = time.perf_counter()
        records = push_fleet(members, payload, Journal(tmp_path / "journal"), lambda event: None, jobs=jobs)
        assert all(record.result in DONE for record in records)
        return time.perf_counter() - started_s

    # The quickest of three: eight scanners, eight wires and eight hosts share the cores of this one machine.
    together_s = min(seconds(FLEET) for _ in range(3))
    report.row("fleet-8", seconds(1) / together_s, 5.0, "x faster", at_least=True)
