"""A till with and without its connection: what it may take, what it says, and that nothing counts twice."""

from __future__ import annotations

import io
import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from service_process import Network, add_shop

from ardente import TrustStore, _texts
from ardente.core import reasons
from ardente.ledger import Ledger, LedgerError
from ardente.ledger.service import create_app
from ardente.ledger.service._observe import Log
from ardente.testing import FakeClock, TestCity
from ardente.vouchers import Answer, Total, VoucherClient, _http

CITY = TestCity()
VALUE = 1000
DAY = timedelta(days=1)
TODAY = date(2026, 6, 1)
BOTH_ENGINES = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)


def text(serial: int, value: int = VALUE) -> str:
    return CITY.voucher_text(serial, value)


@pytest.fixture
def url(request: pytest.FixtureRequest, migrated_file: Path, tmp_path: Path) -> str:
    if getattr(request, "param", "sqlite") == "postgresql":
        address: str = request.getfixturevalue("database")
        return address
    return str(shutil.copyfile(migrated_file, tmp_path / "ledger.db"))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "_PAUSE_S", 0.0)


@pytest.fixture
def network(ledger: Ledger, clock: FakeClock, ardente_trust_store: TrustStore) -> Iterator[Network]:
    app = create_app(ledger, ardente_trust_store, clock=clock, log=Log(io.StringIO()), allow_test_city=True)
    network = Network(app)
    yield network
    network.cut()


Open = Callable[..., VoucherClient]


@pytest.fixture
def open_till(
    network: Network, ledger: Ledger, clock: FakeClock, ardente_trust_store: TrustStore, tmp_path: Path
) -> Iterator[Open]:
    """Opens the till of that name, which is a shop of its own; again after it was closed."""
    tokens: dict[str, str] = {}
    opened: list[VoucherClient] = []

    def open_one(name: str = "till", **options: object) -> VoucherClient:
        if name not in tokens:
            tokens[name] = add_shop(ledger, name)[2]
        till = VoucherClient(
            network.address,
            tokens[name],
            ardente_trust_store,
            tmp_path / name,
            clock=clock,
            allow_test_city=True,
            **options,  # type: ignore[arg-type]
        )
        opened.append(till)
        return till

    yield open_one
    for till in opened:
        till.close()


@pytest.fixture
def till(open_till: Open) -> VoucherClient:
    return open_till()


def told(answer: Answer) -> tuple[str, bool, str]:
    return answer.outcome, answer.final, answer.reason


REDEEMED = ("redeemed", True, reasons.OK)
TAKEN = ("taken", False, reasons.OK)


# With a connection.


@BOTH_ENGINES
def test_an_answer_of_the_service_is_final(till: VoucherClient) -> None:
    paid = till.redeem(f"{text(1)}\r\n")
    assert (told(paid), paid.amount, paid.free, paid.receipt) == (REDEEMED, VALUE, 0, "1")
    again = till.redeem(text(1))
    assert (told(again), bool(again)) == (("refused", True, reasons.ALREADY_USED), False)
    assert told(till.redeem("https://restaurant.example/menu")) == ("refused", True, reasons.NOT_A_VOUCHER)
    part = till.redeem(text(2), 300)
    assert (told(part), part.free) == (REDEEMED, 700)
    assert till.today() == Total(1300, 0)


def test_the_other_operations(till: VoucherClient) -> None:
    held = till.reserve(text(1), 400)
    assert (told(held), held.free) == (("held", False, reasons.OK), 600)
    assert till.balance(text(1)).reserved == 400
    assert told(till.confirm(held.id)) == REDEEMED
    assert told(till.void(held.id)) == ("refused", True, reasons.NOT_ALLOWED)
    assert told(till.void(till.reserve(text(2)).id)) == ("voided", True, reasons.OK)
    paid = till.redeem(text(3))
    assert told(till.refund(paid.id, 250)) == ("refunded", True, reasons.OK)
    assert till.balance(text(3)).free == 250
    assert till.today() == Total(400 + 750, 0)
    lines = till.statement(TODAY, TODAY)
    assert [(line.day, line.amount, line.receipt, line.state) for line in lines if line.amount > 400] == [
        (TODAY, VALUE, "3", "confirmed")
    ]


