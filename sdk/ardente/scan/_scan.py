from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from ._layouts import repair
from ._shape import Shape, shape_of

# The longest text of another code that is handed on; the QR standard's largest symbol holds 7089 digits.
MAX_CHARACTERS = 4096


class Problem(StrEnum):
    """Why a scan has no text: a closed list with stable names."""

    TORN = "torn"
    """A piece of a card: the scan was cut, or characters were lost."""
    GLUED = "glued"
    """A card and more: two scans without an end between them."""
    AMBIGUOUS = "ambiguous"
    """The keyboard layout changed within the scan."""
    GARBLED = "garbled"
    """Bytes that are no characters, or keys that were lost on the way."""
    TOO_LONG = "too_long"
    """More than 4096 characters."""
    NO_CODE = "no_code"
    """No QR code in the picture."""
    SEVERAL_CODES = "several_codes"
    """More than one QR code in the picture."""


@dataclass(frozen=True, slots=True, repr=False)
class Scan:
    """One scan: either its text, for `Validator.check`, or the problem that made it useless.

    The text stands for a person's card: it is not in the `repr`, and a scan is not pickled.
    """

    text: str | None = None
    problem: Problem | None = None

    def __post_init__(self) -> None:
        if (self.text is None) == (self.problem is None):
            raise ValueError("a Scan has either a text or a problem")

    def __repr__(self) -> str:
        return f"<Scan {self.problem or 'read'}>"

    def staff_text(self, language: str = "fr") -> str:
        """Return what staff should do about the problem, in fr, nl, de or en; "" where the scan was read.

        Raises ValueError for another language.
        """
        from ardente._texts import scan_text

        return scan_text(self.problem, language) if self.problem else ""

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Scan is not pickled: it holds the text of a card")


def read_text(text: str, *, typed: bool = False) -> Scan:
    """Read one scan that some other program received; Enter and Tab around it are dropped.

    Args:
        text: the characters of the scan. What is not a card's is handed on for the validator to refuse.
        typed: they came through a keyboard, whose layout is to be undone.
    """
    text = text.strip(" \r\n\t")
    if len(text) > MAX_CHARACTERS:
        return Scan(problem=Problem.TOO_LONG)
    if "\N{REPLACEMENT CHARACTER}" in text:
        return Scan(problem=Problem.GARBLED)
    digits = repair(text) if typed else text
    if digits is None:
        return Scan(problem=Problem.AMBIGUOUS)
    shape = shape_of(digits)
    if shape is Shape.TORN:
        return Scan(problem=Problem.TORN)
    if shape is Shape.GLUED:
        return Scan(problem=Problem.GLUED)
    return Scan(digits)
