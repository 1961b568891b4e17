"""Reports from the journal: which gate enforces which revocation list, and what was done to which scanner."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from ardente._files import PUBLIC_FILE_MODE, write_file

from ._errors import JournalError
from ._journal import Held, HeldList, Record

NOTE: Final = (
    "This is the word of the technicians and their laptops, from their journals: "
    "what each scanner said after the last visit. No scanner has signed it."
)
_RESULT_HEAD: Final = ("device", "was", "is", "when", "result")
_GATE_HEAD: Final = (
    "device",
    "bundle",
    "published",
    "age in days",
    "expires",
    "state",
    "last visit",
    "list",
    "SHA-256",
)
_DAY_S: Final = 86400
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#1b1b1b}h1{color:#8e1b2d;font-size:1.5rem}"
    "table{border-collapse:collapse}th{border-bottom:2px solid #e0b040}td{border-bottom:1px solid #e6e1de}"
    "th,td{padding:.3rem .8rem .3rem 0;text-align:left;vertical-align:top;white-space:nowrap}"
    "td.hash{font:12px/1.5 monospace;white-space:normal;min-width:9rem;word-break:break-all}"
    "tr.bad td{color:#a40000}p.note{max-width:46rem;color:#555}"
)
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_TIME: Final = re.compile(r"([0-9-]{10})T([0-9]{2}:[0-9]{2}):[0-9.]+Z")


@dataclass(frozen=True, slots=True)
class Gate:
    """What one scanner enforced at the last visit, as of ``now`` in epoch seconds."""

    device: str
    board_id: str
    seen: str
    held: Held
    now: int

    @property
    def age_days(self) -> int | None:
        """How long ago its revocation lists were published."""
        return None if self.held.iat is None else max(0, (self.now - self.held.iat) // _DAY_S)

    @property
    def state(self) -> str:
        if self.held.exp is None:
            return "no bundle"
        return "expired: refuses every card" if self.now >= self.held.exp else "enforced"

    def to_dict(self) -> dict[str, Any]:
        held: dict[str, Any] = msgspec.to_builtins(self.held)
        own = {"device": self.device, "board_id": self.board_id, "seen": self.seen, "state": self.state}
        return {**own, "age_days": self.age_days, **held}


def gates(records: Iterable[Record], now: int) -> list[Gate]:
    """Return the newest that is known of each scanner, by city and label."""
    newest: dict[tuple[str, str], Gate] = {}
    for record in records:
        if record.now and record.device:
            newest[record.now.city or "", record.device] = Gate(
                record.device, record.board_id, record.when, record.now, now
            )
    return [gate for _, gate in sorted(newest.items(), key=lambda item: item[0])]


def gate_rows(found: Iterable[Gate]) -> list[list[str]]:
    """Return a row for each gate and list."""
    return [_gate_row(gate, entry) for gate in found for entry in _lists(gate)]


def result_rows(records: Iterable[Record]) -> list[list[str]]:
    """Return a row for each record: device, was, is, when, result."""
    return [
        [record.device or record.port, describe(record.was), describe(record.now), record.when, record.result]
        for record in records
    ]


def describe(held: Held | None) -> str:
    """Return what a scanner holds in a few words."""
    said = [("bundle", held.bundle), ("application", held.application), ("root", held.root)] if held else []
    named = [f"{what} {version}" for what, version in said if version is not None]
    return ", ".join(named) or "nothing known"


def write_gates(found: Sequence[Gate], html_file: Path | None, csv_file: Path | None) -> None:
    """Write the report of the gates. Raises `JournalError`."""
    bad = [gate.state != "enforced" for gate in found for _ in _lists(gate)]
    _write("Which gate enforces which revocation list", _GATE_HEAD, gate_rows(found), bad, html_file, csv_file)


def write_results(records: Sequence[Record], html_file: Path | None, csv_file: Path | None) -> None:
    """Write the report of what was done. Raises `JournalError`."""
    bad = [record.result not in ("installed", "unchanged") for record in records]
    _write("What was done to which scanner", _RESULT_HEAD, result_rows(records), bad, html_file, csv_file)


def _lists(gate: Gate) -> tuple[HeldList, ...]:
    return gate.held.lists or (HeldList("", "", 0),)


def _gate_row(gate: Gate, entry: HeldList) -> list[str]:
    held = gate.held
    bundle = "" if held.bundle is None else str(held.bundle)
    age = "" if gate.age_days is None else str(gate.age_days)
    return [gate.device, bundle, _day(held.iat), age, _day(held.exp), gate.state, gate.seen, entry.uri, entry.sha256]


def _day(time_s: int | None) -> str:
    return "" if time_s is None else f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d}"


def _write(
    title: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    bad: Sequence[bool],
    html_file: Path | None,
    csv_file: Path | None,
) -> None:
    for path, text in ((html_file, _html(title, head, rows, bad)), (csv_file, _csv(head, rows))):
        if path is None:
            continue
        try:
            write_file(path, text.encode(), PUBLIC_FILE_MODE)
        except OSError as error:
            raise JournalError(f"{path} cannot be written ({error.strerror}): name another file.") from None


def _csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([_no_formula(cell) for cell in row] for row in rows)
    return text.getvalue()


def _no_formula(cell: str) -> str:
    """A spreadsheet would run a label that begins as a formula does."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell


def _html(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], bad: Sequence[bool]) -> str:
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    heading = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "\n".join(
        f"<tr{' class=bad' if is_bad else ''}>{''.join(map(_cell, row))}</tr>"
        for row, is_bad in zip(rows, bad, strict=True)
    )
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>\n'
        f"<h1>{title}</h1>\n<p>{made}</p>\n<table>\n<tr>{heading}</tr>\n{body}\n</table>\n"
        f'<p class="note">{html.escape(NOTE)}</p>\n</html>\n'
    )


def _cell(text: str) -> str:
    if _HASH.fullmatch(text):
        return f'<td class="hash">{text}</td>'
    shown = _TIME.sub(r"\1 \2 UTC", text)
    return f"<td>{html.escape(shown)}</td>"
