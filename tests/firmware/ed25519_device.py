"""Runs on every interpreter: asks the scanner's verification. Each line of standard input is answered with a line.

`verify KEY SIGNATURE MESSAGE`, `table KEY` (its SHA-256 is the answer) and `sha512 CUTS MESSAGE`, where the message is
fed in parts that end at the cuts. Octets are in hexadecimal, `-` stands for none.
"""

import hashlib
import sys
from binascii import hexlify, unhexlify

from ed25519 import Verifier, make_table
from sha512 import Sha512


def octets(text):
    return b"" if text == "-" else unhexlify(text)


def hexadecimal(data):
    return hexlify(data).decode()


class Answers:
    def __init__(self):
        self._key = b""
        self._verifier = None
        self._hash = Sha512()

    def verify(self, key, signature, message):
        # Questions about a key come one after the other; a scanner holds few tables at once.
        key = octets(key)
        if key != self._key:
            self._verifier = None
            self._verifier = Verifier(key)
            self._key = key
        return "accepted" if self._verifier.verify(octets(signature), octets(message)) else "refused"

    def table(self, key):
        try:
            return hexadecimal(hashlib.sha256(make_table(octets(key))).digest())
        except ValueError:
            return "refused"

    def sha512(self, cuts, message):
        message = octets(message)
        self._hash.begin()
        start = 0
        for cut in [int(cut) for cut in cuts.split(",")] + [len(message)]:
            self._hash.update(memoryview(message)[start:cut])
            start = cut
        digest = bytearray(64)
        self._hash.digest_into(digest)
        return hexadecimal(digest)


answers = Answers()
for line in sys.stdin:
    question = line.split()
    print(getattr(answers, question[0])(*question[1:]))
