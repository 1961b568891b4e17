"""Write firmware/scanner/base_table.py: the table of B (edwards25519.py).

In plain integers, apart from the firmware's arithmetic; tests/firmware/test_field25519.py compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "firmware" / "scanner" / "base_table.py"

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
HALF = pow(2, -1, P)
BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    4 * pow(5, -1, P) % P,
)
# A tooth is 2¹⁶ times the one before, so 16 columns of two digits make 256 bits.
COMBS = 2
TEETH = 8
COLUMNS = 16

Point = tuple[int, int]


def add(one: Point, other: Point) -> Point:
    """RFC 8032 §5.1, on affine points."""
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x, y


def negated(point: Point) -> Point:
    return -point[0] % P, point[1]


def combs(point: Point) -> Iterator[Point]:
    """For each comb the sums of its teeth, plus or minus, the last always plus; an index's bits say which are plus."""
    tooth = point
    for _ in range(COMBS):
        teeth = [tooth]
        while len(teeth) < TEETH:
            teeth.append(shifted(teeth[-1], COLUMNS))
        tooth = shifted(teeth[-1], COLUMNS)
        for index in range(1 << TEETH - 1):
            total = teeth[-1]
            for number, other in enumerate(teeth[:-1]):
                total = add(total, other if index >> number & 1 else negated(other))
            yield total


def shifted(point: Point, doublings: int) -> Point:
    for _ in range(doublings):
        point = add(point, point)
    return point


def packed(point: Point) -> bytes:
    x, y = point
    parts = ((y + x) * HALF, (y - x) * HALF, D * x * y)
    return b"".join((part % P).to_bytes(32, "little") for part in parts)


def module() -> str:
    octets = b"".join(packed(point) for point in combs(BASE))
    rows = [octets[start : start + 32] for start in range(0, len(octets), 32)]
    literals = "".join('    b"' + "".join(f"\\x{octet:02x}" for octet in row) + '"\n' for row in rows)
    return (
        '"""The table of B (edwards25519.py). Made by scripts/make_base_table.py."""\n\n'
        f"# fmt: off\nTABLE = (\n{literals})\n"
    )


if __name__ == "__main__":
    TARGET.write_text(module(), encoding="utf-8")
