"""What mpy-cross makes of the firmware for the ESP32's Xtensa core, which nothing here can run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from interpreters import FIRMWARE
from mpy import compiled, machine_code

MODULES = sorted(file.name for file in FIRMWARE.glob("*.py"))
# The lowest four bits of an instruction, from which on it is two bytes long and not three (Xtensa ISA, 3.2).
FIRST_NARROW = 8
JUMPS_AND_BRANCHES_ON_ZERO = 6
BRANCHES_ON_TWO_REGISTERS = 7


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value


def instructions(code: bytes) -> Iterator[tuple[int, int | None]]:
    """The place of each instruction, and where it may go on but at the next."""
    # A function starts with a jump across its constants.
    position = 4 + signed(int.from_bytes(code[:3], "little") >> 6, 18)
    while position < len(code):
        kind = code[position] & 15
        if kind >= FIRST_NARROW:
            yield position, None
            position += 2
            continue
        word = int.from_bytes(code[position : position + 3], "little")
        distance = None
        if kind == JUMPS_AND_BRANCHES_ON_ZERO and word >> 4 & 3 == 0:
            distance = signed(word >> 6, 18)
        elif kind == JUMPS_AND_BRANCHES_ON_ZERO and word >> 4 & 3 == 1:
            distance = signed(word >> 12, 12)
        elif kind == BRANCHES_ON_TWO_REGISTERS:
            distance = signed(word >> 16, 8)
        yield position, None if distance is None else position + 4 + distance
        position += 3


@pytest.mark.parametrize("module", MODULES)
def test_every_branch_lands_on_an_instruction(module: str) -> None:
    """A branch reaches 128 bytes or 2 KB; past that, a compiler that does not know of it cuts the distance."""
    for code in machine_code(compiled(FIRMWARE / module, "xtensawin")):
        found = list(instructions(code))
        starts = {position for position, _ in found}
        targets = {target for _, target in found if target is not None}
        assert targets
        assert targets <= starts
