"""`ardente tag-key`: the secret under which a partner knows a card again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from ._refusal import Refusal

FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_MAX_TEXT_SIZE: Final = 1024


@click.group(name="tag-key", short_help="Make and keep the secret key for tags.")
def tag_key() -> None:
    """Make and keep the secret key for tags: for partners who must know a card again, such as a library.

    With the same key the same card gets the same tag, here only. Lose it, and all your tags are strangers.
    """


@tag_key.command()
@FILE
def new(file: Path) -> None:
    """Make a key and write it to the new FILE, which only you can read."""
    from .. import PartnerKey

    PartnerKey.new().save(file)
    click.echo(f"A new key is in {file}. Keep a copy in a safe place: `ardente tag-key export {file}`.")


@tag_key.command()
@FILE
@click.option("--yes", is_flag=True, help="Print it even where the output is not a terminal.")
def export(file: Path, yes: bool) -> None:
    """Print the key in FILE as text, for paper or a password safe. It is a secret."""
    from .. import PartnerKey

    if not yes and not sys.stdout.isatty():
        raise Refusal("The key would be written into a file or another program: add --yes if that is meant.")
    click.echo(PartnerKey.load(file).to_text())


@tag_key.command(name="import")
@FILE
def import_(file: Path) -> None:
    """Write the key whose text you type, or pipe in, to the new FILE."""
    from .. import PartnerKey

    if sys.stdin.isatty():
        text = click.prompt("Key", hide_input=True)
    else:
        text = sys.stdin.buffer.read(_MAX_TEXT_SIZE).decode("ascii", "replace")
    PartnerKey.from_text(text).save(file)
    click.echo(f"The key is in {file}.")
