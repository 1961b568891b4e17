"""`make firmware`: what lies on a board's flash."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import pytest

from ardente.core.application import MAX_PARTS
from ardente.core.root import ROLE_FIRMWARE, Role, Root
from ardente.issuing import SigningKey
from ardente_tools.city._application import sign_application
from ardente_tools.device import _compile
from ardente_tools.device._compile import FAMILIES, SIMULATED, CompileError
from ardente_tools.device._image import firmware_config
from interpreters import FIRMWARE
from test_packaging import PROJECT, load

build_firmware = load(PROJECT / "scripts" / "build_firmware.py")


CHIPS = [family for family in FAMILIES if family != SIMULATED]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target: Path = tmp_path_factory.mktemp("firmware")
    for family in FAMILIES:
        build_firmware.build(target, family)
    return target


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def compiled(folder: Path) -> set[str]:
    return {path.relative_to(folder).with_suffix(".mpy").as_posix() for path in folder.rglob("*.py")}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_family_needs_is_compiled_and_fits_a_manifest(target: Path, family: str) -> None:
    made = files(target / family)
    for_computers = {"board_serial.mpy", "board_sim.mpy"}
    boards = {name for name in made if name.startswith("boards/")}
    assert made - boards - for_computers == {
        name for name in compiled(FIRMWARE) if "boards/" not in name and name != "main_sim.mpy"
    } - for_computers | {
        f"core/{name}" for name in compiled(PROJECT / "sdk" / "ardente" / "core") if name != "encode.mpy"
    }
    assert made & for_computers == (for_computers if family == SIMULATED else set())
    wanted = {f"boards/{name}.mpy" for name in ("__init__", "board", *FAMILIES[family].boards)}
    assert boards == (set() if family == SIMULATED else wanted)
    assert len(made) <= MAX_PARTS


def test_every_board_of_a_chip_is_in_the_family_that_its_configuration_names() -> None:
    config = firmware_config()
    for family in ("esp32", "esp32s3"):
        assert set(FAMILIES[family].boards) == {board for board in config.BOARDS if config.fits(board, family)}


@pytest.mark.parametrize("family", FAMILIES)
def test_each_part_is_machine_code_of_the_family_or_of_none(target: Path, family: str) -> None:
    # The number that the header has for it (MicroPython's tools/mpy-tool.py); viper modules have one.
    number = {"x64": 2, "xtensawin": 10, "rv32imc": 11}[FAMILIES[family].architecture]
    found = {(target / family / name).read_bytes()[2] >> 2 for name in files(target / family)}
    assert found == {0, number}


def test_a_build_says_nothing_of_the_computer_that_made_it(target: Path) -> None:
    for path in target.rglob("*"):
        assert path.is_dir() or str(PROJECT).encode() not in path.read_bytes()


def test_the_same_source_gives_the_same_image(target: Path, tmp_path: Path) -> None:
    build_firmware.build(tmp_path, "esp32")
    name = "scanner-esp32.romfs"
    assert (tmp_path / name).read_bytes() == (target / name).read_bytes()


@pytest.mark.parametrize("family", CHIPS)
def test_micropython_finds_the_same_files_in_the_image(target: Path, tmp_path: Path, family: str) -> None:
    program = Path(sysconfig.get_path("scripts")) / "micropython"
    if not program.exists():
        pytest.skip("The 64-bit micropython is not installed.")
    script = tmp_path / "list.py"
    script.write_text(
        "import os, sys, vfs\n"
        "with open(sys.argv[1], 'rb') as file:\n"
        "    vfs.mount(vfs.VfsRom(file.read()), '/image')\n"
        "def walk(folder):\n"
        "    for name, kind, _, size in os.ilistdir(folder):\n"
        "        path = folder + '/' + name\n"
        "        if kind & 0x4000:\n"
        "            walk(path)\n"
        "        else:\n"
        "            print(path[7:], size)\n"
        "walk('/image')\n"
    )
    image = target / f"scanner-{family}.romfs"
    listed = subprocess.run([program, script, image], capture_output=True, encoding="utf-8", check=True, timeout=30)
    folder = target / family
    sizes = {name: (folder / name).stat().st_size for name in files(folder) if name != "main.mpy"}
    # MicroPython starts no main.mpy.
    sizes["main.py"] = (FIRMWARE / "main.py").stat().st_size
    assert set(listed.stdout.splitlines()) == {f"{name} {size}" for name, size in sizes.items()}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_city_can_sign_it_as_an_application(target: Path, family: str) -> None:
    key = SigningKey(bytes(32))
    root = Root("demo", 1, 0, 1, {ROLE_FIRMWARE: Role(1, [key.public_key])})
    image = sign_application(target / family, root, [key], board=family, version=1, now=1_790_000_000)
    assert len(image) > 100_000


def test_a_module_that_does_not_compile_leaves_the_last_build(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def f(:\n")
    before = sorted(path.name for path in (target / "esp32").rglob("*"))
    monkeypatch.setattr(_compile, "modules", lambda family: {"broken.py": broken})
    with pytest.raises(CompileError, match="broken"):
        build_firmware.build(target, "esp32")
    assert sorted(path.name for path in (target / "esp32").rglob("*")) == before
