"""The scanner's own application, brought up to date on a flash that may lose power at any moment.

Two slots hold an application each: its parts, and a record that is written last. An image comes in by `begin`, `write`
and `finish` into the slot that is not in use, `test` has the next start run it on trial, and `confirm` makes it the one
that is used. The loader (firmware/boot) chooses at a start, and goes back by itself where a trial was not confirmed.
"""

import hashlib
import json
import os
from binascii import hexlify, unhexlify

from core import reasons
from core.application import MAX_APPLICATION_SIZE
from core.cose import TYP_APPLICATION, read_sign
from core.errors import ArdenteError, FormatError, TrustError
from core.reader import BytesReader
from core.trust import MAX_SIGNED_APPLICATION_SIZE, open_application
from flash_file import names_in, read_file, read_sealed, remove, sync, write_file, write_sealed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO, Protocol

    from core.application import Application, Part
    from core.root import Verify
    from core.trust import Installed
    from version_floor import VersionFloor

    class Trust(Protocol):
        """What is used here of `store.Store`."""

        @property
        def installed(self) -> "Installed | None": ...


# Why an upload is refused that no rule of trust speaks of.
NO_UPLOAD, BAD_REQUEST, BUSY = "no_upload", "bad_request", "busy"
NOT_PROVISIONED, FLASH_FULL = "not_provisioned", "flash_full"

_SLOTS = (0, 1)
_STATE, _RECORD, _MANIFEST = "state", "record", "manifest"
# A part of such a name would be taken for the slot's own file.
_OWN_NAMES = (_RECORD, _MANIFEST)
_MAX_STATE_BYTES = 256
_MAX_RECORD_BYTES = 1 << 15
_CHUNK_BYTES = 1024
# As far as the length of a document can be told from.
_HEAD_BYTES = 64


