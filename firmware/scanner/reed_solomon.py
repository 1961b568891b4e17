"""Reed-Solomon over GF(256) as QR codes use it: polynomial 0x11D, roots alpha^0 onwards (ISO/IEC 18004, 7.5)."""

import micropython


def _make_tables() -> bytes:
    """Return exponents (two periods, so that sums of logarithms need no remainder) and logarithms, in one buffer."""
    tables = bytearray(768)
    value = 1
    for power in range(255):
        tables[power] = tables[power + 255] = value
        tables[512 + value] = power
        value <<= 1
        if value & 0x100:
            value ^= 0x11D
    return bytes(tables)


TABLES = _make_tables()
WORKSPACE_BYTES = 5 * 64


@micropython.viper
def correct(
    tables: ptr8, value: int, work: ptr8, words: ptr8, start: int, size: int, check_size: int, errors_max: int
) -> int:
    """Correct words[start : start + size], whose last check_size are check words, in place.

    Return how many words were wrong, or -1 where more than errors_max are (the block is then as it was).
    The workspace is of WORKSPACE_BYTES; check_size is at most 30; `value` is 0.
    """
    syndromes = 0
    locator = 64
    previous = 128
    spare = 192
    evaluator = 256
    # Syndromes: the value at each root; all 0 for a block without errors.
    wrong = 0
    i = 0
    while i < check_size:
        value = 0
        at = start
        while at < start + size:
            if value:
                value = tables[tables[512 + value] + i] ^ words[at]
            else:
                value = words[at]
            at += 1
        work[syndromes + i] = value
        wrong |= value
        i += 1
    if wrong == 0:
        return 0
    # Berlekamp-Massey: the shortest recurrence that makes the syndromes.
    i = 0
    while i <= check_size:
        work[locator + i] = 0
        work[previous + i] = 0
        i += 1
    work[locator] = 1
    work[previous] = 1
    degree = 0
    shift = 1
    last = 1
    n = 0
    while n < check_size:
        gap = work[syndromes + n]
        i = 1
        while i <= degree:
            a = work[locator + i]
            b = work[syndromes + n - i]
            if a and b:
                gap ^= tables[tables[512 + a] + tables[512 + b]]
            i += 1
        if gap == 0:
            shift += 1
        else:
            # 255 + log(gap) - log(last) lies in 1 .. 509.
            ratio = tables[512 + tables[255 + tables[512 + gap] - tables[512 + last]]]
            longer = degree + degree <= n
            if longer:
                i = 0
                while i <= check_size:
                    work[spare + i] = work[locator + i]
                    i += 1
            i = 0
            while i + shift <= check_size:
                b = work[previous + i]
                if b:
                    work[locator + i + shift] ^= tables[ratio + tables[512 + b]]
                i += 1
            if longer:
                degree = n + 1 - degree
                i = 0
                while i <= check_size:
                    work[previous + i] = work[spare + i]
                    i += 1
                last = gap
                shift = 1
            else:
                shift += 1
        n += 1
    if degree > errors_max:
        return -1
    # Evaluator: syndromes times locator, the first `degree` terms.
    n = 0
    while n < degree:
        value = 0
        i = 0
        while i <= n:
            a = work[locator + i]
            b = work[syndromes + n - i]
            if a and b:
                value ^= tables[tables[512 + a] + tables[512 + b]]
            i += 1
        work[evaluator + n] = value
        n += 1
    # Chien search for the roots; positions and Forney's magnitudes go to `spare` until all are known.
    found = 0
    position = 0
    while position < size:
        inverse = 255 - position
        value = 0
        slope = 0
        power = 0
        i = 0
        while i <= degree:
            a = work[locator + i]
            if a:
                term = tables[tables[512 + a] + power]
                value ^= term
                if i & 1:
                    slope ^= term
            power += inverse
            if power >= 255:
                power -= 255
            i += 1
        if value == 0:
            if slope == 0 or found >= degree:
                return -1
            top = 0
            power = 0
            i = 0
            while i < degree:
                a = work[evaluator + i]
                if a:
                    top ^= tables[tables[512 + a] + power]
                power += inverse
                if power >= 255:
                    power -= 255
                i += 1
            if top == 0:
                return -1
            # Forney, for roots from alpha^0 on: evaluator(x) / (x locator'(x)), and `slope` is that divisor.
            magnitude = tables[255 + tables[512 + top] - tables[512 + slope]]
            work[spare + found + found] = size - 1 - position
            work[spare + found + found + 1] = magnitude
            found += 1
        position += 1
    if found != degree:
        return -1
    i = 0
    while i < found:
        words[start + work[spare + i + i]] ^= work[spare + i + i + 1]
        i += 1
    return found
