"""Where passphrases come from: a prompt, or a file descriptor for programs without a terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import click

from ._errors import KeyFileError

_SHORTEST = 8
_MAX_SIZE = 4096

passphrase_fd = click.option(
    "--passphrase-fd",
    type=click.IntRange(min=0),
    metavar="N",
    help="Read the passphrase from file descriptor N, one a line where several are asked for; for timers.",
)


class Passphrases:
    """Passphrases for one command; ``descriptor`` None asks at the terminal, ``same`` opens all keys with one."""

    def __init__(self, descriptor: int | None, *, same: bool = True) -> None:
        self._lines = None if descriptor is None else _read_lines(descriptor)
        self._same = same
        self._given: str | None = None

    def ask(self, path: Path) -> str:
        """Return the passphrase of the key file ``path``. Raises `KeyFileError`."""
        if self._given is None or not self._same:
            self._given = self._next_line() if self._lines else _prompt(f"Passphrase of {path.name}")
        return self._given

    def choose(self, what_for: str) -> str:
        """Return a new passphrase, typed twice at a terminal. Raises `KeyFileError` where it is too short."""
        passphrase = self._next_line() if self._lines else _prompt(f"New passphrase for {what_for}", confirm=True)
        if len(passphrase) < _SHORTEST:
            raise KeyFileError(f"A passphrase has at least {_SHORTEST} characters; a few random words are best.")
        return passphrase

    def __reduce__(self) -> NoReturn:
        raise TypeError("passphrases are not pickled")

    def _next_line(self) -> str:
        assert self._lines is not None
        # The last one stands for all that follow.
        return self._lines.pop(0) if len(self._lines) > 1 else self._lines[0]


def _prompt(text: str, *, confirm: bool = False) -> str:
    try:
        passphrase = str(click.prompt(text, hide_input=True, confirmation_prompt=confirm, err=True))
        passphrase.encode()
    except UnicodeError:
        raise KeyFileError("The passphrase has bytes that are not UTF-8; set this terminal to UTF-8 first.") from None
    return passphrase


def _read_lines(descriptor: int) -> list[str]:
    try:
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(_MAX_SIZE + 1)
        lines = data.decode().splitlines()
    except OSError:
        raise KeyFileError(f"No passphrase can be read from file descriptor {descriptor}.") from None
    except UnicodeDecodeError:
        raise KeyFileError(f"The passphrase from file descriptor {descriptor} is not UTF-8 text.") from None
    if not lines or not lines[0] or len(data) > _MAX_SIZE:
        raise KeyFileError(f"File descriptor {descriptor} gives no passphrase.")
    return lines