class ApplicationError(ArdenteError):
    """The application cannot be changed so; the one in use stays. `reason` is one of the names above."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Image:
    """An application that lies in a slot, whole. `sha256` is that of the image file that it came in.

    was_confirmed: it passed its self-test here once; is_running: since the last start; is_confirmed: a start runs it;
    is_pending: the next start tries it
    """

    def __init__(self, slot: int, version: int, sha256: bytes, was_confirmed: bool) -> None:
        self.slot = slot
        self.version = version
        self.sha256 = sha256
        self.was_confirmed = was_confirmed
        self.is_running = False
        self.is_confirmed = False
        self.is_pending = False


def running_slot(folder: str, path: "list[str]") -> "int | None":
    """The slot that the loader has put on the import path; None where the application runs from elsewhere."""
    for slot in _SLOTS:
        if "%s/%d" % (folder, slot) in path:
            return slot
    return None


class ApplicationSlots:
    """A folder with two slots, each a folder of its own.

    folder: must exist, on littlefs
    running: the slot that this application runs from (`running_slot`)
    family: of boards, for which an image must be made
    trust: holds the root under which an image must be signed
    floor: the version that was confirmed last
    """

    def __init__(
        self, folder: str, running: int, family: str, trust: "Trust", verify: "Verify", floor: "VersionFloor"
    ) -> None:
        self._folder = folder
        self._running = running
        self._family = family
        self._trust = trust
        self._verify = verify
        self._floor = floor
        self._upload: "Upload | None" = None
        self._images = [self._read_image(slot) for slot in _SLOTS]
        self._state = self._read_state()
        self._raise_floor()

    @property
    def on_trial(self) -> bool:
        """Whether what runs is lost at the next start unless `confirm` is called before."""
        return self._running == self._state["trial"]  # type: ignore[no-any-return]

    @property
    def trial_failed(self) -> bool:
        """Whether the last trial ended without being confirmed."""
        return self._state["failed"]  # type: ignore[no-any-return]

    @property
    def next_offset(self) -> int:
        """Where the image that is on its way goes on; 0 where none is."""
        return self._upload.received if self._upload else 0

    def state(self) -> "list[Image]":
        """The application in use and the other one, as far as there are any."""
        spare = self._spare()
        found = [image for image in (self._images[1 - spare], self._images[spare]) if image]
        for image in found:
            image.is_running = image.slot == self._running
            image.is_confirmed = image.slot == self._state["confirmed"]
            image.is_pending = image.slot == self._state["trial"] and not image.is_running
        return found

    def begin(self, length: int, sha256: bytes) -> int:
        """Expect an image of `length` bytes, and return the offset to go on from.

        That is not 0 where this very image is on its way; another one is dropped. Raises TrustError, ApplicationError.
        """
        if self._upload and self._upload.length == length and self._upload.sha256 == sha256:
            return self._upload.received
        self.abandon()
        if self._trust.installed is None:
            raise ApplicationError(NOT_PROVISIONED, "No root is believed yet: provision the scanner first.")
        if self.on_trial:
            # The other slot holds what a failed trial goes back to.
            raise ApplicationError(BUSY, "The application is on trial: send another one when it is confirmed.")
        if length > MAX_SIGNED_APPLICATION_SIZE + MAX_APPLICATION_SIZE:
            raise TrustError(reasons.TOO_LARGE)
        if length < _HEAD_BYTES:
            raise TrustError(reasons.NOT_AN_APPLICATION)
        self._upload = Upload(length, sha256)
        return 0

    def write(self, offset: int, data: bytes) -> int:
        """Take the bytes from `offset` on, and return the offset of the next that are needed.

        That is further on where a part lies here already. Any other offset than the next changes nothing and is
        answered with it. No byte of a part is kept before the manifest has passed the rules. Raises TrustError where
        the image is refused, ApplicationError where none was begun or the flash is full; it is dropped then.
        """
        upload = self._upload
        if upload is None:
            raise ApplicationError(NO_UPLOAD, "No application was begun.")
        if offset != upload.received:
            return upload.received
        try:
            if offset + len(data) > upload.length:
                raise TrustError(reasons.NOT_AN_APPLICATION)
            self._take(upload, memoryview(data))
        except OSError:
            self.abandon()
            raise _full() from None
        except TrustError:
            self.abandon()
            raise
        return upload.received

    def finish(self) -> None:
        """Keep the image that has come whole; `test` has it tried.

        Raises TrustError where it is refused and ApplicationError where bytes are missing or the flash is full.
        """
        upload = self._upload
        if upload is None:
            raise ApplicationError(NO_UPLOAD, "No application was begun.")
        if upload.application is None or upload.received < upload.length:
            raise ApplicationError(BAD_REQUEST, "The application has not come whole.")
        try:
            self._keep(upload, upload.application)
        except OSError:
            raise _full() from None
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Drop the image that is on its way, where there is one; its whole parts need not come again."""
        if self._upload:
            self._upload.close()
            self._upload = None

    def test(self, sha256: bytes) -> None:
        """Have the next start try the image with this SHA-256; nothing happens where it is confirmed and running.

        Raises TrustError where the rules refuse it by now, ApplicationError where it is not here.
        """
        running = self._images[self._running]
        if running and running.sha256 == sha256 and not self.on_trial:
            return
        if self.on_trial:
            raise ApplicationError(BUSY, "The application is on trial: wait until it is confirmed.")
        spare = self._spare()
        image = self._images[spare]
        if image is None or image.sha256 != sha256:
            raise ApplicationError(NO_UPLOAD, "This application was not sent yet.")
        self._open(read_file(self._path(spare, _MANIFEST), MAX_SIGNED_APPLICATION_SIZE) or b"")
        try:
            self._change_state(1 - spare, spare, False)
        except OSError:
            raise _full() from None

    def confirm(self) -> None:
        """Use what runs from now on, also after a start. Raises OSError; then it stays on trial."""
        running = self._running
        if not self.on_trial:
            return
        record = self._read_record(running)
        if record is None:
            raise OSError
        record["confirmed"] = True
        self._write_record(running, record)
        self._change_state(running, None, False)
        self._raise_floor()

    def _take(self, upload: "Upload", data: memoryview) -> None:
        while len(data):
            if upload.application is None:
                count = upload.append_front(data)
                if upload.is_front_whole() and self._open_upload(upload):
                    return
            elif upload.file is None:
                raise TrustError(reasons.NOT_AN_APPLICATION)
            else:
                count = upload.append(data)
                if upload.is_part_whole() and self._next_part(upload):
                    return  # What follows in `data` lies here already.
            data = data[count:]

    def _open_upload(self, upload: "Upload") -> bool:
        """Judge the manifest that has come, and make room for its parts; the answer is `_next_part`'s.

        Raises TrustError, OSError.
        """
        application = self._open(bytes(upload.front))
        if upload.received + application.size != upload.length:
            raise TrustError(reasons.NOT_AN_APPLICATION)
        spare = self._spare()
        if self._state["trial"] == spare:
            self._change_state(1 - spare, None, False)
        self._images[spare] = None
        remove(self._path(spare, _RECORD))
        upload.application = application
        return self._next_part(upload)

    def _open(self, front: bytes) -> "Application":
        installed = self._trust.installed
        if installed is None:
            raise ApplicationError(NOT_PROVISIONED, "No root is believed yet: provision the scanner first.")
        application, _ = open_application(front, installed, self._family, self._floor.read(), self._verify)
        if any([part.path.split("/")[0].split(".")[0] in _OWN_NAMES for part in application.parts]):
            raise TrustError(reasons.NOT_AN_APPLICATION)
        return application

    def _next_part(self, upload: "Upload") -> bool:
        """Open the next part to be written; tell whether some were passed over because they lie here already."""
        assert upload.application
        spare = self._spare()
        passed = False
        for part in upload.application.parts[upload.part + 1 :]:
            upload.part += 1
            path = self._path(spare, part.path)
            if not _holds(path, part):
                _make_folders(path)
                upload.open(path, part)
                return passed
            upload.received += part.length
            passed = True
        upload.part = len(upload.application.parts)
        return passed

    def _keep(self, upload: "Upload", application: "Application") -> None:
        """Read the parts back, and record them. Raises TrustError, OSError."""
        upload.close()
        spare = self._spare()
        digest = hashlib.sha256(upload.front)
        for part in application.parts:
            _digest_file(self._path(spare, part.path), digest)
        sha256 = digest.digest()
        if sha256 != upload.sha256:
            raise TrustError(reasons.NOT_AN_APPLICATION)
        _remove_others(self._path(spare, ""), [part.path for part in application.parts])
        write_file(self._path(spare, _MANIFEST), bytes(upload.front))
        self._write_record(
            spare,
            {
                "version": application.version,
                "sha256": _hex(sha256),
                "confirmed": False,
                "parts": [[part.path, _hex(part.sha256)] for part in application.parts],
            },
        )

    def _read_image(self, slot: int) -> "Image | None":
        record = self._read_record(slot)
        return _image(slot, record) if record else None

    def _read_record(self, slot: int) -> "dict[str, Any] | None":
        data = read_sealed(self._path(slot, _RECORD), _MAX_RECORD_BYTES)
        return json.loads(data) if data else None

    def _write_record(self, slot: int, record: "dict[str, Any]") -> None:
        write_sealed(self._path(slot, _RECORD), json.dumps(record).encode())
        self._images[slot] = _image(slot, record)

    def _read_state(self) -> "dict[str, Any]":
        data = read_sealed(self._folder + "/" + _STATE, _MAX_STATE_BYTES)
        if data:
            return json.loads(data)  # type: ignore[no-any-return]
        return {"confirmed": self._running, "trial": None, "starts": 0, "failed": False}

    def _change_state(self, confirmed: int, trial: "int | None", failed: bool) -> None:
        state = {"confirmed": confirmed, "trial": trial, "starts": 0, "failed": failed}
        write_sealed(self._folder + "/" + _STATE, json.dumps(state).encode())
        self._state = state

    def _raise_floor(self) -> None:
        image = self._images[self._state["confirmed"]]
        if image is None or not image.was_confirmed:
            return
        try:
            self._floor.raise_to(image.version)
        except OSError:
            pass  # Done again at the next start.

    def _spare(self) -> int:
        return 1 - self._running

    def _path(self, slot: int, name: str) -> str:
        return "%s/%d/%s" % (self._folder, slot, name)


