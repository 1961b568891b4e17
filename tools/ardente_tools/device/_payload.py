"""A file for a scanner: which of the two kinds it is, and what can be said of it before a byte is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from ardente._texts import TRUST_TEXTS
from ardente.core import cose, reasons
from ardente.core.application import MAX_APPLICATION_MANIFEST_SIZE, MAX_APPLICATION_SIZE, parse_application
from ardente.core.errors import FormatError
from ardente.core.manifest import MAX_MANIFEST_SIZE, parse_manifest
from ardente.core.reader import BytesReader
from ardente.core.trust import MAX_BUNDLE_SIZE

from ._client import APPLICATION_IMAGE, BUNDLE_IMAGE, Status
from ._errors import FileError
from ._files import read_file

# Beside the manifest: the envelope and 16 signatures.
_ENVELOPE_BYTES: Final = 2048
# The type of a signed item stands in its first bytes.
_TYP_WITHIN_BYTES: Final = 48


class Payload(NamedTuple):
    """A bundle or an application; ``board`` is the family of an application, "" for a bundle."""

    image: int
    data: bytes
    sha256: bytes
    city: str
    version: int
    board: str

    @property
    def name(self) -> str:
        return f"{'application' if self.image == APPLICATION_IMAGE else 'bundle'} {self.version}"

    def is_in(self, status: Status) -> bool:
        """Whether the scanner runs on this very file."""
        if self.image == BUNDLE_IMAGE:
            return status.bundle_sha == self.sha256
        return status.application_sha == self.sha256 and status.application_state == "confirmed"

    def check_fits(self, status: Status) -> None:
        """Raise `FileError` where the scanner is sure to refuse; whether the signatures are right it judges itself."""
        if not status.provisioned:
            raise FileError("The scanner has no root yet, so it takes no file: run `ardente device provision` first.")
        if status.city is not None and self.city != status.city:
            raise FileError(TRUST_TEXTS[reasons.WRONG_CITY])
        if self.image == BUNDLE_IMAGE:
            return
        if self.board != status.family:
            raise FileError(
                f"The application is made for {self.board} and this scanner is {status.family}: "
                "get the one for this board."
            )
        if status.application is not None and self.version < status.application:
            raise FileError(TRUST_TEXTS[reasons.OLDER_APPLICATION])


def read_payload(path: Path) -> Payload:
    """Return the bundle or application in a file, told by its own type. Raises `FileError`."""
    data = read_file(path, MAX_BUNDLE_SIZE)
    for typ, read in _READERS.items():
        if typ.encode() in data[:_TYP_WITHIN_BYTES]:
            return read(path, data)
    raise FileError(f"{path} is neither a bundle nor an application: get the file from the city again.")


def _read_front(data: bytes, typ: str) -> tuple[bytes, int]:
    """The payload of the signed item at the front, and where the item ends. Raises `FormatError`."""
    front = cose.read_sign(BytesReader(data), 0, typ, MAX_MANIFEST_SIZE + _ENVELOPE_BYTES)
    return cose.parse_sign(front, typ).payload, len(front)


def _read_bundle(path: Path, data: bytes) -> Payload:
    try:
        payload, end = _read_front(data, cose.TYP_BUNDLE)
        manifest = parse_manifest(payload)
    except FormatError:
        raise FileError(f"{path}: {TRUST_TEXTS[reasons.NOT_A_BUNDLE]}") from None
    # The lists end the file, so that each can be compared without walking the roots between.
    at = len(data) - sum(entry.length for entry in manifest.lists)
    if at < end:
        raise FileError(f"{path}: {TRUST_TEXTS[reasons.LIST_MISSING]}")
    for entry in manifest.lists:
        if hashlib.sha256(data[at : at + entry.length]).digest() != entry.sha256:
            raise FileError(f"{path}: {TRUST_TEXTS[reasons.LIST_CHANGED]}")
        at += entry.length
    return Payload(BUNDLE_IMAGE, data, hashlib.sha256(data).digest(), manifest.city, manifest.version, "")


def _read_application(path: Path, data: bytes) -> Payload:
    try:
        if len(data) > MAX_APPLICATION_SIZE + MAX_APPLICATION_MANIFEST_SIZE + _ENVELOPE_BYTES:
            raise FormatError("An application is larger than any.")
        payload, at = _read_front(data, cose.TYP_APPLICATION)
        application = parse_application(payload)
    except FormatError:
        raise FileError(f"{path}: {TRUST_TEXTS[reasons.NOT_AN_APPLICATION]}") from None
    for part in application.parts:
        if hashlib.sha256(data[at : at + part.length]).digest() != part.sha256:
            raise FileError(f"{path}: {TRUST_TEXTS[reasons.NOT_AN_APPLICATION]}")
        at += part.length
    if at != len(data):
        raise FileError(f"{path}: {TRUST_TEXTS[reasons.NOT_AN_APPLICATION]}")
    digest = hashlib.sha256(data).digest()
    return Payload(APPLICATION_IMAGE, data, digest, application.city, application.version, application.board)


_READERS: Final[dict[str, Callable[[Path, bytes], Payload]]] = {
    cose.TYP_BUNDLE: _read_bundle,
    cose.TYP_APPLICATION: _read_application,
}
