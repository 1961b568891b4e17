"""Frames as a cheap camera sees them: symbols on cards under every trouble of a gate, and frames without a symbol.

Each frame follows from its seed and number alone. `standard_set` is a holder who holds a card at the right distance,
with some of the troubles of an ordinary day; `hard_set` is too far away, bent by the lens, or under several at once.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import segno
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ardente import issuing

Floats = NDArray[np.float64]

_ISSUER = issuing.SigningKey(bytes(range(32)))
_QUARTERS = (1774994400, 1782856800, 1790805600, 1798758000)
_OVERSAMPLING = 3
_TEXELS_PER_MODULE = 4
# A lens of about 60 degrees across.
_FOCAL_LENGTH_WIDTHS = 0.87


@dataclass(frozen=True)
class Frame:
    """A grayscale frame, row by row; ``text`` is what its symbol says, None where there is none."""

    width: int
    height: int
    pixels: bytes
    text: str | None
    traits: tuple[str, ...]

    def image(self) -> Image.Image:
        return Image.frombytes("L", (self.width, self.height), self.pixels)


@dataclass(frozen=True)
class Symbol:
    text: str
    modules: NDArray[np.bool_]
    name: str

    @property
    def dimension(self) -> int:
        return len(self.modules)


@dataclass
class Scene:
    """What happens between card and sensor. Lengths in modules are of the symbol, angles in radians."""

    scale_px: float
    """Pixels a module, seen from the front."""
    turn: float = 0.0
    tilt: float = 0.0
    tilt_axis: float = 0.0
    lens: float = 0.0
    """Radial distortion at the corners of the frame; below 0 is a barrel."""
    inverted: bool = False
    mirrored: bool = False
    dark: float = 40.0
    light: float = 200.0
    blur_px: float = 0.45
    motion_px: float = 0.0
    motion_angle: float = 0.0
    noise: float = 3.0
    shade: float = 0.0
    """How much darker the far side of the frame is, 0 to 1."""
    shade_angle: float = 0.0
    vignette: float = 0.0
    shadow: float = 0.0
    glare: float = 0.0
    """Light added at the middle of a glare spot, in grey levels."""
    glare_radius_px: float = 20.0
    dirt_spots: int = 0
    scratches: int = 0
    sharpening: float = 0.0
    quiet_modules: int = 4
    traits: list[str] = field(default_factory=list)


def card_text(random: np.random.Generator) -> str:
    """Return the digits of a card, signed as a city signs."""
    index = int(random.integers(1 << 20))
    age_class, until = ((0, 0), _age(random))[int(random.integers(2))]
    exp = int(random.choice(_QUARTERS))
    return issuing.to_digits(issuing.card(_ISSUER, int(random.integers(1, 250)), exp, index, age_class, until))


def _age(random: np.random.Generator) -> tuple[int, int]:
    age_class = int(random.integers(1, 4))
    return age_class, 0 if age_class == 3 else int(random.integers(2027, 2040))


def card_symbol(text: str) -> Symbol:
    code = segno.make(text, version=6, error="m", mode="numeric", boost_error=False)
    return Symbol(text, _modules(code), "card 6-M")


def a_card_symbol(random: np.random.Generator) -> Symbol:
    return card_symbol(card_text(random))


def any_symbol(random: np.random.Generator, versions: tuple[int, int] = (1, 10)) -> Symbol:
    """Return a symbol of any version and level in reach, in one of the three modes, anywhere from empty to full."""
    version = int(random.integers(versions[0], versions[1] + 1))
    level = "lmqh"[int(random.integers(4))]
    mode = ("numeric", "alphanumeric", "byte")[int(random.integers(3))]
    alphabet = {
        "numeric": string.digits,
        "alphanumeric": string.digits + string.ascii_uppercase + " $%*+-./:",
        "byte": string.ascii_letters + string.digits + " ,;:!?#&=_éèà€",
    }[mode]
    length = int(random.integers(1, {"numeric": 500, "alphanumeric": 300, "byte": 200}[mode]))
    while True:
        text = "".join(alphabet[int(i)] for i in random.integers(len(alphabet), size=length))
        if mode == "alphanumeric":
            text = "A" + text[1:]
        if mode == "byte":
            text = "a" + text[1:]
        try:
            encoding = "utf-8" if mode == "byte" else None
            code = segno.make(
                text, version=version, error=level, mode=mode, boost_error=False, encoding=encoding, eci=False
            )
        except segno.DataOverflowError:
            length = max(1, length // 2)
            continue
        return Symbol(text, _modules(code), f"{version}-{level.upper()} {mode}")


def render(symbol: Symbol, scene: Scene, random: np.random.Generator, size: tuple[int, int] = (320, 240)) -> bytes:
    """Return the pixels of a frame of the symbol under the scene, or b"" where the symbol does not fit the frame."""
    pose = _pose(symbol.dimension, scene, random, size)
    if pose is None:
        return b""
    texture, margin = _card_texture(symbol, scene, random)
    x, y = _sample_points(size)
    u, v = _through(pose, *_undistort(x, y, scene.lens, size))
    card = _look_up(texture, (u + margin) * _TEXELS_PER_MODULE, (v + margin) * _TEXELS_PER_MODULE)
    background = _background(random, size)
    sharp = np.where(np.isnan(card), background, scene.dark + card * (scene.light - scene.dark))
    return _expose(_bin(sharp, size), scene, random, size)


def _modules(code: Any) -> NDArray[np.bool_]:
    return np.array([[bool(module) for module in row] for row in code.matrix])


def _pose(dimension: int, scene: Scene, random: np.random.Generator, size: tuple[int, int]) -> Floats | None:
    """Return the homography from undistorted pixels to modules."""
    width, height = size
    focal = _FOCAL_LENGTH_WIDTHS * width
    axis = np.array([math.cos(scene.tilt_axis), math.sin(scene.tilt_axis), 0.0])
    rotation = _rotation(axis, scene.tilt) @ _rotation(np.array([0.0, 0.0, 1.0]), scene.turn)
    distance = focal / scene.scale_px
    flip = np.diag([-1.0, 1.0, 1.0]) if scene.mirrored else np.eye(3)
    corners = np.array([[0, 0, 1], [dimension, 0, 1], [0, dimension, 1], [dimension, dimension, 1]], float).T
    for _ in range(24):
        offset = random.uniform(-0.5, 0.5, 2) * np.array([width, height]) * 0.8 / scene.scale_px
        plane = np.eye(3)
        plane[:2, 2] = -dimension / 2
        on_card = rotation @ np.diag([1.0, 1.0, 0.0]) @ flip
        camera = np.column_stack([on_card[:, 0], on_card[:, 1], [offset[0], offset[1], distance]])
        to_pixels = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]]) @ camera @ plane
        seen = to_pixels @ corners
        x, y = _distort(seen[0] / seen[2], seen[1] / seen[2], scene.lens, size)
        if x.min() >= 2 and y.min() >= 2 and x.max() <= width - 2 and y.max() <= height - 2:
            return np.linalg.inv(to_pixels)
    return None


def _rotation(axis: Floats, angle: float) -> Floats:
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def _sample_points(size: tuple[int, int]) -> tuple[Floats, Floats]:
    width, height = size
    step = 1 / _OVERSAMPLING
    x = np.arange(width * _OVERSAMPLING) * step + step / 2
    y = np.arange(height * _OVERSAMPLING) * step + step / 2
    grid = np.meshgrid(x, y)
    return grid[0], grid[1]


def _distort(x: Floats, y: Floats, lens: float, size: tuple[int, int]) -> tuple[Floats, Floats]:
    cx, cy = size[0] / 2, size[1] / 2
    radius2 = ((x - cx) ** 2 + (y - cy) ** 2) / (cx * cx + cy * cy)
    factor = 1 + lens * radius2
    return cx + (x - cx) * factor, cy + (y - cy) * factor


def _undistort(x: Floats, y: Floats, lens: float, size: tuple[int, int]) -> tuple[Floats, Floats]:
    ux, uy = x, y
    for _ in range(6 if lens else 0):
        dx, dy = _distort(ux, uy, lens, size)
        ux, uy = ux + x - dx, uy + y - dy
    return ux, uy


def _through(homography: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    u, v, w = (row[0] * x + row[1] * y + row[2] for row in homography)
    return u / w, v / w


def _look_up(texture: Floats, u: Floats, v: Floats) -> Floats:
    column, row = np.floor(u).astype(int), np.floor(v).astype(int)
    inside = (column >= 0) & (row >= 0) & (column < texture.shape[1]) & (row < texture.shape[0])
    found = np.full(u.shape, np.nan)
    found[inside] = texture[row[inside], column[inside]]
    return found


def _bin(sharp: Floats, size: tuple[int, int]) -> Floats:
    width, height = size
    return sharp.reshape(height, _OVERSAMPLING, width, _OVERSAMPLING).mean(axis=(1, 3))


def _card_texture(symbol: Symbol, scene: Scene, random: np.random.Generator) -> tuple[Floats, float]:
    """Return the card's face, 0 black to 1 white, and how many modules of it lie left of and above the symbol."""
    dimension, quiet = symbol.dimension, scene.quiet_modules
    margin = quiet + int(random.integers(0, 12))
    modules = dimension + 2 * margin
    face = Image.new(
        "L", (modules * _TEXELS_PER_MODULE,) * 2, 255 if margin == quiet else int(random.integers(190, 256))
    )
    draw = ImageDraw.Draw(face)
    for row in range(3, margin - quiet - 2, 4):
        _print_line(draw, (margin * 2, row * _TEXELS_PER_MODULE), modules * 2, random)
        _print_line(draw, (margin * 2, (modules - row - 3) * _TEXELS_PER_MODULE), modules * 2, random)
    texels = np.asarray(face, dtype=float) / 255
    texels = texels.copy()
    inner, outer = margin * _TEXELS_PER_MODULE, (margin - quiet) * _TEXELS_PER_MODULE
    end = modules * _TEXELS_PER_MODULE
    texels[outer : end - outer, outer : end - outer] = 1.0
    texels[inner : end - inner, inner : end - inner] = np.kron(
        ~symbol.modules, np.ones((_TEXELS_PER_MODULE, _TEXELS_PER_MODULE))
    )
    if scene.inverted:
        texels = 1 - texels
    _soil(texels, scene, margin, dimension, random)
    return texels, margin


