"""Print, a line each, a built-in type or module and the public names that it has on this interpreter."""

import binascii
import builtins
import hashlib
import struct

KINDS = (str, bytes, bytearray, int, list, tuple, dict, set, frozenset, memoryview)

for kind in KINDS:
    print("attributes", " ".join([name for name in dir(kind) if name[0] != "_"]))
for module in (builtins, binascii, hashlib, struct):
    print(module.__name__, " ".join([name for name in dir(module) if name[0] != "_"]))
