"""Fetches a bundle. It is signed, so what carries it need not be believed, only bounded."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPMessage
from typing import IO, NamedTuple
from urllib.parse import SplitResult, urlsplit

from ._errors import FetchError
from ._files import read_up_to

_SILENCE_S = 30
_WHOLE_S = 600
_CHUNK_SIZE = 1 << 16
_MAX_KEPT_HEADER = 1024
_STRONG_AFTER = timedelta(seconds=60)
_TRY_LATER = "what is installed stays in force; try again later"


class Fetched(NamedTuple):
    """What came: ``data``, or None where nothing newer is there; and what to ask with the next time."""

    data: bytes | None
    etag: str = ""
    last_modified: str = ""


def fetch(url: str, limit: int, etag: str = "", last_modified: str = "") -> Fetched:
    """Fetch ``url`` (https, http or file), at most ``limit`` + 1 bytes of it: one too many tells that it is too large.

    ``etag`` and ``last_modified`` are those of the copy at hand (RFC 9110, section 13.1). Raises `FetchError`.
    """
    parts = _checked(url)
    try:
        if parts.scheme == "file":
            with open(urllib.request.url2pathname(parts.path), "rb") as file:
                return Fetched(read_up_to(file, limit + 1))
        return _given_up_in_time(lambda: _fetch_http(url, limit, etag, last_modified))
    except TimeoutError:
        raise FetchError(f"{parts.hostname} is too slow to answer: {_TRY_LATER}.") from None
    except urllib.error.URLError as error:
        raise FetchError(f"{parts.hostname} cannot be reached ({error.reason}): {_TRY_LATER}.") from None
    except http.client.HTTPException:
        raise FetchError(f"The answer of {parts.hostname} was cut short or is not HTTP: {_TRY_LATER}.") from None
    except OSError as error:
        raise FetchError(f"The bundle cannot be fetched ({error.strerror or error}): {_TRY_LATER}.") from None
    except ValueError:
        raise FetchError(f"The address {url} is not well formed: check it.") from None


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        well_formed = parts.port is None or parts.port > 0
    except ValueError:
        raise FetchError("The address is not well formed: check it.") from None
    if parts.username is not None or parts.password is not None:
        raise FetchError("An address with a password in it is not kept: a bundle needs none.")
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return parts
    if parts.scheme not in ("http", "https") or not parts.hostname or not well_formed:
        raise FetchError(
            "A bundle is fetched from an https, http or file address: check it, or run `ardente trust install FILE`."
        )
    return parts


def _given_up_in_time(fetch: Callable[[], Fetched]) -> Fetched:
    """Return what ``fetch`` does. Raises TimeoutError: header lines and interim answers, each in time, need not end."""
    future: Future[Fetched] = Future()

    def run() -> None:
        try:
            future.set_result(fetch())
        except BaseException as error:
            future.set_exception(error)

    # One that does not end must not keep the program either.
    threading.Thread(target=run, daemon=True).start()
    return future.result(_WHOLE_S)


def _fetch_http(url: str, limit: int, etag: str, last_modified: str) -> Fetched:
    request = urllib.request.Request(url, headers={"User-Agent": "carte-ardente"})
    if etag:
        request.add_header("If-None-Match", etag)
    elif last_modified:
        request.add_header("If-Modified-Since", last_modified)
    deadline = time.monotonic() + _WHOLE_S
    try:
        with _opener().open(request, timeout=_SILENCE_S) as answer:
            length = answer.headers.get("Content-Length", "")
            size = min(int(length), limit + 1) if length.isascii() and length.isdigit() else None
            data = _body(answer, limit + 1, deadline)
            if size is not None and len(data) < size:
                raise http.client.IncompleteRead(b"")
            return Fetched(data, _short(answer.headers.get("ETag", "")), _strong_date(answer.headers))
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 304:
                return Fetched(None, etag, last_modified)
            raise FetchError(
                f"{urlsplit(url).hostname} answered {error.code}: check the address, or {_TRY_LATER}."
            ) from None


def _strong_date(headers: HTTPMessage) -> str:
    """Return the Last-Modified, or "" where it may miss a bundle that was replaced within the same second.

    It cannot where the answer's Date is a minute later (RFC 9110, section 8.8.2.2).
    """
    last_modified = headers.get("Last-Modified", "")
    try:
        age = parsedate_to_datetime(headers.get("Date", "")) - parsedate_to_datetime(last_modified)
    except (TypeError, ValueError, OverflowError):
        return ""
    return _short(last_modified) if age >= _STRONG_AFTER else ""


def _short(header: str) -> str:
    """Return what is to be kept of the mirror's ``header``: all of it, or nothing where it would fill the memory."""
    return header if len(header) <= _MAX_KEPT_HEADER else ""


def _body(answer: http.client.HTTPResponse, limit: int, deadline: float) -> bytes:
    parts = []
    while limit > 0:
        part = answer.read1(min(_CHUNK_SIZE, limit))
        if not part:
            break
        if time.monotonic() > deadline:
            raise TimeoutError
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows to http and https only, and never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme != "https" and (scheme != "http" or req.type == "https"):
            fp.close()
            raise FetchError("The server sends on to an address that is not safe: tell the city.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """An opener without the handlers for ftp, file and data, which `urllib.request.build_opener` adds."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _SafeRedirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
