"""Frames and bodies of SMP: the first argument says what to do with each line of the second, a file; prints JSON lines.

frames BYTES   a line is pieces of what comes, in hexadecimal: the packets in it, and the counts of frames
write          a line is a packet: what goes out for it
decode         a line is a body: its value, as text that is the same everywhere, and its encoding; null where refused
dates          a line is a date: its epoch seconds and they as a date again; null where refused
"""

import json
import sys
from binascii import hexlify, unhexlify

from core.errors import FormatError
from smp.body import decode, encode
from smp.date import date_text, parse_date
from smp.frames import FrameReader, write_frame


def text(data):
    return hexlify(bytes(data)).decode()


def frames(line, packet_bytes):
    reader = FrameReader(packet_bytes)
    packets = []
    for piece in line.split(" "):
        data = memoryview(unhexlify(piece))
        while len(data):
            taken, packet = reader.feed(data)
            assert taken > 0
            data = data[taken:]
            if packet is not None:
                packets.append(text(packet))
    return [packets, reader.frames, reader.bad_frames]


class Sink:
    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += data


def write(line):
    sink = Sink()
    write_frame(sink, unhexlify(line))
    return text(sink.data)


def shown(value):
    if isinstance(value, dict):
        return sorted([[key, shown(value[key])] for key in value])
    if isinstance(value, list):
        return [shown(element) for element in value]
    if isinstance(value, bytes):
        return {"bytes": text(value)}
    return {"text": text(value.encode())} if isinstance(value, str) else value


def body(line):
    try:
        value = decode(unhexlify(line))
    except FormatError:
        return None
    return [shown(value), text(encode(value))]


def date(line):
    try:
        time = parse_date(line)
    except ValueError:
        return None
    return [time, date_text(time)]


DO = {"frames": lambda line: frames(line, int(sys.argv[3])), "write": write, "decode": body, "dates": date}

with open(sys.argv[2]) as file:
    for line in file:
        print(json.dumps(DO[sys.argv[1]](line.strip("\n"))))
