"""Flashing: everything that can be wrong is found before a byte is erased, and a cut write begins again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flash_images import MAIN, flash_image

from ardente_tools.device._errors import FileError, NoAnswerError, PortError
from ardente_tools.device._flash import (
    BootloaderError,
    Chip,
    FlashError,
    flash,
    identify_chip,
    read_image,
    wait_until_ready,
)
from ardente_tools.device._ports import Port, open_port
from ardente_tools.rig import Line, SimulatedBoard

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="MicroPython's unix port is for Linux")

FILES = {"main.py": MAIN}
FILLER = random.Random(20_260).randbytes(200_000)


@pytest.fixture
def board(ardente_line: Callable[..., Line], ardente_board: Callable[..., SimulatedBoard]) -> SimulatedBoard:
    return ardente_board(line=ardente_line(baud=None))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    file = tmp_path / "image.bin"
    file.write_bytes(flash_image(FILES, filler=FILLER))
    return file


def untouched(board: SimulatedBoard) -> bool:
    return all(event["event"] == "rom" for event in board.events.since()) and board.in_bootloader


def test_one_write_is_verified_and_what_was_written_starts(board: SimulatedBoard, image: Path) -> None:
    port = Port(board.port)
    seen: list[float] = []
    chips: list[Chip] = []
    chip = flash(port, read_image(image), progress=seen.append, on_chip=chips.append)
    assert chips == [chip]
    assert chip[:2] == ("ESP32", 4 << 20)
    assert seen == sorted(seen)
    assert len(seen) > 5
    assert seen[-1] == 1.0
    board.wait_for("ready")
    written = image.read_bytes()
    assert board.flash.read_bytes()[0x1000 : 0x1000 + len(written)] == written


def test_nothing_that_answers_is_said_with_what_to_do(board: SimulatedBoard, image: Path) -> None:
    flash(Port(board.port), read_image(image))
    with pytest.raises(NoAnswerError, match=r"written and verified, but nothing answers.*reset button"):
        wait_until_ready(Port(board.port), timeout_s=0)


def test_an_image_says_what_it_needs(tmp_path: Path) -> None:
    for chip, name, offset in (("esp32", "ESP32", 0x1000), ("esp32s3", "ESP32-S3", 0)):
        file = tmp_path / chip
        data = flash_image(FILES, chip)
        file.write_bytes(data)
        needed = read_image(file)
        assert needed[1:4] == (name, offset, offset + len(data))
        # A file that ends before its file system does still needs the whole of it.
        file.write_bytes(data[:-100_000])
        assert read_image(file).flash_bytes == offset + len(data)


@pytest.mark.parametrize("data", [b"", b"\xe9", b"PK\x03\x04" + bytes(100_000), bytes(100_000)])
def test_a_file_that_is_no_image_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "notes.bin"
    file.write_bytes(data)
    with pytest.raises(FileError, match="is no flash image"):
        read_image(file)


def test_an_image_that_was_changed_is_refused(board: SimulatedBoard, image: Path) -> None:
    built = read_image(image)
    data = bytearray(image.read_bytes())
    data[100_000] ^= 1
    image.write_bytes(data)
    with pytest.raises(FileError, match="changed or cut"):
        read_image(image, built.sha256)
    with pytest.raises(FileError, match="Nothing was erased"):
        flash(Port(board.port), built)
    assert untouched(board)


def test_an_image_for_another_chip_is_refused(board: SimulatedBoard, tmp_path: Path) -> None:
    file = tmp_path / "s3.bin"
    file.write_bytes(flash_image(FILES, "esp32s3"))
    with pytest.raises(FileError, match=r"is an ESP32, and s3.bin is for an ESP32-S3.*Nothing was erased"):
        flash(Port(board.port), read_image(file))
    assert untouched(board)


def test_a_flash_that_is_too_small_is_refused(
    ardente_board: Callable[..., SimulatedBoard], ardente_line: Callable[..., Line], image: Path
) -> None:
    board = ardente_board(line=ardente_line(baud=None), flash_megabytes=2)
    image.write_bytes(flash_image(FILES, at=0x20_0000))
    with pytest.raises(FileError, match=r"has 2 MB, and image.bin needs 2.12.*Nothing was erased"):
        flash(Port(board.port), read_image(image))
    assert untouched(board)


def test_a_busy_port_and_a_missing_one_are_named(board: SimulatedBoard, image: Path, tmp_path: Path) -> None:
    port = Port(board.port)
    with open_port(port), pytest.raises(PortError, match="in use"):
        flash(port, read_image(image))
    with pytest.raises(PortError, match="There is no port"):
        flash(Port(str(tmp_path / "tty")), read_image(image))
    assert untouched(board)


def test_a_running_scanner_is_told_from_a_bootloader(board: SimulatedBoard, image: Path) -> None:
    port = Port(board.port)
    flash(port, read_image(image))
    board.wait_for("ready")
    since = len(board.events)
    with pytest.raises(BootloaderError, match=r"not in its bootloader.*BOOT button.*Nothing was erased"):
        identify_chip(port)
    assert board.events.since(since) == []


def test_a_write_without_its_cable_says_so_and_the_next_one_begins_again(
    board: SimulatedBoard, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = Port(board.port)
    # How often esptool looks whether the cable is back, once a second.
    (tmp_path / "esptool.cfg").write_text("[esptool]\nconnect_attempts = 1\n")
    monkeypatch.setenv("ESPTOOL_CFGFILE", str(tmp_path / "esptool.cfg"))

    def watch(share: float) -> None:
        if share > 0.3 and board.line.plugged:
            board.line.cut()

    with pytest.raises(FlashError, match=r"Writing stopped.*run the command again, it starts over") as caught:
        flash(port, read_image(image), progress=watch)
    assert caught.value.erased
    board.line.mend()
    board.power_cycle()
    assert board.in_bootloader
    flash(port, read_image(image))
    board.wait_for("ready")


def test_a_cable_that_is_back_at_once_costs_no_second_command(board: SimulatedBoard, image: Path) -> None:
    port = Port(board.port)
    cuts: list[float] = []

    def watch(share: float) -> None:
        if share > 0.3 and not cuts:
            cuts.append(share)
            board.line.cut()
            board.line.mend()

    flash(port, read_image(image), progress=watch)
    assert cuts
    board.wait_for("ready")


def test_ctrl_c_leaves_a_board_that_can_be_flashed(board: SimulatedBoard, image: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from ardente_tools.device._flash import FlashError, flash, read_image\n"
        "from ardente_tools.device._ports import Port\n"
        "try:\n"
        "    flash(Port(sys.argv[1]), read_image(Path(sys.argv[2])), progress=lambda share: print(share, flush=True))\n"
        "except FlashError as error:\n"
        "    print(error.erased, error)\n"
    )
    command = [sys.executable, "-c", program, board.port, str(image)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        while float(process.stdout.readline()) < 0.2:
            pass
        os.killpg(process.pid, signal.SIGINT)
        said = process.stdout.read().splitlines()[-1]
    assert said.startswith("True Writing was interrupted.")
    time.sleep(0.05)
    assert board.in_bootloader
    flash(Port(board.port), read_image(image))
    board.wait_for("ready")


def test_no_file_that_lies_about_changes_what_esptool_does(
    board: SimulatedBoard, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "esptool.cfg").write_text("[esptool]\nchip = esp32c3\nconnect_attempts = nonsense\n")
    monkeypatch.chdir(tmp_path)
    assert identify_chip(Port(board.port)).name == "ESP32"
