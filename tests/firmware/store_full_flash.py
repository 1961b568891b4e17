"""Install on littlefs with ever more free blocks; tell what each time came of it.

Arguments: files with the root, the bundle installed before, and the one that is installed. Prints one line of JSON:
for each number of blocks the answer, what is in force then and after a start, what lies in the other slot, and the
answer once there is room.
"""

import gc
import hashlib
import json
import os
import sys

if hasattr(gc, "threshold"):
    gc.threshold(64 * 1024)

import flash
from clock import Clock
from ed25519_reference import verify as slow_verify
from store import Store, StoreError
from version_floor import FileFloor

PATH = "/flash"
BLOCKS = 48
MAX_FREE_BLOCKS = 20
FILLER = PATH + "/filler"
verified = {}


def verify(public_key, signature, message):
    question = hashlib.sha256(public_key + signature + message).digest()
    if question not in verified:
        verified[question] = slow_verify(public_key, signature, message)
    return verified[question]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def table(public_key):
    return public_key * 300


def started():
    clock = Clock(PATH + "/clock", lambda: 0)
    return Store(PATH, verify, FileFloor(PATH + "/floor"), clock, table, True)


def install(store, bundle):
    try:
        store.begin(len(bundle))
        at = 0
        while at < len(bundle):
            at = store.write(at, bundle[at : at + 512])
        return "installed" if store.finish() else "unchanged"
    except StoreError:
        return "StoreError"


def version(store):
    return store.installed.manifest.version


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
image = flash.Flash(BLOCKS)
flash.format_flash(image)
flash.mount(image, PATH)
store = started()
store.provision(ROOT)
install(store, BEFORE)
store.close()
flash.unmount(PATH)

told = []
for leave in range(MAX_FREE_BLOCKS):
    gc.collect()
    flash.mount(image.copy(), PATH)
    store = started()
    fill(leave)
    answer = install(store, BUNDLE)
    now = version(store)
    bits = [bit(512) for bit in store.status_bits.values()]
    store.close()
    left = in_spare_slot()
    store = started()
    again = version(store)
    os.remove(FILLER)
    told.append([answer, now, len(bits), again, left, install(store, BUNDLE), version(store)])
    store.close()
    flash.unmount(PATH)
print(json.dumps(told))
