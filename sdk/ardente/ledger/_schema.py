"""The ledger's tables. Money is integer cents, a time epoch seconds, an id 32 random or hashed hex digits.

No key counts up: rows that are written at one time lie apart, on one server or on many. A redemption's key is
(city, campaign, serial, sequence), and `Σ live ≤ value` holds because two tills that race insert one sequence.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

METADATA: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(column_0_label)s",
    }
)

RESERVED, CONFIRMED, VOID = "reserved", "confirmed", "void"
ONLINE, OFFLINE = "online", "offline"
PENDING, WON, LOST, REFUSED = "pending", "won", "lost", "refused"
INACTIVE, ACTIVE, REVOKED = "inactive", "active", "revoked"


def _id(name: str, *, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(name, String(32), primary_key=primary_key, nullable=nullable)


def _day(name: str, *, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    """A day in Liège, as 2026-06-01."""
    return Column(name, String(10), primary_key=primary_key, nullable=nullable)


def _number(name: str, *, primary_key: bool = False, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=primary_key, autoincrement=False, nullable=nullable)


def _text(name: str, length: int, *, primary_key: bool = False) -> Column[str]:
    return Column(name, String(length), primary_key=primary_key, nullable=False)


def _campaign_key(*, primary_key: bool = False) -> tuple[Column[str], Column[int]]:
    return (
        _text("city", 64, primary_key=primary_key),
        Column("campaign", Integer, primary_key=primary_key, autoincrement=False, nullable=False),
    )


CAMPAIGN: Final = Table(
    "campaign",
    METADATA,
    *_campaign_key(primary_key=True),
    _text("name", 64),
    _text("currency", 3),
    Column("voucher_values", Text, nullable=False),
    _number("starts_at"),
    _number("ends_at"),
    Column("partial", Boolean, nullable=False),
    Column("bearer", Integer, nullable=False),
    Column("merchants", Text, nullable=False),
    _number("offline_count"),
    _number("offline_cents"),
    _number("offline_s"),
    _number("closed_at", nullable=True),
)

# What the city issued: no voucher that is not in a batch is redeemed, where the city sent batches at all.
ISSUED: Final = Table(
    "issued",
    METADATA,
    *_campaign_key(primary_key=True),
    _text("batch", 64, primary_key=True),
    _number("value"),
    _number("count"),
    _text("state", 8),
    Column("bitmap", LargeBinary, nullable=False),
)

MERCHANT: Final = Table(
    "merchant",
    METADATA,
    _id("id", primary_key=True),
    _text("name", 128),
    _text("district", 64),
    Column("groups", Text, nullable=False),
    _number("created_at"),
)

TILL: Final = Table(
    "till",
    METADATA,
    _id("id", primary_key=True),
    _id("merchant_id"),
    _text("name", 128),
    Column("token_sha256", String(64), nullable=False, unique=True),
    _number("created_at"),
    _number("revoked_at", nullable=True),
)

# `id` is hashed from till and key, so that it is unique for both. `free` is what the voucher had left right after.
REDEMPTION: Final = Table(
    "redemption",
    METADATA,
    *_campaign_key(primary_key=True),
    _number("serial", primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False, nullable=False),
    Column("id", String(32), nullable=False, unique=True),
    _id("till_id"),
    _id("merchant_id"),
    _number("value"),
    _number("amount"),
    _number("refunded"),
    _number("free"),
    _text("currency", 3),
    _text("state", 9),
    _text("kind", 7),
    _number("created_at"),
    _number("lapses_at", nullable=True),
    _day("day"),
    _text("receipt", 32),
    Column("request_sha256", String(64), nullable=False),
    _day("settled_on", nullable=True),
)
Index("ix_redemption_merchant_id", REDEMPTION.c.merchant_id, REDEMPTION.c.day)

REFUND: Final = Table(
    "refund",
    METADATA,
    _id("id", primary_key=True),
    _id("redemption_id"),
    _id("till_id"),
    _id("merchant_id"),
    _number("amount"),
    _number("created_at"),
    _day("day"),
)
Index("ix_refund_redemption_id", REFUND.c.redemption_id)
Index("ix_refund_merchant_id", REFUND.c.merchant_id, REFUND.c.day)

# What was answered to a request with a key, other than a redemption's own row: refusals, confirmations, refunds.
ANSWER: Final = Table(
    "answer",
    METADATA,
    _id("id", primary_key=True),
    _id("till_id"),
    Column("request_sha256", String(64), nullable=False),
    _text("reason", 32),
    _id("redemption_id", nullable=True),
    _text("state", 9),
    _number("refunded"),
    _number("free"),
    _number("created_at"),
)

CLAIM: Final = Table(
    "claim",
    METADATA,
    _id("id", primary_key=True),
    *_campaign_key(),
    _number("serial"),
    _number("window_number"),
    _id("till_id"),
    _id("merchant_id"),
    _number("amount"),
    _text("currency", 3),
    _text("receipt", 32),
    _number("claimed_at"),
    _number("arrived_at"),
    Column("rank", String(64), nullable=False),
    _text("state", 7),
    _text("reason", 32),
    Column("entry_sha256", String(64), nullable=False),
    Column("request_sha256", String(64), nullable=False),
)
Index("ix_claim_serial", CLAIM.c.city, CLAIM.c.campaign, CLAIM.c.serial)
Index("ix_claim_till_id", CLAIM.c.till_id, CLAIM.c.campaign, CLAIM.c.window_number)
Index("ix_claim_merchant_id", CLAIM.c.merchant_id, CLAIM.c.arrived_at)
Index("ix_claim_state", CLAIM.c.state, CLAIM.c.city, CLAIM.c.campaign, CLAIM.c.window_number)

WINDOW_STATE: Final = Table(
    "window_state",
    METADATA,
    *_campaign_key(primary_key=True),
    _number("window_number", primary_key=True),
    _number("decided_at"),
)

CLOSED_DAY: Final = Table(
    "closed_day",
    METADATA,
    _id("merchant_id", primary_key=True),
    _day("day", primary_key=True),
    _number("closed_at"),
    _number("total"),
)
