"""A new application: judged first, tried once, confirmed or gone; what runs is never lost."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
from application_images import PARTS, Step, image, install, manifest, parts_of, run, send, sha, test
from store_scenarios import CITY, WITH_FILES

from ardente.core import reasons
from interpreters import Interpreter

pytestmark = WITH_FILES
OLD, NEW, NEWER = image(5), image(6), image(7)
IN_USE = [5, True, True, False]


@pytest.fixture
def folder(interpreter: Interpreter, tmp_path: Path) -> Path:
    """A scanner that runs version 5."""
    folder = tmp_path / "app"
    assert run(interpreter, folder, install(OLD), ("restart",), ("state",)) == [True, 0, [IN_USE]]
    return folder


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_an_update_is_tried_at_the_next_start_and_confirmed(interpreter: Interpreter, folder: Path) -> None:
    answers = run(
        interpreter,
        folder,
        ("restart",),
        send(NEW),
        ("state",),
        ("restart",),
        test(NEW),
        ("state",),
        ("floor_number",),
        ("restart",),
        ("state",),
        ("on_trial",),
        ("confirm",),
        ("state",),
        ("floor_number",),
        ("restart",),
        ("whole",),
        ("hashes",),
    )
    assert answers[2] == [IN_USE, [6, False, False, False]]
    # Nobody asked for a trial yet.
    assert answers[3] == 0
    assert answers[5] == [IN_USE, [6, False, False, True]]
    assert answers[6:8] == [5, 1]
    assert answers[8] == [[6, True, False, False], [5, False, True, False]]
    assert answers[9]
    assert answers[11] == [[6, True, True, False], [5, False, False, False]]
    assert answers[12:15] == [6, 1, [True, True]]
    assert answers[15] == [sha(NEW), sha(OLD)]


def test_the_slot_holds_the_parts_of_the_image_and_no_others(interpreter: Interpreter, folder: Path) -> None:
    run(interpreter, folder, ("restart",), install(NEW), install(NEWER))
    held = snapshot(folder / "0")
    assert {path: data for path, data in held.items() if path not in {"record", "manifest"}} == parts_of(7)


def test_a_trial_that_was_not_confirmed_is_rolled_back_once_and_for_all(interpreter: Interpreter, folder: Path) -> None:
    answers = run(
        interpreter,
        folder,
        ("restart",),
        send(NEW),
        test(NEW),
        ("restart",),
        ("restart",),
        ("trial_failed",),
        ("state",),
        ("floor_number",),
        ("restart",),
        test(NEW),
        ("trial_failed",),
        ("restart",),
        ("confirm",),
        ("restart",),
    )
    assert answers[3:5] == [1, 0]
    assert answers[5]
    assert answers[6] == [IN_USE, [6, False, False, False]]
    # The floor did not rise, so it may be tried again.
    assert answers[7:9] == [5, 0]
    assert answers[9:] == [None, False, 1, None, 1]


def test_old_code_comes_back_under_a_higher_number_only(interpreter: Interpreter, folder: Path) -> None:
    again = image(7, parts_of(5))
    answers = run(
        interpreter,
        folder,
        ("restart",),
        install(NEW),
        ("restart",),
        test(OLD),
        send(OLD),
        install(again),
        ("state",),
    )
    assert answers[3:5] == [reasons.OLDER_APPLICATION] * 2
    assert answers[5]
    assert answers[6][0] == [7, True, True, False]


def changed_part() -> bytes:
    data = bytearray(NEW)
    data[-20] ^= 1
    return bytes(data)


def swapped_parts() -> bytes:
    one, other = {"a.mpy": b"first", "b.mpy": b"other"}, {"a.mpy": b"other", "b.mpy": b"first"}
    return manifest(6, one) + b"".join(other.values())


def flipped_signature() -> bytes:
    front = bytearray(manifest(6, parts_of(6)))
    front[-1] ^= 1
    return bytes(front) + NEW[len(front) :]


ATTACKS = {
    "unsigned": (image(6, signers=("card-1",)), reasons.TOO_FEW_SIGNATURES),
    "signed by a key of the bundle role": (image(6, signers=("bundle-1",)), reasons.TOO_FEW_SIGNATURES),
    "signed by a firmware key that the root does not list": (
        image(6, signers=("firmware-2",)),
        reasons.TOO_FEW_SIGNATURES,
    ),
    "a damaged signature": (flipped_signature(), reasons.TOO_FEW_SIGNATURES),
    "of another city": (image(6, city="other-city"), reasons.WRONG_CITY),
    "of another family of boards": (image(6, family="esp32"), reasons.WRONG_BOARD),
    "older than what was confirmed": (image(4), reasons.OLDER_APPLICATION),
    "a changed part": (changed_part(), reasons.NOT_AN_APPLICATION),
    "two parts swapped": (swapped_parts(), reasons.NOT_AN_APPLICATION),
    "the parts of another version": (manifest(6, parts_of(6)) + b"".join(parts_of(7).values()), "not_an_application"),
    "cut short": (NEW[:-1], reasons.NOT_AN_APPLICATION),
    "cut within the manifest": (NEW[:200], reasons.NOT_AN_APPLICATION),
    "too long": (NEW + b"x", reasons.NOT_AN_APPLICATION),
    "a manifest alone": (manifest(6, parts_of(6)), reasons.NOT_AN_APPLICATION),
    "a bundle": (CITY.bundle(9), reasons.NOT_AN_APPLICATION),
    "a root": (CITY.root(), reasons.NOT_AN_APPLICATION),
    "zeros": (bytes(1000), reasons.NOT_AN_APPLICATION),
    "one byte": (b"\xd8", reasons.NOT_AN_APPLICATION),
    "a part that would be the record": (image(6, {**PARTS, "record": b"x"}), reasons.NOT_AN_APPLICATION),
    "a part that would be the new record": (image(6, {**PARTS, "record.new": b"x"}), reasons.NOT_AN_APPLICATION),
    "a part below the manifest": (image(6, {**PARTS, "manifest/a.mpy": b"x"}), reasons.NOT_AN_APPLICATION),
}
IN_A_PART = {"a changed part", "two parts swapped", "the parts of another version"}


@pytest.mark.parametrize("in_a_part", [False, True], ids=["by its manifest", "by its parts"])
def test_what_no_scanner_may_run_is_refused(interpreter: Interpreter, folder: Path, in_a_part: bool) -> None:
    attacks = {name: attack for name, attack in ATTACKS.items() if (name in IN_A_PART) == in_a_part}
    before = snapshot(folder)
    steps: list[Step] = []
    for attack, _ in attacks.values():
        steps += [send(attack, 100), ("next",), ("finish",), test(attack), ("state",), ("restart",)]
    answers = iter(run(interpreter, folder, ("restart",), *steps)[1:])
    told = {name: [next(answers) for _ in range(6)] for name in attacks}
    assert told == {name: [reason, 0, "no_upload", "no_upload", [IN_USE], 0] for name, (_, reason) in attacks.items()}
    after = snapshot(folder)
    # What was refused may leave parts where nothing runs, and not even those where the manifest says it.
    assert {path: data for path, data in after.items() if not (in_a_part and path[0] == "1")} == before


def test_nothing_comes_in_without_a_root_or_while_a_trial_runs(interpreter: Interpreter, folder: Path) -> None:
    answers = run(interpreter, folder, ("restart",), ("believe", ""), send(NEW), test(OLD), ("state",))
    assert answers[2:] == ["not_provisioned", None, [IN_USE]]
    answers = run(
        interpreter, folder, ("restart",), send(NEW), test(NEW), ("restart",), send(NEWER), test(OLD), ("on_trial",)
    )
    assert answers[4:] == ["busy", "busy", True]


def test_a_root_that_dropped_the_key_stops_also_what_was_uploaded_before(
    interpreter: Interpreter, folder: Path
) -> None:
    root = CITY.root(2, firmware_keys=("firmware-2",))
    answers = run(interpreter, folder, ("restart",), send(NEW), ("believe", root.hex()), test(NEW), ("restart",))
    assert answers[3:] == [reasons.TOO_FEW_SIGNATURES, 0]


def test_a_wrong_offset_changes_nothing_and_is_answered_with_the_next(interpreter: Interpreter, folder: Path) -> None:
    answers = run(
        interpreter,
        folder,
        ("restart",),
        ("write", 0, "00"),
        ("begin", len(NEW), sha(NEW)),
        ("write", 0, NEW[:100].hex()),
        ("write", 0, NEW[:100].hex()),
        ("write", 300, NEW[300:400].hex()),
        ("begin", len(NEW), sha(NEW)),
        ("finish",),
        send(NEW),
        ("state",),
    )
    assert answers[1:7] == ["no_upload", 0, 100, 100, 100, 100]
    assert answers[7] == "bad_request"
    assert answers[9] == [IN_USE, [6, False, False, False]]


def test_an_image_of_another_hash_than_was_said_is_refused(interpreter: Interpreter, folder: Path) -> None:
    answers = run(
        interpreter,
        folder,
        ("restart",),
        ("begin", len(NEW), sha(OLD)),
        ("write", 0, NEW.hex()),
        ("finish",),
        test(NEW),
        ("state",),
    )
    assert answers[3:] == [reasons.NOT_AN_APPLICATION, "no_upload", [IN_USE]]


def test_an_image_too_large_for_any_scanner_is_refused_at_once(interpreter: Interpreter, folder: Path) -> None:
    answers = run(interpreter, folder, ("restart",), ("begin", 3 << 20, sha(NEW)), ("next",))
    assert answers[1:] == [reasons.TOO_LARGE, 0]


def test_parts_that_came_before_a_reset_are_not_sent_again(interpreter: Interpreter, folder: Path) -> None:
    front = len(manifest(6, parts_of(6)))
    stop_at = len(NEW) - 10
    answers = run(
        interpreter, folder, ("restart",), send(NEW, 100, stop_at), ("restart",), send(NEW, 100), ("state",), ("whole",)
    )
    assert answers[1] >= stop_at
    # The manifest, what of it was sent with the next part, and the part that was cut.
    assert front <= answers[3] < front + 600
    assert answers[4:] == [[IN_USE, [6, False, False, False]], [True, True]]
    # The other slot holds 5 now: what 7 has in common with it is not sent either.
    answers = run(
        interpreter, folder, ("restart",), test(NEW), ("restart",), ("confirm",), send(NEWER, 100), ("state",)
    )
    assert answers[4] < front + 600
    assert answers[5] == [[6, True, True, False], [7, False, False, False]]


def test_what_comes_next_takes_the_place_of_what_was_to_be_tried(interpreter: Interpreter, folder: Path) -> None:
    answers = run(
        interpreter,
        folder,
        ("restart",),
        send(NEW),
        test(NEW),
        send(NEWER, 100, len(NEWER) - 1),
        ("restart",),
        ("trial_failed",),
        ("state",),
        send(NEWER),
        ("state",),
        ("restart",),
    )
    # Nothing whole is there while it comes, and nobody asked for a trial of what came.
    assert answers[4:7] == [0, False, [IN_USE]]
    assert answers[8:] == [[IN_USE, [7, False, False, False]], 0]


def test_folders_and_files_may_change_places(interpreter: Interpreter, folder: Path) -> None:
    one = image(6, {"a": b"file", "b/c": b"in a folder", "main.mpy": b"6"})
    other = image(7, {"a/b": b"in a folder", "b": b"file", "main.mpy": b"7"})
    third = image(8, {"a": b"file", "b/c": b"in a folder", "main.mpy": b"8"})
    assert run(interpreter, folder, ("restart",), install(one), install(other), install(third), install(other))[1:] == [
        True,
        True,
        True,
        reasons.OLDER_APPLICATION,
    ]
    assert run(interpreter, folder, ("restart",), ("whole",))[1] == [True, True]


def test_a_damaged_state_starts_the_confirmed_version(interpreter: Interpreter, folder: Path) -> None:
    run(interpreter, folder, ("restart",), install(NEW), send(NEWER), test(NEWER))
    for damaged in (None, b"", b"x" * 80):
        (folder / "state").unlink()
        if damaged is not None:
            (folder / "state").write_bytes(damaged)
        # 6 is in slot 1; 7, in slot 0, has never run.
        assert run(interpreter, folder, ("restart",), test(NEWER)) == [1, None]


def test_a_damaged_slot_starts_the_other(interpreter: Interpreter, folder: Path) -> None:
    run(interpreter, folder, ("restart",), install(NEW))
    for path in ("qr.mpy", "record"):
        copy = folder.with_name(f"damaged-{path}")
        shutil.copytree(folder, copy)
        data = bytearray((copy / "1" / path).read_bytes())
        data[7] ^= 1
        (copy / "1" / path).write_bytes(data)
        slot, state, again, _, later = run(
            interpreter, copy, ("restart",), ("state",), ("restart",), install(NEWER), ("restart",)
        )
        assert (slot, state[0][:3], again, later) == (0, [5, True, True], 0, 1)


def test_a_trial_that_is_damaged_by_then_does_not_begin(interpreter: Interpreter, folder: Path) -> None:
    run(interpreter, folder, ("restart",), send(NEW), test(NEW))
    (folder / "1" / "main.mpy").write_bytes(b"x")
    assert run(interpreter, folder, ("restart",), ("trial_failed",), ("state",))[:2] == [0, True]


def test_whatever_lies_in_its_files_a_start_finds_a_slot(interpreter: Interpreter, folder: Path) -> None:
    run(interpreter, folder, ("restart",), install(NEW))
    random.seed(5)
    for number in range(3):
        copy = folder.with_name(f"garbage-{number}")
        shutil.copytree(folder, copy)
        for path in [copy / "state", copy / "0" / "record", copy / "1" / "record"]:
            value = random.choice([b"", random.randbytes(40), json.dumps(random.choice([[], 1, {}])).encode()])
            path.write_bytes(value)
        assert run(interpreter, copy, ("restart",), ("state",)) == [0, []]
