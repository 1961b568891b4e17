"""Options that several commands share, and what stands for them where they are left out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from .._texts import LANGUAGES

DEFAULT_LANGUAGE: Final = "fr"
_LANGUAGE_KEY: Final = "ardente.language"

_Command = TypeVar("_Command", bound=Callable[..., Any])


def default_trust_folder() -> Path:
    """Return the folder of this user, the same wherever a command is started."""
    folder = Path(click.get_app_dir("ardente", roaming=False))
    # An XDG_CONFIG_HOME that is empty or relative is to be ignored (XDG Base Directory Specification).
    return (folder if folder.is_absolute() else Path.home() / ".config" / "ardente") / "trust"


def default_data_folder() -> Path:
    """Return where this user's data are kept that a program must not lose."""
    if os.name == "posix" and sys.platform != "darwin":
        base = Path(os.environ.get("XDG_DATA_HOME", ""))
        return (base if base.is_absolute() else Path.home() / ".local" / "share") / "ardente"
    return Path(click.get_app_dir("ardente", roaming=False))


TRUST = click.option(
    "--trust",
    "folder",
    metavar="FOLDER",
    envvar="ARDENTE_TRUST",
    default=default_trust_folder,
    show_default="ARDENTE_TRUST, else a folder of this user",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the city's root and bundle are kept.",
)


def system_language() -> str:
    """Return the language of the environment where it is one of ours, else French."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            language = value[:2].lower()
            return language if language in LANGUAGES else DEFAULT_LANGUAGE
    return DEFAULT_LANGUAGE


def language_option(envvar: str | None = None) -> Callable[[_Command], _Command]:
    """An option of the whole command, and of those subcommands where people would look for it."""
    return click.option(
        "--language",
        type=click.Choice(LANGUAGES),
        envvar=envvar,
        expose_value=False,
        callback=_choose_language,
        help="Of the sentences; as the system's (LC_ALL, LANG), else fr.",
    )


def chosen_language(ctx: click.Context) -> str:
    """Return the language that `language_option` chose, here or before the subcommand's name."""
    language: str = ctx.meta.get(_LANGUAGE_KEY) or system_language()
    return language


def _choose_language(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta[_LANGUAGE_KEY] = value
