"""Tables for Ed25519 verification, made from a public key."""

from array import array

from edwards25519 import (
    ADDING,
    COLUMNS,
    COMB_POINTS,
    COMBS,
    DOUBLING,
    ONE,
    POINT_BYTES,
    TABLE_BYTES,
    TEETH,
    ZERO,
    D,
    P,
    T,
    X,
    Y,
    Z,
    execute,
    has_small_order,
    new_pool,
    power_250,
)
from field25519 import ADD, CARRY, MUL, PAIRD, REPEAT, SQR, program, run
from field_element import INVERSION_BYTES, invert, pack, unpack

from micropython import const

_SQRT_M1 = 19681161376707505956807079304988542015446066515923890162744021073123829784752

# The pool goes on with constants, the last tooth, and a batch of points that share one inversion, with the products of
# their z.
_D = const(15)
_4D = const(16)
_HALF = const(17)
_ROOT = const(18)
_LAST_TOOTH = const(19)
_BATCH = const(23)
_PRODUCTS = const(71)
_POOL_ELEMENTS = const(87)
_BATCH_POINTS = const(16)

# An even number of doublings leaves the sign as it was.
_DOUBLE = program(DOUBLING)
_DOUBLE_ALL_BUT_ONCE = program(DOUBLING + [(REPEAT, len(DOUBLING), COLUMNS - 1, 0)])
_KEEP = program([(ADD, _LAST_TOOTH + index, X + index, ZERO) for index in range(4)])
_RESTORE = program([(ADD, X + index, _LAST_TOOTH + index, ZERO) for index in range(4)])
_ADD_TOOTH = program(ADDING)
# Half the inverse, in 11, makes every coordinate half, as a packed point has them.
_HALVE = program([(CARRY, 10, 0, 0), (MUL, 11, 10, _HALF)])


