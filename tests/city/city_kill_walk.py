"""Kills issuing at each of its operations on files and database in turn, runs it again, and looks at what is there.

A program for test_city_batch.py and test_city_voucher_batch.py: `city_kill_walk.py batch|single|done|vouchers TEMPLATE
WORK`. Prints how often it killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from city_desk import NOW_S, Desk, card_digits, slip_code, slip_codes
from city_voucher_office import Office, digits_in, serial_of

from ardente_tools.city import _batch, _voucher_batch
from ardente_tools.city._batch import close, read_plan
from ardente_tools.city._cards import REPLACED, VALID
from ardente_tools.city._folder import City
from ardente_tools.city._overview import overview
from ardente_tools.city._slips import slip_sha256

_FILE_EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}


class KillAt:
    """Kills this process at its ``n``-th operation."""

    def __init__(self, n: int) -> None:
        self._left = n
        connect = sqlite3.connect

        def traced(*args: Any, **options: Any) -> sqlite3.Connection:
            db = connect(*args, **options)
            # Called before each statement: before a COMMIT, and with the next operation behind it.
            db.set_trace_callback(lambda statement: self._count())
            return db

        sqlite3.connect = traced  # type: ignore[assignment]
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[object, ...]) -> None:
        if event in _FILE_EVENTS and not str(args[0]).endswith((".py", ".pyc")):
            self._count()

    def _count(self) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


def in_a_child(action: Callable[[], None], kill_at: int = 0) -> bool:
    """Run ``action`` in a forked process; tell whether it lived to its end. Fails where it failed by itself."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            if kill_at:
                KillAt(kill_at)
            action()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or status == 0, "it failed by itself"
    return not killed


class Walk:
    def __init__(self, template: Path, work: Path) -> None:
        self._template = template
        self.path = work / "walk"

    def prepare(self) -> None:
        """A fresh copy of a city that has issued one card, and an order file that replaces it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        shutil.copytree(self._template, self.path / "city")
        desk = self.desk()
        desk.issuer.single(desk.order(), self.path / "old", "digits", "text")
        slip = slip_code((self.path / "old" / "slip.txt").read_text())
        (self.path / "slip").write_text(slip)
        (self.path / "orders.csv").write_text(f"age,replaces\nsenior,\n-,{slip}\nchild 2030,\n")

    def check_cut(self) -> None:
        """The next run decides."""

    def desk(self) -> Desk:
        return Desk(City(self.path / "city"))

    @property
    def out(self) -> Path:
        return self.path / "out"


class BatchWalk(Walk):
    def act(self) -> None:
        self.desk().batch(self.path / "orders.csv", self.out)

    def check(self) -> None:
        desk = self.desk()
        cards, slips = card_digits(self.out), slip_codes(self.out)
        assert list(cards) == list(slips) == [2, 3, 4]
        check_table(desk, cards, slips)
        (batch,) = desk.table.batches()
        assert batch.lines_done == 3
        assert sorted(os.listdir(self.out)) == ["000002-000003", "000004-000004", "batch.json"]


class SingleWalk(Walk):
    def act(self) -> None:
        desk = self.desk()
        if self.out.exists():
            # Cut behind the last step that matters: the clerk sees the card and does not ask again.
            return
        desk.issuer.single(desk.order("senior", replaces=(self.path / "slip").read_text()), self.out, "digits", "text")

    def check_cut(self) -> None:
        """No signed card that the table does not know is outside the city's folder, nor after the next card inside."""
        check_known(self.desk(), self.path, but=self.path / "city")
        other = self.path.with_name("other-desk")
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(self.path, other)
        desk = Desk(City(other / "city"))
        found = overview(desk.city, NOW_S)
        desk.issuer.single(desk.order(), other / "another", "digits", "text")
        check_known(desk, other)
        for path in map(Path, found.cards_cut):
            assert not path.exists()
        left = {path.parent for path in (other / "city").rglob("card.txt")}
        assert len(left) == len(found.cards_waiting)

    def check(self) -> None:
        card = (self.out / "card.txt").read_text().strip()
        slip = slip_code((self.out / "slip.txt").read_text())
        check_table(self.desk(), {0: card}, {0: slip})
        assert sorted(os.listdir(self.out)) == ["batch.json", "card.txt", "slip.txt"]
        assert not list(self.path.glob(".*.part"))
        desk = self.desk()
        desk.issuer.single(desk.order(), self.path / "next", "digits", "text")
        assert not list((self.path / "city" / "outgoing").iterdir())


