"""A fleet: many scanners at once, each by a process of its own, with a journal that tells what is left to do."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from workbench import Town

from ardente_tools.device._errors import FleetError
from ardente_tools.device._fleet import read_fleet
from ardente_tools.device._journal import Journal
from ardente_tools.device._ports import Port, open_port


def fleet_file(folder: Path, ports: dict[str, str], bundle: Path | None = None) -> Path:
    file = folder / "fleet.toml"
    entries = [f'[[device]]\nlabel = "{label}"\nport = "{port}"\n' for label, port in ports.items()]
    file.write_text("".join([f'file = "{bundle}"\n' if bundle else "", *entries]))
    return file


def test_a_fleet_is_pushed_to_and_what_failed_is_done_by_the_next_run(
    run, make_device, town: Town, tmp_path: Path, journal_file: Path
) -> None:
    devices = {label: make_device(label) for label in ("pool-1", "pool-2")}
    ports = {label: device.port for label, device in devices.items()}
    away = make_device("pool-3")
    away.line.cut()
    file = fleet_file(tmp_path, {**ports, "pool-3": away.port}, town.new)

    page, sheet = tmp_path / "report.html", tmp_path / "report.csv"
    first = run("fleet", file, "--wait", "1", "--html", page, "--csv", sheet)
    assert first.exit_code == 1, first.output
    assert first.stdout == "bundle 2: 2 done, 0 had it before, 1 not done.\n"
    assert f"pool-3: There is no port {away.port}" in first.stderr
    rows = {row["device"]: row for row in csv.DictReader(sheet.read_text().splitlines())}
    assert rows["pool-1"]["was"] == "bundle 1, root 1"
    assert rows["pool-1"]["is"] == "bundle 2, root 1"
    assert rows["pool-1"]["result"] == "installed"
    assert rows["pool-3"]["result"] == "port"
    assert "pool-2" in page.read_text()

    away.line.mend()
    devices["pool-1"].line.cut()
    second = json.loads(run("fleet", file, "--json").stdout)
    assert (second["done"], second["skipped"], second["failed"]) == (1, 2, 0)
    assert [record["device"] for record in second["records"]] == ["pool-3"]
    assert len(Journal(journal_file).records()) == 4

    report = json.loads(run("report", "--json").stdout)
    assert [(gate["device"], gate["bundle"], gate["state"]) for gate in report["gates"]] == [
        ("pool-1", 2, "enforced"),
        ("pool-2", 2, "enforced"),
        ("pool-3", 2, "enforced"),
    ]
    assert report["gates"][0]["lists"][0]["uri"] == "https://bench-town.example/status/card-1"


def test_cables_that_were_swapped_are_noticed(run, make_device, town: Town, tmp_path: Path) -> None:
    first, second = make_device("pool-1"), make_device("pool-2")
    file = fleet_file(tmp_path, {"pool-1": second.port, "pool-2": first.port})
    answer = json.loads(run("fleet", file, town.new, "--json").stdout)
    assert {record["result"] for record in answer["records"]} == {"other_device"}
    assert {record["device"] for record in answer["records"]} == {"pool-1", "pool-2"}


def test_ctrl_c_ends_all_processes_and_the_next_run_goes_on(make_device, town: Town, tmp_path: Path) -> None:
    device = make_device("pool-1")
    device.line.pace(38_400)
    file = fleet_file(tmp_path, {"pool-1": device.port}, town.large)
    command = [sys.executable, "-m", "ardente", "device", "fleet", file, "--journal", tmp_path / "journal"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as fleet:
        while device.line.traffic.to_device < 5000:
            time.sleep(0.05)
        os.killpg(fleet.pid, signal.SIGINT)
        _, said = fleet.communicate(timeout=20)
    assert fleet.returncode == 130
    assert b"Traceback" not in said
    open_port(Port(device.port)).close()

    device.line.pace(None)
    again = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(again.stdout)["done"] == 1
    assert device.line.traffic.to_device < 1.7 * len(town.large.read_bytes())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no fleet file"),
        ("device = []", "names no device"),
        ("[[device]]\nlabel = 'a'\n", "is no fleet file"),
        ("[[device]]\nlabel = 'a'\nport = 'x'\npush = true\n", "is no fleet file"),
        ("[[device]]\nlabel = 'a'\nport = 'x'\n" * 2, "names the label a twice"),
        ("[[device]]\nlabel = 'a'\nport = 'x'\n[[device]]\nlabel = 'b'\nport = 'x'\n", "names the port x twice"),
    ],
    ids=["empty", "no device", "no port", "unknown key", "one label twice", "one port twice"],
)
def test_a_fleet_file_with_a_fault_touches_nothing(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(text)
    with pytest.raises(FleetError, match=sentence):
        read_fleet(file)
