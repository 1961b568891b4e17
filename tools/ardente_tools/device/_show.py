"""What a person sees of long work: a bar, or a table of a fleet. Standard error, so that the answer stays alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from ._fleet import DONE, Event, Member
from ._journal import Record
from ._push import Watcher


@contextmanager
def bar(text: str, *, quiet: bool) -> Iterator[Watcher]:
    """Show how far one upload is. Where the output is no terminal, each step is a line."""
    console = Console(stderr=True, quiet=quiet)
    if quiet or not console.is_terminal:
        yield Watcher(step=lambda said: None if quiet else click.echo(f"{said} …", err=True))
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        task = progress.add_task(text, total=None)
        yield Watcher(
            progress=lambda done, total: progress.update(task, completed=done, total=total),
            step=lambda said: progress.update(task, description=said),
        )


@contextmanager
def fleet_table(members: Sequence[Member], *, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """Show a row for each scanner of a fleet. Where the output is no terminal, each one's end is a line."""
    console = Console(stderr=True, quiet=quiet)
    if quiet or not console.is_terminal:
        yield lambda event: None if quiet else _print_end(members, event)
        return
    rows = [_Row(member) for member in members]
    with Live(_table(rows), console=console, auto_refresh=False) as live:

        def show(event: Event) -> None:
            rows[event.number].take(event)
            live.update(_table(rows), refresh=True)

        yield show


class _Row:
    def __init__(self, member: Member) -> None:
        self._member = member
        self._step = "waiting"
        self._share = ""
        self._style = ""

    def take(self, event: Event) -> None:
        if event.record is not None:
            is_done = event.record.result in DONE
            self._step = event.record.result if is_done else event.error
            self._style = "green" if is_done else "red"
        if event.step:
            self._step = event.step
        if event.total:
            self._share = f"{100 * event.done // event.total} %"

    def cells(self) -> tuple[str, str, str, Text]:
        return self._member.label, self._member.port.path, self._share, Text(self._step, style=self._style)


def _table(rows: Sequence[_Row]) -> Table:
    table = Table("device", "port", "sent", "state")
    for row in rows:
        table.add_row(*row.cells())
    return table


def _print_end(members: Sequence[Member], event: Event) -> None:
    record: Record | None = event.record
    if record is not None:
        click.echo(f"{members[event.number].label}: {event.error or record.result}", err=True)
