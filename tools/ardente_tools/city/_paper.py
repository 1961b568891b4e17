"""What cards, slips and vouchers on paper share: fonts, colours, the emblem, the symbol."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import reportlab
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from ._errors import CityError
from ._render import MODULES

if TYPE_CHECKING:
    import segno

_Item = TypeVar("_Item")

REGULAR, BOLD = "Vera", "VeraBd"
RED, GOLD = HexColor(0x8E1B2E), HexColor(0xE9B44C)


class SheetError(CityError):
    """A name cannot be printed."""


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
                f"The fonts for cards and vouchers have no {character!r} of {text!r}; write the name in Latin letters."
            )


def fitting_size_pt(text: str, font: str, largest_pt: float, smallest_pt: float, width_mm: float) -> float:
    """Return the size at which ``text`` fits. Raises `SheetError` where even the smallest is too wide."""
    size_pt: float = min(largest_pt, width_mm * mm / pdfmetrics.stringWidth(text or " ", font, 1))
    if size_pt < smallest_pt:
        raise SheetError(f"{text!r} is too long to be printed; shorten the name.")
    return size_pt


def draw_pages(
    width_mm: float,
    height_mm: float,
    draw_common: Callable[[Canvas], None],
    draw_page: Callable[[Canvas, _Item], None],
    items: Iterable[_Item],
) -> bytes:
    """Return a PDF with one page for each of ``items``; what ``draw_common`` draws is on all and stored once."""
    out = io.BytesIO()
    canvas = new_canvas(out, width_mm, height_mm)
    canvas.beginForm("common", 0, 0, width_mm * mm, height_mm * mm)
    draw_common(canvas)
    canvas.endForm()
    for item in items:
        canvas.doForm("common")
        draw_page(canvas, item)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def new_canvas(out: BinaryIO, width_mm: float, height_mm: float) -> Canvas:
    """Begin a PDF in ``out``. Neither the time nor the program's host is written into it."""
    canvas = Canvas(out, pagesize=(width_mm * mm, height_mm * mm), invariant=1, initialFontName=REGULAR)
    canvas.setTitle("Carte Ardente")
    canvas.setProducer("carte-ardente")
    return canvas


def draw_symbol(canvas: Canvas, code: segno.QRCode, x_pt: float, y_pt: float, module_pt: float) -> None:
    """Draw a QR code as vectors, without its quiet zone; the corner is at the lower left."""
    canvas.saveState()
    canvas.translate(x_pt, y_pt)
    canvas.scale(module_pt, module_pt)
    canvas.setFillGray(0)
    # One path for all: a renderer that smooths edges leaves no seams between the rows.
    path = canvas.beginPath()
    for row, modules in enumerate(code.matrix):
        y = MODULES - 1 - row
        start = 0
        for column, dark in enumerate(modules + b"\0"):
            if not dark:
                if start < column:
                    path.rect(start, y, column - start, 1)
                start = column + 1
    canvas.drawPath(path, stroke=0, fill=1)
    canvas.restoreState()


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
