"""The scanner's own group: what it is, what it believes, how it is doing; and the one time that it is told whom."""

from smp.errors import bad_request, unknown_command
from smp.provisioning import ProvisioningTarget
from smp.upload import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from counters import Counters
    from event_log import EventLog

    from smp.body import Body
    from smp.provisioning import Device as ProvisionedDevice
    from smp.upload import Upload

    class Device(ProvisionedDevice, Protocol):
        counters: Counters
        log: EventLog
        self_test: Callable[[], dict[str, bool]]

        def identify(self, duration_ms: int) -> None: ...


GROUP = 70
_STATUS, _PROVISION, _SELF_TEST, _COUNTERS, _IDENTIFY, _LOG = range(6)
_MAX_IDENTIFY_S = 60


class ScannerGroup:
    """status: what the command of this name answers
    buffer_bytes: the length that an answer with lines of the log keeps to
    """

    def __init__(
        self, device: "Device", upload: "Upload", status: "Callable[[], dict[str, Any]]", buffer_bytes: int
    ) -> None:
        self._device = device
        self._upload = upload
        self._provisioning = ProvisioningTarget(device)
        self._status = status
        self._log_bytes = buffer_bytes // 2

    def answer(self, writes: bool, command: int, body: "Body") -> "Body":
        if writes:
            if command == _PROVISION:
                return self._upload.take(self._provisioning, body)
            if command == _IDENTIFY:
                return self._identify(body)
        elif command == _STATUS:
            return self._status()
        elif command == _SELF_TEST:
            return self._device.self_test()
        elif command == _COUNTERS:
            counters = self._device.counters
            return {"days": counters.days(), "reasons": counters.reasons()}
        elif command == _LOG:
            lines, following = self._device.log.lines(number(body, "from", 0), self._log_bytes)
            return {"lines": lines, "next": following}
        raise unknown_command()

    def _identify(self, body: "Body") -> "Body":
        seconds = number(body, "seconds")
        if not 1 <= seconds <= _MAX_IDENTIFY_S:
            raise bad_request()
        self._device.identify(seconds * 1000)
        return {}
