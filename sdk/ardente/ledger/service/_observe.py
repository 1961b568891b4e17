"""What is written down of a request: one JSON line, and counts. Never a body, a voucher or a token."""

from __future__ import annotations

import json
import sys
import threading
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TextIO

from fastapi import HTTPException
from prometheus_client import CollectorRegistry, Counter, Histogram

from ...core import reasons

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_SIZE: Final = 16 << 10
MAX_CLAIMS_SIZE: Final = 128 << 10
CLAIMS_PATH: Final = "/v1/claims"
_FAILED: Final = (
    b'{"type":"urn:ardente:reason:unavailable","title":"The voucher service failed.","status":500,'
    b'"reason":"unavailable","detail":"The voucher service failed: try again in a moment."}'
)
_BUCKETS_S: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_NO_ROUTE: Final = "-"
_METHODS: Final = ("GET", "POST")


class Record:
    """What is known of one request in the course of it."""

    __slots__ = ("reason", "status", "till_id")

    def __init__(self) -> None:
        self.reason = reasons.OK
        self.status = 0
        self.till_id = ""


class Log:
    """One JSON object a line on ``stream``, standard error unless another is given."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, **fields: object) -> None:
        """Write one line; a disk that is full or a reader that is gone stops no request."""
        line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields})
        with self._lock:
            try:
                stream = self._stream or sys.stderr
                stream.write(f"{line}\n")
                stream.flush()
            except (OSError, ValueError):
                pass


class Metrics:
    """Counts for Prometheus: requests by outcome and how long they took, refusals by the till's id."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "ardente_ledger_requests",
            "Requests by outcome.",
            ("method", "route", "status", "reason"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "ardente_ledger_request_seconds",
            "How long requests took.",
            ("route",),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self._refusals = Counter(
            "ardente_ledger_till_refusals", "Refused requests of each till.", ("till",), registry=self.registry
        )

    def count(self, method: str, route: str, record: Record, seconds: float) -> None:
        self._requests.labels(method, route, str(record.status), record.reason).inc()
        self._seconds.labels(route).observe(seconds)
        if record.till_id and record.reason != reasons.OK:
            self._refusals.labels(record.till_id).inc()


class Observed:
    """The outermost layer: bounds the body, writes the line, and answers where the program itself failed."""

    def __init__(self, app: ASGIApp, log: Log, metrics: Metrics) -> None:
        self._app = app
        self._log = log
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = scope["ardente"] = Record()
        began_s = time.perf_counter()

        async def noted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
            await send(message)

        try:
            await self._app(scope, _bounded(scope, receive), noted_send)
        except Exception as error:
            await self._failed(record, error, noted_send)
        finally:
            self._note(scope, record, time.perf_counter() - began_s)

    async def _failed(self, record: Record, error: Exception, send: Send) -> None:
        """Say where the program failed, and no word of what the exception says: it may quote the request."""
        place = _innermost(error)
        self._log.write(event="failed", error=type(error).__name__, place=place)
        record.reason = reasons.UNAVAILABLE
        if record.status:
            # Too late for another answer: the connection is closed on one that is cut short.
            return
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(_FAILED)).encode())]
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        await send({"type": "http.response.body", "body": _FAILED})

    def _note(self, scope: Scope, record: Record, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", _NO_ROUTE)
        # A method is whatever somebody sent.
        method = scope["method"] if scope["method"] in _METHODS else _NO_ROUTE
        self._metrics.count(method, route, record, seconds)
        self._log.write(
            method=method,
            route=route,
            status=record.status,
            reason=record.reason,
            till=record.till_id,
            ms=round(seconds * 1000, 2),
        )


def _bounded(scope: Scope, receive: Receive) -> Receive:
    left = MAX_CLAIMS_SIZE if scope["path"] == CLAIMS_PATH else MAX_BODY_SIZE

    async def bounded_receive() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return bounded_receive


def _innermost(error: BaseException) -> str:
    trace: Any = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
