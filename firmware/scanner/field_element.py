"""Single elements of a pool (field25519): in and out of their 32 bytes, and inverted."""

import micropython
from micropython import const

INVERSION_BYTES = const(160)


@micropython.viper
def unpack(pool: ptr32, element: int, source: ptr8, start: int):
    """Read the low 255 bits of 32 little-endian bytes into an element."""
    limbs = ptr32(int(pool) + 80 * element)
    bits = 0
    held = 0
    for index in range(32):
        held = source[start + index] << bits | held
        bits += 8
        if bits >= 13:
            limbs[0] = held & 8191
            limbs = ptr32(int(limbs) + 4)
            held = held >> 13
            bits -= 13
    limbs[0] = held & 255


@micropython.viper
def pack(pool: ptr32, element: int, target: ptr8, start: int):
    """Write the one number below p that a reduced element stands for as 32 little-endian bytes."""
    # Viper keeps its first two arguments, and nothing else, in registers: a carry and the limbs from here on.
    limbs = int(pool) + 80 * element
    pool = ptr32(limbs)
    out = ptr8(int(target) + start)
    # 2²⁵⁵ is p + 19, so as many times p go into the number as 2²⁵⁵ does, or once more: if the rest and 19 for each of
    # these times and one more reach 2²⁵⁵.
    high = pool[19] >> 8
    element = 19 * high + 19
    left = 19
    while left:
        element = (pool[0] + element) >> 13
        pool = ptr32(int(pool) + 4)
        left -= 1
    element = (((pool[0] & 255) + element >> 8) + high) * 19
    pool = ptr32(limbs)
    held = 0
    bits = 0
    left = 32
    while left:
        if bits < 8:
            element = pool[0] + element
            held = (element & 8191) << bits | held
            element = element >> 13
            pool = ptr32(int(pool) + 4)
            bits += 13
        out[0] = held
        out = ptr8(int(out) + 1)
        held = held >> 8
        bits -= 8
        left -= 1
    out = ptr8(int(out) - 1)
    out[0] = out[0] & 127


def invert(pool: bytearray, target: int, element: int, work: bytearray) -> None:
    """target = 1/element, with limbs up to 5·8199, for CARRY; the inverse of 0 is 0. `work` is INVERSION_BYTES."""
    pack(pool, element, work, 128)
    _invert(0, 0, pool, target, work)


