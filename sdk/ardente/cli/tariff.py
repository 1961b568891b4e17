"""`ardente tariff`: look at a tariff file before it is used."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._options import chosen_language, language_option
from ._refusal import Refusal

if TYPE_CHECKING:
    from ..tariff import Tariffs

FILE = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def tariff() -> None:
    """Check a tariff file, or see what everybody pays."""


@tariff.command()
@FILE
def check(file: Path) -> None:
    """Say whether FILE is a right tariff file, and what is in it; else what is wrong, and where."""
    from ..tariff import TariffError, Tariffs

    try:
        tariffs = Tariffs.load(file)
    except TariffError as error:
        raise Refusal(str(error)) from None
    classes = f", age classes {', '.join(tariffs.age_classes)}" if tariffs.age_classes else ""
    click.echo(
        f"{file.name} is fine: {_count(len(tariffs.products), 'product')}, "
        f"{_count(len(tariffs.reductions), 'reduction')}{classes}, "
        f"prices in {tariffs.currency}, hours of {tariffs.time_zone.key}."
    )


@tariff.command()
@FILE
@click.option("--at", metavar="DATETIME", help="The prices at this moment, such as 2027-07-04T10:30 (local time).")
@language_option()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@click.pass_context
def table(ctx: click.Context, file: Path, at: str | None, as_json: bool) -> None:
    """What everybody pays, as a table.

    Without --at: the prices that hold at any time; reductions for certain times are listed below them.
    """
    from ..tariff import TariffError, Tariffs
    from ..tariff._table import PriceTable

    language = chosen_language(ctx)
    try:
        tariffs = Tariffs.load(file)
        prices = PriceTable(tariffs, None if at is None else _moment(at, tariffs))
        shown = json.dumps(prices.to_dict(language), ensure_ascii=False) if as_json else prices.text(language)
    except TariffError as error:
        raise Refusal(str(error)) from None
    click.echo(shown)


def _moment(text: str, tariffs: "Tariffs") -> datetime:
    zone = tariffs.time_zone
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
    except (ValueError, OverflowError):
        raise click.UsageError(f"--at {text!r} is no date and time; write it as 2027-07-04T10:30.") from None


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
