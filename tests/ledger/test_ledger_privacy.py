"""What leaves the ledger names no voucher: no digits, no serial, in whatever form it is put."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from datetime import date, timedelta
from typing import Any

import pytest
from ledger_city import NOW, Shop, judge, voucher, window_at
from sqlalchemy import text

from ardente.ledger import Ledger, LedgerError
from ardente.testing import FakeClock, TestCity

SERIAL = 987
CITY = TestCity()
DIGITS = CITY.voucher_text(SERIAL, 1000)


@pytest.fixture
def answers(ledger: Ledger, shop: Shop, other: Shop, clock: FakeClock) -> list[Any]:
    """Everything that the ledger returns about one voucher."""
    judgement = judge().voucher(DIGITS, NOW)
    paid = ledger.redeem(shop.till, judgement, key="a", amount=400, receipt="R1")
    held = ledger.reserve(shop.till, judgement, key="b", amount=100)
    found: list[Any] = [paid, held, shop.confirm(held), shop.refund(paid, 100), ledger.balance(shop.till, judgement)]
    serial = voucher(SERIAL)
    found += shop.claim(shop.journal(serial, window_at(NOW)))
    found += other.claim(other.journal(serial, window_at(NOW)))
    clock.advance(timedelta(days=1))
    found += ledger.decide_windows()
    ledger.close_day(None, date(2026, 6, 1))
    found += ledger.statement(shop.merchant_id, date(2026, 6, 1), date(2026, 6, 9))
    found += ledger.settlement(date(2026, 6, 1)) + ledger.duplicates() + ledger.totals()
    return found


def assert_nothing_in(where: bytes) -> None:
    for trace in (DIGITS[:24], DIGITS[-24:], DIGITS[100:124]):
        assert trace.encode() not in where


def test_answers_in_any_form_tell_nothing(answers: list[Any]) -> None:
    for answer in answers:
        fields = {name: getattr(answer, name) for name in answer.__slots__}
        assert SERIAL not in fields.values()
        assert not any("serial" in name or "index" in name for name in fields)
        for form in (repr(answer).encode(), str(answer).encode(), pickle.dumps(answer)):
            assert_nothing_in(form)
            assert str(SERIAL).encode() not in form or str(SERIAL) in repr(list(fields.values()))
        if hasattr(answer, "to_dict"):
            assert set(answer.to_dict()) == set(fields)
            json.dumps(answer.to_dict())


def test_an_answers_id_does_not_come_from_the_voucher(shop: Shop, other: Shop) -> None:
    first = shop.redeem(voucher(SERIAL), key="a")
    assert shop.refund(first).id == first.id
    assert other.redeem(voucher(SERIAL), key="a").id != first.id


def test_the_tables_hold_no_digits(ledger: Ledger, answers: list[Any]) -> None:
    with ledger._database.engine.connect() as connection:
        for table in ("redemption", "refund", "answer", "claim"):
            rows = connection.execute(text(f"SELECT * FROM {table}")).all()
            assert rows
            assert_nothing_in(repr(rows).encode())


def test_a_claim_does_not_show_its_voucher(shop: Shop) -> None:
    claim = shop.journal(voucher(SERIAL), 3)
    assert str(SERIAL) not in repr(claim) + repr(claim.judgement)


def test_an_exception_tells_nothing_even_where_the_database_fails(
    ledger: Ledger, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with ledger._database.engine.connect() as connection, connection.begin():
        connection.execute(text("ALTER TABLE answer RENAME TO gone"))
    try:
        judgement = judge().voucher(DIGITS, NOW)
        for asked in (
            lambda: ledger.redeem(shop.till, judgement, key="a"),
            lambda: shop.claim(shop.journal(voucher(SERIAL), window_at(NOW))),
        ):
            with pytest.raises(LedgerError) as caught:
                asked()
            assert caught.value.__cause__ is None
            assert caught.value.__suppress_context__
            shown = "".join(traceback.format_exception(caught.value))
            assert_nothing_in(shown.encode() + pickle.dumps(caught.value))
            assert f"({SERIAL}" not in shown
            assert f" {SERIAL}" not in shown
        assert not any(str(SERIAL) in record.getMessage() for record in caplog.records)
    finally:
        with ledger._database.engine.connect() as connection, connection.begin():
            connection.execute(text("ALTER TABLE gone RENAME TO answer"))


def test_an_error_travels(ledger: Ledger) -> None:
    error = pickle.loads(pickle.dumps(LedgerError("already_used", "A sentence.")))
    assert (error.reason, str(error)) == ("already_used", "A sentence.")