def _print_line(draw: ImageDraw.ImageDraw, at: tuple[int, int], length: int, random: np.random.Generator) -> None:
    letters = "".join(string.ascii_letters[int(i)] for i in random.integers(52, size=12))
    draw.text(at, letters, fill=int(random.integers(0, 120)), font=ImageFont.load_default(size=9))


def _soil(texels: Floats, scene: Scene, margin: float, dimension: int, random: np.random.Generator) -> None:
    rows, columns = np.mgrid[0 : texels.shape[0], 0 : texels.shape[1]] / _TEXELS_PER_MODULE - margin
    for _ in range(scene.dirt_spots):
        x, y = random.uniform(0, dimension, 2)
        radius = random.uniform(0.5, 2.2)
        stretch = random.uniform(0.5, 1.0)
        inside = (columns - x) ** 2 + ((rows - y) / stretch) ** 2 < radius**2
        shade = random.uniform(0.0, 0.6) if random.random() < 0.7 else random.uniform(0.6, 1.0)
        opacity = random.uniform(0.5, 1.0)
        texels[inside] = texels[inside] * (1 - opacity) + shade * opacity
    for _ in range(scene.scratches):
        x, y = random.uniform(0, dimension, 2)
        angle, length = random.uniform(0, math.pi), random.uniform(0.2, 0.9) * dimension
        along = (columns - x) * math.cos(angle) + (rows - y) * math.sin(angle)
        across = -(columns - x) * math.sin(angle) + (rows - y) * math.cos(angle)
        inside = (abs(along) < length / 2) & (abs(across) < random.uniform(0.15, 0.45))
        texels[inside] = random.uniform(0.7, 1.0)


