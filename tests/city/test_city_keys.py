"""Key files: encrypted, bound to their role, and never opened by anything but their passphrase."""

from __future__ import annotations

import base64
import contextlib
import json
import stat
from pathlib import Path

import nacl.pwhash.argon2id
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ardente_tools.city import _keys
from ardente_tools.city._errors import KeyFileError
from ardente_tools.city._keys import CARD, ROOT, STATUS, Cost, create_key, read_key, read_public_key

CHEAP = Cost(1, 8)
PASSPHRASE = "quatre chats gris"


def right(path: Path) -> str:
    return PASSPHRASE


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "root.key"
    create_key(path, ROOT, PASSPHRASE, CHEAP)
    return path


def edit(path: Path, **fields: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_a_key_opens_with_its_passphrase_and_is_the_one_of_its_public_part(key_file: Path) -> None:
    public = read_public_key(key_file.with_suffix(".pub"), ROOT)
    assert read_key(key_file, ROOT, right).public_key == public.public_key
    assert read_key(key_file, ROOT, right).key_id == public.key_id


def test_a_guess_costs_what_libsodium_calls_moderate_unless_a_test_says_otherwise() -> None:
    assert (
        nacl.pwhash.argon2id.OPSLIMIT_MODERATE,
        nacl.pwhash.argon2id.MEMLIMIT_MODERATE // 1024,
    ) == _keys.COST


@pytest.mark.parametrize("passphrase", ["", "quatre chats gri", "Quatre chats gris", "quatre chats gris "])
def test_another_passphrase_is_refused_in_one_sentence(key_file: Path, passphrase: str) -> None:
    with pytest.raises(KeyFileError, match=r"root\.key is wrong, or the file is damaged\.$") as refused:
        read_key(key_file, ROOT, lambda _: passphrase)
    assert passphrase == "" or passphrase not in str(refused.value).replace(str(key_file), "")


def test_the_private_part_is_for_its_owner_and_holds_no_seed_in_clear(key_file: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    plain = tmp_path / "plain.key"
    create_key(plain, ROOT, None)
    seed = base64.b64decode(json.loads(plain.read_text())["box"])[-32:]
    key = read_key(plain, ROOT, right)
    assert base64.b64encode(seed).decode() not in repr(key)
    encrypted = json.loads(key_file.read_text())
    assert len(base64.b64decode(encrypted["box"])) == 24 + 16 + len(b"ardente-key-1\x00root\x00") + 32


def test_two_keys_of_one_passphrase_have_nothing_in_common(tmp_path: Path) -> None:
    files = []
    for name in ("a.key", "b.key"):
        create_key(tmp_path / name, STATUS, PASSPHRASE, CHEAP)
        files.append(json.loads((tmp_path / name).read_text()))
    assert files[0]["derivation"]["salt"] != files[1]["derivation"]["salt"]
    assert files[0]["box"][:32] != files[1]["box"][:32]


def test_a_key_is_of_one_role_whatever_its_file_says(key_file: Path) -> None:
    with pytest.raises(KeyFileError, match="is a root key, and a card key is needed"):
        read_key(key_file, CARD, right)
    edit(key_file, role=CARD)
    with pytest.raises(KeyFileError, match="is no card key"):
        read_key(key_file, CARD, right)


def test_a_public_part_of_another_key_is_seen(key_file: Path) -> None:
    edit(key_file, public_key=base64.b64encode(bytes(32)).decode())
    with pytest.raises(KeyFileError, match="do not belong together"):
        read_key(key_file, ROOT, right)


@pytest.mark.parametrize(
    "derivation",
    [
        {"name": "argon2id13", "passes": 1, "memory_kib": 1 << 30, "salt": "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"name": "argon2id13", "passes": 1 << 30, "memory_kib": 8, "salt": "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"name": "argon2id13", "passes": 0, "memory_kib": 8, "salt": "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"name": "argon2id13", "passes": 1, "memory_kib": 8, "salt": "AAAA"},
        {"name": "scrypt", "passes": 1, "memory_kib": 8, "salt": "AAAAAAAAAAAAAAAAAAAAAA=="},
    ],
)
def test_a_file_cannot_ask_for_work_without_end(key_file: Path, derivation: dict[str, object]) -> None:
    edit(key_file, derivation=derivation)
    with pytest.raises(KeyFileError, match=r"is damaged: |is no private key"):
        read_key(key_file, ROOT, right)


def test_a_key_without_passphrase_must_not_be_open_to_others(tmp_path: Path) -> None:
    path = tmp_path / "demo.key"
    create_key(path, CARD, None)
    read_key(path, CARD, right)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        read_key(path, CARD, right)


def test_a_key_is_never_overwritten(key_file: Path) -> None:
    before = key_file.read_bytes()
    with pytest.raises(KeyFileError, match="never overwritten"):
        create_key(key_file, ROOT, PASSPHRASE, CHEAP)
    assert key_file.read_bytes() == before
    key_file.unlink()
    with pytest.raises(KeyFileError, match=r"root\.pub exists already"):
        create_key(key_file, ROOT, PASSPHRASE, CHEAP)


def test_a_key_is_not_lost_to_its_own_public_part(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"end it in \.key"):
        create_key(tmp_path / "root.pub", ROOT, PASSPHRASE, CHEAP)
    assert list(tmp_path.iterdir()) == []


def test_missing_and_mistaken_files_are_named(key_file: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"none\.key cannot be read: No such file or directory\.$"):
        read_key(tmp_path / "none.key", ROOT, right)
    with pytest.raises(KeyFileError, match=r"root\.pub is no private key of ours"):
        read_key(key_file.with_suffix(".pub"), ROOT, right)
    with pytest.raises(KeyFileError, match=r"root\.key is no public key"):
        read_public_key(key_file)
    with pytest.raises(KeyFileError, match="is a root key, and a firmware key is needed"):
        read_public_key(key_file.with_suffix(".pub"), "firmware")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 300), byte=st.integers(0, 255))
def test_a_damaged_file_is_a_key_file_error_and_no_other_key(key_file: Path, position: int, byte: int) -> None:
    original = key_file.read_bytes()
    expected = read_key(key_file, ROOT, right).public_key
    damaged = bytearray(original)
    damaged[position % len(damaged)] = byte
    key_file.write_bytes(damaged)
    found = expected
    with contextlib.suppress(KeyFileError):
        found = read_key(key_file, ROOT, right).public_key
    key_file.write_bytes(original)
    assert found == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200) | st.builds(lambda n: b"[" * n, st.integers(1, 9000)))
def test_any_bytes_are_a_key_file_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "noise"
    path.write_bytes(data)
    for read in (read_public_key, lambda path: read_key(path, ROOT, right)):
        with pytest.raises(KeyFileError):
            read(path)
