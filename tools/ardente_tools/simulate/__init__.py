"""`ardente simulate`: the scanner's own firmware on this computer, with frames instead of a camera.

`Scanner` runs it, `scenes` makes what its camera would see; the command is in `cli`.
"""

from ._errors import SimulatorError
from ._scanner import FRAME_HEIGHT, FRAME_WIDTH, Event, Scanner

__all__ = ["FRAME_HEIGHT", "FRAME_WIDTH", "Event", "Scanner", "SimulatorError"]
