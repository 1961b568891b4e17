"""The scanner's Ed25519 decides as libsodium does, on every interpreter that it has to run on."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from nacl.bindings import (
    crypto_core_ed25519_add,
    crypto_core_ed25519_scalar_reduce,
    crypto_scalarmult_ed25519_base_noclamp,
)
from nacl.signing import SigningKey

from interpreters import FIRMWARE, PROJECT, Interpreter, micropython, micropython32
from test_ed25519_reference import ORDER_EIGHT, Case, L, cases, flip, libsodium_accepts, little, signed

FOLDER = PROJECT / "tests" / "firmware"
QUESTIONS = FOLDER / "ed25519_device.py"
LIMITS = FOLDER / "ed25519_limits.py"
SHIM = FOLDER / "shim"
IDENTITY = little(1)


def in_hexadecimal(case: Case) -> str:
    return " ".join(part.hex() or "-" for part in case)


def run(interpreter: Interpreter, script: Path, *arguments: str, stdin: str = "", timeout_s: float = 110) -> list[str]:
    paths = [FIRMWARE, SHIM] if interpreter.name == "cpython" else [FIRMWARE]
    return interpreter.run(script, *arguments, paths=paths, stdin=stdin, timeout_s=timeout_s).stdout.splitlines()


def ask(interpreter: Interpreter, questions: Sequence[str], timeout_s: float = 110) -> list[str]:
    return run(interpreter, QUESTIONS, stdin="\n".join(questions) + "\n", timeout_s=timeout_s)


def assert_decided_as_libsodium_does(
    interpreter: Interpreter, named: Iterable[tuple[str, Case]], timeout_s: float = 110
) -> dict[str, str]:
    """Both are asked; answers by name. Cases of a key come together, for its table is made once then."""
    ordered = sorted(named, key=lambda case: case[1][0])
    questions = ["verify " + in_hexadecimal(case) for _, case in ordered]
    answers = dict(zip([name for name, _ in ordered], ask(interpreter, questions, timeout_s), strict=True))
    assert answers == {name: "accepted" if libsodium_accepts(case) else "refused" for name, case in ordered}
    return answers


def multiple(point: bytes, factor: int) -> bytes:
    total = IDENTITY
    for _ in range(factor):
        total = crypto_core_ed25519_add(total, point)
    return total


def mixed_order_cases() -> Iterator[tuple[str, Case]]:
    """A key that is not of prime order, and signatures made so that the equation without cofactor holds."""
    a = 12345
    key = crypto_core_ed25519_add(crypto_scalarmult_ed25519_base_noclamp(little(a)), ORDER_EIGHT)
    wanted = {0, 1, 2, 3, 4, 5, 6, 7}
    for counter in range(1000):
        message = b"mixed %d" % counter
        r = 67890 + counter
        # R has a part of small order too: the one that h·A leaves. What h will be, only the hash of R tells.
        for part in range(8):
            point = crypto_core_ed25519_add(
                crypto_scalarmult_ed25519_base_noclamp(little(r)), multiple(ORDER_EIGHT, part)
            )
            challenge = int.from_bytes(
                crypto_core_ed25519_scalar_reduce(hashlib.sha512(point + key + message).digest()), "little"
            )
            if (part + challenge) % 8 == 0 and part in wanted:
                wanted.remove(part)
                signature = point + little((r + challenge * a) % L)
                yield f"key of mixed order, h = {-part % 8} modulo 8", (key, signature, message)
        if not wanted:
            return
    raise AssertionError("no messages found")


def random_cases(seed: int, count: int) -> Iterator[tuple[str, Case]]:
    """Signatures, right and wrong in the ways that chance finds and in the ways that a forger tries."""
    generator = random.Random(seed)
    for number in range(count):
        signing_key = SigningKey(generator.randbytes(32))
        key = bytes(signing_key.verify_key)
        message = generator.randbytes(generator.choice((0, 1, 55, 111, 127, 128, 200, 239, 240, 241, 1000)))
        signature = signing_key.sign(message).signature
        yield f"{number} signed", (key, signature, message)
        yield f"{number} a bit flipped", (key, flip(signature, generator.randrange(512)), message)
        yield f"{number} random R", (key, generator.randbytes(32) + signature[32:], message)
        yield f"{number} random S", (key, signature[:32] + little(generator.randrange(L)), message)
        s = int.from_bytes(signature[32:], "little")
        for times in range(1, 9):
            yield f"{number} S + {times}·L", (key, signature[:32] + little(s + times * L), message)
        yield f"{number} R negated", (key, flip(signature, 255), message)
        yield f"{number} S negated", (key, signature[:32] + little(L - s), message)


def forged_keys(seed: int, count: int) -> Iterator[tuple[str, Case]]:
    generator = random.Random(seed)
    for number in range(count):
        yield f"{number} random bytes", (generator.randbytes(32), generator.randbytes(64), generator.randbytes(50))


@pytest.mark.slow
def test_decides_as_libsodium_does(interpreter: Interpreter) -> None:
    answers = assert_decided_as_libsodium_does(interpreter, cases())
    assert [name for name, answer in answers.items() if answer == "accepted"]


def test_a_key_of_mixed_order_is_taken_as_it_is(interpreter: Interpreter) -> None:
    answers = assert_decided_as_libsodium_does(interpreter, mixed_order_cases())
    assert set(answers.values()) == {"accepted"}
    assert len(answers) == 8


def test_messages_of_any_length(interpreter: Interpreter) -> None:
    lengths = (0, 1, 47, 48, 63, 64, 65, 175, 176, 191, 192, 193, 200, 1000, 8192)
    key = SigningKey(bytes(32))
    message = random.Random(1).randbytes(8192)
    named = [
        (f"{length} bytes", (bytes(key.verify_key), key.sign(message[:length]).signature, message[:length]))
        for length in lengths
    ]
    assert set(assert_decided_as_libsodium_does(interpreter, named).values()) == {"accepted"}


def test_random_signatures(interpreter: Interpreter) -> None:
    keys = 2 if interpreter.name == "cpython" else 50
    assert_decided_as_libsodium_does(interpreter, random_cases(1, keys))
    assert_decided_as_libsodium_does(interpreter, forged_keys(2, 2 * keys))


def flipped(positions: Iterable[int]) -> Iterator[tuple[str, Case]]:
    """Of a signature over 8 bytes: bits 0 to 511 are the signature's, to 767 the key's, to 831 the message's."""
    key, signature, message = signed(5, b"turnstil")
    for position in positions:
        if position < 512:
            yield f"signature {position}", (key, flip(signature, position), message)
        elif position < 768:
            yield f"key {position - 512}", (flip(key, position - 512), signature, message)
        else:
            yield f"message {position - 768}", (key, signature, flip(message, position - 768))


