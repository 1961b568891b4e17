"""The scanner's QR decoder, on every interpreter that it has to run on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import frames
import numpy as np
import pytest
import segno
import zxingcpp
from frames import Frame, Scene, Symbol
from segno import consts

from interpreters import FIRMWARE, PROJECT, Interpreter, InterpreterMissingError, micropython, rv32

SHIM = PROJECT / "tests" / "firmware" / "shim"
READ = PROJECT / "tests" / "firmware" / "qr_device.py"
READ_COUNTED = PROJECT / "tests" / "firmware" / "qr_device_counted.py"
WORK_MAX = 24_000_000
HEAP_BYTES = 110 * 1024

CONTENTS = {"numeric": "0123456789", "alphanumeric": "A-1 $%*+./:Z", "byte": "Carte Ardente, Liège"}
LEVELS = "LMQH"


def read(
    interpreter: Interpreter, pictures: Sequence[Frame], folder: Path, *, timeout_s: float = 110
) -> list[str | None]:
    """The decoder's answers, frame by frame."""
    file = folder / "frames"
    file.write_bytes(b"".join(picture.pixels for picture in pictures))
    size = (str(pictures[0].width), str(pictures[0].height))
    paths = [FIRMWARE, SHIM] if interpreter.name == "cpython" else [FIRMWARE]
    output = interpreter.run(READ, *size, file, paths=paths, timeout_s=timeout_s).stdout
    return [json.loads(line) for line in output.splitlines()]


def symbol(text: str, version: int, level: str, mode: str) -> Symbol:
    code = segno.make(
        text,
        version=version,
        error=level,
        mode=mode,
        boost_error=False,
        encoding="utf-8" if mode == "byte" else None,
        eci=False,
    )
    return Symbol(
        text, np.array([[bool(module) for module in row] for row in code.matrix]), f"{version}-{level} {mode}"
    )


def clean(drawn: Symbol, size: tuple[int, int] = (320, 240), **scene: float | bool) -> Frame:
    """A frame without troubles, but for those named."""
    settings: dict[str, float | bool] = {"scale_px": 3.0, "noise": 1.0, "blur_px": 0.4} | scene
    pixels = frames.render(drawn, Scene(**settings), np.random.default_rng(3), size)  # type: ignore[arg-type]
    assert pixels, "the symbol does not fit the frame"
    return Frame(*size, pixels, drawn.text, (drawn.name,))


def texts(pictures: Iterable[Frame]) -> list[str | None]:
    return [picture.text for picture in pictures]


def test_every_version_and_level_is_read(interpreter: Interpreter, tmp_path: Path) -> None:
    modes = list(CONTENTS)
    pictures = []
    for version in range(1, 11):
        for number, level in enumerate(LEVELS):
            mode = modes[(version + number) % 3]
            content = CONTENTS[mode][: 7 * version]
            pictures.append(clean(symbol(content, version, level, mode)))
    assert read(interpreter, pictures, tmp_path) == texts(pictures)


@pytest.mark.parametrize("mode", CONTENTS)
@pytest.mark.parametrize("version", [1, 9, 10])
def test_a_full_symbol_is_read(mode: str, version: int, tmp_path: Path) -> None:
    # Versions 9 and 10 write their lengths in different widths.
    text = CONTENTS[mode] * 40
    while True:
        try:
            drawn = symbol(text, version, "L", mode)
            break
        except segno.DataOverflowError:
            text = text[:-1]
    assert read(micropython(), [clean(drawn)], tmp_path) == [text]


def test_mixed_segments_are_read(tmp_path: Path) -> None:
    segments = [("2027", consts.MODE_NUMERIC), ("ABC-", consts.MODE_ALPHANUMERIC), ("é!", consts.MODE_BYTE)]
    code = segno.make(segments, version=3, error="m", boost_error=False)
    drawn = Symbol("2027ABC-é!", np.array([[bool(module) for module in row] for row in code.matrix]), "mixed")
    assert read(micropython(), [clean(drawn)], tmp_path) == ["2027ABC-é!"]


