"""Whatever bytes and texts come in: a verdict, a document, or the one named error, and never anything else."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ardente import issuing
from ardente._ed25519 import verify
from ardente.core import cbor, cose, encode, reasons, trust
from ardente.core.application import Application, Part
from ardente.core.errors import FormatError, TrustError
from ardente.core.keys import parse_key_set
from ardente.core.reader import BytesReader
from ardente.core.status import inflate, read_list_head, verify_list
from ardente.core.verdict import Judge
from ardente.testing import FakeClock, TestCity, public_signing_key
from interpreters import PROJECT

CITY = TestCity()
NOW = int(FakeClock()())
ROOT, BUNDLE = CITY.root(), CITY.bundle()
STATUS_LIST = CITY.status_list("card-1", frozenset({1, 77}))
PART = b"print('carte ardente')"
APPLICATION = (
    issuing.sign_document(
        cose.TYP_APPLICATION,
        encode.application_payload(
            Application(
                CITY.name, 3, NOW, "esp32-cam", len(PART), [Part("app.mpy", len(PART), hashlib.sha256(PART).digest())]
            )
        ),
        [public_signing_key("firmware-1")],
    )
    + PART
)
INSTALLED = trust.open_root(ROOT, verify, allow_test_city=True)
OFFER = trust.open_bundle(BytesReader(BUNDLE), len(BUNDLE), INSTALLED, NOW, verify, allow_test_city=True)
JUDGE = Judge(OFFER.manifest, verify, {uri: lambda index: 0 for uri in OFFER.manifest.keys.list_uris()})


@st.composite
def damaged(draw: st.DrawFn, documents: tuple[bytes, ...]) -> bytes:
    """A document with pieces changed, cut out, doubled or put in from another; or noise."""
    data = draw(st.sampled_from(documents))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        other = draw(st.sampled_from(documents))
        at = draw(st.integers(0, len(other)))
        piece = draw(st.sampled_from([b"", data[start:end] * 2, other[at : at + 40]]) | st.binary(max_size=12))
        data = data[:start] + piece + data[end:]
    return data


ALL = (ROOT, BUNDLE, STATUS_LIST, APPLICATION)


def reason_of(taking: Callable[[], object]) -> str:
    """ "ok", or why it was refused; any other exception gets through."""
    try:
        taking()
    except TrustError as error:
        return error.reason
    return reasons.OK


ANSWERS = {reasons.OK, *reasons.TRUST_REASONS}


@given(damaged(ALL) | st.binary(max_size=300))
def test_any_bytes_as_a_root(data: bytes) -> None:
    assert reason_of(lambda: trust.open_root(data, verify, allow_test_city=True)) in ANSWERS


@given(damaged(ALL) | st.binary(max_size=300), st.integers(-10, 10))
def test_any_bytes_as_a_bundle(data: bytes, more: int) -> None:
    """Its stated length may be wrong as well."""

    def install() -> None:
        reader = BytesReader(data)
        offer = trust.open_bundle(reader, len(data) + more, INSTALLED, NOW, verify, allow_test_city=True)
        for span in offer.lists:
            trust.check_list(reader, offer, span)

    assert reason_of(install) in ANSWERS


@given(damaged(ALL) | st.binary(max_size=300))
def test_any_bytes_as_a_status_list(data: bytes) -> None:
    try:
        head = read_list_head(BytesReader(data), 0, len(data))
        stream = io.BytesIO(data)
        stream.seek(head.lst_offset)
        inflate(stream, head.lst_length, 128, lambda part: None)
        verify_list(data, OFFER.manifest.keys, verify)
    except FormatError:
        pass


@given(damaged(ALL) | st.binary(max_size=300))
def test_any_bytes_as_an_application(data: bytes) -> None:
    def take() -> None:
        application, at = trust.open_application(data, INSTALLED, "esp32-cam", 1, verify)
        assert (application.version, data[:at]) == (3, APPLICATION[: len(APPLICATION) - len(PART)])

    assert reason_of(take) in ANSWERS


@given(
    st.recursive(
        st.integers() | st.binary(max_size=40) | st.text(max_size=10),
        lambda inner: st.lists(inner) | st.dictionaries(st.integers(-65545, 5), inner),
    )
)
def test_any_value_as_a_key_set(value: object) -> None:
    with pytest.raises(FormatError):
        parse_key_set(value)


@given(st.text(max_size=300) | st.text("0123456789", max_size=300))
def test_any_text_as_a_scan(text: str) -> None:
    assert JUDGE.card(text, NOW, 0).reason == reasons.NOT_A_CARD
    assert JUDGE.voucher(text, NOW, 0).reason == reasons.NOT_A_VOUCHER


def test_the_list_of_a_bundle_is_the_list_alone() -> None:
    """What `verify_list` reads from a list that travels alone is what the bundle's own check finds."""
    span = OFFER.lists[0]
    trust.check_list(BytesReader(BUNDLE), OFFER, span)
    alone = verify_list(BUNDLE[span.offset : span.offset + span.length], OFFER.manifest.keys, verify)
    assert (alone.uri, span.offset + alone.lst_offset, alone.lst_length) == (span.uri, span.lst_offset, span.lst_length)


def test_the_largest_root_there_can_be_fits_its_bound() -> None:
    """16 signatures and 48 keys, the longest city id; a byte past 4 KB is refused whatever it says."""
    labels = [f"key {number}" for number in range(48)]
    keys = [issuing.SigningKey(hashlib.sha256(label.encode()).digest()) for label in labels]
    roles = [[1, sorted(key.public_key for key in keys[at : at + 16])] for at in (0, 16, 32)]
    payload = cbor.encode({1: "c" * 32, 4: NOW + 1, 6: NOW, -1: 1, -2: dict(enumerate(roles, 1))})
    data = issuing.sign_document(cose.TYP_ROOT, payload, keys[:16])
    assert len(data) < trust.MAX_ROOT_SIZE
    assert trust.open_root(data, verify).root.city == "c" * 32
    with pytest.raises(TrustError) as refusal:
        trust.open_root(data + bytes(trust.MAX_ROOT_SIZE + 1 - len(data)), verify)
    assert refusal.value.reason == reasons.NOT_A_ROOT


@pytest.mark.parametrize("name", ["fuzz_core.py", "fuzz_host.py"])
def test_a_fuzz_target_runs(tmp_path: Path, name: str) -> None:
    """atheris itself runs by hand; its targets take the good inputs that they write, and damaged ones."""
    target = PROJECT / "fuzz" / name
    subprocess.run([sys.executable, target, "--seeds", tmp_path], check=True, timeout=60)
    seeds = sorted(tmp_path.iterdir())
    assert len(seeds) >= 6
    for seed in seeds:
        data = seed.read_bytes()
        seed.with_suffix(".cut").write_bytes(data[: len(data) // 2])
        seed.with_suffix(".noise").write_bytes(data[:1] + bytes(range(256)))
    subprocess.run([sys.executable, target, "--once", *tmp_path.iterdir()], check=True, timeout=60)
