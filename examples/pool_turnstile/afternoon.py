"""An afternoon at the pool's turnstile, on the scanner's own firmware: 200 visitors, and a table at the end.

    python afternoon.py

The city is made up for the afternoon, with keys of its own. After four o'clock clouds come up and the hall gets dark.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

from occupancy import Occupancy
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ardente.issuing import SigningKey
from ardente.testing import TestCity
from ardente_tools.simulate import Scanner, scenes

HERE = Path(__file__).parent
OPENING = datetime(2026, 6, 3, 13, 0, tzinfo=UTC)
HOURS = 5
CAPACITY = 120
REVOKED_INDICES = frozenset(range(900, 1000))

GOOD, REVOKED, EXPIRED = "good card", "revoked card", "expired card"
STRANGER, PHOTOGRAPH, NO_CARD = "card of another city", "photograph of a used card", "no card"
# Of 200 visitors; whoever is more than these has a good card.
SHARES = {REVOKED: 12, EXPIRED: 12, STRANGER: 10, PHOTOGRAPH: 14, NO_CARD: 12}

FRAME_MS = 125
MOVING_MS = 375
PATIENCE_MS = 6_000
WALK_MS = 900
REMOVED_MS = 2_250


@dataclass
class Visitor:
    kind: str
    at_ms: int
    text: str = ""
    outcome: str = "not read"
    answer_ms: int = 0


@dataclass
class Afternoon:
    """The visitors in the order in which they come, and what each of them met."""

    visitors: list[Visitor]
    occupancy: Occupancy = field(default_factory=lambda: Occupancy(CAPACITY))


class Cards:
    """What the visitors of one afternoon hold: a city that exists for so long, and its neighbour."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._city = _city("bathville")
        self._neighbour = _city("elsewhere")
        self._free = iter(random.sample(range(900), 900))

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write what a scanner needs, and return the files: root and bundle."""
        root, bundle = folder / "root.cbor", folder / "bundle.cbor"
        root.write_bytes(self._city.root())
        iat = OPENING - timedelta(hours=10)
        bundle.write_bytes(self._city.bundle(iat=iat, revoked={"card-1": REVOKED_INDICES}))
        return root, bundle

    def text(self, kind: str) -> str:
        """Return what the code says that a visitor of this kind shows; "" is an empty hand."""
        if kind == REVOKED:
            return self._city.card_text(self._random.choice(sorted(REVOKED_INDICES)))
        if kind == EXPIRED:
            return self._city.card_text(next(self._free), exp=datetime(2026, 4, 1, tzinfo=UTC))
        if kind == STRANGER:
            return self._neighbour.card_text(next(self._free))
        if kind == NO_CARD:
            return self._random.choice(("", "https://cafe.example/menu", "WIFI:S:pool;;"))
        return self._city.card_text(next(self._free))


def _city(name: str) -> TestCity:
    secret = secrets.token_bytes(32)
    return TestCity(name, signing_key=lambda label: SigningKey(hashlib.sha256(secret + label.encode()).digest()))


def visitors(cards: Cards, count: int, random: Random) -> list[Visitor]:
    """Draw who comes and when. Whose card is photographed is seen on the day."""
    kinds = [kind for kind, share in SHARES.items() for _ in range(round(share * count / 200))]
    kinds += [GOOD] * (count - len(kinds))
    random.shuffle(kinds)
    # The first one has nothing to photograph yet.
    first = kinds.index(GOOD)
    kinds[0], kinds[first] = kinds[first], kinds[0]
    spacing_ms = HOURS * 3_600_000 // count
    drawn: list[Visitor] = []
    for number, kind in enumerate(kinds):
        at_ms = 60_000 + number * spacing_ms + random.randrange(spacing_ms // 2)
        text = cards.text(kind) if kind != PHOTOGRAPH else ""
        drawn.append(Visitor(kind, at_ms, text))
    return drawn


def light(at_ms: int) -> scenes.Light:
    """Daylight until four o'clock, then less of it and from one side, with the noise that a camera makes of that."""
    dusk = min(max(at_ms - 3 * 3_600_000, 0) / (2 * 3_600_000), 1.0)
    return scenes.Light(level=1.0 - 0.62 * dusk, shade=0.5 * dusk, noise=4 + 8 * dusk, blur_px=0.5 + 0.4 * dusk)


