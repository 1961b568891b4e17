"""A clock that stands still until it is told otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)


class FakeClock:
    """Called, it answers epoch seconds as `time.time` does; ``now`` is the same as an aware datetime in UTC."""

    def __init__(self, start: datetime = START) -> None:
        self.now = start

    @property
    def now(self) -> datetime:
        """The time it shows; may be set, to any aware datetime."""
        return self._now

    @now.setter
    def now(self, value: datetime) -> None:
        if value.tzinfo is None:
            raise ValueError("The clock needs a datetime with a time zone; add tzinfo=datetime.UTC.")
        self._now = value.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Turn the clock on, or back where ``by`` is negative."""
        self.now += by

    def __call__(self) -> float:
        return self._now.timestamp()

    def __repr__(self) -> str:
        return f"FakeClock({self._now.isoformat()})"
