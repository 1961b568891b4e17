"""One image for a whole flash: a MicroPython that is known, and behind it the file system of a working scanner.

Everything in it is judged here as the scanner would: a build that succeeds is one that starts. The same input gives the
same bytes.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec
from littlefs import LittleFS
from littlefs.context import UserContext
from littlefs.errors import LittleFSError

from ardente._ed25519 import verify
from ardente._texts import TRUST_TEXTS
from ardente.core.application import MAX_APPLICATION_SIZE, Application
from ardente.core.errors import TrustError
from ardente.core.reader import BytesReader
from ardente.core.root import MAX_ROOT_SIZE
from ardente.core.trust import (
    MAX_BUNDLE_SIZE,
    MAX_SIGNED_APPLICATION_SIZE,
    Installed,
    check_list,
    open_application,
    open_bundle,
    open_root,
)
from ardente_tools.simulate._program import firmware

from ._compile import SIMULATED
from ._errors import FileError
from ._files import read_file
from ._partitions import DATA, FILE_SYSTEM, TABLE_OFFSET, Partition, partitions, seal

BLOCK_BYTES: Final = 4096
# As MicroPython's driver has them. A larger cache would keep files within a folder that the driver cannot read there.
_PROGRAM_BYTES: Final = 32
_CACHE_BYTES: Final = 128
_DISK_VERSION: Final = 0x0002_0000
_MAX_BASE_BYTES: Final = 16 << 20
MAX_CONFIGURATION_BYTES: Final = 2048
_BASES: Final = Path(__file__).with_name("bases.toml")
_MPY_MAGIC: Final = ord("M")
# What mpy-cross 1.25 and later make.
_NEEDED_MPY: Final = (6, 3)
_FIRST_SLOT: Final = 0


class Base(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A MicroPython image, known by its SHA-256. Offsets count from the first byte of the flash, sizes are bytes.

    chip: esptool's name; family: of the applications that it runs; start: where in the flash the file begins;
    files_offset, files_bytes: its partition for files; mpy: version and sub-version of .mpy files that it reads
    """

    name: str
    sha256: str
    micropython: str
    mpy: tuple[int, int]
    chip: str
    family: str
    flash_bytes: int
    start: int
    files_offset: int
    files_bytes: int


class _Bases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    base: tuple[Base, ...]


def known_bases(file: Path | None = None) -> tuple[Base, ...]:
    """The bases that come with these tools, and those of a list of the same form. Raises `FileError`."""
    listed = [base for path in (_BASES, file) if path for base in _read_bases(path)]
    return tuple(listed)


def build_image(
    base: Path | None,
    *,
    application: Path,
    config: Path,
    root: Path,
    bundle: Path,
    now: int,
    bases: Path | None = None,
    allow_test_city: bool = False,
) -> bytes:
    """Return the image that makes a board a working scanner, to be written from the base's ``start`` on.

    base: a MicroPython image that is listed, here or in the list ``bases``; None: a simulated one
    application: signed for the base's family; root: the first; now: epoch seconds
    Raises `FileError` where a file is not fit, in a sentence that says what to do.
    """
    data, about = _read_base(base, known_bases(bases))
    configured = read_file(config, MAX_CONFIGURATION_BYTES)
    _check_configuration(config, configured, about.family)
    first = read_file(root, MAX_ROOT_SIZE)
    believed = _open_root(root, first, allow_test_city)
    bundled = read_file(bundle, MAX_BUNDLE_SIZE)
    believed = _open_bundle(bundle, bundled, believed, now, allow_test_city)
    image = read_file(application, MAX_SIGNED_APPLICATION_SIZE + MAX_APPLICATION_SIZE)
    files = {
        **_start_files(about.family),
        **_slot_files(application, image, believed, about),
        "config.json": configured,
        "trust/root": first,
        "trust/root-copy": first,
        "trust/0/bundle": bundled,
        "trust/pointer": b"0",
    }
    room = about.files_offset - about.start
    return seal(data[:room].ljust(room, b"\xff") + _file_system(files, about.files_bytes), about.start)


