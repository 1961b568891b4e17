"""How old the data are that a card is judged by."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from .core.verdict import FRESH, STALE_ACCEPTED, STALE_REFUSED

if TYPE_CHECKING:
    from .core.verdict import Judge

__all__ = ["FRESH", "STALE_ACCEPTED", "STALE_REFUSED", "Freshness"]

State = Literal["fresh", "stale-accepted", "stale-refused"]


class Freshness(NamedTuple):
    """The version and age of the bundle in force, and what the partner's grace makes of them.

    ``state`` is "fresh", "stale-accepted" (past its expiry, within the grace) or "stale-refused". ``refresh_due``
    tells that the city should have published a newer one by now: a warning for staff, which refuses nobody.
    """

    bundle_version: int
    age: timedelta
    state: State
    refresh_due: bool

    def staff_text(self, language: str = "fr") -> str:
        """Return what staff should do about the age of the data, with that age; "" where nothing is to be done.

        ``language`` is "fr", "nl", "de" or "en"; ValueError for any other.
        """
        from ._texts import freshness_text, refresh_text

        remedy = refresh_text(self.state, self.refresh_due, language)
        return f"{remedy} ({freshness_text(self.bundle_version, self.age, language)})" if remedy else ""

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON can carry it, the age in whole seconds."""
        return {
            "bundle_version": self.bundle_version,
            "age_s": int(self.age.total_seconds()),
            "state": self.state,
            "refresh_due": self.refresh_due,
        }


def freshness_of(judge: Judge, now: int, grace_s: int) -> Freshness:
    """Return the freshness at ``now`` (epoch seconds) of what ``judge`` judges by."""
    return Freshness(
        judge.manifest.version,
        timedelta(seconds=judge.age(now)),
        cast(State, judge.freshness(now, grace_s)),
        judge.refresh_due(now),
    )
