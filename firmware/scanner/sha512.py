"""SHA-512 (FIPS 180-4), which the boards' `hashlib` does not have, in halves of 32 bits.

Sums of 64-bit words are taken without watching for a carry at each step. Of the low halves x both s = Σx and
u = Σ(x >> 16) are kept; s − (u << 16) = Σ(x & 0xFFFF) is below 2²⁰ for the at most eight terms that occur, so it is
right even where s has wrapped at 32 bits, and with u it gives the carry. Where an int is wider than 32 bits nothing
wraps, and the answer is the same as long as every x is below 2³²: what a left shift put above is masked off.
"""

from array import array
from binascii import unhexlify

import micropython
from micropython import const

BLOCK_BYTES = const(128)

# The work buffer, in words: 20 values of the variable a (FIPS 180-4 §6.4.2), the last 16 and the four before; 20 of e;
# 16 of the schedule; and a mask, which a 32-bit viper has no literal for.
_E = const(40)
_SCHEDULE = const(80)
_MASK = const(112)
_WORK_WORDS = const(113)


def _words(text: str) -> "array[int]":
    octets = unhexlify(text.replace(" ", ""))
    return array("I", [int.from_bytes(octets[at : at + 4], "big") for at in range(0, len(octets), 4)])


# Of the square roots of the first 8 primes and the cube roots of the first 80 (FIPS 180-4 §5.3.5, §4.2.3) the first 64
# bits after the point; as words, the high half first.
_INITIAL = _words(
    "6a09e667f3bcc908 bb67ae8584caa73b 3c6ef372fe94f82b a54ff53a5f1d36f1 "
    "510e527fade682d1 9b05688c2b3e6c1f 1f83d9abfb41bd6b 5be0cd19137e2179"
)
_ROUNDS = _words(
    "428a2f98d728ae22 7137449123ef65cd b5c0fbcfec4d3b2f e9b5dba58189dbbc "
    "3956c25bf348b538 59f111f1b605d019 923f82a4af194f9b ab1c5ed5da6d8118 "
    "d807aa98a3030242 12835b0145706fbe 243185be4ee4b28c 550c7dc3d5ffb4e2 "
    "72be5d74f27b896f 80deb1fe3b1696b1 9bdc06a725c71235 c19bf174cf692694 "
    "e49b69c19ef14ad2 efbe4786384f25e3 0fc19dc68b8cd5b5 240ca1cc77ac9c65 "
    "2de92c6f592b0275 4a7484aa6ea6e483 5cb0a9dcbd41fbd4 76f988da831153b5 "
    "983e5152ee66dfab a831c66d2db43210 b00327c898fb213f bf597fc7beef0ee4 "
    "c6e00bf33da88fc2 d5a79147930aa725 06ca6351e003826f 142929670a0e6e70 "
    "27b70a8546d22ffc 2e1b21385c26c926 4d2c6dfc5ac42aed 53380d139d95b3df "
    "650a73548baf63de 766a0abb3c77b2a8 81c2c92e47edaee6 92722c851482353b "
    "a2bfe8a14cf10364 a81a664bbc423001 c24b8b70d0f89791 c76c51a30654be30 "
    "d192e819d6ef5218 d69906245565a910 f40e35855771202a 106aa07032bbd1b8 "
    "19a4c116b8d2d0c8 1e376c085141ab53 2748774cdf8eeb99 34b0bcb5e19b48a8 "
    "391c0cb3c5c95a63 4ed8aa4ae3418acb 5b9cca4f7763e373 682e6ff3d6b2b8a3 "
    "748f82ee5defb2fc 78a5636f43172f60 84c87814a1f0ab72 8cc702081a6439ec "
    "90befffa23631e28 a4506cebde82bde9 bef9a3f7b2c67915 c67178f2e372532b "
    "ca273eceea26619c d186b8c721c0c207 eada7dd6cde0eb1e f57d4f7fee6ed178 "
    "06f067aa72176fba 0a637dc5a2c898a6 113f9804bef90dae 1b710b35131c471b "
    "28db77f523047d84 32caab7b40c72493 3c9ebe0a15c9bebc 431d67c49c100d4c "
    "4cc5d4becb3e42b6 597f299cfc657e2a 5fcb6fab3ad6faec 6c44198c4a475817"
)