def simulated_base() -> bytes:
    """The base of a simulated board: what a chip's image looks like to tools, with nothing in it that runs."""
    about = next(base for base in known_bases() if base.family == SIMULATED)
    program_offset = 0x1_0000
    entries = [
        Partition("nvs", 1, 2, 0x9000, 0x6000),
        Partition("phy_init", 1, 1, 0xF000, 0x1000),
        Partition("factory", 0, 0, program_offset, about.files_offset - program_offset),
        Partition("vfs", 1, 0x81, about.files_offset, about.files_bytes),
    ]
    table = b"".join(partition.to_entry() for partition in entries)
    table += b"\xeb\xeb".ljust(16, b"\xff") + hashlib.md5(table, usedforsecurity=False).digest()
    flash = bytearray(b"\xff" * (program_offset + len(_SIMULATED_PROGRAM)))
    # Magic, no segments, flash mode and size, no entry; the chip's number is 0.
    flash[about.start : about.start + 24] = struct.pack("<BBBBIB3xHBHHB3x", 0xE9, 0, 2, 0x20, 0, 0xEE, 0, 0, 0, 0, 0)
    flash[TABLE_OFFSET : TABLE_OFFSET + len(table)] = table
    flash[program_offset:] = _SIMULATED_PROGRAM
    return bytes(flash[about.start :])


_SIMULATED_PROGRAM: Final = b"A simulated board runs its files on MicroPython's unix port.\n"


def firmware_config() -> ModuleType:
    """The scanner's own module that judges configurations."""
    shared, name = "flash_file", "config"
    before = sys.modules.get(shared)
    sys.modules[shared] = _firmware_module(shared)
    try:
        return _firmware_module(name)
    finally:
        del sys.modules[shared]
        if before:
            sys.modules[shared] = before


def _firmware_module(name: str) -> ModuleType:
    spec = spec_from_file_location(f"ardente_tools.device.firmware_{name}", firmware() / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _read_bases(path: Path) -> tuple[Base, ...]:
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), _Bases).base
    except OSError as error:
        raise FileError(f"{path} cannot be read ({error.strerror}): check its name.") from None
    except (ValueError, msgspec.ValidationError) as error:
        raise FileError(
            f"{path} is no list of base images: {error}. Compare it with {_BASES.name} of these tools."
        ) from None


def _read_base(path: Path | None, bases: tuple[Base, ...]) -> tuple[bytes, Base]:
    data = simulated_base() if path is None else read_file(path, _MAX_BASE_BYTES)
    name = "The simulated base" if path is None else str(path)
    digest = hashlib.sha256(data).hexdigest()
    about = next((base for base in bases if base.sha256 == digest), None)
    if about is None:
        raise FileError(
            f"{name} is no MicroPython image that these tools know (SHA-256 {digest[:16]}…): take one that is listed, "
            "or list one that you have tried on a board, as docs/hardware.md shows."
        )
    if about.mpy < _NEEDED_MPY:
        raise FileError(
            f"{name} is MicroPython {about.micropython}, too old to run the scanner: take an image of MicroPython "
            "1.25 or later that has the camera module."
        )
    files = (FILE_SYSTEM, DATA, about.files_offset, about.files_bytes)
    if files not in [(part.label, part.kind, part.offset, part.size) for part in partitions(data, about.start)]:
        raise FileError(f"{name} has its files elsewhere than the list says: correct files_offset and files_bytes.")
    return data, about


def _check_configuration(path: Path, data: bytes, family: str) -> None:
    config = firmware_config()
    try:
        board = config.parse(json.loads(data)).board
    except (ValueError, UnicodeError):
        raise FileError(f"{path} is not JSON: write it as docs/hardware.md shows.") from None
    except config.ConfigError as error:
        raise FileError(f"{path}: {error} See docs/hardware.md.") from None
    if not config.fits(board, family):
        raise FileError(
            f'{path} is for the board "{board}", and the base image is for {family}: take another of the two.'
        )


def _open_root(path: Path, data: bytes, allow_test_city: bool) -> Installed:
    try:
        return open_root(data, verify, allow_test_city)
    except TrustError as error:
        raise FileError(f"{path}: {TRUST_TEXTS[error.reason]}") from None


def _open_bundle(path: Path, data: bytes, first: Installed, now: int, allow_test_city: bool) -> Installed:
    reader = BytesReader(data)
    try:
        offer = open_bundle(reader, len(data), first, now, verify, allow_test_city=allow_test_city)
        for span in offer.lists:
            check_list(reader, offer, span)
    except TrustError as error:
        raise FileError(f"{path}: {TRUST_TEXTS[error.reason]}") from None
    return offer.installed


def _start_files(family: str) -> dict[str, bytes]:
    folder = firmware().parent / "boot"
    start = "main_sim.py" if family == SIMULATED else "main.py"
    return {"main.py": (folder / start).read_bytes(), "loader.py": (folder / "loader.py").read_bytes()}