class Upload:
    """An image on its way: `received` of `length` bytes have come, at first the manifest, then part by part."""

    def __init__(self, length: int, sha256: bytes) -> None:
        self.length = length
        self.sha256 = sha256
        self.received = 0
        self.front = bytearray()
        self.application: "Application | None" = None
        self.part = -1
        self.file: "BinaryIO | None" = None
        self._needed = _HEAD_BYTES
        self._left = 0
        self._part_sha256 = b""
        self._digest = hashlib.sha256()

    def append_front(self, data: memoryview) -> int:
        count = min(len(data), self._needed - self.received)
        self.front.extend(data[:count])
        self.received += count
        return count

    def is_front_whole(self) -> bool:
        """Whether the manifest has come; else it is known how far to read. Raises TrustError where it can be none."""
        if self.received < self._needed:
            return False
        reader = _ArrivedReader(self.front)
        try:
            read_sign(reader, 0, TYP_APPLICATION, MAX_SIGNED_APPLICATION_SIZE)
        except FormatError:
            if not self.received < reader.asked <= self.length:
                raise TrustError(reasons.NOT_AN_APPLICATION) from None
            self._needed = reader.asked
            return False
        return True

    def open(self, path: str, part: "Part") -> None:
        """Raises OSError."""
        self.file = open(path, "wb")
        self._left = part.length
        self._part_sha256 = part.sha256
        self._digest = hashlib.sha256()

    def append(self, data: memoryview) -> int:
        """Write what of `data` belongs to this part, and return its length. Raises OSError."""
        assert self.file
        count = min(len(data), self._left)
        self.file.write(data[:count])
        self._digest.update(data[:count])
        self.received += count
        self._left -= count
        return count

    def is_part_whole(self) -> bool:
        """Whether the part has come, and is closed then. Raises TrustError where it is another one, OSError."""
        if self._left or self.file is None:
            return False
        if self._digest.digest() != self._part_sha256:
            raise TrustError(reasons.NOT_AN_APPLICATION)
        sync(self.file)
        self.close()
        return True

    def close(self) -> None:
        if self.file:
            try:
                self.file.close()
            except OSError:
                pass
            self.file = None


