"""The voucher table: campaigns, their batches, and which serials are vouchers. It names nobody.

A row is a list, a serial, a status, an `exp` and a batch: no recipient, no time of issue, no token, no trace of which
file or line a voucher was printed on. A campaign has a key and a list of its own, so campaign and serial name one
voucher; both outlive it here, for a number is never used twice.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from typing import NamedTuple

from ardente.core import manifest
from ardente.core.keys import USE_VOUCHER, TokenKey

from . import _lists
from ._errors import CityError
from ._lists import DECOY, SPENT_DECOY, ListTable

VALID, REVOKED, NOT_ACTIVE = _lists.VALID, _lists.REVOKED, _lists.SET_APART

# Of a batch, by the names that the ledger has for them.
INACTIVE, ACTIVE, WITHDRAWN = "inactive", "active", "revoked"
STATUSES = {INACTIVE: NOT_ACTIVE, ACTIVE: VALID}

_SCHEMA = f"""
CREATE TABLE voucher (
    list INTEGER NOT NULL,
    number INTEGER NOT NULL,
    status INTEGER NOT NULL CHECK (status BETWEEN {VALID} AND {SPENT_DECOY}),
    exp INTEGER NOT NULL,
    batch INTEGER CHECK ((batch IS NULL) = (status >= {DECOY})),
    PRIMARY KEY (list, number)
) WITHOUT ROWID;
CREATE TABLE campaign (
    number INTEGER PRIMARY KEY CHECK (number BETWEEN 1 AND {manifest.MAX_CAMPAIGN}),
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    currency TEXT NOT NULL,
    vals TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    partial INTEGER NOT NULL,
    bearer INTEGER NOT NULL,
    merchants TEXT NOT NULL,
    offline_count INTEGER NOT NULL,
    offline_cents INTEGER NOT NULL,
    offline_s INTEGER NOT NULL,
    kid INTEGER NOT NULL UNIQUE CHECK (kid BETWEEN 1 AND 255),
    public_key BLOB NOT NULL UNIQUE CHECK (length(public_key) = 32),
    list_uri TEXT NOT NULL UNIQUE,
    entries INTEGER NOT NULL,
    closed_at INTEGER NOT NULL,
    gone INTEGER NOT NULL
);
CREATE TABLE batch (
    campaign INTEGER NOT NULL,
    number INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    value INTEGER NOT NULL,
    exp INTEGER NOT NULL,
    vouchers INTEGER NOT NULL,
    done INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('{INACTIVE}', '{ACTIVE}', '{WITHDRAWN}')),
    revoked INTEGER NOT NULL,
    PRIMARY KEY (campaign, number)
) WITHOUT ROWID;
"""


class Campaign(NamedTuple):
    """A campaign with its voucher key and list. Times are epoch seconds, amounts cents.

    ``name`` is printed on the vouchers, ``label`` stands for it in the bundle. ``closed_at`` is 0 until it is closed;
    ``gone`` once it has left the bundle.
    """

    number: int
    name: str
    label: str
    currency: str
    values: tuple[int, ...]
    start: int
    end: int
    partial: bool
    bearer: int
    merchants: tuple[str, ...]
    offline_count: int
    offline_cents: int
    offline_s: int
    kid: int
    public_key: bytes
    list_uri: str
    entries: int
    closed_at: int
    gone: bool

    @property
    def over_at(self) -> int:
        """From when on no voucher is redeemed: its end, or the closing before it."""
        return min(self.end, self.closed_at) if self.closed_at else self.end

    @property
    def token_key(self) -> TokenKey:
        """Its key as the bundle has it."""
        return TokenKey(self.kid, USE_VOUCHER, self.public_key, self.end, self.list_uri, self.entries)

    @property
    def published(self) -> manifest.Campaign:
        """The campaign as the bundle has it."""
        return manifest.Campaign(
            self.number,
            self.label,
            self.currency,
            list(self.values),
            self.start,
            self.over_at,
            self.partial,
            self.bearer,
            list(self.merchants),
            (self.offline_count, self.offline_cents, self.offline_s),
            self.kid,
        )


class Batch(NamedTuple):
    """A batch: vouchers of one value (cents) and `exp` that were ordered together; ``done`` of them are made.

    ``id`` is random and stands in the output folder; ``revoked`` counts those that were revoked one by one.
    """

    campaign: int
    number: int
    id: str
    value: int
    exp: int
    vouchers: int
    done: int
    state: str
    revoked: int


class VoucherTable(ListTable):
    """The voucher table of a city."""

    _ROWS = "voucher"
    _NAME = "voucher table"
    _LOSS = "without it no voucher can be issued or revoked"
    full = "The campaign's status list has no room for as many vouchers. Make another campaign for them."
    _APPLICATION_ID = 0x41524456
    _SCHEMA_VERSION = 1
    _SCHEMA = _SCHEMA

    # Campaigns

    def campaigns(self) -> list[Campaign]:
        """All campaigns that this city ever had, by number."""
        rows = self._db.execute("SELECT * FROM campaign ORDER BY number")
        return [_campaign(row) for row in rows]

    def campaign(self, number: int) -> Campaign:
        """Return a campaign. Raises `CityError` where there is none of this number."""
        row = self._db.execute("SELECT * FROM campaign WHERE number = ?", (number,)).fetchone()
        if row is None:
            raise CityError(f"This city has no campaign {number}; see: ardente city show")
        return _campaign(row)

    def add_campaign(self, campaign: Campaign) -> None:
        """Enter a new campaign. Belongs in a `transaction`."""
        values = campaign._replace(
            values=json.dumps(campaign.values),  # type: ignore[arg-type]
            merchants=json.dumps(campaign.merchants),  # type: ignore[arg-type]
        )
        self._db.execute(f"INSERT INTO campaign VALUES ({', '.join('?' * len(values))})", values)

    def close_campaign(self, number: int, now: int) -> None:
        """Keep when a campaign was closed. Belongs in a `transaction`."""
        self._db.execute("UPDATE campaign SET closed_at = ? WHERE number = ?", (now, number))

    def let_go(self, campaign: Campaign) -> None:
        """Keep that a campaign has left the bundle, and forget its serials. Belongs in a `transaction`."""
        self._db.execute("UPDATE campaign SET gone = 1 WHERE number = ?", (campaign.number,))
        self._db.execute("DELETE FROM voucher WHERE list = ?", (campaign.kid,))

    # Batches

    def batches(self, campaign: int) -> list[Batch]:
        """All batches of a campaign, by number."""
        rows = self._db.execute("SELECT * FROM batch WHERE campaign = ? ORDER BY number", (campaign,))
        return [Batch(*row) for row in rows]

    def batch(self, campaign: int, number: int) -> Batch:
        """Return a batch. Raises `CityError` where there is none of this number."""
        for batch in self.batches(campaign):
            if batch.number == number:
                return batch
        raise CityError(f"Campaign {campaign} has no batch {number}; see: ardente city show")

    def batch_of_id(self, batch_id: str) -> Batch | None:
        """Return the batch with this random id."""
        row = self._db.execute("SELECT * FROM batch WHERE id = ?", (batch_id,)).fetchone()
        return Batch(*row) if row else None

    def begin_batch(self, campaign: int, value: int, exp: int, vouchers: int, state: str) -> Batch:
        """Enter a new batch under the campaign's next number. Belongs in a `transaction`."""
        number = len(self.batches(campaign)) + 1
        batch = Batch(campaign, number, secrets.token_hex(8), value, exp, vouchers, 0, state, 0)
        self._db.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", batch)
        return batch

    def set_done(self, batch: Batch, done: int) -> None:
        """Say how far a batch is. Belongs in the `transaction` that enters these vouchers."""
        self._db.execute("UPDATE batch SET done = ? WHERE id = ?", (done, batch.id))

    def set_batch_state(self, campaign: Campaign, batch: Batch, state: str) -> None:
        """Activate or withdraw all vouchers of a batch but those that are revoked. Belongs in a `transaction`."""
        self._db.execute("UPDATE batch SET state = ? WHERE id = ?", (state, batch.id))
        self._db.execute(
            f"UPDATE voucher SET status = ? WHERE list = ? AND batch = ? AND status IN ({VALID}, {NOT_ACTIVE})",
            (STATUSES.get(state, REVOKED), campaign.kid, batch.number),
        )

    # Vouchers

    def add_vouchers(self, campaign: Campaign, batch: Batch, serials: Iterable[int]) -> None:
        """Enter new vouchers of a batch, in its state. Belongs in a `transaction`."""
        self._db.executemany(
            "INSERT INTO voucher (list, number, status, exp, batch) VALUES (?, ?, ?, ?, ?)",
            ((campaign.kid, serial, STATUSES[batch.state], batch.exp, batch.number) for serial in serials),
        )

    def revoke_voucher(self, campaign: Campaign, serial: int) -> bool | None:
        """Revoke one voucher; tell whether that changed it, None where there is none. Belongs in a `transaction`."""
        where = (campaign.kid, serial)
        found = self._db.execute(
            f"SELECT status, batch FROM voucher WHERE list = ? AND number = ? AND status < {DECOY}", where
        ).fetchone()
        if found is None:
            return None
        status, batch = found
        if status == REVOKED:
            return False
        self._db.execute(f"UPDATE voucher SET status = {REVOKED} WHERE list = ? AND number = ?", where)
        self._db.execute(
            "UPDATE batch SET revoked = revoked + 1 WHERE campaign = ? AND number = ?", (campaign.number, batch)
        )
        return True

    def serials(self, campaign: Campaign, batch: Batch) -> list[int]:
        """The serials of a batch, whatever their status."""
        rows = self._db.execute("SELECT number FROM voucher WHERE list = ? AND batch = ?", (campaign.kid, batch.number))
        return [serial for (serial,) in rows]


def _campaign(row: tuple[object, ...]) -> Campaign:
    found = Campaign(*row)  # type: ignore[arg-type]
    return found._replace(
        values=tuple(json.loads(found.values)),  # type: ignore[arg-type]
        merchants=tuple(json.loads(found.merchants)),  # type: ignore[arg-type]
        partial=bool(found.partial),
        gone=bool(found.gone),
    )
