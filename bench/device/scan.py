"""Scans on the chip: frames through the application that a scanner runs, with its gate at the end.

    scan.py FRAMES WHAT

The flash, as an install left it, is the second folder that modules come from. WHAT is `measure`, which counts the
instructions from frame to relay and weighs the garbage of each scan, or `squeeze`, which scans with as little heap left
as a scanner has beside the frame and the tables of its keys.
"""

import gc
import os
import sys
from array import array

import counter
import vfs

HEAP_BYTES = 110 * 1024
WIDTH, HEIGHT = 320, 240
# Out of view for long enough to count again, and every pattern of light played.
PAUSE_MS = 5000
FLASH = "/flash"
# The first scans make what stays: a day among the counters, tiles for a symbol's size.
WARM_UP = 5


class Os:
    """This chip has no source of randomness. What is drawn is drawn at the start, so its worth counts for nothing."""

    def __getattr__(self, name):
        return getattr(os, name)

    def urandom(self, size):
        return bytes(range(size))


sys.modules["os"] = Os()

import app as app_module  # noqa: E402
from app import App  # noqa: E402
from base_table import TABLE  # noqa: E402
from camera_source import CameraSource  # noqa: E402
from config import SIMULATED, load  # noqa: E402
from qr import Scanner  # noqa: E402
from version_floor import FileFloor  # noqa: E402


class Flash:
    """A folder of the read-only file system, which answers a change with an OSError, as a flash that fails does."""

    def __init__(self, folder):
        self._folder = folder

    def mount(self, readonly, mkfs):
        pass

    def open(self, path, mode):
        if "w" in mode:
            self.remove(path)
        return open(self._folder + path, mode)

    def stat(self, path):
        return os.stat(self._folder + path)

    def ilistdir(self, path):
        return os.ilistdir(self._folder + path)

    def remove(self, path):
        raise OSError

    rmdir = mkdir = remove


class Camera:
    """Gives the frame that is in view, or none."""

    def __init__(self):
        self.frame = None

    def open(self):
        return self

    def capture(self):
        frame = self.frame
        self.frame = None
        return frame

    def frame_available(self):
        return True

    def deinit(self):
        pass


class Pin:
    def on(self):
        pass

    def off(self):
        pass


class Relay(Pin):
    """Tells how many instructions after the frame its contact closed; 0 where it did not."""

    def __init__(self, counts):
        self.instructions = 0
        self._counts = counts

    def on(self):
        self.instructions = counter.so_far() if self._counts else 1


class Board:
    """The surface of `boards.board.Board`."""

    flash = FLASH
    applications = FLASH + "/app"
    config_path = FLASH + "/config.json"
    family = SIMULATED
    allow_test_city = True

    def __init__(self, counts):
        self.config = load(FLASH + "/config.json")
        self.at_ms = 0
        self.camera = Camera()
        self.out = Relay(counts)
        self._decoder = Scanner(WIDTH, HEIGHT)

    def ticks_ms(self):
        return self.at_ms

    def tell(self, event):
        pass

    def relay(self):
        return self.out

    def light(self):
        return Pin()

    def buzzer(self):
        return Pin()

    def pass_contact(self):
        return None

    def version_floor(self):
        return FileFloor(FLASH + "/floor")

    def application_floor(self):
        return FileFloor(FLASH + "/application-floor")

    def source(self, ticks):
        return CameraSource(self.camera.open, self._decoder, ticks)

    def feed_watchdog(self):
        pass

    def serial(self):
        return None


class NoCollection:
    """In place of `gc` in the application, so that what a scan leaves behind can be weighed."""

    @staticmethod
    def collect():
        pass


def show_each(board, app, file, frame):
    """Put each frame before the camera, once all of the last is over."""
    while file.readinto(frame) == len(frame):
        due_ms = board.at_ms + PAUSE_MS
        while app.next_ms() >= 0 and board.at_ms < due_ms:
            board.at_ms = max(board.at_ms + 1, app.next_ms())
            app.step()
        board.at_ms = due_ms
        app.step()
        board.out.instructions = 0
        board.camera.frame = memoryview(frame)
        yield


def stored_table_bytes():
    slot = FLASH + "/" + open(FLASH + "/pointer").read()
    return sum([os.stat(slot + "/" + name)[6] for name in os.listdir(slot) if name.startswith("table-")])


def squeeze(file, frame):
    ballast = counter.leave_heap(HEAP_BYTES + stored_table_bytes())
    board = Board(False)
    app = App(board)
    opened = 0
    for _ in show_each(board, app, file, frame):
        app.step()
        opened += board.out.instructions
    counter.tell("squeezed", opened=opened, ballast=len(ballast))


def measure(file, frame):
    app_module.gc = NoCollection
    gc.collect()
    before = gc.mem_alloc()
    board = Board(True)
    app = App(board)
    gc.collect()
    tables = list(app.store.tables.values())
    counter.tell(
        "application",
        heap_bytes=gc.mem_alloc() - before - sum([len(table) for table in tables]),
        base_table_bytes=len(TABLE),
        key_table_bytes=max([len(table) for table in tables]),
    )
    # Made ahead, so that keeping the figures takes nothing.
    costs = array("I", bytes(4 * 3 * (file.seek(0, 2) // len(frame))))
    file.seek(0)
    at = warm = 0
    for _ in show_each(board, app, file, frame):
        _, cost = counter.measure(app.step)
        costs[at] = board.out.instructions
        costs[at + 1] = cost.garbage_bytes
        costs[at + 2] = cost.heap_bytes
        del cost
        at += 3
        if at == 3 * WARM_UP:
            gc.collect()
            warm = gc.mem_alloc()
    gc.collect()
    counter.tell("growth", bytes=gc.mem_alloc() - warm)
    counter.tell("scans", costs=[list(costs[at : at + 3]) for at in range(0, len(costs), 3)])


vfs.mount(Flash(sys.path[1]), FLASH)
with open(sys.argv[1], "rb") as file:
    (squeeze if sys.argv[2] == "squeeze" else measure)(file, bytearray(WIDTH * HEIGHT))
