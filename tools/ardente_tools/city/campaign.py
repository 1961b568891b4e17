"""`ardente city campaign`: vouchers for the city's shops."""

from __future__ import annotations

import json
import shlex
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import click

from ardente._files import PUBLIC_FILE_MODE, write_file
from ardente.cli._options import chosen_language
from ardente.core.manifest import BEARER_CITY, BEARER_MERCHANT

from . import _campaigns, _keys, cli
from ._campaigns import CampaignOrder, start_of_day
from ._errors import CampaignError
from ._folder import City
from ._money import Amount, decimal
from ._orders import last_day
from ._passphrases import Passphrases, passphrase_fd
from ._progress import progress_bar
from ._slip_text import day
from ._voucher_batch import VoucherIssuer, VoucherOrder
from ._voucher_outputs import VOUCHER_FORMATS
from ._vouchers import ACTIVE, Campaign
from .settle import LEDGER

_NUMBER = click.argument("number", metavar="CAMPAIGN", type=click.IntRange(1))
_BATCH = click.option("--batch", "batch", metavar="N", type=click.IntRange(1), help="The number of the batch.")
_DAY = click.DateTime(["%Y-%m-%d"])
_BEARERS = {"city": BEARER_CITY, "merchant": BEARER_MERCHANT}


@click.group(short_help="Vouchers: make, issue, activate, revoke, close, report.")
def campaign() -> None:
    """Vouchers for the city's shops: a campaign, its batches, and what became of them.

    What changes here holds from the next bundle on (publish); bring the ledger the new export as well.
    """


@campaign.command(short_help="Make a campaign.")
@click.option("--name", required=True, help="For people; it is printed on the vouchers.")
@click.option("--value", "values", metavar="AMOUNT", type=Amount(), multiple=True, required=True, help="Or several.")
@click.option("--currency", default="EUR", show_default=True, help="By ISO 4217.")
@click.option("--from", "first", metavar="DAY", type=_DAY, required=True, help="The first day, as 2026-12-01 (UTC).")
@click.option("--until", "last", metavar="DAY", type=_DAY, required=True, help="The last day.")
@click.option("--merchants", metavar="GROUP", multiple=True, help="Only merchants of this group; repeat for more.")
@click.option("--partial", is_flag=True, help="A voucher may be spent in parts.")
@click.option(
    "--bearer",
    type=click.Choice(tuple(_BEARERS)),
    default="city",
    show_default=True,
    help="Who bears a voucher that two tills took offline.",
)
@click.option(
    "--offline",
    metavar="VOUCHERS AMOUNT HOURS",
    type=(click.IntRange(1), Amount(), click.IntRange(1)),
    help="What a till without network may take in so many hours; without it nothing.",
)
@click.option(
    "--vouchers",
    type=click.IntRange(1, _campaigns.MAX_VOUCHERS),
    default=200_000,
    show_default=True,
    help="How many there may be in all, at least.",
)
@passphrase_fd
@click.pass_obj
def create(
    folder: Path,
    name: str,
    values: tuple[int, ...],
    currency: str,
    first: datetime,
    last: datetime,
    merchants: tuple[str, ...],
    partial: bool,
    bearer: str,
    offline: tuple[int, int, int] | None,
    vouchers: int,
    passphrase_fd: int | None,
) -> None:
    """Make a campaign, with a voucher key and a status list of its own. Nothing of it can be changed later."""
    city = City(folder)
    count, cents, hours = offline or (0, 0, 0)
    order = CampaignOrder(
        name,
        currency,
        values,
        first.date(),
        last.date(),
        partial,
        _BEARERS[bearer],
        merchants,
        (count, cents, hours * 3600),
        vouchers,
    )
    passphrase = cli.chosen_as_before(city, _keys.VOUCHER, Passphrases(passphrase_fd), like=_keys.CARD)
    made = _campaigns.create(city, order, passphrase, cli.now())
    click.echo(f"Campaign {made.number} is made: {made.name}, until {day(last_day(made.end))}.")
    click.echo(f"Partners know it from the next bundle on: {city.command} publish")


@campaign.command(short_help="Issue a batch of vouchers.")
@_NUMBER
@click.option("-o", "--output", metavar="FOLDER", type=click.Path(path_type=Path), required=True, help="A new folder.")
@click.option("--count", type=click.IntRange(1), required=True, help="How many vouchers.")
@click.option("--value", metavar="AMOUNT", type=Amount(), help="Of each, where the campaign has more than one value.")
@click.option("--until", "last", metavar="DAY", type=_DAY, help="The last day; that of the campaign by default.")
@click.option(
    "--format",
    "voucher_format",
    type=click.Choice(VOUCHER_FORMATS),
    default="pdf",
    show_default=True,
    help="Digits or CSV, a line each; SVG or PNG, a file each; or A4 sheets of ten.",
)
@click.option("--active", is_flag=True, help="Good at once: for those that are not posted.")
@passphrase_fd
@click.pass_obj
def issue(
    folder: Path,
    number: int,
    output: Path,
    count: int,
    value: int | None,
    last: datetime | None,
    voucher_format: str,
    active: bool,
    passphrase_fd: int | None,
) -> None:
    """Issue a batch of vouchers of one value. Shops refuse them until the batch is activated.

    A run that was cut goes on when the same command is given again. Whoever has a file can spend its vouchers.
    """
    city = City(folder)
    with city.vouchers() as table:
        found = table.campaign(number)
        exp = start_of_day(last.date() + timedelta(days=1)) if last else found.end
        order = VoucherOrder(number, count, _value(found, value), exp, voucher_format, active)
        read_key = partial(city.voucher_signing_key, ask=Passphrases(passphrase_fd).ask)
        with progress_bar("Vouchers", count) as progress:
            batch, before = VoucherIssuer(city, table, read_key, cli.now).batch(order, output, progress)
    went_on = f" ({before:,} of them before)" if before else ""
    click.echo(f"{count:,} vouchers of {decimal(batch.value)} {found.currency} are in {output}{went_on}.")
    click.echo(f"They are batch {batch.number}, valid until {day(last_day(batch.exp))}.")
    click.echo(f"Next: {city.command} publish, and bring the ledger: {_export_command(city, number)}")
    if batch.state != ACTIVE:
        click.echo(f"When they have arrived: {city.command} campaign activate {number} --batch {batch.number}")


