"""`make firmware`: what lies on a board's flash."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import pytest

from ardente.core.root import ROLE_FIRMWARE, Role, Root
from ardente.issuing import SigningKey
from ardente_tools.city._application import sign_application
from test_packaging import PROJECT, load

build_firmware = load(PROJECT / "scripts" / "build_firmware.py")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target: Path = tmp_path_factory.mktemp("firmware")
    for architecture in build_firmware.ARCHITECTURES:
        build_firmware.build(target, architecture)
    return target


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("architecture", build_firmware.ARCHITECTURES)
def test_every_module_and_the_whole_rule_book_are_compiled(target: Path, architecture: str) -> None:
    made = files(target / architecture)
    assert made == {build_firmware.target_name(name) for name in build_firmware.modules()}
    # MicroPython starts no main.mpy.
    assert {name for name in made if not name.endswith(".mpy")} == {"main.py"}
    core = {f"core/{path.stem}.mpy" for path in (PROJECT / "sdk" / "ardente" / "core").glob("*.py")}
    assert core < made
    assert "board_sim.mpy" not in made


def test_a_build_says_nothing_of_the_computer_that_made_it(target: Path) -> None:
    for path in target.rglob("*"):
        assert path.is_dir() or str(PROJECT).encode() not in path.read_bytes()


def test_the_same_source_gives_the_same_image(target: Path, tmp_path: Path) -> None:
    architecture = build_firmware.ARCHITECTURES[0]
    build_firmware.build(tmp_path, architecture)
    name = f"scanner-{architecture}.romfs"
    assert (tmp_path / name).read_bytes() == (target / name).read_bytes()


@pytest.mark.parametrize("architecture", build_firmware.ARCHITECTURES)
def test_micropython_finds_the_same_files_in_the_image(target: Path, tmp_path: Path, architecture: str) -> None:
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
    image = target / f"scanner-{architecture}.romfs"
    listed = subprocess.run([program, script, image], capture_output=True, encoding="utf-8", check=True, timeout=30)
    folder = target / architecture
    assert set(listed.stdout.splitlines()) == {f"{name} {(folder / name).stat().st_size}" for name in files(folder)}


@pytest.mark.parametrize("architecture", build_firmware.ARCHITECTURES)
def test_the_city_can_sign_it_as_an_application(target: Path, architecture: str) -> None:
    key = SigningKey(bytes(32))
    root = Root("demo", 1, 0, 1, {ROLE_FIRMWARE: Role(1, [key.public_key])})
    image = sign_application(target / architecture, root, [key], board=architecture, version=1, now=1_790_000_000)
    assert len(image) > 100_000


def test_a_module_that_does_not_compile_leaves_the_last_build(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def f(:\n")
    before = sorted(path.name for path in (target / "rv32imc").rglob("*"))
    monkeypatch.setattr(build_firmware, "modules", lambda: {"broken.py": broken})
    with pytest.raises(build_firmware.BuildError, match="broken"):
        build_firmware.build(target, "rv32imc")
    assert sorted(path.name for path in (target / "rv32imc").rglob("*")) == before
