"""Asks the voucher service: with a time-out, again under the same key, and not for ever."""

from __future__ import annotations

import json
import random
import time
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from .._errors import LedgerError
from ..core import reasons

_REASONS: Final = frozenset({*reasons.VOUCHER_REASONS, *reasons.LEDGER_REASONS})
_MAX_ANSWER_SIZE: Final = 16 << 20
_TIMEOUT: Final = httpx.Timeout(4.0, connect=2.0)
_TRIES: Final = 3
_PAUSE_S: Final = 0.2
# After a failure one try has to do for a while, so that the queue does not wait for each scan again.
_DOWN_S: Final = 20.0


class UnreachableError(Exception):
    """No answer came. ``sent`` tells whether the request may have arrived."""

    def __init__(self, sent: bool) -> None:
        super().__init__("the voucher service did not answer")
        self.sent = sent


class VoucherService:
    """The service at ``url``, for the till of ``token``. Raises ValueError for an address in the clear."""

    def __init__(self, url: str, token: str, *, verify: Any = True) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_own(parts.hostname or "")):
            raise ValueError(
                "the address of a voucher service begins with https://, because the till's token goes there"
            )
        self._http = httpx.Client(
            base_url=url.rstrip("/") + "/v1/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT,
            verify=verify,
        )
        self._down_until_s = 0.0

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **parameters: str) -> Any:
        """Return the JSON at ``path``. Raises `LedgerError` and `UnreachableError`."""
        return self._ask("GET", path, params=parameters)

    def post(self, path: str, body: Any, key: str = "") -> Any:
        """Return the JSON that ``body`` is answered with. Raises `LedgerError` and `UnreachableError`."""
        return self._ask("POST", path, json=body, headers={"Idempotency-Key": key} if key else {})

    def _ask(self, method: str, path: str, **arguments: Any) -> Any:
        sent = False
        tries = _TRIES if time.monotonic() >= self._down_until_s else 1
        for number in range(tries):
            if number:
                time.sleep(random.uniform(0.5, 1.0) * _PAUSE_S * 2**number)
            try:
                status, content_type, data = self._once(method, path, arguments)
            except httpx.ConnectError:
                continue
            except httpx.TransportError as error:
                sent = sent or not isinstance(error, httpx.ConnectTimeout)
                continue
            answer = _parsed(data) if content_type in ("application/json", "application/problem+json") else None
            if isinstance(answer, dict):
                if status in (200, 201):
                    self._down_until_s = 0.0
                    return answer
                reason = answer.get("reason")
                if reason in _REASONS and reason != reasons.UNAVAILABLE:
                    self._down_until_s = 0.0
                    raise LedgerError(reason)
            # Whoever answered, a proxy or the hotel's portal, was not the service, or it has failed.
            sent = True
        self._down_until_s = time.monotonic() + _DOWN_S
        raise UnreachableError(sent)

    def _once(self, method: str, path: str, arguments: dict[str, Any]) -> tuple[int, str, bytes]:
        with self._http.stream(method, path, **arguments) as response:
            parts, size = [], 0
            for part in response.iter_bytes():
                size += len(part)
                if size > _MAX_ANSWER_SIZE:
                    raise httpx.ReadError("the answer is larger than any of the service")
                parts.append(part)
            content_type = response.headers.get("content-type", "").partition(";")[0].strip()
            return response.status_code, content_type, b"".join(parts)


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _is_own(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
