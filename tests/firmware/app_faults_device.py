"""What the application does when a part of it fails, or the time is set.

Arguments: a folder for a flash, a file with the frame of a good card, and the name of a function below. Prints the
events as JSON, and when the watchdog was fed last.
"""

import json
import sys

from app import App
from board_sim import SimBoard, let_pass, show
from config import load

MINUTE_MS = 60000


class Run:
    def __init__(self, flash, frame):
        self.events = []
        self.fed_ms = -1
        self.board = SimBoard(flash, load(flash + "/config.json"), self._note, True)
        self.board.feed_watchdog = self._feed
        self.app = App(self.board)
        with open(frame, "rb") as file:
            self.frame = memoryview(file.read())

    def _note(self, event):
        # A lamp that blinks for minutes is no news.
        if event["event"] not in ("led", "buzzer"):
            self.events.append(event)

    def _feed(self):
        self.fed_ms = self.board.at_ms

    def see(self, at_ms, frame=None, **header):
        """Show a frame at a time; a grey one where none is given."""
        show(self.app, self.board, dict(header, at_ms=at_ms), frame)

    def rest(self, until_ms, every_ms=1000, **header):
        """See nothing for a while."""
        for at_ms in range(self.board.at_ms + every_ms, until_ms, every_ms):
            self.see(at_ms, **header)
        let_pass(self.app, self.board, until_ms)


def flash_fails(run):
    """The bits of the list cannot be read."""
    run.app.store._contents.close()
    run.see(1000, run.frame)
    run.rest(15000)


def relay_fails(run):
    def fail():
        raise OSError

    run.app._gate._relay.on = fail
    run.see(1000, run.frame)
    run.rest(15000)


def flash_is_full(run):
    """Neither counters nor clock can be saved when an hour has passed."""
    run.see(1000, run.frame)
    run.app.counters._path = run.app.clock._path = run.board.flash + "/missing/file"
    run.rest(62 * MINUTE_MS, MINUTE_MS)
    run.see(63 * MINUTE_MS, run.frame)
    run.rest(64 * MINUTE_MS)


def camera_is_gone(run):
    run.rest(20 * MINUTE_MS, 5000, fail=True)
    run.events.append({"event": "back", "at_ms": run.board.at_ms, "fed_ms": run.fed_ms})
    run.rest(21 * MINUTE_MS)


def a_part_always_fails(run):
    def fail(now_s):
        raise OSError

    run.app.counters.tick = fail
    run.rest(10 * MINUTE_MS, 5000)


def time_is_set(run):
    """A host's time past the bundle's end, and then back before its beginning."""
    manifest = run.app.store.installed.manifest
    run.see(1000)
    run.app.clock.hint(manifest.exp + 1, manifest.exp)
    run.see(2000, run.frame)
    run.rest(5000)
    run.app.clock.hint(0, manifest.exp)
    run.see(6000)
    run.see(9000, run.frame)
    run.rest(12000)


run = Run(*sys.argv[1:3])
globals()[sys.argv[3]](run)
print(json.dumps({"events": run.events, "fed_ms": run.fed_ms}))
