"""The fixtures that partners get: what docs/test-cards.md promises holds for the SDK as a whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ardente import DailyCap, Passback, TrustStore, Validator
from ardente.core import reasons
from ardente.testing import TEST_CARDS, FakeClock, TestCard, TestCity
from ardente.testing.plugin import AGE_CLASSES

Make = Callable[..., Validator]


@pytest.fixture
def remembering(ardente_trust_store: TrustStore, ardente_clock: FakeClock, tmp_path: Path) -> Make:
    """A validator with the memory that a reason needs."""

    def make(reason: str) -> Validator:
        memory = {
            reasons.ALREADY_USED: {"passback": Passback(tmp_path / "passback.db", timedelta(minutes=10))},
            reasons.DAILY_CAP: {"daily_cap": DailyCap(tmp_path / "cap.db", 1)},
        }.get(reason, {})
        return Validator(
            ardente_trust_store, age_classes=AGE_CLASSES, clock=ardente_clock, allow_test_city=True, **memory
        )

    return make


@pytest.mark.parametrize("name", [card.name for card in TEST_CARDS])
def test_a_test_card_answers_what_its_table_says(
    ardente_cards: dict[str, TestCard], remembering: Make, ardente_clock: FakeClock, name: str
) -> None:
    card = ardente_cards[name]
    validator = remembering(card.reason)
    ardente_clock.advance(timedelta(days=card.days_later))
    verdicts = [validator.check(card.text) for _ in range(card.scans)]
    assert [verdict.accepted for verdict in verdicts[:-1]] == [True] * (card.scans - 1)
    assert verdicts[-1].reason == card.reason
    assert verdicts[-1].accepted is card.accepted
    assert verdicts[-1].age_classes == ({card.age_class} if card.age_class else set())


def test_revoking_a_card_takes_one_bundle(
    ardente_test_city: TestCity,
    ardente_trust_store: TrustStore,
    ardente_validator: Validator,
    ardente_clock: FakeClock,
    ardente_cards: dict[str, TestCard],
) -> None:
    resident = ardente_cards["resident"].text
    assert ardente_validator.check(resident)
    ardente_clock.advance(timedelta(days=1))
    revoked = {"card-1": frozenset({186})}
    ardente_trust_store.install(ardente_test_city.bundle(2, iat=ardente_clock.now, revoked=revoked))
    fresh = Validator(ardente_trust_store, clock=ardente_clock, allow_test_city=True)
    assert fresh.check(resident).reason == reasons.REVOKED


def test_both_constructors_have_to_allow_the_test_city(ardente_trust_store: TrustStore) -> None:
    """A store that was allowed it is not enough: the validator says so for itself."""
    from ardente import ArdenteError

    with pytest.raises(ArdenteError):
        Validator(ardente_trust_store).check("1")
    with pytest.raises(ArdenteError):
        Validator(TrustStore(ardente_trust_store.folder), allow_test_city=True).check("1")