def _background(random: np.random.Generator, size: tuple[int, int]) -> Floats:
    width, height = size
    coarse = Image.fromarray(random.integers(20, 220, (6, 8)).astype(np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=float)
    edges = np.full((height, width), 0.0)
    for _ in range(int(random.integers(0, 5))):
        x, y, angle = random.uniform(0, width), random.uniform(0, height), random.uniform(0, math.pi)
        yy, xx = np.mgrid[0:height, 0:width]
        edges += np.where((xx - x) * math.cos(angle) + (yy - y) * math.sin(angle) > 0, random.uniform(-50, 50), 0)
    flat = np.clip(smooth + edges, 5, 245)
    return np.kron(flat, np.ones((_OVERSAMPLING, _OVERSAMPLING)))


def _expose(image: Floats, scene: Scene, random: np.random.Generator, size: tuple[int, int]) -> bytes:
    width, height = size
    yy, xx = np.mgrid[0:height, 0:width]
    ramp = ((xx - width / 2) * math.cos(scene.shade_angle) + (yy - height / 2) * math.sin(scene.shade_angle)) / width
    image = image * (1 - scene.shade * np.clip(ramp + 0.5, 0, 1))
    if scene.shadow:
        x, y = random.uniform(0.2, 0.8, 2) * (width, height)
        angle = random.uniform(0, 2 * math.pi)
        across = (xx - x) * math.cos(angle) + (yy - y) * math.sin(angle)
        image = image * (1 - scene.shadow / (1 + np.exp(np.clip(-across / random.uniform(1.5, 6), -50, 50))))
    radius2 = ((xx - width / 2) ** 2 + (yy - height / 2) ** 2) / (width * width / 4)
    image = image * (1 - scene.vignette * radius2)
    if scene.glare:
        x, y = random.uniform(0.2, 0.8, 2) * (width, height)
        image = image + scene.glare * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * scene.glare_radius_px**2))
    image = _blur(image, scene.blur_px)
    image = _move(image, scene.motion_px, scene.motion_angle)
    image = image + random.normal(0, scene.noise, image.shape)
    if scene.sharpening:
        image = image + scene.sharpening * (image - _blur(image, 1.0))
    return bytes(np.clip(np.rint(image), 0, 255).astype(np.uint8))


