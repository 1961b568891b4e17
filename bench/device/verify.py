"""What a signature costs on the chip: a known key, a key seen for the first time, and the same comb on big integers.

The argument is a file of JSON: public key, signature and message, each in hexadecimal.
"""

import json
import sys
from binascii import unhexlify

import counter
from ed25519 import TABLE, Verifier, make_table
from ed25519_big_integers import Verifier as BigIntegerVerifier


def first_sight(public_key, signature, message):
    return Verifier(public_key, make_table(public_key)).verify(signature, message)


def tell(name, function, *arguments):
    answer, cost = counter.measure(function, *arguments)
    assert answer, name
    counter.tell(name, instructions=cost.instructions, heap_bytes=cost.heap_bytes, garbage_bytes=cost.garbage_bytes)
    return answer


def stages(public_key, table, signature, message):
    """The parts of a verification, one after the other."""
    verifier = Verifier(public_key, table)
    scalar = int.from_bytes(signature[32:], "little")
    challenge = tell("challenge", verifier._challenge, signature[:32], message) | 1
    for name, function, arguments in (
        ("comb", verifier._sum_up, (scalar, challenge)),
        ("encoding", verifier._encoded, ()),
    ):
        _, cost = counter.measure(function, *arguments)
        counter.tell(name, instructions=cost.instructions)


with open(sys.argv[1]) as file:
    case = json.load(file)
key, signature, message = [unhexlify(case[name]) for name in ("public_key", "signature", "message")]

tell("new_key", first_sight, key, signature, message)
table = make_table(key)
counter.tell("table", bytes=len(table))
counter.tell("base_table", bytes=len(TABLE))
tell("verify", Verifier(key, table).verify, signature, message)
stages(key, table, signature, message)
tell("big_integers", BigIntegerVerifier(key, table).verify, signature, message)

forged = bytes([signature[0] ^ 1]) + signature[1:]
assert not Verifier(key, table).verify(forged, message)
