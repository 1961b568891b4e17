"""Where a scan comes from: a serial scanner, one that types like a keyboard, or a picture.

    from ardente.scan import SerialSource

    with SerialSource("/dev/serial/by-id/usb-...") as source:
        for scan in source:
            if scan.problem:
                print(scan.staff_text("fr"))
            else:
                verdict = validator.check(scan.text)

Every source is a `Source`. What it yields is a `Scan`: the text for the validator, or the problem that made the text
useless. Nothing in this package logs a scan or puts one into an exception.
"""

from typing import TYPE_CHECKING

from .._lazy import importer
from ._errors import ScanError

if TYPE_CHECKING:
    from ._evdev import EvdevSource
    from ._image import ImageSource, read_image
    from ._keyboard import KeyboardSource
    from ._scan import Problem, Scan, read_text
    from ._serial import SerialSource
    from ._source import ConnectionState, Source

__all__ = [
    "ConnectionState",
    "EvdevSource",
    "ImageSource",
    "KeyboardSource",
    "Problem",
    "Scan",
    "ScanError",
    "SerialSource",
    "Source",
    "read_image",
    "read_text",
]

_HOMES = {
    "ConnectionState": "._source",
    "EvdevSource": "._evdev",
    "ImageSource": "._image",
    "KeyboardSource": "._keyboard",
    "Problem": "._scan",
    "Scan": "._scan",
    "SerialSource": "._serial",
    "Source": "._source",
    "read_image": "._image",
    "read_text": "._scan",
}


__getattr__ = importer(__name__, _HOMES)