def _blur(image: Floats, sigma_px: float) -> Floats:
    if sigma_px < 0.1:
        return image
    reach = max(1, math.ceil(3 * sigma_px))
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma_px**2))
    kernel /= kernel.sum()
    padded = np.pad(image, reach, mode="edge")
    rows = sum(weight * padded[i : i + image.shape[0], :] for i, weight in enumerate(kernel))
    return np.asarray(sum(weight * rows[:, i : i + image.shape[1]] for i, weight in enumerate(kernel)))


def _move(image: Floats, length_px: float, angle: float) -> Floats:
    if length_px < 0.2:
        return image
    steps = max(3, math.ceil(length_px * 3))
    height, width = image.shape
    yy, xx = np.mgrid[0:height, 0:width].astype(float)
    total = np.zeros_like(image)
    for step in range(steps):
        shift = (step / (steps - 1) - 0.5) * length_px
        total += _bilinear(image, xx + shift * math.cos(angle), yy + shift * math.sin(angle))
    return total / steps


def _bilinear(image: Floats, x: Floats, y: Floats) -> Floats:
    height, width = image.shape
    x, y = np.clip(x, 0, width - 1.001), np.clip(y, 0, height - 1.001)
    left, top = x.astype(int), y.astype(int)
    fx, fy = x - left, y - top
    upper = image[top, left] * (1 - fx) + image[top, left + 1] * fx
    lower = image[top + 1, left] * (1 - fx) + image[top + 1, left + 1] * fx
    return np.asarray(upper * (1 - fy) + lower * fy)


# Each trouble of an ordinary day, with how it is set; `strength` runs from 0 to 1.
def _add_trouble(name: str, scene: Scene, strength: float, random: np.random.Generator) -> None:
    angle = float(random.uniform(0, 2 * math.pi))
    if name == "tilt":
        scene.tilt, scene.tilt_axis = math.radians(15 + 25 * strength), angle
    elif name == "blur":
        scene.blur_px = (0.25 + 0.15 * strength) * scene.scale_px
    elif name == "motion":
        scene.motion_px, scene.motion_angle = (0.5 + 0.6 * strength) * scene.scale_px, angle
    elif name == "noise":
        scene.noise = 6 + 10 * strength
    elif name == "uneven light":
        scene.shade, scene.shade_angle, scene.vignette = 0.4 + 0.35 * strength, angle, 0.3 * strength
    elif name == "shadow":
        scene.shadow = 0.3 + 0.35 * strength
    elif name == "glare":
        scene.glare, scene.glare_radius_px = 60 + 140 * strength, float(random.uniform(8, 30))
    elif name == "low contrast":
        scene.dark = float(random.uniform(40, 120))
        scene.light = scene.dark + 70 - 30 * strength
        scene.noise = min(scene.noise, 4.0)
    elif name == "lens":
        scene.lens = float(random.choice([-1.0, -1.0, 1.0])) * (0.03 + 0.05 * strength)
    elif name == "barrel":
        scene.lens = -(0.10 + 0.12 * strength)
    elif name == "dirt":
        scene.dirt_spots = 1 + round(4 * strength)
    elif name == "scratches":
        scene.scratches = 1 + round(3 * strength)
    elif name == "sharpened":
        scene.sharpening = 0.5 + strength
    else:
        raise ValueError(f"there is no trouble named {name}")
    scene.traits.append(name)


