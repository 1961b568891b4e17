"""The simulated board: esptool, unmodified, writes to an empty chip, and what it wrote starts."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flash_images import MAIN, flash_image

from ardente_tools.rig import Line, SimulatedBoard

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="MicroPython's unix port is for Linux")

Make = Callable[..., SimulatedBoard]
FILES = {"main.py": MAIN, "app/0/record": b"sealed"}


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:

        def make(**options: object) -> SimulatedBoard:
            line = stack.enter_context(Line(baud=None))
            return stack.enter_context(SimulatedBoard(tmp_path / "board", line=line, **options))  # type: ignore[arg-type]

        yield make


def esptool(port: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "esptool", "--port", port, "--connect-attempts", "1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def written(board: SimulatedBoard, image: bytes, offset: str, *options: str) -> subprocess.CompletedProcess[str]:
    file = board.folder / "image.bin"
    file.write_bytes(image)
    return esptool(board.port, *options, "write-flash", offset, str(file))


@pytest.mark.parametrize(("chip", "name"), [("esp32", "ESP32"), ("esp32s3", "ESP32-S3")])
def test_esptool_takes_it_for_the_chip_that_it_is(board: Make, chip: str, name: str) -> None:
    done = esptool(board(chip=chip, flash_megabytes=8).port, "flash-id")
    assert done.returncode == 0, done.stdout
    assert f"Connected to {name} on" in done.stdout
    assert "Detected flash size: 8MB" in done.stdout


@pytest.mark.parametrize(
    ("chip", "offset", "before"), [("esp32", "0x1000", "default-reset"), ("esp32s3", "0", "no-reset")]
)
def test_what_is_written_starts_on_the_same_port(board: Make, chip: str, offset: str, before: str) -> None:
    made = board(chip=chip)
    assert made.in_bootloader
    image = flash_image(FILES, chip)
    done = written(made, image, offset, "--before", before)
    assert done.returncode == 0, done.stdout
    assert "Hash of data verified." in done.stdout
    made.wait_for("ready")
    assert not made.in_bootloader
    files = made.folder / "files"
    assert {str(file.relative_to(files)): file.read_bytes() for file in files.rglob("*") if file.is_file()} == FILES
    at = int(offset, 0)
    assert made.flash.read_bytes()[at : at + len(image)] == image


def test_looking_at_it_leaves_it_in_the_loader(board: Make) -> None:
    made = board()
    assert esptool(made.port, "flash-id").returncode == 0
    assert esptool(made.port, "flash-id").returncode == 0
    assert made.in_bootloader
    assert [event["event"] for event in made.events.since()] == ["rom"]


def test_a_write_that_is_cut_leaves_a_loader_that_takes_the_next(board: Make) -> None:
    made = board()
    image = flash_image(FILES)
    assert written(made, image, "0x1000").returncode == 0
    made.wait_for("start")
    made.enter_bootloader()
    since = len(made.events)
    file = made.folder / "image.bin"
    file.write_bytes(flash_image(FILES, filler=random.Random(1).randbytes(200_000)))
    command = [sys.executable, "-m", "esptool", "--port", made.port, "write-flash", "0x1000", str(file)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        made.wait_for("erasing", since=since)
        made.line.cut()
        process.kill()
    assert not (made.folder / "files").exists()
    made.line.mend()
    made.power_cycle()
    assert made.in_bootloader
    since = len(made.events)
    assert written(made, image, "0x1000").returncode == 0
    made.wait_for("start", since=since)


def test_a_flash_without_files_is_not_started(board: Make) -> None:
    made = board()
    assert written(made, b"\xe9" + bytes(5000), "0x1000").returncode == 0
    assert "no partition" in made.wait_for("not_started")["text"]
    assert made.in_bootloader
