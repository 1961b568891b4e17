"""A scanner on a port: typed questions and answers, without asyncio for the caller.

smpclient asks once. Here a request that gets no answer is asked again under the same number, which is safe: all that a
scanner does on request may be done twice, and an upload states its offset.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from cbor2 import CBORDecodeError
from pydantic import ValidationError
from smp.exceptions import SMPException
from smpclient import SMPClient
from smpclient.exceptions import SMPClientException
from smpclient.generics import success
from smpclient.requests.image_management import ImageStatesRead, ImageStatesWrite, ImageUploadWrite
from smpclient.requests.os_management import MCUMgrParametersRead, ResetWrite
from smpclient.transport import SMPTransportDisconnected

from . import _requests as requests
from ._errors import DeviceError, NoAnswerError, PortLostError, RefusedError
from ._ports import BAUDRATE, Port
from ._transport import SerialTransport

# smpclient logs what it raises as well, on standard error where nobody listens.
logging.getLogger("smpclient").addHandler(logging.NullHandler())
logging.getLogger("smp").addHandler(logging.NullHandler())

APPLICATION_IMAGE: Final = 0
BUNDLE_IMAGE: Final = 1
_TIMEOUT_S: Final = 1.5
# With its last byte a scanner judges the whole file.
_LAST_TIMEOUT_S: Final = 8.0
_TRIES: Final = 4
_SLOWNESS: Final = 8.0
_STANDSTILL_TRIES: Final = 8
_BUFFER_BYTES: Final = (128, 4096)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Status:
    """What a scanner says of itself. Times are epoch seconds; what it has not is None."""

    protocol: int
    provisioned: bool
    label: str
    board: str
    family: str
    level: str
    state: str
    city: str | None
    root: int | None
    root_sha: bytes | None
    bundle: int | None
    bundle_sha: bytes | None
    iat: int | None
    exp: int | None
    now: int | None
    refresh_due: bool
    application: int | None
    application_sha: bytes | None
    application_state: str
    trial_failed: bool
    lists: tuple[tuple[str, bytes, int], ...]
    uptime_s: int
    python: str

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON: hashes in hexadecimal, without what the scanner has not."""
        found = {name: getattr(self, name) for name in self.__slots__}
        found["lists"] = [{"uri": uri, "sha256": sha.hex(), "entries": entries} for uri, sha, entries in self.lists]
        return {
            name: value.hex() if isinstance(value, bytes) else value
            for name, value in found.items()
            if value is not None
        }


class Image(NamedTuple):
    """A file that a scanner has: ``image`` 0 an application, 1 the bundle; ``pending`` until its trial."""

    image: int
    sha256: bytes
    pending: bool


class SelfTest(NamedTuple):
    """What of a scanner works: the camera gives a frame, the known card verifies, the bundle can be read."""

    ok: bool
    camera: bool
    card: bool
    bundle: bool


