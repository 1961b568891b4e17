"""The scanner's status list of a large city: what a lookup asks of the flash, and what an install asks of the heap.

Counted on the 64-bit MicroPython, with littlefs as the scanner mounts it; objects there are twice as large as on the
chip.
"""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ardente import issuing
from ardente.core.keys import USE_CARD, KeySet, StatusKey, TokenKey
from ardente.testing import TestCity
from ardente.testing._clock import START
from interpreters import FIRMWARE, PROJECT, InterpreterMissingError, micropython

ENTRIES = 1_000_000
REVOKED = 100_000
KB = 1024


def large_bundle(city: TestCity, bits: bytes, version: int = 1, begin: datetime = START) -> bytes:
    iat = int(begin.timestamp())
    exp = int((begin + timedelta(days=45)).timestamp())
    uri = city.list_uri("card-1")
    card, status = city.key("card-1"), city.key("status-1")
    keys = KeySet(
        {1: TokenKey(1, USE_CARD, card.public_key, exp, uri, ENTRIES)},
        [StatusKey(status.key_id, status.public_key, [uri])],
    )
    status_list = issuing.status_list(status, uri, iat, exp, 86400, bits)
    return issuing.bundle(
        [city.key("bundle-1")],
        [city.root()],
        {uri: status_list},
        city=city.name,
        version=version,
        iat=iat,
        exp=exp,
        key_set=keys,
        campaigns=[],
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any] | None:
    try:
        interpreter = micropython()
    except InterpreterMissingError:
        return None
    city = TestCity()
    bits = bytearray(ENTRIES // 8)
    for index in random.Random(20_260).sample(range(ENTRIES), REVOKED):
        bits[index >> 3] |= 1 << (index & 7)
    bundle = large_bundle(city, bytes(bits))
    folder: Path = tmp_path_factory.mktemp("status_list")
    files = [folder / name for name in ("root", "bundle", "bits", "flash")]
    for file, data in zip(files, (city.root(), bundle, bits), strict=False):
        file.write_bytes(data)
    script = Path(__file__).resolve().parent / "device" / "status_list.py"
    paths = [FIRMWARE, PROJECT / "tests" / "firmware"]
    answer: dict[str, Any] = json.loads(interpreter.run(script, *files, paths=paths, timeout_s=600).stdout)
    return {**answer, "bundle_bytes": len(bundle)}


def test_status_list(report, told) -> None:
    def value(field: str, unit: float = 1) -> float | None:
        return told[field] / unit if told else None

    report.row("device-status-list", value("most_reads"), 2, "flash reads a lookup, at most")
    report.record("device-status-list-mean", value("reads"), "flash reads a lookup")
    report.row("device-status-list-install", value("install_bytes", KB), 32, "KB of heap, 1,000,000 cards")
    report.record("device-status-list-kept", value("kept_bytes", KB), "KB of heap after the install")
    report.record("device-status-list-bundle", value("bundle_bytes", KB), "KB of bundle")
    report.record("device-status-list-bits", ENTRIES / 8 / KB, "KB of bits")
