"""Runs on every interpreter: reads frames. Arguments are width, height and a file of frames, one after the other.

Prints each answer as a line of JSON. A frame is handed over as the camera does it: a view of signed bytes.
"""

import json
import sys
from array import array

from qr import Scanner

width, height = int(sys.argv[1]), int(sys.argv[2])
scanner = Scanner(width, height)
frame = array("b", bytes(width * height))
with open(sys.argv[3], "rb") as file:
    while file.readinto(frame) == len(frame):
        print(json.dumps(scanner.decode(memoryview(frame))))
