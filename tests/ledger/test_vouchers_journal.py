"""The till's journal: what is torn is said, what is changed is seen, and nobody else reads it."""

from __future__ import annotations

import json
import os
import resource
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ardente import StoreError
from ardente.vouchers._journal import FIRST, PENDING, WON, Ask, Journal, Taken

DIGITS = "5" * 253


def entry(journal: Journal, voucher_tag: str) -> Taken:
    return Taken(
        n=journal.next_number(),
        prev="",
        campaign=1,
        window=7,
        amount=1000,
        currency="EUR",
        claimed_at=1_780_000_000,
        day="2026-06-01",
        key=f"key-{voucher_tag}",
        receipt=journal.next_receipt(),
        tag=voucher_tag,
        voucher=DIGITS,
    )


def take(journal: Journal, voucher_tag: str) -> None:
    journal.take(entry(journal, voucher_tag))
    journal.save()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "till"


@pytest.fixture
def lines(folder: Path) -> Path:
    """The file of a journal with three vouchers, the first of them decided."""
    journal = Journal(folder)
    for voucher_tag in "abc":
        take(journal, voucher_tag)
    journal.hear([(journal.taken[0], WON, "ok"), (journal.taken[1], PENDING, "ok")])
    journal.close()
    return folder / "journal.jsonl"


@pytest.fixture
def reopened(folder: Path) -> Iterator[Callable[[], Journal]]:
    opened: list[Journal] = []

    def reopen() -> Journal:
        opened.append(Journal(folder))
        return opened[-1]

    yield reopen
    for journal in opened:
        journal.close()


def test_a_journal_opens_as_it_was_closed(lines: Path, reopened: Callable[[], Journal]) -> None:
    journal = reopened()
    assert [(known.entry.tag, known.state) for known in journal.taken] == [("a", WON), ("b", PENDING), ("c", "")]
    assert [known.entry.tag for known in journal.unsent()] == ["b", "c"]
    assert journal.known("a")
    assert journal.known("d") is None
    assert journal.next_receipt() == "4"
    assert not journal.torn


def test_entries_are_a_hash_chain(lines: Path, reopened: Callable[[], Journal]) -> None:
    entries = [json.loads(line) for line in lines.read_text().splitlines()]
    assert entries[0]["prev"] == FIRST
    assert len({found["prev"] for found in entries}) == len(entries)
    assert [known.sha256 for known in reopened().taken] == [found["prev"] for found in entries[1:4]]


def test_a_voucher_goes_from_the_file_when_it_is_decided(lines: Path) -> None:
    assert ["voucher" in json.loads(line) for line in lines.read_text().splitlines()[:3]] == [False, True, True]


def test_only_its_owner_reads_it(lines: Path, folder: Path, reopened: Callable[[], Journal]) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    lines.chmod(0o640)
    with pytest.raises(StoreError, match="open to other users"):
        reopened()
    lines.chmod(0o600)
    folder.chmod(0o750)
    with pytest.raises(StoreError, match="open to other users"):
        reopened()


def test_one_program_at_a_time(lines: Path, reopened: Callable[[], Journal], folder: Path) -> None:
    reopened()
    with pytest.raises(StoreError, match="Another program"):
        Journal(folder)


@pytest.mark.parametrize("cut", [1, 20, -2])
def test_a_torn_last_line_is_said_and_set_aside(
    lines: Path, folder: Path, reopened: Callable[[], Journal], cut: int
) -> None:
    whole = lines.read_bytes()
    torn = json.dumps({"kind": "taken", "n": 6, "voucher": DIGITS}).encode()[:cut]
    lines.write_bytes(whole + torn)
    journal = reopened()
    assert journal.torn
    assert (lines.read_bytes(), (folder / "journal.torn").read_bytes()) == (whole, torn)
    take(journal, "d")
    journal.close()
    journal = reopened()
    assert not journal.torn
    assert len(journal.taken) == 4


