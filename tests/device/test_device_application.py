"""A new application is tried by the scanner itself: kept, or gone back from, and the tool says which."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from workbench import Town

from ardente.core.root import ROLE_FIRMWARE, Role, Root
from ardente_tools.city._application import sign_application
from ardente_tools.device._client import APPLICATION_IMAGE, Device
from ardente_tools.device._compile import compile_application
from ardente_tools.device._image import build_image
from ardente_tools.device._journal import Journal
from ardente_tools.device._ports import Port
from ardente_tools.rig import Line, SimulatedDevice
from ardente_tools.rig._partitions import unpack

START = 0x1000
Sign = Callable[..., Path]


@pytest.fixture(scope="module")
def sign(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Sign:
    """Sign the firmware as it is, or with a start of its own, for a family and with a version."""
    folder: Path = tmp_path_factory.mktemp("applications")
    compile_application("unix", folder / "unix")
    key = town.city.key("firmware-1")
    root = Root(town.city.name, 1, 0, 1, {ROLE_FIRMWARE: Role(1, [key.public_key])})

    def sign(version: int, board: str = "unix", start: str | None = None) -> Path:
        parts = folder / f"parts-{version}"
        shutil.copytree(folder / "unix", parts)
        if start is not None:
            (parts / "main.mpy").unlink()
            (parts / "main.py").write_text(start)
        (parts / "note.txt").write_text(str(version))
        file = folder / f"{board}-{version}"
        file.write_bytes(sign_application(parts, root, [key], board=board, version=version, now=int(time.time())))
        return file

    return sign


@pytest.fixture(scope="module")
def scanner(town: Town, sign: Sign, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDevice]:
    """A scanner that runs application 7 from its slot."""
    folder = tmp_path_factory.mktemp("scanner")
    config = folder / "config.json"
    config.write_text(json.dumps({"label": "gate-1", "board": "generic"}))
    image = build_image(None, application=sign(7), config=config, root=town.root, bundle=town.new, now=int(time.time()))
    unpack((b"\xff" * START + image).ljust(4 << 20, b"\xff"), folder / "flash")
    with Line(baud=None) as line, SimulatedDevice(folder / "flash", line=line) as device:
        yield device


def test_an_application_for_another_board_is_refused_before_a_byte_is_sent(
    run, scanner: SimulatedDevice, sign: Sign
) -> None:
    result = run("push", scanner.port, sign(8, "esp32"))
    assert result.exit_code == 2
    assert "made for esp32 and this scanner is unix: get the one for this board" in result.stderr


def test_one_that_fails_its_start_is_gone_back_from_and_that_is_said(
    run, scanner: SimulatedDevice, sign: Sign, journal_file: Path
) -> None:
    result = run("push", scanner.port, sign(9, start="def main():\n    raise RuntimeError\n"), "--json")
    assert result.exit_code == 2, result.output
    answer = json.loads(result.stdout)
    assert answer["error"] == "rolled_back"
    assert "tried application 9" in answer["text"]
    assert "went back to 7" in answer["text"]
    assert Journal(journal_file).records()[-1].result == "rolled_back"
    found = run("doctor", scanner.port)
    assert found.exit_code == 1
    assert "application 7, confirmed; a newer one failed its self-test." in found.stdout


def test_one_that_passes_is_kept_and_no_older_one_comes_after_it(run, scanner: SimulatedDevice, sign: Sign) -> None:
    newer = sign(10)
    result = run("push", scanner.port, newer)
    assert result.exit_code == 0, result.output
    assert result.stdout == "gate-1 has application 10 now.\n"
    assert run("doctor", scanner.port).exit_code == 0
    assert run("push", scanner.port, newer).stdout == "gate-1 has application 10 already.\n"
    older = run("push", scanner.port, sign(6))
    assert older.exit_code == 2
    assert "The application is older than the one installed" in older.stderr


SLOW_TO_PASS = """import sys, time
from board_serial import main as run
from self_test import SelfTest
began = time.time()
passes = SelfTest.passes
SelfTest.passes = lambda self: time.time() - began > 4 and passes(self)
def main():
    sys.exit(run(sys.argv[1:]))
"""


def test_a_push_that_was_stopped_during_the_trial_waits_for_its_end(run, scanner: SimulatedDevice, sign: Sign) -> None:
    application = sign(12, start=SLOW_TO_PASS)
    sha256 = hashlib.sha256(application.read_bytes()).digest()
    with Device(Port(scanner.port)) as device:
        device.upload(APPLICATION_IMAGE, application.read_bytes(), lambda done, total: None)
        device.set_trial(sha256)
        device.reset_once()
        assert device.status().application_state == "trial"
    result = run("push", scanner.port, application)
    assert result.stdout == "gate-1 has application 12 now.\n", result.output
