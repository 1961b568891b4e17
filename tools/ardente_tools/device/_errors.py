"""What goes wrong between a laptop and a scanner: one sentence of what it is, one of what to do. None names a card."""

from __future__ import annotations

from typing import ClassVar, Final

from ardente._texts import TRUST_TEXTS
from ardente.core.errors import ArdenteError


class DeviceError(ArdenteError):
    """A command could not do what it was asked; what the scanner had stays. ``code`` is stable, for scripts."""

    code: ClassVar[str] = "failed"


class PortError(DeviceError):
    """The serial port cannot be opened: it is missing, busy, or not this user's."""

    code = "port"


class PortLostError(PortError):
    """The port went away while it was in use."""

    code = "port_lost"


class NoAnswerError(DeviceError):
    """Nothing on the port answers as a scanner does."""

    code = "no_answer"


class OtherDeviceError(DeviceError):
    """Another scanner answers than the one that was meant."""

    code = "other_device"


class FileError(DeviceError):
    """A file is missing, damaged, or not meant for this scanner."""

    code = "file"


class RolledBackError(DeviceError):
    """The scanner tried the new application and went back to the one before."""

    code = "rolled_back"


class JournalError(DeviceError):
    """A journal cannot be read or written."""

    code = "journal"


class FleetError(DeviceError):
    """A fleet file is wrong; no device was touched."""

    code = "fleet"


class RefusedError(DeviceError):
    """The scanner refused a request, and nothing changed. ``reason`` is its name for why, of a closed list."""

    code = "refused"

    def __init__(self, reason: str, number: int = 0) -> None:
        super().__init__(_refusal(reason, number))
        self.reason = reason


_REFUSALS: Final = {
    "unknown_command": "The scanner does not know this command: its application is older than these tools; update it.",
    "bad_request": "The scanner did not understand the request: update its application, or these tools.",
    "already_provisioned": "The scanner is provisioned already, and takes no second root: flash it anew to start over.",
    "not_provisioned": "The scanner has no root yet: run `ardente device provision` first.",
    "flash_full": "The scanner's flash is full: restart it with `ardente device reset`, then try again.",
    "no_upload": "The scanner has no upload to go on with: push the file again.",
    "too_large": "The file is larger than a scanner takes: check that it is the right one.",
    "busy": "The scanner is busy: wait a moment, then try again.",
}


def _refusal(reason: str, number: int) -> str:
    text = _REFUSALS.get(reason) or TRUST_TEXTS.get(reason)
    if text:
        return text
    named = reason if reason.replace("_", "").isalnum() and len(reason) <= 32 else f"error {number}"
    return f"The scanner refused this ({named}): update these tools, which do not know why."
