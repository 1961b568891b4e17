"""Shows frames to the application, and prints the garbage of a scan, the growth over all scans and the answers."""

import gc
import sys

import app as app_module
from board_sim import SimBoard, let_pass
from config import load
from core.reasons import OK
from counters import KEPT_DAYS

# Every card is out of view when it comes again, and every pattern of light has ended.
PAUSE_MS = 3000
ANSWERED_MS = 1500


class NoCollection:
    """In place of `gc` in the application, so that what a scan leaves behind can be weighed."""

    @staticmethod
    def collect():
        pass


def main(flash, frames_path, scans):
    events = []
    board = SimBoard(flash, load(flash + "/config.json"), events.append, True)
    app = app_module.App(board)
    app_module.gc = NoCollection
    # All the days that are kept are there from the start, or each day of the run would add one. Of this year: a name as
    # short as the first days' takes no memory.
    today = app.clock.now()
    for day in range(KEPT_DAYS):
        app.counters.count(OK, today - day * 86400)
    file = open(frames_path, "rb")
    frames = file.seek(0, 2) // board.frame_bytes
    frame = memoryview(bytearray(board.frame_bytes))
    garbage = answered = 0
    # The collector keeps a stray block for a while now and then, so what counts is the least that each tenth has held.
    held = [0] * 10
    for number in range(scans):
        # Nobody is before the camera, and who was let in passes.
        board.contact.closed = True
        app.step()
        board.at_ms += PAUSE_MS
        # What is saved by the hour is no part of a scan.
        board.camera.gives_none = True
        app.step()
        board.camera.gives_none = False
        file.seek(number % frames * board.frame_bytes)
        file.readinto(frame)
        board.camera.frame = frame
        gc.collect()
        before = gc.mem_alloc()
        app.step()
        # The first of each kind makes what stays.
        if number >= frames:
            garbage = max(garbage, gc.mem_alloc() - before)
        # Until the answer has been shown the camera gives nothing: a grey frame costs as much as a card.
        board.camera.gives_none = True
        let_pass(app, board, board.at_ms + ANSWERED_MS)
        board.camera.gives_none = False
        answered += len([event for event in events if event["event"] in ("accepted", "refused")])
        events.clear()
        gc.collect()
        tenth = number * 10 // scans
        held[tenth] = min(held[tenth] or gc.mem_alloc(), gc.mem_alloc())
    print(garbage, held[9] - held[1], answered)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
