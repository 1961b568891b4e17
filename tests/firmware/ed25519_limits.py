"""Runs on every interpreter: sizes and buffers of a verification, or its heap, as the argument says.

Standard input: key, signature and message, in hexadecimal.
"""

import gc
import sys
from binascii import unhexlify

from ed25519 import TABLE, Verifier, make_table


def raises_value_error(function, *arguments):
    try:
        function(*arguments)
    except ValueError:
        return True
    return False


def check_sizes(key, signature, message):
    table = make_table(key)
    assert make_table(key) == table
    assert len(table) == 24672
    # B's table and those of two keys, which a scanner holds all the time.
    assert len(TABLE) + 2 * len(table) <= 78 * 1024
    verifier = Verifier(key, table)
    assert verifier.verify(signature, message)
    for wrong in (b"", signature[:63], signature + b"\x00"):
        assert raises_value_error(verifier.verify, wrong, message), len(wrong)
    for wrong in (b"", key[:31], key + b"\x00"):
        assert raises_value_error(Verifier, wrong), len(wrong)
        assert raises_value_error(Verifier, wrong, table), len(wrong)
        assert raises_value_error(make_table, wrong), len(wrong)
    for wrong in (b"", table[:-1], table + b"\x00"):
        assert raises_value_error(Verifier, key, wrong), len(wrong)
    for refused in (bytes(32), b"\xff" * 32, b"\x02" + bytes(31)):
        assert raises_value_error(make_table, refused), refused
        assert not Verifier(refused).verify(signature, message)
    assert not Verifier(bytes(32), table).verify(signature, message)
    # A camera's or a file's buffer, and a table at an address that no word begins at.
    view = memoryview(b"-" + signature + message)
    assert verifier.verify(view[1:65], view[65:])
    assert verifier.verify(bytearray(signature), bytearray(message))
    assert Verifier(bytearray(key), memoryview(b"-" + table)[1:]).verify(signature, message)
    print("ok")


def print_heap(key, signature, message):
    verifier = Verifier(key)
    verifier.verify(signature, message)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    verifier.verify(signature, message)
    after = gc.mem_alloc()
    gc.enable()
    print(after - before)


arguments = [unhexlify(part) for part in sys.stdin.read().split()]
{"sizes": check_sizes, "heap": print_heap}[sys.argv[1]](*arguments)
