"""The server: a request from the line, the group that answers it, the answer back. It knows nothing of a scanner."""

import struct

from core.errors import FormatError, TrustError

from smp.body import decode, encode
from smp.errors import (
    BAD_REQUEST,
    BUSY,
    EACCESSDENIED,
    EBUSY,
    UNSUPPORTED_TOO_NEW,
    RequestError,
    bad_request,
    unknown_command,
)
from smp.frames import FrameReader, write_frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from smp.body import Body
    from smp.frames import Serial

    class Group(Protocol):
        def answer(self, writes: bool, command: int, body: "Body") -> "Body":
            """Do a request. Raises RequestError."""


# Operation and version, flags, length of the body, group, sequence number, command.
_HEADER = ">BBHHBB"
_HEADER_BYTES = 8
_READ, _WRITE = 0, 2
_NEWEST_VERSION = 1
_READ_BYTES = 256


class Server:
    """Answers what comes on `serial`, by the group's number. One `poll` takes one packet at most."""

    def __init__(self, serial: "Serial", groups: "dict[int, Group]") -> None:
        self._serial = serial
        self.groups = groups
        self._frames = FrameReader(serial.buffer_bytes)
        self._part = memoryview(bytearray(_READ_BYTES))
        self._at = self._end = 0
        self._requests = 0
        self._errors = 0
        self._then: "Callable[[], None] | None" = None

    def counts(self) -> "dict[str, int]":
        """Since the start."""
        frames = self._frames
        return {
            "frames": frames.frames,
            "bad_frames": frames.bad_frames,
            "requests": self._requests,
            "errors": self._errors,
        }

    def poll(self) -> bool:
        """Take what has come, and answer where it is a request; True where it was one."""
        if self._at == self._end:
            self._at = 0
            self._end = self._serial.readinto(self._part)
            if not self._end:
                return False
        taken, packet = self._frames.feed(self._part[self._at : self._end])
        self._at += taken
        return packet is not None and self._serve(packet)

    def later(self, action: "Callable[[], None]") -> None:
        """Have `action` done once the answer to this request is out."""
        self._then = action

    def _serve(self, packet: memoryview) -> bool:
        if len(packet) < _HEADER_BYTES:
            return False
        first, _, length, group, sequence, command = struct.unpack_from(_HEADER, packet)
        operation, version = first & 7, first >> 3 & 3
        # An answer is never answered.
        if operation not in (_READ, _WRITE):
            return False
        self._requests += 1
        try:
            if version > _NEWEST_VERSION:
                raise RequestError(UNSUPPORTED_TOO_NEW, BAD_REQUEST)
            if length != len(packet) - _HEADER_BYTES:
                raise bad_request()
            answer = self._answer(group, operation == _WRITE, command, bytes(packet[_HEADER_BYTES:]))
        except RequestError as error:
            self._errors += 1
            answer = {"rc": error.rc, "rsn": error.reason}
        body = encode(answer)
        version = min(version, _NEWEST_VERSION)
        header = struct.pack(_HEADER, version << 3 | operation + 1, 0, len(body), group, sequence, command)
        write_frame(self._serial, header + body)
        then = self._then
        self._then = None
        if then:
            then()
        return True

    def _answer(self, group: int, writes: bool, command: int, body: bytes) -> "Body":
        if group not in self.groups:
            raise unknown_command()
        try:
            return self.groups[group].answer(writes, command, decode(body))
        except FormatError:
            raise bad_request() from None
        except TrustError as error:
            raise RequestError(EACCESSDENIED, error.reason) from None
        except MemoryError:
            raise RequestError(EBUSY, BUSY) from None
