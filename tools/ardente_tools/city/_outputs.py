"""The files that come out of `ardente city issue`: cards as digits, SVG, PNG or PDF sheets, and their slips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from . import _render
from ._orders import last_day
from ._slip_text import SlipPage, slip_as_text
from ._slips import Slip

DIGITS, SVG, PNG, PDF = CARD_FORMATS = ("digits", "svg", "png", "pdf")
TEXT = "text"
SLIP_FORMATS = (TEXT, PDF)


class IssuedCard(NamedTuple):
    """A card that is signed and a slip that is drawn by lot; both belong to the holder alone."""

    number: int
    exp: int
    digits: str
    slip: Slip

    def __repr__(self) -> str:
        return f"<IssuedCard {self.number}>"


class Outputs:
    """Turns cards of one city into files. Raises `SheetError` at once where its name cannot be printed."""

    def __init__(self, city_name: str, card_format: str, slip_format: str) -> None:
        self._city_name = city_name
        self._card_format = card_format
        # Reportlab takes longer to import than a card to make, so only where a PDF is asked for.
        if card_format == PDF:
            from ._sheets import CardSheets

            self._card_sheets = CardSheets(city_name)
        if slip_format == PDF:
            from ._slip_sheets import SlipSheets

            self._slip_sheets = SlipSheets(city_name)
        self._slip_format = slip_format

    def files(self, cards: Iterable[IssuedCard], span: str) -> Iterator[tuple[str, bytes]]:
        """Yield (name, bytes) of each file; ``span`` is in the names of files that hold all of ``cards``.

        An empty ``span`` stands for a single card, whose files need no number.
        """
        pages = []
        codes = []
        tail = f"-{span}" if span else ""
        for card in cards:
            number = f"-{card.number:06}" if span else ""
            pages.append(SlipPage(number[1:], card.slip.text, last_day(card.exp)))
            if self._card_format == DIGITS:
                yield f"card{number}.txt", f"{card.digits}\n".encode("ascii")
            else:
                code = _render.symbol(card.digits)
                if self._card_format == SVG:
                    yield f"card{number}.svg", _render.svg(code)
                elif self._card_format == PNG:
                    yield f"card{number}.png", _render.png(code)
                else:
                    codes.append(code)
            if self._slip_format == TEXT:
                yield f"slip{number}.txt", slip_as_text(self._city_name, pages[-1]).encode()
        if self._card_format == PDF:
            yield f"card{'s' if span else ''}{tail}.pdf", self._card_sheets.draw(codes)
        if self._slip_format == PDF:
            yield f"slip{'s' if span else ''}{tail}.pdf", self._slip_sheets.draw(pages)
