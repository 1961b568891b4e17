"""What the city tells the ledger: which serials it issued, by batch, value and state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ardente.ledger._registry import issued_export

from ._folder import City
from ._vouchers import WITHDRAWN, Campaign, VoucherTable


def export(city: City, number: int) -> bytes:
    """Return the export of a campaign, for `Ledger.load_issued`. Raises `CityError`."""
    with city.lock(), city.vouchers() as vouchers:
        campaign = vouchers.campaign(number)
        return issued_export(city.config.id, number, _batches(vouchers, campaign))


def _batches(vouchers: VoucherTable, campaign: Campaign) -> Iterator[tuple[str, int, str, bytes]]:
    """Yield (batch, value, state, bitmap); vouchers that were revoked one by one are a batch of their own."""
    for batch in vouchers.batches(campaign.number):
        revoked = vouchers.serials(campaign, batch, revoked=True)
        if batch.state == WITHDRAWN:
            yield str(batch.number), batch.value, WITHDRAWN, _bitmap(campaign.entries, revoked)
            continue
        others = vouchers.serials(campaign, batch, revoked=False)
        yield str(batch.number), batch.value, batch.state, _bitmap(campaign.entries, others)
        if revoked:
            yield f"{batch.number}-revoked", batch.value, WITHDRAWN, _bitmap(campaign.entries, revoked)


def _bitmap(entries: int, serials: Iterable[int]) -> bytes:
    bits = bytearray(entries // 8)
    for serial in serials:
        bits[serial >> 3] |= 1 << (serial & 7)
    return bytes(bits)
