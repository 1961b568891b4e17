"""`TrustStore.update`: fetched if newer, from the address that is remembered."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ardente import FetchError, StoreError, TrustError, TrustStore
from ardente.core import reasons
from ardente.core.trust import MAX_BUNDLE_SIZE
from ardente.testing import TestCity


class CityServer:
    """A web server that gives one body, and knows the two ways of being asked whether it is newer."""

    def __init__(self) -> None:
        self.body = b""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.validators = "etag"
        self.date = "Mon, 01 Jun 2026 12:00:00 GMT"
        self.last_modified = "Mon, 01 Jun 2026 10:00:00 GMT"
        self.cut_at: int | None = None
        self.answers: list[int] = []
        city = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                etag = f'"{hashlib.sha256(city.body).hexdigest()[:8]}"'
                same = {
                    "etag": self.headers.get("If-None-Match") == etag,
                    "date": self.headers.get("If-Modified-Since") == city.last_modified,
                    "none": False,
                }[city.validators]
                status = 304 if same else city.status
                city.answers.append(status)
                self.send_response_only(status)
                self.send_header("Date", city.date)
                if city.validators == "etag":
                    self.send_header("ETag", etag)
                if city.validators == "date":
                    self.send_header("Last-Modified", city.last_modified)
                for name, value in city.headers.items():
                    self.send_header(name, value)
                if status == 304:
                    self.end_headers()
                    return
                self.send_header("Content-Length", str(len(city.body)))
                self.end_headers()
                self.wfile.write(city.body[: city.cut_at])

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/bundle.cbor"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[CityServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = CityServer()
    yield server
    server.close()


@pytest.mark.parametrize("validators", ["etag", "date", "none"])
def test_fetches_what_is_newer_and_only_that(
    ardente_trust_store: TrustStore, ardente_test_city: TestCity, server: CityServer, validators: str
) -> None:
    server.validators = validators
    server.body = ardente_test_city.bundle(2)
    assert ardente_trust_store.update(server.url)
    assert ardente_trust_store.show().bundle_version == 2
    assert ardente_trust_store.show().url == server.url
    assert not ardente_trust_store.update()
    server.body = ardente_test_city.bundle(3)
    if validators == "date":
        server.validators = "none"
    assert ardente_trust_store.update()
    assert ardente_trust_store.show().bundle_version == 3
    assert server.answers == [200, 200 if validators == "none" else 304, 200]


@pytest.mark.parametrize(
    "date",
    ["Mon, 01 Jun 2026 10:00:00 GMT", "Mon, 01 Jun 2026 10:00:59 GMT", "Mon, 01 Jun 2026 08:00:00 GMT", "", "now"],
)
def test_a_bundle_replaced_within_the_second_of_its_last_modified_is_not_missed(
    ardente_trust_store: TrustStore, ardente_test_city: TestCity, server: CityServer, date: str
) -> None:
    """RFC 9110, section 8.8.2.2: that date is weak until the answer's own is a minute later."""
    server.validators = "date"
    server.date = date
    server.body = ardente_test_city.bundle(2)
    assert ardente_trust_store.update(server.url)
    server.body = ardente_test_city.bundle(3)
    assert ardente_trust_store.update()
    assert ardente_trust_store.show().bundle_version == 3


def test_asks_for_all_again_where_the_installed_file_is_not_the_one_that_was_fetched(
    ardente_trust_store: TrustStore, ardente_test_city: TestCity, server: CityServer
) -> None:
    server.body = ardente_test_city.bundle(2)
    ardente_trust_store.update(server.url)
    (ardente_trust_store.folder / "bundle.cbor").write_bytes(b"damaged")
    assert ardente_trust_store.update()
    assert server.answers == [200, 200]
    assert ardente_trust_store.show().bundle_version == 2


def test_needs_an_address_once(ardente_trust_store: TrustStore) -> None:
    with pytest.raises(StoreError, match="give it once"):
        ardente_trust_store.update()


def test_says_first_that_no_root_is_believed_yet(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="trust init"):
        TrustStore(tmp_path / "trust").update()


def test_reads_a_file_address(ardente_trust_store: TrustStore, ardente_test_city: TestCity, tmp_path: Path) -> None:
    path = tmp_path / "on a stick" / "bundle.cbor"
    path.parent.mkdir()
    path.write_bytes(ardente_test_city.bundle(2))
    assert ardente_trust_store.update(path.as_uri())
    assert not ardente_trust_store.update()
    path.unlink()
    with pytest.raises(FetchError, match="stays in force"):
        ardente_trust_store.update()


@pytest.mark.parametrize("body", [b"<html>log in to the museum's wifi</html>", b""])
def test_a_page_in_place_of_a_bundle_is_refused(
    ardente_trust_store: TrustStore, server: CityServer, body: bytes
) -> None:
    server.body = body
    with pytest.raises(TrustError) as caught:
        ardente_trust_store.update(server.url)
    assert caught.value.reason == reasons.NOT_A_BUNDLE
    assert ardente_trust_store.show().bundle_version == 1
    assert ardente_trust_store.show().url is None


def test_an_endless_answer_is_cut_off(ardente_trust_store: TrustStore, server: CityServer) -> None:
    server.body = bytes(MAX_BUNDLE_SIZE + 100_000)
    with pytest.raises(TrustError) as caught:
        ardente_trust_store.update(server.url)
    assert caught.value.reason == reasons.TOO_LARGE


def test_an_answer_cut_short_is_a_fetch_error(
    ardente_trust_store: TrustStore, ardente_test_city: TestCity, server: CityServer
) -> None:
    server.body = ardente_test_city.bundle(2)
    server.cut_at = 500
    with pytest.raises(FetchError, match="cut short"):
        ardente_trust_store.update(server.url)


