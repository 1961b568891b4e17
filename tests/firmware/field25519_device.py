"""Runs on every interpreter: the field arithmetic against big integers, with limbs as large as they may be.

The argument is a seed for the elements between the extremes. Prints ok.
"""

import sys

from field25519 import ADD, CARRY, ELEMENT_BYTES, MUL, MULK, MULP, PAIR, PAIRD, PAIRP, POINT, REPEAT, SQR, program, run
from field_element import INVERSION_BYTES, invert, pack, unpack

P = 2**255 - 19
LIMBS = 20
REDUCED = 8199
ELEMENTS = 16
# 64·p, limb by limb: what keeps a difference from being negative.
BIAS = [15168] + [16382] * 19


class Generator:
    """Numbers that are the same everywhere (xorshift; MicroPython's random differs)."""

    def __init__(self, seed):
        self._state = seed

    def below(self, bound):
        state = self._state
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        self._state = state
        return state % bound


generator = Generator(int(sys.argv[1]))
pool = bytearray(ELEMENT_BYTES * ELEMENTS)


def put(element, limbs):
    for index, limb in enumerate(limbs):
        at = ELEMENT_BYTES * element + 4 * index
        pool[at : at + 4] = limb.to_bytes(4, "little")


def limbs_of(element):
    start = ELEMENT_BYTES * element
    return [int.from_bytes(pool[at : at + 4], "little") for at in range(start, start + ELEMENT_BYTES, 4)]


def value(limbs):
    return sum([limb << 13 * index for index, limb in enumerate(limbs)])


def extremes(bound):
    """Limbs up to a bound: all, none, the lower half, the upper half, every second, one, and some by chance."""
    yield [bound] * LIMBS
    yield [0] * LIMBS
    yield [bound] * 10 + [0] * 10
    yield [0] * 10 + [bound] * 10
    yield [bound, 0] * 10
    yield [0, bound] * 10
    yield [0] * 19 + [bound]
    yield [bound] + [0] * 19
    for _ in range(4):
        yield [generator.below(bound + 1) for _ in range(LIMBS)]
        yield [bound if generator.below(4) else 0 for _ in range(LIMBS)]


def execute(*instructions, digits=pool, points=pool):
    run(0, pool, pool, program(list(instructions)), digits, points, points)


def assert_reduced(element, expected):
    limbs = limbs_of(element)
    assert max(limbs) <= REDUCED, limbs
    assert value(limbs) % P == expected % P


def check_products():
    for x_bound, y_bound in ((3, 1), (1, 3)):
        for x in extremes(x_bound * REDUCED):
            for y in extremes(y_bound * REDUCED):
                put(1, x)
                put(2, y)
                execute((MUL, 3, 1, 2), (MULK, 4, 2, 0) if x_bound == y_bound else (MULK, 4, 1, 0))
                assert_reduced(3, value(x) * value(y))
                assert limbs_of(4) == limbs_of(3)
    for x in extremes(REDUCED):
        put(1, x)
        execute((SQR, 2, 1, 0))
        assert_reduced(2, value(x) ** 2)


