"""What the city tells the ledger: which serials it issued, by batch, value and state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ardente.ledger._registry import issued_export

from ._folder import City
from ._vouchers import Campaign, VoucherTable


def export(city: City, number: int) -> bytes:
    """Return the export of a campaign, for `Ledger.load_issued`. Raises `CityError`."""
    with city.lock(), city.vouchers() as vouchers:
        campaign = vouchers.campaign(number)
        return issued_export(city.config.id, number, _batches(vouchers, campaign))


def _batches(vouchers: VoucherTable, campaign: Campaign) -> Iterator[tuple[str, int, str, bytes]]:
    """Yield (batch, value, state, bitmap). Which vouchers were revoked one by one, the status list alone tells."""
    for batch in vouchers.batches(campaign.number):
        bitmap = _bitmap(campaign.entries, vouchers.serials(campaign, batch))
        yield str(batch.number), batch.value, batch.state, bitmap


def _bitmap(entries: int, serials: Iterable[int]) -> bytes:
    bits = bytearray(entries // 8)
    for serial in serials:
        bits[serial >> 3] |= 1 << (serial & 7)
    return bytes(bits)
