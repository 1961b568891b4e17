"""Cut the power at every operation of the flash while an application is changed, on littlefs; tell what starts find.

Arguments: how the last operation is torn (flash.py); "update", or "rollback" for a trial that is never confirmed; files
with the root, the image in use before, one that lies in the other slot, the new image. Prints one line of JSON: what a
start found before, and after each cut at once and when the change was made again.
"""

import gc
import hashlib
import json
import os
import sys

if hasattr(gc, "threshold"):
    gc.threshold(64 * 1024)

import flash
import loader
from application_slots import ApplicationSlots
from core.trust import open_root
from remembered_verify import verify
from version_floor import FileFloor

PATH = "/flash"
FOLDER = PATH + "/app"
BLOCKS = 64
CHUNK_BYTES = 512


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Trust:
    def __init__(self, root):
        self.installed = open_root(root, verify, True)


class Scanner:
    """One that has just been started."""

    def __init__(self):
        self.slot = loader.choose(FOLDER)
        self.floor = FileFloor(PATH + "/floor")
        self.slots = ApplicationSlots(FOLDER, self.slot, "unix", TRUST, verify, self.floor)

    def upload(self, image):
        at = self.slots.begin(len(image), hashlib.sha256(image).digest())
        while at < len(image):
            at = self.slots.write(at, image[at : at + CHUNK_BYTES])
        self.slots.finish()

    def told(self):
        """What a start runs, which must be whole, and what it knows of it."""
        assert loader.is_whole(FOLDER, self.slot)
        running = next(image for image in self.slots.state() if image.is_running)
        return [running.version, self.slots.on_trial, self.floor.read()]


def change(image, goes_well):
    """Put an image in force; after a cut anywhere in this, doing it again must come to the same."""
    scanner = Scanner()
    sha256 = hashlib.sha256(image).digest()
    if not scanner.slots.on_trial:
        scanner.upload(image)
        scanner.slots.test(sha256)
        scanner = Scanner()
    if goes_well:
        scanner.slots.confirm()
    return Scanner()


def cut_change(image, left):
    """Change with power for `left` operations; return whether the power lasted."""
    flash.mount(image, PATH)
    image.left = left
    try:
        change(NEW, MODE == "update")
    except Exception:
        if image.left >= 0:
            raise
    flash.unmount(PATH)
    return image.left >= 0


TORN, MODE = sys.argv[1:3]
TRUST = Trust(read(sys.argv[3]))
BEFORE, OTHER, NEW = [read(path) for path in sys.argv[4:]]

before = flash.Flash(BLOCKS)
flash.format_flash(before)
flash.mount(before, PATH)
os.mkdir(FOLDER)
change(OTHER, True)
change(BEFORE, True)
old = Scanner().told()
flash.unmount(PATH)

found = []
lasted = False
while not lasted:
    gc.collect()
    image = before.copy()
    image.torn = TORN
    lasted = cut_change(image, len(found))
    # What the cut run left open in RAM stays with the dead flash.
    flash.mount(image.copy(), PATH)
    told = Scanner().told()
    after = change(NEW, True).told()
    flash.unmount(PATH)
    found.append([told, after])
print(json.dumps({"old": old, "found": found}))
