"""Who and what the ledger knows: the campaigns, the batches that the city issued, merchants and their tills."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import zlib
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from sqlalchemy import Connection, Row, Table, select, update

from .._errors import LedgerError
from ..core import reasons
from ..core.errors import TrustError
from ..core.token import MAX_CAMPAIGN
from ._answers import Till
from ._schema import ACTIVE, CAMPAIGN, INACTIVE, ISSUED, MERCHANT, REVOKED, TILL

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.manifest import Campaign, Manifest
    from ._database import Database

EXPORT_FORMAT: Final = "ardente-issued-1"
_MAX_BITMAP_SIZE: Final = 1 << 21
_MAX_EXPORT_SIZE: Final = 64 << 20
_TOKEN_BYTES: Final = 32
_REASONS: Final = {ACTIVE: reasons.OK, INACTIVE: reasons.NOT_ACTIVE, REVOKED: reasons.REVOKED}
# What a campaign's rows and windows were counted by.
_FIXED: Final = ("currency", "starts_at", "offline_s", "partial")


class IssuedBatch(msgspec.Struct, forbid_unknown_fields=True):
    """One batch of the city's export: ``bitmap`` is zlib, one bit a serial, least significant first, in base64."""

    batch: str
    value: int
    count: int
    state: Literal["inactive", "active", "revoked"]
    bitmap: bytes


class IssuedExport(msgspec.Struct, forbid_unknown_fields=True):
    """What `ardente city campaign export` writes, as JSON."""

    format: Literal["ardente-issued-1"]
    city: str
    campaign: int
    batches: list[IssuedBatch]


