"""Issues cards: one, or a batch from a CSV file that can be cut at any point and goes on where it stopped.

A batch goes in chunks (`_chunks`); the transaction of a chunk also enters the slips and marks the cards that are
replaced. A single card goes the same way, without a record of a batch, but waits for the table in the folder of the
city.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from datetime import date
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import msgspec

from ardente._files import remove_cut_files, sync_folder
from ardente.issuing import SigningKey, card, to_digits

from . import _chunks
from ._cards import REPLACED, Batch, CardKey, CardRow, CardTable, NewCard
from ._chunks import (
    PLAN_NAME,
    BatchError,
    Progress,
    counted,
    plan_bytes,
    put_chunk,
    refuse_strangers,
    settle_chunks,
    span,
    write_plan,
)
from ._errors import CardError, ListFullError
from ._folder import City
from ._orders import Order, OrderFile
from ._outgoing import prepare, settle
from ._outputs import IssuedCard, Outputs
from ._revocation import find_card
from ._slips import Slip

CARDS_PER_CHUNK = 500
_CHUNK_NAME = re.compile(_chunks.CHUNK_NAME)
_FILE_NAME = re.compile(r"(cards?|slips?)(-[0-9]{6}){0,2}\.(txt|svg|png|pdf)")


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="ardente", tag="batch-1"):
    """What batch.json in an output folder says. ``id`` is "" for a single card, which has no record in the table.

    ``begun`` and the two below are those of the `OrderFile`: a batch that goes on in a later quarter orders the same.
    """

    id: str
    cards: int
    cards_per_chunk: int
    card_format: str
    slip_format: str
    begun: date | None = None
    quarters: str = ""
    valid_until: str = ""

    @property
    def options(self) -> str:
        """The options of the command that began it, as they are typed."""
        options = f"--format {self.card_format} --slips {self.slip_format}"
        options += f" --quarters {self.quarters}" if self.quarters else ""
        return options + (f" --valid-until {self.valid_until}" if self.valid_until else "")


class Closed(NamedTuple):
    """What `close` did: whether the table had a record of the batch, and how many other files stay in the folder."""

    had_record: bool
    files_left: int


class Issuer:
    """Issues cards with the current card key of a city; ``clock`` gives the time in epoch seconds.

    ``read_key`` reads the private part of that key, and may ask a person for its passphrase. It is called once all
    that can be refused was refused, and while the folder of the city is free for other commands.
    """

    def __init__(
        self, city: City, table: CardTable, read_key: Callable[[CardKey], SigningKey], clock: Callable[[], float]
    ) -> None:
        self._city = city
        self._table = table
        self._read_key = read_key
        self._clock = clock

    @property
    def key_is_published(self) -> bool:
        """Whether partners who are up to date know the key of these cards."""
        return self._table.current_key().announced_at > 0

    def single(self, order: Order, folder: Path, card_format: str, slip_format: str) -> bool:
        """Issue one card into the new folder ``folder``. Returns False where a cut run had issued one for it already:
        then that card is put there, and no other is issued.

        Raises `CityError`.
        """
        folder = Path(os.path.abspath(folder))
        outputs = Outputs(self._city.config.name, card_format, slip_format)
        plan = Plan("", 1, 1, card_format, slip_format)
        with self._city.lock():
            if self._is_delivered(folder):
                return False
            self._check([order])
        signing_key = self._signing_key()
        with self._city.lock():
            if self._is_delivered(folder):
                return False
            self._check([order])
            folder.parent.mkdir(parents=True, exist_ok=True)
            key = self._key(signing_key)
            ((issued, new),) = made = self._make(key, signing_key, [order])
            files = [(PLAN_NAME, plan_bytes(plan)), *outputs.files([issued], "")]
            outgoing = prepare(self._city, new.slip_sha256, folder, files)
            with self._table.transaction():
                self._enter(key, [order], made)
            outgoing.deliver(folder)
            self._table.forget_order()
        return True

    def batch(
        self, file: OrderFile, folder: Path, card_format: str, slip_format: str, progress: Progress = lambda done: None
    ) -> int:
        """Issue the cards of ``file`` into ``folder``, or go on where that stopped; return how many were done before.

        ``progress`` is told how many cards are done, now and then. The folder of the city is free for other commands
        between two chunks. Raises `CityError`; then what is done stays done.
        """
        outputs = Outputs(self._city.config.name, card_format, slip_format)
        wanted = Plan(
            "",
            len(file.orders),
            CARDS_PER_CHUNK,
            card_format,
            slip_format,
            file.begun,
            file.quarters,
            file.valid_until,
        )
        with self._city.lock():
            settle(self._city, self._table)
            found = self._find(file, folder, wanted)
            self._check(file.orders[found[1].lines_done if found else 0 :])
        signing_key = self._signing_key()
        with self._city.lock():
            settle(self._city, self._table)
            plan, batch = self._find(file, folder, wanted) or self._begin(file, folder, wanted)
            self._settle(plan, batch, file.orders, folder)
            self._check(file.orders[batch.lines_done :])
        begun_at = done = batch.lines_done
        while done < plan.cards:
            progress(done)
            with self._city.lock():
                done = self._chunk(plan, batch.id, signing_key, file.orders, folder, outputs, progress)
        if begun_at < plan.cards:
            with self._city.lock():
                self._table.forget_order()
        progress(done)
        return begun_at

    def _is_delivered(self, folder: Path) -> bool:
        """Put the card that a cut run had issued for ``folder`` there, and tell whether there was one."""
        waiting = settle(self._city, self._table)
        if folder.is_symlink() or folder.exists():
            raise BatchError(f"{folder} exists already; give the card a folder of its own.")
        for issued_before in waiting:
            if issued_before.destination == folder:
                folder.parent.mkdir(parents=True, exist_ok=True)
                issued_before.deliver(folder)
                return True
        return False

    def _find(self, file: OrderFile, folder: Path, wanted: Plan) -> tuple[Plan, Batch] | None:
        """Return the batch that goes on in ``folder``; None where it is a new one, which may be begun there."""
        if folder.is_dir():
            remove_cut_files(folder / PLAN_NAME)
        plan = read_plan(folder)
        batch = _find_batch(self._table, plan.id) if plan else None
        if plan and batch:
            if batch.source_sha256 != file.sha256 or plan.cards != wanted.cards:
                raise BatchError(
                    f"{folder} has the cards of another CSV file, or of this one before it was changed. Give another "
                    "folder; a batch that will not be finished is closed with: ardente city issue --done FOLDER"
                )
            if plan.options != wanted.options:
                raise BatchError(f"This batch was begun with {plan.options}; keep to them.")
            if plan.begun != wanted.begun:
                raise BatchError("Another command has begun this batch just now; run this one again to go on with it.")
            return plan, batch
        refuse_strangers(folder)
        for other in self._table.batches():
            if other.source_sha256 == file.sha256:
                raise BatchError(
                    f"The cards of this very CSV file are issued already, as batch {other.id}. Go on in the folder of "
                    "that batch; or, where these are other people's cards, close it first: ardente city issue --done "
                    f"FOLDER (or {other.id}, where its folder is lost)"
                )
        return None

    def _begin(self, file: OrderFile, folder: Path, wanted: Plan) -> tuple[Plan, Batch]:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._table.transaction():
            batch = self._table.begin_batch(file.sha256)
            plan = msgspec.structs.replace(wanted, id=batch.id)
            write_plan(folder, plan)
        return plan, batch

    def _settle(self, plan: Plan, batch: Batch, orders: Sequence[Order], folder: Path) -> None:
        starts = range(0, plan.cards, plan.cards_per_chunk)
        settle_chunks(folder, ((_span(orders, start, plan), start < batch.lines_done) for start in starts))

    def _chunk(
        self,
        plan: Plan,
        batch_id: str,
        signing_key: SigningKey,
        orders: Sequence[Order],
        folder: Path,
        outputs: Outputs,
        progress: Progress,
    ) -> int:
        batch = _find_batch(self._table, batch_id)
        if batch is None:
            raise BatchError("This batch was closed by another command; nothing more is issued.")
        start = batch.lines_done
        if start >= plan.cards:
            return start
        chunk = orders[start : start + plan.cards_per_chunk]
        key = self._key(signing_key)
        made = self._make(key, signing_key, chunk)

        def enter() -> None:
            self._enter(key, chunk, made)
            self._table.set_lines_done(batch, start + len(chunk))

        name = _span(orders, start, plan)
        cards = counted((issued for issued, _ in made), start, progress)
        put_chunk(folder, name, outputs.files(cards, name), self._table, enter)
        return start + len(chunk)

    def _signing_key(self) -> SigningKey:
        return self._read_key(self._table.current_key())

    def _key(self, signing_key: SigningKey) -> CardKey:
        """The card key, whose private part is ``signing_key`` still."""
        key = self._table.current_key()
        if key.public_key != signing_key.public_key:
            raise BatchError(
                "The card key was changed by another command; run this one again to go on with the new key."
            )
        return key

    def _check(self, orders: Sequence[Order]) -> None:
        """Refuse orders that could not all be entered, before the first of them is."""
        key = self._table.current_key()
        now = self._clock()
        if len(orders) > key.entries - self._table.used_entries(key.kid):
            raise ListFullError(
                f"The status list of the card key has no room for {len(orders)} cards. Run: ardente city rotate-keys "
                "--now, then: ardente city publish"
            )
        seen = set()
        for order in orders:
            if order.exp <= now:
                raise BatchError(
                    f"The card{_of_line(order)} would have expired by now. Close this batch (ardente city issue --done "
                    "FOLDER), and order anew what is missing."
                )
            if order.exp > key.latest_exp:
                raise BatchError("The card key does not sign for as long yet; run first: ardente city publish")
            if order.replaces:
                row = self._replaced(order)
                if (row.list_number, row.index) in seen:
                    raise BatchError(f"Line {order.number} replaces a card that a line above replaces.")
                seen.add((row.list_number, row.index))

    def _replaced(self, order: Order) -> CardRow:
        try:
            row = find_card(self._table, order.replaces)
        except CardError as error:
            raise BatchError(f"The card to be replaced{_of_line(order)}: {error}") from None
        if row.status == REPLACED:
            raise BatchError(f"The card to be replaced{_of_line(order)} was replaced already; the new card has a slip.")
        return row

    def _make(self, key: CardKey, signing_key: SigningKey, orders: Sequence[Order]) -> list[tuple[IssuedCard, NewCard]]:
        made = []
        for order, index in zip(orders, self._table.free_indices(key, len(orders)), strict=True):
            token = card(signing_key, key.kid, order.exp, index, order.age_class, order.until_year)
            slip = Slip.new()
            issued = IssuedCard(order.number, order.exp, to_digits(token), slip)
            made.append((issued, NewCard(index, order.exp, slip.sha256)))
        return made

    def _enter(self, key: CardKey, orders: Sequence[Order], made: Sequence[tuple[IssuedCard, NewCard]]) -> None:
        # By index, so that nothing about the file's pages follows the lines.
        self._table.add_cards(key, sorted((new for _, new in made), key=attrgetter("index")))
        for order in orders:
            if order.replaces:
                self._table.set_status(self._replaced(order), REPLACED)


def read_plan(folder: Path) -> Plan | None:
    """Return what an output folder says of itself; None where it is none. Raises `BatchError` where that is damaged."""
    remedy = f"Delete {folder} by hand, and close its batch by its id."
    plan = _chunks.read_plan(folder, Plan, remedy)
    if plan and (plan.cards < 1 or plan.cards_per_chunk < 1):
        raise BatchError(f"{folder / PLAN_NAME} is damaged. {remedy}")
    return plan


def cards_missing(table: CardTable, plan: Plan) -> int:
    """How many cards of a batch are still to be issued, 0 where it is finished or closed."""
    batch = _find_batch(table, plan.id)
    return plan.cards - batch.lines_done if batch else 0


def begun(table: CardTable, folder: Path) -> date | None:
    """Return from which quarter the validities of the batch in ``folder`` count; None where none is open there."""
    plan = read_plan(folder)
    return plan.begun if plan and _find_batch(table, plan.id) else None


def close(city: City, table: CardTable, batch_id: str, folder: Path | None) -> Closed:
    """Forget a batch and delete its outputs in ``folder``. It can be repeated where it was cut."""
    with city.lock():
        settle(city, table)
        # The record first: what cannot be gone on with can only be deleted further.
        with table.transaction():
            had_record = table.end_batch(batch_id)
        left = _delete_outputs(folder) if folder else 0
    return Closed(had_record, left)


def _delete_outputs(folder: Path) -> int:
    """Delete what we wrote in ``folder``, nothing else, and the folder where that empties it."""
    for path in list(folder.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir() and _CHUNK_NAME.fullmatch(path.name):
            _delete_files(path)
            if not any(path.iterdir()):
                path.rmdir()
    _delete_files(folder)
    remove_cut_files(folder / PLAN_NAME)
    # The plan last: until then the folder can be named to --done once more.
    (folder / PLAN_NAME).unlink(missing_ok=True)
    left = sum(1 for path in folder.rglob("*") if not path.is_dir())
    if not left and not any(folder.iterdir()):
        folder.rmdir()
        sync_folder(folder.parent)
    else:
        sync_folder(folder)
    return left


def _delete_files(folder: Path) -> None:
    for path in list(folder.iterdir()):
        if _FILE_NAME.fullmatch(path.name):
            path.unlink()


def _find_batch(table: CardTable, batch_id: str) -> Batch | None:
    return next((batch for batch in table.batches() if batch.id == batch_id), None)


def _span(orders: Sequence[Order], start: int, plan: Plan) -> str:
    last = min(start + plan.cards_per_chunk, len(orders)) - 1
    return span(orders[start].number, orders[last].number)


def _of_line(order: Order) -> str:
    return f" by line {order.number}" if order.number else ""
