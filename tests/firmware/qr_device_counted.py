"""Runs on the counting chip: what reading frames takes, first by the count, then with so much heap beside the frame.

Arguments are width, height, bytes of heap and a file of frames, one after the other.
"""

import sys

import counter
from qr import Scanner

width, height, heap_bytes = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
frame = bytearray(width * height)
instructions = []
scanner = Scanner(width, height)
with open(sys.argv[4], "rb") as file:
    while file.readinto(frame) == len(frame):
        answer, cost = counter.measure(scanner.decode, frame)
        instructions.append(cost.instructions)
counter.tell("frames", instructions=instructions)

scanner = None
ballast = counter.leave_heap(heap_bytes)
scanner = Scanner(width, height)
with open(sys.argv[4], "rb") as file:
    while file.readinto(frame) == len(frame):
        scanner.decode(frame)
counter.tell("heap", bytes=heap_bytes)
