"""Run boards and `main` on stand-ins for the hardware (stand_ins/); print what was asked of it, as JSON.

boards_device.py made BOARD CONFIG                what `make` gives for a configuration in JSON
boards_device.py contact                          what a contact tells after it closed
boards_device.py started FLASH MS FRAME FAULT     what `main` does for so long, on a folder for a flash, with a
                                                  frame in a file, and what is wrong with the hardware
"""

import json
import sys
import time

import camera
import machine
import main
from boards import board as board_module
from config import parse


class PowerOffError(BaseException):
    pass


def pins():
    return [[pin.number, pin.mode, pin.pull, pin.level] for pin in machine.pins.values()]


def asked(part):
    """What is asked of the hardware for a part of a board."""
    machine.pins.clear()
    made = part()
    return [type(made).__name__, pins()]


def made(name, config):
    values = json.loads(config)
    values["board"] = name
    board = __import__("boards." + name, None, None, ("make",)).make(parse(values))
    source = board.source(board.ticks_ms)
    try:
        source.poll()
        time.sleep_ms(3000)
        source.poll()
    except OSError:
        pass  # No camera
    return {
        "relay": asked(board.relay),
        "pass": asked(board.pass_contact),
        "light": asked(board.light),
        "buzzer": asked(board.buzzer),
        "floor": type(board.version_floor()).__name__,
        "source": type(source).__name__,
        "uarts": machine.uarts,
        "cameras": camera.opened,
        "watchdogs": [watchdog.timeout_ms for watchdog in machine.watchdogs],
    }


def contact():
    contact = board_module.Contact(14)
    told = [contact.taken()]
    for _ in range(3):
        machine.pins[14].close()
    told += [contact.taken(), contact.taken()]
    return told


def started(flash, for_ms, frame, fault):
    def watch(now_ms):
        if now_ms >= int(for_ms):
            raise PowerOffError

    time.watchers.append(watch)
    main._CONFIG = flash + "/config.json"
    board_module.Board.flash = flash
    board_module.Board.allow_test_city = True
    with open(frame, "rb") as file:
        camera.frame = memoryview(file.read())
    if fault == "no camera":
        camera.is_there = False
    elif fault == "no camera module":
        del sys.modules["camera"]
        sys.path[:] = [path for path in sys.path if not path.endswith("stand_ins")]
    elif fault == "no room":

        class NoRoom:
            def __init__(self, width, height):
                raise MemoryError

        board_module.Scanner = NoRoom
    try:
        main.main()
    except PowerOffError:
        pass
    return {
        "changes": machine.changes,
        "unfed_ms": [time.now_ms - watchdog.fed_at_ms for watchdog in machine.watchdogs],
    }


print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
