"""What goes over the serial line, on every interpreter: frames among noise, bodies in strict CBOR, dates."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cbor2
import pytest
from smp import packet as smp_packet

from interpreters import FIRMWARE, Interpreter

BUFFER_BYTES = 180
SCRIPT = Path(__file__).with_name("smp_wire_device.py")


def told(interpreter: Interpreter, folder: Path, what: str, lines: list[str], *arguments: str) -> list[Any]:
    file = folder / "lines"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    printed = interpreter.run(SCRIPT, what, file, *arguments, paths=[FIRMWARE]).stdout
    return [json.loads(line) for line in printed.splitlines()]


def framed(packet: bytes, line_length: int = 127) -> bytes:
    return b"".join(smp_packet.encode(packet, line_length))


def pieces(stream: bytes, generator: random.Random) -> str:
    """A stream as it may come, some bytes at a time."""
    cut = []
    while stream:
        size = generator.choice([1, 2, 3, 17, 64, 200])
        cut.append(stream[:size].hex())
        stream = stream[size:]
    return " ".join(cut)


def packets_in(interpreter: Interpreter, folder: Path, streams: list[bytes], buffer_bytes: int = BUFFER_BYTES) -> Any:
    generator = random.Random(5)
    lines = [pieces(stream, generator) for stream in streams]
    return told(interpreter, folder, "frames", lines, str(buffer_bytes))


LOG = b"I (312) cpu_start: Pro cpu up.\r\n"
PACKET = bytes(range(150))


@pytest.mark.parametrize("line_length", [12, 127, 128, 400])
def test_a_packet_of_any_length_comes_whole(interpreter: Interpreter, tmp_path: Path, line_length: int) -> None:
    packets = [random.Random(size).randbytes(size) for size in (1, 8, 9, 10, 90, 91, 92, 93, BUFFER_BYTES)]
    stream = b"".join(framed(packet, line_length) for packet in packets)
    [answer] = packets_in(interpreter, tmp_path, [stream])
    assert answer == [[packet.hex() for packet in packets], len(packets), 0]


FOUND = {
    "between log lines": LOG + framed(PACKET) + LOG,
    "behind a log line without its end": b"rst:0x1 (POWERON_RESET),boot:" + framed(PACKET),
    "with a log line in the middle": framed(PACKET).replace(b"\n", b"\n" + LOG, 1),
    "with carriage returns": framed(PACKET).replace(b"\n", b"\r\n"),
    "behind half a frame": framed(PACKET)[:70] + framed(PACKET),
    "behind the first line of a frame": framed(PACKET)[:128] + framed(PACKET),
    "behind noise longer than any line": bytes(range(0x80, 0xFF)) * 40 + b"\n" + framed(PACKET),
    "behind noise without an end": bytes(range(0x80, 0xFF)) * 40 + framed(PACKET),
    "behind an overlong frame": framed(bytes(400)) + framed(PACKET),
    "behind continuations of nothing": framed(PACKET)[128:] * 3 + framed(PACKET),
    "behind a frame of a wrong CRC": framed(PACKET).replace(b"AQID", b"AQIE", 1) + framed(PACKET),
    "behind a length of nothing": b"\x06\x09AAA=\n\x06\x09AAIAAA==\n\x06\x09\n" + framed(PACKET),
}


def test_a_packet_is_found_among_other_things(interpreter: Interpreter, tmp_path: Path) -> None:
    answers = packets_in(interpreter, tmp_path, list(FOUND.values()))
    assert {name: packets for name, (packets, _, _) in zip(FOUND, answers, strict=True)} == {
        name: [PACKET.hex()] for name in FOUND
    }


def test_what_was_damaged_is_never_a_packet_and_the_next_one_comes(interpreter: Interpreter, tmp_path: Path) -> None:
    generator = random.Random(20_260)
    sent = [generator.randbytes(generator.randrange(1, BUFFER_BYTES + 1)) for _ in range(300)]
    streams = []
    for packet in sent:
        stream = bytearray(framed(packet))
        at = generator.randrange(len(stream))
        match generator.choice(["drop", "double", "flip", "cut", "text"]):
            case "drop":
                del stream[at]
            case "double":
                stream.insert(at, stream[at])
            case "flip":
                stream[at] ^= 1 << generator.randrange(8)
            case "cut":
                del stream[at:]
            case "text":
                stream[at:at] = LOG
        # A frame that lost its end swallows what stands on the same line.
        streams.append(bytes(stream) + b"\n" + framed(PACKET))
    answers = packets_in(interpreter, tmp_path, streams)
    for packet, stream, (packets, whole, _) in zip(sent, streams, answers, strict=True):
        # Some noise is harmless: a doubled line end, a log line between two lines.
        assert packets in ([PACKET.hex()], [packet.hex(), PACKET.hex()]), stream
        assert whole == len(packets)


def test_answers_are_what_other_hosts_read(interpreter: Interpreter, tmp_path: Path) -> None:
    packets = [random.Random(size).randbytes(size) for size in (8, 9, 88, 89, 90, 91, 180, 700)]
    for packet, sent in zip(packets, told(interpreter, tmp_path, "write", [p.hex() for p in packets]), strict=True):
        decoder = smp_packet.decode()
        next(decoder)
        *lines, last = bytes.fromhex(sent).splitlines(keepends=True)
        assert all(len(line) <= 127 for line in [*lines, last])
        for line in lines:
            decoder.send(line)
        with pytest.raises(StopIteration) as ended:
            decoder.send(last)
        assert ended.value.value == packet


BODIES: list[dict[str, Any]] = [
    {},
    {"d": "Grüße"},
    {"off": 0, "len": 14_800, "sha": bytes(32), "data": bytes(90), "image": 1, "upgrade": False},
    {"name": "today", "fields": {"a": 1, "b": 1 << 40, "c": -5}},
    {"images": [{"slot": 0, "hash": b"\x01", "active": True}], "splitStatus": 0},
    {"long": "x" * 300, "numbers": list(range(0, 300, 7))},
]


def test_takes_what_other_hosts_write_and_writes_the_same(interpreter: Interpreter, tmp_path: Path) -> None:
    canonical = [cbor2.dumps(body, canonical=True) for body in BODIES]
    in_any_order = [cbor2.dumps(dict(reversed(body.items()))) for body in BODIES]
    answers = told(interpreter, tmp_path, "decode", [data.hex() for data in canonical + in_any_order])
    for data, (_, encoded) in zip(canonical * 2, answers, strict=True):
        assert encoded == data.hex()
    assert answers[: len(BODIES)] == answers[len(BODIES) :]


REFUSED = {
    "nothing": "",
    "no map": "01",
    "an array": "80",
    "bytes behind": "a000",
    "an indefinite map": "bf616101ff",
    "indefinite text": "a161617f6161ff",
    "a long number": "a161611801",
    "a key twice": "a2616101616102",
    "a number for a key": "a10101",
    "cut": "a161",
    "cut bytes": "a161615a00ffffff00",
    "a length past the end": "bb7fffffffffffffff",
    "an array past the end": "a161619b7fffffffffffffff",
    "bytes past the end": "a161615b7fffffffffffffff",
    "four deep": "a16161a16161a16161a16161a0",
    "a tag": "a16161c000",
    "null": "a16161f6",
    "a fraction": "a16161fb3ff0000000000000",
    "a simple value": "a16161f8ff",
    "text that is not UTF-8": "a1616162c328",
}


def test_refuses_every_other_encoding(interpreter: Interpreter, tmp_path: Path) -> None:
    answers = told(interpreter, tmp_path, "decode", list(REFUSED.values()))
    assert dict(zip(REFUSED, answers, strict=True)) == dict.fromkeys(REFUSED)


def test_no_bytes_break_the_decoder(interpreter: Interpreter, tmp_path: Path) -> None:
    generator = random.Random(7)
    seeds = [cbor2.dumps(body) for body in BODIES]
    lines = []
    for _ in range(400):
        data = bytearray(generator.choice(seeds))
        for _ in range(generator.randrange(1, 4)):
            data[generator.randrange(len(data)) :][:1] = generator.randbytes(1)
            data[generator.randrange(len(data))] = generator.randrange(256)
        lines.append(bytes(data).hex())
    for line, answer in zip(lines, told(interpreter, tmp_path, "decode", lines), strict=True):
        if answer is not None:
            assert cbor2.loads(bytes.fromhex(answer[1])) == cbor2.loads(bytes.fromhex(line))


def test_dates_go_both_ways(interpreter: Interpreter, tmp_path: Path) -> None:
    generator = random.Random(3)
    times = [0, 951_782_399, 951_782_400, 1_709_251_199, 4_102_444_799]
    times += [generator.randrange(1 << 32) for _ in range(200)]
    texts = [datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for time in times]
    assert told(interpreter, tmp_path, "dates", texts) == [list(pair) for pair in zip(times, texts, strict=True)]


def test_other_ways_to_write_a_date(interpreter: Interpreter, tmp_path: Path) -> None:
    good = ["2026-03-01T12:00:00", "2026-03-01T12:00:00.123456Z", "2026-03-01T12:00:00.5"]
    bad = ["", "2026-03-01", "2026-3-01T12:00:00", "2026-02-29T12:00:00", "1969-12-31T23:59:59", "2026-13-01T00:00:00"]
    bad += ["2026-03-01T24:00:00", "2026-03-01T12:00:00+01:00", "2026-03-01 12:00:00", "2026-03-01T12:00:00.Zz"]
    bad += ["+026-03-01T12:00:00", "2026-03-01T12:00:0٣"]
    answers = told(interpreter, tmp_path, "dates", good + bad)
    assert answers[: len(good)] == [[1_772_366_400, "2026-03-01T12:00:00Z"]] * len(good)
    assert answers[len(good) :] == [None] * len(bad)
