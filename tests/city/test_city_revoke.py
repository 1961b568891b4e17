"""Revoking and reinstating: which card is meant, and which is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from city_desk import NOW_S, found
from city_partner import Issued, issue
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ardente import issuing
from ardente.core.errors import ArdenteError
from ardente_tools.city import _card_keys
from ardente_tools.city._cards import REPLACED, REVOKED, VALID
from ardente_tools.city._errors import CardError
from ardente_tools.city._folder import City
from ardente_tools.city._revocation import Change, find_card, reinstate, revoke
from ardente_tools.city._slips import Slip, SlipError


@pytest.fixture
def city(tmp_path: Path) -> City:
    return found(tmp_path / "city", 1024)


def statuses(city: City, cards: list[Issued]) -> list[int]:
    with city.cards() as table:
        rows = [table.card(card.row.list_number, card.row.index) for card in cards]
    return [row.status for row in rows if row]


def test_the_card_or_its_slip_revokes_it_and_no_other(city: City) -> None:
    cards = issue(city, NOW_S, 3)
    assert revoke(city, cards[0].digits) is Change.DONE
    assert revoke(city, cards[2].slip.text.lower().replace("-", " ")) is Change.DONE
    assert statuses(city, cards) == [REVOKED, VALID, REVOKED]


def test_twice_is_as_good_as_once(city: City) -> None:
    cards = issue(city, NOW_S, 2)
    assert [revoke(city, cards[0].digits), revoke(city, cards[0].slip.text)] == [Change.DONE, Change.NOTHING]
    assert [reinstate(city, cards[0].slip.text), reinstate(city, cards[0].digits)] == [Change.DONE, Change.NOTHING]
    assert reinstate(city, cards[1].digits) is Change.NOTHING
    assert statuses(city, cards) == [VALID, VALID]


def test_a_replaced_card_stays_revoked(city: City) -> None:
    (card,) = issue(city, NOW_S)
    with city.cards() as table, table.transaction():
        table.set_status(card.row, REPLACED)
    assert revoke(city, card.digits) is Change.NOTHING
    with pytest.raises(CardError, match="was replaced by a new one, so it stays revoked"):
        reinstate(city, card.digits)
    assert statuses(city, [card]) == [REPLACED]


def test_another_citys_card_with_the_same_index_is_not_ours(city: City, tmp_path: Path) -> None:
    (card,) = issue(city, NOW_S)
    forged = issuing.card(issuing.SigningKey(bytes(32)), card.row.list_number, card.row.exp, card.row.index)
    with pytest.raises(CardError, match="not in the card table: it is not of this city"):
        revoke(city, issuing.to_digits(forged))
    assert statuses(city, [card]) == [VALID]


def test_the_index_of_one_key_is_not_that_of_another(city: City) -> None:
    (old,) = issue(city, NOW_S)
    _card_keys.announce_key(city, None, NOW_S, at_once=True)
    with city.cards() as table:
        key = table.current_key()
        same_index = issuing.card(city.card_signing_key(key, lambda _: ""), key.kid, old.row.exp, old.row.index)
    with pytest.raises(CardError, match="not in the card table"):
        revoke(city, issuing.to_digits(same_index))
    assert revoke(city, old.digits) is Change.DONE


def test_a_slip_of_nobody_is_refused(city: City) -> None:
    with pytest.raises(CardError, match="not in the card table"):
        revoke(city, Slip.new().text)
    with pytest.raises(SlipError, match="typing error"):
        revoke(city, "7ZQ2M4-7ZQ2M4-7ZQ2M4")
    with pytest.raises(CardError, match="neither the text of a card nor the code of a slip"):
        revoke(city, "1" * 240)


def test_a_card_of_a_dropped_key_can_still_be_told(city: City) -> None:
    (card,) = issue(city, NOW_S)
    _card_keys.drop_compromised(city, None, NOW_S, frozenset())
    assert revoke(city, card.digits) is Change.DONE


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(text=st.text(max_size=400) | st.text("0123456789", min_size=60, max_size=260))
def test_any_text_is_one_sentence_that_does_not_repeat_it(city: City, text: str) -> None:
    message = ""
    with city.cards() as table:
        try:
            find_card(table, text)
        except ArdenteError as error:
            message = str(error)
    assert message
    assert len(text) < 12 or text not in message


def test_the_table_keeps_no_trace_of_what_was_revoked_last(city: City) -> None:
    cards = issue(city, NOW_S, 50)
    backup = (city.path / "cards.sqlite").read_bytes()
    files = []
    for order in (1, -1):
        (city.path / "cards.sqlite").write_bytes(backup)
        for card in cards[:20][::order]:
            revoke(city, card.digits)
        files.append((city.path / "cards.sqlite").read_bytes())
    assert files[0] == files[1]
