"""One test card, or voucher, for every reason. docs/test-cards.md shows them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from ardente import issuing
from ardente.core import reasons
from ardente.core.token import CHILD, SENIOR, YOUTH
from ardente.issuing import SigningKey
from ardente.testing._city import CLOSED, COMING, END, TestCity


@dataclass(frozen=True, slots=True)
class TestCard:
    """A scan and what has to come of it.

    ``reason`` is the answer to the last of ``scans`` scans, ``days_later`` days after the bundle was issued;
    ``age_class`` what the card says of its holder's age: "", "child", "youth" or "senior".
    """

    __test__: ClassVar[bool] = False

    name: str
    what: str
    text: str
    reason: str
    age_class: str = ""
    days_later: int = 0
    scans: int = 1

    @property
    def accepted(self) -> bool:
        """Whether the answer is yes."""
        return self.reason == reasons.OK


@dataclass(frozen=True, slots=True)
class TestVoucher:
    """A scan of a voucher and what has to come of it; ``value`` in cents, 0 where it is refused."""

    __test__: ClassVar[bool] = False

    name: str
    what: str
    text: str
    reason: str
    value: int = 0
    days_later: int = 0
    scans: int = 1

    @property
    def accepted(self) -> bool:
        """Whether the answer is yes."""
        return self.reason == reasons.OK


_PAST = datetime(2025, 4, 1, tzinfo=UTC)
_STALE_DAYS = 120
_OTHER_KID = 200


def _stranger() -> SigningKey:
    return SigningKey(hashlib.sha256(b"public test city, key of another city").digest())


def _flipped(token: bytes) -> bytes:
    """``token`` with one bit of its signature changed."""
    return token[:-64] + bytes([token[-64] ^ 1]) + token[-63:]


def _cards(city: TestCity) -> tuple[TestCard, ...]:
    resident = city.card_text(186)
    other_city = issuing.to_digits(issuing.card(_stranger(), _OTHER_KID, int(END.timestamp()), 186))
    return (
        TestCard("resident", "a card, no age class", resident, reasons.OK),
        TestCard(
            "child",
            "says child until the end of 2098",
            city.card_text(731, age_class=CHILD, until_year=2098),
            reasons.OK,
            "child",
        ),
        TestCard(
            "youth",
            "says youth until the end of 2098",
            city.card_text(290, age_class=YOUTH, until_year=2098),
            reasons.OK,
            "youth",
        ),
        TestCard("senior", "says senior", city.card_text(865, age_class=SENIOR), reasons.OK, "senior"),
        TestCard(
            "grown-up",
            "said youth until the end of 2024: a card without age class by now",
            city.card_text(47, age_class=YOUTH, until_year=2024),
            reasons.OK,
        ),
        TestCard("second-key", "signed by the city's other card key", city.card_text(311, key="card-2"), reasons.OK),
        TestCard("expired", "expired on 1 April 2025", city.card_text(593, exp=_PAST), reasons.EXPIRED),
        TestCard("revoked", "revoked", city.card_text(77), reasons.REVOKED),
        TestCard(
            "revoked-second-key",
            "revoked in the other card key's list",
            city.card_text(640, key="card-2"),
            reasons.REVOKED,
        ),
        TestCard("another-city", "signed by a key that this city does not know", other_city, reasons.UNKNOWN_KEY),
        TestCard(
            "beyond-the-list",
            "signed by the city's key, but with a number that its list has not",
            city.card_text(1024),
            reasons.UNKNOWN_KEY,
        ),
        TestCard(
            "altered",
            "one bit of the signature changed",
            issuing.to_digits(_flipped(city.card(186))),
            reasons.BAD_SIGNATURE,
        ),
        TestCard("voucher", "a voucher shown as a card", city.voucher_text(12, 1000), reasons.NOT_A_CARD),
        TestCard("torn", "the resident card, its last digit missing", resident[:-1], reasons.NOT_A_CARD),
        TestCard("menu", "some other QR code", "https://restaurant.example/menu", reasons.NOT_A_CARD),
        TestCard(
            "stale",
            "a good card, at a reader that got no bundle for four months",
            resident,
            reasons.STALE_TRUST,
            days_later=_STALE_DAYS,
        ),
        TestCard("twice", "a good card, twice at a reader with passback", resident, reasons.ALREADY_USED, scans=2),
        TestCard("capped", "a good card, twice at a reader with a daily cap of 1", resident, "daily_cap", scans=2),
    )


def _vouchers(city: TestCity) -> tuple[TestVoucher, ...]:
    good = city.voucher_text(12, 1000)
    stranger = issuing.voucher(_stranger(), _OTHER_KID, int(END.timestamp()), 1, 12, 1000)
    return (
        TestVoucher("voucher-5", "5 euro", city.voucher_text(901, 500), reasons.OK, 500),
        TestVoucher("voucher-10", "10 euro", good, reasons.OK, 1000),
        TestVoucher("voucher-20", "20 euro", city.voucher_text(338, 2000), reasons.OK, 2000),
        TestVoucher(
            "expired-voucher", "expired on 1 April 2025", city.voucher_text(154, 1000, exp=_PAST), reasons.EXPIRED
        ),
        TestVoucher("revoked-voucher", "revoked", city.voucher_text(404, 1000), reasons.REVOKED),
        TestVoucher(
            "another-citys-voucher",
            "signed by a key that this city does not know",
            issuing.to_digits(stranger),
            reasons.UNKNOWN_KEY,
        ),
        TestVoucher(
            "altered-voucher",
            "one bit of the signature changed",
            issuing.to_digits(_flipped(city.voucher(12, 1000))),
            reasons.BAD_SIGNATURE,
        ),
        TestVoucher(
            "odd-value", "a value that the campaign has not", city.voucher_text(615, 750), reasons.UNKNOWN_CAMPAIGN
        ),
        TestVoucher(
            "no-campaign",
            "of a campaign that the bundle has not",
            city.voucher_text(220, 1000, campaign=99),
            reasons.UNKNOWN_CAMPAIGN,
        ),
        TestVoucher(
            "early", "its campaign begins in 2098", city.voucher_text(87, 1000, campaign=COMING), reasons.NOT_YET_VALID
        ),
        TestVoucher(
            "late",
            "its campaign closed with 2024",
            city.voucher_text(733, 1000, campaign=CLOSED),
            reasons.CAMPAIGN_CLOSED,
        ),
        TestVoucher("card", "a card shown as a voucher", city.card_text(186), reasons.NOT_A_VOUCHER),
        TestVoucher(
            "stale-voucher",
            "a good voucher, at a reader that got no bundle for four months",
            good,
            reasons.STALE_TRUST,
            days_later=_STALE_DAYS,
        ),
        TestVoucher("spent", "a good voucher, its whole value redeemed twice", good, reasons.ALREADY_USED, scans=2),
    )


TEST_CARDS = _cards(TestCity())
TEST_VOUCHERS = _vouchers(TestCity())
