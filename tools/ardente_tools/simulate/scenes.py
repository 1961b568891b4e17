"""What a scanner's camera sees of a visitor: a code on plastic or on a telephone, in good light and bad.

Each frame follows from its arguments alone; ``random`` decides how a hand holds the card.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

import segno
from PIL import Image, ImageChops, ImageFilter

from ._scanner import FRAME_BYTES, FRAME_HEIGHT, FRAME_WIDTH

_PX_PER_MODULE = 6
# What a printed card shows in daylight, 0 to 255.
_INK, _PLASTIC, _HALL = 45, 205, 110


@dataclass(frozen=True)
class Light:
    """``level`` is daylight at 1.0; ``shade`` how much darker one side of the frame is; ``noise`` in grey levels."""

    level: float = 1.0
    shade: float = 0.0
    noise: float = 4.0
    blur_px: float = 0.5


DAYLIGHT = Light()


@dataclass(frozen=True)
class Pose:
    """How a card is held: pixels a module, where its middle is in the frame, and its turn in radians."""

    module_px: float
    x_px: float
    y_px: float
    turn: float
    lean: float

    @classmethod
    def of(cls, random: Random) -> Pose:
        """A card held over the scanner's window, 6 to 8 cm away."""
        return cls(
            random.uniform(3.1, 4.1),
            FRAME_WIDTH / 2 + random.uniform(-25, 25),
            FRAME_HEIGHT / 2 + random.uniform(-8, 8),
            random.uniform(-0.5, 0.5) + random.choice((0, 0, 0, math.pi / 2)),
            random.uniform(-0.0006, 0.0006),
        )


def code(text: str) -> Image.Image:
    """Return the QR code of ``text`` with its quiet zone; of a card, as the city prints it."""
    if text.isascii() and text.isdecimal() and len(text) <= 255:
        symbol = segno.make_qr(text, version=6, error="m", mode="numeric", boost_error=False)
    else:
        symbol = segno.make_qr(text, error="m")
    rows = [bytes(_INK if module else _PLASTIC for module in row) for row in symbol.matrix_iter(border=4)]
    small = Image.frombytes("L", (len(rows[0]), len(rows)), b"".join(rows))
    return small.resize((small.width * _PX_PER_MODULE, small.height * _PX_PER_MODULE), Image.Resampling.NEAREST)


def frame(random: Random, light: Light = DAYLIGHT, shown: Image.Image | None = None, pose: Pose | None = None) -> bytes:
    """Return one frame: the ``shown`` code, or the empty hall, in that light."""
    picture = Image.new("L", (FRAME_WIDTH, FRAME_HEIGHT), _HALL)
    if shown is not None:
        placed = _placed(shown, pose or Pose.of(random))
        picture.paste(placed.getchannel("L"), mask=placed.getchannel("A"))
    picture = picture.filter(ImageFilter.GaussianBlur(light.blur_px))
    picture = ImageChops.multiply(picture, _lamp(light))
    return _noisy(picture, random, light.noise).tobytes()


def _placed(shown: Image.Image, pose: Pose) -> Image.Image:
    """The code on its card, as a layer of the frame."""
    card = Image.new("LA", (shown.width * 3 // 2, shown.height * 6 // 5), (_PLASTIC, 255))
    card.paste(shown, ((card.width - shown.width) // 2, (card.height - shown.height) // 2))
    scale = _PX_PER_MODULE / pose.module_px
    cos, sin = math.cos(pose.turn) * scale, math.sin(pose.turn) * scale
    x0 = card.width / 2 - cos * pose.x_px - sin * pose.y_px
    y0 = card.height / 2 + sin * pose.x_px - cos * pose.y_px
    # Held at a slant, one side is nearer: the last two make it a perspective about the frame's middle.
    near = 1 - pose.lean * FRAME_WIDTH / 2
    plane = (cos, sin, x0, -sin, cos, y0, pose.lean / near, 0.0)
    return card.transform(
        (FRAME_WIDTH, FRAME_HEIGHT), Image.Transform.PERSPECTIVE, plane, Image.Resampling.BICUBIC, fillcolor=(0, 0)
    )


def _lamp(light: Light) -> Image.Image:
    bright = max(0.0, min(1.0, light.level)) * 255
    dark = bright * (1 - light.shade)
    row = bytes(round(bright + (dark - bright) * x / (FRAME_WIDTH - 1)) for x in range(FRAME_WIDTH))
    return Image.frombytes("L", (FRAME_WIDTH, 1), row).resize((FRAME_WIDTH, FRAME_HEIGHT), Image.Resampling.NEAREST)


def _noisy(picture: Image.Image, random: Random, noise: float) -> Image.Image:
    # A uniform byte has a standard deviation of 74.
    factor = noise / 74
    grain = Image.frombytes("L", picture.size, random.randbytes(FRAME_BYTES)).point(
        [round(value * factor) for value in range(256)]
    )
    return ImageChops.add(picture, grain, 1, -round(127 * factor))