def check_products_with_points():
    """Each part of a point, for either sign: subtracting swaps the first two parts."""
    points = bytearray(96 * 3)
    parts = [P - 1, 2**255 - 20 - generator.below(1 << 30), (1 << 254) // 7]
    for number, part in enumerate(parts):
        points[192 + 32 * number : 224 + 32 * number] = part.to_bytes(32, "little")
    for x in extremes(3 * REDUCED):
        put(1, x)
        for minus in (0, 1):
            digits = bytes([2 * 2 + minus, 0])
            execute((POINT, 0, 0, 0), (MULP, 2, 1, 0), (MULP, 3, 1, 1), (MULP, 4, 1, 2), digits=digits, points=points)
            assert_reduced(2, value(x) * parts[minus])
            assert_reduced(3, value(x) * parts[1 - minus])
            assert_reduced(4, value(x) * parts[2])


def check_sums():
    for x in extremes(2 * REDUCED):
        for y in extremes(REDUCED):
            put(1, x)
            put(2, y)
            execute((ADD, 3, 1, 2), (PAIR, 4, 1, 2), (PAIRD, 6, 1, 2), (PAIRP, 8, 1, 2))
            total = [x[index] + y[index] for index in range(LIMBS)]
            difference = [x[index] - y[index] + BIAS[index] for index in range(LIMBS)]
            assert min(difference) >= 0
            assert (limbs_of(3), limbs_of(4), limbs_of(5)) == (total, total, difference)
            assert limbs_of(6) == total
            assert_reduced(7, value(x) - value(y))
            assert_reduced(8, value(x) + value(y))
            assert limbs_of(9) == difference
    for x in extremes(5 * REDUCED):
        put(1, x)
        execute((CARRY, 1, 0, 0))
        assert_reduced(1, value(x))


def check_pairs_of_subtracted_points():
    for x in extremes(REDUCED):
        for y in extremes(REDUCED):
            put(1, x)
            put(2, y)
            execute((POINT, 0, 0, 0), (PAIRP, 3, 1, 2), digits=b"\x01\x00", points=bytes(96))
            assert_reduced(3, value(x) - value(y))
            assert limbs_of(4) == [x[index] + y[index] for index in range(LIMBS)]


def check_repetition():
    put(1, [3] + [0] * 19)
    execute((SQR, 2, 1, 0), (SQR, 1, 2, 0), (REPEAT, 2, 5, 0), (SQR, 2, 1, 0), (SQR, 1, 2, 0), (REPEAT, 2, 2, 0))
    assert_reduced(1, pow(3, 2**14, P))


def check_bytes():
    """An element may stand for a number from 0 to 2²⁶⁰: all that can go wrong is about multiples of p and of 2²⁵⁵."""
    octets = bytearray(40)
    numbers = [factor * P + offset for factor in range(33) for offset in (-1, 0, 1, 18, 19, 20)]
    numbers += [(1 << 255) * factor + offset for factor in (1, 2, 31) for offset in (-20, -19, -1, 0, 1, 19)]
    for number in [number for number in numbers if 0 <= number < 1 << 260]:
        put(1, [number >> 13 * index & 8191 for index in range(LIMBS)])
        pack(pool, 1, octets, 3)
        assert int.from_bytes(octets[3:35], "little") == number % P, number
    for limbs in extremes(REDUCED):
        put(1, limbs)
        pack(pool, 1, octets, 3)
        assert int.from_bytes(octets[3:35], "little") == value(limbs) % P
    for number in (0, 1, P - 1, P, (1 << 255) - 1, (1 << 256) - 1, generator.below(1 << 30) << 220):
        octets[5:37] = number.to_bytes(32, "little")
        unpack(pool, 1, octets, 5)
        assert value(limbs_of(1)) == number % (1 << 255)
        assert max(limbs_of(1)) < 8192


def check_inverses():
    work = bytearray(INVERSION_BYTES)
    numbers = [1, 2, 3, 19, P - 1, P - 2, P - 19, (P + 1) // 2, 1 << 254, (1 << 255) - 20, 2**128 - 1, P // 3]
    # Powers of two, and numbers next to them, take the longest and the shortest ways.
    numbers += [(1 << bits) + offset for bits in range(1, 254, 7) for offset in (-1, 0, 1)]
    # In Euclid's algorithm on these the head of one remainder is that of the other, or does not decide a step.
    numbers += [P - (1 << bits) for bits in (15, 100, 224, 225, 226, 240, 250)]
    for bits in range(1, 124, 6):
        denominator = (1 << bits) + generator.below(1 << min(bits, 30))
        numerator = denominator // 3 + generator.below(1 << max(bits - 2, 0) if bits < 30 else 1 << 28)
        for quotient in (13, 14, 15, 16, 17, 45):
            numbers.append(P * numerator // denominator + P // (denominator * denominator << quotient))
    for _ in range(40):
        number = 0
        for _ in range(9):
            number = number << 30 | generator.below(1 << 30)
        numbers.append(number % P)
    for number in numbers:
        unpack(pool, 1, number.to_bytes(32, "little"), 0)
        invert(pool, 2, 1, work)
        assert max(limbs_of(2)) <= 5 * REDUCED
        execute((CARRY, 2, 0, 0), (MUL, 3, 1, 2))
        assert_reduced(3, 1)
    unpack(pool, 1, bytes(32), 0)
    invert(pool, 2, 1, work)
    assert value(limbs_of(2)) % P == 0


check_products()
check_products_with_points()
check_sums()
check_pairs_of_subtracted_points()
check_repetition()
check_bytes()
check_inverses()
print("ok")
