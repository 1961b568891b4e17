"""Issues vouchers by the batch: it can be cut at any point and goes on where it stopped (`_chunks`).

Serials are drawn at random in the order in which the vouchers are written, and entered by serial: nothing leads from a
serial to a file, a line or a time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from ardente._files import remove_cut_files
from ardente.issuing import SigningKey, to_digits, voucher

from ._chunks import (
    PLAN_NAME,
    BatchError,
    Progress,
    counted,
    put_chunk,
    read_plan,
    refuse_strangers,
    settle_chunks,
    span,
    write_plan,
)
from ._errors import CampaignError, ListFullError
from ._folder import City
from ._voucher_outputs import CSV, DIGITS, VoucherOutputs
from ._vouchers import ACTIVE, INACTIVE, WITHDRAWN, Batch, Campaign, VoucherTable

MAX_VOUCHERS = 999_999
_LINES_PER_CHUNK = 5000
_FILES_PER_CHUNK = 500


class VoucherOrder(NamedTuple):
    """What a batch is to be: ``value`` in cents, ``exp`` in epoch seconds, at 00:00 UTC of a day."""

    campaign: int
    vouchers: int
    value: int
    exp: int
    voucher_format: str
    active: bool


class _Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="ardente", tag="vouchers-1"):
    """What batch.json in an output folder says."""

    id: str
    campaign: int
    batch: int
    vouchers: int
    vouchers_per_chunk: int
    value: int
    exp: int
    voucher_format: str
    active: bool

    @property
    def order(self) -> VoucherOrder:
        return VoucherOrder(self.campaign, self.vouchers, self.value, self.exp, self.voucher_format, self.active)


class Issued(NamedTuple):
    """A batch that is whole, and how many of its vouchers were made before this run."""

    batch: Batch
    before: int


class VoucherIssuer:
    """Issues vouchers of a city; ``clock`` gives the time in epoch seconds.

    ``read_key`` reads the private part of a campaign's key, and may ask a person for its passphrase. It is called once
    all that can be refused was refused, and while the folder of the city is free for other commands.
    """

    def __init__(
        self, city: City, table: VoucherTable, read_key: Callable[[Campaign], SigningKey], clock: Callable[[], float]
    ) -> None:
        self._city = city
        self._table = table
        self._read_key = read_key
        self._clock = clock

    def batch(self, order: VoucherOrder, folder: Path, progress: Progress = lambda done: None) -> Issued:
        """Issue the vouchers of ``order`` into ``folder``, or go on where that stopped.

        ``progress`` is told how many are done, now and then. The folder of the city is free for other commands between
        two chunks. Raises `CityError`; then what is done stays done.
        """
        with self._city.lock():
            campaign = self._table.campaign(order.campaign)
            found = self._find(order, folder)
            self._check(campaign, order, found[1].done if found else 0)
        outputs = VoucherOutputs(self._city.config.name, campaign, order)
        signing_key = self._read_key(campaign)
        with self._city.lock():
            plan, batch = self._find(order, folder) or self._begin(order, folder)
            starts = range(0, plan.vouchers, plan.vouchers_per_chunk)
            settle_chunks(folder, ((_span(start, plan), start < batch.done) for start in starts))
        before = done = batch.done
        while done < plan.vouchers:
            progress(done)
            with self._city.lock():
                done = self._chunk(plan, signing_key, folder, outputs, progress)
        progress(done)
        with self._city.lock():
            if before < plan.vouchers:
                self._table.forget_order()
            return Issued(self._table.batch(batch.campaign, batch.number), before)

    def _find(self, order: VoucherOrder, folder: Path) -> tuple[_Plan, Batch] | None:
        """Return the batch that goes on in ``folder``; None where it is a new one, which may be begun there."""
        if folder.is_dir():
            remove_cut_files(folder / PLAN_NAME)
        plan = read_plan(folder, _Plan, "Revoke its batch, and issue another into a new folder.")
        batch = self._table.batch_of_id(plan.id) if plan else None
        if plan is None or batch is None:
            refuse_strangers(folder)
            return None
        if plan.order != order:
            raise BatchError(f"{folder} has the vouchers of another order; keep to its options, or give a new folder.")
        return plan, batch

    def _begin(self, order: VoucherOrder, folder: Path) -> tuple[_Plan, Batch]:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        per_chunk = _LINES_PER_CHUNK if order.voucher_format in (DIGITS, CSV) else _FILES_PER_CHUNK
        state = ACTIVE if order.active else INACTIVE
        with self._table.transaction():
            batch = self._table.begin_batch(order.campaign, order.value, order.exp, order.vouchers, state)
            plan = _Plan(
                batch.id,
                order.campaign,
                batch.number,
                order.vouchers,
                per_chunk,
                order.value,
                order.exp,
                order.voucher_format,
                order.active,
            )
            write_plan(folder, plan)
        return plan, batch

    def _check(self, campaign: Campaign, order: VoucherOrder, done: int) -> None:
        """Refuse what could not all be made, before the first of it is."""
        now = self._clock()
        if campaign.over_at <= now:
            raise CampaignError(f"Campaign {campaign.number} is over.")
        if order.value not in campaign.values:
            raise CampaignError(f"Campaign {campaign.number} has no vouchers of this value.")
        if not max(campaign.start, now) < order.exp <= campaign.end:
            raise CampaignError("The last day of a voucher is neither past nor outside its campaign.")
        if not 1 <= order.vouchers <= MAX_VOUCHERS:
            raise CampaignError(f"A batch has 1 to {MAX_VOUCHERS:,} vouchers.")
        if order.vouchers - done > campaign.entries - self._table.used_entries(campaign.kid):
            raise ListFullError(self._table.full)

    def _chunk(
        self, plan: _Plan, signing_key: SigningKey, folder: Path, outputs: VoucherOutputs, progress: Progress
    ) -> int:
        campaign = self._table.campaign(plan.campaign)
        batch = self._table.batch(plan.campaign, plan.batch)
        if campaign.over_at <= self._clock() or batch.state == WITHDRAWN:
            raise BatchError("This batch was revoked, or its campaign closed; nothing more is issued.")
        start = batch.done
        if start >= plan.vouchers:
            return start
        count = min(plan.vouchers_per_chunk, plan.vouchers - start)
        serials = self._table.free_indices(campaign, count)
        digits = (
            to_digits(voucher(signing_key, campaign.kid, plan.exp, plan.campaign, serial, plan.value))
            for serial in serials
        )

        def enter() -> None:
            self._table.add_vouchers(campaign, batch, sorted(serials))
            self._table.set_done(batch, start + count)

        name = _span(start, plan)
        files = outputs.files(counted(digits, start, progress), start + 1, name)
        put_chunk(folder, name, files, self._table, enter)
        return start + count


def _span(start: int, plan: _Plan) -> str:
    return span(start + 1, min(start + plan.vouchers_per_chunk, plan.vouchers))
