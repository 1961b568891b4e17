"""The manifest of an application image for a reader: a COSE_Sign of `TYP_APPLICATION`, signed by the firmware role."""

from . import cbor
from .errors import FormatError
from .fields import byte_string, city, elements, exact_labels, number, text, time

MAX_APPLICATION_MANIFEST_SIZE = 8192
CITY, IAT, VERSION, BOARD, SIZE, PARTS = 1, 6, -1, -2, -3, -4
_LABELS = (CITY, IAT, VERSION, BOARD, SIZE, PARTS)
MAX_APPLICATION_SIZE = 2 << 20
MAX_PARTS = 128
_PATH = "abcdefghijklmnopqrstuvwxyz0123456789_-./"


class Part:
    """One file of an application: relative path, length in bytes, SHA-256."""

    def __init__(self, path: str, length: int, sha256: bytes) -> None:
        self.path = path
        self.length = length
        self.sha256 = sha256


class Application:
    """A parsed application manifest; ``size`` is the bytes of all parts, which follow in this order."""

    def __init__(self, city: str, version: int, iat: int, board: str, size: int, parts: "list[Part]") -> None:
        self.city = city
        self.version = version
        self.iat = iat
        self.board = board
        self.size = size
        self.parts = parts


def parse_application(payload: bytes) -> Application:
    """Return the application manifest that a COSE_Sign's payload is. Raises `FormatError`."""
    value = cbor.decode(payload)
    exact_labels(value, _LABELS)
    parts = [_parse_part(item) for item in elements(value[PARTS], 1, MAX_PARTS)]
    size = 0
    previous = ""
    paths = set()
    for part in parts:
        if part.path <= previous:
            raise FormatError("An application has parts that are doubled or not in order.")
        previous = part.path
        paths.add(part.path)
        folder = part.path.rpartition("/")[0]
        while folder:
            if folder in paths:
                raise FormatError("An application has a part that is a folder of another.")
            folder = folder.rpartition("/")[0]
        size += part.length
    if number(value[SIZE], 1, MAX_APPLICATION_SIZE) != size:
        raise FormatError("An application has another size than its parts.")
    return Application(
        city(value[CITY]),
        number(value[VERSION], 1, 0xFFFFFFFF),
        time(value[IAT]),
        text(value[BOARD], 32),
        size,
        parts,
    )


def _parse_part(item: "object") -> Part:
    path, length, sha256 = elements(item, 3, 3)
    name = text(path, 64)
    # Each segment has a name, so that no part lies outside the folder and none has two paths.
    if name.strip(_PATH) or not all([segment.strip(".") for segment in name.split("/")]):
        raise FormatError("An application has a part outside its own folder.")
    return Part(name, number(length, 1, MAX_APPLICATION_SIZE), byte_string(sha256, 32))
