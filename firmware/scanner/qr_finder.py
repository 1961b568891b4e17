"""Where symbols may be: local thresholds, finder patterns and triples of them (ISO/IEC 18004, 12 a to c).

Positions are in pixels from the middle of the first one: sixteenths where a name ends in 16.
"""

from array import array

import micropython
from micropython import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

if TYPE_CHECKING:
    Frame = bytes | bytearray | memoryview

# A candidate is five 32-bit numbers: x16, y16, size16 (seven modules), hits, colour (1 dark on light, 0 light on dark).
CANDIDATE_WORDS = const(5)
_CANDIDATES_MAX = const(32)
# A candidate's number in five bits, and three of them in a triple.
_NUMBER_BITS = const(5)
_NUMBER_MASK = const(31)
_TRIPLE_MASK = const(0x7FFF)

# Grey levels between the darkest and the lightest pixel below which a block holds no edge, and the most that is put
# down to grain, in steps of four.
_CONTRAST_MIN = const(10)
_GRAIN_MAX = const(10)
_BLOCK = const(8)
_ROW_STEP = const(4)
# Among this many candidates triples are looked for, and this many triples are worth a look.
_CORNERS_MAX = const(10)
_TRIPLES_MAX = const(8)
# How unlike the sides of a square may look, and how far from square its corners: 128ths, as tilt makes them.
_SKEW_MAX = const(80)
# Instructions: a block measured, a pixel scanned, a run of one colour, a step in confirming a hit, and a sixth of a
# triple looked at.
_BLOCK_WORK = const(620)
_PIXEL_WORK = const(16)
_RUN_WORK = const(80)
_STEP_WORK = const(80)
_TRIPLE_WORK = const(3500)
# How many hits a band has is told in so many bits, and above them how many runs.
_RUNS_SHIFT = const(12)
# What confirming the hits of a search may take, in steps from pixel to pixel: three times what an ordinary frame does,
# and not all that ill will can make.
_WALK_MAX = const(15000)


