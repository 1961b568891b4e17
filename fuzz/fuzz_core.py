#!/usr/bin/env python3
"""Feed the rule book bytes that coverage guides (atheris, libFuzzer). Any exception but the named ones is a finding.

    pip install atheris
    python3 fuzz/fuzz_core.py -max_total_time=600 CORPUS_FOLDER

The first byte chooses what the rest is taken for. Without atheris, `--once FILE…` runs single inputs, so that a
finding can be replayed anywhere; `--seeds FOLDER` writes a first corpus from the test city.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from ardente._ed25519 import verify
from ardente.core import cbor, digits, trust
from ardente.core.errors import FormatError, TrustError
from ardente.core.reader import BytesReader
from ardente.core.status import inflate, verify_list
from ardente.core.token import parse_card, parse_voucher
from ardente.core.verdict import Judge
from ardente.testing import TEST_CARDS, FakeClock, TestCity
from harness import Target, run

CITY = TestCity()
NOW = int(FakeClock()())
ROOT, BUNDLE = CITY.root(), CITY.bundle()
INSTALLED = trust.open_root(ROOT, verify, allow_test_city=True)
OFFER = trust.open_bundle(BytesReader(BUNDLE), len(BUNDLE), INSTALLED, NOW, verify, allow_test_city=True)
JUDGE = Judge(OFFER.manifest, verify, {uri: lambda index: 0 for uri in OFFER.manifest.keys.list_uris()})


def anyone(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Takes every signature, so that the fuzzer gets behind them."""
    return True


def take_cbor(data: bytes) -> None:
    if cbor.encode(cbor.decode(data)) != data:
        raise AssertionError("one value has two encodings")


def take_text(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    found = digits.decode(text)
    if found is not None and digits.encode(found) != text:
        raise AssertionError("one token has two texts")
    if digits.decode_small(text) != found:
        raise AssertionError("the scanner reads other bytes")
    JUDGE.card(text, NOW, 0)
    JUDGE.voucher(text, NOW, 0)


def take_token(data: bytes) -> None:
    if parse_card(data) and parse_voucher(data):
        raise AssertionError("a card is a voucher")


def take_root(data: bytes) -> None:
    trust.open_root(data, anyone, allow_test_city=True)


def take_bundle(data: bytes) -> None:
    reader = BytesReader(data)
    offer = trust.open_bundle(reader, len(data), INSTALLED, NOW, anyone, allow_test_city=True)
    for span in offer.lists:
        trust.check_list(reader, offer, span)
    trust.reopen_bundle(reader, len(data), INSTALLED, anyone, allow_test_city=True)


def take_list(data: bytes) -> None:
    head = verify_list(data, OFFER.manifest.keys, anyone)
    stream = io.BytesIO(data)
    stream.seek(head.lst_offset)
    inflate(stream, head.lst_length, 128, lambda part: None)


def take_application(data: bytes) -> None:
    trust.open_application(data, INSTALLED, "esp32-cam", 1, anyone)


TARGETS: tuple[Target, ...] = (
    take_cbor,
    take_text,
    take_token,
    take_root,
    take_bundle,
    take_list,
    take_application,
)


def seeds() -> Iterator[tuple[Target, bytes]]:
    """One good input for each target that the test city has one for."""
    yield take_cbor, CITY.card(186)[1:]
    yield take_text, TEST_CARDS[0].text.encode()
    yield take_token, CITY.voucher(12, 1000)
    yield take_root, ROOT
    yield take_bundle, BUNDLE
    yield take_list, CITY.status_list("card-1", frozenset({1}))


if __name__ == "__main__":
    run(TARGETS, seeds(), (FormatError, TrustError))
