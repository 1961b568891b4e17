"""The script that builds MicroPython for the emulated chip: what it needs is said, what is there is not built again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from interpreters import PROJECT, RV32_FIRMWARE

SCRIPT = PROJECT / "scripts" / "build_rv32.py"


@pytest.fixture
def build_rv32(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import build_rv32

    return build_rv32


@pytest.fixture
def built() -> Path:
    if not RV32_FIRMWARE.exists() or shutil.which("qemu-system-riscv32") is None:
        pytest.skip("Nothing is built here.")
    return RV32_FIRMWARE.parent


def test_what_is_missing_is_one_sentence_with_the_line_to_run() -> None:
    result = subprocess.run([sys.executable, str(SCRIPT)], env={"PATH": ""}, capture_output=True, text=True)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("build_rv32: ")
    assert "apt-get install make gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc" in line


@pytest.mark.rv32
def test_what_works_is_taken(build_rv32: ModuleType, built: Path) -> None:
    assert build_rv32.works(built)


@pytest.mark.rv32
def test_another_recipe_or_a_broken_file_is_built_anew(build_rv32: ModuleType, built: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(built, tmp_path / "rv32")
    assert build_rv32.works(copy)
    (copy / "built-from").write_text("1.25.0+ds 0123456789abcdef\n")
    assert not build_rv32.works(copy)
    shutil.copy(built / "built-from", copy)
    (copy / "firmware.elf").write_bytes(b"")
    assert not build_rv32.works(copy)
    assert not build_rv32.works(tmp_path / "nothing")
