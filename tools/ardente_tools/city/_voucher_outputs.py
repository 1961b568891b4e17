"""The files that come out of `ardente city campaign issue`: digits, CSV, SVG, PNG, or A4 sheets as PDF."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from . import _render
from ._money import decimal
from ._orders import last_day
from ._vouchers import Campaign

if TYPE_CHECKING:
    from ._voucher_batch import VoucherOrder

DIGITS, CSV, SVG, PNG, PDF = VOUCHER_FORMATS = ("digits", "csv", "svg", "png", "pdf")


class VoucherOutputs:
    """Turns vouchers of one batch into files. Raises `SheetError` at once where a name cannot be printed."""

    def __init__(self, city_name: str, campaign: Campaign, order: VoucherOrder) -> None:
        self._format = order.voucher_format
        self._line = f"{decimal(order.value)},{campaign.currency},{last_day(order.exp)}"
        # Reportlab takes longer to import than a voucher to make, so only where a PDF is asked for.
        if self._format == PDF:
            from ._voucher_sheets import VoucherSheets

            self._sheets = VoucherSheets(
                city_name, campaign.name, order.value, campaign.currency, last_day(order.exp), partial=campaign.partial
            )

    def files(self, vouchers: Iterable[str], first: int, span: str) -> Iterator[tuple[str, bytes]]:
        """Yield (name, bytes) of each file; ``vouchers`` are digits, numbered from ``first``, ``span`` their chunk."""
        if self._format == DIGITS:
            yield f"vouchers-{span}.txt", "".join(f"{digits}\n" for digits in vouchers).encode()
        elif self._format == CSV:
            lines = (f"{digits},{self._line}\n" for digits in vouchers)
            yield f"vouchers-{span}.csv", ("voucher,value,currency,last_day\n" + "".join(lines)).encode()
        elif self._format == PDF:
            yield f"vouchers-{span}.pdf", self._sheets.draw(_render.symbol(digits) for digits in vouchers)
        else:
            draw = _render.svg if self._format == SVG else _render.png
            for number, digits in enumerate(vouchers, first):
                yield f"voucher-{number:06}.{self._format}", draw(_render.symbol(digits))