class Finder:
    """Finds finder patterns in frames of one size, and what grey level parts dark from light there.

    `work` counts what was done, in thousands of instructions; who counts sets it to 0.
    `thresholds` has a level for each block of 8 x 8 pixels, 0 where all around is flat; `lows` and `highs` have the
    darkest and the lightest of each.
    """

    def __init__(self, width: int, height: int) -> None:
        columns, rows = width // _BLOCK, height // _BLOCK
        self.width = width
        self.height = height
        self.lows = bytearray(columns * rows)
        self.highs = bytearray(columns * rows)
        self.thresholds = bytearray(columns * rows)
        self.candidates = array("I", bytes(4 * CANDIDATE_WORDS * _CANDIDATES_MAX))
        self.count = 0
        self.work = 0
        self._middles = array("H", bytes(2 * (columns + 2) * (rows + 2)))
        # A hit takes three numbers. Its middle run is longer than those beside it, so no two in a row are side by side.
        self._hits = array("H", bytes(2 * 3 * (_BLOCK // _ROW_STEP) * (width // 2)))
        self._edges = array("I", bytes(28))

    def measure(self, frame: "Frame", contrast: int) -> None:
        """Set the thresholds, and forget the candidates. Blocks that vary less than contrast / 4 grains are flat.

        Adds to `work`.
        """
        columns, rows = self.width // _BLOCK, self.height // _BLOCK
        _measure_blocks(frame, 0, self.width, self.height, self.lows, self.highs)
        grain = _grain(self.lows, self.highs, columns * rows, self._middles)
        contrast_min = max(_CONTRAST_MIN, contrast * grain // 4)
        _set_thresholds(self.lows, 0, self.highs, columns, rows, contrast_min, self._middles, self.thresholds)
        self.count = 0
        self.work += columns * rows * _BLOCK_WORK // 1000

    def search(self, frame: "Frame", first_row: int, strict: bool) -> int:
        """Look for finder patterns in every fourth row; return how many candidates are new. Adds to `work`."""
        width, height, hits = self.width, self.height, self._hits
        before = self.count
        walk = _WALK_MAX
        runs = 0
        for y in range(first_row, height, _BLOCK):
            found = _scan_band(frame, 0, width, y, self.lows, self.highs, self.thresholds, hits)
            runs += found >> _RUNS_SHIFT
            found &= (1 << _RUNS_SHIFT) - 1
            if found:
                self._edges[0] = walk
                self.count = _confirm(
                    frame, 0, width, height, self.thresholds, hits, found, self._edges, self.candidates, self.count,
                    strict,
                )  # fmt: skip
                walk = self._edges[0]
        self.work += (width * height // 4 * _PIXEL_WORK + runs * _RUN_WORK + (_WALK_MAX - walk) * _STEP_WORK) // 1000
        return self.count - before

    def is_promising(self) -> bool:
        """Whether two candidates at least were hit more than once."""
        hits = [self.candidates[at + 3] for at in range(0, CANDIDATE_WORDS * self.count, CANDIDATE_WORDS)]
        return len([1 for count in hits if count > 1]) > 1

    def triples(self) -> "list[int]":
        """Return what may be the three finder patterns of a symbol, the most plausible first; see `corner_of`.

        Adds to `work`.
        """
        c = self.candidates
        # Grain makes small ones, hit once.
        order: "list[int]" = []
        for number in range(self.count):
            at = CANDIDATE_WORDS * number
            order.append(number - (c[at + 2] * c[at + 3] << _NUMBER_BITS))
        order.sort()
        count = min(len(order), _CORNERS_MAX)
        for i in range(count):
            order[i] = CANDIDATE_WORDS * (order[i] & _NUMBER_MASK)
        self.work += count**3 * _TRIPLE_WORK // 1000
        found: "list[int]" = []
        for i in range(count):
            first = order[i]
            for j in range(i + 1, count):
                second = order[j]
                if c[first + 4] != c[second + 4] or not _alike(c[first + 2], c[second + 2]):
                    continue
                for k in range(j + 1, count):
                    third = order[k]
                    if c[first + 4] == c[third + 4] and _alike(c[first + 2], c[third + 2]):
                        _add_triples(found, c, first, second, third)
        found.sort()
        while len(found) > _TRIPLES_MAX:
            found.pop()
        for i in range(len(found)):
            found[i] &= _TRIPLE_MASK
        return found

    def centre(self, frame: "Frame", at: int, dx: int, dy: int) -> int:
        """Move a candidate to the middle of its pattern along a vector of half a pixel, in 1/1024 pixel.

        Return the length of its seven modules along there in 1/32 pixel, or 0 where there is no 1:1:3:1:1.
        """
        c, edges = self.candidates, self._edges
        limit = c[at + 2] // 4 + 8
        size = _cross_section(
            frame, 0, self.width, self.height, self.thresholds, c[at], c[at + 1], dx, dy, limit, edges
        )
        if size:
            off = edges[6] - (1 << 16)
            c[at] += off * dx >> 10
            c[at + 1] += off * dy >> 10
        return size


def corner_of(triple: int) -> int:
    """Return where the candidate of the corner starts in `Finder.candidates`."""
    return CANDIDATE_WORDS * (triple >> 2 * _NUMBER_BITS)


def right_of(triple: int) -> int:
    """Return where that on the right, as on the screen, starts."""
    return CANDIDATE_WORDS * (triple >> _NUMBER_BITS & _NUMBER_MASK)


def below_of(triple: int) -> int:
    """Return where that below starts."""
    return CANDIDATE_WORDS * (triple & _NUMBER_MASK)


def _alike(size: int, other: int) -> bool:
    return size <= 2 * other and other <= 2 * size


def _add_triples(found: "list[int]", c: "array[int]", first: int, second: int, third: int) -> None:
    """Add the triples that three candidates make: more than one where tilt leaves open which is the corner.

    A triple is one small number, so that nothing is allocated: penalty, then corner, right and below by 5 bits each.
    """
    a, b = _square_distance(c, second, third), _square_distance(c, first, third)
    d = _square_distance(c, first, second)
    small = min(c[first + 2], c[second + 2], c[third + 2])
    large = max(c[first + 2], c[second + 2], c[third + 2])
    # Sides of 9 to 70 modules: the size of a turned pattern is taken up to 1.4 times too large.
    size2 = (small + large) * (small + large)
    if 2 * size2 > a + b + d or a + b + d > 100 * size2:
        return
    penalty = 128 * (large - small) // large
    if c[first + 3] < 2 or c[second + 3] < 2 or c[third + 3] < 2:
        penalty += 64
    # First, second and third are to turn clockwise on the screen.
    x, y = c[first], c[first + 1]
    if (c[second] - x) * (c[third + 1] - y) < (c[second + 1] - y) * (c[third] - x):
        second, third = third, second
        b, d = d, b
    for _ in range(3):
        part = (b + d >> 7) + 1
        skew, bend = abs(b - d) // part, abs(b + d - a) // part
        if skew <= _SKEW_MAX and bend <= _SKEW_MAX:
            corner, right, below = first // CANDIDATE_WORDS, second // CANDIDATE_WORDS, third // CANDIDATE_WORDS
            number = (corner << _NUMBER_BITS | right) << _NUMBER_BITS | below
            found.append(penalty + skew + bend << 3 * _NUMBER_BITS | number)
        first, second, third = second, third, first
        a, b, d = b, d, a


def _square_distance(c: "array[int]", a: int, b: int) -> int:
    x, y = c[a] - c[b], c[a + 1] - c[b + 1]
    return x * x + y * y


@micropython.viper
def _measure_blocks(frame: ptr8, at: int, width: int, height: int, lows: ptr8, highs: ptr8):
    """Write the darkest and lightest of twelve pixels of each block of 8 x 8. `at` is 0."""
    block = 0
    corner = 0
    skip = 3 * width - 8
    while corner < width * height:
        row_end = corner + width
        while corner < row_end:
            low = 255
            high = 0
            at = corner
            end = corner + 9 * width
            while at < end:
                i = 2
                while i:
                    v = frame[at]
                    u = frame[at + 2]
                    if v < u:
                        if v < low:
                            low = v
                        if u > high:
                            high = u
                    else:
                        if u < low:
                            low = u
                        if v > high:
                            high = v
                    at += 4
                    i -= 1
                at += skip
            lows[block] = low
            highs[block] = high
            block += 1
            corner += 8
        corner += 7 * width


@micropython.viper
def _grain(lows: ptr8, highs: ptr8, blocks: int, histogram: ptr16) -> int:
    """Return by how many grey levels, in steps of four, the flattest tenth of the blocks vary at least."""
    i = 0
    while i < 64:
        histogram[i] = 0
        i += 1
    i = 0
    while i < blocks:
        step = (highs[i] - lows[i]) >> 2
        histogram[step] = histogram[step] + 1
        i += 1
    flat = 0
    step = 0
    while step < _GRAIN_MAX and flat * 10 < blocks:
        flat += histogram[step]
        step += 1
    return 4 * step


@micropython.viper
def _set_thresholds(
    lows: ptr8, i: int, highs: ptr8, columns: int, rows: int, contrast_min: int, middles: ptr16, thresholds: ptr8
):
    """Write each block's threshold: the mean of the middles of the 3 x 3 blocks around it that are not flat. `i` is 0.

    `middles` holds a row and a column more on each side: a middle, and 4096 to count it. Nine of them stay in 16 bits.
    """
    across = columns + 2
    i = across * (rows + 2)
    while i:
        i -= 1
        middles[i] = 0
    block = 0
    row = 0
    while row < rows:
        i = (row + 1) * across + 1
        end = i + columns
        while i < end:
            low = lows[block]
            high = highs[block]
            if high - low >= contrast_min:
                middles[i] = 4096 | ((low + high + 1) >> 1)
            block += 1
            i += 1
        row += 1
    block = 0
    row = 0
    while row < rows:
        i = row * across
        end = i + columns
        # The sums of three columns of three; the oldest gives way to the next.
        older = 0
        old = middles[i] + middles[i + across] + middles[i + 2 * across]
        i += 1
        new = middles[i] + middles[i + across] + middles[i + 2 * across]
        while i <= end:
            older = old
            old = new
            i += 1
            new = middles[i] + middles[i + across] + middles[i + 2 * across]
            total = older + old + new
            thresholds[block] = (total & 4095) // (total >> 12) if total else 0
            block += 1
        row += 1


@micropython.viper
def _scan_band(frame: ptr8, at: int, width: int, y: int, lows: ptr8, highs: ptr8, thresholds: ptr8, hits: ptr16) -> int:
    """Find 1:1:3:1:1 in two rows, y and the fourth after it; return how many hits were written, and
    above _RUNS_SHIFT bits how many runs of one colour there were.

    A hit is x and y of its middle, and twice its length, plus 1 where it is dark on light. `at` is 0.
    """
    count = 0
    runs = 0
    blocks = (y >> 3) * (width >> 3)
    end_y = (y | (_BLOCK - 1)) + 1
    while y < end_y:
        at = y * width
        row_end = at + width
        block = blocks
        start = at
        dark = 0
        r0 = 0
        r1 = 0
        r2 = 0
        r3 = 0
        while at < row_end:
            t = thresholds[block]
            # A block of one colour goes by at once.
            if (highs[block] < t) if dark else (lows[block] >= t):
                block += 1
                at += 8
                continue
            block += 1
            end = at + 8
            while at < end:
                if dark:
                    while at < end and frame[at] < t:
                        at += 1
                else:
                    while at < end and frame[at] >= t:
                        at += 1
                if at == end:
                    break
                runs += 1
                r4 = at - start
                start = at
                if r2 > r1 and r2 > r3:
                    # The middle run is three of the four around it; a pixel more or less for each edge.
                    four = r0 + r1 + r3 + r4
                    twice = r2 + r2
                    if twice >= four - 1 and twice <= four + four + 3:
                        low = four >> 3
                        high = ((3 * four) >> 3) + 1
                        if r0 >= low and r1 >= low and r3 >= low and r4 >= low:
                            if r0 <= high and r1 <= high and r3 <= high and r4 <= high and r0:
                                hits[count] = at - row_end + width - r4 - r3 - ((r2 + 1) >> 1)
                                hits[count + 1] = y
                                hits[count + 2] = ((four + r2) << 1) | dark
                                count += 3
                dark = 1 - dark
                r0 = r1
                r1 = r2
                r2 = r3
                r3 = r4
        y += _ROW_STEP
    return count // 3 | runs << _RUNS_SHIFT


@micropython.viper
def _confirm(
    frame: ptr8,
    steps: int,
    width: int,
    height: int,
    thresholds: ptr8,
    hits: ptr16,
    hit_count: int,
    edges: ptr32,
    candidates: ptr32,
    count: int,
    strict: int,
) -> int:
    """Check hits across, along and slantwise; put new finder patterns with the candidates; return how many there are.

    Three lines of the four have to be right: if strict, the upright one, the level one and a diagonal.

    `steps` is 0. edges[0] is how much work may be done, in steps from pixel to pixel, and then how much is left.
    """
    walk = edges[0]
    columns = width >> 3
    hit = 0
    hit_end = hit_count * 3
    while hit < hit_end and walk > 0:
        x = hits[hit]
        y = hits[hit + 1]
        colour = hits[hit + 2] & 1
        length = hits[hit + 2] >> 1
        hit += 3
        # A row through a known pattern is one more hit of it.
        known = 0
        c = 0
        walk -= 2 + (count >> 1)
        while c < count * 5:
            reach = candidates[c + 2] >> 2
            gap = candidates[c] - (x << 4)
            if gap < reach and gap > 0 - reach:
                gap = candidates[c + 1] - (y << 4)
                if gap < reach + 16 and gap > 0 - reach - 16 and candidates[c + 4] == colour:
                    candidates[c + 3] += 1
                    known = 1
                    break
            c += 5
        if known:
            continue
        limit = length + (length >> 1) + 2
        x16 = x << 4
        y16 = y << 4
        size_y = 0
        size_x = 0
        good = 0
        # Four lines: down, right, and both diagonals. Each is walked both ways from the middle.
        line = 0
        while line < 4:
            dx = 1 if line else 0
            dy = 0 if line == 1 else (-1 if line == 3 else 1)
            side = 0
            while side < 6:
                px = x
                py = y
                before = frame[py * width + px] - thresholds[(py >> 3) * columns + (px >> 3)]
                dark = 1 if before < 0 else 0
                found = 0
                if dark == colour:
                    steps = 0
                    # The middle is a module and a half each way.
                    until = (limit >> 1) + 1
                    while steps < until:
                        steps += 1
                        px += dx
                        py += dy
                        if px < 0 or py < 0 or px >= width or py >= height:
                            break
                        now = frame[py * width + px] - thresholds[(py >> 3) * columns + (px >> 3)]
                        if (now >= 0) if dark else (now < 0):
                            # Where the line between the two grey levels crosses the threshold.
                            edges[side + found] = ((steps - 1) << 4) + (before << 4) // (before - now)
                            found += 1
                            if found == 3:
                                break
                            until = limit
                            dark = 1 - dark
                        before = now
                walk -= steps + 4
                if found < 3:
                    break
                dx = 0 - dx
                dy = 0 - dy
                side += 3
            size = 0
            if side == 6:
                size = edges[2] + edges[5]
                # A run may be off by 60 % of a module and two thirds of a pixel.
                slack = size * 6 // 70 + 10
                low = size // 7 - slack
                high = size // 7 + slack
                r = edges[0] + edges[3]
                if r > 3 * high - slack or r < 3 * low + slack:
                    size = 0
                r = edges[1] - edges[0]
                if r < low or r > high:
                    size = 0
                r = edges[2] - edges[1]
                if r < low or r > high:
                    size = 0
                r = edges[4] - edges[3]
                if r < low or r > high:
                    size = 0
                r = edges[5] - edges[4]
                if r < low or r > high:
                    size = 0
            middle = (edges[0] - edges[3] + edges[2] - edges[5]) >> 2
            if size:
                good += 1
            elif line < 2 and strict:
                break
            if line == 0:
                size_y = size
                if size:
                    y16 += middle
                    y = (y16 + 8) >> 4
            elif line == 1:
                size_x = size
                if size:
                    x16 += middle
                    x = (x16 + 8) >> 4
                if size_x + size_y == 0:
                    break
            else:
                # Where a scratch hides one middle, the diagonals tell it.
                if size_y == 0:
                    y16 += middle if line == 2 else 0 - middle
                if size_x == 0:
                    x16 += middle
                if good == 3:
                    break
            line += 1
        if size_x == 0:
            size_x = size_y
        if size_y == 0:
            size_y = size_x
        if good == 3 and 2 * size_x <= 5 * size_y and 2 * size_y <= 5 * size_x:
            size = (size_x + size_y) >> 1
            c = count * 5
            if count < _CANDIDATES_MAX:
                count += 1
            else:
                # Full: the smallest of those hit once makes room, being grain most likely.
                c = -1
                smallest = size
                walk -= 2 * count
                px = 0
                while px < count * 5:
                    if candidates[px + 3] < 2 and candidates[px + 2] < smallest:
                        smallest = candidates[px + 2]
                        c = px
                    px += 5
                if c < 0:
                    continue
            candidates[c] = x16
            candidates[c + 1] = y16
            candidates[c + 2] = size
            candidates[c + 3] = 1
            candidates[c + 4] = colour
    edges[0] = walk if walk > 0 else 0
    return count


@micropython.viper
def _cross_section(
    frame: ptr8,
    at: int,
    width: int,
    height: int,
    thresholds: ptr8,
    x16: int,
    y16: int,
    dx: int,
    dy: int,
    limit: int,
    edges: ptr32,
) -> int:
    """Measure the finder pattern at (x16, y16) along (dx, dy), a vector of half a pixel in 1/1024 pixel.

    Return the length of its seven modules in 1/32 pixel, or 0 where 1:1:3:1:1 is not there within limit half pixels
    a side. edges[6] is then how far its middle lies along, in 1/32 pixel, plus 2^16.
    """
    columns = width >> 3
    x_max = (width - 2) << 10
    y_max = (height - 2) << 10
    side = 0
    while side < 6:
        x = x16 << 6
        y = y16 << 6
        found = 0
        before = 0
        dark = -1
        steps = 0
        while found < 3:
            if x < 0 or y < 0 or x > x_max or y > y_max or steps > limit:
                return 0
            at = (y >> 10) * width + (x >> 10)
            fx = (x >> 6) & 15
            fy = (y >> 6) & 15
            now = (
                (frame[at] * (16 - fx) + frame[at + 1] * fx) * (16 - fy)
                + (frame[at + width] * (16 - fx) + frame[at + width + 1] * fx) * fy
            ) - (thresholds[(y >> 13) * columns + (x >> 13)] << 8)
            now_dark = 1 if now < 0 else 0
            if dark < 0:
                dark = now_dark
            elif now_dark != dark:
                span = now - before if dark else before - now
                part = 0 - before if dark else before
                edges[side + found] = ((steps - 1) << 4) + (part << 4) // span
                found += 1
                dark = now_dark
            before = now
            x += dx
            y += dy
            steps += 1
        side += 3
        dx = 0 - dx
        dy = 0 - dy
    # Each of the five runs within 60 % of a module and two thirds of a pixel.
    size = edges[2] + edges[5]
    slack = size * 6 // 70 + 20
    low = size // 7 - slack
    high = size // 7 + slack
    side = 0
    while side < 6:
        r = edges[side + 1] - edges[side]
        if r < low or r > high:
            return 0
        r = edges[side + 2] - edges[side + 1]
        if r < low or r > high:
            return 0
        side += 3
    edges[6] = (1 << 16) + ((edges[0] - edges[3] + edges[2] - edges[5]) >> 2)
    return size
