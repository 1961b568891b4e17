"""The scanner's inflater against zlib, on every interpreter."""

from __future__ import annotations

import json
import random
import zlib
from hashlib import sha256
from pathlib import Path

from interpreters import FIRMWARE, Interpreter

HERE = Path(__file__).parent


def told(interpreter: Interpreter, folder: Path, cases: list[tuple[int, bytes]]) -> list[str | None]:
    paths = [FIRMWARE, HERE / "shim"] if interpreter.name == "cpython" else [FIRMWARE]
    file = folder / "streams"
    file.write_text("".join(f"{size} {stream.hex()}\n" for size, stream in cases))
    printed = interpreter.run(HERE / "inflate_device.py", file, paths=paths, timeout_s=110).stdout
    return [json.loads(line) for line in printed.splitlines()]


def compressed(data: bytes, level: int = 9, strategy: int = 0, window: int = 12) -> bytes:
    compressor = zlib.compressobj(level, zlib.DEFLATED, window, 9, strategy)
    return compressor.compress(data) + compressor.flush()


def bits(generator: random.Random, size: int, share: float) -> bytes:
    data = bytearray(size)
    for _ in range(int(8 * size * share)):
        data[generator.randrange(size)] |= 1 << generator.randrange(8)
    return bytes(data)


def test_inflates_what_zlib_deflates(interpreter: Interpreter, tmp_path: Path) -> None:
    generator = random.Random(1951)
    contents = [b"", b"\0", bytes(20_000), b"abcdefgh" * 700]
    contents += [bits(generator, size, share) for size in (1, 511, 2048, 5000) for share in (0.01, 0.1, 0.5)]
    kinds = [(9, 0), (1, 0), (0, 0), (9, zlib.Z_HUFFMAN_ONLY), (9, zlib.Z_FIXED)]
    cases = [(data, compressed(data, *kind)) for data in contents for kind in kinds]
    answers = told(interpreter, tmp_path, [(len(data), stream) for data, stream in cases])
    assert answers == [sha256(data).hexdigest() for data, _ in cases]


def test_refuses_another_size_a_larger_window_and_bytes_behind(interpreter: Interpreter, tmp_path: Path) -> None:
    data = bits(random.Random(2), 3000, 0.02)
    stream = compressed(data)
    cases = [(len(data) - 1, stream), (len(data) + 1, stream), (0, stream), (3000, stream + b"\0"), (3000, stream[:-1])]
    cases += [(len(data), compressed(data, window=window)) for window in (13, 15)]
    cases += [(3000, b"\x48"), (3000, stream[2:]), (3000, b"\x49" + stream[1:])]
    assert told(interpreter, tmp_path, cases) == [None] * len(cases)


def by_zlib(stream: bytes, size: int) -> str | None:
    """The answer by zlib, which looks at the checksum too: here it does not count."""
    inflater = zlib.decompressobj(-12)
    try:
        zlib.decompressobj(12).decompress(stream[:2])
        data = inflater.decompress(stream[2:])
    except zlib.error:
        return None
    whole = inflater.eof and len(inflater.unused_data) == 4 and len(data) == size
    return sha256(data).hexdigest() if whole else None


def test_damaged_streams_are_refused_or_say_what_zlib_says(interpreter: Interpreter, tmp_path: Path) -> None:
    generator = random.Random(20_260)
    cases = []
    for _ in range(60 if interpreter.name == "rv32" else 250):
        size = generator.choice([64, 700, 5000])
        kind = (generator.choice([0, 1, 9]), generator.choice([0, zlib.Z_HUFFMAN_ONLY, zlib.Z_FIXED]))
        stream = bytearray(compressed(bits(generator, size, 0.1), *kind))
        for _ in range(generator.randrange(1, 4)):
            at = generator.randrange(len(stream))
            match generator.choice(["change", "drop", "insert"]):
                case "change":
                    stream[at] ^= 1 << generator.randrange(8)
                case "drop" if len(stream) > 8:
                    del stream[at]
                case _:
                    stream.insert(at, generator.randrange(256))
        cases.append((size, bytes(stream)))
    assert told(interpreter, tmp_path, cases) == [by_zlib(stream, size) for size, stream in cases]