@campaign.command(short_help="Let a batch be redeemed.")
@_NUMBER
@_BATCH
@click.pass_obj
def activate(folder: Path, number: int, batch: int | None) -> None:
    """Let the vouchers of a batch be redeemed, once they have arrived."""
    if batch is None:
        raise click.UsageError("Say with --batch which batch has arrived.")
    city = City(folder)
    activated = _campaigns.activate_batch(city, number, batch, cli.now())
    if activated is None:
        click.echo("This batch was active already.")
    else:
        click.echo(f"Batch {batch} is active: {activated.vouchers - activated.revoked:,} vouchers.")
        _echo_next(city, number)


@campaign.command(short_help="Revoke a batch, or one voucher.")
@_NUMBER
@click.argument("voucher", metavar="[IMAGE | -]", required=False)
@_BATCH
@click.option("--yes", is_flag=True, help="With --batch: do not ask.")
@click.pass_context
def revoke(ctx: click.Context, number: int, voucher: str | None, batch: int | None, yes: bool) -> None:
    """Revoke a batch, or the one voucher in a picture or read from -. For good: it cannot be taken back."""
    if (voucher is None) == (batch is None):
        raise click.UsageError("Name one of the two: --batch, or a picture of the voucher (or - to scan it).")
    city = City(ctx.obj)
    if batch is not None:
        _revoke_batch(city, number, batch, yes)
    elif _campaigns.revoke_voucher(city, number, cli.card_text(ctx, voucher or "-")):
        click.echo("Revoked.")
        _echo_next(city, number)
    else:
        click.echo("This voucher was revoked already.")


@campaign.command(short_help="End a campaign before its last day.")
@_NUMBER
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def close(folder: Path, number: int, yes: bool) -> None:
    """End a campaign before its last day, for good: no voucher of it is issued or redeemed any more."""
    city = City(folder)
    with city.vouchers() as table:
        name = table.campaign(number).name
    if not yes and not click.confirm(f"Close campaign {number} ({name}) for good?", err=True):
        raise CampaignError("Nothing was closed.")
    if _campaigns.close(city, number, cli.now()):
        click.echo(f"Campaign {number} is closed, and its key deleted.")
        click.echo(f"Shops know from the next bundle on: {city.command} publish")
    else:
        click.echo("This campaign was over already.")


@campaign.command(short_help="Write what the ledger imports.")
@_NUMBER
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.pass_obj
def export(folder: Path, number: int, output: Path) -> None:
    """Write which vouchers were issued and in which state they are, for `ardente ledger import`."""
    from ._exchange import export as export_campaign

    data = export_campaign(City(folder), number)
    write_file(output, data)
    click.echo(f"{output} is what the ledger imports of campaign {number} ({len(data)} bytes).")


@campaign.command(short_help="What became of a campaign.")
@_NUMBER
@LEDGER
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="A folder for tables and picture."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def report(ctx: click.Context, number: int, url: str, output: Path | None, as_json: bool) -> None:
    """Tell how many vouchers were issued, redeemed and expired, by day and district of the shop.

    Small counts are left out. With -o: days.csv, districts.csv and report.svg.
    """
    from ardente.ledger import Ledger

    from ._report import report as report_on
    from ._report_svg import draw

    with Ledger.open(url, clock=cli.now) as ledger:
        found = report_on(City(ctx.obj), number, ledger, cli.now())
    if output:
        output.mkdir(parents=True, exist_ok=True)
        files = {**found.tables(), "report.svg": draw(found, chosen_language(ctx))}
        for name, data in files.items():
            write_file(output / name, data, PUBLIC_FILE_MODE)
    click.echo(json.dumps(found.to_dict(), ensure_ascii=False) if as_json else "\n".join(found.lines()))


def _value(found: Campaign, value: int | None) -> int:
    if value is not None:
        return value
    if len(found.values) > 1:
        values = ", ".join(map(decimal, found.values))
        raise click.UsageError(f"Say with --value which of the campaign's values: {values}.")
    return found.values[0]


def _revoke_batch(city: City, number: int, batch: int, yes: bool) -> None:
    with city.vouchers() as table:
        table.campaign(number)
        count = table.batch(number, batch).done
    if not yes and not click.confirm(f"Revoke the {count:,} vouchers of batch {batch} for good?", err=True):
        raise CampaignError("Nothing was revoked.")
    if _campaigns.revoke_batch(city, number, batch) is None:
        click.echo("This batch was revoked already.")
    else:
        click.echo(f"Batch {batch} is revoked: {count:,} vouchers.")
        _echo_next(city, number)


def _export_command(city: City, number: int) -> str:
    return f"{city.command} campaign export {number} -o {shlex.quote(f'campaign-{number}.json')}"


def _echo_next(city: City, number: int) -> None:
    click.echo(f"Shops know from the next bundle on: {city.command} publish")
    click.echo(f"Bring the ledger: {_export_command(city, number)}")
