"""What leaves the verifier is a verdict: no number, claim or digit of a card is in anything that a check makes."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ardente import DailyCap, PartnerKey, Passback, StoreError, TrustStore, Validator, Verdict
from ardente.core.digits import decode
from ardente.core.token import CHILD, parse_card
from ardente.testing import FakeClock, TestCity

CITY = TestCity()
INDEX = 987
CARD = CITY.card_text(INDEX, age_class=CHILD, until_year=2098)
REFUSED = {
    "revoked": CITY.card_text(77),
    "expired": CITY.card_text(INDEX, exp=datetime(2025, 4, 1, tzinfo=UTC)),
    "torn": CARD[:-3],
    "not digits": "https://holder.example/987654321",
}
KEY = PartnerKey(bytes(range(32)))


def traces(text: str) -> list[bytes]:
    """Whatever would give the card away: its digits, bytes, signature, signed message and number, or parts of them."""
    found = [text[:24].encode(), text[-24:].encode(), text[100:124].encode()]
    data = decode(text) if text.isdigit() else None
    card = parse_card(data) if data else None
    if data and card:
        found += [data[:24], data[-24:], card.signature[:16], card.signature[-16:], card.message[-24:]]
        found += [card.signature.hex().encode()[:24], str(card.exp).encode(), card.index.to_bytes(2, "big")]
        found.append(card.index.to_bytes(2, "little"))
    return [trace for trace in found if trace]


def assert_nothing_of(text: str, where: bytes) -> None:
    for trace in traces(text):
        assert trace not in where


@pytest.fixture
def gate(ardente_trust_store: TrustStore, ardente_clock: FakeClock, tmp_path: Path) -> Validator:
    """A validator that does all it can: age classes, tags, passback, cap."""
    (tmp_path / "uses").mkdir()
    path = tmp_path / "uses" / "uses.db"
    return Validator(
        ardente_trust_store,
        age_classes={"under_12": {"child"}},
        partner_key=KEY,
        passback=Passback(path, timedelta(hours=1)),
        daily_cap=DailyCap(path, 2),
        clock=ardente_clock,
        allow_test_city=True,
    )


@pytest.fixture
def verdicts(gate: Validator) -> list[tuple[str, Verdict]]:
    """The scans and their verdicts: accepted, used twice, and each refusal."""
    return [(text, gate.check(text)) for text in (CARD, CARD, *REFUSED.values())]


@pytest.mark.parametrize(
    "form",
    [
        lambda verdict: repr(verdict).encode(),
        lambda verdict: str(verdict).encode(),
        lambda verdict: f"{verdict!s:>80}".encode(),
        lambda verdict: json.dumps(verdict.to_dict()).encode(),
        lambda verdict: pickle.dumps(verdict),
        lambda verdict: pickle.dumps(copy.deepcopy(verdict)),
        lambda verdict: verdict.holder_text().encode() + verdict.staff_text().encode(),
        lambda verdict: repr([getattr(verdict, name) for name in Verdict.__slots__]).encode(),
    ],
    ids=["repr", "str", "format", "json", "pickle", "copy", "texts", "attributes"],
)
def test_a_verdict_in_any_form_tells_nothing(
    verdicts: list[tuple[str, Verdict]], form: Callable[[Verdict], bytes]
) -> None:
    assert {verdict.reason for _, verdict in verdicts} >= {"ok", "already_used", "revoked", "not_a_card"}
    for text, verdict in verdicts:
        assert_nothing_of(text, form(verdict))


def test_a_tag_goes_where_a_program_takes_it_and_nowhere_else(gate: Validator) -> None:
    verdict = gate.check(CARD)
    assert verdict.tag is not None
    for form in (repr(verdict), json.dumps(verdict.to_dict())):
        assert verdict.tag.hex() not in form
        assert repr(verdict.tag) not in form


def test_a_check_logs_and_prints_nothing(
    gate: Validator, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for text in (CARD, CARD, *REFUSED.values()):
        gate.check(text)
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_no_file_tells_which_card_was_checked(
    gate: Validator, verdicts: list[tuple[str, Verdict]], tmp_path: Path
) -> None:
    everything = b"".join(path.read_bytes() for path in (tmp_path / "uses").iterdir())
    for text, verdict in verdicts:
        for trace in traces(text):
            assert len(trace) < 12 or trace not in everything
        assert verdict.tag is None or verdict.tag not in everything
    database = sqlite3.connect(tmp_path / "uses" / "uses.db")
    try:
        rows = [*database.execute("SELECT * FROM uses"), *database.execute("SELECT * FROM keys")]
    finally:
        database.close()
    assert INDEX not in {field for row in rows for field in row}


def test_an_exception_tells_nothing(gate: Validator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ardente._passback._BUSY_TIMEOUT_S", 0.01)
    other = sqlite3.connect(tmp_path / "uses" / "uses.db", isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError) as stored:
            gate.check(CARD)
    finally:
        other.close()
    with pytest.raises(TypeError) as typed:
        gate.check(CARD.encode())  # type: ignore[arg-type]
    for caught in (stored.value, typed.value):
        for error in chain(caught):
            assert_nothing_of(CARD, repr(error.args).encode())
        assert_nothing_of(CARD, "".join(traceback.format_exception(caught)).encode())


def test_a_validator_keeps_nothing_of_a_check(gate: Validator) -> None:
    text = "".join(CARD)
    before = sys.getrefcount(text)
    gate.check(text)
    assert sys.getrefcount(text) == before
    for value in vars(gate).values():
        assert_nothing_of(CARD, repr(value).encode())


def test_what_judges_a_card_does_not_show_it(gate: Validator, ardente_clock: FakeClock) -> None:
    judgement = gate._watch.trust().judge.card(CARD, int(ardente_clock()))
    card = parse_card(decode(CARD) or b"")
    assert judgement.reason == "ok"
    for thing in (judgement, card):
        assert_nothing_of(CARD, repr(thing).encode())


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
