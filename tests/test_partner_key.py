"""The key under which a partner knows a card again: kept in a file, carried on paper."""

from __future__ import annotations

import os
import pickle
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ardente import FormatError, PartnerKey, StoreError


@given(st.binary(min_size=32, max_size=32))
def test_comes_back_from_its_text(secret: bytes) -> None:
    assert PartnerKey.from_text(PartnerKey(secret).to_text()).secret == secret


@given(st.binary(min_size=32, max_size=32), st.data())
def test_one_wrong_character_is_seen(secret: bytes, data: st.DataObject) -> None:
    text = PartnerKey(secret).to_text()
    start = text.index("-1-") + 3
    at = data.draw(st.sampled_from([at for at in range(start, len(text)) if text[at] != "-"]))
    wrong = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567").filter(lambda c: c != text[at]))
    with pytest.raises(FormatError, match="typing error"):
        PartnerKey.from_text(text[:at] + wrong + text[at + 1 :])


def test_reads_what_a_hand_copied() -> None:
    key = PartnerKey(b"\x00" * 31 + b"\x77")
    text = key.to_text().replace("-", " ").lower()
    assert PartnerKey.from_text(f"  {text}\n").secret == key.secret
    prefix, _, digits = key.to_text().partition("-1-")
    assert PartnerKey.from_text(f"{prefix}-1-{digits.replace('O', '0').replace('I', '1')}").secret == key.secret


@given(st.text(max_size=200))
def test_takes_no_other_text(text: str) -> None:
    with pytest.raises(FormatError):
        PartnerKey.from_text(text)
    with pytest.raises(FormatError):
        PartnerKey.from_text("ardente-tag-key-1-" + text)


def test_new_keys_differ() -> None:
    assert PartnerKey.new().secret != PartnerKey.new().secret


def test_is_kept_in_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    key = PartnerKey.new()
    path = tmp_path / "tag.key"
    key.save(path)
    assert PartnerKey.load(path).secret == key.secret
    assert [*tmp_path.iterdir()] == [path]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_never_overwrites_a_key(tmp_path: Path) -> None:
    path = tmp_path / "tag.key"
    key = PartnerKey.new()
    key.save(path)
    with pytest.raises(StoreError, match="choose another name"):
        PartnerKey.new().save(path)
    assert PartnerKey.load(path).secret == key.secret
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_refuses_a_file_that_others_may_read(tmp_path: Path) -> None:
    path = tmp_path / "tag.key"
    PartnerKey.new().save(path)
    path.chmod(0o640)
    with pytest.raises(StoreError, match="chmod 600"):
        PartnerKey.load(path)


def test_says_which_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"absent\.key"):
        PartnerKey.load(tmp_path / "absent.key")


def test_does_not_show_itself() -> None:
    key = PartnerKey.new()
    assert repr(key) == "<PartnerKey>"
    with pytest.raises(TypeError):
        pickle.dumps(key)
