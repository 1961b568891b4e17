"""Cut the power at every operation of the flash while a bundle is installed, on littlefs; tell what each start finds.

Arguments: how the last operation is torn (flash.py), "tables" or "none", and files: the root, the bundles that are
installed before, the bundle that is being installed. Prints one line of JSON: what a start found after each cut.
"""

import gc
import json
import sys

import flash
from ed25519 import make_table
from store_on_flash import PATH, Reader, new_flash, provisioned, read

BLOCKS = 64
tables = {}


def known_table(public_key):
    if public_key not in tables:
        tables[public_key] = make_table(public_key)
    return tables[public_key]


def told(reader):
    """What is in force, all of it: nothing of one bundle beside something of another."""
    store = reader.store
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
    return [store.state, installed.manifest.version, revoked, reader.floor.read(), reader.clock.now()]


def cut_install(image, left):
    """Install with power for `left` operations; return whether the power lasted."""
    flash.mount(image, PATH)
    image.left = left
    try:
        reader = Reader(MAKE_TABLE)
        reader.install(BUNDLES[-1])
        reader.store.seal()
        reader.store.close()
    except Exception:
        # What the scanner makes of it no longer matters where the power is away. An error with power is one of ours.
        if image.left >= 0:
            raise
    flash.unmount(PATH)
    return image.left >= 0


TORN, WITH_TABLES, ROOT = sys.argv[1], sys.argv[2] == "tables", read(sys.argv[3])
MAKE_TABLE = known_table if WITH_TABLES else None
BUNDLES = [read(path) for path in sys.argv[4:]]

before = new_flash(BLOCKS)
reader = provisioned(MAKE_TABLE, ROOT, BUNDLES[:-1])
old = told(reader)
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
    reader = Reader(MAKE_TABLE)
    at_start = told(reader)
    changed = reader.install(BUNDLES[-1])
    new = told(reader)
    assert changed == (at_start != new)
    left = reader.store.next_offset
    reader.store.close()
    flash.unmount(PATH)
    # A recovery sets the time first; a bundle that has passed all rules may do that even where it is not in force.
    is_old = at_start[:-1] == old[:-1] and at_start[-1] in (old[-1], new[-1])
    found.append([is_old, at_start == new, left])
print(json.dumps({"old": old, "new": new, "found": found}))
