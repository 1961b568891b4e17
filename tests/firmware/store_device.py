"""Take a store and its clock through scenarios: one JSON object a line on standard input, its answers a line out.

A scenario is {"folder": …, "steps": [[name, argument, …], …]}; the folder is of this machine and must exist. Each step
gives one answer; a refusal is its reason code or the name of the exception. "seen" is how long the incoming file was
when a signature was verified first, for each bundle that came.
"""

import gc
import hashlib
import json
import os
import sys
from binascii import unhexlify

if hasattr(gc, "threshold"):
    gc.threshold(64 * 1024)

from clock import Clock
from core.errors import ArdenteError, TrustError
from remembered_verify import verify
from store import Store, StoreError
from version_floor import FileFloor


def fake_table(public_key):
    """Stands for a table where only its keeping is tested."""
    return hashlib.sha256(public_key).digest() * 8


class Scenario:
    def __init__(self, folder):
        self.folder = folder
        self.ticks_ms = 0
        self.seen = []
        self.store = self.clock = self.floor = None

    def verify(self, public_key, signature, message):
        if self.store:
            for name in ("0", "1"):
                try:
                    length = os.stat(self.folder + "/" + name + "/incoming")[6]
                except OSError:
                    continue
                if self.seen and self.seen[-1] is None:
                    self.seen[-1] = length
        return verify(public_key, signature, message)

    def start(self):
        self.store = None
        self.clock = Clock(self.folder + "/clock", lambda: self.ticks_ms)
        self.floor = FileFloor(self.folder + "/floor")
        self.store = Store(self.folder, self.verify, self.floor, self.clock, fake_table, True)
        return self.told()

    def told(self):
        installed = self.store.installed
        version = installed.manifest.version if installed and installed.manifest else 0
        return [self.store.state, version]

    def repaired(self):
        return self.store.repaired

    def tables(self):
        return len([key for key, table in self.store.tables.items() if table == fake_table(key)])

    def provision(self, root):
        return self.store.provision(unhexlify(root))

    def begin(self, length):
        self.seen.append(None)
        return self.store.begin(length)

    def write(self, offset, data):
        return self.store.write(offset, unhexlify(data))

    def finish(self):
        return "installed" if self.store.finish() else "unchanged"

    def install(self, data, chunk_bytes):
        data = unhexlify(data)
        self.begin(len(data))
        at = 0
        while at < len(data):
            at = self.store.write(at, data[at : at + chunk_bytes])
        return self.finish()

    def seal(self):
        self.store.seal()

    def next(self):
        return self.store.next_offset

    def judge(self, text, now):
        return self.store.judge(self.verify).card(text, now).reason

    def revoked(self):
        found = {}
        for uri, bit in self.store.status_bits.items():
            found[uri] = [index for index in range(1024) if bit(index)]
        return found

    def incoming(self):
        return self.seen

    def floor_number(self):
        return self.floor.read()

    def pass_ms(self, ticks_ms):
        self.ticks_ms += ticks_ms
        self.clock.tick()

    def now(self):
        return self.clock.now()

    def set_floor(self, iat):
        self.clock.set_floor(iat)

    def restart(self, iat):
        self.clock.restart(iat)

    def hint(self, time, exp):
        self.clock.hint(time, exp)

    def do(self, name, *arguments):
        try:
            return getattr(self, name)(*arguments)
        except TrustError as error:
            return error.reason
        except StoreError:
            return "StoreError"


assert issubclass(StoreError, ArdenteError)
for line in sys.stdin:
    gc.collect()
    question = json.loads(line)
    scenario = Scenario(question["folder"])
    print(json.dumps([scenario.do(*step) for step in question["steps"]]))
