"""docs/technician.md, followed as it stands: from an empty board to a card that is refused."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from ardente_tools.device import _errors
from ardente_tools.device._compile import compile_application
from ardente_tools.device._fleet import read_fleet
from interpreters import PROJECT

PAGE = (PROJECT / "docs" / "technician.md").read_text(encoding="utf-8")
WALK = PAGE[PAGE.index("## From an empty board") : PAGE.index("## On a real board")]
BLOCKS = [block.strip().splitlines() for block in re.findall(r"```\n(.*?)```", WALK, re.DOTALL)]
SIMULATE = "ardente simulate --serial board --baud 38400"


class Desk:
    """A folder, the commands that are typed there, and what the second terminal says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(folder / "config"),
            "LC_ALL": "C.UTF-8",
        }
        self.board: subprocess.Popen[bytes] | None = None

    def start(self, command: str, **options: int | IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.environment,
            start_new_session=True,
            **options,  # type: ignore[call-overload]
        )

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def told(self) -> str:
        return (self.folder / "told").read_text()

    def wait_for(self, text: str, since: int = 0, timeout_s: float = 60) -> None:
        deadline = time.monotonic() + timeout_s
        while text not in self.told()[since:]:
            assert time.monotonic() < deadline, f"no {text!r} in {self.told()[since:]}"
            time.sleep(0.1)

    def press_enter(self) -> None:
        assert self.board is not None
        assert self.board.stdin is not None
        self.board.stdin.write(b"\n")
        self.board.stdin.flush()

    def switch_on(self) -> None:
        with (self.folder / "told").open("wb") as told:
            self.board = self.start(SIMULATE, stdin=subprocess.PIPE, stdout=told, stderr=told)
        self.wait_for('"rom"')


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    if desk.board is not None:
        desk.board.send_signal(signal.SIGINT)
        desk.board.communicate()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="MicroPython's unix port is for Linux")
def test_the_page_leads_from_an_empty_board_to_a_card_that_is_refused(desk: Desk) -> None:
    city, image, board, flash, card, revoke, again = BLOCKS
    for command in city:
        desk.run(command)
    assert image[0] == "make firmware"
    compile_application("unix", desk.folder / "build" / "firmware" / "unix")
    for command in image[1:]:
        desk.run(command)
    assert board == [SIMULATE]
    desk.switch_on()
    assert "is a scanner now, pool-1" in desk.run(flash[0])
    assert "demo-town" in desk.run(flash[1])
    desk.run(card[0])
    desk.wait_for('"accepted"')

    for command in revoke[:-1]:
        desk.run(command)
    since = len(desk.told())
    push = desk.start(revoke[-1], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert push.stdout is not None
    assert push.stdout.readline().startswith(b"sending bundle 2")
    time.sleep(1)
    desk.press_enter()
    desk.wait_for('"cable"', since)
    assert b"gone: waiting for it to come back" in push.stdout.readline()
    push.send_signal(signal.SIGINT)
    push.communicate()
    assert push.returncode == 130
    desk.press_enter()
    time.sleep(0.5)
    assert desk.run(revoke[-1]) == "pool-1 has bundle 2 now.\n"

    since = len(desk.told())
    desk.run(again[0])
    desk.wait_for('"refused"', since)
    assert '"accepted"' not in desk.told()[since:]
    assert "bundle 2, less than a day old" in desk.run(again[1])
    assert "pool-1: bundle 2, 0 days old, enforced" in desk.run(again[2])


def test_the_page_names_every_code_of_an_error() -> None:
    classes = [_errors.DeviceError]
    for found in classes:
        classes += found.__subclasses__()
    named = set(re.findall(r"`([a-z_]+)`", PAGE[PAGE.index("`error` is one of") : PAGE.index("## What only hardware")]))
    assert {found.code for found in classes} <= named


def test_the_page_shows_a_fleet_file_that_is_one(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "fleet.toml"
    file.write_text(example)
    fleet = read_fleet(file)
    assert [(member.label, member.port.path) for member in fleet.members] == [
        ("pool-1", "/dev/ttyUSB0"),
        ("pool-2", "/dev/ttyUSB1"),
    ]
    assert fleet.file == tmp_path / "bundle.cbor"
