"""MicroPython on an emulated RV32 chip: an interpreter with no files, no arguments and no end of input of its own.

What a run needs goes into a ROMFS image that the emulator lays into the chip's memory, beyond the firmware's: modules,
compiled for the chip as they are for a scanner, and files. The start is typed at the raw REPL. Standard output and
error share the serial line; what a script prints is told from what follows by a marker made for the run.

Where instructions are counted, the emulator's clock is the count itself: it comes out the same on every machine,
however busy. That halves the speed, so a plain `run` does without.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mpremote.romfs import VfsRomWriter

from mpy import CompileError, compiled

EMULATOR = (
    *("qemu-system-riscv32", "-machine", "virt", "-m", "128M", "-bios", "none", "-semihosting"),
    *("-display", "none", "-monitor", "none", "-serial", "stdio"),
)
COUNTING = ("-icount", "shift=0")
# Memory begins at 0x80000000 and the firmware takes its first 7 MB; the emulator keeps tables near the end.
IMAGE_ADDRESS = 0x8100_0000
IMAGE_MAX_BYTES = 96 * 1024 * 1024

# The built-in `sys` has no settable stdin, and the serial line has no end.
START = """\
import machine, sys, uctypes, vfs
class Sys:
    def __getattr__(self, name):
        return getattr(sys, name)
vfs.mount(vfs.VfsRom(uctypes.bytearray_at({address}, {size})), "/rom")
sys.path[:] = {path!r}
sys.argv[:] = {argv!r}
sys.modules["sys"] = Sys()
sys.modules["sys"].stdin = open("/rom/stdin")
status = None
failure = None
try:
    execfile(sys.argv[0], {{"__name__": "__main__"}})
except SystemExit as error:
    status = error.args[0] if error.args else None
except BaseException as error:
    failure = error
print("{marker}", end="")
if failure:
    sys.print_exception(failure)
    status = 1
if isinstance(status, str):
    print(status)
    status = 1
print("{marker}", int(status or 0))
machine.reset()
"""


@dataclass(frozen=True)
class Rv32Interpreter:
    """MicroPython's `qemu` port for RV32 (scripts/build_rv32.py).

    Of each folder in `paths` all files are brought along, and so is a file named by a Path among the arguments: the
    script finds its copy under the name that it is given. The chip's file system cannot be written.
    """

    firmware: Path
    always: tuple[tuple[Path, str], ...]
    name: str = "rv32"
    word_bits: int = 32

    def run(
        self,
        script: Path,
        *arguments: str | Path,
        paths: Sequence[Path] = (),
        stdin: str = "",
        timeout_s: float = 60,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        result = self._run((), script, arguments, paths, stdin, timeout_s)
        if check:
            _insist(result, script)
        return result

    def count(
        self, script: Path, *arguments: str | Path, paths: Sequence[Path] = (), stdin: str = "", timeout_s: float = 600
    ) -> dict[str, dict[str, Any]]:
        """Run a script, counting, and return what it told through `counter.tell` (tests/micropython), by name."""
        result = self._run(COUNTING, script, arguments, paths, stdin, timeout_s)
        _insist(result, script)
        told = [json.loads(line[8:]) for line in result.stdout.splitlines() if line.startswith("counted [")]
        return dict(told)

    def _run(
        self,
        options: tuple[str, ...],
        script: Path,
        arguments: Sequence[str | Path],
        paths: Sequence[Path],
        stdin: str,
        timeout_s: float,
    ) -> subprocess.CompletedProcess[str]:
        writer = VfsRomWriter()
        writer.mkfile("stdin", stdin.encode())
        writer.mkfile(script.name, script.read_bytes())
        argv = [f"/rom/{script.name}"]
        path = []
        for number, (folder, pattern) in enumerate([*((folder, "*") for folder in paths), *self.always]):
            path.append(f"/rom/{number}")
            writer.opendir(str(number))
            _write_folder(writer, folder, pattern)
            writer.closedir()
        writer.opendir("files")
        for number, argument in enumerate(arguments):
            if isinstance(argument, Path):
                writer.mkfile(f"{number}-{argument.name}", argument.read_bytes())
                argv.append(f"/rom/files/{number}-{argument.name}")
            else:
                argv.append(argument)
        writer.closedir()
        return self._emulate(options, writer.finalise(), path, argv, timeout_s)

    def _emulate(
        self, options: tuple[str, ...], image: bytes, path: list[str], argv: list[str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        if len(image) > IMAGE_MAX_BYTES:
            raise ValueError(
                f"{len(image)} bytes of files do not fit into the emulated chip's memory; run fewer at once."
            )
        marker = secrets.token_hex(16)
        start = START.format(address=IMAGE_ADDRESS, size=len(image), path=path, argv=argv, marker=marker)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "image"
            file.write_bytes(image)
            loader = f"loader,file={str(file).replace(',', ',,')},addr={IMAGE_ADDRESS:#x},force-raw=on"
            process = subprocess.run(
                [*EMULATOR, *options, "-device", loader, "-kernel", str(self.firmware)],
                input=b"\x01" + start.encode() + b"\x04",
                capture_output=True,
                timeout=timeout_s,
                check=False,
            )
        # The line's driver puts a carriage return before each line feed, and nothing else.
        text = process.stdout.replace(b"\r\n", b"\n").decode("utf-8", errors="replace")
        _, typed, answer = text.partition(">OK")
        parts = answer.split(marker)
        if not typed or len(parts) != 3:
            # The chip fell over (or the emulator did): nothing came after what the script printed.
            return subprocess.CompletedProcess(argv, process.returncode or 1, answer, process.stderr.decode() or text)
        output, failure, status = parts
        return subprocess.CompletedProcess(argv, int(status.split()[0]), output, failure)


def _insist(result: subprocess.CompletedProcess[str], script: Path) -> None:
    if result.returncode != 0:
        raise AssertionError(
            f"{script.name} ended with status {result.returncode} on rv32\n{result.stdout}{result.stderr}"
        )


def _write_folder(writer: VfsRomWriter, folder: Path, pattern: str) -> None:
    for item in sorted(folder.glob(pattern)):
        if item.name.startswith(".") or item.name == "__pycache__":
            continue
        if item.is_dir():
            writer.opendir(item.name)
            _write_folder(writer, item, "*")
            writer.closedir()
        else:
            name, content = _compiled(item, item.stat().st_mtime_ns)
            writer.mkfile(name, content)


@cache
def _compiled(file: Path, _mtime_ns: int) -> tuple[str, bytes]:
    """A module as the chip loads it; any other file as it is.

    So is a module that the compiler refuses: to import it fails on the chip, as it does on the other interpreters.
    """
    if file.suffix != ".py":
        return file.name, file.read_bytes()
    try:
        return f"{file.stem}.mpy", compiled(file, "rv32imc")
    except CompileError:
        return file.name, file.read_bytes()
