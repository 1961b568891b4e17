"""The serial side on the chip: what it costs while nothing comes, and from a bundle's last byte until it is in force.

Arguments: files with the root, the bundle before, and the bundle that is pushed.

The flash is a file system in RAM whose files are streams of the interpreter's own, as littlefs's are: what a file
system does itself is not counted, what is asked of it is.
"""

import gc
import io
import os
import struct
import sys

import counter
import vfs

HEADER = ">BBHHBB"
PIECE_BYTES = 900
TURNS = 9


class Os:
    """This chip has no source of randomness, and cannot wait for input."""

    def __getattr__(self, name):
        return getattr(os, name)

    def urandom(self, size):
        return bytes(range(size))


class Select:
    """A console on which nothing comes."""

    POLLIN = 1

    def poll(self):
        return self

    def register(self, stream, events):
        pass

    def ipoll(self, timeout_ms):
        return ()


class Stream:
    buffer = None


sys.stdin = sys.stdout = Stream
sys.modules["os"] = Os()
sys.modules["select"] = Select()

from app import App  # noqa: E402
from camera_source import CameraSource  # noqa: E402
from config import Config  # noqa: E402
from console import Console  # noqa: E402
from qr import Scanner  # noqa: E402
from smp.body import encode  # noqa: E402
from smp.frames import write_frame  # noqa: E402
from version_floor import FileFloor  # noqa: E402


class File:
    """An open file: a stream that outlives it."""

    def __init__(self, data):
        self.data = data
        data.seek(0)
        self.read, self.readinto, self.write = data.read, data.readinto, data.write
        self.seek, self.tell = data.seek, data.tell

    def flush(self):
        pass

    close = flush

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Flash:
    def __init__(self):
        self._files = {}

    def mount(self, readonly, mkfs):
        pass

    def open(self, path, mode):
        if "w" in mode:
            self._files[path] = io.BytesIO()
        return File(self._found(path))

    def stat(self, path):
        if path not in self._files and not self._names(path):
            raise OSError
        return (0x8000, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    def mkdir(self, path):
        pass

    def ilistdir(self, path):
        return iter([(name, 0x8000, 0) for name in self._names(path)])

    def rename(self, old, new):
        self._files[new] = self._found(old)
        del self._files[old]

    def remove(self, path):
        self._found(path)
        del self._files[path]

    rmdir = remove

    def _found(self, path):
        if path not in self._files:
            raise OSError
        return self._files[path]

    def _names(self, folder):
        start = folder.rstrip("/") + "/"
        return [path[len(start) :] for path in self._files if path.startswith(start)]


class Line:
    buffer_bytes = 1024

    def __init__(self):
        self.coming = b""

    def readinto(self, buffer):
        count = min(len(buffer), len(self.coming))
        buffer[:count] = self.coming[:count]
        self.coming = self.coming[count:]
        return count

    def write(self, data):
        pass


class Host:
    """Writes to a line what a scanner reads from it."""

    def __init__(self, line):
        self._line = line

    def write(self, data):
        self._line.coming += data

    def send(self, group, command, body):
        data = encode(body)
        write_frame(self, struct.pack(HEADER, 10, 0, len(data), group, 0, command) + data)


class Camera:
    def __init__(self, frame):
        self._frame = frame

    def open(self):
        return self

    def capture(self):
        return self._frame

    def frame_available(self):
        return True


class Output:
    def on(self):
        pass

    def off(self):
        pass


class Board:
    """The surface of `boards.board.Board`."""

    flash = "/flash"
    config_path = "/flash/config.json"
    applications = "/flash/app"
    allow_test_city = True
    family = "unix"

    def __init__(self, serial):
        self.config = Config()
        self._serial = serial
        self.at_ms = 0
        self._camera = Camera(memoryview(bytes([128]) * (320 * 240)))

    def ticks_ms(self):
        return self.at_ms

    def tell(self, event):
        pass

    def relay(self):
        return Output()

    light = buzzer = relay

    def pass_contact(self):
        return None

    def version_floor(self):
        return FileFloor("/flash/floor")

    def application_floor(self):
        return FileFloor("/flash/application-floor")

    def source(self, ticks):
        return CameraSource(self._camera.open, Scanner(320, 240), ticks)

    def serial(self):
        return self._serial

    def rest(self):
        self.at_ms += 1

    def security_level(self):
        return "L0"

    def feed_watchdog(self):
        pass


def read(path):
    with open(path, "rb") as file:
        return file.read()


def turn(app):
    """The instructions of a turn, the median of some."""
    costs = []
    for _ in range(TURNS):
        app.board.at_ms += 80
        gc.collect()
        costs.append(counter.instructions(app.step))
    return sorted(costs)[TURNS // 2]


def idle():
    app = App(Board(Console()))
    turn(app)
    gc.collect()
    before = gc.mem_alloc()
    app._poll_serial()
    app._poll_serial()
    allocated = gc.mem_alloc() - before
    with_it = turn(app)
    app._serial_side = None
    counter.tell("idle", with_it=with_it, without_it=turn(app), allocated=allocated)


def serve(app, line):
    while line.coming:
        app._poll_serial()


def push(app, line, bundle):
    """Send a bundle; return what the last piece takes, from its first byte read on."""
    from hashlib import sha256

    host = Host(line)
    for at in range(0, len(bundle), PIECE_BYTES):
        piece = {"off": at, "data": bundle[at : at + PIECE_BYTES]}
        if not at:
            piece.update({"image": 1, "len": len(bundle), "sha": sha256(bundle).digest()})
        host.send(1, 1, piece)
        if at + PIECE_BYTES >= len(bundle):
            break
        serve(app, line)
    gc.collect()
    return counter.instructions(serve, app, line)


def live():
    root, before, bundle = [read(path) for path in sys.argv[1:4]]
    line = Line()
    app = App(Board(line))
    app.store.provision(root)
    push(app, line, before)
    old = app.store.installed.manifest.version
    took = push(app, line, bundle)
    assert app._judge.manifest.version == app.store.installed.manifest.version > old
    counter.tell("live", instructions=took)


vfs.mount(Flash(), "/flash")
idle()
live()
