"""What a TOML file must be held to before tomllib reads it."""

from __future__ import annotations

import re

# tomllib takes memory in the square of a key's parts.
_LONG_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){33}""", re.ASCII)


def line_of_long_key(text: str) -> int | None:
    """Return the line of the first key of more than 32 parts, counted from 1; None where there is none."""
    long_key = _LONG_KEY.search(text)
    return text.count("\n", 0, long_key.start()) + 1 if long_key else None
