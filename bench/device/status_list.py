"""Install a bundle with a large status list on littlefs, and look its bits up: flash reads, and heap of the install.

Arguments: files with the root, the bundle, the bits of its one list, and one for the flash. Prints one line of JSON.
"""

import gc
import hashlib
import json
import os
import sys

import flash
from clock import Clock
from ed25519_reference import verify as slow_verify
from store import Store
from version_floor import FileFloor

PATH = "/flash"
BLOCKS = 512
CHUNK_BYTES = 512
LOOKUPS = 4000
verified = {}


class FileFlash(flash.Flash):
    """A flash in a file, so that the heap holds nothing of it; notes the most that is alive at any write."""

    def __init__(self, path):
        super().__init__(0)
        self._file = open(path, "w+b")
        for _ in range(BLOCKS):
            self._file.write(bytes(flash.BLOCK_BYTES))
        self.heap_bytes = None

    def readblocks(self, block, buffer, offset=0):
        self.reads += 1
        self._file.seek(block * flash.BLOCK_BYTES + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self._file.seek(block * flash.BLOCK_BYTES + offset)
        self._file.write(buffer)
        if self.heap_bytes is not None:
            gc.collect()
            self.heap_bytes = max(self.heap_bytes, gc.mem_alloc())

    def ioctl(self, operation, argument):
        if operation == flash.COUNT:
            return BLOCKS
        return flash.BLOCK_BYTES if operation == flash.BLOCK_SIZE else 0


def verify(public_key, signature, message):
    question = hashlib.sha256(public_key + signature + message).digest()
    if question not in verified:
        verified[question] = slow_verify(public_key, signature, message)
    return verified[question]


def install(store, path):
    buffer = bytearray(CHUNK_BYTES)
    with open(path, "rb") as file:
        store.begin(file.seek(0, 2))
        file.seek(0)
        at = 0
        while True:
            count = file.readinto(buffer)
            if not count:
                break
            at = store.write(at, memoryview(buffer)[:count])
    return store.finish()


def live_bytes():
    gc.collect()
    return gc.mem_alloc()


root_path, bundle_path, bits_path, flash_path = sys.argv[1:]
image = FileFlash(flash_path)
flash.format_flash(image)
flash.mount(image, PATH)
store = Store(PATH, verify, FileFloor(PATH + "/floor"), Clock(PATH + "/clock", lambda: 0), None, True)
with open(root_path, "rb") as file:
    store.provision(file.read())

before = live_bytes()
image.heap_bytes = before
assert install(store, bundle_path)
install_bytes = image.heap_bytes - before
image.heap_bytes = None
kept_bytes = live_bytes() - before

(bit,) = store.status_bits.values()
bits = open(bits_path, "rb")
entries = 8 * bits.seek(0, 2)
most_reads = total_reads = 0
for number in range(LOOKUPS):
    index = int.from_bytes(os.urandom(4), "big") % entries if number else entries - 1
    bits.seek(index >> 3)
    expected = bits.read(1)[0] >> (index & 7) & 1
    reads = image.reads
    assert bit(index) == expected, index
    most_reads = max(most_reads, image.reads - reads)
    total_reads += image.reads - reads
told = {
    "most_reads": most_reads,
    "reads": total_reads / LOOKUPS,
    "install_bytes": install_bytes,
    "kept_bytes": kept_bytes,
}
sys.stdout.write(json.dumps(told) + "\n")
