"""From an empty chip to a turnstile that opens: one image, one write, one card."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from workbench import Town

from ardente.core.root import ROLE_FIRMWARE, Role, Root
from ardente_tools.city._application import sign_application
from ardente_tools.device._client import Device
from ardente_tools.device._compile import compile_application
from ardente_tools.device._flash import flash, read_image, wait_until_ready
from ardente_tools.device._image import build_image
from ardente_tools.device._ports import Port
from ardente_tools.rig import Line, SimulatedBoard
from ardente_tools.simulate import scenes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="MicroPython's unix port is for Linux")


@pytest.fixture
def image(town: Town, tmp_path: Path) -> Path:
    key = town.city.key("firmware-1")
    root = Root(town.city.name, 1, 0, 1, {ROLE_FIRMWARE: Role(1, [key.public_key])})
    compile_application("unix", tmp_path / "unix")
    now = int(time.time())
    application = tmp_path / "application"
    application.write_bytes(sign_application(tmp_path / "unix", root, [key], board="unix", version=1, now=now))
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"label": "pool-1", "board": "generic"}))
    file = tmp_path / "image.bin"
    parts = {"application": application, "config": config, "root": town.root, "bundle": town.new}
    file.write_bytes(build_image(None, **parts, now=now))
    return file


@pytest.mark.slow
def test_a_flashed_board_opens_to_a_card_and_survives_cable_and_power(
    ardente_board: Callable[..., SimulatedBoard], ardente_line: Callable[..., Line], town: Town, image: Path
) -> None:
    board = ardente_board(line=ardente_line(baud=None), allow_test_city=False)
    port = Port(board.port)
    flash(port, read_image(image))
    status = wait_until_ready(port)
    assert (status.label, status.city, status.bundle) == ("pool-1", town.city.name, 2)
    assert status.application == 1
    board.wait_for("ready")

    card = scenes.frame(random.Random(1), shown=scenes.code(town.city.card_text(7)))
    board.show(card)
    assert board.wait_for("relay")["on"] is True

    board.line.cut()
    board.line.mend()
    since = len(board.events)
    board.power_cycle()
    board.wait_for("ready", since=since)
    with Device(port) as device:
        assert device.status().bundle == 2