def test_a_card_is_read_whichever_way_it_is_held(interpreter: Interpreter, tmp_path: Path) -> None:
    card = frames.a_card_symbol(np.random.default_rng(1))
    pictures = [
        clean(card, turn=turn, mirrored=mirrored, inverted=inverted)
        for turn in (0.0, 0.8, 1.6, 2.6, 3.1, 4.0, 5.5)
        for mirrored in (False, True)
        for inverted in (False, True)
    ]
    assert read(interpreter, pictures, tmp_path) == texts(pictures)


def test_a_tilted_card_is_read(interpreter: Interpreter, tmp_path: Path) -> None:
    card = frames.a_card_symbol(np.random.default_rng(2))
    pictures = [clean(card, tilt=0.7, tilt_axis=axis, turn=0.3) for axis in (0.0, 0.8, 1.6, 2.4, 3.9, 5.1)]
    assert read(interpreter, pictures, tmp_path) == texts(pictures)


def test_a_large_frame_is_read(interpreter: Interpreter, tmp_path: Path) -> None:
    size = (640, 480)
    pictures = [
        clean(frames.a_card_symbol(np.random.default_rng(4)), size, scale_px=scale) for scale in (2.5, 6.0, 8.0)
    ]
    assert read(interpreter, pictures, tmp_path) == texts(pictures)


@pytest.fixture(scope="module")
def hard_frames() -> list[Frame]:
    return list(frames.hard_set(11, 21))


@pytest.fixture(scope="module")
def negatives() -> list[Frame]:
    return list(frames.negatives(12, 20))


def test_all_interpreters_give_the_same_answers(
    interpreter: Interpreter, hard_frames: list[Frame], tmp_path: Path
) -> None:
    assert read(interpreter, hard_frames, tmp_path) == read(micropython(), hard_frames, tmp_path)


def test_where_there_is_no_symbol_nothing_is_read(
    interpreter: Interpreter, negatives: list[Frame], tmp_path: Path
) -> None:
    assert read(interpreter, negatives, tmp_path) == [None] * len(negatives)


@pytest.mark.slow
def test_most_ordinary_frames_are_read_and_none_wrongly(tmp_path: Path) -> None:
    pictures = list(frames.standard_set(13, 80))
    answers = read(micropython(), pictures, tmp_path)
    assert all(answer in (None, picture.text) for answer, picture in zip(answers, pictures, strict=True))
    # The bench measures on more frames, and on unseen ones; this is the alarm.
    assert sum(answer is not None for answer in answers) >= 0.95 * len(pictures)


@pytest.mark.slow
def test_hard_frames_are_read_at_least_as_often_as_by_zxing(tmp_path: Path) -> None:
    pictures = list(frames.hard_set(14, 45))
    answers = read(micropython(), pictures, tmp_path)
    assert all(answer in (None, picture.text) for answer, picture in zip(answers, pictures, strict=True))
    theirs = [zxingcpp.read_barcode(picture.image(), formats=zxingcpp.BarcodeFormat.QRCode) for picture in pictures]
    read_by_zxing = sum(
        found is not None and found.text == picture.text for found, picture in zip(theirs, pictures, strict=True)
    )
    assert sum(answer is not None for answer in answers) >= read_by_zxing


