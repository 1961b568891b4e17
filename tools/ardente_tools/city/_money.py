"""Amounts of money as they are typed and written: cents within."""

from __future__ import annotations

import re
from typing import Any

import click

_AMOUNT = re.compile(r"([0-9]{1,8})(?:[.,]([0-9]{2}))?")


class Amount(click.ParamType[int]):
    """An option that takes 10, 10.50 or 10,50, and gives cents."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = _AMOUNT.fullmatch(value)
        if not match:
            self.fail("an amount is written as 10 or 10.50.", param, ctx)
        return int(match[1]) * 100 + int(match[2] or 0)


def decimal(cents: int) -> str:
    """Return an amount with a point, as programs read it."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02}"
