"""A scanner whose serial line is this script's: each line of standard input is a step, each line printed its answer.

Arguments: the folder for its flash, and its family. A step is JSON: ["send", HEX] gives what comes on the line, and is
answered with what goes out, in hexadecimal; ["scan", TEXT] has somebody show a code, and is answered with what it led
to; ["pass_s", SECONDS]; ["start"], a restart. A reset that the scanner asks for is a restart too.
"""

import json
import os
import sys
from binascii import hexlify, unhexlify

from app import App
from application_slots import ApplicationSlots
from board_sim import SimBoard
from config import Config, ConfigError, load
from unconfigured import Unconfigured
from version_floor import FileFloor


class Restart(BaseException):
    pass


class Line:
    buffer_bytes = 180

    def __init__(self):
        self.coming = b""
        self.sent = []

    def readinto(self, buffer):
        count = min(len(buffer), len(self.coming))
        buffer[:count] = self.coming[:count]
        self.coming = self.coming[count:]
        return count

    def write(self, data):
        self.sent.append(data)


class Board(SimBoard):
    def __init__(self, root, config):
        super().__init__(root + "/trust", config, events.append, True)
        self.config_path = root + "/config.json"
        self.family = sys.argv[2]

    def serial(self):
        return line

    def rest(self):
        self.at_ms += 1

    def reset(self):
        raise Restart


class Texts:
    """A source that gives what it is told to."""

    is_working = is_watching = is_ready = True

    def __init__(self):
        self.text = None

    def poll(self):
        text = self.text
        self.text = None
        return None if text is None else (text, app.now_ms)


def start():
    try:
        config = load(root + "/config.json")
        source = texts
    except ConfigError:
        config = Config()
        source = Unconfigured(lambda: None)
    app = App(Board(root, config), source)
    floor = FileFloor(root + "/trust/application-floor")
    app.slots = ApplicationSlots(root + "/app", 0, sys.argv[2], app.store, app._verify, floor)
    app.self_test = lambda: {"ok": True, "camera": True, "card": True, "bundle": True}
    return app


def send(data):
    global app
    line.coming = unhexlify(data)
    line.sent.clear()
    while line.coming:
        step()
    # A turn answers one request, and so many may have come in one part.
    for _ in range(16):
        step()
    return hexlify(b"".join(line.sent)).decode()


def step():
    global app
    app.board.at_ms += 1
    try:
        app.step()
    except Restart:
        app.store.close()
        app = start()


def pass_s(seconds):
    for _ in range(seconds * 10):
        app.board.at_ms += 100
        app.step()


def scan(text):
    pass_s(3)
    events.clear()
    texts.text = text
    pass_s(2)
    return [event["event"] for event in events if _decides(event)]


def _decides(event):
    return event["event"] in ("accepted", "refused") or (event["event"] == "relay" and event["on"])


def restart():
    global app
    app.store.close()
    app = start()


root = sys.argv[1]
for name in ("/trust", "/app"):
    try:
        os.mkdir(root + name)
    except OSError:
        pass
events = []
line = Line()
texts = Texts()
app = start()
STEPS = {"send": send, "scan": scan, "pass_s": pass_s, "start": restart}
for step_line in sys.stdin:
    name, *arguments = json.loads(step_line)
    print(json.dumps(STEPS[name](*arguments)))
