"""`ardente city` as those type it who keep keys, publish and revoke. (`issue` has its own file.)"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from city_desk import NOW_S
from city_partner import DAY_S, Issued, Partner, issue, no_passphrase
from city_terminal import ISSUING, PUBLISHING, ROOT, Terminal

from ardente._ed25519 import verify
from ardente.core import reasons
from ardente.core.trust import Installed, open_application
from ardente_tools.city import _keys
from ardente_tools.city._cards import REPLACED, REVOKED, VALID
from ardente_tools.city._folder import City
from ardente_tools.city._render import png, symbol
from ardente_tools.city._revocation import revoke


def statuses(city: City, cards: list[Issued]) -> list[int]:
    with city.cards() as table:
        rows = [table.card(card.row.list_number, card.row.index) for card in cards]
    return [row.status for row in rows if row]


def read_until(desk: subprocess.Popen[bytes], prompt: bytes) -> None:
    """Wait until a command asks for something."""
    assert desk.stderr
    said = b""
    while not said.endswith(prompt):
        character = desk.stderr.read(1)
        assert character, said
        said += character


def test_a_city_is_founded_by_people_on_several_machines(terminal: Terminal) -> None:
    folder = ("--folder", "liege")
    terminal(
        *(*folder, "init", "--id", "liege", "--name", "Ville de Liège", "--lists", "https://liege.example/status"),
        answer=f"{PUBLISHING}\n{PUBLISHING}\n{ISSUING}\n{ISSUING}\n",
    )
    for name in ("ann", "ben", "eve"):
        made = terminal("root", "new-key", f"{name}.key", passphrase=ROOT)
        assert _keys.read_public_key(Path(f"{name}.pub")).key_id.hex() in made
    terminal("root", "new-key", "firmware.key", "--role", "firmware", passphrase=ROOT)
    said = terminal(
        *(*folder, "root", "propose", "ann.pub", "ben.pub", "eve.pub", "firmware.pub", "-o", "root.proposal")
    )
    assert "root: 2 of 3 keys must sign" in said
    two = terminal(*folder, "root", "propose", "ann.pub", "ben.pub", "firmware.pub", "-o", "two.proposal")
    assert "With 2 of 2, one lost key ends the city's root" in two
    for name in ("ann", "eve"):
        asked = terminal(
            *("root", "sign", "root.proposal", "--key", f"{name}.key", "-o", f"{name}.signature"),
            answer="y\n",
            passphrase=ROOT,
        )
        assert "Root 1 of liege, from 2026-11-23 to 2028-11-22." in asked
    assert "and 1 did" in terminal(*folder, "root", "assemble", "root.proposal", "ann.signature", status=2)
    said = terminal(*folder, "root", "assemble", "root.proposal", "ann.signature", "eve.signature")
    assert "SHA-256 of liege/roots/1.cbor, for the partners to compare" in said
    terminal(*folder, "publish", passphrase=PUBLISHING)
    city = City(Path("liege"))
    Partner(city).install(NOW_S)
    assert "Next: ardente city --folder liege issue" in terminal(*folder, "show")
    terminal(*folder, "publish", "--force", passphrase=ISSUING, status=2)


def test_who_does_not_agree_signs_nothing(terminal: Terminal, demo: City) -> None:
    terminal("root", "propose", "-o", "root.proposal")
    key = str(demo.key_path(demo.public_keys("root")[0]))
    said = terminal("root", "sign", "root.proposal", "--key", key, "-o", "signature", answer="n\n", status=2)
    assert said.endswith("Nothing was signed.\n")
    assert not Path("signature").exists()
    terminal("root", "sign", "root.proposal", "--key", key, "-o", "signature", "--yes")
    assert Path("signature").exists()
    again = terminal("root", "sign", "root.proposal", "--key", key, "-o", "signature", answer="y\n", status=2)
    assert "exists already" in again
    assert "agreed" not in again


def test_a_timer_publishes_with_a_passphrase_from_a_descriptor(terminal: Terminal, tmp_path: Path) -> None:
    # The other process has its own clock.
    terminal.now = int(time.time())
    terminal(
        *("--folder", "liege", "init", "--demo", "--id", "liege", "--name", "Liège", "--entries", "1024"),
        passphrase=PUBLISHING,
    )
    secret = tmp_path / "secret"
    secret.write_text(PUBLISHING + "\n")
    command = [sys.executable, "-c", "from ardente.cli import main; main()", "city", "--folder", "liege", "publish"]
    with secret.open("rb") as file:
        done = subprocess.run(
            [*command, "--passphrase-fd", str(file.fileno())],
            pass_fds=[file.fileno()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "Bundle 1 is in liege/published/bundle.cbor" in done.stdout
    assert PUBLISHING not in done.stdout + done.stderr
    assert Partner(City(Path("liege"))).install(terminal.now).manifest.version == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(b"", "gives no passphrase"), (b"\n", "gives no passphrase"), (b"\xff\xfe", "is not UTF-8 text")],
)
def test_a_descriptor_without_a_passphrase_is_said(
    terminal: Terminal, tmp_path: Path, text: bytes, sentence: str
) -> None:
    (tmp_path / "secret").write_bytes(text)
    descriptor = os.open(tmp_path / "secret", os.O_RDONLY)
    assert sentence in terminal("root", "new-key", "a.key", "--passphrase-fd", str(descriptor), status=2)
    assert "No passphrase can be read" in terminal("root", "new-key", "a.key", "--passphrase-fd", "999", status=2)
    assert not Path("a.key").exists()


def test_a_passphrase_is_typed_twice_and_not_too_short(terminal: Terminal) -> None:
    assert "do not match" in terminal("root", "new-key", "a.key", answer=f"{ROOT}\n{ISSUING}\n", status=2)
    assert "at least 8 characters" in terminal("root", "new-key", "a.key", answer="short\nshort\n", status=2)
    assert not Path("a.key").exists()
    terminal("root", "new-key", "a.key", answer=f"{ROOT}\n{ROOT}\n")
    assert _keys.read_key(Path("a.key"), "root", lambda _: ROOT)


@pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")
@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_passphrase_that_is_not_utf_8_is_a_sentence(terminal: Terminal, errors: str) -> None:
    import pty

    keyboard, screen = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "ardente", "city", "root", "new-key", "a.key"],
        stdin=screen,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONIOENCODING": f"utf-8:{errors}"},
    ) as desk:
        read_until(desk, b"root key: ")
        os.write(keyboard, b"caf\xe9 cr\xe8me\n")
        if errors == "surrogateescape":
            read_until(desk, b"confirmation: ")
            os.write(keyboard, b"caf\xe9 cr\xe8me\n")
        _, stderr = desk.communicate(timeout=30)
    os.close(keyboard)
    os.close(screen)
    assert desk.returncode == 2
    assert b"not UTF-8" in stderr
    assert b"Traceback" not in stderr
    assert b"caf" not in stderr
    assert not Path("a.key").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--id", "liege", "--name", "L", "--lists", "https://x/s", "--no-passphrase"), "goes with --demo only"),
        (("--id", "liege", "--name", "L"), "Say with --lists"),
        (("--id", "Liège", "--name", "L", "--demo", "--no-passphrase"), "lower-case letters, digits and hyphens"),
        (("--id", "liege", "--name", "L\n", "--demo", "--no-passphrase"), "64 characters on one line"),
        (("--id", "l", "--name", "L", "--demo", "--no-passphrase", "--entries", "1025"), "multiple of 8"),
        (("--id", "l", "--name", "L", "--demo", "--no-passphrase", "--lists", "here"), "such as https://"),
    ],
)
def test_a_city_that_cannot_be_is_refused_before_anything_is_made(
    terminal: Terminal, tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    assert sentence in terminal("--folder", "new", "init", *options, status=2)
    assert list(tmp_path.iterdir()) == []


def test_a_city_is_not_made_over_something(terminal: Terminal, demo: City) -> None:
    before = sorted(path.name for path in demo.path.rglob("*"))
    options = ("--demo", "--no-passphrase", "--id", "liege", "--name", "L")
    assert "is not empty" in terminal("init", *options, status=2)
    assert sorted(path.name for path in demo.path.rglob("*")) == before


def test_outside_of_a_citys_folder_that_is_said(terminal: Terminal) -> None:
    for command in (("publish",), ("show",), ("revoke", "-"), ("rotate-keys",), ("root", "propose", "-o", "p")):
        assert "is no city's folder" in terminal(*command, answer="x\n", status=2)


def test_a_card_is_revoked_by_scan_picture_file_or_slip(terminal: Terminal, demo: City, tmp_path: Path) -> None:
    cards = issue(demo, NOW_S, 5)
    (tmp_path / "card.png").write_bytes(png(symbol(cards[1].digits)))
    (tmp_path / "card.txt").write_text(cards[2].digits + "\n")
    azerty = cards[3].digits.translate(str.maketrans("0123456789", "à&é\"'(§è!ç"))
    for answer, source in (
        (cards[0].digits + "\r\n", "-"),
        ("", "card.png"),
        ("", "card.txt"),
        (azerty + "\n", "-"),
        (cards[4].slip.text + "\n", "-"),
    ):
        assert "Revoked. Partners refuse it once" in terminal("revoke", source, answer=answer)
        assert "revoked already" in terminal("revoke", source, answer=answer)
    assert statuses(demo, cards) == [REVOKED] * 5
    assert "Reinstated" in terminal("reinstate", "card.png")
    assert "was not revoked" in terminal("reinstate", answer=cards[1].slip.text)
    assert statuses(demo, cards)[1] == VALID


@pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")
@pytest.mark.parametrize("command", ["revoke", "reinstate", "issue"])
@pytest.mark.parametrize("what", ["card", "slip"])
def test_a_card_or_slip_at_the_terminal_does_not_show(demo: City, command: str, what: str) -> None:
    from ardente.testing.scanner import FakeKeyboardScanner, typed

    (card,) = issue(demo, NOW_S)
    if command == "reinstate":
        revoke(demo, card.digits)
    args = ("issue", "-o", "new", "--quarters", "1", "--replaces", "-") if command == "issue" else (command,)
    with FakeKeyboardScanner(layout="be") as scanner:
        # Without the terminal of whoever runs the tests.
        with subprocess.Popen(
            [sys.executable, "-m", "ardente", "city", *args],
            stdin=scanner.terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as desk:
            read_until(desk, b"nothing shows): ")
            if what == "card":
                scanner.scan(card.digits)
            else:
                scanner.type(card.slip.text[:7])
                time.sleep(0.3)
                scanner.type(f"{card.slip.text[7:]}\r")
            stdout, stderr = desk.communicate(timeout=30)
        assert desk.returncode == 0, stderr
        shown = scanner.screen() + (stdout + stderr).decode()
    for text in (card.digits, typed(card.digits, "be"), card.slip.text):
        assert not [text[at : at + 6] for at in range(len(text) - 6) if text[at : at + 6] in shown]
    assert statuses(demo, [card]) == [{"revoke": REVOKED, "reinstate": VALID, "issue": REPLACED}[command]]


def test_a_torn_scan_or_an_empty_line_revokes_nothing(terminal: Terminal, demo: City) -> None:
    (card,) = issue(demo, NOW_S)
    for answer in (card.digits[:100] + "\n", card.digits * 2 + "\n", "\n", ""):
        said = terminal("revoke", answer=answer, status=2)
        assert card.digits[:20] not in said
    assert statuses(demo, [card]) == [VALID]


def test_a_card_or_slip_as_an_argument_is_refused_and_not_repeated(terminal: Terminal, demo: City) -> None:
    (card,) = issue(demo, NOW_S)
    for argument in (card.digits, card.slip.text):
        said = terminal("revoke", argument, status=2)
        assert argument not in said
        assert argument[:12] not in said
    assert statuses(demo, [card]) == [VALID]


def test_keys_are_rotated_and_stolen_ones_dropped(terminal: Terminal, demo: City) -> None:
    (card,) = issue(demo, NOW_S)
    terminal("publish")
    assert "signs once it has been published for 45 days" in terminal("rotate-keys")
    assert "waiting already" in terminal("rotate-keys", status=2)
    assert "Valid cards to print again, with issue --replaces: 1." in terminal("rotate-keys", "--compromised")
    (old_status,) = demo.public_keys("status")
    terminal("rotate-keys", "--role", "status")
    (new_status,) = demo.public_keys("status")
    assert old_status != new_status
    terminal("publish", "--force", status=2)  # the clock stands still
    terminal.now += DAY_S
    terminal("publish")
    partner = Partner(demo)
    offer = partner.install(terminal.now)
    assert [key.public_key for key in offer.manifest.keys.status] == [new_status.public_key]
    assert partner.judge(card.digits, terminal.now) == reasons.UNKNOWN_KEY
    for wrong in (("--kid", "1"), ("--role", "status", "--now")):
        terminal("rotate-keys", *wrong, status=2)


def test_a_new_bundle_key_counts_once_a_root_lists_it(terminal: Terminal, demo: City) -> None:
    terminal("publish")
    partner = Partner(demo)
    partner.install(NOW_S)
    (old,) = demo.public_keys("bundle")
    terminal("rotate-keys", "--role", "bundle")
    (new,) = [public for public in demo.public_keys("bundle") if public != old]
    terminal.now += DAY_S
    terminal("publish")
    terminal("root", "propose", str(demo.key_path(new).with_suffix(".pub")), "-o", "root.proposal")
    signatures = []
    for number, public in enumerate(demo.public_keys("root")[:2]):
        signatures.append(f"{number}.signature")
        key = str(demo.key_path(public))
        terminal("root", "sign", "root.proposal", "--key", key, "-o", signatures[-1], "--yes")
    terminal("root", "assemble", "root.proposal", *signatures)
    assert "Next: ardente city publish" in terminal("show")
    terminal.now += DAY_S
    terminal("publish")
    offer = partner.install(terminal.now)
    assert offer.installed.signers == [new.public_key]
    assert f"No longer used, delete it: {demo.key_path(old)}" in terminal("show")


def test_an_application_is_signed_with_or_without_the_citys_folder(
    terminal: Terminal, demo: City, tmp_path: Path
) -> None:
    (tmp_path / "application").mkdir()
    (tmp_path / "application" / "main.mpy").write_bytes(b"main")
    key = str(demo.key_path(demo.public_keys("firmware")[0]))
    command = ("sign-application", "application", "--board", "esp32s3", "--version", "2", "--key", key)
    terminal(*command, "-o", "a.img")
    terminal("--folder", "nowhere", *command, "--root", "liege/roots/1.cbor", "-o", "b.img")
    for image in ("a.img", "b.img"):
        data = Path(image).read_bytes()
        open_application(data, Installed(demo.newest_root()), "esp32s3", 2, verify)
        assert data.endswith(b"main")
    assert "is a bundle key" in terminal(
        *command, "--key", str(demo.key_path(demo.public_keys("bundle")[0])), "-o", "c.img", status=2
    )


def test_show_says_what_is_there_and_what_to_do(terminal: Terminal, demo: City) -> None:
    assert "Bundle: none published yet" in terminal("show")
    cards = issue(demo, NOW_S, 3)
    terminal("revoke", answer=cards[0].digits)
    terminal("publish")
    found = json.loads(terminal("show", "--json"))
    assert found["id"] == "liege"
    assert (found["bundle_version"], found["bundle_of"], found["bundle_until"]) == (1, "2026-11-23", "2027-01-07")
    assert (found["cards_valid"], found["cards_revoked"]) == (2, 1)
    assert found["thresholds"] == {"root": "2 of 3 keys", "bundle": "1 of 1 keys", "firmware": "1 of 1 keys"}
    assert [key["state"] for key in found["card_keys"]] == ["current"]
    assert found["next_step"] == "ardente city issue"
    terminal.now += DAY_S
    assert "Next: ardente city publish" in terminal("show")
    terminal.now += 700 * DAY_S
    assert "the root ends soon" in terminal("show")


def test_keys_without_passphrase_ask_for_none(terminal: Terminal, demo: City) -> None:
    for public in demo.public_keys("card"):
        assert demo.read_key(public, no_passphrase)
    terminal("rotate-keys")
