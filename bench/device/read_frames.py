"""Read frames: width, height, a file of frames one after the other, what to do. Prints an answer a line, as JSON.

To do: `read`; `measure` each frame; `squeeze`, which reads with as little heap left as a scanner has beside a frame.
"""
# ruff: noqa: T201

import json
import sys

from qr import Scanner

HEAP_BYTES = 110 * 1024


def read(frame):
    return scanner.decode(frame)


def squeeze(frame):
    try:
        return scanner.decode(frame)
    except MemoryError:
        too_big.append(1)


def measure(frame):
    text, cost = counter.measure(scanner.decode, frame)
    costs.append((cost.instructions, cost.heap_bytes, cost.garbage_bytes))
    return text


width, height = int(sys.argv[1]), int(sys.argv[2])
frame = bytearray(width * height)
costs = []
too_big = []
answer = read
if sys.argv[4] == "read":
    scanner = Scanner(width, height)
else:
    import counter

    if sys.argv[4] == "squeeze":
        ballast = counter.leave_heap(HEAP_BYTES)
        scanner = Scanner(width, height)
        answer = squeeze
    else:
        answer = measure
        scanner, cost = counter.measure(Scanner, width, height)
        counter.tell("scanner", heap_bytes=cost.heap_bytes)

with open(sys.argv[3], "rb") as file:
    while file.readinto(frame) == len(frame):
        print(json.dumps(answer(frame)))
if answer is measure:
    counter.tell("frames", costs=costs)
if answer is squeeze:
    counter.tell("frames", too_big=len(too_big))
