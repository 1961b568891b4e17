"""The one time that a scanner is told whom to believe: its configuration and the first root, in one document."""

import json

from config import ConfigError, fits, parse
from core import reasons
from core.cbor import decode
from core.errors import FormatError
from core.root import MAX_ROOT_SIZE
from flash_file import write_file
from store import NO_ROOT, StoreError

from smp.errors import (
    ALREADY_PROVISIONED,
    EBADSTATE,
    EINVAL,
    ENOMEM,
    FLASH_FULL,
    TOO_LARGE,
    RequestError,
    bad_request,
)
from smp.upload import Arrival

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from store import Store

    class Board(Protocol):
        family: str
        config_path: str

    class Device(Protocol):
        store: Store

        @property
        def board(self) -> Board: ...

        def trust_changed(self) -> None: ...

        def note(self, words: str) -> None: ...


_MAX_CONFIG_BYTES = 2048
_MAX_BYTES = _MAX_CONFIG_BYTES + MAX_ROOT_SIZE + 16


class ProvisioningTarget:
    """Takes the document into RAM, judges both parts, and writes the root last; only while no root is believed."""

    def __init__(self, device: "Device") -> None:
        self._device = device
        self._document = bytearray()
        self._length = 0
        self._arrival = Arrival(b"")

    def holds(self, sha256: bytes) -> bool:
        return False

    def begin(self, length: int, sha256: bytes) -> int:
        self._check_state()
        if length > _MAX_BYTES:
            raise RequestError(EINVAL, TOO_LARGE)
        self._length = length
        self._arrival = Arrival(sha256)
        return 0

    def write(self, offset: int, data: bytes) -> int:
        self._arrival.update(data)
        self._document.extend(data)
        return len(self._document)

    def finish(self) -> None:
        self._check_state()
        self._arrival.check()
        config, root = _parts(bytes(self._document))
        self.abandon()
        self._check_config(config)
        device = self._device
        try:
            device.store.judge_root(root)
            write_file(device.board.config_path, config)
            device.store.provision(root)
        except (StoreError, OSError):
            raise RequestError(ENOMEM, FLASH_FULL) from None
        device.note("Provisioned: a root is believed from now on.")
        device.trust_changed()

    def abandon(self) -> None:
        self._document = bytearray()

    def _check_state(self) -> None:
        if self._device.store.state != NO_ROOT:
            raise RequestError(EBADSTATE, ALREADY_PROVISIONED)

    def _check_config(self, data: bytes) -> None:
        if len(data) > _MAX_CONFIG_BYTES:
            raise RequestError(EINVAL, TOO_LARGE)
        try:
            config = parse(json.loads(data))
        except (ConfigError, ValueError, UnicodeError):
            raise bad_request() from None
        if not fits(config.board, self._device.board.family):
            raise RequestError(EINVAL, reasons.WRONG_BOARD)


def _parts(document: bytes) -> "tuple[bytes, bytes]":
    try:
        parts = decode(document)
    except FormatError:
        raise bad_request() from None
    if not isinstance(parts, list) or len(parts) != 2 or not all([isinstance(part, bytes) for part in parts]):
        raise bad_request()
    config, root = parts
    return config, root