class Registry:
    """Reads and writes who and what there is. What never changes is remembered: the city, and a serial's batch."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._city = ""
        self._batches: dict[int, list[tuple[str, bytes]]] = {}

    def city(self) -> str:
        """Return the city whose ledger this is, "" before its campaigns are loaded."""
        if not self._city:
            self._city = self._database.read(_city)
        return self._city

    def ready(self) -> None:
        self._database.read(_city)

    def load_campaigns(self, manifest: Manifest) -> None:
        columns = [_campaign_columns(manifest.city, campaign) for campaign in manifest.campaigns.values()]

        def work(connection: Connection) -> None:
            if (_city(connection) or manifest.city) != manifest.city:
                raise TrustError(reasons.WRONG_CITY)
            for values in columns:
                self._put_campaign(connection, values)

        self._database.begin(work)

    def load_issued(self, path: str | PathLike[str]) -> None:
        export = _read_export(Path(path))
        rows = [_issued_columns(export, batch) for batch in export.batches]

        def work(connection: Connection) -> None:
            if campaign_row(connection, export.city, export.campaign) is None:
                raise LedgerError(reasons.UNKNOWN_CAMPAIGN)
            for values in rows:
                statement = self._database.insert(ISSUED).values(values)
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["city", "campaign", "batch"],
                        set_={name: statement.excluded[name] for name in ("value", "count", "state", "bitmap")},
                    )
                )

        self._database.begin(work)
        self._batches.pop(export.campaign, None)

    def close_campaign(self, number: int) -> None:
        def work(connection: Connection) -> None:
            row = campaign_row(connection, _city(connection), number)
            if row is None:
                raise LedgerError(reasons.UNKNOWN_CAMPAIGN)
            if row.closed_at is None:
                connection.execute(
                    update(CAMPAIGN).where(*_is_campaign(row.city, number)).values(closed_at=self._now())
                )

        self._database.begin(work)

    def add_merchant(self, name: str, district: str, groups: Iterable[str]) -> str:
        merchant_id = _new_id()
        values = {
            "id": merchant_id,
            "name": _label(name, 128),
            "district": _label(district, 64),
            "groups": json.dumps(sorted({_label(group, 32) for group in groups})),
            "created_at": self._now(),
        }
        self._database.begin(lambda connection: connection.execute(MERCHANT.insert().values(values)))
        return merchant_id

    def add_till(self, merchant_id: str, name: str) -> tuple[str, str]:
        till_id, token = _new_id(), secrets.token_urlsafe(_TOKEN_BYTES)
        values = {
            "id": till_id,
            "merchant_id": merchant_id,
            "name": _label(name, 128),
            "token_sha256": _token_hash(token),
            "created_at": self._now(),
        }

        def work(connection: Connection) -> None:
            if not _exists(connection, MERCHANT, merchant_id):
                raise LedgerError(reasons.BAD_REQUEST, "No such merchant is known: check its id.")
            connection.execute(TILL.insert().values(values))

        self._database.begin(work)
        return till_id, token

    def revoke_till(self, till_id: str) -> None:
        def work(connection: Connection) -> None:
            if not _exists(connection, TILL, till_id):
                raise LedgerError(reasons.UNKNOWN_TILL)
            still = (TILL.c.id == till_id, TILL.c.revoked_at.is_(None))
            connection.execute(update(TILL).where(*still).values(revoked_at=self._now()))

        self._database.begin(work)

    def till(self, token: str) -> Till:
        columns = (TILL.c.id, TILL.c.merchant_id, TILL.c.name, MERCHANT.c.groups)
        found = select(*columns).join_from(TILL, MERCHANT, MERCHANT.c.id == TILL.c.merchant_id)
        known = (TILL.c.token_sha256 == _token_hash(token), TILL.c.revoked_at.is_(None))
        row = self._database.read(lambda connection: connection.execute(found.where(*known)).one_or_none())
        if row is None:
            raise LedgerError(reasons.UNKNOWN_TILL)
        return Till(row.id, row.merchant_id, row.name, frozenset(json.loads(row.groups)))

    def batch(self, campaign: int, serial: int) -> str:
        """Return the batch that ``serial`` was issued in, "" for none that is known yet."""
        for name, bitmap in self._batches.get(campaign, ()):
            if serial >> 3 < len(bitmap) and bitmap[serial >> 3] >> (serial & 7) & 1:
                return name
        return ""

    def issued_reason(self, connection: Connection, city: str, campaign: int, serial: int, value: int) -> str:
        """Return why no voucher of ``serial`` and ``value`` was issued and activated by the city, or "ok"."""
        of_campaign = (ISSUED.c.city == city, ISSUED.c.campaign == campaign)
        columns = (ISSUED.c.batch, ISSUED.c.state, ISSUED.c.value)
        issued = {row.batch: row for row in connection.execute(select(*columns).where(*of_campaign))}
        if not issued:
            return reasons.OK
        if not self.batch(campaign, serial):
            found = connection.execute(select(ISSUED.c.batch, ISSUED.c.bitmap).where(*of_campaign))
            self._batches[campaign] = [(row.batch, zlib.decompress(row.bitmap)) for row in found]
        batch = issued.get(self.batch(campaign, serial))
        if batch is None:
            return reasons.NOT_ACTIVE
        # Whoever has the key could sign a serial of theirs with another of the campaign's values.
        return _REASONS[batch.state] if batch.value == value else reasons.UNKNOWN_CAMPAIGN

    def _put_campaign(self, connection: Connection, values: Mapping[str, Any]) -> None:
        known = campaign_row(connection, values["city"], values["campaign"])
        if known is None:
            connection.execute(CAMPAIGN.insert().values(values))
        elif any(getattr(known, name) != values[name] for name in _FIXED):
            raise LedgerError(
                reasons.NOT_ALLOWED,
                "A campaign's currency, start, offline window and partial redemption cannot change: make a new one.",
            )
        else:
            connection.execute(update(CAMPAIGN).where(*_is_campaign(values["city"], values["campaign"])).values(values))

    def _now(self) -> int:
        return int(self._clock())


def campaign_row(connection: Connection, city: str, number: int) -> Row[Any] | None:
    return connection.execute(select(CAMPAIGN).where(*_is_campaign(city, number))).one_or_none()


def _is_campaign(city: str, number: int) -> tuple[Any, Any]:
    return CAMPAIGN.c.city == city, CAMPAIGN.c.campaign == number


def _city(connection: Connection) -> str:
    return connection.execute(select(CAMPAIGN.c.city).limit(1)).scalar() or ""


def _exists(connection: Connection, table: Table, row_id: str) -> bool:
    return connection.execute(select(table.c.id).where(table.c.id == row_id)).one_or_none() is not None


def _campaign_columns(city: str, campaign: Campaign) -> dict[str, Any]:
    count, cents, seconds = campaign.offline
    return {
        "city": city,
        "campaign": campaign.campaign,
        "name": campaign.name,
        "currency": campaign.currency,
        "voucher_values": json.dumps(campaign.values),
        "starts_at": campaign.start,
        "ends_at": campaign.end,
        "partial": campaign.partial,
        "bearer": campaign.bearer,
        "merchants": json.dumps(campaign.merchants),
        "offline_count": count,
        "offline_cents": cents,
        "offline_s": seconds,
    }


def _read_export(path: Path) -> IssuedExport:
    wrong = LedgerError(reasons.BAD_REQUEST, f"{path} is not the city's list of issued vouchers: export it again.")
    try:
        if path.stat().st_size > _MAX_EXPORT_SIZE:
            raise wrong
        export = msgspec.json.decode(path.read_bytes(), type=IssuedExport)
    except msgspec.MsgspecError:
        raise wrong from None
    except OSError as error:
        raise LedgerError(reasons.BAD_REQUEST, f"{path} cannot be read ({error.strerror}).") from None
    if not 0 < export.campaign <= MAX_CAMPAIGN:
        raise wrong
    return export


def _issued_columns(export: IssuedExport, batch: IssuedBatch) -> dict[str, Any]:
    wrong = LedgerError(reasons.BAD_REQUEST, "The city's list of issued vouchers is damaged: export it again.")
    inflate = zlib.decompressobj()
    try:
        bitmap = inflate.decompress(batch.bitmap, _MAX_BITMAP_SIZE)
    except zlib.error:
        raise wrong from None
    if not inflate.eof or inflate.unused_data or int.from_bytes(bitmap, "little").bit_count() != batch.count:
        raise wrong
    if batch.value < 1 or batch.value > 0xFFFFFFFF:
        raise wrong
    return {
        "city": export.city,
        "campaign": export.campaign,
        "batch": _label(batch.batch, 64),
        "value": batch.value,
        "count": batch.count,
        "state": batch.state,
        "bitmap": batch.bitmap,
    }


def issued_export(city: str, campaign: int, batches: Iterable[tuple[str, int, str, bytes]]) -> bytes:
    """Return the city's export of (batch, value in cents, state, bitmap of its serials), for `Ledger.load_issued`."""
    return json.dumps(
        {
            "format": EXPORT_FORMAT,
            "city": city,
            "campaign": campaign,
            "batches": [
                {
                    "batch": batch,
                    "value": value,
                    "count": int.from_bytes(bitmap, "little").bit_count(),
                    "state": state,
                    "bitmap": base64.b64encode(zlib.compress(bitmap, 9)).decode(),
                }
                for batch, value, state, bitmap in batches
            ],
        }
    ).encode()


def _label(text: str, longest: int) -> str:
    if not 0 < len(text) <= longest or not text.isprintable():
        raise LedgerError(reasons.BAD_REQUEST, f"A name has 1 to {longest} printable characters.")
    return text


def _new_id() -> str:
    return secrets.token_hex(16)


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
