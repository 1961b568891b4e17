"""How many people are in the pool: counts whom the turnstile let in and whom the way out let go.

Reads event lines from standard input, the scanner's own ("pass") and those of the contact at the exit ("exit"):

    ardente simulate recording --flash scanner --json | python occupancy.py --capacity 120
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass
class Occupancy:
    """A count and nothing else: the scanner says that somebody walked in, never who."""

    capacity: int
    inside: int = 0
    entries: int = 0
    most: int = 0

    def take(self, event: str) -> bool:
        """Count an event by its name; tell whether it changed the number inside."""
        if event == "pass":
            self.entries += 1
            self.inside += 1
            self.most = max(self.most, self.inside)
            return True
        # A contact that bounced, or somebody who came in by another door: there are never fewer than none.
        if event == "exit" and self.inside:
            self.inside -= 1
            return True
        return False

    @property
    def is_full(self) -> bool:
        return self.inside >= self.capacity

    def __str__(self) -> str:
        places = max(self.capacity - self.inside, 0)
        return f"{self.inside} inside, {places} {'place' if places == 1 else 'places'} left"


def names(lines: Iterable[str]) -> Iterable[str]:
    """The names of the events in ``lines``; what is no event is passed over."""
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            yield event["event"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Count who is inside, from event lines on standard input.")
    parser.add_argument("--capacity", type=int, default=120, help="how many people the pool may hold (default: 120)")
    occupancy = Occupancy(parser.parse_args().capacity)
    for name in names(sys.stdin):
        if occupancy.take(name):
            print(f"{occupancy}{' - FULL' if occupancy.is_full else ''}", flush=True)


if __name__ == "__main__":
    main()
