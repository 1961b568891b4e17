"""Claims of tills that were offline: caps, windows, who wins, and what may be lost."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_city import BOOKS_ONLY, NOW, PARTS, VALUE, WHOLE, Shop, refusal, voucher, window_at

from ardente.core import reasons
from ardente.ledger import Decision, Ledger, worst_case_loss
from ardente.ledger._offline import DECISION_DELAY_S, rank
from ardente.testing import FakeClock

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
WINDOW = window_at(NOW)
# NOW is the first second of its window, which closes two hours later.
CLOSES = 2 * HOUR
DECIDED = CLOSES + DECISION_DELAY_S * SECOND


def states(shop: Shop, *claims: object) -> list[tuple[str, str]]:
    return [(answer.state, answer.reason) for answer in shop.claim(*claims)]  # type: ignore[arg-type]


PENDING, WON, LOST = ("pending", reasons.OK), ("won", reasons.OK), ("lost", reasons.ALREADY_USED)


class TestClaim:
    def test_waits_for_its_window_and_is_paid_then(self, ledger: Ledger, shop: Shop, clock: FakeClock) -> None:
        claim = shop.journal(voucher(1), WINDOW)
        assert states(shop, claim) == [PENDING]
        clock.advance(DECIDED - SECOND)
        assert ledger.decide_windows() == []
        assert ledger.totals()[-3].redeemed == 0
        clock.advance(SECOND)
        assert ledger.decide_windows() == [Decision(PARTS, WINDOW, won=1, lost=0, amount=VALUE)]
        assert states(shop, claim) == [WON]
        assert ledger.decide_windows() == []
        assert ledger.balance(shop.till, voucher(1)).free == 0

    def test_uses_the_voucher_up_at_once(self, ledger: Ledger, shop: Shop, other: Shop) -> None:
        shop.claim(shop.journal(voucher(1), WINDOW))
        assert refusal(partial(other.redeem, voucher(1))) == reasons.ALREADY_USED
        assert ledger.balance(other.till, voucher(1)).free == 0

    def test_loses_to_a_final_answer_at_once(self, ledger: Ledger, shop: Shop, other: Shop) -> None:
        other.redeem(voucher(1), 1)
        assert states(shop, shop.journal(voucher(1), WINDOW)) == [LOST]
        (duplicate,) = ledger.duplicates(PARTS)
        assert (duplicate.paid_till_id, duplicate.lost_till_id) == (other.till_id, shop.till_id)
        assert ledger.duplicates(WHOLE) == []

    def test_after_a_refund_the_voucher_is_whole_again(self, shop: Shop, other: Shop) -> None:
        other.refund(other.redeem(voucher(1)))
        assert states(shop, shop.journal(voucher(1), WINDOW)) == [PENDING]

    def test_never_overturns_what_was_reserved_before(
        self, ledger: Ledger, shop: Shop, other: Shop, clock: FakeClock
    ) -> None:
        kept, given_up = other.reserve(voucher(1)), other.reserve(voucher(2))
        claims = [shop.journal(voucher(serial), WINDOW) for serial in (1, 2, 3)]
        assert states(shop, *claims) == [PENDING] * 3
        other.confirm(kept)
        clock.advance(DECIDED)
        ledger.decide_windows()
        assert states(shop, *claims) == [LOST, WON, WON]
        assert refusal(partial(other.confirm, given_up)) == reasons.RESERVATION_LAPSED

    def test_is_not_decided_while_a_reservation_stands(
        self, ledger: Ledger, shop: Shop, other: Shop, clock: FakeClock
    ) -> None:
        claim = shop.journal(voucher(1), WINDOW)
        clock.advance(DECIDED - 5 * SECOND)
        held = other.reserve(voucher(1))
        clock.advance(-60 * SECOND)
        assert states(shop, claim) == [PENDING]
        clock.advance(65 * SECOND)
        assert ledger.decide_windows() == []
        other.void(held)
        assert ledger.decide_windows() == [Decision(PARTS, WINDOW, won=1, lost=0, amount=VALUE)]

    def test_is_taken_once_and_answered_with_what_became_of_it(self, shop: Shop) -> None:
        claim = shop.journal(voucher(1), WINDOW, key="a")
        assert states(shop, claim, claim) == [PENDING] * 2
        assert states(shop, claim) == [PENDING]
        assert states(shop, shop.journal(voucher(1), WINDOW)) == [LOST]
        assert states(shop, shop.journal(voucher(2), WINDOW, key="a")) == [("refused", reasons.KEY_REUSED)]
        assert refusal(partial(shop.redeem, voucher(3), key="a")) == reasons.KEY_REUSED

    def test_of_what_was_paid_online_under_its_key_is_won(self, ledger: Ledger, shop: Shop) -> None:
        shop.redeem(voucher(1), key="a")
        assert states(shop, shop.journal(voucher(1), WINDOW, key="a")) == [WON]
        assert states(shop, shop.journal(voucher(2), WINDOW, key="a")) == [("refused", reasons.KEY_REUSED)]
        assert ledger.duplicates() == []

    def test_its_window_is_open(self, ledger: Ledger, shop: Shop, clock: FakeClock) -> None:
        late, future = shop.journal(voucher(1), WINDOW - 2), shop.journal(voucher(1), WINDOW + 1)
        assert states(shop, late, future) == [("refused", reasons.WINDOW_CLOSED), ("refused", reasons.BAD_REQUEST)]
        clock.advance(CLOSES - SECOND)
        assert states(shop, shop.journal(voucher(2), WINDOW)) == [PENDING]
        clock.advance(SECOND)
        assert states(shop, shop.journal(voucher(3), WINDOW)) == [("refused", reasons.WINDOW_CLOSED)]

    def test_a_decided_window_stays_closed_when_the_clock_goes_back(
        self, ledger: Ledger, shop: Shop, clock: FakeClock
    ) -> None:
        shop.claim(shop.journal(voucher(1), WINDOW))
        clock.advance(DECIDED)
        ledger.decide_windows()
        clock.advance(-DECIDED)
        assert states(shop, shop.journal(voucher(2), WINDOW)) == [("refused", reasons.WINDOW_CLOSED)]

    def test_is_whole_of_its_campaign_and_merchant(self, ledger: Ledger, shop: Shop) -> None:
        part, foreign = shop.journal(voucher(1), WINDOW, amount=400), shop.journal(voucher(1, BOOKS_ONLY), WINDOW)
        assert states(shop, part, foreign) == [("refused", reasons.BAD_AMOUNT), ("refused", reasons.WRONG_MERCHANT)]
        revoked = shop.journal(voucher(1, reason=reasons.REVOKED), WINDOW)
        assert states(shop, revoked) == [("refused", reasons.REVOKED)]

    def test_counts_though_the_campaign_ended_since(self, ledger: Ledger, shop: Shop, clock: FakeClock) -> None:
        clock.advance(HOUR)
        ledger.close_campaign(PARTS)
        over = voucher(1, reason=reasons.CAMPAIGN_CLOSED)
        assert states(shop, shop.journal(over, WINDOW)) == [PENDING]
        assert states(shop, shop.journal(over, WINDOW + 1)) == [("refused", reasons.CAMPAIGN_CLOSED)]

    @pytest.mark.parametrize("at", ["window", "amount", "claimed_at", "entry_sha256", "receipt", "key"])
    def test_is_well_formed_or_none_is_taken(self, ledger: Ledger, shop: Shop, at: str) -> None:
        for value in (-1, 1.5, True, None, "x" * 99, 1 << 70):
            good, bad = shop.journal(voucher(1), WINDOW), shop.journal(voucher(2), WINDOW)
            setattr(bad, at, value)
            assert refusal(partial(shop.claim, good, bad)) in (reasons.BAD_REQUEST, reasons.BAD_AMOUNT)
        assert sum(total.pending for total in ledger.totals()) == 0

    def test_at_most_a_hundred_at_a_time(self, shop: Shop) -> None:
        claims = [shop.journal(voucher(serial), WINDOW) for serial in range(101)]
        assert refusal(partial(shop.claim, *claims)) == reasons.BAD_REQUEST


class TestCap:
    """What one till may take in one window is the ledger's to say."""

    def test_bounds_cents_and_number(self, shop: Shop, other: Shop) -> None:
        over = ("refused", reasons.OFFLINE_CAP)
        claims = [shop.journal(voucher(serial), WINDOW) for serial in range(5)]
        assert states(shop, *claims) == [PENDING] * 3 + [over] * 2
        assert (
            states(shop, shop.journal(voucher(9, WHOLE), WINDOW), shop.journal(voucher(9), WINDOW - 1)) == [PENDING] * 2
        )
        assert states(other, other.journal(voucher(8), WINDOW)) == [PENDING]

    def test_counts_what_was_lost(self, shop: Shop, other: Shop) -> None:
        for serial in range(3):
            other.redeem(voucher(serial))
        claims = [shop.journal(voucher(serial), WINDOW) for serial in range(4)]
        assert states(shop, *claims) == [LOST] * 3 + [("refused", reasons.OFFLINE_CAP)]