def _slot_files(path: Path, image: bytes, believed: Installed, base: Base) -> dict[str, bytes]:
    """What the first slot holds when it is confirmed (firmware/scanner/application_slots.py)."""
    try:
        application, at = open_application(image, believed, base.family, 0, verify)
    except TrustError as error:
        raise FileError(f"{path}: {TRUST_TEXTS[error.reason]}") from None
    parts = dict(_split(path, image, application, at))
    for name, data in parts.items():
        if name.endswith(".mpy") and not _runs_on(base, data):
            raise FileError(f"{path}: {name} is compiled for another MicroPython than {base.name}: build it again.")
    if not {"main.mpy", "main.py"} & set(parts):
        raise FileError(f"{path} has no start: sign a folder that `make firmware` made.")
    record = {
        "version": application.version,
        "sha256": hashlib.sha256(image).hexdigest(),
        "confirmed": True,
        "parts": [[part.path, part.sha256.hex()] for part in application.parts],
    }
    state = {"confirmed": _FIRST_SLOT, "trial": None, "starts": 0, "failed": False}
    slot = f"app/{_FIRST_SLOT}/"
    return {
        **{slot + name: data for name, data in parts.items()},
        slot + "manifest": image[:at],
        slot + "record": _sealed(record),
        "app/state": _sealed(state),
    }


def _split(path: Path, image: bytes, application: Application, at: int) -> Iterator[tuple[str, bytes]]:
    for part in application.parts:
        data = image[at : at + part.length]
        if hashlib.sha256(data).digest() != part.sha256:
            raise FileError(f"{path} is damaged, or was changed: get it from the city again.")
        at += part.length
        yield part.path, data
    if at != len(image):
        raise FileError(f"{path} is longer than what was signed: get it from the city again.")


def _runs_on(base: Base, module: bytes) -> bool:
    """Whether a .mpy file is of the base's version; the sub-version counts for machine code alone."""
    if len(module) < 3 or module[0] != _MPY_MAGIC:
        return False
    has_machine_code, sub_version = module[2] >> 2 & 0x0F, module[2] & 3
    return module[1] == base.mpy[0] and (not has_machine_code or sub_version == base.mpy[1])


def _sealed(value: Mapping[str, Any]) -> bytes:
    data = json.dumps(value).encode()
    return hashlib.sha256(data).digest() + data


def _file_system(files: Mapping[str, bytes], size: int) -> bytes:
    """A littlefs with these files, as far as its last block in use. Raises `FileError` where they do not fit."""
    # littlefs begins anywhere; in one that is just large enough, and grows after, the files lie at the front.
    blocks = min(_blocks(files), size // BLOCK_BYTES)
    system = _littlefs(blocks, bytearray(b"\xff" * size))
    system.format()
    system.mount()
    try:
        for name, data in files.items():
            folder = name.rpartition("/")[0]
            if folder:
                system.makedirs(folder, exist_ok=True)
            with system.open(name, "wb") as file:
                file.write(data)
    except LittleFSError:
        raise FileError(
            f"The files do not fit the {size >> 10} KB that the base image has for them: take another base image."
        ) from None
    system.fs_grow(size // BLOCK_BYTES)
    system.unmount()
    made = bytes(system.context.buffer)
    _check_file_system(made, files)
    used = len(made.rstrip(b"\xff"))
    return made[: -(-used // BLOCK_BYTES) * BLOCK_BYTES]


def _check_file_system(made: bytes, files: Mapping[str, bytes]) -> None:
    """Read it back as a scanner will. Raises AssertionError: a fault of these tools."""
    system = _littlefs(len(made) // BLOCK_BYTES, bytearray(made))
    system.mount()
    for name, data in files.items():
        with system.open(name, "rb") as file:
            if file.read() != data:
                raise AssertionError(f"{name} does not read back")


def _blocks(files: Mapping[str, bytes]) -> int:
    """Enough for the files, two blocks for each folder, and an eighth for what littlefs writes twice."""
    folders = {folder for name in files for folder in Path(name).parents}
    blocks = sum(-(-len(data) // BLOCK_BYTES) for data in files.values()) + 2 * len(folders)
    return blocks + blocks // 8 + 8


def _littlefs(blocks: int, flash: bytearray) -> LittleFS:
    return LittleFS(
        UserContext(buffer=flash),
        mount=False,
        block_size=BLOCK_BYTES,
        block_count=blocks,
        read_size=_PROGRAM_BYTES,
        prog_size=_PROGRAM_BYTES,
        cache_size=_CACHE_BYTES,
        lookahead_size=_PROGRAM_BYTES,
        disk_version=_DISK_VERSION,
    )
