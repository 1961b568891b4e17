"""Checks of decoded values that the documents share; each raises `FormatError`."""

from .errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_TIME = 0xFFFFFFFF
_CITY = "abcdefghijklmnopqrstuvwxyz0123456789-"


def exact_labels(value: "Any", labels: "tuple[int, ...]") -> None:
    """``value`` must be a map with exactly these labels."""
    if not isinstance(value, dict) or len(value) != len(labels):
        raise FormatError("A map has other labels than its kind has.")
    for label in labels:
        if label not in value:
            raise FormatError("A map has other labels than its kind has.")


def number(value: "Any", least: int, most: int) -> int:
    """Return ``value``, an integer from ``least`` to ``most``."""
    if not isinstance(value, int) or value < least or value > most:
        raise FormatError("A number is missing or out of its bounds.")
    return value


def time(value: "Any") -> int:
    """Return ``value``, a time in epoch seconds."""
    return number(value, 1, MAX_TIME)


def text(value: "Any", most: int) -> str:
    """Return ``value``, text of 1 to ``most`` characters."""
    if not isinstance(value, str) or not value or len(value) > most:
        raise FormatError("A text is missing or too long.")
    return value


def byte_string(value: "Any", size: int) -> bytes:
    """Return ``value``, a byte string of ``size`` bytes."""
    if not isinstance(value, bytes) or len(value) != size:
        raise FormatError("A byte string is missing or has another length.")
    return value


def elements(value: "Any", least: int, most: int) -> "list[Any]":
    """Return ``value``, an array of ``least`` to ``most`` elements."""
    if not isinstance(value, list) or len(value) < least or len(value) > most:
        raise FormatError("An array is missing, too short or too long.")
    return value


def city(value: "Any") -> str:
    """Return ``value``, a city id: 1 to 32 lower-case letters, digits and hyphens."""
    if text(value, 32).strip(_CITY):
        raise FormatError("A city id has lower-case letters, digits and hyphens only.")
    return value  # type: ignore[no-any-return]
