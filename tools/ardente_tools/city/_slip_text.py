"""What a slip says, in the four languages of the counter."""

from __future__ import annotations

import textwrap
from datetime import date
from typing import NamedTuple

TITLE = "Talon · Strook · Abschnitt · Slip"
VALID_UNTIL = "valable jusqu’au · geldig tot · gültig bis · valid until"
EXPLANATIONS = (
    "Gardez ce talon chez vous, à part de la carte. Carte perdue ou volée ? Avec ce code, la ville la bloque et vous "
    "en remet une autre. La ville ne garde ni ce code ni votre nom : sans ce talon, elle ne peut pas retrouver votre "
    "carte.",
    "Bewaar deze strook thuis, apart van de kaart. Kaart verloren of gestolen? Met deze code blokkeert de stad ze en "
    "krijgt u een nieuwe. De stad bewaart noch deze code, noch uw naam: zonder deze strook kan ze uw kaart niet "
    "terugvinden.",
    "Bewahren Sie diesen Abschnitt zu Hause auf, getrennt von der Karte. Karte verloren oder gestohlen? Mit diesem "
    "Code sperrt die Stadt sie und gibt Ihnen eine neue. Die Stadt speichert weder diesen Code noch Ihren Namen: ohne "
    "diesen Abschnitt kann sie Ihre Karte nicht finden.",
    "Keep this slip at home, apart from the card. Card lost or stolen? With this code the city blocks it and gives "
    "you another one. The city keeps neither this code nor your name: without this slip it cannot find your card.",
)


class SlipPage(NamedTuple):
    """What one slip says: the number of its card in the batch, the code, and the last day on which the card is valid.

    It carries the code, so it goes to the holder and nowhere else.
    """

    number: str
    code: str
    last_day: date

    def __repr__(self) -> str:
        return f"<SlipPage {self.number}>"


def slip_as_text(city_name: str, page: SlipPage) -> str:
    """Return the slip as plain text of at most 80 columns."""
    paragraphs = "\n\n".join("\n".join(textwrap.wrap(explanation, 78)) for explanation in EXPLANATIONS)
    return (
        f"Carte Ardente – {city_name}\n{TITLE}   {page.number}\n\n    {page.code}\n\n"
        f"{VALID_UNTIL}\n    {day(page.last_day)}\n\n{paragraphs}\n"
    )


def day(value: date) -> str:
    """Return the day as the four languages read it."""
    return value.strftime("%d.%m.%Y")
