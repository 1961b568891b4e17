"""A4 sheets of vouchers: ten a page, to be cut half-way between their frames.

All vouchers of a batch look the same but for the QR code. Nothing comes within 5 mm of the paper's edge, where office
printers do not print.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from reportlab.lib.colors import HexColor, black
from reportlab.lib.units import mm

from ardente.tariff._words import amount_text

from ._paper import (
    BOLD,
    GOLD,
    RED,
    REGULAR,
    draw_flame,
    draw_symbol,
    fitting_size_pt,
    load_fonts,
    new_canvas,
    require_printable,
)
from ._render import MODULE_MM, MODULES
from ._slip_text import day

if TYPE_CHECKING:
    import segno
    from reportlab.pdfgen.canvas import Canvas

COLUMNS, ROWS = 2, 5
_PAGE_WIDTH_MM, _PAGE_HEIGHT_MM = 210, 297
_WIDTH_MM, _HEIGHT_MM = _PAGE_WIDTH_MM / COLUMNS, _PAGE_HEIGHT_MM / ROWS
_LEFT_MM = 10
_SYMBOL_MM = MODULES * MODULE_MM
_SYMBOL_LEFT_MM = _WIDTH_MM - _SYMBOL_MM - 11
_TEXT_WIDTH_MM = _SYMBOL_LEFT_MM - _LEFT_MM - 4
_GREY = HexColor(0x5C5C5C)
_TITLE = ("Chèque-commerce · Handelscheque", "Einkaufsgutschein · Shopping voucher")
_VALID_UNTIL = ("valable jusqu’au · geldig tot", "gültig bis · valid until")
_WHOLE = ("en une fois · in één keer", "in einem Mal · all at once")
_PARTIAL = ("en plusieurs fois · in delen", "in Teilbeträgen · in parts")


class VoucherSheets:
    """Draws the vouchers of one batch; ``value`` is in cents. Raises `SheetError`."""

    def __init__(
        self, city_name: str, campaign: str, value: int, currency: str, last_day: date, *, partial: bool
    ) -> None:
        load_fonts()
        for text in (city_name, campaign):
            require_printable(text)
        self._city_name = city_name
        self._campaign = campaign
        self._value = _amount(value, currency)
        self._last_day = day(last_day)
        self._how = _PARTIAL if partial else _WHOLE
        self._city_size_pt = fitting_size_pt(city_name, REGULAR, 8, 4, _TEXT_WIDTH_MM - 11)
        self._campaign_size_pt = fitting_size_pt(campaign, BOLD, 9.5, 4, _TEXT_WIDTH_MM)
        self._value_size_pt = fitting_size_pt(self._value, BOLD, 24, 8, _TEXT_WIDTH_MM)

    def draw(self, codes: Iterable[segno.QRCode]) -> bytes:
        """Return a PDF with ``codes`` in their order, row by row; what all vouchers share is stored once."""
        out = io.BytesIO()
        canvas = new_canvas(out, _PAGE_WIDTH_MM, _PAGE_HEIGHT_MM)
        canvas.beginForm("voucher", 0, 0, _WIDTH_MM * mm, _HEIGHT_MM * mm)
        self._draw_face(canvas)
        canvas.endForm()
        for count, code in enumerate(codes):
            place = count % (COLUMNS * ROWS)
            if count and not place:
                canvas.showPage()
            row, column = divmod(place, COLUMNS)
            canvas.saveState()
            canvas.translate(column * _WIDTH_MM * mm, (ROWS - 1 - row) * _HEIGHT_MM * mm)
            canvas.doForm("voucher")
            draw_symbol(canvas, code, _SYMBOL_LEFT_MM * mm, (_HEIGHT_MM - _SYMBOL_MM) / 2 * mm, MODULE_MM * mm)
            canvas.restoreState()
        canvas.showPage()
        canvas.save()
        return out.getvalue()

    def _draw_face(self, canvas: Canvas) -> None:
        left = _LEFT_MM * mm
        draw_flame(canvas, _LEFT_MM, 43.5, 8.5, RED, GOLD)
        canvas.setFillColor(RED)
        canvas.setFont(BOLD, 10)
        canvas.drawString(left + 8.5 * mm, 48.2 * mm, "Carte Ardente")
        canvas.setFillColor(black)
        canvas.setFont(REGULAR, self._city_size_pt)
        canvas.drawString(left + 8.5 * mm, 44.2 * mm, self._city_name)
        _draw_lines(canvas, 39.6, 5.2, _TITLE)
        canvas.setFillColor(RED)
        canvas.setFont(BOLD, self._value_size_pt)
        canvas.drawString(left, 27.2 * mm, self._value)
        canvas.setFillColor(black)
        canvas.setFont(BOLD, self._campaign_size_pt)
        canvas.drawString(left, 21 * mm, self._campaign)
        _draw_lines(canvas, 16.6, 5.2, _VALID_UNTIL)
        canvas.setFillColor(black)
        canvas.setFont(BOLD, 9)
        canvas.drawString(left, 9.9 * mm, self._last_day)
        _draw_lines(canvas, 11.2, 4.6, self._how, _LEFT_MM + 23)
        canvas.setStrokeColor(GOLD)
        canvas.setLineWidth(0.8)
        canvas.roundRect(5.5 * mm, 5.5 * mm, (_WIDTH_MM - 11) * mm, (_HEIGHT_MM - 11) * mm, 2 * mm)


def _draw_lines(canvas: Canvas, y_mm: float, size_pt: float, lines: tuple[str, str], x_mm: float = _LEFT_MM) -> None:
    canvas.setFillColor(_GREY)
    canvas.setFont(REGULAR, size_pt)
    for line, text in enumerate(lines):
        canvas.drawString(x_mm * mm, (y_mm - 2.5 * line) * mm, text)


def _amount(cents: int, currency: str) -> str:
    return amount_text(cents, currency, "fr").replace(",00", "")
