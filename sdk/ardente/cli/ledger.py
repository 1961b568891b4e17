"""`ardente ledger`: the voucher ledger of a city, its service and its books."""

from __future__ import annotations

import ipaddress
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from ._options import TRUST, default_data_folder
from ._refusal import Refusal

if TYPE_CHECKING:
    from ..ledger import Ledger

FILE = click.Path(path_type=Path, dir_okay=False)
DEFAULT_PORT: Final = 8640
_TOKEN_BYTES: Final = 32
_MAX_TOKEN_SIZE: Final = 256
_Command = TypeVar("_Command", bound=Callable[..., Any])


def database_option(command: _Command) -> _Command:
    return click.option(
        "--database",
        metavar="URL",
        envvar="ARDENTE_LEDGER",
        show_default="ARDENTE_LEDGER, else SQLite in this user's data folder",
        help="A SQLite file, or postgresql://user@host/name. A password belongs in the variable or in ~/.pgpass.",
    )(command)


@click.group(short_help="Run a city's voucher ledger, and look after its books.")
def ledger() -> None:
    """Run a city's voucher ledger: who may redeem, what was redeemed, what the city owes.

    Exit status: 0 done, 1 the books do not add up (only `check`), 2 refused or failed.
    """


@ledger.command()
@database_option
@TRUST
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to serve on.")
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: any.")
@click.option("--certificate", metavar="FILE", type=FILE, help="TLS certificate chain, PEM.")
@click.option("--key", metavar="FILE", type=FILE, help="Its private key, PEM.")
@click.option("--no-tls", is_flag=True, help="Serve others without TLS: a proxy in front speaks it.")
@click.option(
    "--metrics-token", metavar="FILE", type=FILE, help="Serve /metrics to whoever has this token; made if missing."
)
def serve(
    database: str | None,
    folder: Path,
    host: str,
    port: int,
    certificate: Path | None,
    key: Path | None,
    no_tls: bool,
    metrics_token: Path | None,
) -> None:
    """Serve the ledger to tills over HTTP until stopped. Its log is on standard error, one JSON object a line."""
    if (certificate is None) != (key is None):
        raise click.UsageError("--certificate and --key go together.")
    if certificate is None and not no_tls and not _is_own(host):
        raise Refusal(
            f"Tokens and vouchers would go to {host} in the clear: give --certificate and --key, or --no-tls where a "
            "proxy in front speaks TLS."
        )
    from .. import TrustStore
    from ..ledger.service import create_app
    from ..ledger.service import serve as serve_app
    from ..ledger.service._observe import Log

    with _opened(database) as books:
        books.migrate()
        log = Log()
        token = "" if metrics_token is None else _metrics_token(metrics_token)
        app = create_app(books, TrustStore(folder), log=log, metrics_token=token)
        serve_app(app, host, port, log, certificate, key)


@ledger.command()
@database_option
def migrate(database: str | None) -> None:
    """Make the ledger's tables, or bring them to this version's form. Safe to repeat."""
    with _opened(database) as books:
        books.migrate()
    click.echo("The ledger's tables are up to date.")


@ledger.command(name="import")
@click.argument("exports", metavar="[EXPORT]...", nargs=-1, type=FILE)
@database_option
@TRUST
def import_(exports: tuple[Path, ...], database: str | None, folder: Path) -> None:
    """Take in the campaigns of the trust folder's bundle, and the city's EXPORTs of issued vouchers.

    Once a campaign has an export, only what is in it and active is redeemed.
    """
    from .. import TrustStore

    manifest = TrustStore(folder).load().manifest
    with _opened(database) as books:
        books.load_campaigns(manifest)
        for export in exports:
            books.load_issued(export)
    click.echo(f"Taken in: {len(manifest.campaigns)} campaigns of {manifest.city}, {len(exports)} exports.")


@ledger.group()
def merchant() -> None:
    """The merchants whose tills may redeem."""


@merchant.command(name="add")
@click.argument("name")
@click.option("--district", required=True, help="Of the shop, for the city's report.")
@click.option("--group", "groups", metavar="NAME", multiple=True, help="A group that campaigns name; may be repeated.")
@database_option
def add_merchant(name: str, district: str, groups: tuple[str, ...], database: str | None) -> None:
    """Add the merchant NAME and print its id."""
    with _opened(database) as books:
        click.echo(books.add_merchant(name, district, groups))


@ledger.group()
def till() -> None:
    """The tills of a merchant. Each has a token of its own."""


@till.command(name="add")
@click.argument("merchant_id")
@click.argument("name")
@database_option
def add_till(merchant_id: str, name: str, database: str | None) -> None:
    """Add the till NAME of a merchant, and print its id and, this once, its token."""
    with _opened(database) as books:
        till_id, token = books.add_till(merchant_id, name)
    click.echo(f"till {till_id}\ntoken {token}")
    click.echo("The token is shown this once: put it into a file of the till that only it may read.", err=True)


@till.command(name="revoke")
@click.argument("till_id")
@database_option
def revoke_till(till_id: str, database: str | None) -> None:
    """Let the token of the till TILL_ID open nothing more, from now on."""
    with _opened(database) as books:
        books.revoke_till(till_id)
    click.echo(f"The till {till_id} is revoked.")


@ledger.command()
@database_option
@click.pass_context
def check(ctx: click.Context, database: str | None) -> None:
    """Add the books up from scratch, and say what they come to or what does not add up."""
    from ..tariff._words import amount_text

    with _opened(database) as books:
        faults, totals = books.check(), books.totals()
    for fault in faults:
        click.echo(f"Wrong: {fault}", err=True)
    for total in totals:
        redeemed, owed = (amount_text(cents, total.currency, "en") for cents in (total.redeemed, total.owed))
        click.echo(f"{total.name}: {total.redemptions} redemptions, {redeemed}; still owed {owed}")
    if faults:
        ctx.exit(1)
    click.echo("The books add up.")


@ledger.command()
@database_option
def decide(database: str | None) -> None:
    """Decide the offline claims whose window has closed, which the service also does by itself."""
    with _opened(database) as books:
        decisions = books.decide_windows()
    for decision in decisions:
        click.echo(f"Campaign {decision.campaign}, window {decision.window}: {decision.won} won, {decision.lost} lost.")
    if not decisions:
        click.echo("Nothing was to be decided.")


@contextmanager
def _opened(database: str | None) -> Iterator[Ledger]:
    from ..ledger import Ledger

    with Ledger.open(_default_database() if database is None else database) as books:
        yield books


def _default_database() -> Path:
    folder = default_data_folder()
    folder.mkdir(0o700, parents=True, exist_ok=True)
    return folder / "ledger.db"


def _is_own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _metrics_token(path: Path) -> str:
    from .._files import refuse_open_to_others, write_new_file

    if not path.exists():
        write_new_file(path, f"{secrets.token_urlsafe(_TOKEN_BYTES)}\n".encode())
    with path.open("rb") as file:
        refuse_open_to_others(path, os.fstat(file.fileno()), stat.S_IRWXG | stat.S_IRWXO, "600")
        token = file.read(_MAX_TOKEN_SIZE).decode("ascii", "replace").strip()
    if len(token) < _TOKEN_BYTES:
        raise Refusal(f"{path} holds no token: remove it, and a new one is made.")
    return token