@pytest.mark.parametrize("amount", [0, -5, 1 << 40, 0.5, True, "5"])
def test_an_amount_is_a_whole_number_of_cents(till: VoucherClient, amount: int) -> None:
    assert till.redeem(text(1), amount).reason == reasons.BAD_AMOUNT
    assert till.refund("0" * 32, amount).reason == reasons.BAD_AMOUNT


def test_a_till_that_is_not_known_is_told_so(network: Network, till: VoucherClient) -> None:
    till._service._http.headers["Authorization"] = "Bearer stranger"
    assert till.redeem(text(1)).reason == reasons.UNKNOWN_TILL
    with pytest.raises(LedgerError, match="does not know this till"):
        till.balance(text(1))


def test_a_token_goes_nowhere_in_the_clear(ardente_trust_store: TrustStore, tmp_path: Path) -> None:
    for url in ("http://vouchers.example", "http://192.0.2.1", "ftp://localhost", "vouchers.example", ""):
        with pytest.raises(ValueError, match="https"):
            VoucherClient(url, "token", ardente_trust_store, tmp_path / "j", allow_test_city=True)


# Without one.


@BOTH_ENGINES
def test_a_voucher_is_taken_offline_sent_decided_and_on_the_statement(
    till: VoucherClient, network: Network, ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    network.cut()
    taken = till.redeem(text(1))
    assert (told(taken), taken.amount) == (TAKEN, VALUE)
    assert told(till.redeem(text(1))) == ("refused", True, reasons.ALREADY_USED)
    assert till.today() == Total(0, VALUE)
    assert text(1) in (tmp_path / "till" / "journal.jsonl").read_text()
    with pytest.raises(LedgerError) as unreachable:
        till.send()
    assert unreachable.value.reason == reasons.UNAVAILABLE

    network.mend()
    assert [told(answer) for answer in till.send()] == [TAKEN]
    assert [told(answer) for answer in till.send()] == [TAKEN]
    assert [line.state for line in till.statement(TODAY, TODAY)] == ["pending"]
    assert told(till.redeem(text(1))) == ("refused", True, reasons.ALREADY_USED)

    clock.advance(3 * DAY)
    ledger.decide_windows()
    assert [told(answer) for answer in till.send()] == [REDEEMED]
    assert (till.send(), till.unsent) == ([], 0)
    (line,) = till.statement(TODAY, TODAY + 3 * DAY)
    assert (line.amount, line.receipt, line.state) == (VALUE, "1", "confirmed")
    assert ledger.totals()[0].redeemed == VALUE
    for path in (tmp_path / "till").iterdir():
        assert text(1)[20:60].encode() not in path.read_bytes()
    assert told(till.redeem(text(1))) == ("refused", True, reasons.ALREADY_USED)


@BOTH_ENGINES
def test_of_two_tills_that_took_one_voucher_one_is_paid_and_the_city_is_told_of_both(
    open_till: Open, network: Network, ledger: Ledger, clock: FakeClock
) -> None:
    tills = [open_till("first"), open_till("second")]
    network.cut()
    assert [told(till.redeem(text(1))) for till in tills] == [TAKEN, TAKEN]
    network.mend()
    for till in tills:
        till.send()
    clock.advance(3 * DAY)
    ledger.decide_windows()
    answers = [till.send()[0] for till in tills]
    assert sorted(map(told, answers)) == [REDEEMED, ("refused", True, reasons.ALREADY_USED)]
    (duplicate,) = ledger.duplicates()
    assert len({duplicate.paid_till_id, duplicate.lost_till_id}) == 2
    assert ledger.totals()[0].redeemed == VALUE


def test_a_campaign_caps_what_a_till_takes_unseen(till: VoucherClient, network: Network) -> None:
    network.cut()
    assert [told(till.redeem(text(serial, 500))) for serial in range(20)] == [TAKEN] * 20
    refused = till.redeem(text(20, 500))
    assert told(refused) == ("refused", True, reasons.OFFLINE_CAP)
    network.mend()
    till._service._down_until_s = 0.0
    assert told(till.redeem(text(20, 500))) == REDEEMED


def test_the_cap_is_one_of_money_too(till: VoucherClient, network: Network) -> None:
    network.cut()
    assert [told(till.redeem(text(serial, 2000))) for serial in range(10)] == [TAKEN] * 10
    assert till.redeem(text(10, 500)).reason == reasons.OFFLINE_CAP


def test_a_clock_set_back_or_on_brings_nothing(till: VoucherClient, network: Network, clock: FakeClock) -> None:
    network.cut()
    assert [told(till.redeem(text(serial, 2000))) for serial in range(10)] == [TAKEN] * 10
    for by in (-2 * DAY, 2 * DAY - timedelta(hours=1)):
        clock.advance(by)
        assert till.redeem(text(10)).reason == reasons.OFFLINE_CAP
    # A day later there is a new window, but what was taken has been unseen for too long.
    clock.advance(DAY + timedelta(hours=2))
    assert till.redeem(text(10)).reason == reasons.OFFLINE_CAP
    network.mend()
    till.send()
    network.cut()
    assert told(till.redeem(text(10))) == TAKEN


def test_the_rule_book_decides_offline_too(till: VoucherClient, network: Network, clock: FakeClock) -> None:
    network.cut()
    assert told(till.redeem(text(404))) == ("refused", True, reasons.REVOKED)
    assert till.redeem(CITY.voucher_text(1, VALUE, exp=datetime(2025, 4, 1, tzinfo=UTC))).reason == reasons.EXPIRED
    assert till.redeem(CITY.voucher_text(1, VALUE, campaign=3)).reason == reasons.CAMPAIGN_CLOSED
    assert told(till.redeem(text(1), 300)) == ("refused", True, reasons.UNAVAILABLE)
    assert told(till.reserve(text(1))) == ("refused", True, reasons.UNAVAILABLE)
    clock.advance(46 * DAY)
    assert told(till.redeem(text(1))) == ("refused", True, reasons.STALE_TRUST)
    assert till.unsent == 0


def test_a_campaign_for_some_merchants_is_theirs_offline_too(open_till: Open, network: Network) -> None:
    plain, books = open_till("plain"), open_till("books", groups=["books"])
    network.cut()
    for till in (plain, books):
        till._watch.trust().manifest.campaigns[1].merchants = ["books"]
    assert plain.redeem(text(1)).reason == reasons.WRONG_MERCHANT
    assert told(books.redeem(text(1))) == TAKEN


def test_what_was_taken_too_long_ago_is_turned_down_and_said(
    till: VoucherClient, network: Network, clock: FakeClock
) -> None:
    network.cut()
    till.redeem(text(1))
    network.mend()
    clock.advance(5 * DAY)
    assert [told(answer) for answer in till.send()] == [("refused", True, reasons.WINDOW_CLOSED)]
    assert till.unsent == 0
    # The ledger did not take it, so it may be redeemed after all.
    assert told(till.redeem(text(1))) == REDEEMED


# Answers that were lost.


@BOTH_ENGINES
def test_a_redemption_whose_answer_was_lost_counts_once(till: VoucherClient, network: Network, ledger: Ledger) -> None:
    network.is_deaf = True
    assert told(till.redeem(text(1))) == TAKEN
    assert ledger.totals()[0].redeemed == VALUE
    network.is_deaf = False
    assert [told(answer) for answer in till.send()] == [REDEEMED]
    assert ledger.totals()[0].redeemed == VALUE
    assert till.today() == Total(VALUE, 0)


@BOTH_ENGINES
def test_a_refusal_that_was_lost_makes_a_claim_that_loses_and_the_city_is_told(
    till: VoucherClient, open_till: Open, network: Network, ledger: Ledger
) -> None:
    assert told(open_till("other").redeem(text(1))) == REDEEMED
    network.is_deaf = True
    assert told(till.redeem(text(1))) == TAKEN
    network.is_deaf = False
    assert [told(answer) for answer in till.send()] == [("refused", True, reasons.ALREADY_USED)]
    assert len(ledger.duplicates()) == 1
    assert ledger.totals()[0].redeemed == VALUE


@BOTH_ENGINES
def test_a_part_whose_answer_was_lost_is_asked_for_again(
    till: VoucherClient, open_till: Open, network: Network, ledger: Ledger
) -> None:
    network.is_deaf = True
    lost = till.redeem(text(1), 300)
    assert (told(lost), bool(lost)) == (("unknown", False, reasons.UNAVAILABLE), False)
    network.cut()
    till.close()
    till = open_till()
    assert told(till.redeem(text(1), 300))[0] == "unknown"
    network.mend()
    network.is_deaf = False
    again = till.redeem(text(1), 300)
    assert (told(again), again.free, again.receipt) == (REDEEMED, 700, lost.receipt)
    assert till.redeem(text(1), 300).free == 400
    assert ledger.totals()[0].redeemed == 600


def test_a_refund_whose_answer_was_lost_is_given_once(till: VoucherClient, network: Network, ledger: Ledger) -> None:
    paid = till.redeem(text(1))
    network.is_deaf = True
    assert told(till.refund(paid.id, 300))[0] == "unknown"
    network.is_deaf = False
    assert told(till.refund(paid.id, 300)) == ("refunded", True, reasons.OK)
    assert ledger.totals()[0].refunded == 300


def test_claims_whose_answer_was_lost_are_sent_again(
    till: VoucherClient, open_till: Open, network: Network, ledger: Ledger
) -> None:
    network.cut()
    till.redeem(text(1))
    network.mend()
    network.is_deaf = True
    with pytest.raises(LedgerError):
        till.send()
    till.close()
    network.is_deaf = False
    till = open_till()
    assert [told(answer) for answer in till.send()] == [TAKEN]
    assert ledger.totals()[0].pending == VALUE


def test_a_portal_that_answers_everything_is_not_the_service(till: VoucherClient, network: Network) -> None:
    async def portal(scope: object, receive: object, send: Callable) -> None:
        headers = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"<h1>Welcome to the hotel</h1>"})

    network._app, app = portal, network._app  # type: ignore[assignment]
    assert told(till.redeem(text(1))) == TAKEN
    network._app = app
    assert [told(answer) for answer in till.send()] == [TAKEN]


