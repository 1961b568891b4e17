"""Runs the service in this process until it is told to stop."""

from __future__ import annotations

import gc
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvicorn

from ._observe import Log

if TYPE_CHECKING:
    from fastapi import FastAPI

_BACKLOG: Final = 1024
_MOST_AT_ONCE: Final = 512
_KEEP_ALIVE_S: Final = 60
_LAST_REQUESTS_S: Final = 10


def serve(
    app: FastAPI, host: str, port: int, log: Log, certificate: Path | None = None, key: Path | None = None
) -> None:
    """Serve ``app`` on ``host`` and ``port`` (0: any that is free) until SIGINT or SIGTERM. Raises OSError.

    The address is in the first line of the log.
    """
    with listen(host, port) as listener:
        server = make_server(app, certificate, key)
        # What was loaded stays: the collector need not go through it again while a cashier waits.
        gc.collect()
        gc.freeze()
        log.write(event="listening", address=address_of(listener, "https" if certificate else "http"))
        server.run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that takes connections. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    # Inherited by each connection. asyncio sets it itself, but not on those of a socket that it was handed.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def address_of(listener: socket.socket, scheme: str = "http") -> str:
    """Return the URL under which ``listener`` is reached."""
    host, port, *_ = listener.getsockname()
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def make_server(app: FastAPI, certificate: Path | None = None, key: Path | None = None) -> uvicorn.Server:
    """Return the server of ``app``. uvicorn's own log of requests is off: it writes addresses."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            interface="asgi3",
            http="h11",
            ws="none",
            limit_concurrency=_MOST_AT_ONCE,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_LAST_REQUESTS_S,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
    )
