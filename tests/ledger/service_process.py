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
    """Make a trust folder with a bundle of today."""
    store = TrustStore(folder)
    root = city.root()
    store.init(root, hashlib.sha256(root).hexdigest())
    store.install(city.bundle(iat=datetime.now(UTC)))
    return folder


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """Serve ``app`` from a thread of this process, and give its address."""
    with listen("127.0.0.1", 0) as listener:
        server = make_server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield address_of(listener)
        finally:
            server.should_exit = True
            thread.join()


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
        assert '"listening"' in first, first + self.process.stderr.read()
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
        _, errors = self.process.communicate(timeout=20)
        self.lines += errors.splitlines()
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
