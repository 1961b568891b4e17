"""The scanner's own group of SMP requests (docs/serial.md), in the classes that smpclient sends and checks."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, Field, create_model
from smp import error, message

GROUP: Final = 70
# A newer scanner may say more than these tools know.
_OPEN: Final = ConfigDict(extra="ignore", frozen=True)


def printable(text: str) -> str:
    """Return ``text`` without what a terminal would take for a command."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


Text = Annotated[str, AfterValidator(printable)]
Number = Annotated[int, Field(ge=0, lt=1 << 63)]
# Until the year 9999, as far as a calendar goes.
Time = Annotated[int, Field(ge=0, le=253402300799)]


class ScannerErrorV1(error.ErrorV1):
    _GROUP_ID = GROUP


class ScannerErrorV2(error.ErrorV2[IntEnum]):
    _GROUP_ID = GROUP


class _Errors:
    _ErrorV1 = ScannerErrorV1
    _ErrorV2 = ScannerErrorV2


class StatusResponse(message.ReadResponse):
    model_config = _OPEN
    _GROUP_ID = GROUP
    _COMMAND_ID = 0

    protocol: Number
    provisioned: bool
    label: Text
    board: Text
    family: Text
    level: Text
    state: Text
    city: Text | None = None
    root: Number | None = None
    root_sha: bytes | None = None
    bundle: Number | None = None
    bundle_sha: bytes | None = None
    iat: Time | None = None
    exp: Time | None = None
    now: Time | None = None
    refresh_due: bool = False
    application: Number | None = None
    application_sha: bytes | None = None
    application_state: Text = "unpacked"
    trial_failed: bool = False
    lists: tuple[tuple[Text, bytes, Number], ...] = ()
    uptime_s: Number = 0
    python: Text = ""


class StatusRead(message.ReadRequest, _Errors):
    _GROUP_ID = GROUP
    _COMMAND_ID = 0
    _Response = StatusResponse


class ProvisionResponse(message.WriteResponse):
    model_config = _OPEN
    _GROUP_ID = GROUP
    _COMMAND_ID = 1

    off: int


class ProvisionWrite(message.WriteRequest, _Errors):
    _GROUP_ID = GROUP
    _COMMAND_ID = 1
    _Response = ProvisionResponse

    off: int
    data: bytes
    len: int | None = None
    sha: bytes | None = None


class SelfTestResponse(message.ReadResponse):
    model_config = _OPEN
    _GROUP_ID = GROUP
    _COMMAND_ID = 2

    ok: bool
    camera: bool
    card: bool
    bundle: bool


class SelfTestRead(message.ReadRequest, _Errors):
    _GROUP_ID = GROUP
    _COMMAND_ID = 2
    _Response = SelfTestResponse


class IdentifyResponse(message.WriteResponse):
    model_config = _OPEN
    _GROUP_ID = GROUP
    _COMMAND_ID = 4


class IdentifyWrite(message.WriteRequest, _Errors):
    _GROUP_ID = GROUP
    _COMMAND_ID = 4
    _Response = IdentifyResponse

    seconds: int


class LogResponse(message.ReadResponse):
    model_config = _OPEN
    _GROUP_ID = GROUP
    _COMMAND_ID = 5

    lines: list[Text]
    next: int


class _LogRead(message.ReadRequest, _Errors):
    _GROUP_ID = GROUP
    _COMMAND_ID = 5
    _Response = LogResponse


# "from" is a word of Python's.
_LogReadFrom: Any = create_model("LogReadFrom", __base__=_LogRead, **{"from": (int, ...)})  # type: ignore[call-overload]


def log_read(start: int) -> _LogRead:
    """Return the request for the events from number ``start`` on."""
    request: _LogRead = _LogReadFrom(**{"from": start})
    return request
