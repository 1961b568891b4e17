"""From a plane in perspective to modules: a mesh laid over the symbol, grey levels sampled, dark told from light.

A mesh is square, with points at the module borders in `borders`, in half modules; a point is x then y in 1/1024 pixel,
within the frame. Between four points the mesh is bilinear: perspective and lens bend little over eight modules.
"""

from array import array
from collections import namedtuple

import micropython
from micropython import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

if TYPE_CHECKING:
    from qr_finder import Finder, Frame

DIMENSION_MAX = const(57)
_TILE_MODULES = const(8)
_POINTS_MAX = const(8)
_SHIFT = const(10)
# Points keep this far, a sixteenth of a pixel, from the outermost pixels: what is between them is rounded down.
_EDGE = const(64)
_ONE = const(4096)
# Grey levels between two modules, and the sum of them around a point, from which a border says where it is.
_STEP_MIN = const(16)
_WEIGHT_MIN = const(400)
# An alignment pattern is believed from this score, of 256.
_ALIGNMENT_MIN = const(64)
# Middles of modules 8 onwards, and of module 6, in half modules.
_TIMING = bytes(range(17, 100, 2))
_TIMING_LINE = b"\x0d"


# How the plane of a symbol lies: its corner finder pattern, those right and below of it, and the perspective.
# x and y are in sixteenths of a pixel, and so are the ways to the other two. g and h say, in 1/4096, how much farther
# away those are than the corner. The lens draws points in, by `lens` times the square of their distance from the middle
# of the frame, in 2^-26 a square pixel. The colour is that of the finder patterns (`qr_finder`); the
# version is the one that the symbol should have by its size.
Plane = namedtuple(
    "Plane", ("x", "y", "right_x", "right_y", "below_x", "below_y", "g", "h", "lens", "colour", "version")
)


