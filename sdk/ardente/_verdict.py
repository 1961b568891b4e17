"""The answer to a scan: all that leaves the SDK, and nothing that could be traced to a card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .core import reasons

if TYPE_CHECKING:
    from ._freshness import Freshness

_set = object.__setattr__


class Verdict:
    """What the check of a card says; true where the card is accepted. It cannot be changed.

    ``reason`` is a code of `ardente.core.reasons`, for staff. ``age_classes`` are those of the partner's own tariff
    that the card meets, none where it is refused. ``tag`` is how this partner knows the card again, 16 bytes, and only
    where the validator was built with a partner key; it is neither in the `repr` nor in `to_dict`, so that it reaches
    a log or a file only where a program hands it there.
    """

    __slots__ = ("accepted", "age_classes", "freshness", "reason", "tag")

    accepted: bool
    reason: str
    age_classes: frozenset[str]
    freshness: Freshness
    tag: bytes | None

    def __init__(
        self, reason: str, freshness: Freshness, age_classes: frozenset[str] = frozenset(), tag: bytes | None = None
    ) -> None:
        _set(self, "accepted", reason == reasons.OK)
        _set(self, "reason", reason)
        _set(self, "age_classes", age_classes)
        _set(self, "freshness", freshness)
        _set(self, "tag", tag)

    def __bool__(self) -> bool:
        return self.accepted

    def holder_text(self, language: str = "fr") -> str:
        """Return what the holder and the queue may read: one sentence for every refusal.

        ``language`` is "fr", "nl", "de" or "en"; ValueError for any other.
        """
        from ._texts import holder_text

        return holder_text(self.accepted, language)

    def staff_text(self, language: str = "fr") -> str:
        """Return the reason as a sentence for staff, and what to do next.

        ``language`` is "fr", "nl", "de" or "en"; ValueError for any other.
        """
        from ._texts import staff_text

        return staff_text(self.reason, language)

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON can carry it."""
        return {
            "accepted": self.accepted,
            "reason": self.reason,
            "age_classes": sorted(self.age_classes),
            "freshness": self.freshness.to_dict(),
        }

    def __eq__(self, other: object) -> bool:
        return self._parts() == other._parts() if isinstance(other, Verdict) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._parts())

    def __repr__(self) -> str:
        classes = f", age_classes={sorted(self.age_classes)}" if self.age_classes else ""
        return f"<Verdict {self.reason}{classes}, bundle {self.freshness.bundle_version} {self.freshness.state}>"

    def __reduce__(self) -> tuple[type[Verdict], tuple[object, ...]]:
        return Verdict, self._parts()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a verdict cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a verdict cannot be changed")

    def _parts(self) -> tuple[str, Freshness, frozenset[str], bytes | None]:
        return self.reason, self.freshness, self.age_classes, self.tag
