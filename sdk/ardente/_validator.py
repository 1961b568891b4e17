"""The check of a card by what is installed: `Validator.check`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from ._freshness import Freshness, freshness_of
from ._trust_watch import TrustWatch
from ._verdict import Verdict
from .core import reasons
from .core.errors import ArdenteError
from .core.tag import TagKey
from .core.token import AGE_CLASS_NAMES, NO_AGE_CLASS

if TYPE_CHECKING:
    from ._partner_key import PartnerKey
    from ._passback import DailyCap, Passback, UseRule
    from ._trust import Trust
    from ._trust_store import TrustStore

DESK_GRACE = timedelta(days=14)
# What scanners and lines of text end with; anything else around the digits is part of the scan.
_LINE_ENDS = " \t\r\n"
_MAX_PURPOSE = 64


class Validator:
    """Checks cards offline by what a `TrustStore` holds. May be shared by threads.

    It takes in a bundle that another program installs, within two seconds. Where the new one cannot be used, it goes
    on with the one it has, and ``reload_error`` says why.

    Args:
        trust: where root and bundle are. There must be a bundle.
        grace: for how long past its expiry a bundle still serves; the city bounds it. A gate gives none.
        age_classes: the partner's own age classes (`Tariffs.age_classes`), each with the classes on a card that meet
            it: "child", "youth", "senior". A verdict names no other.
        partner_key: what `Verdict.tag` is computed with; without it there is none.
        purpose: what the tags are for. Tags of two purposes cannot be linked, so give each use one of its own.
        passback: refuses a card for a while once it was accepted.
        daily_cap: accepts a card so many times a day.
        clock: the time in epoch seconds.
        allow_test_city: for test suites only; the store has to allow it too.

    Raises:
        TrustError: the installed root or bundle is damaged, or the test city's.
        StoreError: there is no root or bundle yet, or a file cannot be used.
        TypeError: ``clock`` does not answer with a number.
        ValueError: an argument makes no sense.
    """

    def __init__(
        self,
        trust: TrustStore,
        *,
        grace: timedelta = DESK_GRACE,
        age_classes: Mapping[str, Iterable[str]] | None = None,
        partner_key: PartnerKey | None = None,
        purpose: str = "account",
        passback: Passback | None = None,
        daily_cap: DailyCap | None = None,
        clock: Callable[[], float] = time.time,
        allow_test_city: bool = False,
    ) -> None:
        if grace < timedelta(0):
            raise ValueError("the grace is zero or more")
        if not (purpose and len(purpose) <= _MAX_PURPOSE and purpose.isascii() and purpose.isprintable()):
            raise ValueError(f"a purpose is 1 to {_MAX_PURPOSE} printable ASCII characters")
        if not (callable(clock) and isinstance(clock(), int | float)):
            raise TypeError("the clock is a function that returns the time in epoch seconds, a number")
        self._grace_s = int(grace.total_seconds())
        self._classes = _classes_by_card_class(age_classes or {})
        self._tag_key = TagKey(partner_key.secret, purpose) if partner_key else None
        self._rules: list[UseRule] = [rule for rule in (passback, daily_cap) if rule is not None]
        self._clock = clock
        self._watch = TrustWatch(trust, allow_test_city=allow_test_city)
        self._last_freshness: tuple[Trust, int, Freshness] | None = None
        for rule in self._rules:
            rule.start(clock)

    def check(self, text: str, *, record: bool = True) -> Verdict:
        """Return the verdict on the ``text`` of a scan. Whatever was scanned, it is a verdict, never an exception.

        Passback and daily cap count the use where the card is accepted; with ``record`` false they only answer, for a
        desk that looks before it sells.

        Raises:
            TypeError: ``text`` is not a str.
            StoreError: the database of passback or daily cap cannot be used. Nothing was counted.
        """
        if not isinstance(text, str):
            raise TypeError("the text of a scan is a str")
        trust = self._watch.trust()
        now = int(self._clock())
        judgement = trust.judge.card(text.strip(_LINE_ENDS), now, self._grace_s)
        freshness = self._freshness(trust, now)
        if judgement.reason != reasons.OK:
            return Verdict(judgement.reason, freshness)
        if self._rules:
            from ._passback import admit

            reason = admit(self._rules, judgement, now, record=record)
            if reason != reasons.OK:
                return Verdict(reason, freshness)
        tag = judgement.tag(self._tag_key) if self._tag_key else None
        return Verdict(reasons.OK, freshness, self._classes[judgement.age_class], tag)

    @property
    def freshness(self) -> Freshness:
        """How old the data are now, for a display that shows it before any card comes."""
        trust = self._watch.trust()
        return self._freshness(trust, int(self._clock()))

    @property
    def reload_error(self) -> ArdenteError | None:
        """Why what is in the trust folder now cannot be used, though what was there before still is; else None."""
        return self._watch.reload_error

    def _freshness(self, trust: Trust, now: int) -> Freshness:
        """One `Freshness` serves all checks of a second."""
        last = self._last_freshness
        if last is not None and last[0] is trust and last[1] == now:
            return last[2]
        freshness = freshness_of(trust.judge, now, self._grace_s)
        self._last_freshness = (trust, now, freshness)
        return freshness


def _classes_by_card_class(age_classes: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """Turn the partner's classes round: for each class on a card, the partner's that it meets."""
    names = set(AGE_CLASS_NAMES) - {AGE_CLASS_NAMES[NO_AGE_CLASS]}
    met = {name: frozenset(card_classes) for name, card_classes in age_classes.items()}
    for name, card_classes in met.items():
        if not card_classes <= names:
            raise ValueError(f"the age class {name!r} is met by {', '.join(sorted(names))} only")
    return {on_card: frozenset(name for name in met if on_card in met[name]) for on_card in AGE_CLASS_NAMES}
