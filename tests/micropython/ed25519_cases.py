"""Read cases from standard input, answer one verdict a line: `key signature message`, in hex, `-` for no message."""

import binascii
import sys

from ed25519_reference import own_sha512, verify


def octets(text):
    return b"" if text == "-" else binascii.unhexlify(text)


for line in sys.stdin:
    fields = line.split()
    if fields[0] == "sha512":
        print(binascii.hexlify(own_sha512(octets(fields[1]))).decode())
    else:
        key, signature, message = [octets(field) for field in fields]
        print("accepted" if verify(key, signature, message) else "refused")