def test_every_bit_flipped(interpreter: Interpreter) -> None:
    """On CPython, where a key's table takes a fifth of a second, every 61st bit."""
    positions = range(0, 832, 61 if interpreter.name == "cpython" else 1)
    answers = assert_decided_as_libsodium_does(interpreter, flipped(positions))
    assert len(answers) == len(positions)
    assert set(answers.values()) == {"refused"}


def test_wrong_sizes_are_errors_and_any_buffer_is_taken(interpreter: Interpreter) -> None:
    assert run(interpreter, LIMITS, "sizes", stdin=in_hexadecimal(signed(3, b"buffers"))) == ["ok"]


def test_a_call_takes_little_heap_and_keeps_none(interpreter: Interpreter) -> None:
    """On the chip itself the measures know the highest point; here it is what a call leaves without a collection."""
    if interpreter.name == "cpython":
        pytest.skip("CPython's heap says nothing about a chip's")
    (garbage_bytes,) = run(interpreter, LIMITS, "heap", stdin=in_hexadecimal(signed(3, bytes(200))))
    # An object of a 64-bit interpreter takes up to twice as much.
    assert 0 < int(garbage_bytes) <= (1.2 if interpreter.word_bits == 32 else 2.4) * 1024


@pytest.mark.parametrize("length", [0, 1, 55, 111, 112, 127, 128, 129, 239, 240, 255, 256, 257, 1000])
def test_sha512(interpreter: Interpreter, length: int) -> None:
    message = random.Random(length).randbytes(length)
    cuts = {"0", str(length // 3), str(length // 2), str(min(128, length))}
    questions = [f"sha512 {cut} {message.hex() or '-'}" for cut in cuts]
    assert set(ask(interpreter, questions)) == {hashlib.sha512(message).hexdigest()}


def test_sha512_of_words_at_their_limits(interpreter: Interpreter) -> None:
    """Words of all ones make every sum of halves wrap as far as it can."""
    messages = [octet * length for octet in (b"\xff", b"\x00", b"\x80", b"\x7f") for length in (119, 128, 500)]
    questions = [f"sha512 0 {message.hex()}" for message in messages]
    assert ask(interpreter, questions) == [hashlib.sha512(message).hexdigest() for message in messages]


@pytest.mark.soak
@pytest.mark.parametrize("make", [micropython, micropython32])
@pytest.mark.parametrize("batch", range(20))
def test_soak(make, batch: int) -> None:
    seed = random.SystemRandom().randrange(1 << 62)
    print(f"seed {seed}")
    interpreter = make()
    assert_decided_as_libsodium_does(interpreter, random_cases(seed, 200), timeout_s=1200)
    assert_decided_as_libsodium_does(interpreter, forged_keys(seed, 1000), timeout_s=1200)
