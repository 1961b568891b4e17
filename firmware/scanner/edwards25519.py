"""Points of the curve of Ed25519 as programs for field25519: what verification and the making of tables share."""

from array import array

from field25519 import ADD, ELEMENT_BYTES, MUL, MULK, MULP, PAIR, PAIRD, PAIRP, POINT, REPEAT, SQR, program, run

from micropython import const

P = 2**255 - 19
D = 37095705934669439343138083508754565189542113879843219016388785533085940283555
_ORDER_EIGHT_Y = 55188659117513257062467267217118295137698188065244968500265048394206261417927
# The y of the points of order 1, 2, 4 and 8, which are 1, −1, 0 and the two with d·y⁴ + 2·y² = 1; and p and p + 1, the
# second way to write 0 and 1.
_SMALL_ORDER = [y.to_bytes(32, "little") for y in (0, 1, P - 1, P, P + 1, _ORDER_EIGHT_Y, P - _ORDER_EIGHT_Y)]
_SMALL_ORDER_FIRST = bytes([encoded[0] for encoded in _SMALL_ORDER])

# A table: two combs of eight teeth; after those of a key the point itself. A point is (y + x)/2, (y − x)/2 and d·x·y,
# 32 bytes each.
POINT_BYTES = const(96)
COMB_POINTS = const(128)
COMBS = const(2)
TEETH = const(8)
COLUMNS = const(16)
TABLE_BYTES = const(24672)

# The pool: an element for field25519 itself, the point that is worked on in extended coordinates (RFC 8032 §5.1.4), and
# room for the programs.
X = const(1)
Y = const(2)
Z = const(3)
T = const(4)
SCRATCH = const(5)
ONE = const(13)
ZERO = const(14)
ELEMENTS = const(15)


def new_pool(elements: int) -> bytearray:
    """A pool of at least ELEMENTS elements, all 0 but ONE."""
    pool = bytearray(ELEMENT_BYTES * elements)
    pool[ELEMENT_BYTES * ONE] = 1
    return pool


def execute(pool: bytearray, code: "array[int]") -> None:
    """Carry out a program that has no POINT."""
    run(0, pool, pool, code, pool, pool, pool)


# To −2 times the point (RFC 8032 §5.1.4): E is −2·X·Y, and 2·X·Y takes no difference. The reduced ones of E, F, G, H
# are E and G: each product has one of them.
DOUBLING = [
    (ADD, 5, X, X),
    (MUL, 6, 5, Y),  # −E
    (SQR, 7, X, 0),  # A
    (SQR, 8, Y, 0),  # B
    (PAIRD, 10, 7, 8),  # H, G
    (SQR, 5, Z, 0),
    (ADD, 8, 5, 5),  # C
    (ADD, 9, 8, 11),  # F
    (MUL, X, 9, 6),
    (MULK, T, 10, 0),
    (MUL, Y, 10, 11),
    (MULK, Z, 9, 0),
]


# The next digit's point, of the tables' points, is added (RFC 8032 §5.1.4, everything halved); the digit's sign decides
# which of y + x and y − x is which, and whether G is Z + C or Z − C.
ADDING = [
    (POINT, 0, 0, 0),
    (PAIR, 5, Y, X),
    (MULP, 7, 5, 0),  # B
    (MULP, 8, 6, 1),  # A
    (MULP, 9, T, 2),  # C
    (PAIRD, 10, 7, 8),  # H, E
    (PAIRP, 5, Z, 9),  # G, F
    (MUL, X, 6, 11),
    (MULK, T, 10, 0),
    (MUL, Y, 10, 5),
    (MULK, Z, 6, 0),
]


def has_small_order(encoded: bytes) -> bool:
    """Whether 32 bytes are a point of small order, by y alone and canonical or not, as libsodium decides it."""
    if encoded[0] not in _SMALL_ORDER_FIRST:
        return False
    return encoded[:31] + bytes((encoded[31] & 127,)) in _SMALL_ORDER


def squared(pool: bytearray, element: int, times: int, one: int, other: int) -> int:
    """Square an element `times` > 2 over, between two others in turn; return which of these holds the result."""
    code = [(SQR, one, element, 0), (SQR, other, one, 0), (SQR, one, other, 0), (REPEAT, 2, (times - 1) // 2, 0)]
    if times % 2 == 0:
        code.append((SQR, other, one, 0))
    execute(pool, program(code))
    return one if times % 2 else other


def power_250(pool: bytearray, target: int, base: int, work: int) -> None:
    """target = base^(2²⁵⁰ − 1), with four elements from `work` on."""
    a, b, c, d = range(work, work + 4)
    execute(
        pool,
        program(
            [
                (SQR, a, base, 0),
                (SQR, b, a, 0),
                (SQR, c, b, 0),
                (MUL, b, c, base),  # 9
                (MUL, c, a, b),  # 11
                (SQR, a, c, 0),
                (MUL, c, a, b),  # 31
            ]
        ),
    )

    def extend(shorter: int, times: int, longer: int, result: int) -> None:
        """From base^(2ᵐ − 1) and base^(2ⁿ − 1), with n `times`, to base^(2ᵐ⁺ⁿ − 1)."""
        execute(pool, program([(MUL, result, squared(pool, longer, times, a, b), shorter)]))

    extend(c, 5, c, d)  # 10
    extend(d, 10, d, c)  # 20
    extend(c, 20, c, target)  # 40
    extend(d, 10, target, c)  # 50: both d and `target` will do; ten squarings are fewer
    extend(c, 50, c, d)  # 100
    extend(d, 100, d, target)  # 200
    extend(c, 50, target, d)  # 250
    execute(pool, program([(ADD, target, d, ZERO)]))
