#!/usr/bin/env python3
"""Feed the host what people bring: pictures, tariffs, orders, scans. Any exception but the named ones is a finding.

    pip install atheris
    python3 fuzz/fuzz_host.py -max_total_time=600 CORPUS_FOLDER

The first byte chooses what the rest is taken for. Without atheris, `--once FILE…` runs single inputs, so that a
finding can be replayed anywhere; `--seeds FOLDER` writes a first corpus.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import segno

from ardente import PartnerKey, Tariffs
from ardente.core.errors import FormatError
from ardente.scan import KeyboardSource, ScanError, read_image, read_text
from ardente.tariff import TariffError
from ardente.testing import TEST_CARDS
from ardente_tools.city._errors import CityError
from ardente_tools.city._orders import Validity, read_orders
from ardente_tools.city._slips import slip_sha256
from harness import Target, run

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
NOON = datetime(2026, 6, 7, 12, tzinfo=UTC)
STAY = timedelta(minutes=90)
VALIDITY = Validity(date(2026, 6, 7), 21)
FOLDER = tempfile.TemporaryDirectory(prefix="ardente-fuzz-")


def take_picture(data: bytes) -> None:
    read_image(data)


def take_tariff(data: bytes) -> None:
    tariffs = Tariffs.loads(data.decode("utf-8", "replace"))
    for product in tariffs.products.values():
        quote = tariffs.quote(product.id, None, at=NOON, duration=None if product.step_s is None else STAY)
        if not 0 <= quote.price_cents <= quote.base_cents:
            raise AssertionError("a reduction made it dearer")


def take_orders(data: bytes) -> None:
    path = Path(FOLDER.name) / "orders.csv"
    path.write_bytes(data)
    read_orders(path, VALIDITY)


def take_typed(data: bytes) -> None:
    read_text(data.decode("utf-8", "replace"), typed=True)
    for _ in KeyboardSource(io.TextIOWrapper(io.BytesIO(data), "utf-8")):
        pass


def take_slip(data: bytes) -> None:
    slip_sha256(data.decode("utf-8", "replace"))


def take_partner_key(data: bytes) -> None:
    PartnerKey.from_text(data.decode("ascii", "replace"))


TARGETS: tuple[Target, ...] = (take_picture, take_tariff, take_orders, take_typed, take_slip, take_partner_key)


def seeds() -> Iterator[tuple[Target, bytes]]:
    """Good inputs for each target."""
    card = TEST_CARDS[0].text
    picture = io.BytesIO()
    segno.make(card, version=6, error="m", mode="numeric", boost_error=False).save(picture, kind="png", scale=2)
    yield take_picture, picture.getvalue()
    for path in sorted(EXAMPLES.glob("*/tariff.toml")):
        yield take_tariff, path.read_bytes()
    yield take_orders, b"age,quarters,replaces\nchild 2034,8,\n-,,\n"
    yield take_typed, f"{card}\r\n".encode()
    yield take_slip, b"000000-000000-000000"
    yield take_partner_key, PartnerKey(bytes(32)).to_text().encode()


if __name__ == "__main__":
    run(TARGETS, seeds(), (ScanError, TariffError, CityError, FormatError))
