"""A card read out of a picture: printed, photographed askew, blurred; and pictures that are none."""

from __future__ import annotations

import io
import sys
import time
import traceback

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from scan_tokens import CARD, OTHER_CARD

from ardente.scan import ImageSource, Problem, ScanError, read_image


def symbol(text: str, *, scale: int = 6, version: int | None = 6) -> Image.Image:
    file = io.BytesIO()
    made = segno.make(text, version=version, error="m", boost_error=False, micro=False)
    made.save(file, kind="png", scale=scale, border=4)
    return Image.open(file).convert("L")


def file_of(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_path_bytes_and_image_are_read(tmp_path, kind):
    image = symbol(CARD)
    path = tmp_path / "card"
    path.write_bytes(file_of(image, kind))
    assert read_image(path).text == read_image(str(path)).text == CARD
    assert read_image(path.read_bytes()).text == CARD
    assert read_image(image).text == CARD


@pytest.mark.parametrize("text", [CARD, CARD * 2, f"{CARD}.png"])
def test_a_text_given_as_a_picture_is_not_repeated(text):
    with pytest.raises(ScanError) as refusal:
        read_image(text)
    assert CARD[:12] not in "".join(traceback.format_exception(refusal.value, limit=0))


@pytest.mark.parametrize("angle", [7, 45, 90, 133, 180, 270])
@pytest.mark.parametrize("blur", [0, 1.5])
def test_a_card_held_askew_or_out_of_focus_is_read(angle, blur):
    image = symbol(CARD).rotate(angle, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    assert read_image(image.filter(ImageFilter.GaussianBlur(blur))).text == CARD


def test_dark_paper_and_noise_do_not_matter():
    image = symbol(CARD)
    noise = Image.effect_noise(image.size, 40)
    assert read_image(Image.blend(image, noise, 0.3)).text == CARD


def test_a_transparent_background_is_paper():
    file = io.BytesIO()
    segno.make(CARD, error="m").save(file, kind="png", scale=4, light=None)
    assert read_image(file.getvalue()).text == CARD


def test_two_codes_are_refused_even_when_they_say_the_same():
    one = symbol(CARD)
    for other in (symbol(OTHER_CARD), one):
        both = Image.new("L", (one.width * 2 + 40, one.height), 255)
        both.paste(one, (0, 0))
        both.paste(other, (one.width + 40, 0))
        assert read_image(both).problem is Problem.SEVERAL_CODES


def test_a_picture_without_a_code_says_so():
    assert read_image(Image.new("RGB", (300, 300), "white")).problem is Problem.NO_CODE
    assert read_image(Image.new("L", (1, 1))).problem is Problem.NO_CODE


def test_a_picture_without_pixels_is_refused():
    with pytest.raises(ScanError, match="empty"):
        read_image(Image.new("L", (0, 5)))


def test_other_barcodes_are_not_looked_at():
    file = io.BytesIO()
    segno.make_micro("12345").save(file, kind="png", scale=8)
    assert read_image(file.getvalue()).problem is Problem.NO_CODE


@pytest.mark.parametrize("text", ["https://liege.be/carte", "5410123456789"])
def test_another_qr_code_is_handed_on(text):
    assert read_image(symbol(text, version=None)).text == text


def test_a_piece_of_a_card_in_a_code_is_torn():
    assert read_image(symbol(CARD[:120])).problem is Problem.TORN


def test_pictures_are_read_one_after_the_other_and_a_bad_one_does_not_end_the_rest(tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    with ImageSource([symbol(CARD), bad, file_of(symbol(OTHER_CARD))]) as source:
        assert next(source).text == CARD
        with pytest.raises(ScanError, match=r"bad\.png"):
            next(source)
        assert [scan.text for scan in source] == [OTHER_CARD]


def test_a_missing_file_is_named(tmp_path):
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(ScanError, match=path.name):
            read_image(path)


@given(st.binary(max_size=400))
def test_bytes_that_are_no_picture_are_refused_in_one_sentence(data):
    with pytest.raises(ScanError, match="save it as PNG or JPEG"):
        read_image(data)


PICTURES = [file_of(symbol(CARD, scale=2), kind) for kind in ("PNG", "JPEG", "WEBP", "BMP")]


@given(st.sampled_from(PICTURES), st.data())
def test_a_damaged_picture_is_read_or_refused(picture, data):
    damaged = bytearray(picture)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    try:
        scan = read_image(cut)
    except ScanError as error:
        refusal = str(error)
    else:
        refusal = ""
        assert scan.text == CARD or scan.problem is not None
    assert "\n" not in refusal
    assert CARD not in refusal


@pytest.mark.parametrize("size", [(9_000, 9_000), (10_000, 10_000), (20_000, 20_000), (1, 70_000), (70_000, 1)])
def test_a_picture_that_inflates_without_end_is_refused(size):
    picture = Image.new("1", size)
    for given_as in (picture, file_of(picture)):
        with pytest.raises(ScanError, match="too many pixels"):
            read_image(given_as)


def test_a_picture_made_of_corners_of_codes_does_not_keep_the_desk_busy():
    corner = Image.new("L", (9, 9), "white")
    for inset, colour in ((1, "black"), (2, "white"), (3, "black")):
        corner.paste(colour, (inset, inset, 9 - inset, 9 - inset))
    picture = Image.new("L", (6_000, 6_000), "white")
    picture.paste(corner)
    for side in (9 << step for step in range(10)):
        piece = picture.crop((0, 0, side, side))
        for place in ((side, 0), (0, side), (side, side)):
            picture.paste(piece, place)
    begun = time.process_time()
    assert read_image(picture).problem is Problem.NO_CODE
    assert time.process_time() - begun < 20


def test_a_card_in_a_corner_of_a_large_photograph_is_read():
    photograph = Image.new("RGB", (8_000, 6_000), "white")
    photograph.paste(symbol(CARD, scale=8), (7_000, 5_000))
    assert read_image(photograph).text == CARD


def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "zxingcpp", None)
    with pytest.raises(ScanError, match=r"pip install 'carte-ardente\[image\]'"):
        read_image(b"")