class TestWinner:
    def test_is_the_lowest_rank_in_whatever_order_claims_arrive(self, ledger: Ledger, clock: FakeClock) -> None:
        shops = [Shop(ledger, f"Shop {number}") for number in range(3)]
        orders = list(itertools.permutations(shops))[:3]
        for serial, order in enumerate(orders):
            for shop in order:
                assert states(shop, shop.journal(voucher(serial), WINDOW, key=f"s{serial}")) == [PENDING]
        clock.advance(DECIDED)
        assert ledger.decide_windows() == [Decision(PARTS, WINDOW, won=3, lost=6, amount=3 * VALUE)]
        for serial in range(3):
            winner = min(shops, key=lambda shop: rank(WINDOW, serial, shop.till_id))
            for shop in shops:
                expected = WON if shop is winner else LOST
                assert states(shop, shop.journal(voucher(serial), WINDOW, key=f"s{serial}")) == [expected]
        named = {(duplicate.paid_till_id, duplicate.lost_till_id) for duplicate in ledger.duplicates()}
        assert all(paid != lost for paid, lost in named)
        assert len(ledger.duplicates()) == 6

    def test_of_two_windows_is_the_earlier(self, ledger: Ledger, shop: Shop, other: Shop, clock: FakeClock) -> None:
        later, earlier = other.journal(voucher(1), WINDOW), shop.journal(voucher(1), WINDOW - 1)
        assert states(other, later) == states(shop, earlier) == [PENDING]
        clock.advance(DECIDED)
        ledger.decide_windows()
        assert (states(shop, earlier), states(other, later)) == ([WON], [LOST])

    @given(st.integers(0, 1 << 32), st.integers(0, 1 << 24), st.binary(min_size=16, max_size=16))
    def test_a_rank_depends_on_window_serial_and_till(self, window: int, serial: int, till: bytes) -> None:
        ranks = {
            rank(window, serial, till.hex()),
            rank(window + 1, serial, till.hex()),
            rank(window, serial + 1, till.hex()),
            rank(window, serial, till[::-1].hex() + "0"),
        }
        assert len(ranks) == 4


