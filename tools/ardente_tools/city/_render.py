"""A card's QR code: version 6, level M, numeric mode (ISO/IEC 18004), as SVG or PNG.

The size is right on paper: 41 modules of 0.75 mm make 30.75 mm, 36.75 mm with the quiet zone, which a scanner of a
small camera reads at 6 to 8 cm.
"""

from __future__ import annotations

import io

import segno

VERSION = 6
MODULES = 41
QUIET_ZONE_MODULES = 4
MODULE_MM = 0.75
_PNG_PX_PER_MODULE = 12
_PNG_DPI = round(_PNG_PX_PER_MODULE / MODULE_MM * 25.4)


def symbol(digits: str) -> segno.QRCode:
    """Return the QR code of a card's ``digits``.

    Raises:
        ValueError: more than the 255 digits that the symbol holds, or none.
    """
    return segno.make_qr(digits, version=VERSION, error="m", mode="numeric", boost_error=False)


def svg(code: segno.QRCode) -> bytes:
    """Return an SVG document, black on white, with the quiet zone."""
    out = io.BytesIO()
    code.save(
        out,
        kind="svg",
        scale=MODULE_MM,
        unit="mm",
        border=QUIET_ZONE_MODULES,
        light="#fff",
        svgclass=None,
        lineclass=None,
    )
    return out.getvalue()


def png(code: segno.QRCode) -> bytes:
    """Return a PNG picture, one bit a pixel, with the quiet zone and its size on paper."""
    out = io.BytesIO()
    code.save(out, kind="png", scale=_PNG_PX_PER_MODULE, border=QUIET_ZONE_MODULES, dpi=_PNG_DPI)
    return out.getvalue()
