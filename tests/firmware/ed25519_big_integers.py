"""The scanner's verification (firmware/scanner/ed25519.py) with MicroPython's big integers instead of limbs.

The same tables, digits and formulas: what the limbs gain is what the two differ by. To compare with, not to use.
"""

from array import array

import ed25519
from edwards25519 import POINT_BYTES, P
from sha512 import Sha512

L = 2**252 + 27742317777372353535851937790883648493
_LOW = 2**255 - 1


def _points(table):
    """The points of a table: (y + x)/2, (y − x)/2 and d·x·y of each."""
    return [
        tuple([int.from_bytes(table[at + part : at + part + 32], "little") for part in (0, 32, 64)])
        for at in range(0, len(table), POINT_BYTES)
    ]


def _product(a, b):
    """a·b modulo P, below 2²⁵⁶, with 2²⁵⁵ taken for 19 twice over: less work than `%`."""
    c = a * b
    c = (c & _LOW) + 19 * (c >> 255)
    return (c & _LOW) + 19 * (c >> 255)


def _inverse(number):
    """1/number modulo P by Euclid's algorithm: a tenth of what `pow` takes."""
    a, b = P, number
    u, v = 0, 1
    while b:
        quotient, rest = divmod(a, b)
        a, b = b, rest
        u, v = v, u - quotient * v
    return u % P


class Verifier:
    def __init__(self, public_key, table):
        self._public_key = public_key
        self._base_points = _points(ed25519.TABLE)
        self._key_points = _points(table)
        self._hash = Sha512()

    def verify(self, signature, message):
        r = signature[:32]
        s = int.from_bytes(signature[32:], "little")
        digest = bytearray(64)
        self._hash.begin()
        for part in (r, self._public_key, message):
            self._hash.update(part)
        self._hash.digest_into(digest)
        h = int.from_bytes(digest, "little") % L
        return s < L and self._sum(s if s & 1 else s + L, h if h & 1 else h + L) == r

    def _sum(self, s, h):
        digits = array("H", bytes(128))
        ed25519._fill_digits(digits, 0, 0, ed25519._signs(s))
        ed25519._fill_digits(digits, 0, 2, ed25519._signs(h))
        x, y, z, t = 0, 1, 1, 0
        for place in range(64):
            if place % 4 == 0:
                a = _product(x, x)
                b = _product(y, y)
                h = a + b
                e = h - _product(x + y, x + y)
                g = a - b
                f = 2 * _product(z, z) + g
                x, y, z, t = _product(e, f), _product(g, h), _product(f, g), _product(e, h)
            digit = digits[place]
            plus, minus, product = (self._base_points if place % 4 < 2 else self._key_points)[digit >> 1]
            if digit & 1:
                plus, minus, product = minus, plus, -product
            a = _product(y - x, minus)
            b = _product(y + x, plus)
            c = _product(t, product)
            e, f, g, h = b - a, z - c, z + c, b + a
            x, y, z, t = _product(e, f), _product(g, h), _product(f, g), _product(e, h)
        inverse = _inverse(z % P)
        return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little")
