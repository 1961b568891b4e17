"""Scanners without hardware: the real firmware behind a serial line that can be slow, noisy or cut.

They need a system with pseudo-terminals and MicroPython's unix port: Linux on x86-64.
"""

from ._board import SimulatedBoard
from ._device import CONSOLE_BUFFER_BYTES, CONSOLE_RING_BYTES, Event, Events, SimulatedDevice
from ._errors import RigError
from ._line import Line, Traffic

__all__ = [
    "CONSOLE_BUFFER_BYTES",
    "CONSOLE_RING_BYTES",
    "Event",
    "Events",
    "Line",
    "RigError",
    "SimulatedBoard",
    "SimulatedDevice",
    "Traffic",
]
