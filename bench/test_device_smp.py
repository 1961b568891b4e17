"""The scanner's serial side: RV32 instructions of a turn in which nothing comes, and of a bundle's last byte; noise."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from smp_host import Wire
from test_device_store import large_bundle
from test_smp_server import CITY as SMALL_CITY
from test_smp_server import SECOND, changes_by_noise

from ardente.testing import TestCity
from ardente.testing._clock import START
from interpreters import FIRMWARE, InterpreterMissingError, micropython, rv32

MILLION = 1_000_000
ENTRIES = 1_000_000
REVOKED = ENTRIES // 100
NOISY_FRAMES = 10_000


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    try:
        chip = rv32()
    except InterpreterMissingError:
        return {}
    city = TestCity()
    bits = bytearray(ENTRIES // 8)
    for index in Random(20_260).sample(range(ENTRIES), REVOKED):
        bits[index >> 3] |= 1 << (index & 7)
    folder = tmp_path_factory.mktemp("serial")
    files = [folder / name for name in ("root", "before", "bundle")]
    bundles = (large_bundle(city, bytes(ENTRIES // 8)), large_bundle(city, bytes(bits), 2, START + timedelta(days=1)))
    for file, data in zip(files, (city.root(), *bundles), strict=True):
        file.write_bytes(data)
    return chip.count(Path(__file__).with_name("device") / "smp_costs.py", *files, paths=[FIRMWARE])


def test_serial_side(report, told) -> None:
    idle, live = told.get("idle"), told.get("live")
    share = 100 * (idle["with_it"] / idle["without_it"] - 1) if idle else None
    report.row("smp-idle", share, 5, "% of the scan loop's instructions")
    report.record("smp-idle-turn", idle["with_it"] - idle["without_it"] if idle else None, "instructions a turn")
    report.row("smp-idle-garbage", idle["allocated"] if idle else None, 0, "bytes, two turns in which nothing comes")
    report.row("push-to-live", live["instructions"] / MILLION if live else None, 20, "M instructions, 1,000,000 cards")


def test_noise(report, tmp_path) -> None:
    try:
        micropython()
    except InterpreterMissingError:
        report.row("serial-noise", None, 0, "crashes and changes of state")
        return
    with Wire(tmp_path / "flash") as wire:
        wire.provision(SMALL_CITY.root())
        wire.step("start")
        wire.push(SECOND)
        changes = changes_by_noise(wire, NOISY_FRAMES)
    report.row("serial-noise", changes, 0, f"crashes and changes of state in {NOISY_FRAMES:,} frames")
