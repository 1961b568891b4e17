"""PDF sheets for a card printer: one page of ID-1 size (ISO/IEC 7810, 85.60 × 53.98 mm) a card.

All cards of a city look the same: nothing on them is the holder's but the QR code. The modules are vectors of nine
dots of a 300-dpi card printer (0.762 mm; the symbol is 31.2 mm wide), on that printer's grid.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reportlab.lib.colors import HexColor, white
from reportlab.lib.units import mm

from ._paper import (
    BOLD,
    GOLD,
    RED,
    REGULAR,
    draw_flame,
    draw_pages,
    draw_symbol,
    fitting_size_pt,
    load_fonts,
    require_printable,
)
from ._render import MODULES

if TYPE_CHECKING:
    import segno
    from reportlab.pdfgen.canvas import Canvas

WIDTH_MM, HEIGHT_MM = 85.60, 53.98

_PALE = HexColor(0xF6E7DC)
_DOT_PT = 72 / 300
_MODULE_PT = 9 * _DOT_PT
_PANEL_MM = 43.6
_MARGIN_MM = 6.2
_TITLE = ("Carte", "Ardente")
_LIVES_HERE = ("habitant · inwoner", "Einwohner · resident")


class CardSheets:
    """Draws sheets of one city's cards; ``city_name`` is printed on the front."""

    def __init__(self, city_name: str) -> None:
        load_fonts()
        require_printable(city_name)
        self._city_name = city_name
        self._city_size_pt = fitting_size_pt(city_name, REGULAR, 9.5, 5.0, _PANEL_MM - 2 * _MARGIN_MM + 2)

    def draw(self, codes: Iterable[segno.QRCode]) -> bytes:
        """Return a PDF with one page for each of ``codes``, in their order."""
        return draw_pages(WIDTH_MM, HEIGHT_MM, self._draw_front, _draw_symbol, codes)

    def _draw_front(self, canvas: Canvas) -> None:
        canvas.setFillColor(white)
        canvas.rect(0, 0, WIDTH_MM * mm, HEIGHT_MM * mm, stroke=0, fill=1)
        canvas.setFillColor(RED)
        canvas.rect(0, 0, _PANEL_MM * mm, HEIGHT_MM * mm, stroke=0, fill=1)
        draw_flame(canvas, _MARGIN_MM, 37.6, 10.6, GOLD, RED)
        canvas.setFillColor(white)
        canvas.setFont(BOLD, 17)
        for line, text in enumerate(_TITLE):
            canvas.drawString(_MARGIN_MM * mm, (28.4 - 7 * line) * mm, text)
        canvas.setFillColor(GOLD)
        canvas.rect(_MARGIN_MM * mm, 18.1 * mm, 9 * mm, 0.5 * mm, stroke=0, fill=1)
        canvas.setFillColor(white)
        canvas.setFont(REGULAR, self._city_size_pt)
        canvas.drawString(_MARGIN_MM * mm, 13.1 * mm, self._city_name)
        canvas.setFillColor(_PALE)
        canvas.setFont(REGULAR, 5)
        for line, text in enumerate(_LIVES_HERE):
            canvas.drawString(_MARGIN_MM * mm, (8.0 - 2.6 * line) * mm, text)


def _draw_symbol(canvas: Canvas, code: segno.QRCode) -> None:
    across = MODULES * _MODULE_PT
    right_half = (_PANEL_MM * mm + WIDTH_MM * mm) / 2
    x, y = _on_grid(right_half - across / 2), _on_grid((HEIGHT_MM * mm - across) / 2)
    draw_symbol(canvas, code, x, y, _MODULE_PT)


def _on_grid(position_pt: float) -> float:
    return round(position_pt / _DOT_PT) * _DOT_PT
