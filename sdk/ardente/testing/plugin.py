"""Fixtures for the test suites of partners; pytest finds them by itself where carte-ardente is installed.

def test_resident_pays_less(ardente_validator, ardente_cards):
    assert ardente_validator.check(ardente_cards["resident"].text)
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# What a suite that uses none of this pays at its start is this file alone.
if TYPE_CHECKING:
    from ardente import TrustStore, Validator
    from ardente.testing import FakeClock, TestCard, TestCity


AGE_CLASSES = {name: frozenset({name}) for name in ("child", "youth", "senior")}


@pytest.fixture
def ardente_clock() -> FakeClock:
    """A clock that stands still at 10:00 UTC of Monday, 1 June 2026; ``advance`` turns it on."""
    from ardente.testing import FakeClock

    return FakeClock()


@pytest.fixture(scope="session")
def ardente_test_city() -> TestCity:
    """The public test city; makes roots, bundles, cards and vouchers."""
    from ardente.testing import TestCity

    return TestCity()


@pytest.fixture(scope="session")
def ardente_cards() -> dict[str, TestCard]:
    """The test cards by name (docs/test-cards.md)."""
    from ardente.testing import TEST_CARDS

    return {card.name: card for card in TEST_CARDS}


@pytest.fixture
def ardente_trust_store(tmp_path: Path, ardente_test_city: TestCity, ardente_clock: FakeClock) -> TrustStore:
    """A trust store that holds the test city's root and a bundle issued at the clock's time."""
    from ardente import TrustStore

    store = TrustStore(tmp_path / "trust", clock=ardente_clock, allow_test_city=True)
    root = ardente_test_city.root()
    store.init(root, hashlib.sha256(root).hexdigest())
    store.install(ardente_test_city.bundle(iat=ardente_clock.now))
    return store


@pytest.fixture
def ardente_validator(ardente_trust_store: TrustStore, ardente_clock: FakeClock) -> Validator:
    """A validator of the test city, as a desk has it: the card's age classes under their own names, no passback."""
    from ardente import Validator

    return Validator(ardente_trust_store, age_classes=AGE_CLASSES, clock=ardente_clock, allow_test_city=True)
