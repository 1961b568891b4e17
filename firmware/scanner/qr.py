"""Reads QR codes of versions 1 to 10 from grayscale frames (ISO/IEC 18004:2015)."""

from qr_finder import Finder, below_of, corner_of, right_of
from qr_grid import Grid, Plane, without_lens
from qr_symbol import VERSION_MAX, SymbolReader

from micropython import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

if TYPE_CHECKING:
    from qr_finder import Frame


_ONE = const(4096)
# A block holds an edge where it varies so many quarters of the grain. The first two searches look at half the rows; if
# they leave something promising, the other half is searched with more and with less contrast.
_CONTRAST = const(10)
_PASSES = ((0, 0), (2, 0), (1, 20), (3, 4))
# Rounds of fitting the mesh: a few wherever the symbol may lie, and then more.
_FEW_ROUNDS = const(2)
_ROUNDS = const(6)
# Eighths of blur taken back, from the second round on.
_BLUR = const(2)
# Half modules that the alignment pattern may lie off, by turns; 0 does without it.
_REACHES = (3, 8, 0)
# Of the 64 modules of each finder pattern, so many may be wrong in a symbol.
_FINDER_ERRORS_MAX = const(32)
# Of 256 parts of the timing patterns; with few, all else is looked at no more.
_TIMING_ERRORS_MAX = const(64)
_TIMING_ERRORS_FEW = const(16)
# A place where a symbol may lie is one small number, so that nothing is allocated: errors of the timing patterns, of
# 256, then the number of the plane and the version.
_ERRORS_SHIFT = const(12)
_PLANE_SHIFT = const(4)
_PLANE_MASK = const(255)
_VERSION_MASK = const(15)
# Thousands of instructions: all that one frame may take; what has to be left for another search; and what the steps
# take, a thousand modules at a time where they go by modules. The bench holds the sum against the count.
_WORK_MAX = const(18500)
_WORK_SEARCH = const(7500)
_WORK_TRIPLE = const(150)
_WORK_TIMING = const(60)
_WORK_ALIGN = const(90)
_WORK_LAY = const(250)
_WORK_FIT = const(430)
_WORK_TELL = const(140)


