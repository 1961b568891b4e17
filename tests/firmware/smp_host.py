"""The host's side of SMP for tests that want every byte in their hands: requests as they are, answers as they come."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import cbor2
from smp import packet as smp_packet

from interpreters import CORE_PARENT, DEVICE_HELPERS, FIRMWARE, micropython

OS, IMAGE, STATISTICS, SCANNER = 0, 1, 2, 70
READ, WRITE = 0, 2
APPLICATION, BUNDLE = 0, 1
PROVISION = 1
_PART_BYTES = 4000


@dataclass
class Answer:
    op: int
    version: int
    group: int
    sequence: int
    command: int
    body: dict[str, Any]

    @property
    def reason(self) -> str:
        return str(self.body.get("rsn", ""))


def request(group: int, command: int, op: int, body: Any = None, *, sequence: int = 7, version: int = 1) -> bytes:
    data = body if isinstance(body, bytes) else cbor2.dumps({} if body is None else body)
    header = bytes([version << 3 | op, 0]) + len(data).to_bytes(2, "big") + group.to_bytes(2, "big")
    return header + bytes([sequence, command]) + data


def framed(packet: bytes) -> bytes:
    return b"".join(smp_packet.encode(packet))


def answers_in(stream: bytes) -> Iterator[Answer]:
    lines = iter(stream.splitlines(keepends=True))
    for line in lines:
        decoder = smp_packet.decode()
        next(decoder)
        try:
            decoder.send(line)
            while True:
                decoder.send(next(lines))
        except StopIteration as ended:
            packet = bytes(ended.value)
        length, group = int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[4:6], "big")
        assert length == len(packet) - 8
        body = cbor2.loads(packet[8:])
        yield Answer(packet[0] & 7, packet[0] >> 3 & 3, group, packet[6], packet[7], body)


def pieces(data: bytes, image: int | None, size: int = 90) -> Iterator[dict[str, Any]]:
    """The requests by which a file comes whole, where nothing is lost; ``image`` None for provisioning."""
    for offset in range(0, len(data), size):
        piece: dict[str, Any] = {"off": offset, "data": data[offset : offset + size]}
        if image is not None:
            piece["image"] = image
        if not offset:
            piece |= {"len": len(data), "sha": sha256(data).digest()}
        yield piece


@dataclass
class Wire:
    """A scanner on a line that is this test's; the flash is a folder."""

    flash: Path
    family: str = "unix"
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        self.flash.mkdir(exist_ok=True)
        (program,) = micropython().command  # type: ignore[attr-defined]
        self.process = subprocess.Popen(
            [program, str(Path(__file__).with_name("smp_device.py")), str(self.flash), self.family],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env={"MICROPYPATH": ":".join(map(str, (FIRMWARE, CORE_PARENT, DEVICE_HELPERS)))},
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def step(self, *step: Any) -> Any:
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(step) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        try:
            return json.loads(line)
        except ValueError:
            raise AssertionError(line + self.process.stdout.read()) from None

    def raw(self, stream: bytes) -> bytes:
        parts = [stream[at : at + _PART_BYTES] for at in range(0, len(stream), _PART_BYTES)]
        return b"".join(bytes.fromhex(self.step("send", part.hex())) for part in parts)

    def ask(self, group: int, command: int, op: int = READ, body: Any = None, **header: int) -> Answer:
        [answer] = answers_in(self.raw(framed(request(group, command, op, body, **header))))
        return answer

    def status(self) -> dict[str, Any]:
        return self.ask(SCANNER, 0).body

    def upload(self, requests: Iterable[dict[str, Any]], group: int = IMAGE) -> Answer:
        """Send the pieces of a file; return the last answer, or the first that is an error."""
        for piece in requests:
            answer = self.ask(group, 1, WRITE, piece)
            if answer.reason:
                break
        return answer

    def push(self, bundle: bytes) -> Answer:
        return self.upload(pieces(bundle, BUNDLE))

    def provision(self, root: bytes, **config: Any) -> Answer:
        document = cbor2.dumps([json.dumps({"board": "generic", **config}).encode(), root])
        return self.upload(pieces(document, None), SCANNER)

    def scan(self, text: str) -> list[str]:
        return self.step("scan", text)  # type: ignore[no-any-return]