@micropython.viper
def _invert(f: int, g: int, pool: ptr32, target: int, work: ptr16):
    """target = 1/z for the number z in the last 32 bytes of `work`; f and g are 0, and arguments to be in registers.

    Euclid's algorithm as Lehmer does it: from the highest 30 bits of two remainders follow as many steps as these bits
    decide; then they are done at once, on all limbs. f, g, d and e are 20 limbs of 15 bits each in `work`. All the time
    f > g ≥ 0, d·z = −side·f and e·z = side·g modulo p, and d·g + e·f = p: so d and e fit beside where g has its highest
    limb.

    A step that leaves a rest is decided by Jebelean's condition. The bits left out change the rest by less than y, and
    what it lacks to the divisor by less than y + r: where neither is smaller, the quotient is right. y·g + r·rest is
    the f that was begun with, below 2³⁰, so the factors are below 2¹⁵ and the sum for a limb below 2³¹.
    """
    mask = 32767
    limbs = work
    octets = ptr8(int(work) + 128)
    bits = 0
    held = 0
    left = 17
    while left:
        while bits < 15 and int(octets) < int(work) + 160:
            held = octets[0] << bits | held
            octets = ptr8(int(octets) + 1)
            bits += 8
        limbs[0] = mask  # f = p
        limbs[20] = held & mask  # g = z
        limbs = ptr16(int(limbs) + 2)
        held = held >> 15
        bits -= 15
        left -= 1
    work[0] = 32749
    for index in range(17, 20):
        work[index] = 0
        work[index + 20] = 0
    for index in range(40, 80):
        work[index] = 0
    work[60] = 1  # e
    side = 1
    n = 16  # the highest limb of f that is not 0
    m = 16  # and of g
    while m and work[20 + m] == 0:
        m -= 1
    while work[20 + m]:
        limbs = ptr16(int(work) + 2 * n)
        if n > 1:
            f = limbs[0] << 15 | limbs[-1]
            g = limbs[20] << 15 | limbs[19]
            bits = 15
            while f < 536870912:
                f = f + f
                g = g + g
                bits -= 1
            f = limbs[-2] >> bits | f
            g = limbs[18] >> bits | g
        else:
            f = work[1] << 15 | work[0]
            g = work[21] << 15 | work[20]
        u = 1
        v = 0
        q = 0
        r = 1
        turn = 1
        while g:
            f = f - g
            x = u + q
            y = v + r
            while f >= g:
                part = g
                i = q
                j = r
                while f - part >= part:
                    part = part + part
                    i = i + i
                    j = j + j
                f = f - part
                x = x + i
                y = y + j
            if n > 1:
                if f < y or g - f < y + r:
                    break
            elif y > mask:
                break
            u = q
            v = r
            q = x
            r = y
            x = f
            f = g
            g = x
            turn = 0 - turn
        if v == 0:
            # No step: instead g·k·2¹⁵ʲ, an eighth of f or more, is taken away, and the two swapped if f is less then.
            j = n - m
            f = work[n]
            g = work[20 + m]
            if m:
                g = g + 1
            if j and f < g:
                j -= 1
                f = f << 15
            k = 0
            while f >= g:
                part = g
                i = 1
                while f - part >= part:
                    part = part + part
                    i = i + i
                f = f - part
                k = k + i
            if k == 0:
                k = 1
            limbs = work
            for _ in range(2):
                k = 0 - k
                f = 0
                left = 17 - j
                while left:
                    f = limbs[20] * k + f
                    g = int(limbs) + 2 * j
                    f = ptr16(g)[0] + f
                    ptr16(g)[0] = f & mask
                    f = f >> 15
                    limbs = ptr16(int(limbs) + 2)
                    left -= 1
                limbs = ptr16(int(work) + 80)
            i = n
            while i and work[i] == work[20 + i]:
                i -= 1
            if work[i] < work[20 + i]:
                u = 0
                v = 1
                q = 1
                r = 0
                turn = -1
        side = side * turn
        limbs = work
        left = (n >> 2) + 1
        for half in range(2):
            # f and g are differences, d and e sums.
            u = u * turn
            r = r * turn
            turn = 0 - turn
            v = v * turn
            q = q * turn
            turn = 0 - turn
            f = 0
            g = 0
            while left:
                left -= 1
                f = limbs[0] * u + f
                f = limbs[20] * v + f
                g = limbs[0] * q + g
                g = limbs[20] * r + g
                limbs[0] = f & mask
                limbs[20] = g & mask
                f = f >> 15
                g = g >> 15
                f = limbs[1] * u + f
                f = limbs[21] * v + f
                g = limbs[1] * q + g
                g = limbs[21] * r + g
                limbs[1] = f & mask
                limbs[21] = g & mask
                f = f >> 15
                g = g >> 15
                f = limbs[2] * u + f
                f = limbs[22] * v + f
                g = limbs[2] * q + g
                g = limbs[22] * r + g
                limbs[2] = f & mask
                limbs[22] = g & mask
                f = f >> 15
                g = g >> 15
                f = limbs[3] * u + f
                f = limbs[23] * v + f
                g = limbs[3] * q + g
                g = limbs[23] * r + g
                limbs[3] = f & mask
                limbs[23] = g & mask
                f = f >> 15
                g = g >> 15
                limbs = ptr16(int(limbs) + 8)
            if half == 0:
                while work[n] == 0:
                    n -= 1
                m = n
                while m and work[20 + m] == 0:
                    m -= 1
                limbs = ptr16(int(work) + 80)
                left = 20 - m >> 2
    # f is 1, and d or −d the inverse; 64·p is added.
    side = 0 - side
    out = ptr32(int(pool) + 80 * target)
    limbs = ptr16(int(work) + 80)
    f = 15168
    bits = 0
    held = 0
    for _ in range(20):
        if bits < 13:
            held = limbs[0] << bits | held
            limbs = ptr16(int(limbs) + 2)
            bits += 15
        out[0] = f + side * (held & 8191)
        f = 16382
        out = ptr32(int(out) + 4)
        held = held >> 13
        bits -= 13