@pytest.mark.parametrize("status", [404, 500, 503])
def test_an_error_of_the_server_is_a_sentence(ardente_trust_store: TrustStore, server: CityServer, status: int) -> None:
    server.status = status
    with pytest.raises(FetchError, match=f"answered {status}"):
        ardente_trust_store.update(server.url)


@pytest.mark.parametrize("path", ["bundle.cbor", "/media/stick/bundle.cbor", "C:\\bundle.cbor"])
def test_who_gives_a_path_is_told_of_install(ardente_trust_store: TrustStore, path: str) -> None:
    with pytest.raises(FetchError, match="ardente trust install FILE"):
        ardente_trust_store.update(path)


@pytest.mark.parametrize("target", ["ftp://example.org/x", "file:///etc/hostname", "data:,x"])
def test_is_not_sent_on_to_anything_but_http(ardente_trust_store: TrustStore, server: CityServer, target: str) -> None:
    server.status = 302
    server.headers = {"Location": target}
    with pytest.raises(FetchError):
        ardente_trust_store.update(server.url)


def test_is_sent_on_within_http(
    ardente_trust_store: TrustStore, ardente_test_city: TestCity, server: CityServer
) -> None:
    there = CityServer()
    try:
        there.body = ardente_test_city.bundle(2)
        server.status = 301
        server.headers = {"Location": there.url}
        assert ardente_trust_store.update(server.url)
    finally:
        there.close()


def test_a_server_that_is_not_there_is_a_sentence(ardente_trust_store: TrustStore, server: CityServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(FetchError, match="cannot be reached"):
            ardente_trust_store.update(f"http://127.0.0.1:{unused.getsockname()[1]}/")


def test_a_server_that_does_not_answer_is_given_up(
    ardente_trust_store: TrustStore, server: CityServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ardente._fetch._SILENCE_S", 0.1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(FetchError, match="try again later"):
            ardente_trust_store.update(f"http://127.0.0.1:{silent.getsockname()[1]}/")


def test_a_server_that_drips_is_given_up(
    ardente_trust_store: TrustStore, server: CityServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ardente._fetch._WHOLE_S", -1)
    server.body = b"drip"
    with pytest.raises(FetchError, match="too slow"):
        ardente_trust_store.update(server.url)


@pytest.mark.parametrize(
    ("first", "endless"),
    [(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), (b"HTTP/1.1 200 OK\r\nETag: ", b"x")],
    ids=["interim answers", "a header"],
)
def test_a_server_whose_answer_never_begins_is_given_up(
    ardente_trust_store: TrustStore, monkeypatch: pytest.MonkeyPatch, first: bytes, endless: bytes
) -> None:
    monkeypatch.setattr("ardente._fetch._WHOLE_S", 0.3)
    done = threading.Event()

    def drip(listening: socket.socket) -> None:
        connection = listening.accept()[0]
        with connection, contextlib.suppress(OSError):
            connection.sendall(first)
            while not done.wait(0.01):
                connection.sendall(endless)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=drip, args=(listening,), daemon=True)
        server.start()
        with pytest.raises(FetchError, match="too slow"):
            ardente_trust_store.update(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        done.set()
        server.join()


def test_what_a_server_says_of_an_error_is_not_repeated(ardente_trust_store: TrustStore) -> None:
    """It could write what it likes on the terminal, or into a mail of cron."""

    def answer(listening: socket.socket) -> None:
        with listening.accept()[0] as connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.0 404 \x1b]0;call 0900 123 456\x07\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer, args=(listening,), daemon=True).start()
        with pytest.raises(FetchError, match="answered 404") as caught:
            ardente_trust_store.update(f"http://127.0.0.1:{listening.getsockname()[1]}/")
    assert str(caught.value).isprintable()
    assert "0900" not in str(caught.value)


def test_a_server_cannot_make_the_address_forgotten(
    ardente_trust_store: TrustStore, ardente_test_city: TestCity, server: CityServer
) -> None:
    server.validators = "none"
    # What a date is parsed from may be followed by a comment.
    server.headers = {"ETag": "x" * 65_000, "Last-Modified": f"Mon, 01 Jun 2026 10:00:00 GMT ({'x' * 65_000})"}
    server.body = ardente_test_city.bundle(2)
    assert ardente_trust_store.update(server.url)
    assert ardente_trust_store.show().url == server.url
    assert not ardente_trust_store.update()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://city.example/bundle.cbor",
        "bundle.cbor",
        "https://",
        "https://city.example:port/",
        "file://server/share/bundle.cbor",
        "https://name:password@city.example/bundle.cbor",
        "http://[::1/",
    ],
)
def test_other_addresses_are_refused_before_anything_is_fetched(ardente_trust_store: TrustStore, url: str) -> None:
    with pytest.raises(FetchError) as caught:
        ardente_trust_store.update(url)
    assert "password@" not in str(caught.value)


@pytest.mark.parametrize("memory", [b"", b"[]", b"{}", b'{"url": 1}', b'{"other": ""}', b"[" * 50_000, b"\xff"])
def test_a_damaged_memory_is_no_memory(
    ardente_trust_store: TrustStore, ardente_test_city: TestCity, server: CityServer, memory: bytes
) -> None:
    (ardente_trust_store.folder / "update.json").write_bytes(memory)
    server.body = ardente_test_city.bundle(2)
    with pytest.raises(StoreError):
        ardente_trust_store.update()
    assert ardente_trust_store.update(server.url)
    assert json.loads((ardente_trust_store.folder / "update.json").read_bytes())["url"] == server.url