class Device:
    """The scanner behind a port, as a context manager. Opening resets nothing.

    Every method raises `RefusedError` where the scanner refuses, `NoAnswerError` where it says nothing, and
    `PortLostError` where the port goes away.
    """

    def __init__(self, port: Port, baudrate: int = BAUDRATE, *, timeout_s: float = _TIMEOUT_S) -> None:
        self.port = port
        self._timeout_s = timeout_s
        # How long the next answer may take: by how long the last one took, and twice as long at each try.
        self._usual_s = timeout_s
        self._transport = SerialTransport(port, baudrate)
        self._client = SMPClient(self._transport, port.path, timeout_s)
        self._runner = asyncio.Runner()
        self._is_greeted = False

    @property
    def sent_bytes(self) -> int:
        """How many bytes went down the line since it was opened."""
        return self._transport.sent_bytes

    def __enter__(self) -> Self:
        """Open the port. Raises `PortError`."""
        try:
            self._runner.run(self._transport.connect(self.port.path, self._timeout_s))
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._runner.run(self._transport.disconnect())
        finally:
            self._runner.close()

    def status(self, *, tries: int = _TRIES) -> Status:
        """Return what the scanner says of itself."""
        answer = self._ask(requests.StatusRead(), tries=tries)
        return Status(**{name: getattr(answer, name) for name in Status.__slots__})

    def images(self) -> list[Image]:
        """Return what is in the scanner's slots."""
        states = self._ask(ImageStatesRead()).images
        return [Image(state.image or 0, bytes(state.hash or b""), bool(state.pending)) for state in states]

    def self_test(self) -> SelfTest:
        """Let the scanner try its camera, a known card and its bundle."""
        answer = self._ask(requests.SelfTestRead(), timeout_s=_LAST_TIMEOUT_S)
        return SelfTest(answer.ok, answer.camera, answer.card, answer.bundle)

    def log(self, start: int = 0) -> tuple[list[str], int]:
        """Return the events from number ``start`` on, and the number of the next."""
        lines: list[str] = []
        while True:
            answer = self._ask(requests.log_read(start))
            lines += answer.lines
            if not answer.lines or answer.next <= start:
                return lines, answer.next
            start = answer.next

    def identify(self, seconds: int) -> None:
        """Let the scanner blink for 1 to 60 seconds."""
        self._ask(requests.IdentifyWrite(seconds=seconds))

    def reset_once(self) -> None:
        """Restart the scanner. It answers before it does, and where the answer is lost it is not asked again."""
        try:
            self._ask(ResetWrite(), tries=1)
        except (NoAnswerError, PortLostError):
            pass

    def set_trial(self, sha256: bytes) -> None:
        """Let the scanner try the uploaded application at its next start."""
        self._ask(ImageStatesWrite(hash=sha256))

    def upload(self, image: int, data: bytes, progress: Progress) -> None:
        """Send a file, from where the scanner has it on; ``progress`` takes the bytes there and all of them."""
        sha256 = hashlib.sha256(data).digest()

        def request(offset: int, part: bytes) -> ImageUploadWrite:
            if offset:
                return ImageUploadWrite(off=offset, data=part)
            return ImageUploadWrite(off=0, data=part, image=image, len=len(data), sha=sha256)

        self._send(request, data, progress)

    def provision(self, document: bytes, progress: Progress) -> None:
        """Send the configuration and root of a scanner that has none."""
        sha256 = hashlib.sha256(document).digest()

        def request(offset: int, part: bytes) -> requests.ProvisionWrite:
            if offset:
                return requests.ProvisionWrite(off=offset, data=part)
            return requests.ProvisionWrite(off=0, data=part, len=len(document), sha=sha256)

        self._send(request, document, progress)

    def _send(self, request: Callable[[int, bytes], Any], data: bytes, progress: Progress) -> None:
        self._greet()
        offset = furthest = 0
        standstill = 0
        while offset < len(data):
            _, room = self._client.get_max_cbor_and_data_size(request(offset, b""))
            part = data[offset : offset + room]
            is_last = offset + len(part) == len(data)
            try:
                answer = self._ask(request(offset, part), timeout_s=_LAST_TIMEOUT_S if is_last else None)
            except RefusedError as error:
                # It restarted, so quickly that nothing else was noticed.
                if error.reason != "no_upload" or not offset:
                    raise
                offset = 0
            else:
                if answer.off is None or not 0 <= answer.off <= len(data):
                    raise _not_understood(self.port)
                offset = answer.off
            standstill = 0 if offset > furthest else standstill + 1
            if standstill > _STANDSTILL_TRIES:
                raise NoAnswerError("The scanner takes no more of the file: restart it, then push again.")
            furthest = max(furthest, offset)
            progress(offset, len(data))

    def _greet(self) -> None:
        """Learn how long a message may be."""
        if self._is_greeted:
            return
        low, high = _BUFFER_BYTES
        answer = self._ask(MCUMgrParametersRead())
        self._transport.initialize(min(max(answer.buf_size, low), high))
        self._is_greeted = True

    def _ask(self, request: Any, *, timeout_s: float | None = None, tries: int = _TRIES) -> Any:
        for attempt in range(tries):
            started_s = time.monotonic()
            patience_s = timeout_s or min(self._usual_s * 2**attempt, self._timeout_s)
            try:
                answer = self._runner.run(self._client.request(request, patience_s))
            except TimeoutError:
                continue
            except SMPTransportDisconnected:
                raise PortLostError(f"{self.port.path} is gone: plug the cable in again.") from None
            except (SMPClientException, SMPException, ValidationError, CBORDecodeError, ValueError, TypeError):
                raise _not_understood(self.port) from None
            self._usual_s = min(max(_SLOWNESS * (time.monotonic() - started_s), self._timeout_s / 4), self._timeout_s)
            if success(answer):
                return answer
            raise _refused(answer)
        raise NoAnswerError(
            f"Nothing on {self.port.path} answers as a scanner: see `ardente device doctor {self.port.path}`."
        )


def _refused(answer: Any) -> RefusedError:
    number = int(getattr(answer, "rc", 0) or answer.err.rc)
    return RefusedError(getattr(answer, "rsn", None) or "", number)


def _not_understood(port: Port) -> DeviceError:
    return DeviceError(f"What answers on {port.path} is no scanner of this version: update these tools, or flash it.")
