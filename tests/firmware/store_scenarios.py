"""Run scenarios of the scanner's store on an interpreter (store_device.py), and the bundles they use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ardente.testing import TestCity
from interpreters import FIRMWARE, Interpreter

HERE = Path(__file__).resolve().parent
SHIM = HERE / "shim"
# The emulated chip has no file system to keep a store in.
WITH_FILES = pytest.mark.parametrize(
    "interpreter", ["cpython", "micropython", pytest.param("micropython32", marks=pytest.mark.mp32)], indirect=True
)
CITY = TestCity()
ROOT = CITY.root()
Step = Sequence[Any]


def paths(interpreter: Interpreter) -> list[Path]:
    return [FIRMWARE, *([SHIM] if interpreter.name == "cpython" else [])]


@dataclass
class Scenarios:
    """Collects scenarios, then runs all in one process."""

    interpreter: Interpreter
    lines: list[str] = field(default_factory=list)

    def add(self, folder: Path, *steps: Step) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.lines.append(json.dumps({"folder": str(folder), "steps": steps}))

    def run(self) -> list[list[Any]]:
        """The answers of each scenario."""
        result = self.interpreter.run(
            HERE / "store_device.py", stdin="\n".join(self.lines) + "\n", paths=paths(self.interpreter), timeout_s=300
        )
        self.lines.clear()
        return [json.loads(line) for line in result.stdout.splitlines()]


def run(interpreter: Interpreter, folder: Path, *steps: Step) -> list[Any]:
    """The answers of one scenario."""
    scenarios = Scenarios(interpreter)
    scenarios.add(folder, *steps)
    return scenarios.run()[0]


def install(bundle: bytes, chunk_bytes: int = 512) -> Step:
    return ("install", bundle.hex(), chunk_bytes)
