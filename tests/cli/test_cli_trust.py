"""`ardente trust`: believe a root once, then keep the bundle up to date."""

from __future__ import annotations

import functools
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ardente import TrustStore, _texts


@pytest.fixture
def new_folder(tmp_path: Path) -> Path:
    return tmp_path / "new" / "trust"


@pytest.fixture
def bundle_file(tmp_path: Path, city) -> Path:
    path = tmp_path / "bundle.cbor"
    path.write_bytes(city.bundle(3, iat=datetime.now(UTC) + timedelta(seconds=1)))
    return path


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where the city publishes: a web server over ``tmp_path``."""
    handler = functools.partial(_QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_root_is_believed_by_its_fingerprint(ardente, root_file, root_sha256, new_folder) -> None:
    result = ardente("trust", "init", root_file, "--sha256", root_sha256, "--trust", new_folder)
    assert result.exit_code == 0
    assert "The root of desk-city is believed now" in result.stdout
    assert "trust install" in result.stdout
    again = ardente("trust", "init", root_file, "--sha256", root_sha256.upper(), "--trust", new_folder)
    assert again.exit_code == 0
    assert "was believed already" in again.stdout


def test_a_root_with_another_fingerprint_is_not(ardente, root_file, new_folder) -> None:
    result = ardente("trust", "init", root_file, "--sha256", "0" * 64, "--trust", new_folder)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {_texts.TRUST_TEXTS['wrong_fingerprint']}\n"
    assert not new_folder.exists()


def test_a_root_is_not_believed_without_a_fingerprint(ardente, root_file, new_folder) -> None:
    result = ardente("trust", "init", root_file, "--trust", new_folder)
    assert result.exit_code == 2
    assert "--sha256" in result.stderr


def test_the_folder_of_the_user_is_the_same_for_every_command(
    ardente, cards, root_file, root_sha256, bundle_file, tmp_path, monkeypatch
) -> None:
    home = {"ARDENTE_TRUST": "", "HOME": str(tmp_path), "XDG_CONFIG_HOME": "", "LOCALAPPDATA": str(tmp_path)}
    assert ardente("trust", "init", root_file, "--sha256", root_sha256, env=home).exit_code == 0
    monkeypatch.chdir(Path(bundle_file.anchor))
    assert ardente("trust", "install", bundle_file, env=home).exit_code == 0
    assert ardente("check", input=cards.good, env=home).exit_code == 0


def test_a_bundle_is_installed_from_a_file(ardente, bundle_file, trust_folder) -> None:
    result = ardente("trust", "install", bundle_file)
    assert (result.exit_code, result.stdout) == (0, "Installed: bundle 3, less than a day old.\n")
    again = ardente("trust", "install", bundle_file)
    assert (again.exit_code, again.stdout) == (0, "Installed already: bundle 3, less than a day old.\n")


@pytest.mark.parametrize("language", _texts.LANGUAGES)
def test_a_refused_bundle_changes_nothing_and_says_why(ardente, bundle_file, trust_folder, language) -> None:
    before = ardente("trust", "show", "--json").stdout
    bundle_file.write_bytes(bundle_file.read_bytes()[:-1])
    result = ardente("--language", language, "trust", "install", bundle_file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert _texts.trust_text("list_missing", language) in result.stderr
    assert ardente("trust", "show", "--json").stdout.split('"freshness"')[0] == before.split('"freshness"')[0]


def test_a_file_that_is_not_there_is_one_sentence(ardente, tmp_path) -> None:
    result = ardente("trust", "install", tmp_path / "none.cbor")
    assert result.exit_code == 2
    assert "none.cbor" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_update_remembers_where_it_came_from(ardente, bundle_file, address) -> None:
    result = ardente("trust", "update", f"{address}/bundle.cbor")
    assert (result.exit_code, result.stdout) == (0, "Installed: bundle 3, less than a day old.\n")
    assert f"{address}/bundle.cbor" in ardente("trust", "show").stdout


def test_an_update_says_nothing_where_nothing_is_new(ardente, bundle_file, address) -> None:
    ardente("trust", "update", f"{address}/bundle.cbor")
    for _ in range(2):
        result = ardente("trust", "update")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_an_update_takes_what_is_newer(ardente, bundle_file, address, city) -> None:
    ardente("trust", "update", f"{address}/bundle.cbor")
    later = datetime.now(UTC) + timedelta(seconds=2)
    bundle_file.write_bytes(city.bundle(4, iat=later))
    # A web server tells the files of one second apart no better.
    os.utime(bundle_file, (later.timestamp(), later.timestamp()))
    assert "bundle 4" in ardente("trust", "update").stdout


def test_an_update_that_fails_is_said_and_keeps_what_is_there(ardente, cards, bundle_file, address) -> None:
    ardente("trust", "update", f"{address}/bundle.cbor")
    bundle_file.unlink()
    result = ardente("trust", "update")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "404" in result.stderr
    assert ardente("check", input=cards.good).exit_code == 0


def test_an_update_needs_an_address_the_first_time(ardente) -> None:
    result = ardente("trust", "update")
    assert result.exit_code == 2
    assert "address" in result.stderr


def test_an_update_warns_when_the_city_publishes_no_more(ardente, city, root_sha256, new_folder, bundle_file) -> None:
    then = datetime.now(UTC) - timedelta(days=9)
    store = TrustStore(new_folder, clock=then.timestamp)
    store.init(city.root(), root_sha256)
    bundle_file.write_bytes(city.bundle(3, iat=then))
    store.install(bundle_file)
    result = ardente("trust", "update", bundle_file.as_uri(), "--trust", new_folder)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing newer: bundle 3, 9 days old" in result.stderr


def test_show_tells_what_is_believed(ardente, trust_folder, root_sha256) -> None:
    result = ardente("trust", "show")
    assert result.exit_code == 0
    for said in ("desk-city", "version 1, expires 2099-01-01", root_sha256, "bundle 1, less than a day old", "fresh"):
        assert said in result.stdout


def test_show_answers_in_json(ardente, trust_folder, root_sha256) -> None:
    state = json.loads(ardente("trust", "show", "--json").stdout)
    assert state["city"] == "desk-city"
    assert state["root_sha256"] == root_sha256
    assert (state["root_version"], state["bundle_version"]) == (1, 1)
    assert datetime.fromisoformat(state["expires"]) > datetime.now(UTC)
    assert state["freshness"]["state"] == "fresh"
    assert state["url"] is None


@pytest.mark.parametrize(("days", "said"), [(9, "a newer one is due"), (50, "gates refuse every card")])
def test_show_tells_how_old_it_is_in_words(ardente, city, root_sha256, new_folder, days, said) -> None:
    then = datetime.now(UTC) - timedelta(days=days)
    store = TrustStore(new_folder, clock=then.timestamp)
    store.init(city.root(), root_sha256)
    store.install(city.bundle(3, iat=then))
    assert said in ardente("trust", "show", "--trust", new_folder).stdout


def test_show_without_a_bundle_says_what_is_next(ardente, root_file, root_sha256, new_folder) -> None:
    ardente("trust", "init", root_file, "--sha256", root_sha256, "--trust", new_folder)
    assert "none yet" in ardente("trust", "show", "--trust", new_folder).stdout
    assert json.loads(ardente("trust", "show", "--json", "--trust", new_folder).stdout)["bundle_version"] is None


def test_the_public_test_city_is_never_believed(ardente, ardente_test_city, new_folder, tmp_path) -> None:
    import hashlib

    root = ardente_test_city.root()
    path = tmp_path / "test-root.cbor"
    path.write_bytes(root)
    result = ardente("trust", "init", path, "--sha256", hashlib.sha256(root).hexdigest(), "--trust", new_folder)
    assert result.exit_code == 2
    assert _texts.TRUST_TEXTS["test_city"] in result.stderr
