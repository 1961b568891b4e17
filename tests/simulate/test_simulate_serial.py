"""`ardente simulate --serial`: a board on a serial port, for people without one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flash_images import MAIN, flash_image
from PIL import Image

from ardente_tools.device._errors import PortError
from ardente_tools.device._flash import flash, identify_chip, read_image
from ardente_tools.device._ports import Port, open_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="MicroPython's unix port is for Linux")


@contextmanager
def simulated(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "ardente", "simulate", "--serial", str(folder), "--baud", "921600", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


def until(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    assert process.stdout is not None
    for line in process.stdout:
        event: dict[str, Any] = json.loads(line)
        if event["event"] == name:
            return event
    pytest.fail(f"The board ended before {name}.")


def enter(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_from_an_empty_board_to_one_that_runs_at_the_next_start_too(tmp_path: Path) -> None:
    folder = tmp_path / "board"
    port = Port(str(folder / "port"))
    image = tmp_path / "image.bin"
    image.write_bytes(flash_image({"main.py": MAIN}))
    with simulated(folder) as process:
        until(process, "rom")
        flash(port, read_image(image))
        until(process, "ready")
        Image.new("L", (300, 300), 200).save(folder / "camera" / "card.png")
        assert until(process, "shown")["picture"] == "card.png"
        enter(process)
        assert until(process, "cable")["in"] is False
        with pytest.raises(PortError):
            open_port(port)
        enter(process)
        assert until(process, "cable")["in"] is True
        open_port(port).close()
    assert process.returncode == 0
    assert not Path(port.path).exists()
    with simulated(folder) as process:
        until(process, "ready")
    with simulated(folder, "--bootloader") as process:
        until(process, "rom")
        assert identify_chip(port).name == "ESP32"


def test_two_boards_do_not_share_a_folder(tmp_path: Path) -> None:
    with simulated(tmp_path) as first:
        until(first, "rom")
        with simulated(tmp_path) as second:
            assert second.wait(20) != 0
            assert second.stderr is not None
            assert "Another simulated board runs in" in second.stderr.read()


@pytest.mark.parametrize("arguments", [[], ["card.png", "--serial", "board"]])
def test_pictures_or_a_serial_port(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "ardente", "simulate", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "PICTURES" in done.stderr
