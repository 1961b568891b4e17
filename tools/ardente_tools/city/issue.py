"""`ardente city issue`: one card, or a batch from a CSV file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

from ._batch import Issuer, Plan, begun, cards_missing, close, read_plan
from ._cards import CardTable
from ._chunks import BatchError
from ._folder import City
from ._orders import Order, OrderFile, Validity, last_day, order, read_orders
from ._outputs import CARD_FORMATS, PDF, SLIP_FORMATS, TEXT
from ._passphrases import Passphrases, passphrase_fd
from ._progress import progress_bar
from ._slip_text import day
from .cli import card_text

_KEY_UNKNOWN = "Partners know the card key from the next bundle on: {} publish"


@click.command()
@click.argument("csv_file", metavar="[CSV]", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option(
    "-o", "--output", metavar="FOLDER", type=click.Path(path_type=Path), help="A new folder for cards and slips."
)
@click.option(
    "--format",
    "card_format",
    type=click.Choice(CARD_FORMATS),
    default="svg",
    show_default=True,
    help="The QR code as digits, SVG or PNG, or whole cards for a card printer as PDF.",
)
@click.option("--slips", type=click.Choice(SLIP_FORMATS), help="Of the slips; pdf beside PDF cards, else text.")
@click.option("--age", default="", help="For one card, at the holder's wish: 'child 2034', 'youth 2038' or 'senior'.")
@click.option("--quarters", default="", help="Valid for so many quarters, this one included.  [default: the longest]")
@click.option("--valid-until", default="", metavar="QUARTER", help="Or the last quarter of its validity: 2031-Q2.")
@click.option(
    "--replaces", metavar="[IMAGE | -]", help="For one card: the former card, or the code of its slip from -."
)
@click.option(
    "--done", metavar="FOLDER", help="Delete the outputs in FOLDER; give the id of a batch whose folder is lost."
)
@click.option("--yes", is_flag=True, help="With --done: do not ask.")
@passphrase_fd
@click.pass_context
def issue(
    ctx: click.Context,
    csv_file: Path | None,
    output: Path | None,
    card_format: str,
    slips: str | None,
    age: str,
    quarters: str,
    valid_until: str,
    replaces: str | None,
    done: str | None,
    yes: bool,
    passphrase_fd: int | None,
) -> None:
    """Issue one card, or those that CSV orders, each with a slip.

    A line of CSV is a card; the columns are age, quarters, valid_until and replaces (the slip code of the former card),
    all of them optional, and no others: no name, no birth date. Files are numbered by the line.

    A run that was cut goes on when the same command is given again. Cards, slips and CSV are personal data: once they
    are handed out, run `ardente city issue --done FOLDER`.
    """
    if done is not None:
        if csv_file or output:
            raise click.UsageError("--done stands alone, with the folder to delete.")
        _close(City(ctx.obj), done, yes)
        return
    if output is None:
        raise click.UsageError("Say with -o in which folder to put cards and slips.")
    if csv_file and (age or replaces):
        raise click.UsageError("--age and --replaces are for one card; in a CSV file they are columns.")
    run = _Run(City(ctx.obj), output, card_format, slips or (PDF if card_format == PDF else TEXT), passphrase_fd)
    today = datetime.now(UTC).date()
    longest = run.city.config.periods.longest_card_quarters
    if csv_file:
        with run.city.cards() as table:
            validity = Validity(begun(table, output) or today, longest)
        orders = read_orders(csv_file, validity, quarters=quarters, valid_until=valid_until)
        if orders.empty_lines:
            click.echo(_empty_lines(csv_file.name, orders.empty_lines), err=True)
        _issue_batch(run, orders, csv_file.name)
        return
    validity = Validity(today, longest)
    former = card_text(ctx, replaces) if replaces else ""
    _issue_single(run, order(0, validity, age=age, quarters=quarters, valid_until=valid_until, replaces=former))


class _Run(NamedTuple):
    city: City
    output: Path
    card_format: str
    slip_format: str
    passphrase_fd: int | None

    @property
    def done_command(self) -> str:
        return f"{self.city.command} issue --done {shlex.quote(str(self.output))}"

    @contextmanager
    def issuer(self) -> Iterator[Issuer]:
        with self.city.cards() as table:
            ask = Passphrases(self.passphrase_fd).ask
            read_key = partial(self.city.card_signing_key, ask=ask)
            yield Issuer(self.city, table, read_key, lambda: datetime.now(UTC).timestamp())


def _issue_single(run: _Run, order: Order) -> None:
    with run.issuer() as issuer:
        if not issuer.single(order, run.output, run.card_format, run.slip_format):
            click.echo(f"The card that a cut run had issued is in {run.output}; no other was issued.")
            return
        known = issuer.key_is_published
    click.echo(f"A card and its slip are in {run.output}, valid until {day(last_day(order.exp))}.")
    if not known:
        click.echo(_KEY_UNKNOWN.format(run.city.command))
    if order.replaces:
        click.echo(f"The former card is revoked from the next bundle on: {run.city.command} publish")
    click.echo(f"When they are handed out: {run.done_command}")


def _issue_batch(run: _Run, file: OrderFile, csv_name: str) -> None:
    cards = len(file.orders)
    with run.issuer() as issuer, progress_bar("Cards", cards) as progress:
        before = issuer.batch(file, run.output, run.card_format, run.slip_format, progress)
        known = issuer.key_is_published
    went_on = f" ({before:,} of them before)" if before else ""
    click.echo(f"{cards:,} cards and their slips are in {run.output}{went_on}, numbered by the lines of {csv_name}.")
    if not known:
        click.echo(_KEY_UNKNOWN.format(run.city.command))
    if any(order.replaces for order in file.orders):
        click.echo(f"Replaced cards are revoked from the next bundle on: {run.city.command} publish")
    click.echo(f"When they are handed out, delete {csv_name}, and run: {run.done_command}")


def _empty_lines(csv_name: str, count: int) -> str:
    lines = "an empty line, which is no card" if count == 1 else f"{count:,} empty lines, which are no cards"
    return f"{csv_name} ends with {lines}; a card about which there is nothing to say is a line with -."


def _close(city: City, target: str, yes: bool) -> None:
    folder = Path(target)
    plan = read_plan(folder)
    with city.cards() as table:
        if plan is None:
            if target not in {batch.id for batch in table.batches()}:
                raise BatchError(f"{target} is neither a folder with cards nor the id of a batch that is open.")
            close(city, table, target, None)
            click.echo(
                f"Batch {target} is closed. Delete its folder by hand if it turns up: what is in it is personal."
            )
            return
        if not yes:
            _confirm(table, plan, folder)
        closed = close(city, table, plan.id, folder)
    click.echo(
        f"Cards and slips in {folder} are deleted. Flash memory, backups and printers may keep what they said: encrypt "
        "this disk, and leave such folders out of backups."
    )
    if closed.files_left:
        click.echo(f"{closed.files_left} other files stay in {folder}.", err=True)


def _confirm(table: CardTable, plan: Plan, folder: Path) -> None:
    missing = cards_missing(table, plan)
    if missing:
        click.echo(f"{missing:,} of {plan.cards:,} cards are not issued yet and will not be.", err=True)
    if not click.confirm(f"Delete the cards and slips in {folder}? They cannot be made again.", err=True):
        raise BatchError("Nothing was deleted.")