class TableMaker:
    """Makes tables. Holds 12 KB of buffers and programs beside the table."""

    def __init__(self) -> None:
        self._pool = new_pool(_POOL_ELEMENTS)
        self._inversion = bytearray(INVERSION_BYTES)
        self._waiting: list[int] = []
        self._takers = [_taker(position) for position in range(_BATCH_POINTS)]
        self._givers = [_giver(position) for position in range(_BATCH_POINTS)]
        # The teeth but the last, then their doubles with the sign turned round, packed.
        self._teeth = bytearray(POINT_BYTES * 2 * (TEETH - 1))
        self._digit = array("H", [0])
        for element, value in ((_D, D), (_4D, 4 * D % P), (_HALF, (P + 1) // 2), (_ROOT, _SQRT_M1)):
            unpack(self._pool, element, value.to_bytes(32, "little"), 0)

    def of_negated_key(self, public_key: bytes) -> bytes:
        """The table of −A; ValueError for a key that is not canonical, of small order, or not a point of the curve."""
        if int.from_bytes(public_key, "little") & ((1 << 255) - 1) >= P:
            raise ValueError("The public key is not canonical.")
        if has_small_order(public_key):
            raise ValueError("The public key has small order.")
        self._set_negated(public_key)
        return self._of_point()

    def _of_point(self) -> bytes:
        """The table of the point that is set."""
        table = bytearray(TABLE_BYTES)
        self._take(COMBS * COMB_POINTS)
        self._give(table)
        for comb in range(COMBS):
            if comb:
                execute(self._pool, _RESTORE)
                execute(self._pool, _DOUBLE_ALL_BUT_ONCE)
                execute(self._pool, _DOUBLE)
            self._set_teeth()
            execute(self._pool, _KEEP)
            self._walk(table, comb * COMB_POINTS)
        return bytes(table)

    def _set_negated(self, encoded: bytes) -> None:
        """Set the point −A (RFC 8032 §5.1.3, the sign turned round)."""
        pool = self._pool
        u, v, v_cubed, root, work = range(_BATCH, _BATCH + 5)

        def do(*instructions: tuple[int, int, int, int]) -> None:
            execute(pool, program(list(instructions)))

        unpack(pool, Y, encoded, 0)
        do(
            (SQR, 5, Y, 0),
            (PAIRD, 6, 5, ONE),
            (ADD, u, 7, ZERO),
            (MUL, 6, 5, _D),
            (ADD, v, 6, ONE),
            (CARRY, v, 0, 0),
            (SQR, 6, v, 0),
            (MUL, v_cubed, 6, v),
            (SQR, 5, v_cubed, 0),
            (MUL, 6, 5, v),
            (MUL, 5, 6, u),
        )
        # x = u·v³·(u·v⁷)^((p − 5)/8), and (p − 5)/8 is 4·(2²⁵⁰ − 1) + 1
        power_250(pool, root, 5, work)
        do(
            (SQR, 6, root, 0),
            (SQR, 7, 6, 0),
            (MUL, 6, 7, 5),
            (MUL, 7, 6, v_cubed),
            (MUL, X, 7, u),
            (SQR, 6, X, 0),
            (MUL, 7, 6, v),
            (PAIRD, 8, ZERO, u),
        )
        square = self._packed(7)
        if square == self._packed(9):  # −u
            do((MUL, 6, X, _ROOT), (ADD, X, 6, ZERO))
        elif square != self._packed(u):
            raise ValueError("The public key is not a point of the curve.")
        if self._packed(X)[0] & 1 == encoded[31] >> 7:
            do((PAIRD, 6, ZERO, X), (ADD, X, 7, ZERO))
        do((ADD, Z, ONE, ZERO), (MUL, T, X, Y))

    def _packed(self, element: int) -> bytearray:
        octets = bytearray(32)
        pack(self._pool, element, octets, 0)
        return octets

    def _set_teeth(self) -> None:
        """From the first tooth of a comb to its last, packing the others and their doubles on the way."""
        for tooth in range(TEETH - 1):
            self._take(tooth)
            execute(self._pool, _DOUBLE)
            self._take(TEETH - 1 + tooth)
            execute(self._pool, _DOUBLE_ALL_BUT_ONCE)
        self._give(self._teeth)

    def _walk(self, table: bytearray, first: int) -> None:
        """Go through all sums of the last tooth and the others, plus or minus, one sign at a time (Gray code).

        A bit of an index says that its tooth is added.
        """
        for tooth in range(TEETH - 1):
            self._add(tooth, 1)
        index = 0
        self._take(first)
        for step in range(1, COMB_POINTS):
            tooth = 0
            while not step >> tooth & 1:
                tooth += 1
            index ^= 1 << tooth
            self._add(TEETH - 1 + tooth, index >> tooth & 1)
            self._take(first + index)
            if len(self._waiting) == _BATCH_POINTS:
                self._give(table)

    def _add(self, number: int, subtract: int) -> None:
        self._digit[0] = 2 * number + subtract
        run(0, self._pool, self._pool, _ADD_TOOTH, self._digit, self._teeth, self._teeth)

    def _take(self, index: int) -> None:
        """Put the point that is set into the batch, for a table's place `index`."""
        execute(self._pool, self._takers[len(self._waiting)])
        self._waiting.append(index)

    def _give(self, table: bytearray) -> None:
        """Write the points of the batch into a table, with one inversion for all of them."""
        pool, waiting = self._pool, self._waiting
        invert(pool, 10, _PRODUCTS + len(waiting) - 1, self._inversion)
        execute(pool, _HALVE)
        while waiting:
            at = waiting.pop() * POINT_BYTES
            execute(pool, self._givers[len(waiting)])
            pack(pool, 7, table, at)
            pack(pool, 8, table, at + 32)
            pack(pool, 5, table, at + 64)


def _taker(position: int) -> "array[int]":
    """The program that puts a point into the batch, and the product of the z so far."""
    own = _BATCH + 3 * position
    product = _PRODUCTS + position
    last = (MUL, product, product - 1, Z) if position else (ADD, product, Z, ZERO)
    return program([(ADD, own, X, ZERO), (ADD, own + 1, Y, ZERO), (ADD, own + 2, Z, ZERO), last])


def _giver(position: int) -> "array[int]":
    """The program that makes an entry's parts in 7, 8 and 5; 11 goes on to half the inverse of the product before."""
    own = _BATCH + 3 * position
    if position:
        split = [(MUL, 10, 11, _PRODUCTS + position - 1), (MUL, 9, 11, own + 2), (ADD, 11, 9, ZERO)]
    else:
        split = [(ADD, 10, 11, ZERO)]
    halves = [(MUL, 5, own, 10), (MUL, 6, own + 1, 10)]
    return program(split + halves + [(PAIRD, 7, 6, 5), (CARRY, 7, 0, 0), (MUL, 9, 5, 6), (MUL, 5, 9, _4D)])
