"""Ed25519 verification (RFC 8032 §5.1.7) for keys that are known ahead, with libsodium's rule of acceptance.

A signature is accepted when S < L, the key is canonical, on the curve and not of small order, R is not of small order,
and the bytes of S·B − h·A are those of R; h is SHA-512(R ‖ A ‖ M) modulo L. There is no cofactor. Nothing here is
secret, so nothing is constant in time.

S·B − h·A is a signed comb over two tables, one of B, that comes with the firmware, and one of −A, made once a key:
docs/decisions/device-arithmetic.md.
"""

from array import array

from base_table import TABLE
from ed25519_table import TableMaker
from edwards25519 import (
    ADDING,
    COLUMNS,
    COMB_POINTS,
    COMBS,
    DOUBLING,
    ELEMENTS,
    ONE,
    SCRATCH,
    TABLE_BYTES,
    ZERO,
    T,
    X,
    Y,
    Z,
    execute,
    has_small_order,
    new_pool,
)
from field25519 import ADD, CARRY, MUL, MULP, PAIRD, POINT, REPEAT, program, run
from field_element import INVERSION_BYTES, invert, pack
from sha512 import Sha512

import micropython
from micropython import const

KEY_BYTES = const(32)
SIGNATURE_BYTES = const(64)

_L = 2**252 + 27742317777372353535851937790883648493
_TOP_SIGN = 1 << 256
_IDENTITY = bytes([1]) + bytes(31)

_BASE = const(0)
_KEY = const(1)


def _adding(table: int) -> list[tuple[int, int, int, int]]:
    return [(POINT, 0, table, 0)] + ADDING[1:]


def _adding_last(table: int) -> list[tuple[int, int, int, int]]:
    """A point's T serves the next addition alone; where none follows, it is left out."""
    return [instruction for instruction in _adding(table) if instruction[1] != T]


