"""Runs on every interpreter: follows the largest limb of each element through every program of the firmware.

An element's bound is in units of 8199, the largest limb of a reduced one (field25519.py, "Bounds"). A program starts
and ends with the point that it works on, and the constants, reduced. Prints how many instructions were followed.
"""

import ed25519
import ed25519_table
from edwards25519 import ADDING, DOUBLING, ELEMENTS, SCRATCH, T, X, Y, Z
from field25519 import ADD, CARRY, END, MUL, MULK, MULP, PAIR, PAIRD, PAIRP, POINT, REPEAT, SQR, program

ELEMENT = 80
TABLE_ELEMENTS = 87
PRODUCTS = (MUL, MULP, MULK)


class Bounds:
    def __init__(self, elements):
        self.of = [1] * elements
        for element in range(SCRATCH, ELEMENTS - 2):
            self.of[element] = None  # nothing there yet
        self.last_y = None

    def product(self, operation, target, x, y):
        if operation == MUL:
            self.last_y = self.of[y]
        elif operation == MULP:
            self.last_y = 1
        assert self.of[x] * self.last_y <= 3, (target, x, y)
        assert target not in (0, x)
        self.of[target] = 1

    def pair(self, operation, target, x, y):
        assert self.of[x] <= 2
        assert self.of[y] == 1
        assert len({target, target + 1, x, y}) == 4 or x == y
        total, difference = self.of[x] + 1, self.of[x] + 2
        if operation == PAIRP:
            # Either of the two, by the sign of the point, and the carry then.
            self.of[target], self.of[target + 1] = 1, max(total, difference)
        else:
            self.of[target], self.of[target + 1] = total, 1 if operation == PAIRD else difference

    def take(self, operation, target, x, y):
        if operation in PRODUCTS:
            self.product(operation, target, x, y)
        elif operation == SQR:
            assert self.of[x] == 1
            assert target not in (0, x)
            self.of[target] = 1
            self.last_y = None
        elif operation in (PAIR, PAIRD, PAIRP):
            self.pair(operation, target, x, y)
        elif operation == ADD:
            assert self.of[x] <= 2
            assert self.of[y] == 1
            # 14 is zero: adding it copies.
            self.of[target] = self.of[x] + (y != 14)
        elif operation == CARRY:
            assert self.of[target] <= 5
            self.of[target] = 1
        else:
            assert operation in (POINT, REPEAT, END), operation


def follow(code, elements, ready=X):
    """Once is enough for a part that is repeated, since it ends as it starts: with the point reduced."""
    bounds = Bounds(elements)
    bounds.of[ready] = 1
    for at in range(0, len(code), 4):
        operation, target, x, y = code[at : at + 4]
        if operation >= POINT:
            assert operation != REPEAT or [bounds.of[element] for element in (X, Y, Z, T)] == [1] * 4
            continue
        bounds.take(operation, target // ELEMENT, x // ELEMENT, y // (32 if operation == MULP else ELEMENT))
    return bounds


def assert_reduced(bounds, elements):
    assert [bounds.of[element] for element in elements] == [1] * len(elements)


POINT_ELEMENTS = (X, Y, Z, T)
count = 0
codes = [program(DOUBLING), program(ADDING)]
codes.extend(ed25519._COMBS)
for code in codes:
    assert_reduced(follow(code, ELEMENTS), POINT_ELEMENTS)
    count += len(code) // 4
maker = ed25519_table.TableMaker()
for code in maker._takers:
    # What is taken is reduced: the bounds of everything but the scratch stay as they were.
    assert [bound for bound in follow(code, TABLE_ELEMENTS).of if bound != 1] == [None] * 8
    count += len(code) // 4
for code in maker._givers:
    # Half the inverse is in 11.
    assert_reduced(follow(code, TABLE_ELEMENTS, ready=11), (7, 8, 5))
    count += len(code) // 4
print(count)
