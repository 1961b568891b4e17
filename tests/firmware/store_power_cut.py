"""Cut the power at every operation of the flash while a bundle is installed, on littlefs; tell what each start finds.

Arguments: how the last operation is torn (flash.py), "tables" or "none", and files: the root, the bundles that are
installed before, the bundle that is being installed. Prints one line of JSON: what a start found after each cut.
"""

import gc
import hashlib
import json
import sys

if hasattr(gc, "threshold"):
    # Collect early, so that what stays is not strewn over the whole of a small heap.
    gc.threshold(64 * 1024)

import flash
from clock import Clock
from ed25519 import make_table
from ed25519_reference import verify as slow_verify
from store import Store
from version_floor import FileFloor

PATH = "/flash"
BLOCKS = 64
CHUNK_BYTES = 512
verified = {}
tables = {}


def verify(public_key, signature, message):
    question = hashlib.sha256(public_key + signature + message).digest()
    if question not in verified:
        verified[question] = slow_verify(public_key, signature, message)
    return verified[question]


def known_table(public_key):
    if public_key not in tables:
        tables[public_key] = make_table(public_key)
    return tables[public_key]


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Reader:
    """A store that has just been started."""

    def __init__(self):
        self.floor = FileFloor(PATH + "/floor")
        self.clock = Clock(PATH + "/clock", lambda: 0)
        self.store = Store(PATH, verify, self.floor, self.clock, known_table if WITH_TABLES else None, True)

    def install(self, bundle):
        self.store.begin(len(bundle))
        at = 0
        while at < len(bundle):
            at = self.store.write(at, bundle[at : at + CHUNK_BYTES])
        return self.store.finish()

    def told(self):
        """What is in force, all of it: nothing of one bundle beside something of another."""
        store = self.store
        installed = store.installed
        if installed is None or installed.manifest is None:
            return [store.state, 0, [], 0, 0]
        revoked = []
        for uri in sorted(store.status_bits):
            bit = store.status_bits[uri]
            revoked.append([index for index in range(1024) if bit(index)])
        for key, table in store.tables.items():
            assert table == tables[key]
        assert len(store.tables) == (2 if WITH_TABLES else 0)
        return [store.state, installed.manifest.version, revoked, self.floor.read(), self.clock.now()]


def cut_install(image, left):
    """Install with power for `left` operations; return whether the power lasted."""
    flash.mount(image, PATH)
    image.left = left
    try:
        reader = Reader()
        reader.install(BUNDLES[-1])
        reader.store.close()
    except Exception:
        # What the scanner makes of it no longer matters where the power is away. An error with power is one of ours.
        if image.left >= 0:
            raise
    flash.unmount(PATH)
    return image.left >= 0


TORN, WITH_TABLES, ROOT = sys.argv[1], sys.argv[2] == "tables", read(sys.argv[3])
BUNDLES = [read(path) for path in sys.argv[4:]]

before = flash.Flash(BLOCKS)
flash.format_flash(before)
flash.mount(before, PATH)
reader = Reader()
reader.store.provision(ROOT)
for bundle in BUNDLES[:-1]:
    reader.install(bundle)
old = reader.told()
reader.store.close()
flash.unmount(PATH)

found = []
lasted = False
while not lasted:
    gc.collect()
    image = before.copy()
    image.torn = TORN
    lasted = cut_install(image, len(found))
    # What the cut run left open in RAM stays with the dead flash.
    flash.mount(image.copy(), PATH)
    reader = Reader()
    told = reader.told()
    changed = reader.install(BUNDLES[-1])
    new = reader.told()
    assert changed == (told != new)
    left = reader.store.next_offset
    reader.store.close()
    flash.unmount(PATH)
    # A recovery sets the time first; a bundle that has passed all rules may do that even where it is not in force.
    is_old = told[:-1] == old[:-1] and told[-1] in (old[-1], new[-1])
    found.append([is_old, told == new, left])
print(json.dumps({"old": old, "new": new, "found": found}))
