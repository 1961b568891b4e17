"""MicroPython's `micropython` module on CPython, so that viper code runs there as plain Python.

A `ptr32` load is signed and `uint` is cut to 32 bits, as on the device. What a viper `int` does past 31 bits is not
imitated: an int here has no end, so code that leans on wrap-around shows up as a difference between interpreters.
Pointers know where their buffer ends: an access beyond it, or across words, raises IndexError.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from functools import wraps
from itertools import count
from typing import Any, ClassVar, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


def viper(function: _F) -> _F:
    """Hand the function its arguments as its annotations say, pointers into buffers above all."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    kinds = [function.__annotations__.get(name, _unchanged) for name in names]

    @wraps(function)
    def called(*arguments: Any) -> Any:
        return function(*(kind(argument) for kind, argument in zip(kinds, arguments, strict=True)))

    return called  # type: ignore[return-value]


def native(function: _F) -> _F:
    return function


bytecode = native


def _unchanged(argument: Any) -> Any:
    return argument


def const(value: int) -> int:
    return value


class _Memory:
    """A buffer as words of each size, at an address that is made up, far from the next one's."""

    SPACING = 1 << 32
    # Addresses last for the call that made them. So that buffers do not live for ever, only the last few are kept.
    KEPT = 64
    at: ClassVar[dict[int, _Memory]] = {}
    _next_number = count(1)

    def __init__(self, buffer: Any) -> None:
        octets = memoryview(buffer).cast("B")
        # A word that the buffer ends within cannot be reached.
        self.words = {
            size: octets[: len(octets) // size * size].cast(code) for size, code in ((1, "B"), (2, "H"), (4, "i"))
        }
        self.number = 0

    def address(self) -> int:
        if self.number not in self.at:
            self.number = next(self._next_number)
            self.at[self.number] = self
            if len(self.at) > self.KEPT:
                del self.at[next(iter(self.at))]
        return self.number * self.SPACING


class _Pointer:
    """Little-endian words from somewhere in a buffer on; made of a buffer, of a pointer or of an address."""

    __slots__ = ("_memory", "_offset", "_start", "_words")
    size = 1

    def __init__(self, target: Any) -> None:
        if isinstance(target, int):
            number, offset = divmod(target + _Memory.SPACING // 2, _Memory.SPACING)
            self._memory = _Memory.at[number]
            self._offset = offset - _Memory.SPACING // 2
        elif isinstance(target, _Pointer):
            self._memory, self._offset = target._memory, target._offset
        else:
            self._memory, self._offset = _Memory(target), 0
        self._words = self._memory.words[self.size]
        self._start = self._offset // self.size

    def __int__(self) -> int:
        return self._memory.address() + self._offset

    def __getitem__(self, index: int) -> int:
        return self._words[self._place(index)]

    def __setitem__(self, index: int, value: int) -> None:
        self._words[self._place(index)] = value & ((1 << 8 * self.size) - 1)

    def _place(self, index: int) -> int:
        place = self._start + index
        if place < 0 or self._offset % self.size:
            raise IndexError(f"word {index} from byte {self._offset} on")
        return place


class ptr8(_Pointer):
    size = 1


class ptr16(_Pointer):
    size = 2


class ptr32(_Pointer):
    size = 4

    def __setitem__(self, index: int, value: int) -> None:
        self._words[self._place(index)] = ((value + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000


def uint(value: int) -> int:
    return value & 0xFFFF_FFFF


for _name in (ptr8, ptr16, ptr32, uint):
    setattr(builtins, _name.__name__, _name)
