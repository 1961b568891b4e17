"""The OS group of SMP: echo, time, reset, and what this server is and can take."""

import sys

from smp.date import date_text, parse_date
from smp.errors import EBADSTATE, ENOTSUP, NOT_PROVISIONED, UNKNOWN_COMMAND, RequestError, bad_request, unknown_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from clock import Clock
    from store import Store

    from smp.body import Body

    class Board(Protocol):
        family: str

        def reset(self) -> None: ...


GROUP = 0
_ECHO, _DATETIME, _RESET, _PARAMETERS, _INFO, _BOOTLOADER = 0, 4, 5, 6, 7, 8
_NAME = "ardente"
_ALL = "a"


class OsGroup:
    """later: is called with what to do once the answer is out
    version: gives that of the application that runs, as text
    """

    def __init__(
        self,
        board: "Board",
        clock: "Clock",
        store: "Store",
        buffer_bytes: int,
        version: "Callable[[], str]",
        later: "Callable[[Callable[[], None]], None]",
    ) -> None:
        self._board = board
        self._clock = clock
        self._store = store
        self._buffer_bytes = buffer_bytes
        self._version = version
        self._later = later

    def answer(self, writes: bool, command: int, body: "Body") -> "Body":
        if command == _ECHO:
            return self._echo(body)
        if command == _DATETIME:
            return self._hint(body) if writes else {"datetime": date_text(self._clock.now())}
        if command == _RESET and writes:
            return self._reset(body)
        if writes:
            raise unknown_command()
        if command == _PARAMETERS:
            return {"buf_size": self._buffer_bytes, "buf_count": 1}
        if command == _INFO:
            return {"output": self._info(body.get("format", "s"))}
        if command == _BOOTLOADER and "query" not in body:
            return {"bootloader": _NAME}
        raise unknown_command()

    def _echo(self, body: "Body") -> "Body":
        text = body.get("d")
        if not isinstance(text, str):
            raise bad_request()
        return {"r": text}

    def _hint(self, body: "Body") -> "Body":
        installed = self._store.installed
        if installed is None or installed.manifest is None:
            raise RequestError(EBADSTATE, NOT_PROVISIONED)
        text = body.get("datetime")
        if not isinstance(text, str):
            raise bad_request()
        try:
            time = parse_date(text)
        except ValueError:
            raise bad_request() from None
        self._clock.hint(time, installed.manifest.exp)
        return {}

    def _reset(self, body: "Body") -> "Body":
        if body.get("boot_mode", 0) != 0:
            raise RequestError(ENOTSUP, UNKNOWN_COMMAND)
        self._later(self._board.reset)
        return {}

    def _info(self, form: object) -> str:
        """The fields that `form` names by a letter, in the order of SMP."""
        if not isinstance(form, str) or not form or form.strip("snrvbmpioa"):
            raise bad_request()
        python = sys.implementation
        release = ".".join([str(number) for number in python.version[:3]])
        fields = (
            ("s", _NAME),
            ("r", release),
            ("v", self._version()),
            ("m", self._board.family),
            ("o", python.name),
        )
        return " ".join([text for letter, text in fields if letter in form or _ALL in form])
