"""Any sequence of requests, answered as a simple model answers, with the books checked after each step."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from ledger_city import END, HOUR_S, NOW, PARTS, VALUE, Shop, manifest, refusal, voucher, window_at

from ardente.core import reasons
from ardente.ledger import Ledger
from ardente.ledger._offline import rank
from ardente.testing import FakeClock

SERIALS = st.integers(0, 2)
AMOUNTS = st.sampled_from([100, 400, 1000])
SHOPS = st.integers(0, 1)


class Row:
    """What the model knows of one redemption."""

    def __init__(self, serial: int, shop: int, amount: int, state: str, at: int) -> None:
        self.serial, self.shop, self.amount, self.state, self.at = serial, shop, amount, state, at
        self.refunded = 0
        self.settled = False

    def live(self, now: int) -> int:
        lapsed = self.state == "reserved" and now >= self.at + 900
        return 0 if lapsed or self.state == "void" else self.amount - self.refunded


class LedgerMachine(RuleBasedStateMachine):
    """Rows and claims as plain lists; every rule says what the ledger has to answer."""

    redemptions = Bundle("redemptions")
    url: str

    @initialize()
    def open(self) -> None:
        self.clock = FakeClock()
        self.ledger = Ledger.open(self.url, clock=self.clock)
        self.shops = [Shop(self.ledger, name) for name in ("One", "Two")]
        self.rows: dict[str, Row] = {}
        self.claims: list[dict[str, Any]] = []
        self.sent: list[tuple[partial[Any], object]] = []

    @property
    def now(self) -> int:
        return int(self.clock())

    def taken(self, serial: int) -> int:
        return sum(row.live(self.now) for row in self.rows.values() if row.serial == serial)

    def expected(self, serial: int, amount: int) -> str:
        if any(claim["serial"] == serial and claim["state"] == "pending" for claim in self.claims):
            return reasons.ALREADY_USED
        free = VALUE - self.taken(serial)
        rows = [row for row in self.rows.values() if row.serial == serial and row.state == "reserved"]
        reserved = sum(row.live(self.now) for row in rows)
        if amount <= free:
            return reasons.OK
        if reserved and amount <= free + reserved:
            return reasons.RESERVED
        return reasons.AMOUNT_TOO_HIGH if free else reasons.ALREADY_USED

    def answered(self, asked: partial[Any]) -> tuple[str, Any]:
        answers: list[Any] = []
        reason = refusal(lambda: answers.append(asked()))
        self.sent.append((asked, answers[0] if answers else reason))
        return reason, answers[0] if answers else None

    @rule(target=redemptions, shop=SHOPS, serial=SERIALS, amount=AMOUNTS, reserve=st.booleans())
    def take(self, shop: int, serial: int, amount: int, reserve: bool) -> str:
        till = self.shops[shop]
        method = till.reserve if reserve else till.redeem
        expected = self.expected(serial, amount)
        reason, answer = self.answered(partial(method, voucher(serial), amount, key=f"k{len(self.sent)}"))
        assert reason == expected
        if answer is None:
            return ""
        self.rows[answer.id] = Row(serial, shop, amount, answer.state, self.now)
        assert answer.free == VALUE - self.taken(serial)
        return str(answer.id)

    @rule(redemption=redemptions, shop=SHOPS, step=st.sampled_from(["confirm", "void"]))
    def step(self, redemption: str, shop: int, step: str) -> None:
        row = self.rows.get(redemption)
        request = getattr(self.ledger, step)
        till = self.shops[shop].till
        reason, _ = self.answered(partial(request, till, redemption, key=f"k{len(self.sent)}"))
        if row is None:
            assert reason == reasons.UNKNOWN_REDEMPTION
        elif row.shop != shop:
            assert reason == reasons.NOT_ALLOWED
        elif step == "confirm":
            kept = row.state == "confirmed" or (row.state == "reserved" and row.live(self.now))
            assert reason == (reasons.OK if kept else reasons.RESERVATION_LAPSED)
            row.state = "confirmed" if kept else row.state
        else:
            assert reason == (reasons.NOT_ALLOWED if row.state == "confirmed" else reasons.OK)
            row.state = "void" if row.state == "reserved" else row.state

    @rule(redemption=redemptions, amount=AMOUNTS)
    def refund(self, redemption: str, amount: int) -> None:
        row = self.rows.get(redemption)
        if row is None:
            return
        till = self.shops[row.shop].till
        refund = partial(self.ledger.refund, till, redemption, key=f"k{len(self.sent)}", amount=amount)
        reason, _ = self.answered(refund)
        left = row.amount - row.refunded
        if row.state != "confirmed" or not left:
            assert reason == reasons.NOT_REFUNDABLE
        elif row.settled:
            assert reason == reasons.DAY_CLOSED
        elif amount > left:
            assert reason == reasons.AMOUNT_TOO_HIGH
        else:
            assert reason == reasons.OK
            row.refunded += amount

    @rule(shop=SHOPS, serial=SERIALS)
    def claim(self, shop: int, serial: int) -> None:
        window, till = window_at(self.now), self.shops[shop]
        (answer,) = till.claim(till.journal(voucher(serial), window, key=f"c{len(self.claims)}"))
        own = [one for one in self.claims if one["shop"] == shop and one["window"] == window and one["counts"]]
        final = any(
            row.serial == serial and row.state == "confirmed" and row.live(self.now) for row in self.rows.values()
        )
        again = any(one["serial"] == serial and one["state"] == "pending" for one in own)
        if len(own) >= 3:
            state = "refused"
        else:
            state = "lost" if final or again else "pending"
        assert answer.state == state
        self.claims.append(
            {"shop": shop, "serial": serial, "window": window, "state": state, "counts": state != "refused"}
            | {"id": answer.id}
        )

    @rule()
    def decide(self) -> None:
        self.ledger.decide_windows()
        closed = [claim for claim in self.claims if claim["state"] == "pending" and self.is_closed(claim["window"])]
        closed.sort(
            key=lambda one: (one["window"], rank(one["window"], one["serial"], self.shops[one["shop"]].till_id))
        )
        for claim in closed:
            rows = [row for row in self.rows.values() if row.serial == claim["serial"]]
            if any(row.state == "reserved" and row.live(self.now) for row in rows):
                continue
            claim["state"] = "lost" if self.taken(claim["serial"]) else "won"
            if claim["state"] == "won":
                self.rows[claim["id"]] = Row(claim["serial"], claim["shop"], VALUE, "confirmed", self.now)

    def is_closed(self, window: int) -> bool:
        return self.now >= NOW - 240 * HOUR_S + (window + 2) * HOUR_S + 60

    @rule(minutes=st.sampled_from([1, 14, 16, 60, 150]))
    def wait(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))
        if self.now >= END - 5 * 86400:
            self.clock.now = self.clock.now - timedelta(days=1)

    @rule()
    def close_yesterday(self) -> None:
        self.clock.advance(timedelta(days=1))
        self.ledger.close_day(None, self.clock.now.date() - timedelta(days=1))
        for row in self.rows.values():
            row.settled = row.settled or row.state == "confirmed"

    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        if self.sent:
            asked, before = data.draw(st.sampled_from(self.sent), label="sent before")
            answers: list[Any] = []
            reason = refusal(lambda: answers.append(asked()))
            assert (answers[0] if answers else reason) == before

    @invariant()
    def the_books_add_up(self) -> None:
        if not hasattr(self, "ledger"):
            return
        assert self.ledger.check() == []
        (parts,) = (total for total in self.ledger.totals() if total.campaign == PARTS)
        confirmed = [row for row in self.rows.values() if row.state == "confirmed"]
        assert parts.redeemed == sum(row.amount for row in confirmed)
        assert parts.refunded == sum(row.refunded for row in confirmed)
        assert parts.settled == sum(row.amount - row.refunded for row in confirmed if row.settled)
        assert parts.pending == VALUE * sum(claim["state"] == "pending" for claim in self.claims)

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            with self.ledger._database.engine.connect() as connection, connection.begin():
                for table in ("redemption", "refund", "answer", "claim", "window_state", "closed_day"):
                    connection.exec_driver_sql(f"DELETE FROM {table}")
            self.ledger.close()


@pytest.mark.slow
def test_any_sequence_of_requests(url: str, request: pytest.FixtureRequest) -> None:
    with Ledger.open(url, clock=FakeClock()) as ledger:
        ledger.load_campaigns(manifest())
    machine = type("Machine", (LedgerMachine,), {"url": url})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=12, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
