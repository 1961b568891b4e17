"""Many scanners at once: each is pushed to by a process of its own, and what came of it is in the journal at once."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from ._client import Status
from ._errors import DeviceError, FleetError
from ._journal import Journal, Record, make_record
from ._payload import Payload
from ._ports import Port, find_port
from ._push import WAIT_S, Pushed, Target, Watcher, push

DONE: Final = ("installed", "unchanged")
_MAX_FILE_BYTES: Final = 1 << 20
# Imported once for all processes, which is most of what starting one costs.
_PRELOAD: Final = ["ardente_tools.device._push"]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    label: str
    port: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    device: list[_Entry]
    file: str = ""


class Member(NamedTuple):
    """One scanner of a fleet: the label that it must have, and where it is plugged in."""

    label: str
    port: Port


class Fleet(NamedTuple):
    """What a fleet file says; ``file`` is what to push, None where the command says it."""

    members: list[Member]
    file: Path | None


class Event(NamedTuple):
    """News of the member ``number``, counted from 0: what it is at, how far, and at its end the record of it."""

    number: int
    step: str = ""
    done: int = 0
    total: int = 0
    record: Record | None = None
    error: str = ""


class _Answer(NamedTuple):
    was: Status | None
    now: Status | None
    result: str
    error: str


def read_fleet(path: Path) -> Fleet:
    """Return the fleet that a TOML file names. Raises `FleetError`."""
    try:
        data = path.read_bytes()
        if len(data) > _MAX_FILE_BYTES:
            raise FleetError(f"{path} is too large for a fleet file: check its name.")
        found = msgspec.toml.decode(data, type=_File)
    except OSError as error:
        raise FleetError(f"{path} cannot be read ({error.strerror}): check its name.") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise FleetError(f"{path} is no fleet file ({str(error).rstrip('.')}): docs/technician.md shows one.") from None
    if not found.device:
        raise FleetError(f"{path} names no device: add a [[device]] with its label and port.")
    members = [Member(entry.label, find_port(entry.port)) for entry in found.device]
    _refuse_doubled(path, "label", [member.label for member in members])
    _refuse_doubled(path, "port", [member.port.path for member in members])
    return Fleet(members, path.parent / found.file if found.file else None)


def unfinished(members: Sequence[Member], payload: Payload, records: Sequence[Record]) -> list[Member]:
    """Return the members of which the journal does not say that they have the file."""
    sha256 = payload.sha256.hex()
    have = {record.device for record in records if record.file_sha256 == sha256 and record.result in DONE}
    return [member for member in members if member.label not in have]


def push_fleet(
    members: Sequence[Member],
    payload: Payload,
    journal: Journal,
    show: Callable[[Event], None],
    *,
    jobs: int,
    wait_s: float = WAIT_S,
) -> list[Record]:
    """Push to all members, ``jobs`` at a time; return their records, in the members' order.

    Each record is in the journal before the next is waited for. One that fails leaves the others alone. Raises
    `JournalError`; whatever ends it ends its processes.
    """
    context = _context()
    waiting = iter(enumerate(members))
    running: dict[Connection, tuple[int, BaseProcess]] = {}
    records: dict[int, Record] = {}
    try:
        while True:
            for index, member in _some(waiting, jobs - len(running)):
                connection, process = _start(context, member, payload, wait_s)
                running[connection] = (index, process)
                show(Event(index, "starting"))
            if not running:
                return [records[index] for index in range(len(members))]
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                index, process = running[ready]
                news = _receive(ready)
                if isinstance(news, Event):
                    show(news._replace(number=index))
                    continue
                del running[ready]
                process.join()
                records[index] = _record(members[index], payload, news)
                journal.append(records[index])
                show(Event(index, record=records[index], error=news.error))
    finally:
        for _, process in running.values():
            process.terminate()
        for connection, (_, process) in running.items():
            process.join()
            connection.close()


def _context() -> BaseContext:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    return context


def _start(context: BaseContext, member: Member, payload: Payload, wait_s: float) -> tuple[Connection, BaseProcess]:
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, member, payload, wait_s), daemon=True)  # type: ignore[attr-defined]
    process.start()
    theirs.close()
    return ours, process


def _work(news: Connection, member: Member, payload: Payload, wait_s: float) -> None:
    """One process: push, and send what happens to the parent."""
    before: list[Status] = []

    def progress(done: int, total: int) -> None:
        news.send(Event(0, "", done, total))

    watcher = Watcher(progress=progress, step=lambda text: news.send(Event(0, text)))
    target = Target(member.port, label=member.label, wait_s=wait_s, watcher=watcher)
    try:
        pushed: Pushed = push(target, payload, before.append)
        news.send(_Answer(pushed.was, pushed.now, pushed.result, ""))
    except DeviceError as error:
        news.send(_Answer(before[0] if before else None, None, error.code, str(error)))
    except KeyboardInterrupt:
        # The parent got it too, and says so.
        pass


def _receive(connection: Connection) -> Event | _Answer:
    try:
        news: Event | _Answer = connection.recv()
    except EOFError:
        return _Answer(None, None, DeviceError.code, "Its process ended without a word: push again.")
    return news


def _record(member: Member, payload: Payload, answer: _Answer) -> Record:
    record = make_record("push", member.port, answer.was, answer.now, answer.result, payload.sha256)
    return record if record.device else msgspec.structs.replace(record, device=member.label)


def _some(members: Iterator[tuple[int, Member]], count: int) -> Iterator[tuple[int, Member]]:
    for _ in range(count):
        member = next(members, None)
        if member is None:
            return
        yield member


def _refuse_doubled(path: Path, what: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise FleetError(f"{path} names the {what} {name} twice: give each device its own.")
