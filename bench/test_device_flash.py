"""What flashing costs beside esptool alone: on the same simulated board, by turns, over a line of the same pace."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flash_images import MAIN, flash_image

from ardente_tools.device._flash import FLASH_BAUDRATE, flash, read_image
from ardente_tools.device._ports import Port
from ardente_tools.rig import SimulatedBoard

ROUNDS = 2
IMAGE_BYTES = 1_600_000
# A MicroPython program for the ESP32 deflates to about two thirds.
INCOMPRESSIBLE_BYTES = 1_000_000


@pytest.fixture
def image(tmp_path: Path) -> Path:
    noise = random.Random(20_260).randbytes(INCOMPRESSIBLE_BYTES)
    file = tmp_path / "image.bin"
    file.write_bytes(flash_image({"main.py": MAIN}, filler=noise, at=IMAGE_BYTES // 4096 * 4096))
    return file


def test_flash(report, ardente_board: Callable[..., SimulatedBoard], image: Path) -> None:
    board = ardente_board()
    port = Port(board.port)

    def esptool() -> None:
        command = [sys.executable, "-m", "esptool", "--port", port.path, "--baud", str(FLASH_BAUDRATE)]
        subprocess.run([*command, "write-flash", "0x1000", str(image)], stdout=subprocess.DEVNULL, check=True)

    def timed(function: Callable[[], object]) -> float:
        board.enter_bootloader()
        since = len(board.events)
        start_s = time.perf_counter()
        function()
        elapsed_s = time.perf_counter() - start_s
        board.wait_for("start", since=since)
        return elapsed_s

    rounds = [(timed(esptool), timed(lambda: flash(port, read_image(image)))) for _ in range(ROUNDS)]
    # The quickest of each: only the machine's other work makes one slower than the line.
    theirs, ours = (min(times) for times in zip(*rounds, strict=True))
    report.row("flash-vs-esptool", ours / theirs, 1.1, "× esptool alone, 1.6 MB")
    report.record("flash-time", ours, "s, 1.6 MB at 460,800 baud")