def visit(scanner: Scanner, visitor: Visitor, random: Random) -> bool:
    """Hold a card, or a hand, before the scanner; tell whether the visitor walked in."""
    at_ms = visitor.at_ms
    shown = scenes.code(visitor.text) if visitor.text else None
    pose = scenes.Pose.of(random)
    walked = False
    pass_ms = leaves_ms = None
    while True:
        elapsed_ms = at_ms - visitor.at_ms
        # The card is taken away half a second after the answer; it must be out of view before the next one counts.
        in_view = elapsed_ms < PATIENCE_MS if leaves_ms is None else at_ms < leaves_ms
        seen = _moving(light(at_ms)) if elapsed_ms < MOVING_MS else light(at_ms)
        frame = scenes.frame(random, seen, shown if in_view else None, _trembling(pose, random))
        passing = pass_ms is not None and at_ms >= pass_ms
        events = {event["event"] for event in scanner.see(at_ms, frame, passing)}
        walked = walked or "pass" in events
        if passing:
            pass_ms = None
        answer = events & {"accepted", "refused"}
        if answer and leaves_ms is None:
            visitor.outcome = answer.pop()
            visitor.answer_ms = elapsed_ms
            leaves_ms = at_ms + 500
            pass_ms = at_ms + WALK_MS if visitor.outcome == "accepted" else None
        if at_ms >= (leaves_ms or visitor.at_ms + PATIENCE_MS) + REMOVED_MS:
            return walked
        at_ms += FRAME_MS


def _moving(light: scenes.Light) -> scenes.Light:
    """A card on its way to the window is a smear."""
    return replace(light, blur_px=4.0)


def _trembling(pose: scenes.Pose, random: Random) -> scenes.Pose:
    return scenes.Pose(
        pose.module_px,
        pose.x_px + random.uniform(-3, 3),
        pose.y_px + random.uniform(-3, 3),
        pose.turn + random.uniform(-0.03, 0.03),
        pose.lean,
    )


def play(count: int, seed: int, console: Console) -> Afternoon:
    """Let the visitors come. The same ``seed`` gives the same visitors and frames, but for the city's keys."""
    random = Random(seed)
    cards = Cards(random)
    afternoon = Afternoon(visitors(cards, count, random))
    exits: list[int] = []
    walked_in: list[str] = []
    with tempfile.TemporaryDirectory(prefix="ardente-pool-") as name:
        folder = Path(name)
        root, bundle = cards.write(folder)
        scanner = Scanner(folder / "flash")
        scanner.configure(HERE / "config.json")
        scanner.install(root, bundle)
        with scanner:
            scanner.see(0, scenes.frame(random))
            for visitor in track(afternoon.visitors, "An afternoon", console=console, transient=True):
                for _ in _due(exits, visitor.at_ms):
                    afternoon.occupancy.take("exit")
                if visitor.kind == PHOTOGRAPH and walked_in:
                    visitor.text = random.choice(walked_in[-30:])
                if visit(scanner, visitor, random):
                    walked_in.append(visitor.text)
                    afternoon.occupancy.take("pass")
                    heapq.heappush(exits, visitor.at_ms + random.randrange(45, 120) * 60_000)
    return afternoon


def _due(exits: list[int], at_ms: int) -> Iterator[int]:
    while exits and exits[0] <= at_ms:
        yield heapq.heappop(exits)


def table(afternoon: Afternoon) -> Table:
    """Return what each kind of visitor met."""
    result = Table(title=f"{len(afternoon.visitors)} visitors")
    result.add_column("visitor shows")
    for column in ("visitors", "let in", "refused", "not read", "median time"):
        result.add_column(column, justify="right")
    for kind in (GOOD, *SHARES):
        of_kind = [visitor for visitor in afternoon.visitors if visitor.kind == kind]
        outcomes = [visitor.outcome for visitor in of_kind]
        times = [visitor.answer_ms for visitor in of_kind if visitor.outcome != "not read"]
        result.add_row(
            kind,
            str(len(of_kind)),
            *(str(outcomes.count(outcome)) for outcome in ("accepted", "refused", "not read")),
            f"{median(times) / 1000:.1f} s" if times else "",
        )
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulate an afternoon at a pool's turnstile.")
    parser.add_argument("--visitors", type=int, default=200, help="how many come (default: 200)")
    parser.add_argument("--seed", type=int, default=1, help="another number, another afternoon (default: 1)")
    options = parser.parse_args()
    console = Console()
    afternoon = play(options.visitors, options.seed, console)
    console.print(table(afternoon))
    occupancy = afternoon.occupancy
    console.print(f"{occupancy.entries} walked in, at most {occupancy.most} at once; at the end {occupancy}.")


if __name__ == "__main__":
    main()
