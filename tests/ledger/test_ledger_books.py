"""Statements, closed days and totals: every cent once."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from ledger_city import END, NOW, PARTS, VALUE, WHOLE, Shop, manifest, refusal, voucher, window_at
from sqlalchemy import text

from ardente.core import reasons
from ardente.core.errors import TrustError
from ardente.ledger import Ledger, StatementLine
from ardente.testing import FakeClock

DAY = timedelta(days=1)
TODAY = date(2026, 6, 1)


def lines(ledger: Ledger, shop: Shop, first: date = TODAY, last: date = TODAY + 9 * DAY) -> list[tuple[Any, ...]]:
    return [(line.day, line.state, line.amount) for line in ledger.statement(shop.merchant_id, first, last)]


class TestStatement:
    def test_has_a_line_for_what_is_owed_and_what_is_not_yet(
        self, ledger: Ledger, shop: Shop, other: Shop, clock: FakeClock
    ) -> None:
        paid = ledger.redeem(shop.till, voucher(1), key="a", amount=700, receipt="R1")
        shop.reserve(voucher(2))
        shop.void(shop.reserve(voucher(3)))
        shop.claim(shop.journal(voucher(4), window_at(NOW)))
        other.redeem(voucher(5))
        clock.advance(DAY)
        shop.refund(paid, 200)
        assert sorted(lines(ledger, shop)) == [
            (TODAY, "confirmed", 700),
            (TODAY, "pending", VALUE),
            (TODAY, "reserved", VALUE),
            (TODAY + DAY, "refund", -200),
        ]
        line = StatementLine(TODAY, 700, "EUR", "R1", "confirmed")
        assert line in ledger.statement(shop.merchant_id, TODAY, TODAY)
        assert lines(ledger, shop, TODAY + DAY) == [(TODAY + DAY, "refund", -200)]

    def test_a_day_is_one_of_liege(self, ledger: Ledger, shop: Shop, clock: FakeClock) -> None:
        clock.advance(timedelta(hours=12, seconds=-1))
        shop.redeem(voucher(1))
        clock.advance(timedelta(seconds=1))
        shop.redeem(voucher(2))
        assert [day for day, _, _ in lines(ledger, shop)] == [TODAY, TODAY + DAY]


class TestClosedDay:
    def test_is_over(self, ledger: Ledger, shop: Shop) -> None:
        for day in (TODAY, TODAY + DAY):
            assert refusal(partial(ledger.close_day, None, day)) == reasons.NOT_ALLOWED

    def test_is_of_a_known_merchant(self, ledger: Ledger) -> None:
        assert refusal(partial(ledger.close_day, "nobody", TODAY - DAY)) == reasons.BAD_REQUEST

    def test_pays_each_merchant_once(self, ledger: Ledger, shop: Shop, other: Shop, clock: FakeClock) -> None:
        shop.refund(shop.redeem(voucher(1)), 300)
        shop.redeem(voucher(2))
        other.redeem(voucher(3), 250)
        clock.advance(DAY)
        assert [ledger.close_day(None, TODAY) for _ in range(2)] == [1950, 1950]
        settled = {
            line.merchant_id: (line.redemptions, line.amount, line.refunded, line.total)
            for line in ledger.settlement(TODAY)
        }
        assert settled == {shop.merchant_id: (2, 2000, 300, 1700), other.merchant_id: (1, 250, 0, 250)}
        assert all(line.settled_on == TODAY for line in ledger.statement(shop.merchant_id, TODAY, TODAY))

    def test_what_comes_late_for_it_is_paid_with_the_next(self, ledger: Ledger, shop: Shop, clock: FakeClock) -> None:
        held = shop.reserve(voucher(1))
        clock.advance(timedelta(hours=12))
        late = shop.reserve(voucher(2))
        clock.advance(timedelta(minutes=-1))
        shop.confirm(late)
        clock.advance(timedelta(minutes=2))
        assert refusal(partial(shop.confirm, held)) == reasons.RESERVATION_LAPSED
        assert ledger.close_day(shop.merchant_id, TODAY) == 0
        # A clock that goes back writes into the closed day.
        clock.advance(-timedelta(hours=6))
        shop.redeem(voucher(3))
        clock.advance(2 * DAY)
        assert ledger.close_day(shop.merchant_id, TODAY) == 0
        assert ledger.close_day(shop.merchant_id, TODAY + DAY) == 2 * VALUE
        assert ledger.close_day(shop.merchant_id, TODAY + 2 * DAY - DAY) == 2 * VALUE


class TestTotals:
    def test_are_the_sum_of_the_books(self, ledger: Ledger, shop: Shop, other: Shop, clock: FakeClock) -> None:
        shop.refund(shop.redeem(voucher(1), 700), 200)
        other.redeem(voucher(1), 300)
        clock.advance(DAY)
        ledger.close_day(None, TODAY)
        other.redeem(voucher(2, WHOLE))
        shop.reserve(voucher(3))
        shop.claim(shop.journal(voucher(4), window_at(int(clock()))))
        totals = {total.campaign: total for total in ledger.totals()}
        parts, whole = totals[PARTS], totals[WHOLE]
        assert (parts.redemptions, parts.redeemed, parts.refunded, parts.settled, parts.owed) == (2, 1000, 200, 800, 0)
        assert (parts.reserved, parts.pending) == (VALUE, VALUE)
        assert (whole.redeemed, whole.owed) == (VALUE, VALUE)
        stated = sum(
            line.amount
            for merchant in (shop, other)
            for line in ledger.statement(merchant.merchant_id, TODAY, TODAY + 9 * DAY)
            if line.state in {"confirmed", "refund"}
        )
        assert stated == sum(total.settled + total.owed for total in totals.values())
        assert sum(line.total for line in ledger.settlement(TODAY)) == parts.settled

    @pytest.mark.parametrize(
        "fault",
        [
            "UPDATE redemption SET amount = amount + 1 WHERE serial = 1",
            "UPDATE redemption SET refunded = 0 WHERE serial = 2",
            "UPDATE redemption SET currency = 'USD'",
            "UPDATE redemption SET settled_on = NULL WHERE settled_on IS NOT NULL",
            "UPDATE redemption SET state = 'void' WHERE settled_on IS NOT NULL",
            "UPDATE redemption SET sequence = 3 WHERE serial = 2",
            "UPDATE closed_day SET total = total - 1 WHERE total > 0",
            "DELETE FROM closed_day WHERE total > 0",
            "DELETE FROM refund",
            "DELETE FROM redemption WHERE kind = 'offline'",
            "UPDATE claim SET state = 'lost'",
        ],
    )
    def test_a_cent_that_is_moved_is_noticed(
        self, url: str, shop: Shop, clock: FakeClock, request: pytest.FixtureRequest, fault: str
    ) -> None:
        ledger = shop.ledger
        shop.redeem(voucher(1))
        shop.refund(shop.redeem(voucher(2)), 10)
        shop.claim(shop.journal(voucher(3), window_at(NOW)))
        clock.advance(DAY)
        ledger.close_day(None, TODAY)
        ledger.decide_windows()
        assert ledger.check() == []
        with ledger._database.engine.connect() as connection, connection.begin():
            connection.execute(text(fault))
        assert ledger.check()
        with ledger._database.engine.connect() as connection, connection.begin():
            for table in ("redemption", "claim", "refund", "closed_day"):
                connection.execute(text(f"DELETE FROM {table}"))


class TestCampaigns:
    def test_of_another_city_are_refused(self, ledger: Ledger) -> None:
        foreign = manifest()
        foreign.city = "elsewhere"
        with pytest.raises(TrustError):
            ledger.load_campaigns(foreign)

    def test_may_end_otherwise_but_not_count_otherwise(self, ledger: Ledger, shop: Shop, clock: FakeClock) -> None:
        changed = manifest()
        changed.campaigns[PARTS].end = NOW + 5
        try:
            ledger.load_campaigns(changed)
            clock.advance(timedelta(seconds=5))
            assert refusal(partial(shop.redeem, voucher(1))) == reasons.CAMPAIGN_CLOSED
            changed.campaigns[PARTS].currency = "USD"
            assert refusal(partial(ledger.load_campaigns, changed)) == reasons.NOT_ALLOWED
        finally:
            changed.campaigns[PARTS].end, changed.campaigns[PARTS].currency = END, "EUR"
