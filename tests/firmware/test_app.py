"""The scanner's application: real frames through the real firmware, on both sizes of MicroPython."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from scanner_sim import GREY, Scanner, frame, times

import interpreters
from ardente import issuing
from ardente.core.token import CHILD, SENIOR
from ardente.testing import TestCity
from ardente.testing._clock import START
from interpreters import Interpreter, InterpreterMissingError, LocalInterpreter

CITY = TestCity()
GOOD = frame(CITY.card_text(186))
CHILD_CARD = frame(CITY.card_text(731, age_class=CHILD, until_year=2098))
SENIOR_CARD = frame(CITY.card_text(865, age_class=SENIOR))
REVOKED = frame(CITY.card_text(77))
EXPIRED = frame(CITY.card_text(593, exp=START.replace(year=2025, month=4, day=1, hour=0, minute=0, second=0)))
UNKNOWN_KEY = frame(CITY.card_text(186, key="card-3"))
FORGED = frame(issuing.to_digits(CITY.card(186)[:-1] + b"\0"))
VOUCHER = frame(CITY.voucher_text(186, 500))
MENU = frame("https://restaurant.example/menu")
DELAY_MS = 500


def scanner_on(interpreter: Interpreter, folder: Path) -> Scanner:
    assert isinstance(interpreter, LocalInterpreter)
    made = Scanner(interpreter.command, folder / "flash", (interpreters.FIRMWARE, interpreters.CORE_PARENT))
    made.configure()
    return made


@pytest.fixture(params=["micropython", pytest.param("micropython32", marks=pytest.mark.mp32)])
def scanner(request: pytest.FixtureRequest, tmp_path: Path) -> Scanner:
    try:
        return scanner_on(interpreters.INTERPRETERS[request.param](), tmp_path)
    except InterpreterMissingError as error:
        pytest.skip(str(error))


def with_smallest_words() -> Interpreter:
    """The 32-bit interpreter, whose memory is as a board's, or the 64-bit one where only that is."""
    try:
        return interpreters.micropython32()
    except InterpreterMissingError:
        return interpreters.micropython()


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
    for pixels in (REVOKED, EXPIRED, UNKNOWN_KEY, FORGED, VOUCHER, MENU):
        installed.see(0)
        installed.see(1000, pixels)
        shown.append(installed.run())
    assert times(shown[0], "refused") == [1000 + DELAY_MS]
    assert not relay_times(shown[0])
    assert shown == [shown[0]] * 6
    assert installed.counters()["reasons"] == {
        "revoked": 1,
        "expired": 1,
        "unknown_key": 1,
        "bad_signature": 1,
        "not_a_card": 2,
    }


def test_shows_the_same_for_a_card_that_went_in_already(installed: Scanner) -> None:
    installed.configure(passback_s=60)
    shown = []
    for second in (GOOD, REVOKED):
        installed.see(0, GOOD)
        installed.see(5000, second)
        shown.append(installed.run())
    assert times(shown[0], "refused") == [5000 + DELAY_MS]
    assert shown[0] == shown[1]


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
    for day in range(0, 45, 3):
        installed.see(day * day_ms)
    # Its light blinks from here on, each turn of which takes the simulator as long as a frame.
    installed.see(45 * day_ms + 1000)
    installed.see(45 * day_ms + 2000, GOOD)
    events = installed.run()
    assert times(events, "ready") == [0]
    [stale_ms] = times(events, "stale")
    assert 42 * day_ms < stale_ms <= 45 * day_ms + 1000
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


def test_shows_a_fault_when_the_camera_gives_two_frames_by_turns_for_ever(installed: Scanner) -> None:
    for number in range(80):
        installed.see(number * 500, (GOOD, UNKNOWN_KEY)[number % 2])
    events = installed.run()
    [fault_ms] = times(events, "fault")
    assert 30_000 <= fault_ms <= 33_000
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


# Parts that fail.


def failing(scanner: Scanner, tmp_path: Path, scenario: str) -> tuple[list[dict[str, Any]], int]:
    """The events of a scenario, and when the watchdog was fed last."""
    card = tmp_path / "card"
    card.write_bytes(GOOD)
    told = json.loads(scanner.run_script("app_faults_device.py", str(card), scenario))
    return told["events"], told["fed_ms"]


@pytest.mark.parametrize("scenario", ["flash_fails", "relay_fails"])
def test_refuses_as_ever_when_a_part_fails_and_says_so(installed: Scanner, tmp_path: Path, scenario: str) -> None:
    events, _ = failing(installed, tmp_path, scenario)
    assert times(events, "refused") == [1000 + DELAY_MS]
    assert times(events, "accepted") == relay_times(events) == []
    assert times(events, "fault") == [1000]
    [ready_ms] = times(events, "ready")
    assert 11_000 <= ready_ms <= 12_000


def test_opens_for_cards_though_its_flash_is_full(installed: Scanner, tmp_path: Path) -> None:
    events, _ = failing(installed, tmp_path, "flash_is_full")
    assert relay_times(events) == [1000, 63 * 60_000]
    assert times(events, "fault")
    assert events[-1]["event"] != "fault"


def test_leaves_a_camera_that_is_gone_for_five_minutes_to_the_watchdog(installed: Scanner, tmp_path: Path) -> None:
    events, last_ms = failing(installed, tmp_path, "camera_is_gone")
    [back] = [event for event in events if event["event"] == "back"]
    assert 300_000 <= back["fed_ms"] + 5000 <= 305_000
    assert last_ms >= 21 * 60_000 - 1000


def test_leaves_a_loop_in_which_a_part_always_fails_to_the_watchdog(installed: Scanner, tmp_path: Path) -> None:
    _, last_ms = failing(installed, tmp_path, "a_part_always_fails")
    assert last_ms < 306_000


def test_judges_by_its_own_estimate_whatever_time_a_host_says(installed: Scanner, tmp_path: Path) -> None:
    events, _ = failing(installed, tmp_path, "time_is_set")
    assert times(events, "stale") == []
    assert relay_times(events) == [2000, 9000]


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
@pytest.mark.parametrize("scans", [5000, pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_needs_no_more_memory_after_thousands_of_scans(tmp_path: Path, scans: int) -> None:
    scanner = scanner_on(with_smallest_words(), tmp_path)
    scanner.install(CITY)
    scanner.configure(passback_s=60, gate={"pass_contact": True})
    frames = tmp_path / "frames"
    frames.write_bytes(GOOD + SENIOR_CARD + CHILD_CARD + REVOKED + UNKNOWN_KEY + MENU)
    told = scanner.run_script("app_heap_device.py", str(frames), str(scans), timeout_s=3600)
    garbage_bytes, growth_bytes, answered = map(int, told.split())
    assert answered == scans
    assert growth_bytes <= 0
    # What decoder, rule book, tag and the events of the simulator leave behind; words of 64 bits take twice as much.
    assert garbage_bytes <= (8 << 10 if scanner_is_64_bit(scanner) else 4 << 10)


def test_the_parts_of_the_application_hold_their_rules(scanner: Scanner, tmp_path: Path) -> None:
    assert scanner.run_script("app_parts_device.py") == "ok\n"
