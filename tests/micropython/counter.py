"""What a call costs on the emulated chip: RV32 instructions, counted one by one, and heap.

Runs under `Rv32Interpreter.count` only, whose emulator counts. The chip's own counter is read (minstret, RISC-V
privileged architecture §3.1.10), and what reading it costs is taken off; importing this module shows that a loop of
known length counts as that.
"""
# ruff: noqa: F821 - the assembler's own names

import gc
import json
from array import array

import micropython

_START = array("I", [0, 0])
_END = array("I", [0, 0])
_NOW = array("I", [0, 0])


# The assembler has no name for reading a control register, so `csrr` is written out: csrr rd, csr is
# csr << 20 | 0x2073 | rd << 7. The high half is read on both sides of the low one, and again where that turned over.
@micropython.asm_rv32
def _read(a0):
    label(AGAIN)
    data(4, 0xB8202673)  # csrr a2, minstreth
    data(4, 0xB02025F3)  # csrr a1, minstret
    data(4, 0xB82026F3)  # csrr a3, minstreth
    bne(a2, a3, AGAIN)
    sw(a1, 0(a0))
    sw(a2, 4(a0))
    li(a0, 0)


@micropython.asm_rv32
def _loop(a0):
    """Take two instructions `a0` times (a0 > 0)."""
    label(AGAIN)
    addi(a0, a0, -1)
    bne(a0, zero, AGAIN)


def _elapsed():
    return (_END[1] - _START[1] << 32) + _END[0] - _START[0]


# Between the readings stand locals only, and nothing is allocated: a global's look-up and the search for free heap
# take now more instructions, now fewer.
def _reading():
    read, start, end = _read, _START, _END
    read(start)
    read(end)
    return _elapsed()


_READING = _reading()


def _looped(turns):
    read, start, end, loop = _read, _START, _END, _loop
    read(start)
    loop(turns)
    read(end)
    return _elapsed()


if _reading() != _READING or _looped(1001) - _looped(1) != 2000:
    raise RuntimeError("this emulator does not count; run the script with Rv32Interpreter.count")


def instructions(function, *arguments):
    """Call a function; return the instructions that it took, passing it the arguments included."""
    read, start, end = _read, _START, _END
    read(start)
    function(*arguments)
    read(end)
    return _elapsed() - _READING


def so_far():
    """Return the instructions since `measure` began to call, for a moment within the call."""
    _read(_NOW)
    return (_NOW[1] - _START[1] << 32) + _NOW[0] - _START[0] - _READING


class Cost:
    """What one call took.

    instructions: RV32 instructions
    heap_bytes: the most that the call held at any moment, beyond what was held before
    garbage_bytes: what it left allocated, its answer included, until a collection; in blocks of 16 bytes
    """

    def __init__(self, instructions, heap_bytes, garbage_bytes):
        self.instructions = instructions
        self.heap_bytes = heap_bytes
        self.garbage_bytes = garbage_bytes


def measure(function, *arguments):
    """Call a function, with the collector at rest; return its answer and its Cost."""
    read, start, end = _read, _START, _END
    gc.collect()
    gc.disable()
    try:
        # The peak is one for the whole run: up to it, what a call takes would not show.
        ballast = bytearray(micropython.mem_peak() - micropython.mem_current())
        held = micropython.mem_current()
        allocated = gc.mem_alloc()
        read(start)
        answer = function(*arguments)
        read(end)
        garbage_bytes = gc.mem_alloc() - allocated
        # The peak counts bytes asked for; the heap gives blocks of 16.
        heap_bytes = max(micropython.mem_peak() - held, garbage_bytes)
        del ballast
    finally:
        gc.enable()
    return answer, Cost(_elapsed() - _READING, heap_bytes, garbage_bytes)


def leave_heap(free_bytes):
    """Fill the heap until this much of it is free; it stays so for as long as the answer is kept."""
    gc.collect()
    # A bytearray of 1024 takes 65 blocks of 16 bytes, the object's own included.
    ballast = [None] * ((gc.mem_free() - free_bytes) // 1040)
    for index in range((gc.mem_free() - free_bytes) // 1040):
        ballast[index] = bytearray(1024)
    return ballast


def tell(name, **values):
    """Hand values to the host, where `Rv32Interpreter.count` returns them under this name."""
    print("counted", json.dumps([name, values]))
