"""What comes in and goes out as JSON. Nothing is coerced and no field is let through that is not named here."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from .. import Balance, ClaimAnswer, Redemption, StatementLine
from .._offline import MAX_CLAIMS
from .._redemptions import MAX_CENTS, MAX_KEY, MAX_RECEIPT

__all__ = ["Balance", "Redemption"]

VOUCHER_FORMAT: Final = "voucher"
KEY_PATTERN: Final = rf"^[!-~]{{1,{MAX_KEY}}}$"
ID_PATTERN: Final = r"^[0-9a-f]{32}$"
# What a scanner may hand over; whether it is a voucher is for the rule book to say.
_MAX_SCAN: Final = 4096
_MAX_TIME_S: Final = (1 << 48) - 1
_EXAMPLE_VOUCHER: Final = "17 to 255 digits, as the QR code of the voucher says them"
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Voucher = Annotated[
    str,
    Field(
        min_length=1,
        max_length=_MAX_SCAN,
        description="The text of the voucher's QR code. It is judged, and neither kept nor logged.",
        examples=[_EXAMPLE_VOUCHER],
        json_schema_extra={"format": VOUCHER_FORMAT},
    ),
]
Cents = Annotated[int, Field(ge=1, le=MAX_CENTS, description="Whole cents.", examples=[1000])]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217.", examples=["EUR"])]
Receipt = Annotated[
    str,
    Field(
        max_length=MAX_RECEIPT,
        pattern=r"^[ -~]*$",
        description="The till's own number of the sale, for its statement.",
        examples=["1042"],
    ),
]
Key = Annotated[str, Field(pattern=KEY_PATTERN, examples=["01J9ZB5W6T"])]


def _day(value: Any) -> Any:
    """Take a day written in full only; pydantic would also take a number of seconds."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("a day is written as 2026-06-01")
    return date.fromisoformat(value)


Day = Annotated[
    date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-06-01"]})
]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class RedemptionRequest(_Strict):
    """A voucher to be redeemed or reserved: all of it, or ``amount`` where its campaign allows parts."""

    voucher: Voucher
    currency: Currency
    amount: Cents | None = None
    receipt: Receipt = ""


class RefundRequest(_Strict):
    """What is given back to the voucher: all that is left of the redemption, or ``amount``."""

    amount: Cents | None = None


class BalanceRequest(_Strict):
    """A voucher whose balance is asked for. It is no GET: a voucher does not belong in an address."""

    voucher: Voucher


class Claim(_Strict):
    """One entry of a till's offline journal."""

    voucher: Voucher
    amount: Cents
    window: Annotated[int, Field(ge=0, le=_MAX_TIME_S, description="(claimed_at - the campaign's start) // offline_s")]
    claimed_at: Annotated[int, Field(ge=0, le=_MAX_TIME_S, description="Epoch seconds by the till's clock.")]
    key: Key
    entry_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="The entry in the journal's hash chain.")]
    receipt: Receipt = ""


class ClaimsRequest(_Strict):
    """Entries of the journal, oldest first."""

    claims: Annotated[list[Claim], Field(max_length=MAX_CLAIMS)]


class ClaimsAnswer(_Strict):
    """What has become of each claim, in the order of the request. "pending" is decided when its window has closed."""

    claims: list[ClaimAnswer]


class Statement(_Strict):
    """The lines of the till's merchant, in order of days."""

    lines: list[StatementLine]


class Offline(_Strict):
    """What one till may take of a campaign in one window of ``seconds`` without asking."""

    vouchers: int
    cents: int
    seconds: int


class CampaignAnswer(_Strict):
    """A campaign as the city's bundle has it; ``starts_at`` and ``ends_at`` are epoch seconds."""

    campaign: int
    name: str
    currency: str
    values: list[int]
    starts_at: int
    ends_at: int
    partial: bool
    offline: Offline
    admitted: Annotated[bool, Field(description="Whether the till's merchant is one of those that it is for.")]


class Campaigns(_Strict):
    campaigns: list[CampaignAnswer]


class Health(_Strict):
    status: str = "ok"


class Problem(_Strict):
    """A problem of RFC 9457. ``reason`` is the stable code; ``detail`` is for the cashier, by Accept-Language."""

    type: str
    title: str
    status: int
    reason: str
    detail: str
