"""`ardente tag-key`: a secret that is made once, kept private, and copied on purpose only."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from ardente import PartnerKey


@pytest.fixture
def key_file(ardente, tmp_path: Path) -> Path:
    path = tmp_path / "tag.key"
    assert ardente("tag-key", "new", path).exit_code == 0
    return path


def test_a_new_key_is_for_its_owner_only_and_not_shown(ardente, tmp_path) -> None:
    path = tmp_path / "tag.key"
    result = ardente("tag-key", "new", path)
    assert result.exit_code == 0
    assert PartnerKey.load(path).to_text() not in result.output
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("command", ["new", "import"])
def test_a_key_is_never_overwritten(ardente, key_file, command) -> None:
    before = key_file.read_bytes()
    result = ardente("tag-key", command, key_file, input=PartnerKey.new().to_text())
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert key_file.read_bytes() == before


def test_a_key_is_not_printed_into_a_pipe_by_mistake(ardente, key_file) -> None:
    result = ardente("tag-key", "export", key_file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--yes" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")
def test_a_key_is_printed_on_a_terminal(process, key_file) -> None:
    import os
    import pty

    master, slave = pty.openpty()
    with process("tag-key", "export", key_file, stdout=slave) as export:
        assert export.wait(timeout=20) == 0
    os.close(slave)
    assert os.read(master, 4096).decode().strip() == PartnerKey.load(key_file).to_text()
    os.close(master)


def test_an_exported_key_comes_back_the_same(ardente, key_file, tmp_path) -> None:
    text = ardente("tag-key", "export", "--yes", key_file).stdout
    copy = tmp_path / "copy.key"
    result = ardente("tag-key", "import", copy, input=text.lower())
    assert result.exit_code == 0
    assert PartnerKey.load(copy).to_text() == PartnerKey.load(key_file).to_text()


@pytest.mark.parametrize(
    "text", [b"", b"hello", b"ardente-tag-key-1-AAAA", b"\xff\xfe\x00", b"ardente-tag-key-1-" * 900]
)
def test_a_key_with_a_typing_error_is_not_imported(ardente, tmp_path, text) -> None:
    path = tmp_path / "tag.key"
    result = ardente("tag-key", "import", path, input=text)
    assert result.exit_code == 2
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"not a key\n"])
def test_a_file_without_a_key_is_one_sentence(ardente, tmp_path, content) -> None:
    path = tmp_path / "tag.key"
    path.write_bytes(content)
    path.chmod(0o600)
    for command in (("tag-key", "export", "--yes", path), ("check", "--tag-key", path)):
        result = ardente(*command, input="")
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bits")
def test_a_key_that_others_can_read_is_not_used(ardente, cards, key_file) -> None:
    key_file.chmod(0o644)
    result = ardente("check", "--json", "--tag-key", key_file, input=cards.good)
    assert result.exit_code == 2
    assert "chmod 600" in result.stderr
