"""The secret under which one partner knows a card again (`ardente.core.tag`)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import stat
from os import PathLike
from pathlib import Path

from ._errors import StoreError
from ._files import read_up_to, refuse_open_to_others, write_new_file
from .core.errors import FormatError
from .core.tag import SECRET_SIZE

_PREFIX = "ardente-tag-key-1"
_CHECKSUM_SIZE = 3
_GROUP = 4
_MAX_FILE_SIZE = 1024
# What a hand that copies takes one for the other; neither 0, 1 nor 8 is in the alphabet of RFC 4648.
_LOOKALIKES = str.maketrans("018", "OIB")


class PartnerKey:
    """32 random bytes that a partner keeps. Whoever has them and the partner's tags still knows no one's card number.

    Its `repr` tells nothing, and it is not pickled; `to_text` is the one way out.
    """

    __slots__ = ("secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_SIZE:
            raise ValueError(f"a partner key is {SECRET_SIZE} random bytes")
        self.secret = bytes(secret)

    @classmethod
    def new(cls) -> PartnerKey:
        """Return a new random key."""
        return cls(secrets.token_bytes(SECRET_SIZE))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> PartnerKey:
        """Return the key in a file.

        Raises `StoreError` where the file cannot be read or is open to others, `FormatError` where it holds no key.
        """
        path = Path(path)
        try:
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
                data = read_up_to(file, _MAX_FILE_SIZE)
        except OSError as error:
            raise StoreError(f"{path} cannot be read ({error.strerror}): check its name.") from None
        refuse_open_to_others(path, status, stat.S_IRWXG | stat.S_IRWXO, "600")
        return cls.from_text(data.decode("ascii", "replace"))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the key to a new file that only its owner may read. Raises `StoreError`, also where the file exists."""
        path = Path(path)
        try:
            write_new_file(path, f"{self.to_text()}\n".encode())
        except FileExistsError:
            raise StoreError(f"{path} exists already and may hold a key in use: choose another name.") from None
        except OSError as error:
            raise StoreError(f"{path} cannot be written ({error.strerror}): check the folder.") from None

    @classmethod
    def from_text(cls, text: str) -> PartnerKey:
        """Return the key that `to_text` gave. Case, spaces and hyphens do not count. Raises `FormatError`."""
        bare = "".join(text.split()).replace("-", "").upper()
        prefix = _PREFIX.replace("-", "").upper()
        if not bare.startswith(prefix):
            raise FormatError(f"A partner key begins with {_PREFIX}: copy all of it.")
        try:
            data = base64.b32decode(bare[len(prefix) :].translate(_LOOKALIKES))
        except (binascii.Error, ValueError):
            data = b""
        secret, checksum = data[:SECRET_SIZE], data[SECRET_SIZE:]
        if len(secret) != SECRET_SIZE or checksum != _checksum(secret):
            raise FormatError("The partner key has a typing error or lacks a part: compare it with the original.")
        return cls(secret)

    def to_text(self) -> str:
        """Return the key with a checksum, in groups of four, to be kept on paper or in a password safe."""
        digits = base64.b32encode(self.secret + _checksum(self.secret)).decode()
        return "-".join([_PREFIX, *(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))])

    def __repr__(self) -> str:
        return "<PartnerKey>"

    def __reduce__(self) -> str:
        raise TypeError("a partner key is not pickled")


def _checksum(secret: bytes) -> bytes:
    return hashlib.sha256(_PREFIX.encode() + b"\x00" + secret).digest()[:_CHECKSUM_SIZE]
