"""What happened to the scanner lately, in plain words for a technician: in RAM, and nothing of any card."""

_KEPT = 32


class EventLog:
    """The last 32 events, each with the seconds since the start; an event's number counts from the first on."""

    def __init__(self) -> None:
        self._lines: "list[str]" = []
        self._next = 0

    def add(self, uptime_s: int, words: str) -> None:
        """Take note of an event. It must not be one that a card brought about."""
        self._lines.append("%d s: %s" % (uptime_s, words))
        self._next += 1
        if len(self._lines) > _KEPT:
            self._lines.pop(0)

    def lines(self, first: int, limit_bytes: int) -> "tuple[list[str], int]":
        """The lines from number `first` on, as far as they are kept and fit; and the number to go on from."""
        oldest = self._next - len(self._lines)
        number = min(max(first, oldest), self._next)
        chosen: "list[str]" = []
        for line in self._lines[number - oldest :]:
            limit_bytes -= len(line) + 2
            if limit_bytes < 0 and chosen:
                break
            chosen.append(line)
            number += 1
        return chosen, number