class DoneWalk(BatchWalk):
    def prepare(self) -> None:
        super().prepare()
        assert in_a_child(super().act)

    def act(self) -> None:
        desk = self.desk()
        plan = read_plan(self.out)
        if plan:
            close(desk.city, desk.table, plan.id, self.out)

    def check(self) -> None:
        desk = self.desk()
        assert desk.table.batches() == []
        assert not [path for path in self.out.rglob("*") if path.is_file()]
        assert desk.table.count_cards(VALID, NOW_S) == 3


class VouchersWalk(Walk):
    def prepare(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        shutil.copytree(self._template, self.path / "city")
        self.office().create()

    def office(self) -> Office:
        return Office(self.path / "city", begin=False)

    def act(self) -> None:
        office = self.office()
        office.batch(office.order(3), self.out)

    def check_cut(self) -> None:
        """Whatever was cut, the table has every voucher of the chunks that appeared, and no list shows one as free."""
        serials = {serial_of(digits) for digits in digits_in(self.out)}
        with self.office().city.vouchers() as table:
            campaign = table.campaign(1)
            entered = {serial for batch in table.batches(1) for serial in table.serials(campaign, batch)}
            assert serials <= entered
            assert len(entered) == sum(batch.done for batch in table.batches(1))

    def check(self) -> None:
        vouchers = digits_in(self.out)
        assert len({serial_of(digits) for digits in vouchers}) == 3
        with self.office().city.vouchers() as table:
            (batch,) = table.batches(1)
            serials = table.serials(table.campaign(1), batch)
        assert batch.done == 3
        assert sorted(serials) == sorted(serial_of(digits) for digits in vouchers)
        assert sorted(os.listdir(self.out)) == ["000001-000002", "000003-000003", "batch.json"]


def check_known(desk: Desk, folder: Path, but: Path | None = None) -> None:
    """The table has every card of which there are digits in ``folder``, hidden folders among them."""
    for path in folder.rglob("card.txt"):
        if (but is None or but not in path.parents) and (digits := path.read_text().strip()):
            assert desk.row(digits) is not None, path


def check_table(desk: Desk, cards: dict[int, str], slips: dict[int, str]) -> None:
    """As many cards as were handed out, each with its slip, and the former card replaced."""
    rows = [desk.row(digits) for digits in cards.values()]
    assert len(set(rows)) == len(rows)
    for number, row in zip(cards, rows, strict=True):
        assert row is not None
        assert row.status == VALID
        assert desk.table.card_of_slip(slip_sha256(slips[number])) == row
    assert desk.table.count_cards(VALID, NOW_S) == len(cards)
    assert desk.table.count_cards(REPLACED, NOW_S) == 1


class Walkable(Protocol):
    """A command: the state before it, how it is given, and what must be true after a kill and at the end."""

    def prepare(self) -> None: ...
    def act(self) -> None: ...
    def check_cut(self) -> None: ...
    def check(self) -> None: ...


def go(walk: Walkable) -> None:
    """Kill the command at its first operation, its second, … until it lives; print how often that was."""
    for kill_at in count(1):
        walk.prepare()
        lived = in_a_child(walk.act, kill_at)
        try:
            if not lived:
                walk.check_cut()
                assert in_a_child(walk.act)
            walk.check()
        except BaseException:
            print(f"after a kill at operation {kill_at}:", file=sys.stderr)
            raise
        if lived:
            print("kills:", kill_at - 1)
            return


def main(what: str, template: str, work: str) -> None:
    _batch.CARDS_PER_CHUNK = 2
    _voucher_batch._LINES_PER_CHUNK = 2
    walks = {"batch": BatchWalk, "single": SingleWalk, "done": DoneWalk, "vouchers": VouchersWalk}
    go(walks[what](Path(template), Path(work)))


if __name__ == "__main__":
    main(*sys.argv[1:])
