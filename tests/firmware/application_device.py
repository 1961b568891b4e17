"""Take application slots through scenarios: one JSON object a line on standard input, its answers a line out.

A scenario is {"folder": …, "root": …, "steps": [[name, argument, …], …]}; the folder is of this machine and must exist.
Each step gives one answer; a refusal is its reason.
"""

import gc
import hashlib
import json
import sys
from binascii import hexlify, unhexlify

if hasattr(gc, "threshold"):
    gc.threshold(64 * 1024)

import loader
from application_slots import ApplicationError, ApplicationSlots
from core.errors import TrustError
from core.trust import open_root
from remembered_verify import verify
from version_floor import FileFloor

FAMILY = "unix"


class Trust:
    """Stands for the store: what it believes."""

    def __init__(self, root):
        self.installed = root and open_root(root, verify, True)


class Scenario:
    def __init__(self, folder, root):
        self.folder = folder
        self.trust = Trust(root)
        self.sent = 0
        self.start(1)

    def start(self, running):
        self.floor = FileFloor(self.folder + "/floor")
        self.slots = ApplicationSlots(self.folder, running, FAMILY, self.trust, verify, self.floor)

    def restart(self):
        """Start as the loader does; return the slot."""
        slot = loader.choose(self.folder)
        self.start(slot)
        return slot

    def believe(self, root):
        self.trust.installed = open_root(unhexlify(root), verify, True) if root else None

    def begin(self, length, sha256):
        return self.slots.begin(length, unhexlify(sha256))

    def write(self, offset, data):
        return self.slots.write(offset, unhexlify(data))

    def finish(self):
        return self.slots.finish()

    def send(self, image, chunk_bytes=512, stop_at=None):
        """Upload an image as far as `stop_at`; return how many bytes went over."""
        image = unhexlify(image)
        sent = 0
        at = self.slots.begin(len(image), hashlib.sha256(image).digest())
        while at < (len(image) if stop_at is None else stop_at):
            chunk = image[at : at + chunk_bytes]
            sent += len(chunk)
            at = self.slots.write(at, chunk)
        if stop_at is None:
            self.slots.finish()
        return sent

    def test(self, sha256):
        return self.slots.test(unhexlify(sha256))

    def confirm(self):
        return self.slots.confirm()

    def install(self, image):
        """All that it takes to use an image; return whether it was on trial, and no longer is."""
        self.send(image)
        self.test(hexlify(hashlib.sha256(unhexlify(image)).digest()).decode())
        self.restart()
        was = self.slots.on_trial
        self.confirm()
        return was and not self.slots.on_trial

    def state(self):
        """Of the application in use and of the other: version, running, confirmed, pending."""
        found = self.slots.state()
        return [[image.version, image.is_running, image.is_confirmed, image.is_pending] for image in found]

    def hashes(self):
        return [hexlify(image.sha256).decode() for image in self.slots.state()]

    def next(self):
        return self.slots.next_offset

    def on_trial(self):
        return self.slots.on_trial

    def trial_failed(self):
        return self.slots.trial_failed

    def floor_number(self):
        return self.floor.read()

    def whole(self):
        return [loader.is_whole(self.folder, slot) for slot in (0, 1)]

    def do(self, name, *arguments):
        try:
            return getattr(self, name)(*arguments)
        except (TrustError, ApplicationError) as error:
            return error.reason


for line in sys.stdin:
    gc.collect()
    question = json.loads(line)
    scenario = Scenario(question["folder"], unhexlify(question["root"]))
    print(json.dumps([scenario.do(*step) for step in question["steps"]]))
