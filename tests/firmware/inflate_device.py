"""Inflates what a file says, a line each: size and zlib stream in hexadecimal. Prints the SHA-256 of each, or null."""

import hashlib
import io
import json
import sys
from binascii import hexlify, unhexlify

from core.errors import FormatError
from inflate import inflate

PART_BYTES = 5 * 1024


class Drops:
    """A stream that gives a few bytes at a time."""

    def __init__(self, stream):
        self._stream = stream

    def readinto(self, buffer):
        return self._stream.readinto(memoryview(buffer)[:5])


with open(sys.argv[1]) as file:
    for number, line in enumerate(file):
        size, data = line.split()
        data = unhexlify(data)
        stream = io.BytesIO(b"before" + data + b"behind")
        stream.seek(6)
        digest = hashlib.sha256()
        try:
            inflate(Drops(stream) if number % 2 else stream, len(data), int(size), PART_BYTES, digest.update)
            assert stream.tell() == 6 + len(data)
            print(json.dumps(hexlify(digest.digest()).decode()))
        except FormatError:
            print("null")
