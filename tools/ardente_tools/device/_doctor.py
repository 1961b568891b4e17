"""Finding out what is plugged in, without changing anything, and the one next step for each thing found.

It asks in the order of what disturbs least: the scanner's own protocol; then one empty line, at which MicroPython
shows its prompt; and the chip's ROM, which takes a reset, only when told to.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import serial

from ardente._texts import freshness_text

from ._client import Device, Status
from ._errors import DeviceError, NoAnswerError, PortError, RefusedError
from ._flash import Chip
from ._ports import Port, open_port
from ._requests import printable

_TIMEOUT_S: Final = 0.7
_LISTEN_S: Final = 0.6
_DAY_S: Final = 86400
_PROTOCOL: Final = 1
_CLOCK_TOLERANCE_S: Final = _DAY_S
_PROMPT: Final = b">>> "
_ROM_TEXTS: Final = (b"waiting for download", b"DOWNLOAD_BOOT", b"DOWNLOAD(")
_ADAPTERS: Final = {
    0x10C4: "Silicon Labs CP210x",
    0x1A86: "WCH CH34x",
    0x0403: "FTDI",
    0x067B: "Prolific PL2303",
    0x303A: "Espressif, in the chip itself",
    0x2E8A: "Raspberry Pi: no board of ours",
}
Level = Literal["ok", "note", "todo"]


class Finding(NamedTuple):
    """One thing found; ``next`` is the one thing to do about it, "" where nothing."""

    what: str
    level: Level
    text: str
    next: str = ""

    def to_dict(self) -> dict[str, str]:
        return {"what": self.what, "state": self.level, "text": self.text, "next": self.next}


class Examination(NamedTuple):
    """All that was found on one port; ``status`` where a scanner answers."""

    port: Port
    findings: list[Finding]
    status: Status | None = None

    @property
    def healthy(self) -> bool:
        return not any(finding.level == "todo" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        return {
            "port": self.port.path,
            "healthy": self.healthy,
            "findings": [finding.to_dict() for finding in self.findings],
            "status": self.status.to_dict() if self.status else None,
        }


def examine(port: Port, now: int, ask_rom: Callable[[Port], Chip] | None = None) -> Examination:
    """Find out what is on a port. ``ask_rom`` restarts the board, so it is there only where the user asked for it."""
    findings = [_adapter(port)]
    try:
        status = _ask(port, findings)
        if status is None:
            findings.append(_listen(port))
        else:
            findings += judge(status, now, port)
    except PortError as error:
        findings.append(Finding("port", "todo", *_split(error)))
        return Examination(port, findings)
    if ask_rom is not None:
        findings.append(_rom(port, ask_rom))
    return Examination(port, findings, status)


def identify(port: Port) -> Finding:
    """Say in one line what is behind a port."""
    try:
        with Device(port, timeout_s=_TIMEOUT_S) as device:
            status = device.status(tries=1)
    except NoAnswerError:
        return _listen(port)
    except DeviceError as error:
        return Finding("port", "todo", *_split(error))
    return Finding("scanner", "ok", f"scanner {status.label}, {status.state}")


def judge(status: Status, now: int, port: Port) -> list[Finding]:
    """Return what there is to say of a scanner that answers, at ``now`` by this computer's clock in epoch seconds."""
    findings = [_protocol(status), _application(status, port), _root(status, port)]
    if status.provisioned:
        findings += [_bundle(status, now, port), _clock(status, now)]
    if status.state == "fault":
        findings.append(
            Finding(
                "state", "todo", "The scanner reports a fault.", f"See what it was: ardente device logs {port.path}"
            )
        )
    return [*findings, _security(status)]


def _ask(port: Port, findings: list[Finding]) -> Status | None:
    with Device(port, timeout_s=_TIMEOUT_S) as device:
        try:
            status = device.status(tries=2)
            findings.append(Finding("scanner", "ok", f"{status.label}, board {status.board}, family {status.family}"))
            findings += _test(device, port)
        except NoAnswerError:
            return None
        except PortError:
            raise
        except DeviceError as error:
            findings.append(Finding("protocol", "todo", *_split(error)))
            return None
    return status


def _test(device: Device, port: Port) -> list[Finding]:
    try:
        tested = device.self_test()
    except RefusedError:
        return [Finding("self-test", "note", "The scanner's application has no self-test that can be asked for.")]
    return [_broken(what, port) for what in ("camera", "card") if not getattr(tested, what)]


def _broken(what: str, port: Port) -> Finding:
    if what == "camera":
        return Finding(
            "camera", "todo", "The camera gives no picture.", "Switch the scanner off, press the camera's cable home."
        )
    return Finding(
        "self-test",
        "todo",
        "The scanner does not verify the known test card.",
        f"Push a signed application: ardente device push {port.path} APPLICATION",
    )


def _adapter(port: Port) -> Finding:
    if port.vid is None:
        return Finding("port", "note", f"{port.path} is no USB port, or not known as one.")
    name = _ADAPTERS.get(port.vid, printable(port.description))
    driver = _driver(port.path)
    usb = f"{port.vid:04x}:{port.pid or 0:04x}"
    return Finding("port", "ok", f"{port.path}: {name} ({usb}){f', driver {driver}' if driver else ''}")


