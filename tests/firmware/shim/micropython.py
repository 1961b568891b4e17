"""MicroPython's `micropython` module on CPython, so that viper code runs there as plain Python.

A `ptr32` load is signed and `uint` is cut to 32 bits, as on the device. What a viper `int` does past 31 bits is not
imitated: an int here has no end, so code that leans on wrap-around shows up as a difference between interpreters.
Pointers know where their buffer ends; an access beyond it raises IndexError instead of reading what lies there.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from functools import wraps
from itertools import count
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])
# Addresses are made up: a buffer gets one when a pointer into it becomes a number, far from the next one's. They last
# for the call that made them; so that buffers do not live for ever, only the last few are kept.
_SPACING = 1 << 32
_KEPT = 64
_buffers: dict[int, memoryview] = {}
_next_number = count(1)


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


class _Pointer:
    """Little-endian words from somewhere in a buffer on; made of a buffer, of a pointer or of a pointer's number."""

    __slots__ = ("_buffer", "_offset")
    size = 1

    def __init__(self, target: Any) -> None:
        if isinstance(target, int):
            number, self._offset = divmod(target + _SPACING // 2, _SPACING)
            self._offset -= _SPACING // 2
            self._buffer = _buffers[number]
        elif isinstance(target, _Pointer):
            self._buffer, self._offset = target._buffer, target._offset
        else:
            self._buffer, self._offset = memoryview(target).cast("B"), 0

    def __int__(self) -> int:
        for number, buffer in _buffers.items():
            if buffer is self._buffer:
                return number * _SPACING + self._offset
        number = next(_next_number)
        _buffers[number] = self._buffer
        if len(_buffers) > _KEPT:
            del _buffers[next(iter(_buffers))]
        return number * _SPACING + self._offset

    def __getitem__(self, index: int) -> int:
        return int.from_bytes(self._word(index), "little")

    def __setitem__(self, index: int, value: int) -> None:
        self._word(index)[:] = (value & ((1 << 8 * self.size) - 1)).to_bytes(self.size, "little")

    def _word(self, index: int) -> memoryview:
        start = self._offset + index * self.size
        if not 0 <= start <= len(self._buffer) - self.size:
            raise IndexError(f"word {index} at byte {start} of a buffer of {len(self._buffer)} bytes")
        return self._buffer[start : start + self.size]


class ptr8(_Pointer):
    size = 1


class ptr16(_Pointer):
    size = 2


class ptr32(_Pointer):
    size = 4

    def __getitem__(self, index: int) -> int:
        return int.from_bytes(self._word(index), "little", signed=True)


def uint(value: int) -> int:
    return value & 0xFFFF_FFFF


for _name in (ptr8, ptr16, ptr32, uint):
    setattr(builtins, _name.__name__, _name)
