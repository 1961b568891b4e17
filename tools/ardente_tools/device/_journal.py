"""What a laptop did to scanners, and what each said it had afterwards: lines of JSON, only ever appended.

A record is worth the word of the technician and the laptop; no scanner signs it. It holds no secret and nothing of any
card. A record is one line of canonical JSON, so that two journals are merged as sets of lines.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import click
import msgspec
from filelock import FileLock, Timeout

from ardente._files import PUBLIC_FILE_MODE, write_file

from ._errors import JournalError

if TYPE_CHECKING:
    from ._client import Status
    from ._ports import Port

_LOCK_TIMEOUT_S: Final = 10.0
_MAX_JOURNAL_BYTES: Final = 256 << 20
Action = Literal["flash", "provision", "push"]
# Until the year 9999, as far as a calendar goes.
_Seconds = Annotated[int, msgspec.Meta(ge=0, le=253402300799)]


class HeldList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A revocation list that a scanner judges by; the hash in hexadecimal."""

    uri: str
    sha256: str
    entries: int


class Held(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which keys, revocations and program a scanner said it works by; None for what it has not."""

    city: str | None = None
    root: int | None = None
    root_sha: str | None = None
    bundle: int | None = None
    bundle_sha: str | None = None
    iat: _Seconds | None = None
    exp: _Seconds | None = None
    application: int | None = None
    application_sha: str | None = None
    lists: tuple[HeldList, ...] = ()


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One action on one scanner. ``was`` and ``now`` are what it said it had, None where it said nothing.

    ``when`` is UTC in ISO 8601 with milliseconds; ``result`` is "installed", "unchanged" or the code of a
    `DeviceError`; ``file_sha256`` the file that was to be brought; ``port`` what the laptop called the port;
    ``board_id`` the MAC address of the board or the USB serial number of board or adapter, "" where neither is known.
    """

    v: Literal[1] = 1
    action: Action
    when: str
    device: str
    port: str
    board_id: str
    laptop: str
    file_sha256: str
    was: Held | None
    now: Held | None
    result: str

    def to_line(self) -> str:
        return _ENCODER.encode(self).decode()


_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DECODER: Final = msgspec.json.Decoder(Record)


def make_record(
    action: Action,
    port: Port,
    was: Status | None,
    now: Status | None,
    result: str,
    file_sha256: bytes,
    mac: str = "",
) -> Record:
    """Return the record of what was done just now."""
    known = now or was
    return Record(
        action=action,
        when=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        device=known.label if known else "",
        port=port.path,
        board_id=mac or port.serial_number or "",
        laptop=platform.node(),
        file_sha256=file_sha256.hex(),
        was=held(was),
        now=held(now),
        result=result,
    )


def held(status: Status | None) -> Held | None:
    """Return what of a status the journal keeps."""
    if status is None:
        return None
    said = status.to_dict()
    return msgspec.convert({name: said[name] for name in Held.__struct_fields__ if name in said}, Held)


def default_journal() -> Path:
    """Return this user's journal."""
    return Path(click.get_app_dir("ardente", roaming=False)) / "devices.jsonl"


class Journal:
    """A journal's file. Several programs may append to it at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, record: Record) -> None:
        """Add a record and wait until the disk has it. Raises `JournalError`."""
        line = record.to_line().encode() + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self._path}.lock", timeout=_LOCK_TIMEOUT_S), self._path.open("ab+") as file:
                if _ends_in_mid_line(file.fileno()):
                    # A power cut while the last record was written.
                    line = b"\n" + line
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except Timeout:
            raise JournalError(f"{self._path} is locked by another program: close it, then try again.") from None
        except OSError as error:
            raise JournalError(
                f"The journal {self._path} cannot be written ({error.strerror}): name another with --journal."
            ) from None

    def records(self) -> list[Record]:
        """Return the records, oldest first; a line that a power cut tore is left out. Raises `JournalError`."""
        return sorted(_parse(self._lines()), key=_order)

    def _lines(self) -> Iterator[str]:
        try:
            if self._path.stat().st_size > _MAX_JOURNAL_BYTES:
                raise JournalError(f"{self._path} is too large for a journal: check its name.")
            with self._path.open(encoding="utf-8", errors="replace") as file:
                yield from file
        except OSError as error:
            raise JournalError(f"{self._path} cannot be read ({error.strerror}): check its name.") from None


def merged(sources: Iterable[Path]) -> list[Record]:
    """Return all records of ``sources``, each once, oldest first. Raises `JournalError`."""
    records = {record.to_line(): record for source in sources for record in Journal(source).records()}
    return sorted(records.values(), key=_order)


def merge(sources: Iterable[Path], output: Path) -> int:
    """Write all records of ``sources`` to ``output`` and return how many. Raises `JournalError`."""
    records = merged(sources)
    try:
        write_file(output, "".join(f"{record.to_line()}\n" for record in records).encode(), PUBLIC_FILE_MODE)
    except OSError as error:
        raise JournalError(f"{output} cannot be written ({error.strerror}): name another file.") from None
    return len(records)


def _parse(lines: Iterable[str]) -> Iterator[Record]:
    count = torn = 0
    for line in lines:
        if not line.strip():
            continue
        count += 1
        record = _parse_line(line)
        if record is None:
            torn += 1
        else:
            yield record
    if count and torn == count:
        raise JournalError("No line of this file is a record: it is no journal of `ardente device`.")


def _parse_line(line: str) -> Record | None:
    try:
        record = _DECODER.decode(line)
        datetime.fromisoformat(record.when)
    except (ValueError, msgspec.MsgspecError):
        return None
    return record


def _order(record: Record) -> tuple[str, str]:
    return record.when, record.to_line()


def _ends_in_mid_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    if not size:
        return False
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) != b"\n"
