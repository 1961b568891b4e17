"""The highest version ever installed, kept apart from the files: it judges what is offered, never what is in use.

Of bundles it is a number of root version and bundle version, so that a new root may start the bundle versions again; of
applications it is the version that was confirmed last.
"""

from flash_file import read_sealed, write_sealed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from core.trust import Installed

    class VersionFloor(Protocol):
        """A number that only grows."""

        def read(self) -> int:
            """The number; 0 at first."""

        def raise_to(self, number: int) -> None:
            """Make the number at least `number`. Raises OSError."""

    class Nvs(Protocol):
        """What is used here of `esp32.NVS`."""

        def get_blob(self, key: str, buffer: bytearray) -> int: ...

        def set_blob(self, key: str, value: bytes) -> None: ...

        def commit(self) -> None: ...


BUNDLES, APPLICATIONS = "floor", "application"
_NUMBER_BYTES = 8


def floor_of(installed: "Installed") -> int:
    """The number of a root with its bundle, or of the root alone."""
    manifest = installed.manifest
    return installed.root.version << 32 | (manifest.version if manifest else 0)


class FileFloor:
    """The floor in a file, for a device without NVS; a missing or damaged file is 0."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self) -> int:
        return int.from_bytes(read_sealed(self._path, _NUMBER_BYTES) or b"", "big")

    def raise_to(self, number: int) -> None:
        if number > self.read():
            write_sealed(self._path, number.to_bytes(_NUMBER_BYTES, "big"))


class NvsFloor:
    """The floor of BUNDLES or APPLICATIONS in the ESP32's key-value storage: `NvsFloor(esp32.NVS("ardente"))`."""

    def __init__(self, nvs: "Nvs", name: str = BUNDLES) -> None:
        self._nvs = nvs
        self._name = name

    def read(self) -> int:
        buffer = bytearray(_NUMBER_BYTES)
        try:
            length = self._nvs.get_blob(self._name, buffer)
        except OSError:
            return 0
        return int.from_bytes(buffer, "big") if length == _NUMBER_BYTES else 0

    def raise_to(self, number: int) -> None:
        if number > self.read():
            self._nvs.set_blob(self._name, number.to_bytes(_NUMBER_BYTES, "big"))
            self._nvs.commit()
