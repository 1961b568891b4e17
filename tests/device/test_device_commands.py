"""Each command of `ardente device`, over the real firmware on a line."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flash_images import MAIN, flash_image
from workbench import Town

from ardente_tools.device._client import Device
from ardente_tools.device._journal import Journal
from ardente_tools.device._ports import Port
from ardente_tools.device._provision import configuration, gate
from ardente_tools.rig import Line
from ardente_tools.simulate._program import interpreter


def answer(result: Result) -> dict:
    return json.loads(result.stdout)


def test_a_healthy_scanner_needs_nothing(run, make_device) -> None:
    device = make_device()
    result = run("doctor", device.port)
    assert result.exit_code == 0, result.output
    assert "pool-1, board generic, family unix" in result.stdout
    assert "bundle 1, 2 days old" in result.stdout
    assert "city bench-town, root 1" in result.stdout
    assert "!!" not in result.stdout
    found = answer(run("doctor", device.port, "--json"))
    assert found["healthy"]
    assert {finding["state"] for finding in found["findings"]} == {"ok", "note"}
    assert found["status"]["bundle"] == 1


def test_status_list_identify_logs_and_reset(run, make_device, town: Town) -> None:
    device = make_device()
    status = answer(run("status", device.port, "--json"))
    assert status["root_sha"] == hashlib.sha256(town.root.read_bytes()).hexdigest()
    assert status["bundle_sha"] == hashlib.sha256(town.old.read_bytes()).hexdigest()
    assert status["lists"][0]["uri"] == "https://bench-town.example/status/card-1"
    shown = run("status", device.port).stdout
    assert "pool-1" in shown
    assert status["lists"][0]["sha256"] in shown

    assert run("list", device.port, "/dev/ttyNONE").stdout.splitlines() == [
        f"{device.port:<20} scanner pool-1, ready",
        f"{'/dev/ttyNONE':<20} There is no port /dev/ttyNONE.",
    ]
    blinks = len(device.events)
    assert answer(run("identify", device.port, "--seconds", "2", "--json")) == {"label": "pool-1", "seconds": 2}
    device.wait_for("led", since=blinks)

    lines = [json.loads(line)["event"] for line in run("logs", device.port, "--json").stdout.splitlines()]
    assert lines
    assert run("logs", device.port).stdout.splitlines()[: len(lines)] == lines

    starts = len(device.events)
    assert run("reset", device.port).stdout == "pool-1 has restarted.\n"
    assert device.events.wait(lambda event: event.get("event") == "end", 5, starts)["status"] == 75


def test_a_scanner_is_provisioned_once(run, make_device, town: Town, journal_file: Path) -> None:
    device = make_device("new", empty=True)
    found = answer(run("doctor", device.port, "--json"))
    (step,) = [finding["next"] for finding in found["findings"] if finding["what"] == "root"]
    assert step == f"Provision it: ardente device provision {device.port} --label LABEL"

    early = run("push", device.port, town.new)
    assert early.exit_code == 2
    assert "run `ardente device provision` first" in early.stderr

    sha256 = hashlib.sha256(town.root.read_bytes()).hexdigest()
    wrong = run("provision", device.port, "--label", "pool-9", "--root", town.root, "--sha256", "00" * 32)
    assert wrong.exit_code == 2
    assert "does not have the stated fingerprint" in wrong.stderr

    done = run(
        "provision", device.port, "--label", "pool-9", "--pulse-ms", "250", "--root", town.root, "--sha256", sha256
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("pool-9 belongs to bench-town now, root 1.\nNext: ardente device push")
    assert json.loads((device.folder / "config.json").read_text()) == {
        "label": "pool-9",
        "board": "generic",
        "gate": {"pulse_ms": 250},
    }
    assert run("push", device.port, town.new).exit_code == 0

    again = run("provision", device.port, "--label", "mine", "--root", town.root, "--sha256", sha256, "--json")
    assert again.exit_code == 2
    assert answer(again)["reason"] == "already_provisioned"
    assert answer(run("status", device.port, "--json"))["label"] == "pool-9"
    actions = [(record.action, record.device, record.result) for record in Journal(journal_file).records()]
    assert actions == [
        ("push", "scanner", "file"),
        ("provision", "pool-9", "installed"),
        ("push", "pool-9", "installed"),
        ("provision", "pool-9", "refused"),
    ]


def test_a_label_that_cannot_be_is_refused_before_anything_is_sent(run, make_device, town: Town) -> None:
    sha256 = hashlib.sha256(town.root.read_bytes()).hexdigest()
    device = make_device("new", empty=True)
    result = run("provision", device.port, "--label", "piscine à vagues", "--root", town.root, "--sha256", sha256)
    assert result.exit_code == 2
    assert '"label" must be 1 to 32 printable ASCII characters' in result.stderr
    assert not (device.folder / "config.json").exists()


def test_a_configuration_file_keeps_what_no_option_says_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"board": "xiao_s3_sense", "passback_s": 60, "gate": {"pulse_ms": 500, "pass_contact": true}}')
    made = json.loads(configuration("pool-1", None, gate(250, None), file))
    assert made == {
        "label": "pool-1",
        "board": "xiao_s3_sense",
        "passback_s": 60,
        "gate": {"pulse_ms": 250, "pass_contact": True},
    }
    assert json.loads(configuration("pool-1", "ai_thinker", {}, file))["board"] == "ai_thinker"
    assert json.loads(configuration("pool-1", None, {}, None, "m5stack_cams3"))["board"] == "m5stack_cams3"


@pytest.fixture
def bare_micropython() -> Iterator[Line]:
    """A MicroPython without our application: its prompt."""
    with (
        Line(baud=None) as line,
        subprocess.Popen(
            [interpreter(), "-i", "-c", "import os"], stdin=line.device, stdout=line.device, stderr=line.device
        ) as process,
    ):
        time.sleep(0.3)
        yield line
        process.kill()


def test_a_bare_micropython_is_told_from_a_scanner(run, bare_micropython: Line) -> None:
    result = run("doctor", bare_micropython.port)
    assert result.exit_code == 1
    assert "A bare MicroPython answers, without our application." in result.stdout
    assert f"Flash it: ardente device flash {bare_micropython.port} --image FILE" in result.stdout


def test_a_line_on_which_nothing_answers(run, ardente_line) -> None:
    line = ardente_line(baud=None)
    started = time.monotonic()
    result = run("doctor", line.port)
    assert result.exit_code == 1
    assert "Nothing answers: no power, a board in its bootloader" in result.stdout
    assert f"ardente device doctor {line.port} --rom" in result.stdout
    assert result.stderr == ""
    assert time.monotonic() - started < 5


def test_what_doctor_sends_is_one_question_asked_again_and_one_empty_line(run, ardente_line) -> None:
    """Nothing that stops or changes a program that is not ours: no Ctrl-C, no escape."""
    line = ardente_line(baud=None)
    run("doctor", line.port)
    sent = os.read(line.device.fileno(), 4096)
    assert b"\x03" not in sent
    assert sent.endswith(b"\r")
    assert len(sent.split(b"\n")) <= 8


def test_a_board_in_its_bootloader_is_asked_only_when_told_to(run, ardente_board, ardente_line) -> None:
    board = ardente_board(line=ardente_line(baud=None), flash_megabytes=8)
    found = answer(run("doctor", board.port, "--json"))
    assert [finding["what"] for finding in found["findings"]] == ["port", "image"]
    found = answer(run("doctor", board.port, "--rom", "--json"))
    assert "ESP32, flash 8 MB, MAC " in found["findings"][-1]["text"]
    assert board.in_bootloader
    assert {event["event"] for event in board.events.since()} == {"rom"}


def test_an_image_that_is_none_is_refused_before_the_port_is_opened(
    run, ardente_line, town: Town, journal_file: Path
) -> None:
    port = ardente_line(baud=None).port
    result = run("flash", port, "--image", town.new, "--json")
    assert result.exit_code == 2
    assert answer(result)["error"] == "file"
    assert "is no flash image of an ESP32" in result.stderr
    assert run("flash", port, "--image", town.new, "--sha256", "zz").exit_code == 2
    assert not journal_file.exists()


def test_an_image_of_somebody_else_needs_its_hash(run, ardente_board, ardente_line, tmp_path: Path) -> None:
    board = ardente_board(line=ardente_line(baud=None))
    image = tmp_path / "image.bin"
    image.write_bytes(flash_image({"main.py": MAIN}))
    result = run("flash", board.port, "--image", image, "--json")
    assert result.exit_code == 2
    assert "does not say whether it is whole: name its SHA-256 with --sha256" in answer(result)["text"]
    assert {event["event"] for event in board.events.since()} == {"rom"}


def test_on_a_terminal_there_is_a_bar_and_the_answer_stays_alone(make_device, town: Town, tmp_path: Path) -> None:
    device = make_device()
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "ardente", "device", "push", device.port, town.new, "--journal", tmp_path / "j"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(theirs)
        shown = b""
        while part := _read_terminal(ours):
            shown += part
        assert process.stdout is not None
        assert process.stdout.read() == b"pool-1 has bundle 2 now.\n"
    os.close(ours)
    assert b"sending bundle 2" in shown
    assert b"kB/s" in shown or b"bytes/s" in shown


def _read_terminal(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:
        # Nobody holds the other end any more.
        return b""


def test_a_port_that_is_busy_is_said_by_every_command(run, make_device, town: Town) -> None:
    device = make_device()
    with Device(Port(device.port)):
        for command in (["status"], ["push", town.new], ["logs"], ["identify"], ["reset"]):
            result = run(command[0], device.port, *command[1:])
            assert result.exit_code == 2
            assert "in use by" in result.stderr
        found = run("doctor", device.port)
        assert found.exit_code == 1
        assert "Close that program, then try again." in found.stdout


def test_help_names_every_command(run) -> None:
    shown = run("--help").stdout
    for name in (
        "list",
        "doctor",
        "build",
        "flash",
        "provision",
        "push",
        "status",
        "logs",
        "identify",
        "reset",
        "fleet",
        "report",
        "journal",
    ):
        assert f"\n  {name} " in shown
        assert "--json" in run(*([name, "merge"] if name == "journal" else [name]), "--help").stdout
