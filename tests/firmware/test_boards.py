"""The boards and `main`, executed: stand-ins (stand_ins/) take the place of the modules that only a chip has."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from scanner_sim import GREY, Scanner
from test_app import CITY, GOOD
from test_app import scanner as scanner

from interpreters import FIRMWARE, PROJECT

STAND_INS = Path(__file__).with_name("stand_ins")
# What these chips look at while they start.
STRAPPING = {"ai_thinker": {0, 2, 12, 15}, "xiao_s3_sense": {0, 3, 45, 46}, "m5stack_cams3": {0, 3, 45, 46}}
# What the camera has, by the boards' own firmware and micropython-camera-API.
CAMERA = {
    "ai_thinker": {0, 5, 18, 19, 21, 22, 23, 25, 26, 27, 32, 34, 35, 36, 39},
    "xiao_s3_sense": {10, 11, 12, 13, 14, 15, 16, 17, 18, 38, 39, 40, 47, 48},
    "m5stack_cams3": {4, 5, 6, 7, 10, 11, 12, 13, 15, 16, 17, 18, 21, 41, 42},
}
# Relay, PASS, light with its level when it is off, buzzer.
PINS = {
    "ai_thinker": (13, 14, (33, 1), None),
    "xiao_s3_sense": (1, 2, (21, 1), 4),
    "m5stack_cams3": (39, 38, (14, 1), None),
}
GENERIC = {"relay": 4, "pass": 5, "led": 6, "buzzer": 7, "uart_tx": 8, "uart_rx": 9}
QVGA, GRAYSCALE, LATEST = 6, 3, 1


def ask(scanner: Scanner, *arguments: str) -> Any:
    on_stand_ins = replace(scanner, paths=(STAND_INS, *scanner.paths))
    told = json.loads(on_stand_ins.run_program("boards_device.py", *arguments, may_complain=True))
    scanner.complaint = on_stand_ins.complaint
    return told


def made(scanner: Scanner, board: str, **config: Any) -> dict[str, Any]:
    return ask(scanner, "made", board, json.dumps(config))  # type: ignore[no-any-return]


@pytest.mark.parametrize("board", PINS)
def test_a_board_has_its_pins_and_begins_with_all_off(scanner: Scanner, board: str) -> None:
    relay, contact, (light, dark), buzzer = PINS[board]
    told = made(scanner, board)
    assert told["relay"] == ["Signal", [[relay, "out", None, 0]]]
    assert told["pass"] == ["Contact", [[contact, "in", "pull-up", None]]]
    assert told["light"] == ["Signal", [[light, "out", None, dark]]]
    assert told["buzzer"] == (["NoneType", []] if buzzer is None else ["Signal", [[buzzer, "out", None, 0]]])
    assert (told["floor"], told["watchdogs"]) == ("NvsFloor", [30_000])
    own = {pin for pin in (relay, contact, light, buzzer) if pin is not None}
    assert not own & (STRAPPING[board] | CAMERA[board])


def test_the_guide_says_the_same_pins() -> None:
    guide = (PROJECT / "docs" / "hardware.md").read_text()
    for board, (relay, contact, _, _) in PINS.items():
        [row] = re.findall(rf"^\| [^|]*`{board}` \| ([^|]*) \| ([^|]*) \|", guide, re.MULTILINE)
        assert [int(re.findall(r"GPIO (\d+)", cell)[0]) for cell in row] == [relay, contact]


@pytest.mark.parametrize("board", PINS)
def test_a_board_opens_its_camera_for_the_newest_grey_frame(scanner: Scanner, board: str) -> None:
    told = made(scanner, board)
    xclk_hz = 10_000_000 if board == "ai_thinker" else 20_000_000
    assert told["source"] == "CameraSource"
    assert told["cameras"][0] == [GRAYSCALE, QVGA, xclk_hz, 2, LATEST]


def test_the_generic_board_has_the_pins_of_its_configuration(scanner: Scanner) -> None:
    told = made(scanner, "generic", pins=GENERIC, source="uart")
    assert told["relay"] == ["Signal", [[4, "out", None, 0]]]
    assert told["pass"] == ["Contact", [[5, "in", "pull-up", None]]]
    assert told["light"] == ["Signal", [[6, "out", None, 0]]]
    assert told["buzzer"] == ["Signal", [[7, "out", None, 0]]]
    assert told["source"] == "UartSource"
    assert told["uarts"][0] == [1, 9600, 8, 9, 1024, 0]


def test_the_xiao_has_a_uart(scanner: Scanner) -> None:
    assert made(scanner, "xiao_s3_sense", source="uart")["uarts"][0] == [1, 9600, 43, 44, 1024, 0]


def test_a_contact_that_closed_is_told_once_however_often_it_bounced(scanner: Scanner) -> None:
    assert ask(scanner, "contact") == [False, True, False]


# main


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    file = tmp_path / "frame"
    file.write_bytes(GOOD)
    return file


def started(scanner: Scanner, frame: Path, config: Any, fault: str = "", for_ms: int = 3000) -> dict[int, list[Any]]:
    """What `main` did: by pin the changes of its level; by 0 for how long the watchdog was not fed at the end."""
    scanner.flash.mkdir(exist_ok=True)
    file = scanner.flash / "config.json"
    file.unlink(missing_ok=True)
    if config is not None:
        file.write_text(config if isinstance(config, str) else json.dumps(config))
    told = ask(scanner, "started", str(scanner.flash), str(for_ms), str(frame), fault)
    changes: dict[int, list[Any]] = {0: told["unfed_ms"]}
    for at_ms, pin, level in told["changes"]:
        changes.setdefault(pin, []).append((at_ms, level))
    return changes


AI_THINKER = {"board": "ai_thinker"}
RELAY, RED = 13, 33


def shows_a_fault(changes: list[Any]) -> bool:
    """The light is on and off twice, 150 ms each, and then off for longer; it is on at 0."""
    begin = next(number for number, (_, level) in enumerate(changes) if level == 0)
    times, levels = zip(*changes[begin : begin + 5], strict=True)
    lengths = [b - a for a, b in pairwise(times)]
    return levels == (0, 1, 0, 1, 0) and all(
        wanted <= length < wanted + 60 for length, wanted in zip(lengths, (150, 150, 150, 1550), strict=True)
    )


def test_a_start_opens_for_a_card_and_feeds_the_watchdog(scanner: Scanner, frame: Path) -> None:
    scanner.install(CITY)
    changes = started(scanner, frame, AI_THINKER)
    assert scanner.complaint == ""
    (_, idle), (on_ms, on), (off_ms, off) = changes[RELAY]
    assert (idle, on, off) == (0, 1, 0)
    assert 300 <= off_ms - on_ms < 350
    [unfed_ms] = changes[0]
    assert unfed_ms < 100


@pytest.mark.parametrize("fault", ["no camera", "no camera module"])
def test_without_a_camera_the_gate_stays_shut_and_the_loop_goes_on(scanner: Scanner, frame: Path, fault: str) -> None:
    scanner.install(CITY)
    changes = started(scanner, frame, AI_THINKER, fault)
    assert [level for _, level in changes[RELAY]] == [0]
    assert shows_a_fault(changes[RED])
    [unfed_ms] = changes[0]
    assert unfed_ms < 100


def test_without_psram_a_fault_is_shown_until_the_watchdog_starts_again(scanner: Scanner, frame: Path) -> None:
    scanner.install(CITY)
    changes = started(scanner, frame, AI_THINKER, "no room")
    assert scanner.complaint == "The scanner cannot start: MemoryError.\n"
    assert [level for _, level in changes[RELAY]] == [0]
    assert shows_a_fault(changes[RED])
    [unfed_ms] = changes[0]
    assert unfed_ms > 2500


@pytest.mark.parametrize(
    "config",
    [None, "", "{", "[]", {"board": "esp8266"}, {}, {"pins": {"led": 6}}, {"pins": {"relay": 2}}],
    ids=["missing", "empty", "cut", "a list", "no such board", "no pins", "no relay", "strapping pin"],
)
def test_without_a_board_nothing_is_done_to_any_pin(scanner: Scanner, frame: Path, config: Any) -> None:
    scanner.install(CITY)
    changes = started(scanner, frame, config)
    assert list(changes) == [0]
    # The loop goes on, for a configuration may come on the serial line.
    [unfed_ms] = changes[0]
    assert unfed_ms < 100
    assert re.fullmatch(r"[A-Z\"].*\.\n", scanner.complaint)


@pytest.mark.parametrize("wrong", [{"passback_s": -1}, {"gate": {"pulse_ms": 5}}, {"colour": "red"}])
def test_a_wrong_value_is_shown_on_the_boards_own_light_and_waited_for(
    scanner: Scanner, frame: Path, wrong: dict[str, Any]
) -> None:
    scanner.install(CITY)
    changes = started(scanner, frame, AI_THINKER | wrong)
    assert re.fullmatch(r"[A-Z\"].*\.\n", scanner.complaint)
    assert [level for _, level in changes[RELAY]] == [0]
    assert shows_a_fault(changes[RED])
    [unfed_ms] = changes[0]
    assert unfed_ms < 100


def test_grey_opens_nothing(scanner: Scanner, frame: Path) -> None:
    frame.write_bytes(GREY)
    scanner.install(CITY)
    assert [level for _, level in started(scanner, frame, AI_THINKER)[RELAY]] == [0]


def test_the_public_test_city_is_refused_by_every_board() -> None:
    assert "allow_test_city = False" in (FIRMWARE / "boards" / "board.py").read_text()
