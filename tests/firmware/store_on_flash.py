"""A store on a flash in RAM: what the tests of a full flash and of a power cut begin with."""

import gc

if hasattr(gc, "threshold"):
    # Collect early, so that what stays is not strewn over the whole of a small heap.
    gc.threshold(64 * 1024)

import flash
from clock import Clock
from remembered_verify import verify
from store import Store
from version_floor import FileFloor

PATH = "/flash"
CHUNK_BYTES = 512


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Reader:
    """A store that has just been started."""

    def __init__(self, make_table):
        self.floor = FileFloor(PATH + "/floor")
        self.clock = Clock(PATH + "/clock", lambda: 0)
        self.store = Store(PATH, verify, self.floor, self.clock, make_table, True)

    def install(self, bundle):
        self.store.begin(len(bundle))
        at = 0
        while at < len(bundle):
            at = self.store.write(at, bundle[at : at + CHUNK_BYTES])
        return self.store.finish()

    @property
    def version(self):
        return self.store.installed.manifest.version


def new_flash(blocks):
    """A formatted flash, mounted at PATH."""
    image = flash.Flash(blocks)
    flash.format_flash(image)
    flash.mount(image, PATH)
    return image


def provisioned(make_table, root, bundles):
    """The reader that believes a root and has installed bundles one after the other."""
    reader = Reader(make_table)
    reader.store.provision(root)
    for bundle in bundles:
        reader.install(bundle)
    return reader
