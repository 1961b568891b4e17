"""The scanner's store: what comes in is judged first, what is in force survives, and a start never fails."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from store_scenarios import CITY, HERE, ROOT, WITH_FILES, Scenarios, install, paths, run

from ardente.core.errors import TrustError
from ardente.testing._city import REVOKED
from interpreters import Interpreter
from test_trust_attacks import (
    ATTACKS,
    FIRST,
    ROOT1,
    SECOND,
    UNDER_ROOT2,
    answer_of,
    believing,
    day,
    epoch_s,
    split,
)
from test_trust_attacks import install as install_on_host

pytestmark = WITH_FILES
THIRD = CITY.bundle(3, iat=day(2), chain=[ROOT1], revoked={})
REVOKED_BY = {
    1: REVOKED,
    2: {**REVOKED, "card-1": frozenset({78, 512, 1000})},
    3: dict.fromkeys(REVOKED, frozenset()),
}
OF_THE_STORE = ["root", "root-copy", "pointer", "clock", "floor"]
GARBAGE = bytes(range(251, 0, -1)) * 3


def revoked(version: int) -> dict[str, list[int]]:
    return {CITY.list_uri(label): sorted(indices) for label, indices in REVOKED_BY[version].items()}


def front_bytes(bundle: bytes) -> int:
    parts = split(bundle)
    return len(parts.manifest) + sum(map(len, parts.chain))


def test_a_store_begins_without_a_root_and_says_what_it_lacks(interpreter: Interpreter, tmp_path: Path) -> None:
    answers = run(
        interpreter,
        tmp_path,
        ("start",),
        ("begin", 100),
        ("provision", FIRST.hex()),
        ("provision", ROOT.hex()),
        ("provision", ROOT.hex()),
        ("provision", CITY.root(exp=day(900)).hex()),
        ("start",),
        ("judge", CITY.card_text(1), epoch_s(day(1))),
        ("finish",),
        ("write", 0, "00"),
        install(FIRST),
        ("start",),
        ("repaired",),
        ("tables",),
    )
    assert answers == [
        ["no_root", 0],
        "StoreError",
        "not_a_root",
        True,
        False,
        "StoreError",
        ["no_bundle", 0],
        "StoreError",
        "StoreError",
        "StoreError",
        "installed",
        ["ready", 1],
        False,
        2,
    ]


def test_a_voucher_shown_at_a_gate_is_no_card(interpreter: Interpreter, tmp_path: Path) -> None:
    answers = run(
        interpreter,
        tmp_path,
        ("start",),
        ("provision", ROOT.hex()),
        install(FIRST),
        ("judge", CITY.voucher_text(12, 1000), epoch_s(day(1))),
        ("judge", CITY.card_text(1), epoch_s(day(1))),
    )
    assert answers[-2:] == ["not_a_card", "ok"]


@pytest.mark.parametrize("chunk_bytes", [1, 63, 64, 180, 1024, 1 << 20])
def test_a_bundle_comes_in_parts_of_any_size(interpreter: Interpreter, tmp_path: Path, chunk_bytes: int) -> None:
    answers = run(
        interpreter,
        tmp_path,
        ("start",),
        ("provision", ROOT.hex()),
        install(FIRST, chunk_bytes),
        ("revoked",),
        install(SECOND, chunk_bytes),
        ("revoked",),
        ("judge", CITY.card_text(78), epoch_s(day(2))),
        ("judge", CITY.card_text(77), epoch_s(day(2))),
        install(UNDER_ROOT2, chunk_bytes),
        ("incoming",),
        ("start",),
        ("now",),
    )
    fronts = [front_bytes(bundle) for bundle in (FIRST, SECOND, UNDER_ROOT2)]
    # No byte of a list is on the flash when the signatures are verified.
    assert answers[2:] == [
        "installed",
        revoked(1),
        "installed",
        revoked(2),
        "revoked",
        "ok",
        "installed",
        fronts,
        ["ready", 3],
        epoch_s(day(11)),
    ]


def test_a_wrong_offset_changes_nothing_and_is_told_the_right_one(interpreter: Interpreter, tmp_path: Path) -> None:
    half = len(FIRST) // 2
    answers = run(
        interpreter,
        tmp_path,
        ("start",),
        ("provision", ROOT.hex()),
        ("begin", len(FIRST)),
        ("write", 5, "00"),
        ("write", 0, FIRST[:half].hex()),
        ("write", 0, FIRST[:half].hex()),
        ("next",),
        ("finish",),
        ("write", half + 1, "00"),
        ("write", half, FIRST[half:].hex()),
        ("finish",),
        ("next",),
        ("start",),
    )
    assert answers[3:] == [0, half, half, half, "StoreError", half, len(FIRST), "installed", 0, ["ready", 1]]


def test_more_bytes_than_announced_are_refused(interpreter: Interpreter, tmp_path: Path) -> None:
    answers = run(
        interpreter,
        tmp_path,
        ("start",),
        ("provision", ROOT.hex()),
        ("begin", len(FIRST)),
        ("write", 0, (FIRST + b"\0").hex()),
        ("next",),
        ("begin", (16 << 20) + 1),
        ("begin", 0),
        ("finish",),
        ("start",),
    )
    assert answers[3:] == ["list_unknown", 0, "too_large", None, "not_a_bundle", ["no_bundle", 0]]


@pytest.mark.slow
def test_every_attack_on_an_install_fails_here_too(interpreter: Interpreter, tmp_path: Path) -> None:
    scenarios = Scenarios(interpreter)
    expected = {}
    for number, attack in enumerate(ATTACKS):
        now = epoch_s(day(attack.today))
        installed = believing(attack)
        offer = attack.offer()
        try:
            answer = answer_of(install_on_host(offer, installed, attack.today, has_clock=False)[0])
        except TrustError as error:
            answer = error.reason
        before = installed.manifest.version if installed.manifest else 0
        answer = "installed" if answer == "recovered" else answer
        expected[attack.name] = (answer, before)
        scenarios.add(
            tmp_path / str(number),
            ("start",),
            ("provision", attack.first.hex()),
            *[install(data) for data in attack.installed],
            # A host's clock runs ahead of the estimate, so that the scanner judges on the day of the attack.
            ("hint", now, now + 900 * 86400),
            install(offer, 200),
            ("told",),
            ("start",),
        )
    for (name, (answer, before)), answers in zip(expected.items(), scenarios.run(), strict=True):
        told, *kept = answers[-3:]
        assert told == answer, name
        if answer != "installed":
            assert kept == [["ready" if before else "no_bundle", before]] * 2, name


def test_what_is_refused_leaves_no_file_and_the_bundle_before_it(interpreter: Interpreter, tmp_path: Path) -> None:
    steps = [("start",), ("provision", ROOT.hex()), install(FIRST), install(SECOND), ("start",)]
    run(interpreter, tmp_path, *steps)
    before = {file: file.read_bytes() for file in sorted(tmp_path.rglob("*")) if file.is_file()}
    assert run(interpreter, tmp_path, ("start",), install(FIRST), ("start",)) == [
        ["ready", 2],
        "older_bundle",
        ["ready", 2],
    ]
    assert {file: file.read_bytes() for file in sorted(tmp_path.rglob("*")) if file.is_file()} == before


def test_a_bundle_changed_on_its_way_is_refused_or_says_the_same(interpreter: Interpreter, tmp_path: Path) -> None:
    generator = random.Random(4)
    scenarios = Scenarios(interpreter)
    for number in range(80):
        changed = bytearray(SECOND)
        at = generator.randrange(len(changed))
        how = generator.choice(["change", "cut", "insert", "end"])
        if how == "change":
            changed[at] ^= 1 << generator.randrange(8)
        elif how == "insert":
            changed.insert(at, generator.randrange(256))
        else:
            del changed[at : at + 1 if how == "cut" else len(changed)]
        steps = (install(bytes(changed), generator.randrange(1, 600)), ("start",), ("revoked",))
        scenarios.add(tmp_path / str(number), ("start",), ("provision", ROOT.hex()), install(FIRST), *steps)
    told = [answers[3:] for answers in scenarios.run()]
    assert len([answer for answer, *_ in told if answer != "installed"]) > 60
    for answer, state, bits in told:
        # What may change is a signature of the first root, which a person believed by its fingerprint.
        version = 2 if answer == "installed" else 1
        assert (state, bits) == (["ready", version], revoked(version))


def test_the_floor_outlives_the_bundles_and_judges_only_what_is_offered(
    interpreter: Interpreter, tmp_path: Path
) -> None:
    run(interpreter, tmp_path, ("start",), ("provision", ROOT.hex()), install(FIRST), install(SECOND))
    for slot in ("0", "1"):
        shutil.rmtree(tmp_path / slot)
    answers = run(interpreter, tmp_path, ("start",), install(FIRST), install(SECOND), ("start",), install(UNDER_ROOT2))
    assert answers == [["no_bundle", 0], "older_bundle", "installed", ["ready", 2], "installed"]


def test_the_bundle_in_use_may_lie_below_the_floor(interpreter: Interpreter, tmp_path: Path) -> None:
    run(interpreter, tmp_path, ("start",), ("provision", ROOT.hex()), install(FIRST), install(SECOND))
    (tmp_path / (tmp_path / "pointer").read_text() / "bundle").unlink()
    answers = run(interpreter, tmp_path, ("start",), ("repaired",), ("revoked",), install(SECOND), ("start",))
    assert answers == [["ready", 1], True, revoked(1), "installed", ["ready", 2]]


def test_a_bundle_that_came_with_the_image_is_new_and_not_damaged(interpreter: Interpreter, tmp_path: Path) -> None:
    run(interpreter, tmp_path, ("start",), ("provision", ROOT.hex()), install(FIRST))
    slot = tmp_path / (tmp_path / "pointer").read_text()
    for file in slot.iterdir():
        if file.name != "bundle":
            file.unlink()
    answers = run(interpreter, tmp_path, ("start",), ("repaired",), ("revoked",), ("start",), ("repaired",))
    assert answers == [["ready", 1], False, revoked(1), ["ready", 1], False]


@pytest.mark.parametrize("steps", [[("seal",)], []], ids=["sealed", "cut before"])
def test_a_bitmap_is_made_once_more_only_where_its_hash_was_not_recorded_yet(
    interpreter: Interpreter, tmp_path: Path, steps: list[tuple[str]]
) -> None:
    run(interpreter, tmp_path, ("start",), ("provision", ROOT.hex()), install(FIRST), *steps)
    bits = tmp_path / (tmp_path / "pointer").read_text() / "bits-0-0"
    os.utime(bits, (1, 1))
    answers = run(interpreter, tmp_path, ("start",), ("repaired",), ("revoked",))
    assert answers == [["ready", 1], False, revoked(1)]
    assert (bits.stat().st_mtime == 1) == bool(steps)


def damages(file: Path, other: Path) -> dict[str, Callable[[], object]]:
    content = file.read_bytes()

    def flip(at: int) -> Callable[[], object]:
        return lambda: file.write_bytes(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])

    found: dict[str, Callable[[], object]] = {
        "missing": file.unlink,
        "empty": lambda: file.write_bytes(b""),
        "cut": lambda: file.write_bytes(content[: len(content) // 2]),
        "longer": lambda: file.write_bytes(content + b"\0"),
        "garbage": lambda: file.write_bytes(GARBAGE[: len(content)] if len(content) < 99 else GARBAGE),
        "first byte": flip(0),
        "byte in the middle": flip(len(content) // 2),
        "last byte": flip(len(content) - 1),
    }
    if other != file and other.exists():
        found["of the other slot"] = lambda: shutil.copyfile(other, file)
    return found


@pytest.mark.slow
def test_any_file_may_be_damaged(interpreter: Interpreter, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    run(interpreter, tmp_path / "whole", ("start",), ("provision", ROOT.hex()), install(FIRST), install(SECOND))
    used = (whole / "pointer").read_text()
    files = sorted(file.relative_to(whole) for file in whole.rglob("*") if file.is_file())
    assert {str(file) for file in files} >= {*OF_THE_STORE, f"{used}/bundle", f"{used}/record", f"{used}/bits-0-0"}
    scenarios = Scenarios(interpreter)
    names = []
    for file in files:
        other = Path(str(1 - int(file.parts[0])), *file.parts[1:]) if file.parts[0] in "01" else file
        for name in damages(whole / file, whole / other):
            folder = tmp_path / f"{len(names)}"
            shutil.copytree(whole, folder)
            damages(folder / file, folder / other)[name]()
            names.append((str(file), name))
            told = [("revoked",), ("tables",), ("now",), ("floor_number",)]
            scenarios.add(folder, ("start",), *told, ("start",), ("repaired",), install(THIRD), ("start",))
    for (file_name, name), answers in zip(names, scenarios.run(), strict=True):
        (state, version), bits, tables, now, floor, again, repaired, third, last = answers
        assert state == "ready", (file_name, name)
        assert version in (1, 2), (file_name, name)
        # Only the signed file itself cannot be made anew; a list of it that is damaged is not needed again.
        assert version == 2 or file_name == f"{used}/bundle", (file_name, name)
        assert bits == revoked(version), (file_name, name)
        assert tables == 2, (file_name, name)
        assert (now, floor) == (epoch_s(day(1)), 1 << 32 | 2), (file_name, name)
        assert again == [state, version], (file_name, name)
        # What could be made anew is not damaged any more.
        assert not repaired or version == 1 or file_name == "pointer", (file_name, name)
        assert (third, last) == ("installed", ["ready", 3]), (file_name, name)


@pytest.mark.parametrize("left", [[], ["root"], ["root", "pointer"]], ids=" ".join)
def test_when_all_is_damaged_the_state_says_so_and_the_scanner_starts_anew(
    interpreter: Interpreter, tmp_path: Path, left: list[str]
) -> None:
    run(interpreter, tmp_path, ("start",), ("provision", ROOT.hex()), install(FIRST), install(SECOND))
    for file in tmp_path.rglob("*"):
        if file.is_file() and file.name not in left:
            file.write_bytes(GARBAGE)
    answers = run(interpreter, tmp_path, ("start",), ("provision", ROOT.hex()), install(SECOND), ("start",))
    assert answers[0] == ["no_bundle" if "root" in left else "no_root", 0]
    assert answers[2:] == ["installed", ["ready", 2]]


def test_nothing_of_the_bundle_before_stays_in_its_slot(interpreter: Interpreter, tmp_path: Path) -> None:
    fewer = CITY.bundle(3, iat=day(2), cards=("card-2",), vouchers=())
    run(interpreter, tmp_path, ("start",), ("provision", ROOT.hex()), install(FIRST), install(SECOND), install(fewer))
    used = tmp_path / (tmp_path / "pointer").read_text()
    assert sorted(file.name for file in used.iterdir()) == ["bits-0-0", "bundle", "record", "table-2"]


def test_a_bundle_of_another_city_in_both_slots_is_no_bundle(interpreter: Interpreter, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    run(interpreter, mine, ("start",), ("provision", ROOT.hex()), install(FIRST), install(SECOND))
    city = type(CITY)("other-city")
    bundles = [city.bundle(1), city.bundle(2, iat=day(1))]
    run(interpreter, theirs, ("start",), ("provision", city.root().hex()), *map(install, bundles))
    for slot in ("0", "1"):
        shutil.rmtree(mine / slot)
        shutil.copytree(theirs / slot, mine / slot)
    assert run(interpreter, mine, ("start",), install(SECOND), ("start",)) == [
        ["no_bundle", 0],
        "installed",
        ["ready", 2],
    ]


def test_the_floor_in_nvs_only_grows(interpreter: Interpreter) -> None:
    told = json.loads(interpreter.run(HERE / "nvs_floor.py", paths=paths(interpreter)).stdout)
    assert told == [0, 3, 1 << 32 | 7, 1 << 32 | 7, (1 << 48) - 1, 9, (1 << 48) - 1, 0]
