"""What comes out of the printer: symbols that scanners read, at their size, on cards that shame nobody."""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from city_printed import digits_in, pdf_pages, pdf_text, svg_picture
from PIL import Image

from ardente.core.digits import encode
from ardente_tools.city._paper import SheetError
from ardente_tools.city._render import png, svg, symbol
from ardente_tools.city._sheets import CardSheets
from ardente_tools.city._slip_sheets import SlipSheets
from ardente_tools.city._slip_text import EXPLANATIONS, SlipPage, slip_as_text
from ardente_tools.city._slips import Slip, slip_sha256

# The shortest card, the longest one, and the most that a token may have.
TEXTS = [encode(bytes(range(7, 7 + size))) for size in (93, 98, 105)]


@pytest.mark.parametrize("digits", TEXTS, ids=len)
def test_a_symbol_is_version_6_level_m_numeric(digits: str) -> None:
    code = symbol(digits)
    assert (code.version, code.error, code.mode) == (6, "M", "numeric")


def test_more_than_the_symbol_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="fit"):
        symbol("1" * 256)


@pytest.mark.parametrize("digits", TEXTS, ids=len)
def test_an_svg_is_read_back_from_its_lines(digits: str) -> None:
    document = svg(symbol(digits))
    assert digits_in(svg_picture(document)) == digits


def test_an_svg_has_its_size_in_millimetres_and_its_whole_quiet_zone() -> None:
    document = svg(symbol(TEXTS[0]))
    root = ElementTree.fromstring(document)
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("36.75mm", "36.75mm", "0 0 36.75 36.75")
    modules_mm = 36.75 / 49 * 41
    assert modules_mm >= 28
    picture = np.asarray(svg_picture(document))
    white = np.argwhere(picture == 255)
    black = np.argwhere(picture == 0)
    px_per_module = 6
    assert (black.min(0) - white.min(0) == 4 * px_per_module).all()
    assert (white.max(0) - black.max(0) == 4 * px_per_module).all()


@pytest.mark.parametrize("digits", TEXTS, ids=len)
def test_a_png_is_read_back_and_knows_its_size(digits: str) -> None:
    document = png(symbol(digits))
    assert digits_in(document) == digits
    picture = Image.open(io.BytesIO(document))
    dots_per_inch = picture.info["dpi"][0]
    assert picture.width / dots_per_inch * 25.4 == pytest.approx(36.75, rel=0.005)


@pytest.fixture(scope="module")
def cards_pdf() -> bytes:
    return CardSheets("Liège").draw(symbol(digits) for digits in TEXTS)


def test_a_sheet_has_one_page_of_id_1_size_a_card(cards_pdf: bytes) -> None:
    boxes = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", cards_pdf)
    assert len(boxes) == len(TEXTS)
    for width, height in boxes:
        assert float(width) * 25.4 / 72 == pytest.approx(85.60, abs=0.01)
        assert float(height) * 25.4 / 72 == pytest.approx(53.98, abs=0.01)


def test_every_page_of_a_sheet_is_read_back(cards_pdf: bytes, tmp_path: Path) -> None:
    pages = pdf_pages(cards_pdf, tmp_path)
    assert [digits_in(page) for page in pages] == TEXTS


def test_the_symbol_on_a_card_is_28_mm_or_more_and_keeps_its_quiet_zone(cards_pdf: bytes, tmp_path: Path) -> None:
    page = np.asarray(pdf_pages(cards_pdf, tmp_path)[0].convert("L")).astype(int)
    px_per_mm = 300 / 25.4
    black = np.argwhere(page < 128)
    black = black[black[:, 1] > page.shape[1] * 0.52]
    (top, left), (bottom, right) = black.min(0), black.max(0)
    assert (right - left + 1) / px_per_mm >= 28
    quiet_px = 4 * (right - left + 1) // 41
    # The page is no whole number of dots, so the outermost row and column may be grey.
    top, left, bottom, right = top - 1, left - 1, bottom + 1, right + 1
    frame = page[top - quiet_px : bottom + quiet_px + 1, left - quiet_px : right + quiet_px + 1].copy()
    frame[quiet_px:-quiet_px, quiet_px:-quiet_px] = 255
    assert (frame == 255).all()


def test_cards_differ_in_nothing_but_the_symbol(cards_pdf: bytes, tmp_path: Path) -> None:
    pages = [np.asarray(page.convert("L")) for page in pdf_pages(cards_pdf, tmp_path)]
    half = pages[0].shape[1] // 2
    assert all((page[:, :half] == pages[0][:, :half]).all() for page in pages)


def test_the_front_says_the_city_and_nothing_of_the_holder(cards_pdf: bytes, tmp_path: Path) -> None:
    words = pdf_text(cards_pdf, tmp_path)[0].split()
    assert words == ["Carte", "Ardente", "Liège", "habitant", "·", "inwoner", "Einwohner", "·", "resident"]


def test_a_sheet_tells_no_time_no_user_and_no_path(cards_pdf: bytes) -> None:
    dates = set(re.findall(rb"/(?:CreationDate|ModDate) \(D:(\d{4})", cards_pdf))
    assert dates <= {b"2000"}
    assert not re.search(rb"/(?:Author|Creator) \((?!anonymous|\\\(unspecified)", cards_pdf)


def test_fonts_are_inside_the_sheet(cards_pdf: bytes) -> None:
    fonts = re.findall(rb"/BaseFont /([\w+-]+)", cards_pdf)
    assert fonts
    assert all(b"+" in font for font in fonts), "a font that is not embedded looks different at the card printer"


@pytest.mark.parametrize(("name", "why"), [("Λιέγη", "Latin letters"), ("L" * 60, "too long")])
def test_a_name_that_cannot_be_printed_is_refused_in_a_sentence(name: str, why: str) -> None:
    with pytest.raises(SheetError, match=why):
        CardSheets(name)


@pytest.fixture(scope="module")
def slip_page() -> SlipPage:
    return SlipPage("000002", Slip.new().text, date(2031, 12, 31))


def test_a_slip_on_paper_gives_back_its_code(slip_page: SlipPage, tmp_path: Path) -> None:
    other = slip_page._replace(code=Slip.new().text, number="000003")
    first, second = pdf_text(SlipSheets("Liège").draw([slip_page, other]), tmp_path)
    for text, page in ((first, slip_page), (second, other)):
        codes = re.findall(r"\w{6}-\w{6}-\w{6}", text)
        assert [slip_sha256(code) for code in codes] == [slip_sha256(page.code)]
        assert page.number in text
        assert "31.12.2031" in text
        for explanation in EXPLANATIONS:
            assert explanation.split()[0] in text


def test_a_slip_as_text_says_the_same(slip_page: SlipPage) -> None:
    text = slip_as_text("Liège", slip_page)
    assert all(len(line) <= 80 for line in text.splitlines())
    joined = " ".join(text.split())
    for part in (slip_page.code, "000002", "31.12.2031", "Liège", *EXPLANATIONS):
        assert part in joined
