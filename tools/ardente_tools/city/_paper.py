"""What cards and slips on paper share: fonts, colours, the emblem."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TypeVar

import reportlab
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from ._errors import CityError

_Item = TypeVar("_Item")

REGULAR, BOLD = "Vera", "VeraBd"
RED, GOLD = HexColor(0x8E1B2E), HexColor(0xE9B44C)


class SheetError(CityError):
    """The city's name cannot be printed on a card."""


def load_fonts() -> None:
    """Make the embedded fonts known: Bitstream Vera, which reportlab brings."""
    for name in (REGULAR, BOLD):
        _font(name)


@cache
def _font(name: str) -> TTFont:
    font = TTFont(name, str(Path(reportlab.__file__).parent / "fonts" / f"{name}.ttf"))
    pdfmetrics.registerFont(font)
    return font


def require_printable(text: str) -> None:
    """Raise `SheetError` where the fonts lack a character of ``text``."""
    for character in text:
        if ord(character) not in _font(REGULAR).face.charToGlyph:
            raise SheetError(
                f"The fonts for cards have no {character!r} of {text!r}; write the city's name in Latin letters."
            )


def fitting_size_pt(text: str, font: str, largest_pt: float, smallest_pt: float, width_mm: float) -> float:
    """Return the size at which ``text`` fits. Raises `SheetError` where even the smallest is too wide."""
    size_pt: float = min(largest_pt, width_mm * mm / pdfmetrics.stringWidth(text or " ", font, 1))
    if size_pt < smallest_pt:
        raise SheetError(f"{text!r} is too long to be printed on a card; shorten the city's name.")
    return size_pt


def draw_pages(
    width_mm: float,
    height_mm: float,
    draw_common: Callable[[Canvas], None],
    draw_page: Callable[[Canvas, _Item], None],
    items: Iterable[_Item],
) -> bytes:
    """Return a PDF with one page for each of ``items``; what ``draw_common`` draws is on all and stored once.

    Neither the time nor the program's host is written into it.
    """
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(width_mm * mm, height_mm * mm), invariant=1, initialFontName=REGULAR)
    canvas.setTitle("Carte Ardente")
    canvas.setProducer("carte-ardente")
    canvas.beginForm("common", 0, 0, width_mm * mm, height_mm * mm)
    draw_common(canvas)
    canvas.endForm()
    for item in items:
        canvas.doForm("common")
        draw_page(canvas, item)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def draw_flame(canvas: Canvas, x_mm: float, y_mm: float, height_mm: float, outer: Color, inner: Color) -> None:
    """Draw the emblem of the Cité ardente, 0.72 times as wide as it is high; the corner is at the lower left."""
    canvas.saveState()
    canvas.translate(x_mm * mm, y_mm * mm)
    canvas.scale(height_mm * mm / 100, height_mm * mm / 100)
    canvas.setFillColor(outer)
    flame = canvas.beginPath()
    flame.moveTo(40, 100)
    flame.curveTo(46, 78, 72, 66, 72, 36)
    flame.curveTo(72, 14, 56, 0, 36, 0)
    flame.curveTo(16, 0, 0, 14, 0, 35)
    flame.curveTo(0, 52, 9, 60, 15, 72)
    flame.curveTo(18, 66, 20, 62, 21, 56)
    flame.curveTo(34, 66, 40, 82, 40, 100)
    flame.close()
    canvas.drawPath(flame, stroke=0, fill=1)
    canvas.setFillColor(inner)
    heart = canvas.beginPath()
    heart.moveTo(41, 52)
    heart.curveTo(42, 40, 54, 36, 54, 21)
    heart.curveTo(54, 10, 46, 4, 37, 4)
    heart.curveTo(27, 4, 19, 11, 19, 21)
    heart.curveTo(19, 33, 36, 36, 41, 52)
    heart.close()
    canvas.drawPath(heart, stroke=0, fill=1)
    canvas.restoreState()
