"""Undo what a keyboard layout does to digits.

A keyboard-wedge scanner that is set to US keys presses the keys of the top row; a computer set to AZERTY types what
stands on them. Windows treats Caps Lock as a shift lock, so there digits arrive as digits, as under a US layout.
"""

from ._shape import Shape, is_digits, shape_of

# For each layout, what the keys 0 to 9 type.
LAYOUTS = {
    "us": "0123456789",
    "be": "à&é\"'(§è!ç",
    "be, Caps Lock": "À&É\"'(§È!Ç",
    "fr": "à&é\"'(-è_ç",
    "fr, Caps Lock": "À&É\"'(-È_Ç",
}

_KEYS = [frozenset(keys) for keys in LAYOUTS.values()]
_ANY_KEYS = frozenset().union(*_KEYS)
# One table serves all: no character stands on the keys of two different digits.
_DIGITS = str.maketrans({key: str(digit) for keys in LAYOUTS.values() for digit, key in enumerate(keys)})

# A mixture shorter than this, say `978-2-07`, is a text of its own rather than a damaged card.
_SHORTEST_MIXTURE = 34


def repair(text: str) -> str | None:
    """Return the digits that were scanned where one layout explains all of ``text``.

    A text that is not digits of these layouts comes back as it is. None where it mixes layouts, as when Caps Lock
    changed or another keyboard typed in between: each character might be undone, but the whole is not to be trusted.
    """
    if is_digits(text):
        return text
    typed = frozenset(text)
    if not typed <= _ANY_KEYS:
        return text
    digits = text.translate(_DIGITS)
    if any(typed <= keys for keys in _KEYS):
        return digits
    is_ours = len(text) >= _SHORTEST_MIXTURE or shape_of(digits) is not Shape.OTHER
    return None if is_ours else text