# What is said.


@pytest.mark.parametrize("language", _texts.LANGUAGES)
def test_the_cashier_reads_whether_it_is_final(language: str) -> None:
    answers = {outcome: Answer(outcome, True, reasons.ALREADY_USED, 1250) for outcome in _texts.REDEMPTION_HEADINGS}
    assert len({answer.heading(language) for answer in answers.values()}) == len(answers)
    assert len({answer.text(language) for answer in answers.values()}) == len(answers)
    amount = "12.50" if language == "en" else "12,50"
    assert all(amount in answers[outcome].text(language) for outcome in ("redeemed", "taken", "held", "refunded"))


def test_an_answer_in_any_form_tells_nothing_of_the_voucher(
    till: VoucherClient, network: Network, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG", "ardente")
    answers = [till.redeem(text(987)), till.redeem(text(987)), till.balance(text(986))]
    network.cut()
    answers += [till.redeem(text(986)), till.redeem(text(404))]
    for answer in answers:
        forms = [repr(answer), str(answer), pickle.dumps(answer).decode("latin-1")]
        if isinstance(answer, Answer):
            forms += [json.dumps(answer.to_dict()), answer.text("fr"), answer.heading("fr")]
        for form in forms:
            assert "987" not in form
            assert "986" not in form
            assert text(987)[17:51] not in form
    assert text(986)[17:51] not in repr(till._journal.taken) + repr(till)
    assert [record for record in caplog.records if record.name.startswith("ardente")] == []
    assert capfd.readouterr() == ("", "")
