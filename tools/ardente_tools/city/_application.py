"""Signing the application of the scanners: its manifest, and the files of a folder behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ardente._ed25519 import verify
from ardente._files import PUBLIC_FILE_MODE, write_file
from ardente.core import cose, encode
from ardente.core.application import (
    MAX_APPLICATION_MANIFEST_SIZE,
    MAX_APPLICATION_SIZE,
    Application,
    Part,
    parse_application,
)
from ardente.core.errors import FormatError, TrustError
from ardente.core.root import ROLE_FIRMWARE, Root
from ardente.core.trust import Installed, open_application
from ardente.issuing import SigningKey, sign_document

from ._errors import CityError


def sign_application(
    folder: Path, root: Root, keys: Sequence[SigningKey], *, board: str, version: int, now: int
) -> bytes:
    """Return the image of the application in ``folder``, for one board family. Raises `CityError`.

    Every file of the folder is a part, by its path below it. The image is opened as a scanner would before it is
    returned, so that keys which the root does not list for firmware, or too few, are seen here.
    """
    parts = _read_parts(folder)
    application = Application(
        root.city,
        version,
        now,
        board,
        sum(len(data) for data in parts.values()),
        [Part(path, len(data), hashlib.sha256(data).digest()) for path, data in parts.items()],
    )
    try:
        payload = encode.application_payload(application)
        parse_application(payload)
    except (FormatError, ValueError) as error:
        raise CityError(
            f"{folder} makes no application: {str(error)[:1].lower()}{str(error)[1:].rstrip('.')}."
        ) from None
    if len(payload) > MAX_APPLICATION_MANIFEST_SIZE:
        raise CityError(f"{folder} has more files than a manifest of 8 KB can list.")
    image = sign_document(cose.TYP_APPLICATION, payload, keys) + b"".join(parts.values())
    try:
        open_application(image, Installed(root), board, version, verify)
    except TrustError:
        role = root.roles[ROLE_FIRMWARE]
        raise CityError(
            f"Root {root.version} asks for {role.threshold} of its {len(role.keys)} firmware keys; name them by --key."
        ) from None
    return image


def write_application(path: Path, image: bytes) -> None:
    """Write the image, which is not secret."""
    write_file(path, image, PUBLIC_FILE_MODE)


def _read_parts(folder: Path) -> dict[str, bytes]:
    """The files of ``folder`` by their paths below it, in the order of the manifest."""
    parts = {}
    size = 0
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise CityError(f"{path} is a link; an application has files only.")
        if path.is_dir():
            continue
        size += path.stat().st_size
        if size > MAX_APPLICATION_SIZE:
            raise CityError(f"{folder} holds more than {MAX_APPLICATION_SIZE >> 20} MB; no application is as large.")
        parts[path.relative_to(folder).as_posix()] = path.read_bytes()
    return dict(sorted(parts.items()))
