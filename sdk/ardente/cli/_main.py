from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import click

from ..core.errors import ArdenteError
from ._hidden import without_secrets
from ._options import chosen_language, language_option
from ._refusal import Refusal, sentence

# Imported when they are called: a check must not wait for what it does not use.
_COMMANDS: Final = {
    "check": (".check", "check"),
    "ledger": (".ledger", "ledger"),
    "merchant": (".merchant", "merchant"),
    "tag-key": (".tag_key", "tag_key"),
    "tariff": (".tariff", "tariff"),
    "trust": (".trust", "trust"),
}
_ENTRY_POINTS: Final = "ardente.commands"
# Which extra brings a module; a test holds this against pyproject.toml.
EXTRAS: Final = {
    "PIL": "image",
    "alembic": "ledger",
    "ardente_tools": "tools",
    "cbor2": "tools",
    "evdev": "evdev",
    "fastapi": "ledger",
    "httpx": "merchant",
    "littlefs": "tools",
    "prometheus_client": "ledger",
    "psycopg": "ledger",
    "pydantic": "tools",
    "reportlab": "tools",
    "rich": "tools",
    "segno": "tools",
    "smp": "tools",
    "smpclient": "tools",
    "sqlalchemy": "ledger",
    "uvicorn": "ledger",
    "zxingcpp": "image",
}
# Whoever finds a card's digits in the shell's history can print the card. A fingerprint may have 64 digits.
_CARD_TEXT: Final = re.compile(r"[0-9]{65}")
_TEST_CITY: Final = "--test-city"
_ARGUMENTS: Final = "ardente.arguments"


class Commands(click.Group):
    """The SDK's own commands, and those that join through the entry-point group ``ardente.commands``.

    Whatever goes wrong ends in one sentence and exit status 2; 1 is left to the answer "refused".
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_COMMANDS, *_entry_points()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _COMMANDS:
            module, name = _COMMANDS[cmd_name]
            command: click.Command = getattr(import_module(module, __package__), name)
            return command
        entry_point = _entry_points().get(cmd_name)
        if entry_point is None:
            return None
        try:
            loaded = entry_point.load()
        except ModuleNotFoundError as error:
            return _unusable(cmd_name, _missing(error))
        except Exception:
            loaded = None
        if isinstance(loaded, click.Command):
            return loaded
        return _unusable(cmd_name, f"`{cmd_name}` cannot be started: update the package that it comes from.")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _refuse_card_text(args)
        ctx.meta[_ARGUMENTS] = tuple(args)
        with _hiding(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with _hiding(ctx):
            return self._invoke(ctx)

    def _invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ArdenteError as error:
            raise Refusal(sentence(error, chosen_language(ctx))) from error
        except ModuleNotFoundError as error:
            raise Refusal(_missing(error)) from error
        except KeyboardInterrupt:
            ctx.exit(130)
        except click.Abort as abort:
            # At a prompt, click makes this of Ctrl-C and of an input that has ended.
            if isinstance(abort.__context__, KeyboardInterrupt):
                ctx.exit(130)
            raise Refusal("No answer came, so nothing was done.") from abort
        except OSError as error:
            if error.errno == errno.EPIPE:
                _discard_output()
                ctx.exit(2)
            raise Refusal(_failed(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@language_option("ARDENTE_LANGUAGE")
@click.version_option(package_name="carte-ardente", message="carte-ardente %(version)s")
def main() -> None:
    """Check the Carte Ardente offline, and keep what checks need up to date."""


def _entry_points() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {entry_point.name: entry_point for entry_point in entry_points(group=_ENTRY_POINTS)}


def _unusable(name: str, why: str) -> click.Command:
    """A command that is listed, and answers with ``why`` whatever its arguments are."""

    def answer() -> None:
        raise Refusal(why)

    return click.Command(
        name,
        callback=answer,
        short_help=why,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )


def _missing(error: ModuleNotFoundError) -> str:
    module = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(module)
    if extra is None:
        return f"This needs the Python module {module!r}, which is not installed: install the package that has it."
    what = {"tools": "the tools", "ledger": "the voucher ledger"}.get(extra, "more packages")
    return f"This needs {what}: pip install 'carte-ardente[{extra}]'"


def _failed(error: OSError) -> str:
    name = f"{error.filename}: " if error.filename else ""
    return f"{name}{error.strerror or 'this failed'}."


@contextmanager
def _hiding(ctx: click.Context) -> Iterator[None]:
    """Let no message repeat an argument that should not have been one."""
    try:
        yield
    except click.ClickException as error:
        message = error.format_message()
        shown = without_secrets(message, ctx.meta[_ARGUMENTS])
        if shown == message:
            raise
        if isinstance(error, click.UsageError):
            raise click.UsageError(shown, error.ctx) from None
        raise Refusal(shown) from None


def _refuse_card_text(args: Sequence[str]) -> None:
    for before, argument in zip(["", *args], args, strict=False):
        is_for_test_city = before == _TEST_CITY or argument.startswith(f"{_TEST_CITY}=")
        if not is_for_test_city and _CARD_TEXT.search(argument):
            raise Refusal(
                "A card's digits do not belong in a command, because the shell keeps them in its history: "
                "run `ardente check -` and scan the card, or clear the history if this was a real one."
            )


def _discard_output() -> None:
    """Nobody reads the output any more; the interpreter must not fail again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
