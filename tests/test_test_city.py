"""The public test city: what its cards answer, and that no reader trusts it by mistake."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from datetime import timedelta

import nacl.bindings
import pytest
from nacl.exceptions import BadSignatureError

from ardente.core import reasons, trust
from ardente.core.errors import TrustError
from ardente.core.public_test_keys import KEY_IDS
from ardente.core.reader import BytesReader
from ardente.core.verdict import Judge
from ardente.issuing import SigningKey
from ardente.testing import (
    KEY_LABELS,
    TEST_CARDS,
    TEST_VOUCHERS,
    FakeClock,
    TestCard,
    TestCity,
    TestVoucher,
    public_signing_key,
)
from ardente.testing._city import REVOKED

# Passback, caps and redemptions come after the rule book, on the side that keeps them.
KEPT_ELSEWHERE = {reasons.ALREADY_USED, reasons.DAILY_CAP}


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        nacl.bindings.crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True


@pytest.fixture(scope="module")
def judge() -> Judge:
    city = TestCity()
    bundle = city.bundle()
    installed = trust.open_root(city.root(), verify, allow_test_city=True)
    now = int(FakeClock()())
    offer = trust.open_bundle(BytesReader(bundle), len(bundle), installed, now, verify, allow_test_city=True)
    for span in offer.lists:
        trust.check_list(BytesReader(bundle), offer, span)
    lookups = {city.list_uri(label): revoked.__contains__ for label, revoked in REVOKED.items()}
    return Judge(offer.manifest, verify, lookups)


def moment(days_later: int) -> int:
    clock = FakeClock()
    clock.advance(timedelta(days=days_later))
    return int(clock())


@pytest.mark.parametrize("card", TEST_CARDS, ids=lambda card: card.name)
def test_a_card_answers_its_reason(judge: Judge, card: TestCard) -> None:
    judgement = judge.card(card.text, moment(card.days_later), 0)
    assert judgement.reason == (reasons.OK if card.reason in KEPT_ELSEWHERE else card.reason)
    assert judgement.age_class == card.age_class


@pytest.mark.parametrize("voucher", TEST_VOUCHERS, ids=lambda voucher: voucher.name)
def test_a_voucher_answers_its_reason(judge: Judge, voucher: TestVoucher) -> None:
    judgement = judge.voucher(voucher.text, moment(voucher.days_later), 0)
    assert judgement.reason == (reasons.OK if voucher.reason in KEPT_ELSEWHERE else voucher.reason)
    if voucher.accepted:
        assert judgement.value == voucher.value


def test_every_reason_has_a_card() -> None:
    assert {card.reason for card in TEST_CARDS} == set(reasons.CARD_REASONS)
    assert {voucher.reason for voucher in TEST_VOUCHERS} == set(reasons.VOUCHER_REASONS)


def test_the_refused_keys_are_all_keys_of_the_test_city() -> None:
    assert {public_signing_key(label).key_id for label in KEY_LABELS} == KEY_IDS


@pytest.mark.parametrize("label", KEY_LABELS)
@pytest.mark.parametrize("role", ["root_keys", "bundle_keys", "firmware_keys"])
def test_a_root_with_one_public_key_is_refused(label: str, role: str) -> None:
    """Whatever the key is in the test city, and whatever the other keys of the root are."""

    def key_of(name: str) -> SigningKey:
        return public_signing_key(label) if name == "public" else SigningKey(name.encode().ljust(32, b"!"))

    city = TestCity("another-city", signing_key=key_of)
    own = {"root_keys": ["root-1", "root-2"], "bundle_keys": ["bundle-1"], "firmware_keys": ["firmware-1"]}
    trust.open_root(city.root(**own), verify)
    own[role] = [*own[role], "public"]
    with pytest.raises(TrustError) as refusal:
        trust.open_root(city.root(**own), verify)
    assert refusal.value.reason == reasons.TEST_CITY


ENVIRONMENT_PROBE = """
from ardente.core import trust
from ardente.core.errors import TrustError
from ardente.testing import TestCity
try:
    trust.open_root(TestCity().root(), lambda *a: True)
except TrustError as error:
    print(error.reason)
"""


def test_no_environment_variable_lets_it_in() -> None:
    """The rule book cannot even ask: it reads no environment (tests/test_core_subset.py allows it no `os`)."""
    tempting = ("ARDENTE_ALLOW_TEST_CITY", "ARDENTE_TEST_CITY", "ALLOW_TEST_CITY", "ARDENTE_TESTING", "CI", "DEBUG")
    environment = {**os.environ, **dict.fromkeys(tempting, "1")}
    result = subprocess.run(
        [sys.executable, "-c", ENVIRONMENT_PROBE], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == [reasons.TEST_CITY]


def test_only_an_argument_lets_it_in() -> None:
    for function in (trust.open_root, trust.open_bundle):
        assert inspect.signature(function).parameters["allow_test_city"].default is False


def test_the_clock_refuses_a_time_without_zone() -> None:
    clock = FakeClock()
    with pytest.raises(ValueError, match="time zone"):
        clock.now = clock.now.replace(tzinfo=None)
