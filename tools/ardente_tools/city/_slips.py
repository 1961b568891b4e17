"""The slip that comes with every card: a random 80-bit code, of which the city keeps only the SHA-256.

On paper: 16 characters of Crockford's base32 (no I, L, O or U) and two check characters of a Reed-Solomon code over
the same 32 values, in three groups of six. Any one or two wrong characters are seen, a swap of two among them.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from ._errors import CardError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_SIZE = 10
_CHARACTERS = 18
_GROUP = 6
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
# What people write for what they read.
_LOOKALIKES = str.maketrans("OIL", "011")
_SEPARATORS = re.compile(r"[\s\-‐-―.]+")


class SlipError(CardError):
    """The text is not the code of a slip. The message never repeats it: who has the code can block the card."""


class Slip:
    """A new slip. ``text`` is for the paper, ``sha256`` for the card table; there is no `repr` that tells the code."""

    __slots__ = ("sha256", "text")

    def __init__(self, code: bytes) -> None:
        self.text = slip_text(code)
        self.sha256 = hashlib.sha256(code).digest()

    @classmethod
    def new(cls) -> Slip:
        """Return a slip of a fresh random code."""
        return cls(secrets.token_bytes(CODE_SIZE))


def slip_text(code: bytes) -> str:
    """Return the 10 bytes of ``code`` as they stand on paper, such as ``7ZQ2M4-…-…``."""
    number = int.from_bytes(code, "big")
    values = [number >> shift & 31 for shift in range(8 * CODE_SIZE - 5, -1, -5)]
    first, second = _remainder([*values, 0, 0])
    characters = "".join(ALPHABET[value] for value in (*values, first, second))
    return "-".join(characters[at : at + _GROUP] for at in range(0, _CHARACTERS, _GROUP))


def slip_sha256(text: str) -> bytes:
    """Return the SHA-256 of the code that ``text`` stands for, as the card table keeps it.

    Small letters, spaces and hyphens are as good, and so are O for 0 and I or L for 1.

    Raises:
        SlipError: too short, too long, a character that no code has, or a typing error that the check sees.
    """
    characters = _SEPARATORS.sub("", text).upper().translate(_LOOKALIKES)
    if len(characters) != _CHARACTERS:
        raise SlipError(f"A slip code has {_CHARACTERS} characters, this one {len(characters)}; read the slip again.")
    values = [_VALUES.get(character, -1) for character in characters]
    if -1 in values:
        raise SlipError(
            f"Character {values.index(-1) + 1} of the slip code is none that a code has; read the slip again."
        )
    if _remainder(values) != (0, 0):
        raise SlipError("The slip code has a typing error; read the slip again.")
    number = 0
    for value in values[:-2]:
        number = number << 5 | value
    return hashlib.sha256(number.to_bytes(CODE_SIZE, "big")).digest()


def _remainder(values: list[int]) -> tuple[int, int]:
    """The polynomial ``values`` modulo (x + 1)(x + a) = x² + 3x + 2, where a = 2 generates GF(32)."""
    high = low = 0
    for value in values:
        doubled = _double(high)
        high, low = low ^ doubled ^ high, value ^ doubled
    return high, low


def _double(value: int) -> int:
    """``value`` times a, modulo a⁵ + a² + 1."""
    value <<= 1
    return value ^ 0b100101 if value > 31 else value
