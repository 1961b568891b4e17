"""A technician's bench: a town with keys of its own, scanners that run the real firmware, and `ardente device`."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from workbench import Town, large_bundle, provision_flash

from ardente.cli import main
from ardente.issuing import SigningKey
from ardente.testing import TestCity
from ardente_tools.rig import Line, SimulatedDevice

CONSOLE_RING_BYTES = 259


def _own_key(label: str) -> SigningKey:
    """No earnest scanner believes the public test city, so the town has keys of its own."""
    return SigningKey(hashlib.sha256(f"town of the bench, {label}".encode()).digest())


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Its root, a bundle of the day before yesterday, one of today, and one of a large city."""
    folder = tmp_path_factory.mktemp("town")
    city = TestCity("bench-town", signing_key=_own_key)
    now = datetime.now(UTC)
    files = {
        "root": city.root(),
        "old": city.bundle(1, iat=now - timedelta(days=2)),
        "new": city.bundle(2, iat=now - timedelta(hours=1)),
        "large": large_bundle(city, 3, now),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return Town(city, folder)


@pytest.fixture(scope="session")
def provisioned(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scanner's flash with the root and the old bundle; copied, because a device changes it."""
    flash = tmp_path_factory.mktemp("flash") / "pool-1"
    provision_flash(flash, town.root, town.old)
    return flash


@pytest.fixture
def make_device(tmp_path: Path, provisioned: Path) -> Iterator[Callable[..., SimulatedDevice]]:
    """Make a running scanner, by default one with the old bundle on a fast line; ``empty`` for one without root."""
    with ExitStack() as stack:

        def make(label: str = "pool-1", *, empty: bool = False, **options: Any) -> SimulatedDevice:
            flash = tmp_path / "devices" / label
            if empty:
                flash.mkdir(parents=True)
            else:
                shutil.copytree(provisioned, flash)
                (flash / "config.json").write_text(json.dumps({"label": label, "board": "generic"}))
            line = stack.enter_context(Line(**{"baud": None, "ring_bytes": CONSOLE_RING_BYTES, **options}))
            return stack.enter_context(SimulatedDevice(flash, line=line))

        yield make


@pytest.fixture
def journal_file(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture
def run(journal_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `ardente device` as a technician does, with a journal and a trust folder of the test's own."""
    monkeypatch.setenv("ARDENTE_JOURNAL", str(journal_file))
    monkeypatch.setenv("ARDENTE_TRUST", str(tmp_path / "trust"))

    def command(*arguments: object) -> Result:
        return CliRunner().invoke(main, ["device", *map(str, arguments)])

    return command
