"""Take the version floor through a key-value storage that answers as `esp32.NVS` does; print what it reads, as JSON."""

import errno
import json

from version_floor import APPLICATIONS, NvsFloor


class Nvs:
    """Keeps blobs; what was not committed is lost at a restart."""

    def __init__(self):
        self.kept = {}
        self.changed = {}

    def get_blob(self, key, buffer):
        found = self.changed.get(key, self.kept.get(key))
        if found is None:
            raise OSError(errno.ENOENT)
        buffer[: len(found)] = found
        return len(found)

    def set_blob(self, key, value):
        self.changed[key] = bytes(value)

    def commit(self):
        self.kept.update(self.changed)

    def restart(self):
        self.changed = {}


nvs = Nvs()
told = [NvsFloor(nvs).read()]
for number in (3, 1 << 32 | 7, 5, 0xFFFF << 32 | 0xFFFFFFFF):
    NvsFloor(nvs).raise_to(number)
    nvs.restart()
    told.append(NvsFloor(nvs).read())
NvsFloor(nvs, APPLICATIONS).raise_to(9)
nvs.restart()
told += [NvsFloor(nvs, APPLICATIONS).read(), NvsFloor(nvs).read()]
nvs.kept["floor"] = b"cut"
told.append(NvsFloor(nvs).read())
print(json.dumps(told))
