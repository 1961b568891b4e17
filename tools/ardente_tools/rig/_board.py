"""A board that exists only as programs: the ROM loader of an empty chip, and then the firmware that was flashed."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Self

from ._device import CONSOLE_BUFFER_BYTES, CONSOLE_RING_BYTES, Event, Events, SimulatedDevice
from ._errors import RigError
from ._line import Line
from ._partitions import unpack

if TYPE_CHECKING:
    from PIL import Image

_END_TIMEOUT_S: Final = 10.0
_START: Final = "main.py"


class SimulatedBoard:
    """A chip with nothing on it, at the end of a line; esptool writes to it, and what was written starts.

    In ``folder``, which outlives the board, ``flash.bin`` is the flash as it was written last and ``files`` the file
    system of what runs. A pseudo-terminal has no DTR and RTS, so a board is reset when the host lets go of the port:
    after a whole write it starts what was written, otherwise it stays in the ROM loader. To flash it again, call
    `enter_bootloader`, which is what IO0 held to ground is on a real board; ``start_in_bootloader`` does so once.

    ``chip`` is a name of esptool's. The rest is as of `SimulatedDevice`. As a context the board has power.
    """

    def __init__(
        self,
        folder: Path,
        *,
        chip: str = "esp32",
        flash_megabytes: int = 4,
        line: Line | None = None,
        buffer_bytes: int = CONSOLE_BUFFER_BYTES,
        allow_test_city: bool = False,
        start_in_bootloader: bool = False,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.flash = folder / "flash.bin"
        self._chip = chip
        self._flash_megabytes = flash_megabytes
        self._start_in_bootloader = start_in_bootloader
        self._own_line = line is None
        self.line = line or Line(ring_bytes=CONSOLE_RING_BYTES)
        self.device = SimulatedDevice(
            folder / "files", line=self.line, buffer_bytes=buffer_bytes, allow_test_city=allow_test_city
        )
        self._rom: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None
        self._power = threading.RLock()

    @property
    def port(self) -> str:
        return self.line.port

    @property
    def events(self) -> Events:
        return self.device.events

    @property
    def in_bootloader(self) -> bool:
        return self._rom is not None

    def start(self) -> None:
        """Give the board power: what is on its flash starts, or the ROM loader where there is nothing."""
        held, self._start_in_bootloader = self._start_in_bootloader, False
        if not held and (self.device.folder / _START).is_file():
            self.device.start()
        else:
            self.enter_bootloader()

    def stop(self) -> None:
        """Take its power away."""
        with self._power:
            self._end_rom()
            self.device.stop()
            keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.join(_END_TIMEOUT_S)

    def power_cycle(self) -> None:
        self.stop()
        self.start()

    def enter_bootloader(self) -> None:
        """Reset the board with IO0 held to ground: the ROM loader answers."""
        self.stop()
        with self._power:
            self._rom = self._begin_rom()
            self._keeper = threading.Thread(target=self._keep, args=(self._rom,), daemon=True)
            self._keeper.start()

    def show(self, picture: Path | Image.Image | bytes | None) -> None:
        self.device.show(picture)

    def wait_for(self, name: str, timeout_s: float = 10.0, since: int = 0) -> Event:
        return self.device.wait_for(name, timeout_s, since)

    def close(self) -> None:
        self.stop()
        self.device.close()
        if self._own_line:
            self.line.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin_rom(self) -> subprocess.Popen[bytes]:
        self.line.drain()
        self.line.watch()
        # The ROM and esptool's stub take whole blocks; the small ring is MicroPython's console's.
        self.line.ring(None)
        device = self.line.device.fileno()
        arguments = (str(self.flash), self._chip, str(self._flash_megabytes), str(device))
        rom = subprocess.Popen(
            [sys.executable, "-m", "ardente_tools.rig._rom", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(device,),
            # Lines are read as they come, so that waiting for the next one works.
            bufsize=0,
            process_group=0,
        )
        assert rom.stdout is not None
        if not self._note(rom.stdout.readline()):
            rom.wait(_END_TIMEOUT_S)
            raise RigError("The simulated ROM loader does not start: pip install 'carte-ardente[tools]'")
        return rom

    def _end_rom(self) -> None:
        rom, self._rom = self._rom, None
        if rom is None:
            return
        rom.kill()
        rom.wait(_END_TIMEOUT_S)
        self.line.watch(False)
        self.line.ring(self.line.ring_bytes)
        self.line.pace(self.line.baud)

    def _keep(self, rom: subprocess.Popen[bytes]) -> None:
        """Attend to the ROM loader until it ends or what it wrote starts."""
        assert rom.stdin is not None
        assert rom.stdout is not None
        with rom.stdin, rom.stdout:
            written = False
            while True:
                ready, _, _ = select.select([rom.stdout.fileno(), self.line.hangups], [], [])
                if rom.stdout.fileno() not in ready:
                    os.read(self.line.hangups, 1)
                    if (written and self._boot(rom)) or not self._reset_rom(rom.stdin):
                        return
                    continue
                event = self._note(rom.stdout.readline())
                match event.get("event"):
                    case None:
                        return
                    case "erasing":
                        written = False
                        shutil.rmtree(self.device.folder, ignore_errors=True)
                    case "written":
                        written = True
                    case "baud" if self.line.baud:
                        self.line.pace(event["baud"])

    def _reset_rom(self, stdin: IO[bytes]) -> bool:
        """Let the next host find a loader that has just been reset; False where there is none any more."""
        self.line.pace(self.line.baud)
        self.line.drain()
        try:
            stdin.write(b"\n")
        except OSError:
            return False
        return True

    def _boot(self, rom: subprocess.Popen[bytes]) -> bool:
        """Start what was written; False where it cannot be, and the loader stays."""
        try:
            unpack(self.flash.read_bytes(), self.device.folder)
        except RigError as error:
            self.events.add({"event": "not_started", "text": str(error)})
            return False
        with self._power:
            if self._rom is rom:
                self._end_rom()
                self._start_device()
        return True

    def _start_device(self) -> None:
        try:
            self.device.start()
        except RigError as error:
            self.events.add({"event": "not_started", "text": str(error)})

    def _note(self, line: bytes) -> Event:
        event: Event = json.loads(line) if line else {}
        if event:
            self.events.add(event)
        return event
