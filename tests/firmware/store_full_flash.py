"""Install on littlefs with ever more free blocks; tell what each time came of it.

Arguments: files with the root, the bundle installed before, and the one that is installed. Prints one line of JSON:
for each number of blocks the answer, what is in force then and after a start, what lies in the other slot, and the
answer once there is room.
"""

import gc
import json
import os
import sys

import flash
from store import StoreError
from store_on_flash import PATH, Reader, new_flash, provisioned, read

BLOCKS = 48
MAX_FREE_BLOCKS = 20
FILLER = PATH + "/filler"


def table(public_key):
    return public_key * 300


def install(reader):
    try:
        return "installed" if reader.install(BUNDLE) else "unchanged"
    except StoreError:
        return "StoreError"


def in_spare_slot():
    spare = "1" if read(PATH + "/pointer") == b"0" else "0"
    try:
        return os.listdir(PATH + "/" + spare)
    except OSError:
        return []


def free_blocks():
    return os.statvfs(PATH)[3]


def fill(leave):
    """Leave so many blocks free."""
    with open(FILLER, "wb") as file:
        while free_blocks() > leave + 1:
            file.write(bytes(flash.BLOCK_BYTES // 2))
            file.flush()


ROOT, BEFORE, BUNDLE = [read(path) for path in sys.argv[1:]]
image = new_flash(BLOCKS)
provisioned(table, ROOT, [BEFORE]).store.close()
flash.unmount(PATH)

told = []
for leave in range(MAX_FREE_BLOCKS):
    gc.collect()
    flash.mount(image.copy(), PATH)
    reader = Reader(table)
    fill(leave)
    answer = install(reader)
    now = reader.version
    bits = [bit(512) for bit in reader.store.status_bits.values()]
    reader.store.close()
    left = in_spare_slot()
    reader = Reader(table)
    again = reader.version
    os.remove(FILLER)
    told.append([answer, now, len(bits), again, left, install(reader), reader.version])
    reader.store.close()
    flash.unmount(PATH)
print(json.dumps(told))