class Grid:
    """Takes the modules of symbols of any version out of frames of one size.

    `modules` holds what was read last, 1 for dark, row by row.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.modules = bytearray(DIMENSION_MAX * DIMENSION_MAX)
        self._greys = bytearray(DIMENSION_MAX * DIMENSION_MAX)
        self._other = bytearray(DIMENSION_MAX * DIMENSION_MAX)
        self._mesh = array("I", bytes(8 * _POINTS_MAX * _POINTS_MAX))
        self._sums = array("I", bytes(8 * _POINTS_MAX * _POINTS_MAX))
        self._levels = bytearray(_POINTS_MAX * _POINTS_MAX)
        self._found = array("I", bytes(8))
        self._corners = bytearray(2)
        # The tiles of this dimension: their borders, the border nearest to each module, every other row of each tile.
        self._dimension = 0
        self._count = 0
        self._borders = bytearray(_POINTS_MAX)
        self._nearest = bytearray(DIMENSION_MAX)
        self._row_count = 0
        self._rows = bytearray(DIMENSION_MAX)

    def timing_errors(self, frame: "Frame", plane: Plane, version: int) -> int:
        """Return how much of the two timing patterns looks wrong, in 256ths of their modules."""
        count = 4 * version + 1
        mesh, colour = self._mesh, plane.colour
        if not self._project(plane, version, _TIMING, count, _TIMING_LINE, 1):
            return 256
        wrong = _timing_errors(frame, 0, self.width, mesh, count, colour)
        if not self._project(plane, version, _TIMING_LINE, 1, _TIMING, count):
            return 256
        wrong += _timing_errors(frame, 0, self.width, mesh, count, colour)
        return 128 * wrong // (count - 2)

    def align(self, frame: "Frame", finder: "Finder", plane: Plane, version: int, reach: int) -> "Plane | None":
        """Return a plane that agrees with the alignment pattern, found up to `reach` half modules away, or None."""
        corners, mesh, found = self._corners, self._mesh, self._found
        corners[0] = 8 * version + 21
        corners[1] = corners[0] + 2
        if not self._project(plane, version, corners, 2, corners, 2):
            return None
        block = (mesh[1] >> 13) * (self.width // 8) + (mesh[0] >> 13)
        level = finder.thresholds[block]
        half = max(8, (finder.highs[block] - finder.lows[block]) // 2)
        found[0], found[1] = mesh[0], mesh[1]
        parts = 2
        while parts <= 8:
            score = _search_alignment(
                frame, 0, self.width, self.height, level, half, mesh, reach, parts, plane.colour, found
            )
            if score < _ALIGNMENT_MIN:
                return None
            # Once more, finely around where it was found.
            reach = 3
            parts *= 4
        return self._through(plane, version, found[0] >> 6, found[1] >> 6)

    def _through(self, plane: Plane, version: int, x16: int, y16: int) -> "Plane | None":
        """Return the plane whose alignment pattern is at (x16, y16), or None."""
        x, y = without_lens(self.width, self.height, plane.lens, x16, y16)
        x, y = x - plane.x, y - plane.y
        # With the pattern at (s, s), p (1 + s g + s h) = s r (1 + g) + s b (1 + h).
        part, span = 8 * version + 14, 8 * version + 20
        px = x * span - part * (plane.right_x + plane.below_x)
        py = y * span - part * (plane.right_y + plane.below_y)
        rx, ry, bx, by = plane.right_x - x, plane.right_y - y, plane.below_x - x, plane.below_y - y
        # Twelve bits between g or h and this, of which it gives eight: a number of 2**30 is allocated on the chip.
        scale = part * (rx * by - ry * bx) >> 8
        if scale == 0:
            return None
        g, h = (px * by - py * bx << 4) // scale, (rx * py - ry * px << 4) // scale
        return Plane(
            plane.x, plane.y, plane.right_x, plane.right_y, plane.below_x, plane.below_y, g, h, plane.lens,
            plane.colour, plane.version,
        )  # fmt: skip

    def lay(self, plane: Plane, version: int) -> bool:
        """Lay the mesh for a symbol; return whether it lies within the frame."""
        dimension = 4 * version + 17
        if self._dimension != dimension:
            self._divide(dimension)
        return self._project(plane, version, self._borders, self._count, self._borders, self._count)

    def _divide(self, dimension: int) -> None:
        borders, nearest, rows = self._borders, self._nearest, self._rows
        tiles = (dimension + 5) // _TILE_MODULES
        row_count = 0
        for tile in range(tiles):
            start, end = tile * dimension // tiles, (tile + 1) * dimension // tiles
            borders[tile], borders[tile + 1] = 2 * start, 2 * end
            for module in range(start, end):
                nearest[module] = tile if module < start + (end - start) // 2 else tile + 1
            for row in range(start, end, 2):
                rows[row_count] = row
                row_count += 1
        self._dimension, self._count, self._row_count = dimension, tiles + 1, row_count

    def sample(self, frame: "Frame") -> None:
        """Take the grey levels of the modules under the mesh."""
        _sample(frame, 0, self.width, self._mesh, self._borders, self._count, 0, self._greys)

    def fit(self, frame: "Frame") -> None:
        """Move the mesh so that unlike modules meet where their grey levels do, and sample again."""
        mesh, borders, count, other, sums = self._mesh, self._borders, self._count, self._other, self._sums
        rows, row_count = self._rows, self._row_count
        for down in (0, 1):
            _sample(frame, 0, self.width, mesh, borders, count, 1 + down, other)
            _find_shifts(self._greys, 0, other, self._dimension, down, rows, row_count, self._nearest, count, sums)
            _move_mesh(mesh, borders, count, down, sums, self.width - 2, self.height - 2)
        self.sample(frame)

    def tell_apart(self, colour: int, eighths: int) -> int:
        """Tell dark modules from light ones, against so many eighths of blur.

        Return how many of the 64 modules of the worst finder pattern are wrong.
        """
        greys, borders, levels, count = self._greys, self._borders, self._levels, self._count
        if eighths:
            greys = self._other
            _sharpen(self._greys, 0, self._dimension, eighths, greys)
        _set_levels(greys, borders, count, levels)
        _classify(greys, borders, count, levels, colour, self.modules)
        return _finder_errors(self.modules, 0, self._dimension)

    def _project(
        self, plane: Plane, version: int, columns: "Frame", column_count: int, rows: "Frame", row_count: int
    ) -> bool:
        g, h = plane.g, plane.h
        if not (-2600 < g < _ONE and -2600 < h < _ONE):
            return False
        return _project(
            plane.x, plane.y,
            plane.right_x * (_ONE + g) >> 4, plane.right_y * (_ONE + g) >> 4,
            plane.below_x * (_ONE + h) >> 4, plane.below_y * (_ONE + h) >> 4,
            g, h, 8 * version + 20, columns, column_count, rows, row_count,
            self.width - 2, self.height - 2, plane.lens, self._mesh,
        ) != 0  # fmt: skip


def without_lens(width: int, height: int, lens: int, x16: int, y16: int) -> "tuple[int, int]":
    """Return where a point of the frame would be without the lens."""
    if lens == 0:
        return x16, y16
    x_middle, y_middle = 8 * (width - 2), 8 * (height - 2)
    off_x, off_y = x16 - x_middle, y16 - y_middle
    x, y = off_x, off_y
    for _ in range(3):
        part = lens * ((x >> 4) * (x >> 4) + (y >> 4) * (y >> 4)) >> 12
        x = off_x + (x * part >> 14)
        y = off_y + (y * part >> 14)
    return x + x_middle, y + y_middle


@micropython.viper
def _project(
    x16: int,
    y16: int,
    ax: int,
    ay: int,
    bx: int,
    by: int,
    g: int,
    h: int,
    span: int,
    columns: ptr8,
    column_count: int,
    rows: ptr8,
    row_count: int,
    x_max: int,
    y_max: int,
    lens: int,
    mesh: ptr32,
) -> int:
    """Lay points through a homography and a lens. Return 0 where one lies behind the camera or outside the frame.

    The homography is P + (a u + b v) / (1 + g u + h v): P in sixteenths; a and b in 1/4096 pixel, at most 2^23;
    g and h in 1/4096, at most 2^12. u is columns[i] / span and v rows[i] / span, where the mesh's half modules are
    counted from the middle of the corner's finder. x_max and y_max are the frame's last but one pixel. The lens draws
    a point in to the middle of the frame by `lens` times the square of its distance, in 2^-26 a square pixel.
    """
    i = 0
    at = 0
    x_max <<= _SHIFT
    y_max <<= _SHIFT
    x_middle = x_max >> 1
    y_middle = y_max >> 1
    while i < row_count:
        v = rows[i] - 7
        j = 0
        while j < column_count:
            u = columns[j] - 7
            # At most 108 * (4096 + 2 * 4096) < 2^21.
            divisor = (4096 * span + g * u + h * v) >> 4
            if divisor < 64 * span:
                return 0
            # At most 2 * 2^23 * 108 < 2^31.
            along = ax * u + bx * v
            whole = along // divisor
            x = ((x16 + whole) << 6) + ((along - whole * divisor) << 6) // divisor
            along = ay * u + by * v
            whole = along // divisor
            y = ((y16 + whole) << 6) + ((along - whole * divisor) << 6) // divisor
            if lens:
                # Within twice the frame, lens times the square is under 2^28, and the products are under 2^31.
                x -= x_middle
                y -= y_middle
                if x + x_max + x_max < 0 or x > x_max + x_max or y + y_max + y_max < 0 or y > y_max + y_max:
                    return 0
                part = (lens * ((x >> 10) * (x >> 10) + (y >> 10) * (y >> 10))) >> 12
                x += x_middle - (((x >> 5) * part) >> 9)
                y += y_middle - (((y >> 5) * part) >> 9)
            if x < -1024 or y < -1024 or x > x_max + 1024 or y > y_max + 1024:
                return 0
            mesh[at] = _EDGE if x < _EDGE else (x_max - _EDGE if x > x_max - _EDGE else x)
            mesh[at + 1] = _EDGE if y < _EDGE else (y_max - _EDGE if y > y_max - _EDGE else y)
            at += 2
            j += 1
        i += 1
    return 1


@micropython.viper
def _sample(frame: ptr8, at: int, width: int, mesh: ptr32, borders: ptr8, count: int, place: int, greys: ptr8):
    """Write the grey level of each module, interpolated between pixels, row by row. `at` is 0.

    It is taken in the middle (place 0), or, of every other row of a tile, on the right border (1) or the lower one (2).
    """
    dimension = borders[count - 1] >> 1
    tile_row = 0
    while tile_row < count - 1:
        top = borders[tile_row] >> 1
        bottom = borders[tile_row + 1] >> 1
        tile = 0
        while tile < count - 1:
            left = borders[tile] >> 1
            size = (borders[tile + 1] >> 1) - left
            p = 2 * (tile_row * count + tile)
            q = p + 2 * count
            part = 2 if place == 2 else 1
            step = 4 if place else 2
            whole = 2 * (bottom - top)
            while part <= whole:
                # The ends of the row on the tile's left and right border.
                x = mesh[p] + (mesh[q] - mesh[p]) * part // whole
                y = mesh[p + 1] + (mesh[q + 1] - mesh[p + 1]) * part // whole
                dx = (mesh[p + 2] + (mesh[q + 2] - mesh[p + 2]) * part // whole - x) // size
                dy = (mesh[p + 3] + (mesh[q + 3] - mesh[p + 3]) * part // whole - y) // size
                if place == 1:
                    x += dx
                    y += dy
                else:
                    x += dx >> 1
                    y += dy >> 1
                out = (top + ((part - 1) >> 1)) * dimension + left
                end = out + size
                while out < end:
                    at = (y >> 10) * width + (x >> 10)
                    part_x = (x >> 6) & 15
                    v = frame[at]
                    upper = (v << 4) + (frame[at + 1] - v) * part_x
                    at += width
                    v = frame[at]
                    lower = (v << 4) + (frame[at + 1] - v) * part_x
                    greys[out] = ((upper << 4) + (lower - upper) * ((y >> 6) & 15)) >> 8
                    x += dx
                    y += dy
                    out += 1
                part += step
            tile += 1
        tile_row += 1


@micropython.viper
def _timing_errors(frame: ptr8, at: int, width: int, points: ptr32, count: int, colour: int) -> int:
    """Return how many of the points but the outermost are not darker and lighter than their neighbours in turn.

    The points run along a timing pattern, the first on a dark module; `at` is 0.
    """
    wrong = 0
    i = 0
    a = 0
    b = 0
    while i < count:
        x = points[2 * i]
        y = points[2 * i + 1]
        at = (y >> 10) * width + (x >> 10)
        part = (x >> 6) & 15
        v = frame[at]
        upper = (v << 4) + (frame[at + 1] - v) * part
        at += width
        v = frame[at]
        lower = (v << 4) + (frame[at + 1] - v) * part
        c = (upper << 4) + (lower - upper) * ((y >> 6) & 15)
        if i > 1:
            bend = a + c - b - b
            if ((i ^ colour) & 1) != 0:
                bend = 0 - bend
            if bend <= 0:
                wrong += 1
        a = b
        b = c
        i += 1
    return wrong


@micropython.viper
def _find_shifts(
    greys: ptr8,
    at: int,
    between: ptr8,
    dimension: int,
    down: int,
    rows: ptr8,
    row_count: int,
    nearest: ptr8,
    count: int,
    sums: ptr32,
):
    """Sum up how far the borders between unlike modules lie beside the mesh: right and left, or up and down (down 1).

    `between` holds the grey levels on those borders, of the modules of some rows. Where the mesh fits, they are midway
    between the two modules'. For the nearest point of the mesh two numbers grow: twice the excess over that (from 2^24,
    so that none is negative), and the difference of the modules. `at` is 0.
    """
    i = 0
    while i < count * count:
        sums[2 * i] = 1 << 24
        sums[2 * i + 1] = 0
        i += 1
    beside = dimension if down else 1
    number = 0
    while number < row_count:
        row = rows[number]
        number += 1
        if row + down == dimension:
            break
        at = row * dimension
        column = 0
        while column < dimension - 1 + down:
            a = greys[at]
            b = greys[at + beside]
            step = b - a if b > a else a - b
            if step > _STEP_MIN:
                v = between[at]
                v = v + v - a - b
                i = 2 * (nearest[row] * count + nearest[column])
                sums[i] = sums[i] + v if b > a else sums[i] - v
                sums[i + 1] = sums[i + 1] + step
            at += 1
            column += 1


@micropython.viper
def _move_mesh(mesh: ptr32, borders: ptr8, count: int, down: int, sums: ptr32, x_max: int, y_max: int):
    """Move each point by what `find_shifts` summed up there and, half as much, at its neighbours."""
    x_max <<= _SHIFT
    y_max <<= _SHIFT
    row = 0
    while row < count:
        column = 0
        while column < count:
            i = 2 * (row * count + column)
            excess = 2 * (sums[i] - (1 << 24))
            weight = 2 * sums[i + 1]
            if column > 0:
                excess += sums[i - 2] - (1 << 24)
                weight += sums[i - 1]
            if column + 1 < count:
                excess += sums[i + 2] - (1 << 24)
                weight += sums[i + 3]
            if row > 0:
                excess += sums[i - 2 * count] - (1 << 24)
                weight += sums[i - 2 * count + 1]
            if row + 1 < count:
                excess += sums[i + 2 * count] - (1 << 24)
                weight += sums[i + 2 * count + 1]
            if weight > _WEIGHT_MIN:
                # A module's length from the neighbour on one side, which is a tile away.
                if down:
                    near = row - 1 if row else row
                    j = 2 * (near * count + column)
                    k = j + 2 * count
                else:
                    near = column - 1 if column else column
                    j = 2 * (row * count + near)
                    k = j + 2
                size = (borders[near + 1] - borders[near]) >> 1
                # At most 6 * 81 * 510 < 2^18 before the shift. No point moves more than half a module at once, and a
                # module is under 2^17.
                shift = (excess << 10) // weight * 5
                shift = 4096 if shift > 4096 else (-4096 if shift < -4096 else shift)
                x = mesh[i] - (mesh[k] - mesh[j]) // size * shift // 8192
                y = mesh[i + 1] - (mesh[k + 1] - mesh[j + 1]) // size * shift // 8192
                mesh[i] = _EDGE if x < _EDGE else (x_max - _EDGE if x > x_max - _EDGE else x)
                mesh[i + 1] = _EDGE if y < _EDGE else (y_max - _EDGE if y > y_max - _EDGE else y)
            column += 1
        row += 1


@micropython.viper
def _sharpen(greys: ptr8, at: int, dimension: int, eighths: int, out: ptr8):
    """Take back what each module got of its four neighbours by blur: eighths of the difference to each. `at` is 0."""
    end = dimension * dimension
    while at < end:
        v = greys[at]
        out[at] = v
        at += 1
    row = 1
    while row < dimension - 1:
        at = row * dimension + 1
        end = at + dimension - 2
        while at < end:
            v = greys[at]
            v += (
                (4 * v - greys[at - 1] - greys[at + 1] - greys[at - dimension] - greys[at + dimension]) * eighths
            ) >> 3
            out[at] = 0 if v < 0 else (255 if v > 255 else v)
            at += 1
        row += 1


@micropython.viper
def _search_alignment(
    frame: ptr8,
    at: int,
    width: int,
    height: int,
    threshold: int,
    half: int,
    mesh: ptr32,
    reach: int,
    parts: int,
    colour: int,
    found: ptr32,
) -> int:
    """Look for an alignment pattern (ISO/IEC 18004, 12 i) around the point in `found`.

    The mesh's 2 x 2 points give the directions of a module. Positions are tried up to `reach` steps of 1/parts module
    away each way. `at` is 0. Put the best in `found`, x and y in 1/1024 pixel; return its score, at most 256: how far
    its modules are on their side of the threshold, of `half` grey levels each.
    """
    best = 0
    x_start = found[0]
    y_start = found[1]
    ux = mesh[2] - mesh[0]
    uy = mesh[3] - mesh[1]
    vx = mesh[4] - mesh[0]
    vy = mesh[5] - mesh[1]
    x_max = (width - 2) << _SHIFT
    y_max = (height - 2) << _SHIFT
    b = 0 - reach
    while b <= reach:
        a = 0 - reach
        while a <= reach:
            cx = x_start + (ux * a + vx * b) // parts
            cy = y_start + (uy * a + vy * b) // parts
            a += 1
            # Where the outermost modules are inside the frame, all are.
            i = ux if ux > 0 else 0 - ux
            i += vx if vx > 0 else 0 - vx
            j = uy if uy > 0 else 0 - uy
            j += vy if vy > 0 else 0 - vy
            if cx < i + i or cy < j + j or cx + i + i > x_max or cy + j + j > y_max:
                continue
            score = 0
            # From the middle outwards, so that most positions are given up after a few modules.
            ring = 0
            while ring < 3:
                light = 1 if (ring & 1) == colour else 0
                j = 0 - ring
                while j <= ring:
                    i = 0 - ring
                    step = 1
                    if j > 0 - ring and j < ring:
                        step = ring + ring
                    while i <= ring:
                        x = cx + ux * i + vx * j
                        y = cy + uy * i + vy * j
                        i += step
                        at = (y >> 10) * width + (x >> 10)
                        x = (x >> 7) & 7
                        v = frame[at]
                        upper = (v << 3) + (frame[at + 1] - v) * x
                        at += width
                        v = frame[at]
                        lower = (v << 3) + (frame[at + 1] - v) * x
                        v = threshold - (((upper << 3) + (lower - upper) * ((y >> 7) & 7)) >> 6)
                        if light:
                            v = 0 - v
                        score += half if v > half else (0 - half if v < 0 - half else v)
                    j += 1
                if ring < 2 and score < half * ring:
                    break
                ring += 1
            if ring == 3 and score > best:
                best = score
                found[0] = cx
                found[1] = cy
        b += 1
    return (best << 8) // (25 * half)


@micropython.viper
def _set_levels(greys: ptr8, borders: ptr8, count: int, levels: ptr8):
    """Write a threshold for each point of the mesh: midway between the dark and the light modules around it."""
    dimension = borders[count - 1] >> 1
    point = 0
    i = 0
    while i < count:
        top = (borders[i] >> 1) - 4
        bottom = top + 8
        if top < 0:
            top = 0
        if bottom > dimension:
            bottom = dimension
        j = 0
        while j < count:
            left = (borders[j] >> 1) - 4
            right = left + 8
            if left < 0:
                left = 0
            if right > dimension:
                right = dimension
            total = 0
            row = top
            while row < bottom:
                at = row * dimension + left
                end = row * dimension + right
                while at < end:
                    total += greys[at]
                    at += 1
                row += 1
            number = (bottom - top) * (right - left)
            middle = total // number
            light = 0
            light_number = 0
            row = top
            while row < bottom:
                at = row * dimension + left
                end = row * dimension + right
                while at < end:
                    if greys[at] > middle:
                        light += greys[at]
                        light_number += 1
                    at += 1
                row += 1
            levels[point] = middle
            if light_number:
                levels[point] = (light // light_number + (total - light) // (number - light_number) + 1) >> 1
            point += 1
            j += 1
        i += 1


@micropython.viper
def _classify(greys: ptr8, borders: ptr8, count: int, levels: ptr8, dark_value: int, modules: ptr8):
    """Write for each module dark_value (1, or 0 for light on dark) where it is darker than the levels around it."""
    dimension = borders[count - 1] >> 1
    light_value = 1 - dark_value
    tile_row = 0
    while tile_row < count - 1:
        top = borders[tile_row] >> 1
        bottom = borders[tile_row + 1] >> 1
        tile = 0
        while tile < count - 1:
            left = borders[tile] >> 1
            size = (borders[tile + 1] >> 1) - left
            p = tile_row * count + tile
            q = p + count
            row = top
            while row < bottom:
                part = 2 * (row - top) + 1
                whole = 2 * (bottom - top)
                level = (levels[p] << 8) + ((levels[q] - levels[p]) << 8) * part // whole
                step = ((levels[p + 1] << 8) + ((levels[q + 1] - levels[p + 1]) << 8) * part // whole - level) // size
                level += step >> 1
                at = row * dimension + left
                end = at + size
                while at < end:
                    modules[at] = dark_value if greys[at] < (level >> 8) else light_value
                    level += step
                    at += 1
                row += 1
            tile += 1
        tile_row += 1


@micropython.viper
def _finder_errors(modules: ptr8, at: int, dimension: int) -> int:
    """Return how many of the 64 modules of a finder pattern and its separator are wrong in the worst. `at` is 0."""
    corner = 0
    right = 0
    below = 0
    row = 0
    while row < 8:
        down = row - 3 if row > 3 else 3 - row
        column = 0
        while column < 8:
            ring = column - 3 if column > 3 else 3 - column
            if down > ring:
                ring = down
            dark = 0 if ring == 2 or ring == 4 else 1
            at = row * dimension
            corner += modules[at + column] ^ dark
            right += modules[at + dimension - 1 - column] ^ dark
            below += modules[(dimension - 1 - row) * dimension + column] ^ dark
            column += 1
        row += 1
    if right > corner:
        corner = right
    return below if below > corner else corner