class _ArrivedReader(BytesReader):
    """Remembers how far it was asked to read."""

    def __init__(self, data: bytearray) -> None:
        super().__init__(data)
        self.asked = 0

    def readinto(self, offset: int, buffer: "bytearray | memoryview") -> int:
        self.asked = max(self.asked, offset + len(buffer))
        return super().readinto(offset, buffer)


def _holds(path: str, part: "Part") -> bool:
    digest = hashlib.sha256()
    try:
        return _digest_file(path, digest) == part.length and digest.digest() == part.sha256
    except OSError:
        return False


def _digest_file(path: str, digest: "Any") -> int:
    """Hash a file into `digest`, and return its length. Raises OSError."""
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    length = 0
    with open(path, "rb") as file:
        while True:
            count = file.readinto(buffer)
            if not count:
                return length
            digest.update(buffer[:count])
            length += count


def _make_folders(path: str) -> None:
    """Make the folders above a file; what is in their way goes. Raises OSError."""
    at = path.find("/", 1)
    while at > 0:
        folder = path[:at]
        if not _is_folder(folder):
            remove(folder)
            os.mkdir(folder)
        at = path.find("/", at + 1)
    if _is_folder(path):
        _remove_others(path + "/", [])
        remove(path)


def _remove_others(folder: str, paths: "list[str]") -> None:
    """Remove what lies in a folder, given with a slash at its end, and is none of `paths`, as far as that goes."""
    for name in names_in(folder[:-1]):
        if name in paths:
            continue
        path = folder + name
        if _is_folder(path):
            below = [other[len(name) + 1 :] for other in paths if other.startswith(name + "/")]
            _remove_others(path + "/", below)
            if below:
                continue
        remove(path)


def _is_folder(path: str) -> bool:
    try:
        return os.stat(path)[0] & 0x4000 != 0
    except OSError:
        return False


def _image(slot: int, record: "dict[str, Any]") -> Image:
    return Image(slot, record["version"], unhexlify(record["sha256"]), record["confirmed"])


def _hex(data: bytes) -> str:
    return hexlify(data).decode()


def _full() -> ApplicationError:
    return ApplicationError(FLASH_FULL, "The flash is full or does not answer: the application in use stays.")
