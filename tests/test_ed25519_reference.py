"""The Ed25519 that device-side tests hand to `core` decides as libsodium does, on every interpreter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from nacl.bindings import (
    crypto_core_ed25519_add,
    crypto_core_ed25519_scalar_reduce,
    crypto_scalarmult_ed25519_base_noclamp,
    crypto_sign_open,
)
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey

from interpreters import DEVICE_HELPERS, Interpreter

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
ORDER_EIGHT = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")

Case = tuple[bytes, bytes, bytes]


def signed(seed: int, message: bytes) -> Case:
    key = SigningKey(bytes([seed]) * 32)
    return bytes(key.verify_key), key.sign(message).signature, message


def little(number: int) -> bytes:
    return number.to_bytes(32, "little")


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def cases() -> Iterator[tuple[str, Case]]:
    for length in (0, 1, 111, 112, 128, 200):
        yield f"signed, message of {length} bytes", signed(length % 7 + 1, bytes(range(length)))

    key, signature, message = signed(1, b"carte ardente")
    for bit in (0, 100, 254, 255, 256, 400, 507):
        yield f"bit {bit} of the signature flipped", (key, flip(signature, bit), message)
    for bit in (0, 200, 255):
        yield f"bit {bit} of the key flipped", (flip(key, bit), signature, message)
    yield "bit of the message flipped", (key, signature, flip(message, 3))
    yield "another's key", (signed(2, b"")[0], signature, message)

    s = int.from_bytes(signature[32:], "little")
    yield "S + L", (key, signature[:32] + little(s + L), message)
    yield "S = L", (key, signature[:32] + little(L), message)
    yield "S = 0", (key, signature[:32] + little(0), message)
    yield "S of 256 ones", (key, signature[:32] + b"\xff" * 32, message)

    # With a key of small order and R = S·B any message passes the bare equation for some of them: k·A can vanish.
    eight = int.from_bytes(ORDER_EIGHT, "little")
    small = {"1": 1, "-1": P - 1, "0": 0, "p": P, "p + 1": P + 1, "of order 8": eight, "of order 8, -y": P - eight}
    for name, y in small.items():
        for sign in (0, 1 << 255):
            point = little(y | sign)
            yield f"key of small order, y = {name}, sign {sign >> 255}", (point, signature, message)
            yield f"key and R of small order, y = {name}, sign {sign >> 255}", (point, point + little(0), message)
            yield f"R of small order, y = {name}, sign {sign >> 255}", (key, point + signature[32:], message)
    for offset in range(2, 19):
        yield f"key not canonical, y = p + {offset}", (little(P + offset), signature, message)
        yield f"R not canonical, y = p + {offset}", (key, little(P + offset) + signature[32:], message)
    for y in range(2, 12):
        yield f"key with y = {y}, on the curve or off it", (little(y), signature, message)
    yield "mixed order: key plus a point of order 8", mixed_order_case()


def mixed_order_case() -> Case:
    """A signature that the equation with cofactor accepts and the one without refuses."""
    a = little(12345)
    key = crypto_core_ed25519_add(crypto_scalarmult_ed25519_base_noclamp(a), ORDER_EIGHT)
    r = little(67890)
    r_point = crypto_scalarmult_ed25519_base_noclamp(r)
    for counter in range(100):
        message = b"mixed %d" % counter
        k = crypto_core_ed25519_scalar_reduce(hashlib.sha512(r_point + key + message).digest())
        if k[0] % 8:
            s = (67890 + int.from_bytes(k, "little") * 12345) % L
            return key, r_point + little(s), message
    raise AssertionError("no challenge that is not a multiple of 8")


def libsodium_accepts(case: Case) -> bool:
    key, signature, message = case
    try:
        crypto_sign_open(signature + message, key)
    except BadSignatureError:
        return False
    return True


def ask(interpreter: Interpreter, lines: list[str]) -> list[str]:
    result = interpreter.run(DEVICE_HELPERS / "ed25519_cases.py", stdin="\n".join(lines) + "\n")
    return result.stdout.split()


def test_decides_as_libsodium_does(interpreter: Interpreter) -> None:
    named = list(cases())
    lines = [" ".join(part.hex() or "-" for part in case) for _, case in named]
    answers = dict(zip([name for name, _ in named], ask(interpreter, lines), strict=True))
    expected = {name: "accepted" if libsodium_accepts(case) else "refused" for name, case in named}
    assert answers == expected
    assert [name for name in expected if expected[name] == "accepted"] == [
        name for name in expected if name.startswith("signed,")
    ]


@pytest.mark.parametrize("length", [0, 1, 110, 111, 112, 127, 128, 129, 239, 240, 1000])
def test_own_sha512_is_sha512(interpreter: Interpreter, length: int) -> None:
    message = bytes(number * 7 % 256 for number in range(length))
    assert ask(interpreter, [f"sha512 {message.hex() or '-'}"]) == [hashlib.sha512(message).hexdigest()]
