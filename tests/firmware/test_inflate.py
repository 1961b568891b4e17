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


def skewed(generator: random.Random) -> bytes:
    """Bytes of which each is half as frequent again as the next: their codes take up to 15 bits."""
    data = bytearray(b"".join(bytes([byte]) * round(1.5**byte) for byte in range(22)))
    generator.shuffle(data)
    return bytes(data)


class Bits:
    """A zlib stream that no compressor makes, bit by bit."""

    def __init__(self) -> None:
        self._value = 0
        self._count = 0

    def put(self, *fields: tuple[int, int]) -> Bits:
        """Numbers with their sizes."""
        for value, size in fields:
            self._value |= value << self._count
            self._count += size
        return self

    def put_dynamic(self, order_lengths: dict[int, int], *codes: tuple[int, int]) -> Bits:
        """A block of dynamic codes, 257 literals and a distance: lengths of the codes for lengths, and these codes."""
        order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        self.put((1, 1), (2, 2), (0, 5), (0, 5), (15, 4))
        return self.put(*[(order_lengths.get(symbol, 0), 3) for symbol in order], *codes)

    def stream(self, data: bytes = b"") -> bytes:
        body = self._value.to_bytes((self._count + 7) // 8, "little")
        return b"\x48\x89" + body + zlib.adler32(data).to_bytes(4, "big")


def test_inflates_what_zlib_deflates(interpreter: Interpreter, tmp_path: Path) -> None:
    generator = random.Random(1951)
    contents = [b"", b"\0", bytes(20_000), b"abcdefgh" * 700, skewed(generator), bits(generator, 30_000, 0.01)]
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
    # A copy past the last part, which begins with what an earlier copy left over.
    cases += [(size, compressed(bytes(20_000))) for size in range(5120, 5400, 7)]
    cases += [(3000, b"\x48"), (3000, stream[2:]), (3000, b"\x49" + stream[1:])]
    assert told(interpreter, tmp_path, cases) == [None] * len(cases)


# Codes of one bit for 18 (repeat 0) and 1: the code of 1 is 0, that of 18 is 1, with 7 bits for how often.
ONE_OR_NOUGHTS = {1: 1, 18: 1}


def noughts(count: int) -> tuple[tuple[int, int], ...]:
    return (1, 1), (count - 11, 7)


LITERAL_256 = (*noughts(138), *noughts(118), (0, 1))
FIXED = ((1, 1), (1, 2))


def far(back: int) -> tuple[int, bytes]:
    """A fixed block that copies from `back` bytes before, after 4,200 noughts in a block as they are."""
    noughts = bytes(4200)
    value, extra, size = next(
        (symbol, back - 1 - (2 + symbol % 2 << symbol // 2 - 1), symbol // 2 - 1)
        for symbol in range(4, 30)
        if back - 1 < (3 + symbol % 2 << symbol // 2 - 1)
    )
    reverse = int(f"{value:05b}"[::-1], 2)
    made = Bits().put((0, 3), (0, 5), (4200, 16), (4200 ^ 0xFFFF, 16), (0, 8 * 4200))
    return 4203, made.put(*FIXED, (0b1000000, 7), (reverse, 5), (extra, size), (0, 7)).stream(noughts + bytes(3))


GAP, OVERLAP = {1: 1, 18: 2}, {0: 1, 1: 1, 18: 1}
# Size, stream, and what it inflates to, or None where it is refused.
MADE = {
    "nothing": (0, Bits().put_dynamic(ONE_OR_NOUGHTS, *LITERAL_256, (0, 1), (0, 1)).stream(), b""),
    "a gap between codes": (0, Bits().put_dynamic(GAP, *LITERAL_256, (0, 1), (0, 1)).stream(), None),
    "codes that overlap": (0, Bits().put_dynamic(OVERLAP, *LITERAL_256, (0, 1), (0, 1)).stream(), None),
    "no code at all": (0, Bits().put_dynamic({}, *LITERAL_256, (0, 1), (0, 1)).stream(), None),
    "too many lengths": (0, Bits().put_dynamic(ONE_OR_NOUGHTS, *noughts(138), *noughts(138)).stream(), None),
    "fixed codes, nothing": (0, Bits().put(*FIXED, (0, 7)).stream(), b""),
    "a fourth kind of block": (0, Bits().put((1, 1), (3, 2)).stream(), None),
    "length symbol 286": (0, Bits().put(*FIXED, (0b01100011, 8)).stream(), None),
    "distance symbol 30": (3, Bits().put(*FIXED, (0b1000000, 7), (0b01111, 5)).stream(), None),
    "before the first byte": (3, Bits().put(*FIXED, (0b1000000, 7), (0, 5), (0, 7)).stream(bytes(3)), None),
    "length without complement": (0, Bits().put((1, 3), (0, 5), (1, 16), (1, 16)).stream(), None),
    "4 KB back": (*far(4096), bytes(4203)),
    "more than 4 KB back": (*far(4097), None),
}


def test_streams_that_no_compressor_makes(interpreter: Interpreter, tmp_path: Path) -> None:
    answers = told(interpreter, tmp_path, [(size, stream) for size, stream, _ in MADE.values()])
    expected = {name: None if data is None else sha256(data).hexdigest() for name, (_, _, data) in MADE.items()}
    assert dict(zip(MADE, answers, strict=True)) == expected


def by_zlib(stream: bytes, size: int) -> str | None:
    inflater = zlib.decompressobj(12)
    try:
        data = inflater.decompress(stream)
    except zlib.error:
        return None
    whole = inflater.eof and not inflater.unused_data and len(data) == size
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
