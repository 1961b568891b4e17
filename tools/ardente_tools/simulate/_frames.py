"""What the simulated camera is shown: pictures, an animation, raw frames from a file or a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from ._errors import SimulatorError
from ._scanner import FRAME_BYTES, FRAME_HEIGHT, FRAME_WIDTH

if TYPE_CHECKING:
    from PIL import Image

_PICTURES: Final = frozenset({".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".bmp", ".webp"})
_RAW: Final = ".gray"
# What stands beside a picture that is not as wide as the frame: a wall.
_WALL: Final = 150
_MAX_PIXELS: Final = 40_000_000
# A code counts again once it was out of view for 2 s.
_PAUSE_MS: Final = 2_500
_STANDBY_MS: Final = 500


class Frame(NamedTuple):
    """``pixels`` is 320 x 240 grey levels; ``at_ms`` since switching on."""

    at_ms: int
    pixels: bytes


def pictures(source: Path, fps: float, hold_s: float) -> Iterator[Frame]:
    """Frames of a picture, an animation or a folder of them, in the order of their names. Raises `SimulatorError`.

    With ``hold_s``, each picture is held before the camera for so long and then taken away; otherwise they follow
    each other as a recording does.
    """
    return _timed(_files(source), 1000 / fps, hold_s)


def _timed(files: list[Path], step_ms: float, hold_s: float) -> Iterator[Frame]:
    at_ms = float(_STANDBY_MS)
    for file in files:
        for pixels in _raw(file) if file.suffix.lower() == _RAW else _pages(file):
            if not hold_s:
                yield Frame(round(at_ms), pixels)
                at_ms += step_ms
                continue
            for number in range(max(1, round(hold_s * 1000 / step_ms))):
                yield Frame(round(at_ms), pixels.translate(_FLICKER) if number % 2 else pixels)
                at_ms += step_ms
            for _ in range(round(_PAUSE_MS / step_ms)):
                yield Frame(round(at_ms), EMPTY)
                at_ms += step_ms


def raw(stream: BinaryIO, fps: float) -> Iterator[Frame]:
    """Raw frames as they come through a pipe, such as ffmpeg's rawvideo. Raises `SimulatorError`."""
    for number, pixels in enumerate(_split(stream, "The pipe")):
        yield Frame(_STANDBY_MS + round(number * 1000 / fps), pixels)


def grey(image: Image.Image) -> bytes:
    """Return the picture as a frame: whole, in its own proportions, what is transparent on white."""
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode != "L":
        solid = Image.new("RGBA", upright.size, "white")
        solid.alpha_composite(upright.convert("RGBA"))
        upright = solid.convert("L")
    size = (FRAME_WIDTH, FRAME_HEIGHT)
    return ImageOps.pad(upright, size, Image.Resampling.BOX, color=_WALL).tobytes()


# No camera gives the same frame twice, and a scanner takes one that does for broken.
_FLICKER: Final = bytes(level ^ 1 for level in range(256))
EMPTY: Final = bytes([_WALL]) * FRAME_BYTES


def _files(source: Path) -> list[Path]:
    if not source.exists():
        raise SimulatorError(f"There is no file or folder {source}.")
    if source.is_file():
        return [source]
    files = sorted(file for file in source.iterdir() if file.suffix.lower() in _PICTURES | {_RAW})
    if not files:
        raise SimulatorError(f"{source} holds no pictures: PNG, JPEG, GIF, TIFF, BMP, WebP or .gray.")
    return files


def _pages(file: Path) -> Iterator[bytes]:
    from PIL import Image, ImageSequence

    try:
        with Image.open(file) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise SimulatorError(f"{file} is larger than {_MAX_PIXELS // 1_000_000} million pixels.")
            for page in ImageSequence.Iterator(image):
                yield grey(page)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise SimulatorError(f"{file} cannot be read as a picture.") from None


def _raw(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as stream:
            yield from _split(stream, str(file))
    except OSError as error:
        raise SimulatorError(f"{file}: {error.strerror}.") from None


def _split(stream: BinaryIO, name: str) -> Iterator[bytes]:
    while pixels := stream.read(FRAME_BYTES):
        if len(pixels) != FRAME_BYTES:
            raise SimulatorError(
                f"{name} ends within a frame: raw frames are {FRAME_WIDTH} x {FRAME_HEIGHT} bytes of grey."
            )
        yield pixels
