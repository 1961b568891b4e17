"""The scanner's application: real frames through the real firmware, on both sizes of MicroPython."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from scanner_sim import GREY, Scanner, frame, times

import interpreters
from ardente.core.token import CHILD, SENIOR
from ardente.testing import TestCity
from ardente.testing._clock import START
from interpreters import InterpreterMissingError, LocalInterpreter

CITY = TestCity()
GOOD = frame(CITY.card_text(186))
CHILD_CARD = frame(CITY.card_text(731, age_class=CHILD, until_year=2098))
SENIOR_CARD = frame(CITY.card_text(865, age_class=SENIOR))
REVOKED = frame(CITY.card_text(77))
EXPIRED = frame(CITY.card_text(593, exp=START.replace(year=2025, month=4, day=1, hour=0, minute=0, second=0)))
UNKNOWN_KEY = frame(CITY.card_text(186, key="card-3"))
MENU = frame("https://restaurant.example/menu")
DELAY_MS = 500


@pytest.fixture(params=["micropython", pytest.param("micropython32", marks=pytest.mark.mp32)])
def scanner(request: pytest.FixtureRequest, tmp_path: Path) -> Scanner:
    try:
        interpreter = interpreters.INTERPRETERS[request.param]()
    except InterpreterMissingError as error:
        pytest.skip(str(error))
    assert isinstance(interpreter, LocalInterpreter)
    made = Scanner(interpreter.command, tmp_path / "flash", (interpreters.FIRMWARE, interpreters.CORE_PARENT))
    made.configure()
    return made


@pytest.fixture
def installed(scanner: Scanner) -> Scanner:
    assert scanner.install(CITY) == {"event": "installed", "version": 1}
    return scanner


def scanner_is_64_bit(scanner: Scanner) -> bool:
    return "micropython32" not in scanner.command[0]


def relay_times(events: list[dict[str, Any]]) -> list[int]:
    return times(events, "relay", on=True)


def test_opens_the_gate_for_a_good_card_for_as_long_as_configured(installed: Scanner) -> None:
    installed.configure(gate={"pulse_ms": 700})
    installed.see(0)
    installed.see(1000, GOOD)
    events = installed.run()
    assert times(events, "accepted") == relay_times(events) == [1000]
    assert times(events, "relay", on=False) == [1700]


def test_shows_the_same_for_every_refusal_at_one_time_after_the_frame(installed: Scanner) -> None:
    shown = []
    for pixels in (REVOKED, EXPIRED, UNKNOWN_KEY, MENU):
        installed.see(0)
        installed.see(1000, pixels)
        shown.append(installed.run())
    assert times(shown[0], "refused") == [1000 + DELAY_MS]
    assert not relay_times(shown[0])
    assert shown == [shown[0]] * 4
    assert installed.counters()["reasons"] == {"revoked": 1, "expired": 1, "unknown_key": 1, "not_a_card": 1}


@pytest.mark.parametrize(("version", "mode"), [(5, "numeric"), (7, "numeric"), (10, "numeric"), (10, "byte")])
def test_refuses_the_digits_of_a_card_in_any_other_symbol(installed: Scanner, version: int, mode: str) -> None:
    installed.see(0)
    installed.see(1000, frame(CITY.card_text(186), version, mode))
    events = installed.run()
    assert times(events, "refused") == [1000 + DELAY_MS]
    assert not relay_times(events)
    assert installed.counters()["reasons"] == {"not_a_card": 1}


def test_shows_the_same_for_every_age_class(installed: Scanner) -> None:
    shown = []
    for pixels in (GOOD, CHILD_CARD, SENIOR_CARD):
        installed.see(0)
        installed.see(1000, pixels)
        shown.append(installed.run())
    assert relay_times(shown[0]) == [1000]
    assert shown == [shown[0]] * 3


def test_answers_a_card_once_until_it_was_out_of_view_for_two_seconds(installed: Scanner) -> None:
    for at_ms in range(0, 6000, 200):
        installed.see(at_ms, GOOD)
    installed.see(7700, GOOD)
    installed.see(9600, GOOD)
    installed.see(11700, GOOD)
    assert relay_times(installed.run()) == [0, 11700]


def test_does_not_answer_two_cards_in_view_by_turns(installed: Scanner) -> None:
    for number in range(40):
        installed.see(number * 200, (GOOD, SENIOR_CARD)[number % 2])
    assert len(relay_times(installed.run())) == 2


def test_lets_nobody_in_with_a_card_that_went_in_a_moment_ago(installed: Scanner) -> None:
    installed.configure(passback_s=60)
    for at_ms in (0, 5000, 59000, 62000):
        installed.see(at_ms, GOOD)
    events = installed.run()
    assert relay_times(events) == [0, 62000]
    assert times(events, "refused") == [5000 + DELAY_MS, 59000 + DELAY_MS]


def test_counts_a_card_as_gone_in_when_somebody_has_passed(installed: Scanner) -> None:
    installed.configure(passback_s=60, gate={"pass_contact": True})
    installed.see(0, GOOD)
    # Let in, but nobody passed: no second pulse for the same wait, and another one after it.
    installed.see(5000, GOOD)
    installed.see(12000, GOOD)
    installed.see(13000, **{"pass": True})
    installed.see(20000, GOOD)
    events = installed.run()
    assert relay_times(events) == [0, 12000]
    assert times(events, "pass") == [13000]
    assert len(times(events, "refused")) == 2


def test_takes_no_note_of_a_passage_that_it_did_not_allow(installed: Scanner) -> None:
    installed.configure(gate={"pass_contact": True})
    installed.see(0)
    installed.see(1000, **{"pass": True})
    assert times(installed.run(), "pass") == []


def test_shows_that_it_has_no_bundle_before_any_card(scanner: Scanner) -> None:
    scanner.see(0)
    scanner.see(5000, GOOD)
    events = scanner.run()
    assert times(events, "stale") == [0]
    assert times(events, "ready") == relay_times(events) == []
    assert times(events, "refused") == [5000 + DELAY_MS]


def test_shows_that_its_bundle_is_too_old_before_any_card(installed: Scanner) -> None:
    day_ms = 86_400_000
    for day in range(0, 48, 3):
        installed.see(day * day_ms)
    installed.see(46 * day_ms, GOOD)
    events = installed.run()
    assert times(events, "ready") == [0]
    [stale_ms] = times(events, "stale")
    assert 42 * day_ms < stale_ms <= 46 * day_ms
    assert relay_times(events) == []


def test_opens_for_a_card_until_a_bundle_revokes_it(installed: Scanner) -> None:
    installed.see(0, GOOD)
    assert relay_times(installed.run()) == [0]
    later = START + timedelta(days=1)
    assert installed.install(CITY, version=2, iat=later, revoked={"card-1": frozenset({186})})["version"] == 2
    installed.see(0, GOOD)
    assert relay_times(installed.run()) == []


def test_goes_on_with_its_bundle_when_an_older_one_is_offered(installed: Scanner) -> None:
    installed.install(CITY, version=2, iat=START + timedelta(days=1), revoked={"card-1": frozenset({186})})
    assert installed.install(CITY, version=1) == {"event": "refused", "reason": "older_bundle"}
    installed.see(0, GOOD)
    assert relay_times(installed.run()) == []


def test_shows_a_fault_while_there_is_no_camera_and_goes_on_when_there_is_one(installed: Scanner) -> None:
    for at_ms in range(0, 20000, 1000):
        installed.see(at_ms, fail=True)
    installed.see(30000)
    installed.see(45000, GOOD)
    events = installed.run()
    assert times(events, "fault") == [0]
    assert relay_times(events) == [45000]
    assert times(events, "ready")
    [[accepted, refused, faults]] = installed.counters()["days"].values()
    assert (accepted, refused, faults) == (1, 0, 1)


def test_shows_a_fault_when_the_camera_gives_nothing_for_five_seconds(installed: Scanner) -> None:
    for at_ms in range(0, 9000, 1000):
        installed.see(at_ms, frame=False)
    installed.see(30000, GOOD)
    events = installed.run()
    assert times(events, "fault") == [5000]
    assert relay_times(events) == [30000]


def test_shows_a_fault_when_the_camera_gives_one_frame_for_ever(installed: Scanner) -> None:
    for at_ms in range(0, 40000, 500):
        installed.see(at_ms, GOOD)
    events = installed.run()
    [fault_ms] = times(events, "fault")
    assert 30_000 <= fault_ms <= 31_000
    assert relay_times(events) == [0]


def test_takes_a_step_of_its_counter_back_for_no_time_at_all(installed: Scanner) -> None:
    installed.configure(passback_s=60)
    installed.see(100_000, GOOD)
    installed.see(110_000)
    installed.see(5_000)
    installed.see(9_000, GOOD)
    installed.see(60_000, GOOD)
    assert relay_times(installed.run()) == [100_000, 60_000]


def test_keeps_nothing_of_a_card_on_its_flash(installed: Scanner) -> None:
    installed.configure(passback_s=60)
    installed.see(0, GOOD)
    installed.see(5000, REVOKED)
    written = json.dumps(installed.run())
    kept = (installed.flash / "counters").read_bytes()
    for index in (186, 77):
        text = CITY.card_text(index)
        assert text[:30] not in written
        assert text[:30].encode() not in kept
        assert CITY.card(index)[-64:] not in kept


@pytest.mark.parametrize("junk", [b"", b"\xff" * 40, b"{}"])
def test_starts_its_counters_at_zero_where_their_file_is_damaged(installed: Scanner, junk: bytes) -> None:
    (installed.flash / "counters").write_bytes(junk)
    installed.see(0, GOOD)
    assert relay_times(installed.run()) == [0]
    assert [1, 0, 0] in installed.counters()["days"].values()


def test_reads_grey_for_nothing(installed: Scanner) -> None:
    for at_ms in range(0, 60_000, 5000):
        installed.see(at_ms, GREY)
    assert {event["event"] for event in installed.run()} == {"ready", "led"}


@pytest.mark.slow
def test_needs_no_more_memory_after_thousands_of_scans(installed: Scanner, tmp_path: Path) -> None:
    installed.configure(passback_s=60, gate={"pass_contact": True})
    frames = tmp_path / "frames"
    frames.write_bytes(GOOD + SENIOR_CARD + CHILD_CARD + REVOKED + UNKNOWN_KEY + MENU)
    garbage, growth, answered = installed.run_script("app_heap_device.py", str(frames), "5000").split()
    assert int(answered) == 5000
    assert int(growth) <= 0
    # 32-bit words, then 64-bit ones: what the decoder, the rule book, its tag and the simulator's events leave behind.
    assert int(garbage) <= (16 << 10, 24 << 10)[scanner_is_64_bit(installed)]


def test_the_parts_of_the_application_hold_their_rules(scanner: Scanner, tmp_path: Path) -> None:
    assert scanner.run_script("app_parts_device.py") == "ok\n"
