"""Giving a scanner its name, board, gate and the root of its city. Once: a second root is refused."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from ardente._ed25519 import verify
from ardente._texts import TRUST_TEXTS
from ardente.core import cbor, reasons
from ardente.core.errors import TrustError
from ardente.core.root import MAX_ROOT_SIZE
from ardente.core.trust import open_root

from ._client import Device, Status
from ._errors import DeviceError, FileError, RefusedError
from ._files import read_file
from ._image import MAX_CONFIGURATION_BYTES, firmware_config
from ._ports import Port
from ._push import Watcher
from ._session import Session

_RESTART_S: Final = 60.0
_GOING_DOWN_S: Final = 0.5


class Root(NamedTuple):
    """A root that a person believes; ``sha256`` is its fingerprint."""

    data: bytes
    sha256: bytes
    city: str


class Provisioned(NamedTuple):
    """What a scanner was and is."""

    was: Status
    now: Status


def read_root(path: Path, fingerprint: str | None, *, allow_test_city: bool = False) -> Root:
    """Return the root in a file. Raises `FileError` where it is none, or has not the ``fingerprint``, where given."""
    data = read_file(path, MAX_ROOT_SIZE)
    digest = hashlib.sha256(data)
    if fingerprint is not None and digest.hexdigest() != "".join(fingerprint.split()).replace(":", "").lower():
        raise FileError(TRUST_TEXTS[reasons.WRONG_FINGERPRINT])
    try:
        root = open_root(data, verify, allow_test_city).root
    except TrustError as error:
        raise FileError(f"{path}: {TRUST_TEXTS[error.reason]}") from None
    return Root(data, digest.digest(), root.city)


def gate(pulse_ms: int | None, pass_contact: bool | None) -> dict[str, Any]:
    """Return what a configuration says of the gate: what was given, and no more."""
    given = {"pulse_ms": pulse_ms, "pass_contact": pass_contact}
    return {name: value for name, value in given.items() if value is not None}


def configuration(
    label: str, board: str | None, of_gate: dict[str, Any], base: Path | None = None, usual_board: str = "generic"
) -> bytes:
    """Return a scanner's configuration as JSON: what the file ``base`` says, with these values over it.

    ``usual_board`` is for where neither ``board`` nor the file names one. Judged by the scanner's own module.
    Raises `FileError`.
    """
    values: dict[str, Any] = {}
    if base is not None:
        try:
            values = json.loads(read_file(base, MAX_CONFIGURATION_BYTES))
        except ValueError:
            values = {}
        if not values or not isinstance(values, dict):
            raise FileError(f"{base} is no configuration: it must be a JSON object, as docs/hardware.md shows.")
    values = {"board": usual_board, **values, "label": label}
    if board is not None:
        values["board"] = board
    if of_gate:
        before = values.get("gate")
        values["gate"] = {**(before if isinstance(before, dict) else {}), **of_gate}
    judge = firmware_config()
    try:
        judge.parse(values)
    except judge.ConfigError as error:
        raise FileError(f"{error} Choose another value; docs/hardware.md lists them.") from None
    return json.dumps(values, separators=(",", ":")).encode()


def provision(
    port: Port,
    configured: bytes,
    root: Root,
    watcher: Watcher,
    on_found: Callable[[Status], None] = lambda status: None,
) -> Provisioned:
    """Give a scanner without root its configuration and root, and restart it with them. Raises `DeviceError`.

    Both are taken, or neither. ``on_found`` takes what the scanner was before.
    """
    document = b"\x82" + cbor.encode_bytes(configured) + cbor.encode_bytes(root.data)
    with Session(port, wait_s=_RESTART_S) as session:
        was = session.first_status()
        on_found(was)
        if was.provisioned:
            raise RefusedError("already_provisioned")
        _check_board(configured, was)
        session.call(lambda device: _send(device, document, watcher))
        watcher.step("restarting")
        session.call(Device.reset_once)
        now = session.call(_restarted)
    if now.root_sha != root.sha256:
        raise DeviceError("The scanner says that it has another root: flash it anew, and provision it again.")
    return Provisioned(was, now)


def _send(device: Device, document: bytes, watcher: Watcher) -> None:
    try:
        device.provision(document, watcher.progress)
    except RefusedError as error:
        # The answer to the last byte may have been lost, and the same byte sent again.
        if error.reason != "already_provisioned":
            raise


def _restarted(device: Device) -> Status:
    # What is asked while it goes down would be answered by the old configuration.
    time.sleep(_GOING_DOWN_S)
    return device.status()


def _check_board(configured: bytes, was: Status) -> None:
    board = json.loads(configured)["board"]
    if not firmware_config().fits(board, was.family):
        raise FileError(f"This scanner is {was.family}, and the board {board} is not: name its own board.")
