"""What was typed as an argument and is no business of a screen or a log: a card's digits, a slip's code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import click

_SEPARATOR: Final = r"[\s\-‐-―.]+"
_GROUP: Final = re.compile("[0-9a-z]{6}", re.IGNORECASE | re.ASCII)
_CODE: Final = re.compile(
    rf"[0-9a-z]{{16,20}}|[0-9a-z]{{5,7}}(?:{_SEPARATOR}[0-9a-z]{{5,7}}){{1,2}}", re.IGNORECASE | re.ASCII
)
_LONG_NUMBER: Final = re.compile(r"(?![0-9a-fA-F]{64}\Z).*[0-9]{9}", re.DOTALL)
_HAS_DIGIT: Final = re.compile(r"[0-9]")


def without_secrets(message: str, args: Sequence[str]) -> str:
    """Return ``message`` with … for ``args`` that may be a card's digits, a person's number or a slip's code."""
    values = {value for arg in args for value in _values(arg)}
    hidden = {value for value in values if _LONG_NUMBER.match(value) or _is_code(value)}
    # A code that was typed without quotes comes as one argument for each group.
    groups = {arg for arg in args if _GROUP.fullmatch(arg)}
    if len(groups) > 1 and any(map(_HAS_DIGIT.search, groups)):
        hidden |= groups
    for value in sorted(hidden, key=len, reverse=True):
        for form in (value, repr(value)[1:-1], click.format_filename(value)):
            message = message.replace(form, "…")
    return message


def _values(arg: str) -> list[str]:
    """The value that ``arg`` is, or that it has after the name of an option."""
    _, is_assignment, assigned = arg.partition("=")
    bare = arg.strip().lstrip("-")
    return [bare, bare[1:], *([assigned.strip()] if is_assignment else [])]


def _is_code(value: str) -> bool:
    is_in_groups = len(re.split(_SEPARATOR, value)) == 3
    return bool(_CODE.fullmatch(value)) and (is_in_groups or bool(_HAS_DIGIT.search(value)))
