"""Single elements of a pool (field25519): in and out of their 32 bytes, and inverted."""

import micropython
from micropython import const

INVERSION_BYTES = const(168)


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
    pack(pool, element, work, 136)
    _invert(0, 0, pool, target, work)


@micropython.viper
def _invert(f: int, g: int, pool: ptr32, target: int, work: ptr16):
    """target = 1/z for the number z in the last 32 bytes of `work`; f and g are 0, and arguments to be in registers.

    Bernstein and Yang's division steps ("Fast constant-time gcd computation and modular inversion", 2019), with δ from
    1/2 on and without the constant time. Fifteen steps are found from the lowest limbs and then done to all limbs at
    once. f, g, d and e are 17 limbs of 15 bits in `work`, f and g in turn, then d and e in turn; what a number has
    above them is a signed int of its own. All the time d·z = f and e·z = g modulo p.

    Bounds: |u| + |v| ≤ 2¹⁵ and |q| + |r| ≤ 2¹⁵, so the sum for a limb stays below 2³⁰ + 2¹⁶ + 19·2¹⁴. d and e grow by
    at most p/2 a round, and there are at most 44: 64·p makes d positive.
    """
    limbs = ptr16(int(work))
    octets = ptr8(int(work) + 136)
    mask = 32767
    bits = 0
    held = 0
    left = 0
    for _ in range(17):
        while bits < 15:
            held = octets[0] << bits | held
            octets = ptr8(int(octets) + 1)
            bits += 8
        limbs[0] = 32767  # f = p
        limbs[1] = held & mask  # g = z
        left = left | limbs[1]
        limbs[34] = 0  # d
        limbs[35] = 0
        limbs = ptr16(int(limbs) + 4)
        held = held >> 15
        bits -= 15
    work[0] = 32749
    work[35] = 1  # e
    work[68] = 0  # read as if d went on
    f_top = 0
    g_top = 0
    d_top = 0
    e_top = 0
    zeta = -1  # −(δ + 1/2)
    groups = 4  # of four limbs, that f and g have beside the lowest
    rounds = 44  # 40 until g is 0, and 4 until nothing but ±1 is left of f; fewer as a rule, and none for 0
    if left == 0:
        rounds = 0
    while rounds:
        u = 1
        v = 0
        q = 0
        r = 1
        f = work[0]
        g = work[1]
        steps = 15
        while steps:
            steps -= 1
            zeta -= 1
            if g & 1:
                if zeta < -1:
                    zeta = -3 - zeta
                    held = g
                    g = g - f
                    f = held
                    held = q
                    q = q - u
                    u = held
                    held = r
                    r = r - v
                    v = held
                else:
                    g = f + g
                    q = q + u
                    r = r + v
            g = g >> 1
            u = u << 1
            v = v << 1
        limbs = ptr16(int(work))
        half = 0
        while half < 2:
            f = limbs[0] * u
            f = limbs[1] * v + f
            g = limbs[0] * q
            g = limbs[1] * r + g
            m = 0
            n = 0
            if half:
                # −19·m makes the lowest limb vanish; m·p is m·2²⁵⁵ − 19·m. 19·18971 = 1 modulo 2¹⁵.
                m = (f & mask) * 18971 & mask
                n = (g & mask) * 18971 & mask
                if m > 16384:
                    m -= 32768
                if n > 16384:
                    n -= 32768
                f = f - 19 * m
                g = g - 19 * n
            f = f >> 15
            g = g >> 15
            steps = 4
            if half == 0:
                steps = groups
            while steps:
                steps -= 1
                f = limbs[2] * u + f
                f = limbs[3] * v + f
                g = limbs[2] * q + g
                g = limbs[3] * r + g
                limbs[0] = f & mask
                limbs[1] = g & mask
                f = f >> 15
                g = g >> 15
                f = limbs[4] * u + f
                f = limbs[5] * v + f
                g = limbs[4] * q + g
                g = limbs[5] * r + g
                limbs[2] = f & mask
                limbs[3] = g & mask
                f = f >> 15
                g = g >> 15
                f = limbs[6] * u + f
                f = limbs[7] * v + f
                g = limbs[6] * q + g
                g = limbs[7] * r + g
                limbs[4] = f & mask
                limbs[5] = g & mask
                f = f >> 15
                g = g >> 15
                f = limbs[8] * u + f
                f = limbs[9] * v + f
                g = limbs[8] * q + g
                g = limbs[9] * r + g
                limbs[6] = f & mask
                limbs[7] = g & mask
                f = f >> 15
                g = g >> 15
                limbs = ptr16(int(limbs) + 16)
            if half:
                f = u * d_top + f + v * e_top + m
                g = q * d_top + g + r * e_top + n
                d_top = f >> 15
                e_top = g >> 15
            else:
                f = u * f_top + f + v * g_top
                g = q * f_top + g + r * g_top
                f_top = f >> 15
                g_top = g >> 15
            limbs[0] = f & mask
            limbs[1] = g & mask
            limbs = ptr16(int(work) + 68)
            half += 1
        # Four highest limbs that only repeat the sign are left off.
        limbs = ptr16(int(work) + 16 * groups)
        f = f_top & mask
        g = g_top & mask
        left = (limbs[0] ^ f) | (limbs[1] ^ g)
        if groups and left == 0:
            left = (limbs[-2] ^ f) | (limbs[-1] ^ g) | (limbs[-4] ^ f) | (limbs[-3] ^ g)
            left = (limbs[-6] ^ f) | (limbs[-5] ^ g) | left
            if left == 0:
                groups -= 1
        rounds -= 1
        if groups == 0 and (work[1] | g_top) == 0:
            rounds = 0
    # f is 1 or −1, and d or −d the inverse; 64·p is added.
    sign = 1
    if f_top < 0:
        sign = -1
    out = ptr32(int(pool) + 80 * target)
    limbs = ptr16(int(work) + 68)
    f = 15168 + 19 * sign * d_top
    bits = 0
    held = 0
    for _ in range(20):
        if bits < 13:
            held = limbs[0] << bits | held
            limbs = ptr16(int(limbs) + 4)
            bits += 15
        out[0] = f + sign * (held & 8191)
        f = 16382
        out = ptr32(int(out) + 4)
        held = held >> 13
        bits -= 13
