"""PDF sheets of slips: one page of A6 a slip."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reportlab.lib.colors import HexColor, black
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit

from ._paper import BOLD, GOLD, RED, REGULAR, draw_flame, draw_pages, fitting_size_pt, load_fonts, require_printable
from ._slip_text import EXPLANATIONS, TITLE, VALID_UNTIL, SlipPage, day

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

_WIDTH_MM, _HEIGHT_MM = 105, 148
_MARGIN_MM = 11
_GREY = HexColor(0x5C5C5C)


class SlipSheets:
    """Draws the slips of one city."""

    def __init__(self, city_name: str) -> None:
        load_fonts()
        require_printable(city_name)
        self._city_name = city_name
        self._city_size_pt = fitting_size_pt(city_name, REGULAR, 11, 5, _WIDTH_MM - 2 * _MARGIN_MM - 14)

    def draw(self, pages: Iterable[SlipPage]) -> bytes:
        """Return a PDF with one page for each of ``pages``, in their order."""
        return draw_pages(_WIDTH_MM, _HEIGHT_MM, self._draw_common, _draw_page, pages)

    def _draw_common(self, canvas: Canvas) -> None:
        left = _MARGIN_MM * mm
        draw_flame(canvas, _MARGIN_MM, 122, 14, RED, GOLD)
        canvas.setFillColor(RED)
        canvas.setFont(BOLD, 15)
        canvas.drawString(left + 14 * mm, 130 * mm, "Carte Ardente")
        canvas.setFillColor(black)
        canvas.setFont(REGULAR, self._city_size_pt)
        canvas.drawString(left + 14 * mm, 123.6 * mm, self._city_name)
        canvas.setFillColor(_GREY)
        canvas.setFont(REGULAR, 7.5)
        canvas.drawString(left, 113 * mm, TITLE)
        canvas.drawString(left, 89.5 * mm, VALID_UNTIL)
        canvas.setStrokeColor(GOLD)
        canvas.setLineWidth(1.2)
        canvas.roundRect(left, 95 * mm, (_WIDTH_MM - 2 * _MARGIN_MM) * mm, 15 * mm, 2 * mm)
        canvas.setFillColor(black)
        canvas.setFont(REGULAR, 7.6)
        y = 75 * mm
        for explanation in EXPLANATIONS:
            for line in simpleSplit(explanation, REGULAR, 7.6, (_WIDTH_MM - 2 * _MARGIN_MM) * mm):
                canvas.drawString(left, y, line)
                y -= 3.5 * mm
            y -= 2.2 * mm


def _draw_page(canvas: Canvas, page: SlipPage) -> None:
    canvas.setFillColor(black)
    canvas.setFont(BOLD, fitting_size_pt(page.code, BOLD, 16, 5, _WIDTH_MM - 2 * _MARGIN_MM - 8))
    canvas.drawCentredString(_WIDTH_MM / 2 * mm, 100.6 * mm, page.code)
    canvas.setFont(BOLD, 10)
    canvas.drawString(_MARGIN_MM * mm, 84.5 * mm, day(page.last_day))
    canvas.setFillColor(_GREY)
    canvas.setFont(REGULAR, 7.5)
    canvas.drawRightString((_WIDTH_MM - _MARGIN_MM) * mm, 113 * mm, page.number)
