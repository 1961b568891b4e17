"""A partner's desk: a city of its own, its trust folder, and the `ardente` command as a person runs it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from desk import Cards, assert_no_card

from ardente import TrustStore
from ardente.cli import main
from ardente.core.token import SENIOR
from ardente.issuing import SigningKey, to_digits
from ardente.testing import TestCity


def _own_key(label: str) -> SigningKey:
    """The command never believes the public test city, so the desk's city has keys of its own."""
    return SigningKey(hashlib.sha256(f"city of the desk, {label}".encode()).digest())


@pytest.fixture(scope="session")
def city() -> TestCity:
    return TestCity("desk-city", signing_key=_own_key)


@pytest.fixture(scope="session")
def cards(city: TestCity) -> Cards:
    good = city.card(186)
    return Cards(
        good=to_digits(good),
        senior=city.card_text(865, age_class=SENIOR),
        revoked=city.card_text(77),
        expired=city.card_text(593, exp=datetime(2025, 4, 1, tzinfo=UTC)),
        altered=to_digits(good[:-1] + bytes([good[-1] ^ 1])),
    )


@pytest.fixture
def root_file(tmp_path: Path, city: TestCity) -> Path:
    path = tmp_path / "root.cbor"
    path.write_bytes(city.root())
    return path


@pytest.fixture
def root_sha256(city: TestCity) -> str:
    return hashlib.sha256(city.root()).hexdigest()


@pytest.fixture
def trust_folder(tmp_path: Path, city: TestCity, root_sha256: str) -> Path:
    """A trust folder with a bundle of today."""
    folder = tmp_path / "trust"
    store = TrustStore(folder)
    store.init(city.root(), root_sha256)
    store.install(city.bundle(iat=datetime.now(UTC)))
    return folder


@pytest.fixture
def environment(trust_folder: Path) -> dict[str, str]:
    return {"ARDENTE_TRUST": str(trust_folder), "ARDENTE_LANGUAGE": "en"}


Ardente = Callable[..., Result]


@pytest.fixture
def ardente(environment: dict[str, str], cards: Cards) -> Ardente:
    """Runs the command within this process. Whatever it prints is searched for the digits of a card."""

    def run(*args: str | Path, input: str | bytes | None = None, env: dict[str, str] | None = None) -> Result:
        result = CliRunner().invoke(main, [*map(str, args)], input=input, env={**environment, **(env or {})})
        assert_no_card(f"{result.output}{result.stderr}{result.exception!r}", cards)
        if result.exception is not None:
            assert isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture
def process(environment: dict[str, str]) -> Callable[..., subprocess.Popen[str]]:
    """Starts the command as a process of its own."""

    def start(*args: str | Path, **options: object) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [sys.executable, "-m", "ardente", *map(str, args)]
        return subprocess.Popen(command, env={**os.environ, **environment}, encoding="utf-8", **{**pipes, **options})

    return start
