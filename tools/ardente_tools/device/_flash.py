"""Writing a whole image to a board's flash, by esptool as a program of its own.

Everything that can be wrong with file, port, chip and flash is found before a byte is erased. A write that is cut at
any moment leaves a board without firmware that waits in its ROM loader, and the next one begins again.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from ._client import Device, Status
from ._errors import DeviceError, FileError, NoAnswerError, PortError
from ._files import read_file
from ._partitions import TABLE_OFFSET, partitions, sealed
from ._ports import Port, find_again, open_port

FLASH_BAUDRATE: Final = 460_800
# What a first start takes that makes its tables.
READY_TIMEOUT_S: Final = 60.0

_IMAGE_MAGIC: Final = 0xE9
_CHIP_ID: Final = struct.Struct("<12xH")
_CHIPS: Final = {0: "ESP32", 2: "ESP32-S2", 5: "ESP32-C3", 9: "ESP32-S3", 13: "ESP32-C6", 18: "ESP32-P4"}
# Where each chip's ROM looks for the bootloader, with which an image begins.
_BOOTLOADER_OFFSETS: Final = {"ESP32": 0x1000, "ESP32-S2": 0x1000, "ESP32-P4": 0x2000}
_MAX_IMAGE_BYTES: Final = 32 << 20

_CONNECT_ATTEMPTS: Final = 3
# esptool's words for what becomes of the board afterwards.
_RESET: Final = "hard-reset"
_STAY: Final = "no-reset"
_PROGRESS: Final = re.compile(r"(\d+(?:\.\d+)?)% +[\d.]+[kM]?B/")
_CHIP: Final = re.compile(r"^Connected to (\S+) on ", re.MULTILINE)
_FLASH_SIZE: Final = re.compile(r"^Detected flash size: (\d+)([KM])B", re.MULTILINE)
_MAC: Final = re.compile(r"^MAC: +([0-9a-f:]+)", re.MULTILINE)
_UNITS: Final = {"K": 1 << 10, "M": 1 << 20}
_VERIFIED: Final = "Hash of data verified."
_ERASES: Final = ("Flash will be erased", "Erasing flash")
_NO_LOADER: Final = ("Failed to connect", "No serial data received", "Wrong boot mode", "Invalid head of packet")
_BURNED: Final = ("ecure boot", "ecure Boot", "ncryption", "ecure Download", "ecure download")

# Of the write, from 0 to 1.
Progress = Callable[[float], None]


class FlashError(DeviceError):
    """The board's flash cannot be read or written. ``erased`` tells whether what was on it is gone."""

    code = "flash"

    def __init__(self, text: str, *, erased: bool = False) -> None:
        super().__init__(text)
        self.erased = erased


class BootloaderError(FlashError):
    """No ROM loader answers on the port."""

    code = "no_bootloader"


class FlashImage(NamedTuple):
    """An image file: for which chip, from where on it is written, and how much flash its partitions need (bytes).

    is_sealed: it says itself that it is whole, as one of `ardente device build` does
    """

    file: Path
    chip: str
    offset: int
    flash_bytes: int
    sha256: bytes
    is_sealed: bool


class Chip(NamedTuple):
    """What a ROM loader says: esptool's name of the chip, the size of its flash (None: unknown), its MAC address."""

    name: str
    flash_bytes: int | None
    mac: str


def read_image(file: Path, sha256: bytes | None = None) -> FlashImage:
    """Return what an image file is for. Raises `FileError` for one that is none, is damaged or has not this SHA-256."""
    data = read_file(file, _MAX_IMAGE_BYTES)
    digest = hashlib.sha256(data).digest()
    if sha256 is not None and digest != sha256:
        raise FileError(_CHANGED.format(file))
    chip = _chip_of(data)
    if chip is None:
        raise FileError(f"{file} is no flash image of an ESP32: make one with `ardente device build`.")
    offset = _BOOTLOADER_OFFSETS.get(chip, 0)
    is_sealed = sealed(data, offset)
    if is_sealed is False:
        raise FileError(_CHANGED.format(file))
    needed = max([offset + len(data), *[part.offset + part.size for part in partitions(data, offset)]])
    return FlashImage(file, chip, offset, needed, digest, is_sealed is not None)


def identify_chip(port: Port) -> Chip:
    """Ask the ROM loader which chip it is; the board is reset to be asked, and again after it. Changes nothing.

    Raises `BootloaderError`, `FlashError`, `PortError`.
    """
    return _identify(port, _RESET)


def _identify(port: Port, after: str) -> Chip:
    _check_port(port)
    output, status = _run(port, ["flash-id"], lambda _: None, after=after)
    found = _CHIP.search(output)
    if status or found is None:
        raise _failure(port, output)
    size, mac = _FLASH_SIZE.search(output), _MAC.search(output)
    flash_bytes = int(size[1]) * _UNITS[size[2]] if size else None
    return Chip(found[1], flash_bytes, mac[1] if mac else "")


