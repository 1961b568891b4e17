"""A scan of the scanner's application: what lies between a frame and the relay, and what it asks of the heap.

Frames of the standard set with cards of the test city, through the application, store and rule book of the firmware on
the emulated chip. The bundle was installed by the same firmware on the 64-bit interpreter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from frames import standard_frame
from scanner_sim import Scanner

from ardente.testing import TestCity
from ardente.testing._city import REVOKED
from interpreters import CORE_PARENT, FIRMWARE, micropython
from mpy import compiled, machine_code_bytes
from rv32 import Rv32Interpreter

SCRIPT = Path(__file__).resolve().parent / "device" / "scan.py"
FRAMES = 200
MILLION = 1_000_000
KB = 1024
HEAP_UNIT = "gates shut for want of 110 KB"
# The simulator is on no board, and the table of B is counted apart.
NOT_COUNTED = {"board_sim", "base_table"}


def pictures(city: TestCity, seed: int) -> bytes:
    """A card a frame."""
    indices = (index for index in range(1024) if index not in REVOKED["card-1"])
    cards = (city.card_text(index) for _, index in zip(range(FRAMES), indices, strict=False))
    return b"".join(standard_frame(seed, number, card=card).pixels for number, card in enumerate(cards))


@pytest.fixture(scope="module")
def told(chip: Rv32Interpreter | None, seed: int, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any] | None:
    if chip is None:
        return None
    folder = tmp_path_factory.mktemp("scan")
    city = TestCity()
    scanner = Scanner(micropython().command, folder / "flash", (FIRMWARE, CORE_PARENT))
    scanner.configure(passback_s=60)
    assert scanner.install(city)["event"] == "installed"
    frames = folder / "frames"
    frames.write_bytes(pictures(city, seed))
    answers: dict[str, Any] = {}
    for what in ("measure", "squeeze"):
        answers.update(chip.count(SCRIPT, frames, what, paths=[FIRMWARE, scanner.flash]))
    answers["opened"] = [cost for cost in answers["scans"]["costs"] if cost[0]]
    return answers


def at_percentile(values: list[int], percent: int) -> int:
    """The least of the values that so many percent of them do not exceed."""
    return sorted(values)[-(-len(values) * percent // 100) - 1]


def test_work(report, told) -> None:
    def value(percent: int) -> float | None:
        return at_percentile([cost[0] for cost in told["opened"]], percent) / MILLION if told else None

    report.row("device-frame-to-relay", value(95), 12, "M instructions, 95th percentile")
    report.record("device-frame-to-relay-median", value(50), "M instructions")
    report.record("device-frame-to-relay-most", value(100), "M instructions")
    opened = 100 * len(told["opened"]) / FRAMES if told else None
    report.record("device-frame-to-relay-opened", opened, "% of the standard set")


def test_garbage(report, told) -> None:
    def value(percent: int) -> float | None:
        return at_percentile([cost[1] for cost in told["opened"]], percent) / KB if told else None

    report.row("device-heap-garbage", value(95), 4, "KB a scan, 95th percentile")
    report.record("device-heap-garbage-median", value(50), "KB a scan")
    report.record("device-heap-garbage-most", value(100), "KB a scan")
    report.row("device-heap-growth", told["growth"]["bytes"] if told else None, 0, f"bytes over {FRAMES} scans")


def test_heap(report, told) -> None:
    def value(name: str, unit: float = KB) -> float | None:
        return told["application"][name] / unit if told else None

    # Whoever reads a frame with all memory must read it with as little as this.
    shut = len(told["opened"]) - told["squeezed"]["opened"] if told else None
    report.row("device-heap", shut, 0, HEAP_UNIT)
    report.record("device-heap-held", value("heap_bytes"), "KB, QR and application between scans")
    tables = told["application"]["base_table_bytes"] + 2 * told["application"]["key_table_bytes"] if told else None
    report.row("device-heap-tables", tables / KB if tables else None, 78, "KB, B and two card keys")


def test_modules(report) -> None:
    """What is in RAM beside that, unless it is frozen into the image."""
    modules = [module for module in FIRMWARE.glob("*.py") if module.stem not in NOT_COUNTED]
    total = 0
    for module in (*modules, *(CORE_PARENT / "core").glob("*.py")):
        code = compiled(module, "xtensawin")
        total += len(code) - machine_code_bytes(code)
    report.record("device-heap-modules", total / KB, "KB of bytecode, if not frozen")
