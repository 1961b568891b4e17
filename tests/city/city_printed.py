"""Reads printed cards and slips back, as a scanner and a clerk would."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from ardente.scan import read_image

SVG = "{http://www.w3.org/2000/svg}"
_RUN = re.compile(r"([Mm])(-?[\d.]+) (-?[\d.]+)h(\d+)")
PX_PER_MODULE = 6


def digits_in(picture: bytes | Image.Image) -> str:
    """Return what the one QR code in ``picture`` says."""
    scan = read_image(picture)
    assert scan.text is not None, f"not read: {scan.problem}"
    return scan.text


def svg_picture(document: bytes) -> Image.Image:
    """Draw an SVG symbol on grey: where it is not white by itself, its quiet zone is missing."""
    group = ElementTree.fromstring(document).find(f"{SVG}g")
    assert group is not None
    background, modules = group.findall(f"{SVG}path")
    size = re.fullmatch(r"M0 0h([\d.]+)v([\d.]+)h-([\d.]+)z", background.get("d", ""))
    assert size is not None
    assert background.get("fill") == "#fff"
    side = int(float(size[1]))
    pixels = np.full((side + 8, side + 8), 128, np.uint8)
    pixels[4 : 4 + side, 4 : 4 + side] = 255
    x = y = 0.0
    for move, dx, dy, length in _RUN.findall(modules.get("d", "")):
        x, y = (float(dx), float(dy)) if move == "M" else (x + float(dx), y + float(dy))
        pixels[4 + int(y), 4 + int(x) : 4 + int(x) + int(length)] = 0
        x += int(length)
    return Image.fromarray(pixels.repeat(PX_PER_MODULE, 0).repeat(PX_PER_MODULE, 1))


def pdf_pages(document: bytes, folder: Path, dpi: int = 300) -> list[Image.Image]:
    """Render the pages of a PDF; skip the test where poppler is not installed."""
    if not shutil.which("pdftoppm"):
        pytest.skip("pdftoppm is missing; install poppler-utils to read PDF sheets back")
    source = folder / "sheet.pdf"
    source.write_bytes(document)
    subprocess.run(["pdftoppm", "-r", str(dpi), "-png", source, folder / "page"], check=True, timeout=60)
    return [Image.open(io.BytesIO(path.read_bytes())) for path in sorted(folder.glob("page*.png"))]


def pdf_text(document: bytes, folder: Path) -> list[str]:
    """Return the text of each page of a PDF; skip the test where poppler is not installed."""
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext is missing; install poppler-utils to read PDF sheets back")
    source = folder / "sheet.pdf"
    source.write_bytes(document)
    run = subprocess.run(["pdftotext", "-layout", source, "-"], check=True, timeout=60, capture_output=True)
    return run.stdout.decode().split("\f")[:-1]
