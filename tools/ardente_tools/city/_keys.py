"""Key files: one private key each, encrypted, and its public part beside it.

A private key is a JSON file: argon2id (RFC 9106) over the passphrase gives the key of a libsodium secretbox, whose
plaintext is the key's role and its 32-byte seed. The role inside the box is the one that counts: a file renamed or
edited to another role does not open.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import nacl.pwhash.argon2id
import nacl.secret
import nacl.utils
from nacl.exceptions import CryptoError

from ardente._files import PUBLIC_FILE_MODE, sync_folder, write_file
from ardente.core.cose import key_id
from ardente.issuing import SigningKey

from ._errors import KeyFileError

ROOT, BUNDLE, FIRMWARE, STATUS, CARD, VOUCHER = ROLES = ("root", "bundle", "firmware", "status", "card", "voucher")

# Asked for the passphrase of a key file, only where it has one.
AskPassphrase = Callable[[Path], str]

_T = TypeVar("_T")
_DOMAIN = b"ardente-key-1\x00"
_MAX_FILE_SIZE = 4096
_MAX_MEMORY_KIB = 2 << 20
_MAX_PASSES = 20


class Cost(NamedTuple):
    """What one guess at a passphrase costs, by argon2id's own parameters."""

    passes: int
    memory_kib: int


# libsodium's MODERATE: 256 MB and about a second.
COST = Cost(nacl.pwhash.argon2id.OPSLIMIT_MODERATE, nacl.pwhash.argon2id.MEMLIMIT_MODERATE >> 10)


class PublicKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="ardente", tag="public-key-1"):
    """The public part of a key file: its role and the Ed25519 key."""

    role: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        return key_id(self.public_key)


class _Derivation(msgspec.Struct, forbid_unknown_fields=True, tag_field="name", tag="argon2id13"):
    passes: int
    memory_kib: int
    salt: bytes


class _KeyFile(msgspec.Struct, forbid_unknown_fields=True, tag_field="ardente", tag="private-key-1"):
    role: str
    public_key: bytes
    box: bytes
    derivation: _Derivation | None


def key_name(public: PublicKey) -> str:
    """Return the name of a key's file in a city's folder, without its suffix."""
    return f"{public.role}-{public.key_id.hex()}"


def create_key(path: Path, role: str, passphrase: str | None, cost: Cost | None = None) -> PublicKey:
    """Make a key and write it to ``path``, its public part beside it as ``.pub``. Never overwrites a file.

    ``passphrase`` None leaves the key readable by who can read the file. Raises `KeyFileError`.
    """
    public_path = path.with_suffix(".pub")
    if path == public_path:
        raise KeyFileError(f"{path} is a name for the public part, which is made beside the key: end it in .key.")
    for taken in (path, public_path):
        if taken.exists():
            raise KeyFileError(f"{taken} exists already; a key is never overwritten. Choose another name.")
    seed = nacl.utils.random(32)
    public = PublicKey(role, SigningKey(seed).public_key)
    write_file(path, _seal(public, seed, passphrase, cost or COST))
    write_file(public_path, msgspec.json.format(msgspec.json.encode(public), indent=2) + b"\n", PUBLIC_FILE_MODE)
    return public


def create_key_in(folder: Path, role: str, passphrase: str | None) -> PublicKey:
    """Make a key of ``role`` in ``folder``, under a name that tells its role and key id."""
    path = folder / f".{role}.key"
    for cut in (path, path.with_suffix(".pub")):
        cut.unlink(missing_ok=True)
    public = create_key(path, role, passphrase)
    # The private part last: a key file that is there is complete.
    os.replace(path.with_suffix(".pub"), folder / f"{key_name(public)}.pub")
    os.replace(path, folder / f"{key_name(public)}.key")
    sync_folder(folder)
    return public


def read_key(path: Path, role: str, ask: AskPassphrase) -> SigningKey:
    """Return the private key in ``path``. Raises `KeyFileError`, with nothing of the key in it."""
    file = _decode(path, _KeyFile)
    if file.role != role:
        raise KeyFileError(f"{path} is a {file.role} key, and a {role} key is needed.")
    plaintext = file.box if file.derivation is None else _open(path, file.box, file.derivation, ask(path))
    if file.derivation is None and os.name == "posix" and path.stat().st_mode & 0o077:
        raise KeyFileError(f"{path} has no passphrase and others may read it; run: chmod 600 {path}")
    prefix = _DOMAIN + role.encode() + b"\x00"
    if plaintext[: len(prefix)] != prefix or len(plaintext) != len(prefix) + 32:
        raise KeyFileError(f"{path} is damaged: what it holds is no {role} key.")
    key = SigningKey(plaintext[len(prefix) :])
    if key.public_key != file.public_key:
        raise KeyFileError(f"{path} is damaged: its private and its public part do not belong together.")
    return key


def is_encrypted(path: Path) -> bool:
    """Tell whether the private key in ``path`` has a passphrase. Raises `KeyFileError`."""
    return _decode(path, _KeyFile).derivation is not None


def read_public_key(path: Path, role: str = "") -> PublicKey:
    """Return the public key in a ``.pub`` file, of ``role`` where one is given. Raises `KeyFileError`."""
    public = _decode(path, PublicKey)
    if public.role not in ROLES or len(public.public_key) != 32:
        raise KeyFileError(f"{path} is no public key of ours.")
    if role and public.role != role:
        raise KeyFileError(f"{path} is a {public.role} key, and a {role} key is needed.")
    return public


def _seal(public: PublicKey, seed: bytes, passphrase: str | None, cost: Cost) -> bytes:
    plaintext = _DOMAIN + public.role.encode() + b"\x00" + seed
    file = _KeyFile(public.role, public.public_key, plaintext, None)
    if passphrase is not None:
        file.derivation = _Derivation(cost.passes, cost.memory_kib, nacl.utils.random(nacl.pwhash.argon2id.SALTBYTES))
        file.box = bytes(_secret_box(passphrase, file.derivation).encrypt(plaintext))
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"


def _open(path: Path, box: bytes, derivation: _Derivation, passphrase: str) -> bytes:
    if not (1 <= derivation.passes <= _MAX_PASSES and 8 <= derivation.memory_kib <= _MAX_MEMORY_KIB):
        raise KeyFileError(f"{path} is damaged: it asks for more work or memory than any key of ours.")
    if len(derivation.salt) != nacl.pwhash.argon2id.SALTBYTES:
        raise KeyFileError(f"{path} is damaged: its salt has another length.")
    try:
        return _secret_box(passphrase, derivation).decrypt(box)
    except (CryptoError, ValueError):
        raise KeyFileError(f"The passphrase of {path} is wrong, or the file is damaged.") from None


def _secret_box(passphrase: str, derivation: _Derivation) -> nacl.secret.SecretBox:
    key = nacl.pwhash.argon2id.kdf(
        nacl.secret.SecretBox.KEY_SIZE,
        passphrase.encode(),
        derivation.salt,
        opslimit=derivation.passes,
        memlimit=derivation.memory_kib << 10,
    )
    return nacl.secret.SecretBox(key)


def _decode(path: Path, kind: type[_T]) -> _T:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_SIZE + 1)
        return msgspec.json.decode(data[:_MAX_FILE_SIZE], type=kind)
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        what = "private key" if kind is _KeyFile else "public key (a .pub file)"
        raise KeyFileError(f"{path} is no {what} of ours.") from None