class Scanner:
    """Reads one symbol a frame, of any size and tilt, from the front or behind, dark on light or light on dark.

    Holds 26 KB of heap for frames of 320 x 240 and 46 KB for 640 x 480, beside the frame. A call leaves about 1 KB of
    garbage, and a few where much looks like a symbol. `version` is that of the symbol that was read last, 0 at first.
    """

    def __init__(self, width: int = 320, height: int = 240) -> None:
        """Raises ValueError where width or height is not a multiple of 8 from 64 to 640."""
        if width % 8 or height % 8 or not 64 <= width <= 640 or not 64 <= height <= 640:
            raise ValueError("width and height must be multiples of 8 from 64 to 640")
        self.width = width
        self.height = height
        self._finder = Finder(width, height)
        self._grid = Grid(width, height)
        self._reader = SymbolReader()
        # A barrel of 15 % at the frame's corners, for lenses that are none too straight.
        self._barrel = (15 << 26) // 100 // ((width * width + height * height) // 4)
        self._work = 0
        self.version = 0

    @property
    def is_numeric(self) -> bool:
        """Whether all of the text that was read last stood in one numeric segment."""
        return self._reader.is_numeric

    def decode(self, frame: "Frame") -> "str | None":
        """Return the text of a symbol in the frame, or None.

        A frame is width x height grey levels, row by row, 0 black to 255 white. Raises ValueError on another size.
        """
        if len(frame) != self.width * self.height:
            raise ValueError("the frame must be of width x height bytes")
        finder = self._finder
        finder.work = 0
        finder.measure(frame, _CONTRAST)
        self._work = _WORK_MAX
        tried: "list[int]" = []
        for first_row, contrast in _PASSES:
            if contrast:
                if not finder.is_promising():
                    break
                finder.measure(frame, contrast)
                tried = []
            elif first_row and finder.count < 2:
                break
            found = finder.search(frame, first_row, not contrast)
            self._work -= finder.work
            finder.work = 0
            if found:
                triples = finder.triples()
                self._work -= finder.work
                finder.work = 0
                text = self._read_triples(frame, triples, tried)
                if text is not None:
                    return text
            if self._work < _WORK_SEARCH:
                break
        return None

    def _can_afford(self, work: int) -> bool:
        if work > self._work:
            return False
        self._work -= work
        return True

    def _read_triples(self, frame: "Frame", triples: "list[int]", tried: "list[int]") -> "str | None":
        """Read the symbol whose finder patterns are the three candidates of one of the triples, if not tried before."""
        planes: "list[Plane]" = []
        places: "list[int]" = []
        for triple in triples:
            if triple in tried:
                continue
            if not self._can_afford(_WORK_TRIPLE):
                break
            tried.append(triple)
            planes.append(self._plane(frame, triple))
            known = len(places)
            self._add_places(frame, planes, places)
            for number in range(known, len(places)):
                if places[number] >> _ERRORS_SHIFT <= _TIMING_ERRORS_FEW:
                    text = self._read_place(frame, planes, places[number], _FEW_ROUNDS)
                    if text is not None:
                        return text
        places.sort()
        for place in places:
            if place >> _ERRORS_SHIFT > _TIMING_ERRORS_FEW:
                text = self._read_place(frame, planes, place, _FEW_ROUNDS)
                if text is not None:
                    return text
        bent: "list[int]" = []
        for number in range(len(planes)):
            planes.append(self._bent(planes[number]))
            self._add_places(frame, planes, bent)
        bent.sort()
        for found in (bent, places):
            for place in found:
                text = self._read_place(frame, planes, place, _ROUNDS)
                if text is not None:
                    return text
        return None

    def _plane(self, frame: "Frame", triple: int) -> Plane:
        """Return how the symbol with these finder patterns lies."""
        c = self._finder.candidates
        corner, right, below = corner_of(triple), right_of(triple), below_of(triple)
        right_modules, g = self._side(frame, corner, right, below)
        below_modules, h = self._side(frame, corner, below, right)
        # From finder pattern to finder pattern are 14 modules in version 1 and 4 more in each that follows.
        version = ((right_modules + below_modules) // 2 - 8 * 256) // 1024
        x, y = c[corner], c[corner + 1]
        return Plane(
            x, y, c[right] - x, c[right + 1] - y, c[below] - x, c[below + 1] - y, g, h, 0, c[corner + 4], version
        )  # fmt: skip

    def _bent(self, plane: Plane) -> Plane:
        """Return the plane as it lies if the lens is a barrel."""
        x, y = self._without_lens(plane.x, plane.y)
        rx, ry = self._without_lens(plane.x + plane.right_x, plane.y + plane.right_y)
        bx, by = self._without_lens(plane.x + plane.below_x, plane.y + plane.below_y)
        return Plane(x, y, rx - x, ry - y, bx - x, by - y, plane.g, plane.h, self._barrel, plane.colour, plane.version)

    def _without_lens(self, x16: int, y16: int) -> "tuple[int, int]":
        return without_lens(self.width, self.height, self._barrel, x16, y16)

    def _add_places(self, frame: "Frame", planes: "list[Plane]", places: "list[int]") -> None:
        """Add where a symbol may lie in the last of the planes, best first."""
        plane = planes[-1]
        first = len(places)
        for version in range(max(1, plane.version - 1), min(VERSION_MAX, plane.version + 1) + 1):
            if not self._can_afford(_WORK_TIMING):
                break
            errors = self._grid.timing_errors(frame, plane, version)
            # Version 1 has three modules a pattern to go by, which chance gets right too often.
            if errors < (_TIMING_ERRORS_MAX if version > 1 else 1):
                place = errors << _ERRORS_SHIFT | len(planes) - 1 << _PLANE_SHIFT | version
                at = len(places)
                places.append(place)
                while at > first and places[at - 1] > place:
                    places[at] = places[at - 1]
                    at -= 1
                places[at] = place

    def _read_place(self, frame: "Frame", planes: "list[Plane]", place: int, rounds: int) -> "str | None":
        plane, version = planes[place >> _PLANE_SHIFT & _PLANE_MASK], place & _VERSION_MASK
        for reach in _REACHES if version > 1 else (0,):
            text = self._read_version(frame, plane, version, reach, rounds)
            if text is not None:
                return text
        return None

    def _side(self, frame: "Frame", near: int, far: int, other: int) -> "tuple[int, int]":
        """Return how many modules lie between two finder patterns, in 256ths, and how much farther the far one is."""
        candidates, finder = self._finder.candidates, self._finder
        dx, dy = candidates[far] - candidates[near], candidates[far + 1] - candidates[near + 1]
        length = _root(dx * dx + dy * dy)
        dx, dy = 512 * dx // length, 512 * dy // length
        near_size, far_size = finder.centre(frame, near, dx, dy), finder.centre(frame, far, dx, dy)
        finder.centre(frame, other, dx, dy)
        if not near_size:
            near_size = far_size or 2 * candidates[near + 2]
        if not far_size:
            far_size = near_size
        # (near_size << 24) // far_size, in two steps: a number of 2**30 is allocated on the chip.
        whole, rest = (near_size << 12) // far_size, (near_size << 12) % far_size
        return 7 * 512 * length // _root(near_size * far_size), _root((whole << 12) + (rest << 12) // far_size) - _ONE

    def _read_version(self, frame: "Frame", plane: Plane, version: int, reach: int, rounds: int) -> "str | None":
        """Read the symbol in a plane, as its alignment pattern says if reach is not 0, fitting the mesh by rounds."""
        grid = self._grid
        laid: "Plane | None" = plane
        if reach:
            if not self._can_afford(_WORK_ALIGN * reach):
                return None
            laid = grid.align(frame, self._finder, plane, version, reach)
        modules = (17 + 4 * version) ** 2
        if not laid or not grid.lay(laid, version) or not self._can_afford(_WORK_LAY * modules // 1000):
            return None
        grid.sample(frame)
        for number in range(rounds):
            if number:
                if not self._can_afford(_WORK_FIT * modules // 1000):
                    return None
                grid.fit(frame)
            if rounds > _FEW_ROUNDS > number:
                # Those were tried before.
                continue
            for eighths in (0, _BLUR) if number else (0,):
                if not self._can_afford(_WORK_TELL * modules // 1000):
                    return None
                if grid.tell_apart(plane.colour, eighths) > _FINDER_ERRORS_MAX:
                    return None
                text = self._reader.read(grid.modules, version)
                self._work -= self._reader.work
                self._reader.work = 0
                if text is not None:
                    self.version = version
                    return text
        return None


def _root(value: int) -> int:
    """Return the whole part of the square root, or 1 for less."""
    if value <= 1:
        return 1
    root = 1
    while root * root < value:
        root <<= 1
    while True:
        better = (root + value // root) >> 1
        if better >= root:
            return root
        root = better
