"""Take the self-test and a trial through what may be missing; print the answers as JSON.

Arguments: a folder for the store, one with an application on trial in slot 1, and files with a root and a bundle.
"""

import gc
import json
import sys

if hasattr(gc, "threshold"):
    gc.threshold(64 * 1024)

import self_test
from application_slots import ApplicationSlots
from clock import Clock
from ed25519_reference import verify
from self_test import TRIAL_MS, SelfTest, Trial
from store import Store
from version_floor import FileFloor


class Source:
    """Stands for a camera."""

    is_working = False
    is_watching = False


def read(path):
    with open(path, "rb") as file:
        return file.read()


def tested():
    return [test.camera(), test.bundle(), test.passes()]


TRUST, FOLDER, ROOT, BUNDLE = sys.argv[1:]
store = Store(TRUST, verify, FileFloor(TRUST + "/floor"), Clock(TRUST + "/clock", lambda: 0), None, True)
source = Source()
test = SelfTest(source, store)
floor = FileFloor(FOLDER + "/floor")
slots = ApplicationSlots(FOLDER, 1, "unix", store, verify, floor)
resets = []
trial = Trial(slots, test, lambda: resets.append(True), 1000)

told = {"card": test.card()}
kept = self_test._ALTERED
self_test._ALTERED = self_test._CARD
told["a verifier that accepts all"] = SelfTest(source, store).card()
self_test._ALTERED, self_test._CARD = kept, kept
told["a verifier that accepts none"] = SelfTest(source, store).card()

told["nothing"] = tested()
source.is_working = source.is_watching = True
told["a camera"] = tested()
store.provision(read(ROOT))
told["a root"] = tested()
told["goes on"] = [trial.poll(now_ms) for now_ms in (1000, TRIAL_MS + 999)] + [len(resets)]
told["too late"] = [trial.poll(TRIAL_MS + 1000), len(resets), floor.read()]
bundle = read(BUNDLE)
store.begin(len(bundle))
store.write(0, bundle)
store.finish()
told["a bundle"] = tested()
source.is_watching = False
told["no frame"] = tested()
source.is_watching = True
trial = Trial(slots, test, lambda: resets.append(True), 1000)
told["confirmed"] = [trial.poll(1001), len(resets), slots.on_trial, floor.read()]


def fails(index):
    raise OSError


for uri in store.status_bits:
    store._contents.bitmaps[uri].bit = fails
told["a flash that fails"] = tested()
print(json.dumps(told))
