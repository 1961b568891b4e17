"""Redeeming online: what is paid, what is refused, and that the same request has the same answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from ledger_city import BOOKS_ONLY, END, NOW, PARTS, VALUE, WHOLE, Shop, refusal, voucher

from ardente.core import reasons
from ardente.ledger import Balance, Ledger, LedgerError
from ardente.ledger._registry import issued_export
from ardente.testing import FakeClock

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


class TestRedeem:
    def test_pays_a_voucher_once(self, shop: Shop, other: Shop) -> None:
        paid = shop.redeem(voucher(1))
        assert (paid.state, paid.final, paid.amount, paid.free, paid.currency) == ("confirmed", True, VALUE, 0, "EUR")
        assert paid.day == date(2026, 6, 1)
        for till in (shop, other):
            assert refusal(lambda till=till: till.redeem(voucher(1))) == reasons.ALREADY_USED
        assert shop.redeem(voucher(2)).final

    def test_pays_in_parts_where_the_campaign_says_so(self, shop: Shop, other: Shop) -> None:
        assert shop.redeem(voucher(1), 400).free == 600
        assert other.redeem(voucher(1), 600).free == 0
        assert refusal(lambda: shop.redeem(voucher(1), 1)) == reasons.ALREADY_USED
        assert refusal(lambda: shop.redeem(voucher(1, WHOLE), 400)) == reasons.BAD_AMOUNT

    def test_pays_no_more_than_is_left(self, shop: Shop) -> None:
        shop.redeem(voucher(1), 400)
        assert refusal(lambda: shop.redeem(voucher(1), 601)) == reasons.AMOUNT_TOO_HIGH
        assert refusal(lambda: shop.redeem(voucher(2), VALUE + 1)) == reasons.AMOUNT_TOO_HIGH

    def test_an_amount_is_a_whole_number_of_cents(self, shop: Shop) -> None:
        for amount in (0, -1, -VALUE, 10.0, 0.5, True, Decimal(10), "10", 1 << 32, 1 << 80, 10**6000):
            assert refusal(partial(shop.redeem, voucher(1), amount)) == reasons.BAD_AMOUNT

    def test_the_currency_is_the_campaigns(self, shop: Shop) -> None:
        for number, currency in enumerate(["USD", "eur", "", "EUREUR" * 99, None, 978]):
            asked = partial(shop.ledger.redeem, shop.till, voucher(1), key=f"k{number}", currency=currency)
            assert refusal(asked) == reasons.WRONG_CURRENCY

    def test_only_the_merchants_of_the_campaign(self, ledger: Ledger, shop: Shop) -> None:
        books = Shop(ledger, "Librairie", ("books", "papers"))
        assert refusal(lambda: shop.redeem(voucher(1, BOOKS_ONLY))) == reasons.WRONG_MERCHANT
        assert books.redeem(voucher(1, BOOKS_ONLY)).final

    def test_what_the_rule_book_refuses_is_refused(self, shop: Shop) -> None:
        for reason in [reasons.EXPIRED, reasons.REVOKED, reasons.CAMPAIGN_CLOSED]:
            assert refusal(partial(shop.redeem, voucher(1, reason=reason))) == reason

    def test_a_campaign_runs_by_the_ledgers_books(self, ledger: Ledger, shop: Shop, clock: FakeClock) -> None:
        ledger.close_campaign(WHOLE)
        assert refusal(lambda: shop.redeem(voucher(1, WHOLE))) == reasons.CAMPAIGN_CLOSED
        clock.advance(timedelta(seconds=END - NOW - 1))
        assert shop.redeem(voucher(1)).final
        clock.advance(timedelta(seconds=1))
        assert refusal(lambda: shop.redeem(voucher(2))) == reasons.CAMPAIGN_CLOSED
        clock.advance(-100 * DAY)
        assert refusal(lambda: shop.redeem(voucher(2))) == reasons.NOT_YET_VALID

    def test_a_revoked_till_opens_nothing(self, ledger: Ledger, shop: Shop) -> None:
        ledger.revoke_till(shop.till_id)
        for token in (shop.token, "", "é\udcff", shop.till_id):
            assert refusal(lambda token=token: ledger.till(token)) == reasons.UNKNOWN_TILL

    def test_a_key_is_short_printable_ascii(self, shop: Shop) -> None:
        for key in ["", "k" * 65, "é", "a\x1fb", None, 7]:
            assert refusal(partial(shop.ledger.redeem, shop.till, voucher(1), key=key)) == reasons.BAD_REQUEST

    def test_a_receipt_is_a_short_number(self, shop: Shop) -> None:
        for receipt in ["r" * 33, "é", "a\nb", None]:
            asked = partial(shop.ledger.redeem, shop.till, voucher(1), key="k", receipt=receipt)
            assert refusal(asked) == reasons.BAD_REQUEST


class TestIssued:
    """Where the city has said what it issued, nothing else is redeemed."""

    @pytest.fixture
    def load(self, ledger: Ledger, tmp_path: Path) -> Callable[..., None]:
        def load(**states: str) -> None:
            batches = {"a": b"\x06", "b": b"\x00\x01"}
            chosen = [(name, VALUE, state, batches[name]) for name, state in states.items()]
            path = tmp_path / "issued.json"
            path.write_bytes(issued_export("test-city", PARTS, chosen))
            ledger.load_issued(path)

        return load

    def test_only_vouchers_of_an_active_batch(self, shop: Shop, load: Callable[..., None]) -> None:
        load(a="active", b="inactive")
        assert shop.redeem(voucher(1)).final
        assert refusal(lambda: shop.redeem(voucher(8))) == reasons.NOT_ACTIVE
        assert refusal(lambda: shop.redeem(voucher(3))) == reasons.NOT_ACTIVE
        load(a="revoked", b="active")
        assert refusal(lambda: shop.redeem(voucher(2))) == reasons.REVOKED
        assert shop.redeem(voucher(8)).final

    def test_another_process_sees_what_was_loaded(self, url: str, clock: FakeClock, load: Callable[..., None]) -> None:
        with Ledger.open(url, clock=clock) as second:
            till = Shop(second, "Second")
            assert till.redeem(voucher(100)).final
            load(a="active")
            assert refusal(lambda: till.redeem(voucher(101))) == reasons.NOT_ACTIVE
            assert till.redeem(voucher(1)).final
            load(a="inactive", b="active")
            assert refusal(lambda: till.redeem(voucher(2))) == reasons.NOT_ACTIVE
            assert till.redeem(voucher(8)).final

    def test_a_damaged_list_is_refused(self, ledger: Ledger, tmp_path: Path) -> None:
        path = tmp_path / "issued.json"
        whole = issued_export("test-city", PARTS, [("a", VALUE, "active", b"\x06")])
        for damaged in (b"", whole[:-9], whole.replace(b'"count": 2', b'"count": 3'), whole.replace(b"a", b"b")):
            path.write_bytes(damaged)
            assert refusal(partial(ledger.load_issued, path)) == reasons.BAD_REQUEST


class TestReserve:
    def test_holds_a_voucher_until_it_is_confirmed(self, shop: Shop, other: Shop) -> None:
        held = shop.reserve(voucher(1))
        assert (held.state, held.final) == ("reserved", False)
        assert held.lapses_at == held.at + 15 * MINUTE
        assert refusal(lambda: other.redeem(voucher(1))) == reasons.RESERVED
        paid = shop.confirm(held)
        assert (paid.id, paid.state, paid.final, paid.amount, paid.free) == (held.id, "confirmed", True, VALUE, 0)
        assert refusal(lambda: other.redeem(voucher(1))) == reasons.ALREADY_USED

    def test_frees_it_when_voided(self, shop: Shop, other: Shop) -> None:
        held = shop.reserve(voucher(1))
        given_up = shop.void(held)
        assert (given_up.state, given_up.final, given_up.free) == ("void", True, VALUE)
        assert other.redeem(voucher(1)).final
        assert refusal(lambda: shop.confirm(held)) == reasons.RESERVATION_LAPSED

    def test_frees_it_after_a_quarter_of_an_hour(self, shop: Shop, other: Shop, clock: FakeClock) -> None:
        held = shop.reserve(voucher(1))
        clock.advance(15 * MINUTE - timedelta(seconds=1))
        assert refusal(lambda: other.redeem(voucher(1))) == reasons.RESERVED
        clock.advance(timedelta(seconds=1))
        assert refusal(lambda: shop.confirm(held)) == reasons.RESERVATION_LAPSED
        assert other.redeem(voucher(1)).final

    def test_a_confirmed_one_is_refunded_and_not_voided(self, shop: Shop) -> None:
        held = shop.reserve(voucher(1))
        shop.confirm(held)
        assert refusal(lambda: shop.void(held)) == reasons.NOT_ALLOWED

    def test_belongs_to_its_merchant(self, shop: Shop, other: Shop) -> None:
        held = shop.reserve(voucher(1))
        for step in (other.confirm, other.void, other.refund):
            assert refusal(lambda step=step: step(held)) == reasons.NOT_ALLOWED
        assert shop.confirm(held).final

    def test_an_unknown_one_is_named_so(self, shop: Shop) -> None:
        for number, unknown in enumerate(["", "0" * 32, "é" * 500]):
            confirm = partial(shop.ledger.confirm, shop.till, unknown, key=f"k{number}")
            assert refusal(confirm) == reasons.UNKNOWN_REDEMPTION

    def test_a_clock_set_back_holds_no_voucher_for_long(self, shop: Shop, other: Shop, clock: FakeClock) -> None:
        clock.advance(30 * DAY)
        held = shop.reserve(voucher(1))
        clock.advance(-30 * DAY)
        assert refusal(lambda: shop.confirm(held)) == reasons.RESERVATION_LAPSED
        assert other.redeem(voucher(1)).final


class TestRefund:
    def test_gives_the_amount_back_to_the_voucher(self, shop: Shop, other: Shop) -> None:
        paid = shop.redeem(voucher(1), 700)
        assert (back := shop.refund(paid, 200)).refunded == 200
        assert back.free == 500
        assert shop.refund(paid).refunded == 700
        assert refusal(lambda: shop.refund(paid)) == reasons.NOT_REFUNDABLE
        assert other.redeem(voucher(1)).final

    def test_at_most_what_is_left_of_it(self, shop: Shop) -> None:
        paid = shop.redeem(voucher(1), 700)
        shop.refund(paid, 300)
        assert refusal(lambda: shop.refund(paid, 401)) == reasons.AMOUNT_TOO_HIGH
        assert refusal(lambda: shop.refund(paid, -1)) == reasons.BAD_AMOUNT

    def test_whole_where_the_campaign_redeems_whole(self, shop: Shop) -> None:
        paid = shop.redeem(voucher(1, WHOLE))
        assert refusal(lambda: shop.refund(paid, 999)) == reasons.BAD_AMOUNT
        assert shop.refund(paid).free == VALUE

    def test_within_thirty_days_while_the_campaign_runs(self, ledger: Ledger, shop: Shop, clock: FakeClock) -> None:
        paid = shop.redeem(voucher(1))
        whole = shop.redeem(voucher(1, WHOLE))
        ledger.close_campaign(WHOLE)
        assert refusal(lambda: shop.refund(whole)) == reasons.CAMPAIGN_CLOSED
        clock.advance(30 * DAY)
        assert refusal(lambda: shop.refund(paid)) == reasons.NOT_REFUNDABLE

    def test_not_what_a_closed_day_paid(self, ledger: Ledger, shop: Shop, clock: FakeClock) -> None:
        paid = shop.redeem(voucher(1))
        clock.advance(DAY)
        assert ledger.close_day(shop.merchant_id, paid.day) == VALUE
        assert refusal(lambda: shop.refund(paid)) == reasons.DAY_CLOSED

    def test_a_reservation_has_nothing_to_refund(self, shop: Shop) -> None:
        held = shop.reserve(voucher(1))
        assert refusal(lambda: shop.refund(held)) == reasons.NOT_REFUNDABLE


class TestBalance:
    def test_tells_what_is_left(self, ledger: Ledger, shop: Shop, clock: FakeClock) -> None:
        shop.refund(shop.redeem(voucher(1), 300), 100)
        shop.reserve(voucher(1), 150)
        assert ledger.balance(shop.till, voucher(1)) == Balance(VALUE, 650, 150, "EUR")
        clock.advance(15 * MINUTE)
        assert ledger.balance(shop.till, voucher(1)) == Balance(VALUE, 800, 0, "EUR")

    def test_of_a_refused_voucher_there_is_none(self, ledger: Ledger, shop: Shop) -> None:
        assert refusal(lambda: ledger.balance(shop.till, voucher(1, reason=reasons.REVOKED))) == reasons.REVOKED


class TestSameRequest:
    """As long as the books are kept, a key stands for one request and its answer."""

    def test_the_same_request_has_the_same_answer_whatever_came_since(
        self, ledger: Ledger, shop: Shop, clock: FakeClock
    ) -> None:
        paid = shop.redeem(voucher(1), 400, key="a")
        held = shop.reserve(voucher(2), key="b")
        confirmed = shop.confirm(held, key="c")
        refunded = shop.refund(paid, 100, key="d")
        given_up = shop.void(shop.reserve(voucher(3)), key="e")
        shop.refund(paid)
        shop.redeem(voucher(1), 900)
        ledger.close_campaign(PARTS)
        clock.advance(400 * DAY)
        assert shop.redeem(voucher(1, reason=reasons.CAMPAIGN_CLOSED), 400, key="a") == paid
        assert shop.reserve(voucher(2, reason=reasons.EXPIRED), key="b") == held
        assert shop.confirm(held, key="c") == confirmed
        assert shop.refund(paid, 100, key="d") == refunded
        assert shop.void(given_up, key="e") == given_up

    def test_refusals_too(self, shop: Shop, other: Shop) -> None:
        held = other.reserve(voucher(1))
        assert refusal(lambda: shop.redeem(voucher(1), key="a")) == reasons.RESERVED
        assert refusal(lambda: shop.confirm(held, key="b")) == reasons.NOT_ALLOWED
        other.void(held)
        assert refusal(lambda: shop.redeem(voucher(1), key="a")) == reasons.RESERVED
        assert refusal(lambda: shop.confirm(held, key="b")) == reasons.NOT_ALLOWED
        assert shop.redeem(voucher(1)).final

    def test_another_request_under_the_key_is_refused(self, ledger: Ledger, shop: Shop) -> None:
        paid = shop.redeem(voucher(1), 400, key="a")
        others = [
            lambda: shop.redeem(voucher(1), 401, key="a"),
            lambda: shop.redeem(voucher(2), 400, key="a"),
            lambda: shop.redeem(voucher(1, WHOLE), key="a"),
            lambda: shop.redeem(voucher(2, reason=reasons.REVOKED), 400, key="a"),
            lambda: shop.reserve(voucher(1), 400, key="a"),
            lambda: ledger.redeem(shop.till, voucher(1), key="a", amount=400, receipt="R2"),
            lambda: shop.confirm(paid, key="a"),
            lambda: shop.void(paid, key="a"),
            lambda: shop.refund(paid, key="a"),
        ]
        assert [refusal(asked) for asked in others] == [reasons.KEY_REUSED] * len(others)
        shop.refund(paid, 100, key="r")
        others = [
            lambda: shop.refund(paid, 101, key="r"),
            lambda: shop.confirm(paid, key="r"),
            lambda: shop.redeem(voucher(5), key="r"),
        ]
        assert [refusal(asked) for asked in others] == [reasons.KEY_REUSED] * len(others)

    def test_a_key_is_one_tills(self, shop: Shop, other: Shop) -> None:
        assert shop.redeem(voucher(1), key="a").id != other.redeem(voucher(2), key="a").id


def test_an_error_is_a_sentence_in_four_languages() -> None:
    error = LedgerError(reasons.ALREADY_USED)
    assert str(error) == error.text("en") != error.text("fr")
    assert len({error.text(language) for language in ("fr", "nl", "de", "en")}) == 4