def test_a_whole_last_line_without_its_end_is_kept(lines: Path, reopened: Callable[[], Journal]) -> None:
    whole = lines.read_bytes()
    lines.write_bytes(whole[:-1])
    journal = reopened()
    assert len(journal.taken) == 3
    assert lines.read_bytes() == whole


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:-1],
        lambda lines: lines[1:],
        lambda lines: [],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [lines[0].replace(b'"amount":1000', b'"amount":9000'), *lines[1:]],
        lambda lines: [*lines[:-1], lines[-1].replace(b"pending", b"lost")],
        lambda lines: [*lines[:2], b"{}", *lines[2:]],
        lambda lines: [*lines[:2], b"\xff\x00", *lines[2:]],
    ],
    ids=["last-cut", "first-cut", "emptied", "one-out", "swapped", "doubled", "raised", "answered", "empty", "noise"],
)
def test_another_hand_is_seen(
    lines: Path, reopened: Callable[[], Journal], change: Callable[[list[bytes]], list[bytes]]
) -> None:
    before = lines.read_bytes().splitlines()
    changed = change(before)
    assert changed != before
    lines.write_bytes(b"".join(line + b"\n" for line in changed))
    with pytest.raises(StoreError, match="changed or cut by another hand"):
        reopened()


def test_a_state_that_is_gone_or_damaged_is_seen(lines: Path, folder: Path, reopened: Callable[[], Journal]) -> None:
    (folder / "state.json").write_text("{")
    with pytest.raises(StoreError, match="another hand"):
        reopened()
    (folder / "tag-key").write_text("x")
    with pytest.raises(StoreError, match="damaged"):
        reopened()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 5000), bit=st.integers(0, 7))
def test_no_bit_of_an_answered_line_can_be_turned(lines: Path, folder: Path, at: int, bit: int) -> None:
    """But for those of a voucher's own text, which its signature and its tag hold, and the ledger looks at."""
    whole = lines.read_bytes()
    at %= len(whole)
    changed = whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
    lines.write_bytes(changed)
    try:
        journal = Journal(folder)
        journal.close()
        assert chr(whole[at]) == "5"
    except StoreError:
        pass
    finally:
        lines.write_bytes(whole)


def test_a_full_disk_takes_nothing_and_loses_nothing(lines: Path, reopened: Callable[[], Journal]) -> None:
    journal = reopened()
    before = lines.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limits[1]))
    try:
        with pytest.raises(StoreError, match="cannot be used"):
            journal.take(entry(journal, "d"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert lines.read_bytes() == before
    assert journal.known("d") is None
    take(journal, "d")
    journal.close()
    assert reopened().known("d")


def test_an_open_request_is_remembered_until_it_is_answered(folder: Path, reopened: Callable[[], Journal]) -> None:
    ask = Ask("redeem", "a", None, "key", "1")
    journal = Journal(folder)
    journal.open(ask)
    journal.close()
    journal = reopened()
    assert journal.find("redeem", "a", None) == ask
    assert journal.find("redeem", "a", 300) is None
    journal.close_ask(ask)
    journal.save()
    journal.close()
    assert reopened().find("redeem", "a", None) is None


def test_open_requests_are_bounded(folder: Path, reopened: Callable[[], Journal]) -> None:
    journal = reopened()
    for number in range(300):
        journal.state.asks = [*journal.state.asks, Ask("redeem", f"{number}", None, f"{number}", "")]
    journal.open(Ask("redeem", "last", None, "last", ""))
    assert len(journal.state.asks) == 256
    assert journal.find("redeem", "last", None)


def test_each_entry_is_on_the_disk_before_it_is_answered(
    folder: Path, monkeypatch: pytest.MonkeyPatch, reopened: Callable[[], Journal]
) -> None:
    journal = reopened()
    synced: list[int] = []
    real_sync = os.fsync

    def sync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_size)
        real_sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    journal.take(entry(journal, "a"))
    assert (folder / "journal.jsonl").stat().st_size in synced
