"""`ardente city settle`: close a day of the ledger, and say what each merchant is owed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from ardente._files import write_file
from ardente.cli._options import chosen_language

from . import cli
from ._errors import CampaignError
from ._folder import City
from ._money import decimal

LEDGER = click.option(
    "--ledger",
    "url",
    metavar="URL",
    envvar="ARDENTE_LEDGER",
    required=True,
    help="The ledger: its SQLite file, or postgresql://…",
)


@click.command()
@LEDGER
@click.option(
    "--day", metavar="DAY", type=click.DateTime(["%Y-%m-%d"]), help="As 2026-12-01; yesterday by default (in Liège)."
)
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), required=True, help="A folder.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def settle(ctx: click.Context, url: str, day: datetime | None, output: Path, yes: bool) -> None:
    """Close a day for all merchants, and write what each is owed for it, as CSV and as an HTML page.

    A day is closed once and for good: what was redeemed until then and not paid yet is on it, and can no longer be
    refunded. For a day that is closed the same is written again.
    """
    from ardente._liege import day_of
    from ardente.ledger import Ledger

    from . import _settlement

    city = City(ctx.obj)
    closing = day.date() if day else day_of(cli.now()) - timedelta(days=1)
    if not yes and not click.confirm(f"Close {closing} for all merchants, for good?", err=True):
        raise CampaignError("Nothing was closed.")
    with Ledger.open(url, clock=cli.now) as ledger:
        # What tills took offline counts once its window is decided, and not before.
        ledger.decide_windows()
        ledger.close_day(None, closing)
        settlements = ledger.settlement(closing)
    output.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {
        "csv": _settlement.as_csv(settlements),
        "html": _settlement.as_page(city.config.name, closing, settlements, chosen_language(ctx)),
    }
    for suffix, data in files.items():
        write_file(output / f"settlement-{closing}.{suffix}", data)
    sums = _settlement.totals(settlements) or {"EUR": 0}
    owed = ", ".join(f"{decimal(cents)} {currency}" for currency, cents in sums.items())
    merchants = len({each.merchant_id for each in settlements})
    click.echo(f"{closing} is closed: {owed} for {merchants} merchant{'' if merchants == 1 else 's'}.")
    click.echo(f"It is in {output}, as settlement-{closing}.csv and .html.")
