"""The card table: which indices are taken, and which cards are revoked. It names nobody.

A row is a list, an index, a status, the quarter in which the card expires and the SHA-256 of its slip: no name, no age,
no time of issue, no token, and nothing that leads from a card to the one that replaced it. The rows have no order but
that of their random indices; `ListTable.forget_order` writes the file anew, so that not even its pages keep another.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ardente.core.keys import USE_CARD, TokenKey

from . import _lists
from ._errors import CityError
from ._lists import DECOY, SPENT_DECOY, ListTable

VALID, REVOKED, REPLACED = _lists.VALID, _lists.REVOKED, _lists.SET_APART

# A key is announced before it signs, so that partners know it before they see its cards; an old one signs no more.
NEXT, CURRENT, OLD, GONE = "next", "current", "old", "gone"

_SCHEMA = f"""
CREATE TABLE card (
    list INTEGER NOT NULL,
    number INTEGER NOT NULL,
    status INTEGER NOT NULL CHECK (status BETWEEN {VALID} AND {SPENT_DECOY}),
    exp INTEGER NOT NULL,
    slip BLOB CHECK ((slip IS NULL) = (status >= {DECOY}) AND (slip IS NULL OR length(slip) = 32)),
    PRIMARY KEY (list, number)
) WITHOUT ROWID;
CREATE UNIQUE INDEX card_slip ON card (slip) WHERE slip IS NOT NULL;
CREATE TABLE batch (
    id TEXT PRIMARY KEY,
    source BLOB NOT NULL CHECK (length(source) = 32),
    lines_done INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE card_key (
    kid INTEGER PRIMARY KEY CHECK (kid BETWEEN 1 AND 255),
    public_key BLOB NOT NULL UNIQUE CHECK (length(public_key) = 32),
    list_uri TEXT NOT NULL UNIQUE,
    entries INTEGER NOT NULL,
    latest_exp INTEGER NOT NULL,
    announced_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('{NEXT}', '{CURRENT}', '{OLD}', '{GONE}'))
);
CREATE TABLE publication (only INTEGER PRIMARY KEY CHECK (only = 1), version INTEGER NOT NULL);
INSERT INTO publication VALUES (1, 0);
"""


class CardKey(NamedTuple):
    """A card key and the status list of its cards, whose number is the key's `kid`.

    ``latest_exp`` is the last `exp` that it may sign, ``announced_at`` when it was first published, 0 for not yet; both
    in epoch seconds.
    """

    kid: int
    public_key: bytes
    list_uri: str
    entries: int
    latest_exp: int
    announced_at: int
    state: str

    @property
    def token_key(self) -> TokenKey:
        """The key as the bundle has it."""
        return TokenKey(self.kid, USE_CARD, self.public_key, self.latest_exp, self.list_uri, self.entries)


@dataclass(frozen=True, slots=True, repr=False)
class CardRow:
    """One row. ``exp`` is the start of the quarter after the last one in which the card is valid, epoch seconds."""

    list_number: int
    index: int
    status: int
    exp: int


@dataclass(frozen=True, slots=True, repr=False)
class NewCard:
    """A card to be entered: its index on the list of its key, its `exp` in epoch seconds, the SHA-256 of its slip."""

    index: int
    exp: int
    slip_sha256: bytes


class Batch(NamedTuple):
    """A batch that is being issued: a random id, the SHA-256 of its CSV file, and how many of its lines are done."""

    id: str
    source_sha256: bytes
    lines_done: int


class CardTable(ListTable):
    """The card table of a city."""

    _ROWS = "card"
    _NAME = "card table"
    _LOSS = "without it no card can be issued"
    full = "The status list of the card key is full. Run: ardente city rotate-keys --now, then publish."
    _APPLICATION_ID = 0x41524443
    _SCHEMA_VERSION = 1
    _SCHEMA = _SCHEMA

    # Cards

    def add_cards(self, key: CardKey, cards: Iterable[NewCard]) -> None:
        """Enter new cards, all valid. Belongs in a `transaction`, with what else must be true of them."""
        self._db.executemany(
            f"INSERT INTO card (list, number, status, exp, slip) VALUES (?, ?, {VALID}, ?, ?)",
            ((key.kid, card.index, card.exp, card.slip_sha256) for card in cards),
        )

    def card(self, list_number: int, index: int) -> CardRow | None:
        """Return the row of a card, None where no card has this index."""
        return self._card("list = ? AND number = ?", list_number, index)

    def card_of_slip(self, slip_sha256: bytes) -> CardRow | None:
        """Return the row of the card that came with this slip."""
        return self._card("slip = ?", slip_sha256)

    def set_status(self, card: CardRow, status: int) -> None:
        """Set a card to `VALID`, `REVOKED` or `REPLACED`. Belongs in a `transaction`."""
        self._db.execute(
            "UPDATE card SET status = ? WHERE list = ? AND number = ?", (status, card.list_number, card.index)
        )

    def count_cards(self, status: int, now: int, list_number: int | None = None) -> int:
        """How many cards have ``status`` and are not expired at ``now``."""
        if list_number is None:
            return self._count("status = ? AND exp > ?", status, now)
        return self._count("list = ? AND status = ? AND exp > ?", list_number, status, now)

    # Batches

    def batches(self) -> list[Batch]:
        """All batches that are not done, by id."""
        return [Batch(*row) for row in self._db.execute("SELECT id, source, lines_done FROM batch ORDER BY id")]

    def begin_batch(self, source_sha256: bytes) -> Batch:
        """Enter a new batch with a random id. Belongs in a `transaction`."""
        batch = Batch(secrets.token_hex(4), source_sha256, 0)
        self._db.execute("INSERT INTO batch (id, source, lines_done) VALUES (?, ?, ?)", batch)
        return batch

    def set_lines_done(self, batch: Batch, lines_done: int) -> None:
        """Say how far a batch is. Belongs in the `transaction` that enters these lines' cards."""
        self._db.execute("UPDATE batch SET lines_done = ? WHERE id = ?", (lines_done, batch.id))

    def end_batch(self, batch_id: str) -> bool:
        """Forget a batch; tell whether there was one."""
        return self._db.execute("DELETE FROM batch WHERE id = ?", (batch_id,)).rowcount == 1

    # Card keys

    def card_keys(self) -> list[CardKey]:
        """All card keys that this city ever had, by `kid`."""
        rows = self._db.execute(
            "SELECT kid, public_key, list_uri, entries, latest_exp, announced_at, state FROM card_key ORDER BY kid"
        )
        return [CardKey(*row) for row in rows]

    def current_key(self) -> CardKey:
        """The key that signs new cards. Raises `CityError`."""
        for key in self.card_keys():
            if key.state == CURRENT:
                return key
        raise CityError("This city has no card key that signs. Run: ardente city rotate-keys")

    def add_card_key(self, key: CardKey) -> None:
        """Enter a new key. Belongs in a `transaction`."""
        self._db.execute(
            "INSERT INTO card_key (kid, public_key, list_uri, entries, latest_exp, announced_at, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            key,
        )

    def update_card_key(self, key: CardKey) -> None:
        """Keep a key's new ``latest_exp``, ``announced_at`` and ``state``. Belongs in a `transaction`."""
        self._db.execute(
            "UPDATE card_key SET latest_exp = ?, announced_at = ?, state = ? WHERE kid = ?",
            (key.latest_exp, key.announced_at, key.state, key.kid),
        )

    # Publications

    def version(self) -> int:
        """The highest bundle version that was ever begun."""
        return int(self._value("SELECT version FROM publication"))

    def set_version(self, version: int) -> None:
        """Keep the version of a bundle before it is made. Belongs in a `transaction`."""
        self._db.execute("UPDATE publication SET version = ?", (version,))

    def _card(self, where: str, *values: object) -> CardRow | None:
        row = self._db.execute(
            f"SELECT list, number, status, exp FROM card WHERE {where} AND status < {DECOY}", values
        ).fetchone()
        return CardRow(*row) if row else None
