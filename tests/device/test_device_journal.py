"""The journal keeps what it was given through power cuts, and journals are merged as sets."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ardente_tools.device._errors import JournalError
from ardente_tools.device._journal import Held, HeldList, Journal, Record, merge, merged
from ardente_tools.device._report import NOTE, gates, write_gates, write_results

DAY_S = 86400
NOW = 1_800_000_000


def record(when: str = "2027-01-15T08:00:00.000Z", device: str = "pool-1", **changes: object) -> Record:
    lists = (HeldList("https://town.example/status/1", "ab" * 32, 1024),)
    now = Held(city="town", root=1, bundle=12, iat=NOW - 3 * DAY_S, exp=NOW + DAY_S, lists=lists)
    fields = {
        "action": "push",
        "when": when,
        "device": device,
        "port": "/dev/ttyUSB0",
        "board_id": "",
        "laptop": "laptop-7",
        "file_sha256": "cd" * 32,
        "was": None,
        "now": now,
        "result": "installed",
    }
    return Record(**{**fields, **changes})  # type: ignore[arg-type]


records = st.builds(
    record,
    when=st.datetimes().map(lambda time: time.isoformat(timespec="milliseconds") + "Z"),
    device=st.text(max_size=5),
    result=st.sampled_from(["installed", "refused"]),
)


def test_a_record_comes_back_as_it_was(journal_file: Path) -> None:
    journal = Journal(journal_file)
    journal.append(record())
    journal.append(record(device="pool-2", now=None, result="port_lost"))
    assert journal.records() == [record(), record(device="pool-2", now=None, result="port_lost")]


@pytest.mark.parametrize("cut", [1, 20, 300])
def test_a_line_that_a_power_cut_tore_costs_that_line_alone(journal_file: Path, cut: int) -> None:
    journal = Journal(journal_file)
    journal.append(record())
    journal.append(record(device="pool-2"))
    journal_file.write_bytes(journal_file.read_bytes()[:-cut])
    journal.append(record(device="pool-3"))
    devices = [found.device for found in journal.records()]
    assert devices == (["pool-1", "pool-2", "pool-3"] if cut == 1 else ["pool-1", "pool-3"])


@settings(max_examples=25)
@given(st.lists(records, min_size=1), st.lists(records, min_size=1), st.lists(records, min_size=1))
def test_merging_is_a_union_of_sets(
    tmp_path_factory: pytest.TempPathFactory, first: list[Record], second: list[Record], third: list[Record]
) -> None:
    folder = tmp_path_factory.mktemp("journals")
    files = [folder / name for name in ("first", "second", "third")]
    for file, lines in zip(files, (first, second, third), strict=True):
        file.write_text("".join(f"{line.to_line()}\n" for line in lines))
    once, twice = folder / "once", folder / "twice"
    assert merge(files, once) == len({line.to_line() for line in first + second + third})
    merge(reversed(files), twice)
    assert once.read_bytes() == twice.read_bytes()
    merge([once, files[1]], twice)
    assert once.read_bytes() == twice.read_bytes()
    assert [found.when for found in merged([once])] == sorted(found.when for found in merged([once]))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("call the pool\n")
    with pytest.raises(JournalError, match="no journal of `ardente device`"):
        Journal(file).records()


def test_a_report_says_of_each_gate_what_it_enforces_and_how_old_that_is(tmp_path: Path) -> None:
    older = record("2027-01-01T08:00:00.000Z", result="refused", now=Held(city="town", bundle=3))
    found = gates([older, record(), record(device="pool-2", now=None)], NOW)
    assert [(gate.device, gate.held.bundle, gate.age_days, gate.state) for gate in found] == [
        ("pool-1", 12, 3, "enforced")
    ]
    assert gates([record()], NOW + DAY_S)[0].state == "expired: refuses every card"
    page, sheet = tmp_path / "report.html", tmp_path / "report.csv"
    write_gates(found, page, sheet)
    assert NOTE in page.read_text(encoding="utf-8")
    rows = list(csv.DictReader(sheet.read_text().splitlines()))
    assert rows[0]["device"] == "pool-1"
    assert rows[0]["list"] == "https://town.example/status/1"
    assert rows[0]["SHA-256"] == "ab" * 32


def test_a_journal_gives_no_order_to_a_terminal(run, journal_file: Path) -> None:  # type: ignore[no-untyped-def]
    Journal(journal_file).append(record(device="pool\x1b]0;x\x07"))
    assert "\x1b" not in run("report", journal_file).stdout


def test_a_label_can_be_no_markup_and_no_formula(tmp_path: Path) -> None:
    page, sheet = tmp_path / "report.html", tmp_path / "report.csv"
    write_results([record(device="<script>"), record(device="=1+1")], page, sheet)
    assert "<script>" not in page.read_text(encoding="utf-8")
    assert "'=1+1" in sheet.read_text()


def test_the_command_merges_and_reports(run, journal_file: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    other = tmp_path / "other.jsonl"
    Journal(journal_file).append(record())
    Journal(other).append(record(device="pool-2"))
    output = tmp_path / "city.jsonl"
    assert run("journal", "merge", journal_file, other, journal_file, "-o", output).exit_code == 0
    answer = json.loads(run("report", output, "--json").stdout)
    assert [gate["device"] for gate in answer["gates"]] == ["pool-1", "pool-2"]
    assert answer["note"] == NOTE
    shown = run("report", "--html", tmp_path / "r.html")
    assert "pool-1: bundle 12" in shown.stdout
    assert NOTE in shown.stderr


def test_a_journal_that_is_not_there_is_a_sentence(run) -> None:  # type: ignore[no-untyped-def]
    result = run("report", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"] == "journal"
