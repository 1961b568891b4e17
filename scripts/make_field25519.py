"""Write firmware/scanner/field25519.py, where a product of field elements is unrolled to its last step.

Run it after a change here; tests/firmware/test_field25519.py compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "firmware" / "scanner" / "field25519.py"

LIMBS = 20
HALF = LIMBS // 2
LIMB_BITS = 13
WORD_BITS = 32
FOLD = 19 << LIMBS * LIMB_BITS - 255
# 64·p in limbs none of which a reduced limb exceeds.
BIAS = [2 * 8192 - 2 * FOLD] + [2 * 8191] * (LIMBS - 1)

HEAD = '''\
"""Arithmetic modulo p = 2²⁵⁵ − 19: programs over a pool of field elements. Written by scripts/make_field25519.py.

An element is 20 limbs of 13 bits, least significant first, each in 32 bits of the pool: 80 bytes. `run` carries out a
program: instructions (operation, target, x, y), the last three numbers of elements where nothing else is said. Element
0 is scratch. One viper function holds everything, because a call costs as much as half a product.

Bounds. Write m for 8199. An element without a limb above m is *reduced*; the targets of products, SQR and CARRY are.
- ADD and the pairs take reduced x and y, or x up to 2·m. A sum of reduced ones has limbs up to 2·m, a difference up to
  16382 + m < 3·m: 64·p is added to it, as limbs of 15168 and 16382, so that none is negative.
- CARRY takes limbs up to 5·m: what leaves the top is at most 5, its 608-fold and 8191 are below 2·8192, so limb 1 grows
  by at most one.
- Products take x ≤ 3·m with y ≤ m, or x ≤ m with y ≤ 3·m; SQR takes x ≤ m. A column then sums up to 20·3·m² =
  4 033 416 060; with the fold, 608·8191, and a carry below 2¹⁹ it is below 2³² = 4 294 967 296. So it fits an unsigned
  word, and the shift that takes the carry is unsigned. What leaves the top limb is below 2¹⁹; its 608-fold and 8191 are
  below 2²⁹, so limb 1 gets less than 2¹⁶ and limb 2 at most 8.
- A product is made of three of half the length (Karatsuba). The partial sums on the way to a column may be negative or
  longer than 32 bits; where an int has 32 bits they are right modulo 2³², and so is the column, which fits.
