"""The ledger over HTTP: what a till is answered, what nobody is told, and what is written down."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from service_process import Desk, add_shop, running

from ardente import TrustStore, _trust_watch
from ardente.core import reasons
from ardente.ledger import Ledger
from ardente.ledger.service import create_app
from ardente.ledger.service._limits import FailureLimit, network_of
from ardente.ledger.service._observe import Log
from ardente.ledger.service._problems import STATUS, language_of
from ardente.testing import TEST_VOUCHERS, FakeClock, TestCity

CITY = TestCity()
VALUE = 1000
METRICS_TOKEN = "only-for-prometheus"
DAY = timedelta(days=1)


def text(serial: int, **fields: int) -> str:
    return CITY.voucher_text(serial, VALUE, **fields)


BOTH_ENGINES = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def url(request: pytest.FixtureRequest, migrated_file: Path, tmp_path: Path) -> str:
    """What HTTP adds is tried on SQLite, what the engine decides on both."""
    if getattr(request, "param", "sqlite") == "postgresql":
        address: str = request.getfixturevalue("database")
        return address
    return str(shutil.copyfile(migrated_file, tmp_path / "ledger.db"))


@pytest.fixture
def lines() -> io.StringIO:
    """What the service logs."""
    return io.StringIO()


@pytest.fixture
def http(
    ledger: Ledger,
    clock: FakeClock,
    ardente_trust_store: TrustStore,
    lines: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[httpx.Client]:
    monkeypatch.setattr(_trust_watch, "_LOOK_EVERY_S", 0.0)
    app = create_app(
        ledger,
        ardente_trust_store,
        clock=clock,
        log=Log(lines),
        metrics_token=METRICS_TOKEN,
        allow_test_city=True,
    )
    with running(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


@pytest.fixture
def till(http: httpx.Client, ledger: Ledger) -> Desk:
    return Desk("", add_shop(ledger)[2], http)


@pytest.fixture
def other(http: httpx.Client, ledger: Ledger) -> Desk:
    return Desk("", add_shop(ledger, "Fromagerie d'Outremeuse")[2], http)


@pytest.fixture(scope="module")
def standing(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, httpx.Client]]:
    """One service for all tests that leave nothing behind."""
    folder, clock = tmp_path_factory.mktemp("standing"), FakeClock()
    store = TrustStore(folder / "trust", clock=clock, allow_test_city=True)
    root = CITY.root()
    store.init(root, hashlib.sha256(root).hexdigest())
    store.install(CITY.bundle(iat=clock.now))
    with Ledger.open(shutil.copyfile(migrated_file, folder / "ledger.db"), clock=clock) as ledger:
        app = create_app(ledger, store, clock=clock, log=Log(io.StringIO()), allow_test_city=True)
        with running(app) as address, httpx.Client(base_url=address, timeout=30) as client:
            yield ledger, client
        assert ledger.check() == []


@pytest.fixture
def asking(standing: tuple[Ledger, httpx.Client]) -> Desk:
    """A till of its own at the standing service."""
    ledger, client = standing
    return Desk("", add_shop(ledger)[2], client)


def reason(response: object) -> str:
    """Return the reason of a problem, whose form is held on the way."""
    assert response.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined]
    body = response.json()  # type: ignore[attr-defined]
    assert body.keys() == {"type", "title", "status", "reason", "detail"}
    assert body["status"] == response.status_code  # type: ignore[attr-defined]
    found: str = body["reason"]
    return found


# Redeeming.


@BOTH_ENGINES
def test_a_voucher_is_redeemed_once(till: Desk, other: Desk) -> None:
    paid = till.redeem(text(1), receipt="17")
    assert paid.status_code == 201
    assert paid.json() | {"id": ""} == {
        "id": "",
        "state": "confirmed",
        "final": True,
        "amount": VALUE,
        "refunded": 0,
        "currency": "EUR",
        "free": 0,
        "day": "2026-06-01",
        "receipt": "17",
        "at": "2026-06-01T10:00:00Z",
        "lapses_at": None,
    }
    for desk in (till, other):
        again = desk.redeem(text(1))
        assert (again.status_code, reason(again)) == (409, reasons.ALREADY_USED)


@BOTH_ENGINES
def test_the_same_request_has_the_same_answer_and_another_under_its_key_none(till: Desk, other: Desk) -> None:
    first = till.redeem(text(1), key="sale")
    assert till.redeem(text(1), key="sale").json() == first.json()
    assert reason(till.redeem(text(2), key="sale")) == reasons.KEY_REUSED
    assert reason(till.redeem(text(1), key="sale", amount=1)) == reasons.KEY_REUSED
    assert reason(other.redeem(text(1), key="sale")) == reasons.ALREADY_USED


@pytest.mark.parametrize("amount", [-1, 0, 1 << 32, 1 << 80, 0.5, 5.0, "5", True, [], {}])
def test_an_amount_is_a_whole_number_of_cents(asking: Desk, amount: object) -> None:
    answer = asking.redeem(text(1), amount=amount)
    assert (answer.status_code, reason(answer)) == (422, reasons.BAD_AMOUNT)


def test_an_amount_is_no_more_than_the_voucher_has(till: Desk) -> None:
    assert till.redeem(text(1), amount=400).json()["free"] == 600
    assert reason(till.redeem(text(1), amount=601)) == reasons.AMOUNT_TOO_HIGH
    assert reason(till.redeem(text(2), currency="USD")) == reasons.WRONG_CURRENCY


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"voucher": text(1)},
        {"voucher": text(1), "currency": "EUR", "serial": 1},
        {"voucher": text(1), "currency": "eur"},
        {"voucher": 5, "currency": "EUR"},
        {"voucher": "5" * 4097, "currency": "EUR"},
        {"voucher": text(1), "currency": "EUR", "receipt": "é"},
        [],
        None,
    ],
)
def test_a_body_is_what_the_interface_has_and_nothing_of_it_comes_back(asking: Desk, body: object) -> None:
    answer = asking.post("redemptions", body)
    assert (answer.status_code, reason(answer)) == (422, reasons.BAD_REQUEST)
    assert text(1)[:20] not in answer.text
    assert "serial" not in answer.text


@pytest.mark.parametrize("key", ["", "k" * 65, "a b"])
def test_a_request_that_changes_something_has_a_key(asking: Desk, key: str) -> None:
    assert reason(asking.redeem(text(1), key=key)) == reasons.BAD_REQUEST


@pytest.mark.parametrize("voucher", [one for one in TEST_VOUCHERS if one.days_later == 0 and one.scans == 1])
def test_each_reason_of_the_rule_book_has_its_status(asking: Desk, voucher) -> None:
    answer = asking.redeem(voucher.text)
    assert answer.status_code == STATUS.get(voucher.reason, 201)
    if not voucher.accepted:
        assert reason(answer) == voucher.reason


def test_every_reason_has_a_status() -> None:
    assert set(STATUS) == {*reasons.VOUCHER_REASONS, *reasons.LEDGER_REASONS} - {reasons.OK}


@BOTH_ENGINES
def test_a_reservation_is_confirmed_or_voided_whatever_comes_twice_or_too_early(till: Desk, other: Desk) -> None:
    assert reason(till.post(f"reservations/{'0' * 32}/confirm")) == reasons.UNKNOWN_REDEMPTION
    held = till.post("reservations", {"voucher": text(1), "currency": "EUR"}, key="hold").json()
    assert (held["state"], held["final"], held["lapses_at"]) == ("reserved", False, "2026-06-01T10:15:00Z")
    assert reason(other.redeem(text(1))) == reasons.RESERVED
    assert till.http.post("/v1/balance", json={"voucher": text(1)}, headers=till.headers).json()["reserved"] == VALUE
    confirmed = till.post(f"reservations/{held['id']}/confirm", key="confirm")
    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "confirmed")
    assert till.post(f"reservations/{held['id']}/confirm", key="confirm").json() == confirmed.json()
    assert till.post("reservations", {"voucher": text(1), "currency": "EUR"}, key="hold").json() == held
    assert reason(till.post(f"reservations/{held['id']}/void")) == reasons.NOT_ALLOWED


@BOTH_ENGINES
def test_a_refund_gives_the_voucher_back(till: Desk) -> None:
    paid = till.redeem(text(1)).json()
    back = till.post(f"redemptions/{paid['id']}/refunds", {"amount": 300})
    assert (back.status_code, back.json()["refunded"]) == (201, 300)
    for amount in (-300, 0.5, "300"):
        assert reason(till.post(f"redemptions/{paid['id']}/refunds", {"amount": amount})) == reasons.BAD_AMOUNT
    balance = till.http.post("/v1/balance", json={"voucher": text(1)}, headers=till.headers).json()
    assert balance == {"value": VALUE, "free": 300, "reserved": 0, "currency": "EUR"}
    lines = till.get("statement", **{"from": "2026-06-01", "to": "2026-06-01"}).json()["lines"]
    assert [(line["amount"], line["state"]) for line in lines] == [(VALUE, "confirmed"), (-300, "refund")]


@BOTH_ENGINES
def test_offline_claims_are_taken_once_and_decided_later(
    till: Desk, other: Desk, ledger: Ledger, clock: FakeClock
) -> None:
    taken_at = int(clock())
    window = (taken_at - CITY.campaigns()[0].start) // 86400

    def claim(desk: Desk, key: str) -> dict[str, str]:
        entry = {"voucher": text(1), "amount": VALUE, "window": window, "claimed_at": taken_at, "key": key}
        answer = desk.post("claims", {"claims": [{**entry, "entry_sha256": "ab" * 32}]})
        assert answer.status_code == 200
        (found,) = answer.json()["claims"]
        return {name: found[name] for name in ("state", "reason")}

    assert claim(till, "a")["state"] == "pending"
    assert claim(till, "a")["state"] == "pending"
    assert claim(other, "b")["state"] == "pending"
    assert reason(other.redeem(text(1))) == reasons.ALREADY_USED
    clock.advance(3 * DAY)
    ledger.decide_windows()
    states = sorted(claim(desk, key)["state"] for desk, key in ((till, "a"), (other, "b")))
    assert states == ["lost", "won"]


# Who asks.


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic dGlsbDp0aWxs", "Bearer nobody", "Bearer \xe9"])
def test_who_has_no_token_is_told_nothing(asking: Desk, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for content in (b"", b"{", json.dumps({"voucher": text(1)}).encode()):
        answer = asking.http.post("/v1/redemptions", content=content, headers=headers)
        assert (answer.status_code, reason(answer)) == (401, reasons.UNKNOWN_TILL)
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_till_is_a_stranger(till: Desk, ledger: Ledger, http: httpx.Client) -> None:
    _, till_id, token = add_shop(ledger)
    revoked = Desk("", token, http)
    assert revoked.redeem(text(1)).status_code == 201
    ledger.revoke_till(till_id)
    assert revoked.redeem(text(2)).status_code == 401


@BOTH_ENGINES
def test_a_token_opens_the_books_of_its_own_merchant_only(till: Desk, other: Desk) -> None:
    held = till.post("reservations", {"voucher": text(1), "currency": "EUR"}).json()
    paid = till.redeem(text(2)).json()
    for path in (
        f"reservations/{held['id']}/confirm",
        f"reservations/{held['id']}/void",
        f"redemptions/{paid['id']}/refunds",
    ):
        answer = other.post(path, {} if path.endswith("refunds") else None)
        assert (answer.status_code, reason(answer)) == (403, reasons.NOT_ALLOWED)
    days = {"from": "2026-06-01", "to": "2026-06-01"}
    assert other.get("statement", **days).json() == {"lines": []}
    assert len(till.get("statement", **days).json()["lines"]) == 2


@pytest.mark.parametrize("day", ["", "1.6.2026", "20260601", "0", "2026-06-01T00:00", "2026-02-30"])
def test_a_day_is_written_in_full(asking: Desk, day: str) -> None:
    assert reason(asking.get("statement", **{"from": day, "to": "2026-06-01"})) == reasons.BAD_REQUEST


def test_a_till_that_fails_too_often_waits_and_holds_up_no_other(till: Desk, other: Desk) -> None:
    answers = [till.redeem("not a voucher") for _ in range(101)]
    assert {answer.status_code for answer in answers[:100]} == {422}
    assert reason(answers[100]) == reasons.TOO_MANY_TRIES
    assert 1 <= int(answers[100].headers["retry-after"]) <= 6
    assert till.redeem(text(1)).status_code == 429
    assert other.redeem(text(1)).status_code == 201


def test_an_address_that_guesses_tokens_waits_and_its_tills_do_not(till: Desk, http: httpx.Client) -> None:
    stranger = Desk("", "guess", http)
    statuses = [stranger.redeem(text(1)).status_code for _ in range(22)]
    assert statuses == [401] * 20 + [429] * 2
    assert till.redeem(text(1)).status_code == 201


# What it judges by.


def test_a_newer_bundle_is_taken_in(till: Desk, ardente_trust_store: TrustStore, clock: FakeClock) -> None:
    revoked = {"voucher-1": frozenset({7})}
    ardente_trust_store.install(CITY.bundle(2, iat=clock.now, revoked=revoked))
    answer = till.redeem(text(7))
    assert (answer.status_code, reason(answer)) == (410, reasons.REVOKED)
    assert till.redeem(text(404)).status_code == 201


def test_too_old_a_bundle_redeems_nothing(till: Desk, clock: FakeClock) -> None:
    clock.advance(46 * DAY)
    for answer in (till.redeem(text(1)), till.http.get("/healthz")):
        assert (answer.status_code, reason(answer)) == (503, reasons.STALE_TRUST)
        assert answer.headers["retry-after"]


def test_the_campaigns_are_those_of_the_bundle(asking: Desk) -> None:
    found = asking.get("campaigns").json()["campaigns"]
    assert [campaign["name"] for campaign in found] == [campaign.name for campaign in CITY.campaigns()]
    assert found[0]["offline"] == {"vouchers": 20, "cents": 20_000, "seconds": 86_400}
    assert found[0]["admitted"]


# Words.


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "fr"),
        ("nl", "nl"),
        ("de-BE, en;q=0.5", "de"),
        ("en;q=0.2, nl;q=0.9", "nl"),
        ("nl;q=0, en;q=0.1", "en"),
        ("nl;q=x, ja, *", "fr"),
        ("nl;q=9", "fr"),
        (",;=q" * 900, "fr"),
    ],
)
def test_the_sentence_is_in_the_language_asked_for(asking: Desk, header: str, language: str) -> None:
    assert language_of(header) == language
    asking.headers["Accept-Language"] = header
    answer = asking.redeem("not a voucher")
    assert answer.headers["content-language"] == language
    assert answer.json()["detail"].split()[0] in {"fr": "Ce", "nl": "Deze", "de": "Dieser", "en": "This"}[language]


# Bounds, and what is written down.


def test_a_body_is_bounded(asking: Desk) -> None:
    for path, size in (("/v1/redemptions", 16 << 10), ("/v1/claims", 128 << 10)):
        whole = asking.http.post(path, content=b"x" * (size + 1), headers=asking.headers)
        parts = asking.http.post(path, content=iter([b"x" * size, b"x"]), headers=asking.headers)
        for answer in (whole, parts):
            assert (answer.status_code, reason(answer)) == (413, reasons.BAD_REQUEST)


@pytest.mark.parametrize("content", [b"[" * 16000, b'{"amount":' + b"9" * 5000 + b"}", b'"\\ud800"', b"\xff", b"NaN"])
def test_json_that_breaks_parsers_breaks_nothing(asking: Desk, content: bytes) -> None:
    headers = {**asking.headers, "Content-Type": "application/json", "Idempotency-Key": "k"}
    answer = asking.http.post("/v1/redemptions", content=content, headers=headers)
    assert answer.status_code in (400, 422)
    reason(answer)


def test_a_line_for_each_request_says_no_voucher_and_no_token(
    till: Desk, lines: io.StringIO, http: httpx.Client
) -> None:
    till.redeem(text(1), receipt="R17")
    till.redeem(text(1))
    till.post("balance", {"voucher": text(2), "x": text(3)})
    till.http.get(f"/v1/{text(4)}", headers=till.headers)
    till.http.get(f"/v1/statement?from={text(5)}", headers=till.headers)
    till.http.request(text(6)[:20], "/v1/balance", headers=till.headers)
    Desk("", "nobody", http).redeem(text(7))
    written = lines.getvalue()
    records = [json.loads(line) for line in written.splitlines()]
    assert {tuple(record) for record in records} == {("time", "method", "route", "status", "reason", "till", "ms")}
    assert [(record["route"], record["reason"]) for record in records[:3]] == [
        ("/v1/redemptions", "ok"),
        ("/v1/redemptions", "already_used"),
        ("/v1/balance", "bad_request"),
    ]
    assert records[0]["till"]
    metrics = http.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}).text
    for secret in [till.headers["Authorization"][7:], "nobody", "R17"] + [text(serial)[:20] for serial in range(8)]:
        assert secret not in written
        assert secret not in metrics


def test_a_fault_of_the_program_repeats_nothing(
    till: Desk, ledger: Ledger, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(text(1))

    monkeypatch.setattr(ledger, "redeem", broken)
    answer = till.redeem(text(1))
    assert (answer.status_code, reason(answer)) == (500, reasons.UNAVAILABLE)
    failed = json.loads(lines.getvalue().splitlines()[0])
    assert (failed["event"], failed["error"], failed["place"].split(":")[0]) == ("failed", "RuntimeError", "broken")
    assert text(1)[:20] not in lines.getvalue() + answer.text


def test_metrics_are_for_whoever_has_their_token(till: Desk, http: httpx.Client) -> None:
    till.redeem(text(1))
    till.redeem(text(1))
    for headers in ({}, till.headers, {"Authorization": "Bearer x"}):
        assert http.get("/metrics", headers=headers).status_code == HTTPStatus.NOT_FOUND
    found = http.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}).text
    asked = 'method="POST",reason="already_used",route="/v1/redemptions",status="409"'
    assert f"ardente_ledger_requests_total{{{asked}}} 1.0" in found
    assert 'ardente_ledger_request_seconds_count{route="/v1/redemptions"} 2.0' in found


def test_a_path_that_is_not_there_is_a_problem_too(asking: Desk) -> None:
    for answer in (asking.http.get("/v2"), asking.http.delete("/v1/balance"), asking.http.get("/docs")):
        assert answer.status_code in (404, 405)
        reason(answer)


# The parts.


def test_failures_are_forgiven_in_time_and_remembered_within_bounds() -> None:
    now = 0.0
    limit = FailureLimit(3, 10.0, most=2, clock=lambda: now)
    for _ in range(3):
        assert limit.wait_s("a") == 0
        limit.fail("a")
    assert limit.wait_s("a") == 10
    now = 10.0
    assert limit.wait_s("a") == 0
    limit.fail("a")
    assert limit.wait_s("a") == 10
    for name in "bc":
        limit.fail(name)
    assert limit.wait_s("a") == 0
    assert len(limit._full_at) == 2


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_a_network_is_what_one_person_holds(host: str, network: str) -> None:
    assert network_of(host) == network


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    closed = io.StringIO()
    closed.close()
    write: Callable[..., None] = Log(closed).write
    write(event="x")
