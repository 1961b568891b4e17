"""What the tests of the command share: where its files are, and the cards that it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
TARIFF = PROJECT / "examples" / "museum_gate" / "tariff.toml"


@dataclass(frozen=True)
class Cards:
    """What the QR codes of some cards say."""

    good: str
    senior: str
    revoked: str
    expired: str
    altered: str

    def all(self) -> list[str]:
        return list(vars(self).values())


def assert_no_card(output: str, cards: Cards) -> None:
    for card in cards.all():
        for at in range(17, len(card) - 17, 17):
            assert card[at : at + 17] not in output
