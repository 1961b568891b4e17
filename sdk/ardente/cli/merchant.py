"""`ardente merchant`: a shop's till, and what the shop is owed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from .. import _texts
from .._liege import day_of
from ._options import TRUST, chosen_language, default_data_folder, language_option
from ._refusal import Refusal
from ._scans import scans

if TYPE_CHECKING:
    from ..scan import Scan, Source
    from ..vouchers import Answer, StatementLine, VoucherClient

_MAX_TOKEN_SIZE: Final = 256
_STATEMENT_DAYS: Final = 30
_DAY: Final = click.DateTime(["%Y-%m-%d"])
_COLOURS: Final = {"redeemed": "green", "taken": "yellow", "refused": "red", "unknown": "magenta"}
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _till_options(command: _Command) -> _Command:
    for option in (
        click.option(
            "--service", "url", metavar="URL", envvar="ARDENTE_SERVICE", required=True, help="Its https address."
        ),
        click.option(
            "--token",
            "token_file",
            metavar="FILE",
            envvar="ARDENTE_TILL_TOKEN",
            required=True,
            type=click.Path(path_type=Path, dir_okay=False),
            help="The file with the till's token, which only you may read.",
        ),
        click.option(
            "--journal",
            metavar="FOLDER",
            envvar="ARDENTE_TILL_JOURNAL",
            type=click.Path(path_type=Path, file_okay=False),
            default=lambda: default_data_folder() / "till",
            show_default="ARDENTE_TILL_JOURNAL, else a folder of this user",
            help="Where the till keeps what it took without a connection.",
        ),
        click.option("--group", "groups", metavar="NAME", multiple=True, help="A group that the shop belongs to."),
        TRUST,
        language_option(),
    ):
        command = option(command)
    return command


@click.group(short_help="Redeem vouchers at a till, and see what the shop is owed.")
def merchant() -> None:
    """Redeem the city's vouchers at a till, with the cable cut too, and see what the shop is owed.

    Exit status: 0 done, 2 not done.
    """


@merchant.command()
@_till_options
@click.option("--serial", "port", metavar="PORT", help="A serial scanner; else the keyboard, or a scan a line.")
@click.pass_context
def redeem(ctx: click.Context, /, port: str | None, **options: Any) -> None:
    """Redeem scan after scan, until the end of the input or Ctrl-C.

    Each voucher is redeemed whole. FINAL can no longer change; PROVISIONAL was taken without a connection, and is sent
    as soon as there is one.
    """
    language = chosen_language(ctx)
    with _till(**options) as till:
        if till.was_torn:
            click.echo(_texts.till_text("torn", language), err=True)
        click.echo(_texts.till_text("scan", language), err=True)
        for scan in _source(port):
            _show(till, scan, language)
        _warn_of_unsent(till, language)


@merchant.command()
@_till_options
@click.pass_context
def send(ctx: click.Context, /, **options: Any) -> None:
    """Send what was taken without a connection, and show what has become of it."""
    language = chosen_language(ctx)
    with _till(**options) as till:
        for answer in till.send():
            click.echo(f"{answer.receipt:>8}  {answer.heading(language)}: {answer.text(language)}")
        _warn_of_unsent(till, language)


@merchant.command()
@_till_options
@click.option("--from", "first_day", metavar="DAY", type=_DAY, help=f"As 2026-06-01; else {_STATEMENT_DAYS} days back.")
@click.option("--to", "last_day", metavar="DAY", type=_DAY, help="The last day; else today.")
@click.pass_context
def statement(ctx: click.Context, /, first_day: datetime | None, last_day: datetime | None, **options: Any) -> None:
    """List what the shop redeemed: day, amount, the till's own receipt number, and whether it is paid."""
    language = chosen_language(ctx)
    last = last_day.date() if last_day else day_of(time.time())
    first = first_day.date() if first_day else last - timedelta(days=_STATEMENT_DAYS)
    with _till(**options) as till:
        lines = till.statement(first, last)
    if not lines:
        click.echo(_texts.till_text("nothing", language))
    for line in lines:
        click.echo(_row(line, language))


@contextmanager
def _till(url: str, token_file: Path, journal: Path, groups: tuple[str, ...], folder: Path) -> Iterator[VoucherClient]:
    from .. import TrustStore
    from ..vouchers import VoucherClient

    try:
        till = VoucherClient(url, _token(token_file), TrustStore(folder), journal, groups=groups)
    except ValueError as error:
        raise Refusal(f"{str(error)[0].upper()}{str(error)[1:]}.") from None
    with till:
        yield till


def _token(path: Path) -> str:
    from .._files import refuse_open_to_others

    with path.open("rb") as file:
        refuse_open_to_others(path, os.fstat(file.fileno()), stat.S_IRWXG | stat.S_IRWXO, "600")
        token = file.read(_MAX_TOKEN_SIZE).decode("ascii", "replace").strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Refusal(f"{path} holds no till's token: write the one line there that `ardente ledger till add` printed.")
    return token


def _source(port: str | None) -> Iterator[Scan]:
    if port is None:
        yield from scans()
        return
    from ..scan import SerialSource

    source: Source
    with SerialSource(port) as source:
        yield from source


def _show(till: VoucherClient, scan: Scan, language: str) -> None:
    if scan.problem is not None:
        click.echo(scan.staff_text(language))
        return
    answer = till.redeem(scan.text or "")
    click.echo("\n" + _banner(answer, language))
    click.echo(answer.text(language))
    if answer.accepted:
        click.echo(_total(till, answer.currency, language))
    if answer.outcome == "redeemed" and till.unsent:
        _send_quietly(till)


def _banner(answer: Answer, language: str) -> str:
    """The one word that counts, which is read across a counter."""
    word = " ".join(answer.heading(language))
    return click.style(f"  {word}  ", bold=True, reverse=True, fg=_COLOURS.get(answer.outcome))


def _total(till: VoucherClient, currency: str, language: str) -> str:
    from ..tariff._words import amount_text

    total = till.today(currency)
    both = amount_text(total.final + total.provisional, currency, language)
    text = _texts.till_text("total", language, amount=both)
    if total.provisional:
        provisional = amount_text(total.provisional, currency, language)
        text += f" ({_texts.till_text('provisional', language, amount=provisional)})"
    return text


def _send_quietly(till: VoucherClient) -> None:
    """The connection is there: let it carry what waits. Where it breaks again, that goes on waiting."""
    from .._errors import LedgerError

    try:
        till.send()
    except LedgerError:
        return


def _warn_of_unsent(till: VoucherClient, language: str) -> None:
    if till.unsent:
        click.echo(_texts.till_text("unsent", language, count=till.unsent), err=True)


def _row(line: StatementLine, language: str) -> str:
    from ..tariff._words import amount_text

    amount = amount_text(line.amount, line.currency, language)
    row = f"{line.day}  {amount:>12}  {line.receipt:>8}  {_texts.till_text(line.state, language)}"
    return f"{row} ({_paid(line.settled_on)})" if line.settled_on else row


def _paid(day: date) -> str:
    return f"✓ {day}"
