"""The scanner's firmware on the unix port, fed with frames: what a test of the application needs."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import segno

import interpreters
from ardente.testing import TestCity

FRAME_BYTES = 320 * 240
GREY = bytes([128]) * FRAME_BYTES


def frame(text: str, version: int = 6, mode: str | None = None) -> bytes:
    """Return a frame with the QR code of `text`, seen from the front."""
    level = "m" if version == 6 else "l"
    code = segno.make(text, version=version, error=level, mode=mode, boost_error=False)
    pixels = 4 if version < 8 else 3
    modules = np.kron(np.array([list(row) for row in code.matrix], dtype=bool), np.ones((pixels, pixels), dtype=bool))
    grey = np.full((240, 320), 200, np.uint8)
    height, width = modules.shape
    grey[30 : 30 + height, 70 : 70 + width][modules] = 40
    return grey.tobytes()


@dataclass
class Scanner:
    """A flash in a folder, and runs of the firmware on it."""

    command: tuple[str, ...]
    flash: Path
    paths: tuple[Path, ...]
    frames: list[bytes] = field(default_factory=list)
    complaint: str = ""

    def configure(self, **values: Any) -> None:
        self.flash.mkdir(exist_ok=True)
        (self.flash / "config.json").write_text(json.dumps({"board": "generic", **values}))

    def install(self, city: TestCity, **bundle: Any) -> dict[str, Any]:
        root, offered = self.flash.parent / "root.cose", self.flash.parent / "bundle.cose"
        root.write_bytes(city.root())
        offered.write_bytes(city.bundle(**bundle))
        [event] = self._run("--install", str(root), str(offered))
        return event

    def see(self, at_ms: int, pixels: bytes = GREY, **header: Any) -> None:
        """Have the camera take a frame at a time."""
        bare = header.get("frame") is False or header.get("fail") is True
        self.frames.append(json.dumps({"at_ms": at_ms, **header}).encode() + b"\n" + (b"" if bare else pixels))

    def run(self) -> list[dict[str, Any]]:
        """Run on the frames and return the events, without those that say that a frame was worked on."""
        stream, self.frames = b"".join(self.frames), []
        return [event for event in self._run(stdin=stream) if event["event"] != "frame"]

    def counters(self) -> dict[str, Any]:
        """What the scanner counted, from its file."""
        return json.loads((self.flash / "counters").read_bytes()[32:])  # type: ignore[no-any-return]

    def run_script(self, name: str, *arguments: str) -> str:
        """Run a script of this folder beside the firmware, on this flash, and return what it prints."""
        return self.run_program(name, str(self.flash), *arguments)

    def run_program(self, name: str, *arguments: str, may_complain: bool = False) -> str:
        """Run a script of this folder beside the firmware, and return what it prints; on stderr: `complaint`."""
        return self._start(Path(__file__).with_name(name), *arguments, may_complain=may_complain).decode()

    def _run(self, *arguments: str, stdin: bytes = b"") -> list[dict[str, Any]]:
        program = interpreters.FIRMWARE / "board_sim.py"
        printed = self._start(program, "--test-city", str(self.flash), *arguments, stdin=stdin)
        return [json.loads(line) for line in printed.splitlines()]

    def _start(self, program: Path, *arguments: str, stdin: bytes = b"", may_complain: bool = False) -> bytes:
        done = subprocess.run(
            [*self.command, str(program), *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=100,
            env={"PATH": os.defpath, "MICROPYPATH": os.pathsep.join(map(str, self.paths))},
        )
        self.complaint = done.stderr.decode()
        assert may_complain or not self.complaint, self.complaint
        return done.stdout


def times(events: list[dict[str, Any]], name: str, **fields: Any) -> list[int]:
    """Return when events of a name happened."""
    return [
        event["at_ms"]
        for event in events
        if event["event"] == name and all(event.get(key) == value for key, value in fields.items())
    ]
