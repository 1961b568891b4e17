"""The voucher service as a process of its own, for a city whose keys are not public, and tills that talk to it."""

from __future__ import annotations

import hashlib
import itertools
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from ardente import TrustStore
from ardente.issuing import SigningKey
from ardente.ledger import Ledger
from ardente.ledger.service._server import address_of, listen, make_server
from ardente.testing import TestCity

VALUE = 1000


def _own_key(label: str) -> SigningKey:
    """The command never believes the public test city."""
    return SigningKey(hashlib.sha256(f"city of the ledger, {label}".encode()).digest())


CITY = TestCity("ledger-city", signing_key=_own_key)


def trust_folder(folder: Path, city: TestCity = CITY) -> Path:
    """Make a trust folder with a bundle of today, in which nothing is revoked."""
    store = TrustStore(folder)
    root = city.root()
    store.init(root, hashlib.sha256(root).hexdigest())
    store.install(city.bundle(iat=datetime.now(UTC), revoked={}))
    return folder


class Network:
    """A service in a thread of this process, and the line to it, which can be cut and mended.

    While ``is_deaf`` requests arrive and are carried out, and no answer comes back.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._listener = listen("127.0.0.1", 0)
        self.address = address_of(self._listener)
        self.is_deaf = False
        self._server: uvicorn.Server | None = None
        self._start()

    def cut(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
            self._thread.join()
            self._listener.close()
            self._server = None

    def mend(self) -> None:
        self._listener = listen("127.0.0.1", int(self.address.rpartition(":")[2]))
        self._start()

    def _start(self) -> None:
        self._server = make_server(self._answering)  # type: ignore[arg-type]
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})
        self._thread.start()

    async def _answering(self, scope: Any, receive: Any, send: Any) -> None:
        async def into_the_void(_: Any) -> None:
            return

        if scope["type"] != "http" or not self.is_deaf:
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, into_the_void)
        await send({"type": "http.response.start", "status": 502, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """Serve ``app`` from a thread of this process, and give its address."""
    network = Network(app)
    try:
        yield network.address
    finally:
        network.cut()


class Service:
    """`ardente ledger serve` on a free port, stopped, killed and started again as a test wishes."""

    def __init__(self, url: str, trust: Path, *arguments: str) -> None:
        self._command = [sys.executable, "-m", "ardente", "ledger", "serve", "--database", url, "--trust", str(trust)]
        self._command += arguments
        self._port = "0"
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self.address = ""
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*self._command, "--port", self._port], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        first = self.process.stderr.readline()
        if '"listening"' not in first:
            raise AssertionError(first + self.process.communicate()[1])
        # A log that nobody reads would stop the service once the pipe is full.
        self._reader = threading.Thread(target=self.lines.extend, args=(self.process.stderr,))
        self._reader.start()
        self.address = json.loads(first)["address"]
        self._port = self.address.rpartition(":")[2]

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self._end()

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        self._end()

    def _end(self) -> None:
        assert self.process is not None
        self._reader.join(timeout=20)
        self.process.wait(timeout=20)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        self.process = None


class Desk:
    """A till that speaks HTTP by hand."""

    def __init__(self, address: str, token: str, client: httpx.Client | None = None) -> None:
        self.http = client or httpx.Client(base_url=address, timeout=30)
        self.headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
        self._keys = (f"key-{number}" for number in itertools.count())

    def post(self, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> httpx.Response:
        sent = {"Idempotency-Key": next(self._keys) if key is None else key, **headers}
        return self.http.post(f"/v1/{path}", json=body, headers={**self.headers, **sent})

    def redeem(self, text: str, *, key: str | None = None, **fields: Any) -> httpx.Response:
        return self.post("redemptions", {"voucher": text, "currency": "EUR", **fields}, key=key)

    def get(self, path: str, **parameters: str) -> httpx.Response:
        return self.http.get(f"/v1/{path}", params=parameters, headers=self.headers)


def add_shop(ledger: Ledger, name: str = "Librairie du Carré", groups: tuple[str, ...] = ()) -> tuple[str, str, str]:
    """Return (merchant id, till id, token) of a new shop."""
    merchant_id = ledger.add_merchant(name, "Centre", groups)
    return (merchant_id, *ledger.add_till(merchant_id, "Till 1"))