def _driver(path: str) -> str | None:
    with suppress(OSError):
        return Path(os.readlink(f"/sys/class/tty/{Path(path).name}/device/driver")).name
    return None


def _listen(port: Port) -> Finding:
    """Send one empty line, which no program takes for an order, and see what is said."""
    connection = open_port(port)
    heard = b""
    try:
        connection.write(b"\r")
        deadline_s = time.monotonic() + _LISTEN_S
        while time.monotonic() < deadline_s and _PROMPT not in heard:
            heard += connection.read(max(1, connection.in_waiting))
    except (OSError, serial.SerialException):
        raise PortError(f"{port.path} went away: plug the cable in again.") from None
    finally:
        connection.close()
    flash = f"Flash it: ardente device flash {port.path} --image FILE"
    if _PROMPT.strip() in heard:
        return Finding("image", "todo", "A bare MicroPython answers, without our application.", flash)
    if any(text in heard for text in _ROM_TEXTS):
        return Finding("image", "todo", "The board is in its bootloader and waits for an image.", flash)
    if heard:
        return Finding("image", "todo", "Something else than a scanner runs on the board.", flash)
    return Finding(
        "image",
        "todo",
        "Nothing answers: no power, a board in its bootloader, another speed, or no image.",
        f"Check the power, then ask the chip itself, which restarts it: ardente device doctor {port.path} --rom",
    )


def _protocol(status: Status) -> Finding:
    if status.protocol > _PROTOCOL:
        return Finding(
            "protocol", "todo", f"Protocol {status.protocol} is newer than these tools.", "Update the tools."
        )
    return Finding("protocol", "ok", f"protocol {status.protocol}, MicroPython {status.python}")


def _application(status: Status, port: Port) -> Finding:
    push = f"Push a signed one: ardente device push {port.path} APPLICATION"
    if status.application is None or status.application_state == "unpacked":
        return Finding("application", "note", "The application is the image's own, not one of the city's.")
    text = f"application {status.application}, {status.application_state}"
    if status.trial_failed:
        return Finding("application", "todo", f"{text}; a newer one failed its self-test.", push)
    if status.application_state == "trial":
        return Finding(
            "application", "todo", f"{text}.", "Wait a minute and ask again: it confirms itself or goes back."
        )
    return Finding("application", "ok", text)


def _root(status: Status, port: Port) -> Finding:
    if not status.provisioned:
        return Finding(
            "root",
            "todo",
            "The scanner has no root: it is not provisioned.",
            f"Provision it: ardente device provision {port.path} --label LABEL",
        )
    sha256 = status.root_sha.hex() if status.root_sha else "unknown"
    return Finding("root", "ok", f"city {status.city}, root {status.root}, SHA-256 {sha256}")


def _bundle(status: Status, now: int, port: Port) -> Finding:
    push = f"Push the newest: ardente device push {port.path} BUNDLE"
    if status.bundle is None or status.iat is None or status.exp is None:
        return Finding("bundle", "todo", "The scanner has no bundle, so it refuses every card.", push)
    text = freshness_text(status.bundle, timedelta(seconds=max(0, now - status.iat)), "en")
    if now >= status.exp or status.state == "stale":
        return Finding("bundle", "todo", f"{text}, expired: the scanner refuses every card.", push)
    if status.refresh_due:
        return Finding("bundle", "todo", f"{text}: a newer one is due.", push)
    return Finding("bundle", "ok", text)


def _clock(status: Status, now: int) -> Finding:
    if status.now is None or abs(status.now - now) <= _CLOCK_TOLERANCE_S:
        return Finding("clock", "ok", "the scanner's time agrees with this computer's")
    days = round((status.now - now) / _DAY_S)
    if days > 0:
        return Finding(
            "clock", "note", f"The scanner's time is {days} days ahead of this computer's: check this computer's clock."
        )
    return Finding("clock", "note", f"The scanner's time is {-days} days behind; the next bundle brings it forward.")


def _security(status: Status) -> Finding:
    text = {
        "L0": "L0: whoever opens the box can write the flash; seal the box.",
        "L1": "L1: the application is in the image; the flash can still be written with a cable.",
    }.get(status.level, status.level)
    return Finding("security", "note", text)


def _rom(port: Port, ask_rom: Callable[[Port], Chip]) -> Finding:
    try:
        chip = ask_rom(port)
    except DeviceError as error:
        return Finding("chip", "todo", *_split(error))
    flash = f"flash {chip.flash_bytes >> 20} MB" if chip.flash_bytes else "flash of unknown size"
    return Finding("chip", "ok", f"{chip.name}, {flash}, MAC {chip.mac or 'unknown'}")


def _split(error: DeviceError) -> tuple[str, str]:
    """What is wrong and what to do: an error's text has them before and after a colon, or as sentences."""
    text = str(error)
    for mark in (": ", ". "):
        wrong, found, step = text.partition(mark)
        if found:
            return f"{wrong}.", f"{step[:1].upper()}{step[1:]}"
    return text, ""
