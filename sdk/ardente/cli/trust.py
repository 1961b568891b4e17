"""`ardente trust`: what cards are judged by, and where it comes from."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import _texts
from ._options import TRUST

if TYPE_CHECKING:
    from .._trust_store import TrustState

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(short_help="Believe a city, and keep its data up to date.")
def trust() -> None:
    """Believe a city's root, and keep its bundle (keys and revocations) up to date.

    Exit status: 0 done, or nothing to do; 2 refused or failed, and what was installed stays.
    """


@trust.command()
@click.argument("root", type=FILE)
@click.option(
    "--sha256",
    metavar="HEX",
    required=True,
    help="The root's fingerprint, as the city gives it by letter, telephone or in person.",
)
@TRUST
def init(root: Path, sha256: str, folder: Path) -> None:
    """Believe the file ROOT as the city's first root. Once for each partner."""
    from .. import TrustStore

    store = TrustStore(folder)
    is_new = store.init(root, sha256)
    state = store.show()
    known = "is believed now" if is_new else "was believed already"
    click.echo(f"The root of {state.city} {known}, in {folder}.")
    if state.bundle_version is None:
        click.echo("Next: `ardente trust update URL` with the city's address, or `ardente trust install FILE`.")


@trust.command()
@click.argument("file", type=FILE)
@TRUST
def install(file: Path, folder: Path) -> None:
    """Install the bundle FILE: all of it, or nothing."""
    from .. import TrustStore

    store = TrustStore(folder)
    is_new = store.install(file)
    click.echo(_installed(store.show(), is_new))


@trust.command()
@click.argument("url", required=False)
@TRUST
def update(url: str | None, folder: Path) -> None:
    """Fetch the city's bundle and install it, if there is a newer one. For cron or Task Scheduler, once a day.

    URL (https, http or file) is remembered once it has worked. Says nothing where there is nothing newer, and on
    standard error what failed, or that a newer bundle is overdue.
    """
    from .. import TrustStore

    store = TrustStore(folder)
    is_new = store.update(url)
    state = store.show()
    if is_new:
        click.echo(_installed(state, is_new))
    if state.freshness is not None and (state.freshness.refresh_due or state.freshness.state != "fresh"):
        click.echo(f"The city has published nothing newer: {_age(state)}. Ask the city.", err=True)


@trust.command()
@TRUST
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(folder: Path, as_json: bool) -> None:
    """Show the city, the versions of root and bundle, and how old they are."""
    from .. import TrustStore

    state = TrustStore(folder).show()
    if as_json:
        click.echo(json.dumps(_to_dict(state)))
        return
    for label, value in _rows(state, folder):
        click.echo(f"{label:<15} {value}")


def _rows(state: TrustState, folder: Path) -> list[tuple[str, str]]:
    rows = [
        ("City", state.city),
        ("Folder", str(folder)),
        ("Root", f"version {state.root_version}, expires {_day(state.root_expires)}"),
        ("First root", f"SHA-256 {state.root_sha256}"),
    ]
    if state.freshness is None or state.issued is None or state.expires is None:
        rows.append(("Bundle", "none yet: `ardente trust install FILE`, or `ardente trust update URL`"))
    else:
        rows += [
            ("Bundle", _age(state)),
            ("", f"issued {_day(state.issued)}, expires {_day(state.expires)}"),
            ("", f"SHA-256 {state.bundle_sha256}"),
            ("Freshness", _freshness(state)),
        ]
    rows.append(("Updated from", state.url or "no address yet: `ardente trust update URL`"))
    return rows


def _freshness(state: TrustState) -> str:
    assert state.freshness is not None
    if state.freshness.state != "fresh":
        return "expired: gates refuse every card; update it now"
    return "a newer one is due: run `ardente trust update`" if state.freshness.refresh_due else "fresh"


def _installed(state: TrustState, is_new: bool) -> str:
    return f"{'Installed' if is_new else 'Installed already'}: {_age(state)}."


def _age(state: TrustState) -> str:
    assert state.freshness is not None
    return _texts.freshness_text(state.freshness.bundle_version, state.freshness.age, "en")


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d}"


def _to_dict(state: TrustState) -> dict[str, Any]:
    fields: dict[str, Any] = state._asdict()
    for name in ("root_expires", "issued", "expires"):
        if fields[name] is not None:
            fields[name] = fields[name].isoformat()
    fields["freshness"] = None if state.freshness is None else state.freshness.to_dict()
    return fields