ORDINARY_TROUBLES = (
    "tilt",
    "blur",
    "motion",
    "noise",
    "uneven light",
    "shadow",
    "glare",
    "low contrast",
    "lens",
    "dirt",
    "scratches",
    "sharpened",
)


def _scene(scale_px: float, random: np.random.Generator) -> Scene:
    scene = Scene(scale_px, turn=float(random.uniform(0, 2 * math.pi)))
    scene.dark, scene.light = float(random.uniform(15, 60)), float(random.uniform(140, 235))
    scene.tilt, scene.tilt_axis = math.radians(float(random.uniform(0, 15))), float(random.uniform(0, 2 * math.pi))
    scene.blur_px = float(random.uniform(0.3, 0.6))
    scene.noise = float(random.uniform(1, 5))
    scene.lens = float(random.uniform(-0.03, 0.02))
    return scene


def standard_frame(seed: int, number: int, size: tuple[int, int] = (320, 240), card: str = "") -> Frame:
    """A frame of the standard set; with ``card``, the text of one, its symbol in place of another."""
    random = np.random.default_rng([seed, number, 1])
    while True:
        scale_px = float(random.uniform(2.0, 4.0)) * size[0] / 320
        symbol = a_card_symbol(random) if random.random() < 0.7 else any_symbol(random)
        if card:
            symbol = card_symbol(card)
        scene = _scene(scale_px, random)
        count = int(random.integers(0, 3))
        for name in random.permutation(list(ORDINARY_TROUBLES))[:count]:
            _add_trouble(str(name), scene, float(random.random()), random)
        _turn_over(scene, random, chance=0.05)
        pixels = render(symbol, scene, random, size)
        if pixels:
            return Frame(*size, pixels, symbol.text, (symbol.name, f"{scale_px:.2f} px", *scene.traits))


def hard_frame(seed: int, number: int, size: tuple[int, int] = (320, 240)) -> Frame:
    random = np.random.default_rng([seed, number, 2])
    kind = ("small", "barrel", "mix")[number % 3]
    while True:
        symbol = a_card_symbol(random) if random.random() < 0.7 else any_symbol(random)
        low, high = {"small": (1.5, 2.0), "barrel": (2.0, 3.5), "mix": (1.8, 3.5)}[kind]
        scale_px = float(random.uniform(low, high)) * size[0] / 320
        scene = _scene(scale_px, random)
        if kind == "barrel":
            _add_trouble("barrel", scene, float(random.random()), random)
        count = {"small": 1, "barrel": 1, "mix": 4}[kind]
        for name in random.permutation(list(ORDINARY_TROUBLES))[:count]:
            _add_trouble(str(name), scene, float(random.random()), random)
        _turn_over(scene, random, chance=0.05)
        pixels = render(symbol, scene, random, size)
        if pixels:
            return Frame(*size, pixels, symbol.text, (kind, symbol.name, f"{scale_px:.2f} px", *scene.traits))


def _turn_over(scene: Scene, random: np.random.Generator, chance: float) -> None:
    if random.random() < chance:
        scene.inverted = True
        scene.traits.append("inverted")
    if random.random() < chance:
        scene.mirrored = True
        scene.traits.append("mirrored")


NEGATIVES = (
    "nothing",
    "half a symbol",
    "checkerboard",
    "text",
    "barcode",
    "noise",
    "finders only",
    "shuffled symbol",
    "black",
    "white",
)