FINDER = np.array(
    [
        [1, 1, 1, 1, 1, 1, 1, 0],
        [1, 0, 0, 0, 0, 0, 1, 0],
        [1, 0, 1, 1, 1, 0, 1, 0],
        [1, 0, 1, 1, 1, 0, 1, 0],
        [1, 0, 1, 1, 1, 0, 1, 0],
        [1, 0, 0, 0, 0, 0, 1, 0],
        [1, 1, 1, 1, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ],
    dtype=np.uint8,
)


def filled(tile: np.ndarray) -> Frame:
    """A frame full of copies of a tile of 0 (light) and 1 (dark)."""
    copies = np.tile(tile, (-(-240 // tile.shape[0]), -(-320 // tile.shape[1])))[:240, :320]
    return Frame(320, 240, np.where(copies, 20, 230).astype(np.uint8).tobytes(), None, ("ill will",))


def hostile_frames(seed: int, count: int) -> list[Frame]:
    """Frames that are to cost the decoder as much as can be: grain, stripes, boards, finder patterns all over."""
    random = np.random.default_rng([seed, 77])
    pictures = [
        filled(np.array([[0, 1]])),
        filled(np.array([[0, 1], [1, 0]])),
        filled(np.array([[1, 0, 1, 1, 1, 0]])),
        *(filled(np.kron(FINDER, np.ones((size, size), dtype=np.uint8))) for size in (1, 2, 3, 4)),
    ]
    while len(pictures) < count:
        grain = int(random.integers(1, 5))
        coarse = random.integers(0, 256, (240 // grain + 1, 320 // grain + 1), dtype=np.uint8)
        if random.random() < 0.5:
            coarse = np.where(coarse < 128, 0, 255).astype(np.uint8)
        noise = np.kron(coarse, np.ones((grain, grain), dtype=np.uint8))[:240, :320]
        if random.random() < 0.5:
            for _ in range(int(random.integers(1, 40))):
                finder = np.kron(FINDER, np.ones((int(random.integers(1, 6)),) * 2, dtype=np.uint8))
                y, x = int(random.integers(0, 200)), int(random.integers(0, 280))
                part = noise[y : y + len(finder), x : x + len(finder)]
                part[:] = np.where(finder[: part.shape[0], : part.shape[1]], 0, 255)
        pictures.append(Frame(320, 240, noise.tobytes(), None, ("ill will",)))
    return pictures[:count]


def test_hostile_frames_get_an_answer(interpreter: Interpreter, tmp_path: Path) -> None:
    pictures = hostile_frames(1, 16)
    assert read(interpreter, pictures, tmp_path) == [None] * len(pictures)


@pytest.mark.soak
@pytest.mark.mp32
def test_many_hostile_frames_get_an_answer(interpreter: Interpreter, tmp_path: Path) -> None:
    if interpreter.name != "micropython32":
        pytest.skip("once is enough, where integers are 32 bits")
    for seed in range(100, 200):
        pictures = [*hostile_frames(seed, 60), *frames.negatives(seed, 40)]
        assert read(interpreter, pictures, tmp_path) == [None] * len(pictures)


@pytest.mark.rv32
@pytest.mark.slow
def test_no_frame_takes_more_work_or_heap_than_stated(tmp_path: Path) -> None:
    try:
        chip = rv32()
    except InterpreterMissingError as error:
        pytest.skip(str(error))
    pictures = [*hostile_frames(2, 16), *frames.negatives(15, 10), *frames.hard_set(15, 6)]
    file = tmp_path / "frames"
    file.write_bytes(b"".join(picture.pixels for picture in pictures))
    counted = chip.count(READ_COUNTED, "320", "240", str(HEAP_BYTES), file, paths=[FIRMWARE])
    assert max(counted["frames"]["instructions"]) <= WORK_MAX


WRONG_SIZES = """
from qr import Scanner

def refused(function, *arguments):
    try:
        function(*arguments)
    except ValueError as error:
        print(error)
        return True
    return False

scanner = Scanner()
assert refused(scanner.decode, b"")
assert refused(scanner.decode, bytes(320 * 240 - 1))
assert refused(scanner.decode, bytearray(320 * 240 + 1))
assert refused(Scanner, 0, 0)
assert refused(Scanner, 322, 240)
assert refused(Scanner, 1280, 960)
assert scanner.decode(bytes(320 * 240)) is None
assert scanner.decode(memoryview(bytearray(320 * 240))) is None
"""


def test_a_wrong_size_is_refused(interpreter: Interpreter, tmp_path: Path) -> None:
    script = tmp_path / "wrong_sizes.py"
    script.write_text(WRONG_SIZES)
    paths = [FIRMWARE, SHIM] if interpreter.name == "cpython" else [FIRMWARE]
    assert interpreter.run(script, paths=paths).stdout.splitlines() == [
        *["the frame must be of width x height bytes"] * 3,
        *["width and height must be multiples of 8 from 64 to 640"] * 3,
    ]