def flash(
    port: Port,
    image: FlashImage,
    *,
    progress: Progress = lambda _: None,
    baudrate: int = FLASH_BAUDRATE,
    erase_all: bool = False,
    on_chip: Callable[[Chip], None] = lambda _: None,
) -> Chip:
    """Write an image, have it verified, and restart the board. Returns which chip it was.

    ``on_chip`` is called before anything is erased. With ``erase_all`` everything else on the flash goes too. Raises
    `FileError` where image and board do not fit, `BootloaderError`, `FlashError` and `PortError`; only a `FlashError`
    that says so has erased anything.
    """
    # A board that was brought into its loader by hand must not leave it now.
    chip = _identify(port, _STAY)
    _check_fit(image, chip)
    on_chip(chip)
    with _same_file(image) as file:
        arguments = ["write-flash", "--flash-mode", "keep", "--flash-freq", "keep", "--flash-size", "keep"]
        if erase_all:
            arguments.append("--erase-all")
        arguments += [hex(image.offset), str(file)]
        try:
            output, status = _run(port, arguments, progress, chip=chip.name, baudrate=baudrate)
        except KeyboardInterrupt:
            raise FlashError(f"Writing was interrupted. {_AGAIN}", erased=True) from None
    if status or _VERIFIED not in output:
        raise _failure(port, output)
    progress(1.0)
    return chip


def wait_until_ready(port: Port, timeout_s: float = READY_TIMEOUT_S) -> Status:
    """Return the status of the scanner that has just been flashed, as soon as it answers. Raises `NoAnswerError`."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with Device(find_again(port)) as device:
                return device.status(tries=1)
        except (NoAnswerError, PortError):
            if time.monotonic() >= deadline:
                raise NoAnswerError(
                    f"The image is written and verified, but nothing answers on {port.path}: press the board's reset "
                    "button, or take IO0 off GND and plug it in again, then run `ardente device doctor`."
                ) from None
        time.sleep(_PAUSE_S)


_PAUSE_S: Final = 0.2
_CHANGED: Final = "{} is not the file that was built: it was changed or cut. Copy it again, or build it."
_AGAIN: Final = "The board has no firmware now and stays in its ROM loader: run the command again, it starts over."


def _chip_of(data: bytes) -> str | None:
    if len(data) < TABLE_OFFSET or data[0] != _IMAGE_MAGIC:
        return None
    return _CHIPS.get(_CHIP_ID.unpack_from(data)[0])


def _check_port(port: Port) -> None:
    """Let what is wrong with a port be said by who opens ports."""
    open_port(port).close()


def _check_fit(image: FlashImage, chip: Chip) -> None:
    if chip.name != image.chip:
        raise FileError(
            f"The board is an {chip.name}, and {image.file.name} is for an {image.chip}: take the image for this "
            "board. Nothing was erased."
        )
    if chip.flash_bytes is None:
        raise FlashError("The size of the board's flash cannot be read: try another cable. Nothing was erased.")
    if chip.flash_bytes < image.flash_bytes:
        raise FileError(
            f"The board's flash has {_megabytes(chip.flash_bytes)} MB, and {image.file.name} needs "
            f"{_megabytes(image.flash_bytes)}: take another board, or a smaller image. Nothing was erased."
        )


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.3g}"


@contextmanager
def _same_file(image: FlashImage) -> Iterator[Path]:
    """A copy of the image that nobody changes between the check and the write."""
    with tempfile.TemporaryDirectory(prefix="ardente-flash-") as folder:
        copy = Path(folder, "image.bin")
        data = read_file(image.file, _MAX_IMAGE_BYTES)
        if hashlib.sha256(data).digest() != image.sha256:
            raise FileError(f"{image.file} was changed in the meantime: build it again. Nothing was erased.")
        copy.write_bytes(data)
        yield copy


def _run(
    port: Port,
    command: list[str],
    progress: Progress,
    *,
    after: str = _RESET,
    chip: str = "auto",
    baudrate: int | None = None,
) -> tuple[str, int]:
    """Run esptool to its end; return what it printed, and its exit status."""
    options = ["--chip", chip.lower().replace("-", ""), "--port", port.path]
    options += ["--connect-attempts", str(_CONNECT_ATTEMPTS), "--before", "default-reset", "--after", after]
    if baudrate:
        options += ["--baud", str(baudrate)]
    # In a folder of its own, so that no esptool.cfg that lies about changes what is done.
    with tempfile.TemporaryDirectory(prefix="ardente-esptool-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "esptool", *options, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200", "PYTHONUTF8": "1"},
        )
        try:
            output = _follow(process, progress)
            return output, process.wait()
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _follow(process: subprocess.Popen[bytes], progress: Progress) -> str:
    assert process.stdout is not None
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    output = line = ""
    while part := os.read(process.stdout.fileno(), 65_536):
        text = decoder.decode(part)
        output += text
        *lines, line = (line + text).splitlines(keepends=True)[-2:] or [""]
        for candidate in (*lines, line):
            if found := _PROGRESS.search(candidate):
                progress(float(found[1]) / 100)
    return output


def _failure(port: Port, output: str) -> FlashError:
    if "No module named esptool" in output:
        return FlashError("esptool is not installed: pip install 'carte-ardente[tools]'.")
    if any(text in output for text in _ERASES):
        return FlashError(f"Writing stopped: {_last_line(output)} Check the cable. {_AGAIN}", erased=True)
    if any(text in output for text in _BURNED):
        return FlashError(
            "The board's eFuses forbid this write (secure boot or flash encryption): update it with "
            "`ardente device push`, or take another board. Nothing was erased."
        )
    if any(text in output for text in _NO_LOADER):
        return BootloaderError(
            f"The board on {port.path} is not in its bootloader. Hold its BOOT button (or connect IO0 to GND), press "
            "reset or plug it in again, and run the command again. Nothing was erased."
        )
    return FlashError(f"esptool failed: {_last_line(output)} Plug the board in again and retry. Nothing was erased.")


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "rror" in line]
    text = (errors or lines or ["it said nothing"])[0 if errors else -1]
    return re.sub(r"^(ERROR: )?(A .*error occurred: )?", "", text).rstrip(".") + "."