def negative_frame(seed: int, number: int, size: tuple[int, int] = (320, 240)) -> Frame:
    random = np.random.default_rng([seed, number, 3])
    kind = NEGATIVES[number % len(NEGATIVES)]
    width, height = size
    scene = _scene(float(random.uniform(2, 4)), random)
    if kind == "black" or kind == "white":
        level = float(random.uniform(0, 30) if kind == "black" else random.uniform(225, 255))
        pixels = _expose(np.full((height, width), level), scene, random, size)
    elif kind == "noise":
        pixels = _noise(random, size)
    elif kind == "nothing":
        pixels = _expose(_bin(_background(random, size), size), scene, random, size)
    elif kind in ("half a symbol", "shuffled symbol", "finders only"):
        pixels = _broken_symbol(kind, scene, random, size)
    else:
        pixels = _expose(_drawing(kind, scene, random, size), scene, random, size)
    return Frame(width, height, pixels, None, (kind,))


def _noise(random: np.random.Generator, size: tuple[int, int]) -> bytes:
    width, height = size
    grain = int(random.integers(1, 7))
    coarse = random.integers(0, 256, (-(-height // grain), -(-width // grain)), dtype=np.uint8)
    if random.random() < 0.5:
        coarse = np.where(coarse < 128, 20, 230).astype(np.uint8)
    fine = np.kron(coarse, np.ones((grain, grain), dtype=np.uint8))[:height, :width]
    return fine.tobytes()


def _broken_symbol(kind: str, scene: Scene, random: np.random.Generator, size: tuple[int, int]) -> bytes:
    while True:
        symbol = a_card_symbol(random)
        modules = symbol.modules.copy()
        middle = symbol.dimension // 2
        if kind == "half a symbol":
            part = [np.s_[:, middle:], np.s_[:, :middle], np.s_[middle:, :], np.s_[:middle, :]][int(random.integers(4))]
            modules[part] = False
        else:
            noise = random.random(modules.shape) < (0.5 if kind == "shuffled symbol" else random.uniform(0, 0.3))
            noise[:9, :9] = modules[:9, :9]
            noise[:9, -8:] = modules[:9, -8:]
            noise[-8:, :9] = modules[-8:, :9]
            if kind == "shuffled symbol":
                noise[6, :], noise[:, 6] = modules[6, :], modules[:, 6]
            modules = noise
        pixels = render(Symbol(symbol.text, modules, kind), scene, random, size)
        if pixels:
            return pixels
        scene.scale_px *= 0.95


def _drawing(kind: str, scene: Scene, random: np.random.Generator, size: tuple[int, int]) -> Floats:
    width, height = size
    face = Image.new("L", size, round(scene.light))
    draw = ImageDraw.Draw(face)
    dark = round(scene.dark)
    if kind == "checkerboard":
        step = int(random.integers(2, 12))
        rows, columns = np.mgrid[0:height, 0:width] // step
        face = Image.fromarray(np.where((rows + columns) % 2, dark, round(scene.light)).astype(np.uint8))
    elif kind == "text":
        points = int(random.integers(7, 20))
        font = ImageFont.load_default(size=points)
        for top in range(5, height - points, points + 4):
            letters = "".join((string.ascii_letters + " " * 12)[int(i)] for i in random.integers(64, size=width // 5))
            draw.text((5, top), letters, fill=dark, font=font)
    else:
        x = 20
        while x < width - 20:
            bar, gap = random.integers(2, 9, 2)
            draw.rectangle((x, 40, x + int(bar) - 1, height - 40), fill=dark)
            x += int(bar + gap)
    turned = face.rotate(float(random.uniform(0, 360)), Image.Resampling.BICUBIC, fillcolor=round(scene.light))
    return np.asarray(turned, dtype=float)


def standard_set(seed: int, count: int) -> Iterator[Frame]:
    return (standard_frame(seed, number) for number in range(count))


def hard_set(seed: int, count: int) -> Iterator[Frame]:
    """A third each: 1.5 to 2 pixels a module, a barrel lens, four troubles at once."""
    return (hard_frame(seed, number) for number in range(count))


def negatives(seed: int, count: int) -> Iterator[Frame]:
    return (negative_frame(seed, number) for number in range(count))