class TestLoss:
    """`worst_case_loss` is reached, and not passed, whatever tills that cannot ask are shown."""

    TILLS, CAP = 3, 3000

    @pytest.fixture
    def afternoon(self, ledger: Ledger, clock: FakeClock) -> Callable[[list[list[int]]], int]:
        """Let each till take the vouchers it is shown, once each and up to its cap, and return what is lost."""
        shops = [Shop(ledger, f"Shop {number}") for number in range(self.TILLS)]
        seen: list[set[int]] = [set() for _ in shops]

        def afternoon(shown: list[list[int]]) -> int:
            window = window_at(int(clock()))
            taken = paid = 0
            for shop, known, serials in zip(shops, seen, shown, strict=True):
                new = [serial for serial in dict.fromkeys(serials) if serial not in known]
                known.update(new)
                answers = shop.claim(*(shop.journal(voucher(serial), window) for serial in new))
                taken += VALUE * sum(answer.reason != reasons.OFFLINE_CAP for answer in answers)
            clock.advance(DECIDED)
            paid = sum(decision.amount for decision in ledger.decide_windows())
            return taken - paid

        return afternoon

    def test_is_reached_when_every_till_takes_the_same_vouchers(
        self, ledger: Ledger, afternoon: Callable[[list[list[int]]], int]
    ) -> None:
        loss = sum(afternoon([[3 * window, 3 * window + 1, 3 * window + 2]] * self.TILLS) for window in range(2))
        assert loss == worst_case_loss(self.TILLS, self.CAP, 2) == 12_000

    def test_is_a_cap_more_when_the_vouchers_were_spent_online_before(
        self, ledger: Ledger, shop: Shop, afternoon: Callable[[list[list[int]]], int]
    ) -> None:
        for serial in range(3):
            shop.redeem(voucher(serial))
        assert afternoon([[0, 1, 2]] * self.TILLS) == worst_case_loss(self.TILLS, self.CAP, spent_before=True) == 9_000

    def test_is_not_passed(self, ledger: Ledger, afternoon: Callable[[list[list[int]]], int]) -> None:
        import random

        chance = random.Random(6)
        loss = sum(afternoon([[chance.randrange(20) for _ in range(5)] for _ in range(self.TILLS)]) for _ in range(8))
        assert 0 < loss <= worst_case_loss(self.TILLS, self.CAP, 8)

    def test_of_one_till_there_is_none(self) -> None:
        assert worst_case_loss(1, 10_000) == worst_case_loss(0, 10_000) == 0
        with pytest.raises(ValueError, match="zero or more"):
            worst_case_loss(-1, 1)


def test_a_winner_is_settled_on_the_day_it_was_decided(ledger: Ledger, shop: Shop, clock: FakeClock) -> None:
    shop.claim(shop.journal(voucher(1), WINDOW))
    today = date(2026, 6, 1)
    clock.advance(timedelta(days=1))
    assert ledger.close_day(None, today) == 0
    ledger.decide_windows()
    clock.advance(timedelta(days=1))
    assert ledger.close_day(None, today + timedelta(days=1)) == VALUE
