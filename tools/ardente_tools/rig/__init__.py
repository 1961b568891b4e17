"""Scanners without hardware: the real firmware behind a serial line that can be slow, noisy or cut."""

from ._errors import RigError
from ._line import Line, Traffic

__all__ = ["Line", "RigError", "Traffic"]
