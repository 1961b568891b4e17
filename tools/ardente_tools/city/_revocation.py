"""Revoking and reinstating: by the card itself, or by the slip that came with it."""

from __future__ import annotations

from enum import Enum

from ardente._ed25519 import verify
from ardente.core.digits import decode
from ardente.core.token import MAX_DIGITS, parse_card

from ._cards import REPLACED, REVOKED, VALID, CardRow, CardTable
from ._errors import CardError
from ._folder import City
from ._slips import slip_sha256

# No slip has as many characters, no card fewer.
_LONGEST_SLIP = 64


class Change(Enum):
    """What a command did to a card."""

    DONE = "done"
    NOTHING = "nothing"


def find_card(table: CardTable, text: str) -> CardRow:
    """Return the row of the card that ``text`` is, or whose slip it is. Raises `CardError` or `SlipError`.

    A card counts only with a signature of this city, or a card of another city with the same index would do.
    """
    text = text.strip()
    row = table.card_of_slip(slip_sha256(text)) if len(text) <= _LONGEST_SLIP else _row_of_card(table, text)
    if row is None:
        raise CardError("This card or slip is not in the card table: it is not of this city, or expired long ago.")
    return row


def revoke(city: City, text: str) -> Change:
    """Revoke a card from the next bundle on. Raises `CardError` or `SlipError`."""
    with city.lock(), city.cards() as table:
        row = find_card(table, text)
        if row.status != VALID:
            return Change.NOTHING
        with table.transaction():
            table.set_status(row, REVOKED)
        table.forget_order()
        return Change.DONE


def reinstate(city: City, text: str) -> Change:
    """Take a revocation back from the next bundle on. Raises `CardError` or `SlipError`."""
    with city.lock(), city.cards() as table:
        row = find_card(table, text)
        if row.status == REPLACED:
            raise CardError("This card was replaced by a new one, so it stays revoked; its holder uses the new card.")
        if row.status == VALID:
            return Change.NOTHING
        with table.transaction():
            table.set_status(row, VALID)
        table.forget_order()
        return Change.DONE


def _row_of_card(table: CardTable, text: str) -> CardRow | None:
    data = decode(text) if len(text) <= MAX_DIGITS else None
    card = parse_card(data) if data else None
    if card is None:
        raise CardError("This is neither the text of a card nor the code of a slip; scan or type it again.")
    for key in table.card_keys():
        if key.kid == card.kid and verify(key.public_key, card.signature, card.message):
            return table.card(key.kid, card.index)
    return None