def _before_doubling(adding: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """To minus the sum, since doubling turns the sign round: with −E for E."""
    return [(PAIRD, 10, 8, 7) if instruction[0] == PAIRD else instruction for instruction in adding]


def _comb(takes_one_away: bool) -> "array[int]":
    """The program that sums up the digits' points, highest column first."""
    set_first = [
        (POINT, 0, _BASE, 0),
        (MULP, 5, ONE, 0),
        (MULP, 6, ONE, 1),
        (PAIRD, Y, 5, 6),
        (CARRY, Y, 0, 0),
        (ADD, X, Z, ZERO),
        (ADD, Z, ONE, ZERO),
        (MUL, T, X, Y),
    ]
    others = _adding(_BASE) + _adding(_KEY)
    column = others + _before_doubling(_adding_last(_KEY)) + DOUBLING
    body = column + _adding(_BASE)
    last = others + (_adding(_KEY) if takes_one_away else []) + _adding_last(_KEY)
    return program(set_first + body + [(REPEAT, len(body), COLUMNS - 1, 0)] + last)


_COMBS = (_comb(True), _comb(False))
_AFFINE = program([(CARRY, SCRATCH, 0, 0), (MUL, 6, X, SCRATCH), (MUL, 7, Y, SCRATCH)])


@micropython.viper
def _starts_at_word(buffer: ptr8) -> bool:
    return int(buffer) & 3 == 0


def _in_words(table: bytes) -> bytes | bytearray:
    """The table, copied if it must be for an address that words can be read at: constants may lie anywhere in flash."""
    return table if _starts_at_word(table) else bytearray(table)


_BASE_TABLE = _in_words(TABLE)


class Verifier:
    """Verifies signatures under one key.

    public_key: 32 bytes; under a key that libsodium refuses every answer is False
    table: the answer of `make_table` for this key, believed as it is; without one it is made here
    Raises ValueError for a key or a table of another length. Holds 2.3 KB of buffers beside the table, and answers
    one call at a time.
    """

    def __init__(self, public_key: bytes, table: bytes | None = None) -> None:
        if len(public_key) != KEY_BYTES:
            raise ValueError("An Ed25519 public key is 32 bytes.")
        if table is None:
            try:
                table = make_table(public_key)
            except ValueError:
                pass
        elif len(table) != TABLE_BYTES:
            raise ValueError("A table is 24672 bytes; make it again from the key.")
        elif has_small_order(public_key):
            table = None
        self._public_key = bytes(public_key)
        self._table = None if table is None else _in_words(table)
        self._hash = Sha512()
        self._pool = new_pool(ELEMENTS)
        self._digits = array("H", bytes(130))
        self._digits[64] = 2 * COMBS * COMB_POINTS + 1  # the key's own point, taken away
        self._inversion = bytearray(INVERSION_BYTES)
        self._octets = bytearray(64)
        # As all honest keys have. Then an even challenge may become odd by L, which saves an addition.
        self._has_prime_order = False
        if table is not None:
            self._sum_up(0, _L)
            self._has_prime_order = self._encoded() == _IDENTITY

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is this key's over `message`. Raises ValueError for a signature that is not 64 bytes.

        Takes 1 KB of heap at most, all of it garbage afterwards.
        """
        if len(signature) != SIGNATURE_BYTES:
            raise ValueError("An Ed25519 signature is 64 bytes.")
        point = bytes(signature[:32])
        if self._table is None or has_small_order(point):
            return False
        scalar = int.from_bytes(signature[32:], "little")
        if scalar >= _L:
            return False
        challenge = self._challenge(point, message)
        if self._has_prime_order and not challenge & 1:
            challenge += _L
        self._sum_up(scalar, challenge)
        return self._encoded() == point

    def _challenge(self, point: bytes, message: bytes) -> int:
        self._hash.begin()
        self._hash.update(point)
        self._hash.update(self._public_key)
        self._hash.update(message)
        self._hash.digest_into(self._octets)
        return int.from_bytes(self._octets, "little") % _L

    def _sum_up(self, scalar: int, challenge: int) -> None:
        """Set the pool's point to scalar·B − challenge·A."""
        # The combs take odd numbers. L·B is nothing, so an even scalar becomes scalar + L. L·A may be a point of small
        # order: an even challenge is taken for the next odd one, and −A is taken away in the end.
        _fill_digits(self._digits, 0, 0, _signs(scalar if scalar & 1 else scalar + _L))
        _fill_digits(self._digits, 0, 2, _signs(challenge))
        pool = self._pool
        run(0, pool, pool, _COMBS[challenge & 1], self._digits, _BASE_TABLE, self._table)

    def _encoded(self) -> bytes:
        pool, octets = self._pool, self._octets
        invert(pool, SCRATCH, Z, self._inversion)
        execute(pool, _AFFINE)
        pack(pool, 6, octets, 0)
        sign = octets[0] << 7 & 128
        pack(pool, 7, octets, 0)
        octets[31] |= sign
        return bytes(octets[:32])


def make_table(public_key: bytes) -> bytes:
    """The table of a key, 24,672 bytes, always the same for a key.

    Raises ValueError for a key that libsodium refuses, and for one that is not 32 bytes.
    """
    if len(public_key) != KEY_BYTES:
        raise ValueError("An Ed25519 public key is 32 bytes.")
    return TableMaker().of_negated_key(public_key)


def _signs(number: int) -> bytes:
    """Of Σ d·2ⁱ with d = ±1 and i < 256, which an odd number is: bit i + 1 says whether d is +1, and the last d is."""
    return (number + _TOP_SIGN).to_bytes(34, "little")


@micropython.viper
def _fill_digits(digits: ptr16, digit: int, start: int, signs: ptr16):
    """Write the digits (field25519.run) of a table's two combs from place `start` on, the highest column first.

    A column's two digits, the first comb's and the second's, come every four places. The sign of 2ⁱ is bit i // 16 of
    the sixteen that the digits of column i % 16 have. A digit's highest bit stands for a point that is always added:
    where it is 0, all bits are turned round, and the sum is subtracted. `digit` is scratch: viper keeps its first two
    arguments, and nothing else, in registers.
    """
    digits = ptr16(int(digits) + 2 * start)
    column = 16  # and one less, but for the place of its signs
    while column:
        rows = ptr16(int(signs) + 2 * (column >> 4))
        bit = column & 15
        point = 0
        while point < 512:
            digit = rows[7] >> bit & 1
            digit = (rows[6] >> bit & 1) + digit + digit
            digit = (rows[5] >> bit & 1) + digit + digit
            digit = (rows[4] >> bit & 1) + digit + digit
            digit = (rows[3] >> bit & 1) + digit + digit
            digit = (rows[2] >> bit & 1) + digit + digit
            digit = (rows[1] >> bit & 1) + digit + digit
            digit = (rows[0] >> bit & 1) + digit + digit
            if digit >= 128:
                digits[0] = (digit - 128 << 1) + point
            else:
                digits[0] = (127 - digit << 1) + point + 1
            digits = ptr16(int(digits) + 2)
            rows = ptr16(int(rows) + 16)
            point += 256
        digits = ptr16(int(digits) + 4)
        column -= 1
