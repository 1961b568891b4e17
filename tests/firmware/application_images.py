"""Application images of the test city, whole and otherwise, and the running of scenarios on them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from store_scenarios import CITY, HERE, ROOT, paths

from ardente.core import cose, encode
from ardente.core.application import Application, Part
from ardente.issuing import sign_document
from ardente.testing._clock import START
from interpreters import PROJECT, Interpreter

BOOT = PROJECT / "firmware" / "boot"
FAMILY = "unix"
# A part that stays the same, one in a folder, one that takes more than a block.
PARTS = {"core/trust.mpy": b"trust" * 40, "main.mpy": b"main", "qr.mpy": b"qr" * 2600}
Step = Sequence[Any]


def parts_of(version: int) -> dict[str, bytes]:
    return {**PARTS, "main.mpy": b"main %d" % version, f"only-{version}.mpy": b"new"}


def manifest(
    version: int,
    parts: Mapping[str, bytes],
    city: str = "test-city",
    family: str = FAMILY,
    signers: Sequence[str] = ("firmware-1",),
) -> bytes:
    listed = [Part(path, len(data), hashlib.sha256(data).digest()) for path, data in sorted(parts.items())]
    size = sum(len(data) for data in parts.values())
    application = Application(city, version, int(START.timestamp()), family, size, listed)
    payload = encode.application_payload(application)
    return sign_document(cose.TYP_APPLICATION, payload, [CITY.key(label) for label in signers])


def image(version: int, parts: Mapping[str, bytes] | None = None, **how: Any) -> bytes:
    parts = parts_of(version) if parts is None else parts
    return manifest(version, parts, **how) + b"".join(parts[path] for path in sorted(parts))


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def send(data: bytes, *arguments: int) -> Step:
    return ("send", data.hex(), *arguments)


def test(data: bytes) -> Step:
    return ("test", sha(data))


test.__test__ = False  # type: ignore[attr-defined]


def install(data: bytes) -> Step:
    return ("install", data.hex())


def run(interpreter: Interpreter, folder: Path, *steps: Step, root: bytes = ROOT) -> list[Any]:
    """The answers of one scenario."""
    folder.mkdir(exist_ok=True)
    question = json.dumps({"folder": str(folder), "root": root.hex(), "steps": steps})
    result = interpreter.run(
        HERE / "application_device.py", stdin=question + "\n", paths=[*paths(interpreter), BOOT], timeout_s=120
    )
    return list(json.loads(result.stdout.splitlines()[-1]))