"""

from array import array

import micropython
from micropython import const

ELEMENT_BYTES = const(80)

MUL = const(1)  # target = x·y; the target is not x
MULP = const(2)  # target = x·part y of the point; the target is not x
MULK = const(3)  # target = x·the y of the product before; the target is not x
PAIR = const(4)  # target = x + y, target + 1 = x − y; neither is x or y
PAIRD = const(5)  # PAIR, then CARRY of the difference
PAIRP = const(6)  # PAIR, the targets swapped where the point is to be subtracted, then CARRY of `target`
CARRY = const(7)  # target, reduced
SQR = const(8)  # target = x²; the target is not x
ADD = const(9)  # target = x + y
POINT = const(10)  # the next digit's point, of the table x: 0 base_points, 1 key_points
REPEAT = const(11)  # go back by `target` instructions, until they have been carried out x times
END = const(12)


def program(instructions: list[tuple[int, int, int, int]]) -> "array[int]":
    """Lay out instructions for `run`: numbers of elements, of parts and of instructions become bytes."""
    code = array("H")
    for operation, target, x, y in instructions + [(END, 0, 0, 0)]:
        code.append(operation)
        code.append(8 * target if operation == REPEAT else 80 * target)
        code.append(x if operation >= POINT else 80 * x)
        code.append(32 * y if operation == MULP else 80 * y)
    return code


@micropython.viper
def run(acc: int, a: ptr32, pool: ptr32, code: ptr16, digits: ptr16, base_points: ptr32, key_points: ptr32):
    """Carry out a program over `pool`.

    Points are 96 bytes, three packed elements of 32 that begin at multiples of four in memory: (y + x)/2, (y − x)/2 and
    d·x·y. A digit is twice the number of a point in its table, and one more where the point is subtracted.
    The first two arguments are scratch, 0 and the pool again: viper keeps these two, and no others, in registers.
    """
    base = int(pool)
    mask = 8191
    bias = 16382
    packed = 0
    minus = 0
    turns = 0
    while True:
        acc = code[0]
        if acc < 4:
            r = ptr32(code[1] + base)
'''


def columns(first: int, last: int, limbs: int) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    for k in range(first, last):
        yield k, [(i, k - i) for i in range(max(0, k - limbs + 1), min(k, limbs - 1) + 1)]


def unpacked(limb: int, target: str) -> Iterator[str]:
    """Read a limb of the packed element that `a` points to."""
    word, shift = divmod(limb * LIMB_BITS, WORD_BITS)
    taken = WORD_BITS - shift
    if taken >= LIMB_BITS:
        yield f"{target} = a[{word}] >> {shift} & mask" if shift else f"{target} = a[{word}] & mask"
    elif word == 7:
        yield f"{target} = a[{word}] >> {shift} & {(1 << taken) - 1}"
    else:
        yield f"acc = a[{word}] >> {shift} & {(1 << taken) - 1}"
        yield f"{target} = (a[{word + 1}] << {taken} | acc) & mask"


def load_y() -> Iterator[str]:
    yield "if acc == 1:"
    yield "    a = ptr32(code[3] + base)"
    for k in range(HALF):
        yield f"    acc = a[{k}]"
        yield f"    b{k} = acc"
        yield f"    s{k} = a[{k + HALF}] + acc"
        yield f"    b{k + HALF} = a[{k + HALF}]"
    yield "elif acc == 2:"
    yield "    acc = code[3]"
    yield "    if acc < 64 and minus:"
    yield "        acc = acc ^ 32"
    yield "    a = ptr32(packed + acc)"
    for k in range(HALF):
        yield from (f"    {line}" for line in unpacked(k, f"b{k}"))
    for k in range(HALF):
        yield from (f"    {line}" for line in unpacked(k + HALF, "acc"))
        yield f"    b{k + HALF} = acc"
        yield f"    s{k} = b{k} + acc"


def product() -> Iterator[str]:
    """With a = a₀ + a₁·t, t = 2¹³⁰, and v = a₀·b₀ − a₁·b₁·t: a·b = (1 − t)·v + (a₀ + a₁)·(b₀ + b₁)·t.

    v{k} is column k of v, from 19 on with its sign turned.
    """
    for k, terms in columns(0, LIMBS - 1, HALF):
        yield from summed([f"a[{i}] * b{j}" for i, j in terms], f"v{k}")
    for k, terms in columns(0, LIMBS - 1, HALF):
        products = [f"a[{i + HALF}] * b{j + HALF}" for i, j in terms]
        if k < HALF - 1:
            yield from summed(products, "acc")
            yield f"v{k + HALF} = v{k + HALF} - acc"
        else:
            yield from summed(products, f"v{k + HALF}")
    yield "y = ptr32(base)"
    for k in range(HALF):
        yield f"acc = a[{k}]"
        yield f"y[{k}] = a[{k + HALF}] + acc"
    yield "a = y"
    yield "acc = 0"
    for k in range(LIMBS, 2 * LIMBS - 1):
        yield from middle_column(k, "")
        yield from high_limb(k)
    yield f"h{LIMBS - 1} = acc * {FOLD}"
    yield "acc = 0"
    yield "a = r"
    for k in range(HALF):
        yield from middle_column(k, f" + h{k}")
        yield from low_limb(k, "a")
    yield "a = y"
    for k in range(HALF, LIMBS):
        yield from middle_column(k, f" + h{k}")
        yield from low_limb(k, "r")


def summed(products: list[str], target: str) -> Iterator[str]:
    for number, term in enumerate(products):
        name = target if number == len(products) - 1 else "acc"
        yield f"{name} = {term}" if number == 0 else f"{name} = {term} + acc"


def middle_column(k: int, folded: str) -> Iterator[str]:
    own = "" if k > 28 else f" + v{k}" if k < 19 else f" - v{k}"
    shifted = "" if k < HALF else f" - v{k - HALF}" if k - HALF < 19 else f" + v{k - HALF}"
    terms = next((terms for column, terms in columns(0, LIMBS - 1, HALF) if column == k - HALF), [])
    products = [f"a[{i}] * s{j} + acc" for i, j in terms] or ["acc"]
    yield from (f"acc = {product}" for product in products[:-1])
    yield f"acc = {products[-1]}{own}{shifted}{folded}"


def square() -> Iterator[str]:
    """With b{j} = 2·a[j]: each product of two different limbs is taken once."""
    yield "acc = 0"
    for k, terms in columns(LIMBS, 2 * LIMBS - 1, LIMBS):
        yield from (f"acc = {square_term(i, j)} + acc" for i, j in terms if i <= j)
        yield from high_limb(k)
    yield f"h{LIMBS - 1} = acc * {FOLD}"
    yield "acc = 0"
    for k, terms in columns(0, LIMBS, LIMBS):
        products = [square_term(i, j) for i, j in terms if i <= j]
        yield from (f"acc = {product} + acc" for product in products[:-1])
        yield f"acc = {products[-1]} + acc + h{k}"
        yield from low_limb(k, "r")


def square_term(i: int, j: int) -> str:
    return f"a[{i}] * a[{i}]" if i == j else f"a[{i}] * b{j}"


def high_limb(k: int) -> Iterator[str]:
    yield f"h{k - LIMBS} = (acc & mask) * {FOLD}"
    yield "acc = int(uint(acc) >> 13)"


def low_limb(k: int, target: str) -> Iterator[str]:
    yield f"{target}[{k}] = acc & mask"
    yield "acc = int(uint(acc) >> 13)"


def fold_top() -> Iterator[str]:
    yield f"acc = acc * {FOLD} + r[0]"
    yield "r[0] = acc & mask"
    yield "acc = (acc >> 13) + r[1]"
    yield "r[1] = acc & mask"
    yield "r[2] = (acc >> 13) + r[2]"


def pair() -> Iterator[str]:
    yield "op = acc"
    yield "a = ptr32(code[2] + base)"
    yield "y = ptr32(code[3] + base)"
    yield "if op == 6 and minus:"
    yield "    q = r"
    yield "    r = ptr32(int(r) + 80)"
    yield "    op = 5"
    yield "else:"
    yield "    q = ptr32(int(r) + 80)"
    for k in range(LIMBS):
        yield f"acc = y[{k}]"
        yield f"r[{k}] = a[{k}] + acc"
        yield f"q[{k}] = a[{k}] - acc + {'bias' if k else BIAS[0]}"
    yield "if op == 5:"
    yield "    r = q"
    yield "acc = op"


def carry() -> Iterator[str]:
    yield "acc = 0"
    for k in range(LIMBS):
        yield f"acc = a[{k}] + acc"
        yield f"a[{k}] = acc & mask"
        yield "acc = acc >> 13"
    yield f"acc = acc * {FOLD} + a[0]"
    yield "a[0] = acc & mask"
    yield "a[1] = (acc >> 13) + a[1]"


def lines() -> Iterator[str]:
    def indented(depth: int, block: Iterator[str]) -> Iterator[str]:
        return (f"{'    ' * depth}{line}" for line in block)

    yield from indented(3, load_y())
    yield "            a = ptr32(code[2] + base)"
    yield from indented(3, product())
    yield from indented(3, fold_top())
    yield "        elif acc < 8:"
    yield "            r = ptr32(code[1] + base)"
    yield "            if acc < 7:"
    yield from indented(4, pair())
    yield "            if acc > 4:"
    yield "                a = r"
    yield from indented(4, carry())
    yield "        elif acc == 8:"
    yield "            r = ptr32(code[1] + base)"
    yield "            a = ptr32(code[2] + base)"
    yield from indented(3, (f"b{k} = a[{k}] << 1" for k in range(LIMBS)))
    yield from indented(3, square())
    yield from indented(3, fold_top())
    yield "        elif acc == 9:"
    yield "            r = ptr32(code[1] + base)"
    yield "            a = ptr32(code[2] + base)"
    yield "            y = ptr32(code[3] + base)"
    for k in range(LIMBS):
        yield f"            acc = y[{k}]"
        yield f"            r[{k}] = a[{k}] + acc"
    yield "        elif acc == 10:"
    yield "            minus = digits[0]"
    yield "            digits = ptr16(int(digits) + 2)"
    yield "            packed = (minus >> 1) * 96"
    yield "            if code[2]:"
    yield "                packed = packed + int(key_points)"
    yield "            else:"
    yield "                packed = packed + int(base_points)"
    yield "            minus = minus & 1"
    yield "        elif acc == 11:"
    yield "            turns += 1"
    yield "            if turns < code[2]:"
    yield "                code = ptr16(int(code) - code[1] - 8)"
    yield "            else:"
    yield "                turns = 0"
    yield "        else:"
    yield "            return"
    yield "        code = ptr16(int(code) + 8)"


def module() -> str:
    return HEAD + "\n".join(lines()) + "\n"


if __name__ == "__main__":
    TARGET.write_text(module(), encoding="utf-8")
