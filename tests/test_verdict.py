"""What leaves the SDK: a verdict."""

from __future__ import annotations

import json
import pickle
from datetime import timedelta

import pytest

from ardente import Freshness, Verdict
from ardente.core import reasons

FRESH = Freshness(12, timedelta(days=3), "fresh", False)
ACCEPTED = Verdict(reasons.OK, FRESH, frozenset({"under_18"}), bytes(range(16)))
REFUSED = [Verdict(reason, FRESH) for reason in reasons.CARD_REASONS if reason != reasons.OK]


def test_is_true_only_where_the_card_is_accepted() -> None:
    assert ACCEPTED
    assert ACCEPTED.accepted
    assert not any(REFUSED)
    assert not any(verdict.accepted for verdict in REFUSED)


def test_says_one_sentence_to_the_holder_for_all_refusals() -> None:
    for language in ("fr", "nl", "de", "en"):
        refusals = {verdict.holder_text(language) for verdict in REFUSED}
        assert len(refusals) == 1
        assert ACCEPTED.holder_text(language) not in refusals


def test_says_another_sentence_to_staff_for_each_reason() -> None:
    for language in ("fr", "nl", "de", "en"):
        assert len({verdict.staff_text(language) for verdict in REFUSED}) == len(REFUSED)


def test_speaks_french_unless_told_otherwise() -> None:
    assert ACCEPTED.holder_text() == ACCEPTED.holder_text("fr")
    with pytest.raises(ValueError, match="fr, nl, de, en"):
        ACCEPTED.holder_text("es")


def test_goes_into_json_without_the_tag() -> None:
    assert json.loads(json.dumps(ACCEPTED.to_dict())) == {
        "accepted": True,
        "reason": "ok",
        "age_classes": ["under_18"],
        "freshness": {"bundle_version": 12, "age_s": 259200, "state": "fresh", "refresh_due": False},
    }


def test_shows_itself_without_the_tag() -> None:
    assert repr(ACCEPTED) == "<Verdict ok, age_classes=['under_18'], bundle 12 fresh>"
    assert repr(REFUSED[0]) == "<Verdict stale_trust, bundle 12 fresh>"


def test_is_equal_to_another_that_says_the_same() -> None:
    same = Verdict(reasons.OK, FRESH, frozenset({"under_18"}), bytes(range(16)))
    assert same == ACCEPTED
    assert hash(same) == hash(ACCEPTED)
    assert ACCEPTED != Verdict(reasons.OK, FRESH, frozenset({"under_18"}))
    assert ACCEPTED != Verdict(reasons.OK, FRESH._replace(bundle_version=13), frozenset({"under_18"}), ACCEPTED.tag)
    assert ACCEPTED != "ok"


def test_travels_to_another_process_whole() -> None:
    assert pickle.loads(pickle.dumps(ACCEPTED)) == ACCEPTED


@pytest.mark.parametrize("name", ["accepted", "reason", "age_classes", "freshness", "tag"])
def test_cannot_be_changed(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(ACCEPTED, name, True)
    with pytest.raises(AttributeError):
        delattr(ACCEPTED, name)
    with pytest.raises(AttributeError):
        ACCEPTED.index = 12  # type: ignore[attr-defined]
