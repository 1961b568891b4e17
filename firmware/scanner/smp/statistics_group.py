"""The statistics group of SMP: numbers of today's scans, and of this line."""

from core.calendar import DAY_S

from smp.errors import bad_request, unknown_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from clock import Clock
    from counters import Counters

    from smp.body import Body
    from smp.server import Server

GROUP = 2
_DATA, _LIST = 0, 1
_TODAY, _SERIAL = "today", "serial"


class StatisticsGroup:
    def __init__(self, counters: "Counters", clock: "Clock", server: "Server") -> None:
        self._counters = counters
        self._clock = clock
        self._server = server

    def answer(self, writes: bool, command: int, body: "Body") -> "Body":
        if writes or command not in (_DATA, _LIST):
            raise unknown_command()
        if command == _LIST:
            return {"stat_list": [_TODAY, _SERIAL]}
        name = body.get("name")
        if name == _TODAY:
            return {"name": name, "fields": self._today()}
        if name == _SERIAL:
            return {"name": name, "fields": self._server.counts()}
        raise bad_request()

    def _today(self) -> "dict[str, int]":
        today = str(self._clock.now() // DAY_S)
        accepted, refused, faults = self._counters.days().get(today, (0, 0, 0))
        return {"accepted": accepted, "refused": refused, "faults": faults}
