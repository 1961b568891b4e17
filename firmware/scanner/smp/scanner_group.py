"""The scanner's own group: what it is, what it believes, how it is doing. Nothing of any card."""

from smp.errors import unknown_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from smp.body import Body

GROUP = 70
_STATUS = 0


class ScannerGroup:
    def __init__(self, status: "Callable[[], dict[str, Any]]") -> None:
        self._status = status

    def answer(self, writes: bool, command: int, body: "Body") -> "Body":
        if command == _STATUS and not writes:
            return self._status()
        raise unknown_command()