class Sha512:
    """A hash that is fed in parts. Its buffers (0.7 KB) are made once and serve for every message after `begin`."""

    def __init__(self) -> None:
        self._state = array("I", bytes(64))
        self._work = array("I", bytes(4 * _WORK_WORDS))
        self._work[_MASK] = 0xFFFFFFFF
        self._block = bytearray(BLOCK_BYTES)
        self.begin()

    def begin(self) -> None:
        _copy(self._state, _INITIAL, 0, 0, 64)
        self._length = 0

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take in the next part of the message."""
        position = 0
        filled = self._length % BLOCK_BYTES
        self._length += len(data)
        if filled + len(data) >= BLOCK_BYTES and filled:
            position = BLOCK_BYTES - filled
            _copy(self._block, data, filled, 0, position)
            self._compress(self._block, 0)
            filled = 0
        while len(data) - position >= BLOCK_BYTES:
            self._compress(data, position)
            position += BLOCK_BYTES
        _copy(self._block, data, filled, position, len(data) - position)

    def digest_into(self, target: bytearray) -> None:
        """Finish, and write the 64 bytes of the digest into `target`."""
        block = self._block
        filled = self._length % BLOCK_BYTES
        block[filled] = 0x80
        _clear(block, filled + 1, BLOCK_BYTES)
        if filled >= 112:
            self._compress(block, 0)
            _clear(block, 0, BLOCK_BYTES)
        bits = self._length * 8
        index = 127
        while bits:
            block[index] = bits & 0xFF
            bits >>= 8
            index -= 1
        self._compress(block, 0)
        _write_words(target, self._state)

    def _compress(self, data: bytes | bytearray | memoryview, start: int) -> None:
        _compress(0, 0, self._state, self._work, _ROUNDS, data, start)


@micropython.viper
def _copy(target: ptr8, source: ptr8, at: int, start: int, count: int):
    target = ptr8(int(target) + at)
    source = ptr8(int(source) + start)
    while count:
        target[0] = source[0]
        target = ptr8(int(target) + 1)
        source = ptr8(int(source) + 1)
        count -= 1


@micropython.viper
def _clear(target: ptr8, start: int, end: int):
    for index in range(start, end):
        target[index] = 0


@micropython.viper
def _write_words(target: ptr8, words: ptr32):
    for index in range(16):
        word = words[index]
        target[4 * index] = word >> 24
        target[4 * index + 1] = word >> 16
        target[4 * index + 2] = word >> 8
        target[4 * index + 3] = word


@micropython.viper
def _compress(x: uint, s: uint, state: ptr32, work: ptr32, constants: ptr32, data: ptr8, start: int):
    """Take in the block of 128 bytes at `start`.

    x, a term, and s are arguments because viper keeps its first two, and nothing else, in registers; they are 0.
    """
    mask = uint(work[_MASK])
    block = ptr8(int(data) + start)
    w = ptr32(int(work) + 4 * _SCHEDULE)
    end = int(w) + 128
    while int(w) < end:
        w[0] = block[0] << 24 | block[1] << 16 | block[2] << 8 | block[3]
        block = ptr8(int(block) + 4)
        w = ptr32(int(w) + 4)
    # The history runs from the oldest, d and h, to the youngest, a and e.
    for index in range(4):
        work[2 * index] = state[6 - 2 * index]
        work[2 * index + 1] = state[7 - 2 * index]
        work[_E + 2 * index] = state[14 - 2 * index]
        work[_E + 2 * index + 1] = state[15 - 2 * index]
    k = constants
    turn = 0
    while True:
        p = work
        w = ptr32(int(work) + 4 * _SCHEDULE)
        end = int(p) + 128
        while int(p) < end:
            # The low half of T1 = h + Σ1(e) + Ch(e, f, g) + K + W, as s and u.
            high = uint(p[46])
            low = uint(p[47])
            x = low >> 14
            x = high << 18 ^ x
            x = low >> 18 ^ x
            x = high << 14 ^ x
            x = high >> 9 ^ x
            x = (low << 23 ^ x) & mask
            s = x
            u = x >> 16
            x = uint(p[45])
            x = uint(p[43]) ^ x
            x = low & x
            x = uint(p[43]) ^ x
            s = x + s
            u = (x >> 16) + u
            x = uint(p[41])
            s = x + s
            u = (x >> 16) + u
            x = uint(k[1])
            s = x + s
            u = (x >> 16) + u
            x = uint(w[1])
            s = x + s
            u = (x >> 16) + u
            # Its high half, but for the carry.
            x = high >> 14
            x = low << 18 ^ x
            x = high >> 18 ^ x
            x = low << 14 ^ x
            x = low >> 9 ^ x
            x = high << 23 ^ x
            t = uint(p[40]) + x
            x = uint(p[44])
            x = uint(p[42]) ^ x
            x = high & x
            x = uint(p[42]) ^ x
            x = uint(k[0]) + x
            x = uint(w[0]) + x
            t = t + x
            # e = d + T1
            x = uint(p[1])
            low = s + x
            x = (x >> 16) + u
            p[49] = int(low)
            p[48] = int((x + (low - (x << 16) >> 16) >> 16) + t + uint(p[0]))
            # a = T1 + Σ0(a) + Maj(a, b, c)
            high = uint(p[6])
            low = uint(p[7])
            x = low >> 28
            x = high << 4 ^ x
            x = high >> 2 ^ x
            x = low << 30 ^ x
            x = high >> 7 ^ x
            x = (low << 25 ^ x) & mask
            s = x + s
            u = (x >> 16) + u
            x = uint(p[5])
            x = uint(p[3]) ^ x
            x = low & x
            x = uint(p[5]) & uint(p[3]) ^ x
            s = x + s
            u = (x >> 16) + u
            p[9] = int(s)
            x = high >> 28
            x = low << 4 ^ x
            x = low >> 2 ^ x
            x = high << 30 ^ x
            x = low >> 7 ^ x
            x = high << 25 ^ x
            t = t + x
            x = uint(p[4])
            x = uint(p[2]) ^ x
            x = high & x
            x = uint(p[4]) & uint(p[2]) ^ x
            p[8] = int((u + (s - (u << 16) >> 16) >> 16) + t + x)
            p = ptr32(int(p) + 8)
            w = ptr32(int(w) + 8)
            k = ptr32(int(k) + 8)
        for index in range(8):
            work[index] = p[index]
            work[_E + index] = p[_E + index]
        turn += 1
        if turn == 5:
            break
        # W[t] = σ1(W[t − 2]) + W[t − 7] + σ0(W[t − 15]) + W[t − 16], in a ring of 16.
        w = ptr32(int(work) + 4 * _SCHEDULE)
        for index in range(16):
            p = ptr32(int(w) + (index + 14 & 15) * 8)
            high = uint(p[0])
            low = uint(p[1])
            x = high >> 19
            x = low << 13 ^ x
            x = low >> 29 ^ x
            x = high << 3 ^ x
            t = high >> 6 ^ x
            x = low >> 19
            x = high << 13 ^ x
            x = high >> 29 ^ x
            x = low << 3 ^ x
            x = low >> 6 ^ x
            x = (high << 26 ^ x) & mask
            s = x
            u = x >> 16
            p = ptr32(int(w) + (index + 9 & 15) * 8)
            t = t + uint(p[0])
            x = uint(p[1])
            s = x + s
            u = (x >> 16) + u
            p = ptr32(int(w) + (index + 1 & 15) * 8)
            high = uint(p[0])
            low = uint(p[1])
            x = high >> 1
            x = low << 31 ^ x
            x = high >> 8 ^ x
            x = low << 24 ^ x
            x = high >> 7 ^ x
            t = t + x
            x = low >> 1
            x = high << 31 ^ x
            x = low >> 8 ^ x
            x = high << 24 ^ x
            x = low >> 7 ^ x
            x = (high << 25 ^ x) & mask
            s = x + s
            u = (x >> 16) + u
            p = ptr32(int(w) + index * 8)
            x = uint(p[1])
            s = x + s
            u = (x >> 16) + u
            p[1] = int(s)
            p[0] = int((u + (s - (u << 16) >> 16) >> 16) + t + uint(p[0]))
    # Add a, b, c, d and e, f, g, h to the state.
    for index in range(8):
        p = ptr32(int(state) + 8 * index)
        w = ptr32(int(work) + 8 * (3 - (index & 3)))
        if index >= 4:
            w = ptr32(int(w) + 4 * _E)
        x = uint(p[1])
        s = uint(w[1])
        u = (s >> 16) + (x >> 16)
        s = s + x
        p[1] = int(s)
        p[0] = int((u + (s - (u << 16) >> 16) >> 16) + uint(p[0]) + uint(w[0]))
