"""Shows frames to the application, and prints the garbage of a scan, the growth over all scans and the answers."""

import gc
import sys

import app as app_module
from board_sim import SimBoard, show
from config import load


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
    file = open(frames_path, "rb")
    frames = file.seek(0, 2) // board.frame_bytes
    frame = memoryview(bytearray(board.frame_bytes))
    garbage = 0
    growth = None
    answered = 0
    for number in range(scans):
        # Every card was out of view when it comes again, and passes where it may.
        board.contact.closed = True
        # What the simulator needs for its own events is made before.
        app.step()
        show(app, board, {"at_ms": number * 2500 + 1000}, None)
        file.seek(number % frames * board.frame_bytes)
        file.readinto(frame)
        board.camera.frame = frame
        gc.collect()
        before = gc.mem_alloc()
        app.step()
        garbage = max(garbage, gc.mem_alloc() - before)
        show(app, board, {"at_ms": number * 2500 + 2400}, None)
        answered += len([event for event in events if event["event"] in ("accepted", "refused")])
        events.clear()
        gc.collect()
        if number == 1000:
            growth = gc.mem_alloc()
    print(garbage, gc.mem_alloc() - growth, answered)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
