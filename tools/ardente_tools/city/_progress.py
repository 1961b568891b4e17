"""The bar of a batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ._chunks import Progress

_SHOW_FROM = 100


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[Progress]:
    """A bar on standard error where a batch takes more than a moment."""
    if total < _SHOW_FROM:
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=total)

    def show(done: int) -> None:
        # Not before: a passphrase may be asked for first.
        bar.start()
        bar.update(task, completed=done)

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()
