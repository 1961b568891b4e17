"""The fixtures that partners get: what docs/test-cards.md promises holds for the SDK as a whole."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ardente import DailyCap, Passback, TrustStore, Validator
from ardente.core import reasons
from ardente.testing import TEST_CARDS, FakeClock, TestCard, TestCity
from ardente.testing.plugin import AGE_CLASSES
from interpreters import PROJECT

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


@pytest.mark.skipif(sys.platform == "win32", reason="a fake scanner is a pseudo-terminal")
def test_a_partners_suite_has_the_fixtures_by_installing_the_package(tmp_path: Path) -> None:
    """The examples of the page, in a project that has neither configuration nor conftest."""
    page = (PROJECT / "docs" / "test-cards.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    shutil.copy(PROJECT / "examples" / "museum_gate" / "tariff.toml", tmp_path)
    for number, example in enumerate(examples):
        (tmp_path / f"test_example_{number}.py").write_text(example)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{sum(example.count('def test_') for example in examples)} passed" in done.stdout
    assert len(examples) == 3


def test_a_suite_that_uses_none_of_it_loads_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n\n\ndef test_other():\n"
        "    assert not {'ardente.testing._city', 'ardente_tools.rig'} & sys.modules.keys()\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
