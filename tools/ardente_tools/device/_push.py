"""Bringing a scanner a bundle or an application, through cuts, until it says itself that it has it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from ._client import APPLICATION_IMAGE, BUNDLE_IMAGE, Device, Status
from ._errors import DeviceError, OtherDeviceError, RefusedError, RolledBackError
from ._payload import Payload
from ._ports import BAUDRATE, Port
from ._session import Session

Result = Literal["installed", "unchanged"]
WAIT_S: Final = 120.0
# A trial ends in the scanner's self-test, which takes a camera seconds.
_TRIAL_S: Final = 120.0
_TRIAL_PAUSE_S: Final = 0.25
_RESTART_S: Final = 10.0


@dataclass(slots=True)
class Watcher:
    """Who shows a push: the bytes that the scanner has of all, and what it is at."""

    progress: Callable[[int, int], None] = lambda done, total: None
    step: Callable[[str], None] = lambda text: None


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push came to; ``now`` is read back from the scanner."""

    was: Status
    now: Status
    result: Result
    sent_bytes: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where to push. ``label`` is the scanner that must be there; "" for whichever it is."""

    port: Port
    label: str = ""
    wait_s: float = WAIT_S
    baudrate: int = BAUDRATE
    watcher: Watcher = field(default_factory=Watcher)


def push(target: Target, payload: Payload, on_found: Callable[[Status], None] = lambda status: None) -> Pushed:
    """Bring ``payload`` to a scanner, and return what it says it has. Raises `DeviceError`.

    ``on_found`` takes what the scanner was before. Pushed again after a failure, it goes on where it stopped.
    """
    watcher = target.watcher

    def waiting() -> None:
        watcher.step("gone: waiting for it to come back")

    with Session(target.port, wait_s=target.wait_s, on_wait=waiting, baudrate=target.baudrate) as session:
        was = session.first_status()
        if target.label and was.label != target.label:
            raise OtherDeviceError(
                f"The scanner on {target.port.path} is {was.label}, not {target.label}: plug in the right one."
            )
        session.expect(was.label)
        on_found(was)
        if payload.is_in(was):
            return Pushed(was, was, "unchanged", session.sent_bytes)
        payload.check_fits(was)
        _upload(session, payload, watcher)
        now = _read_back(session, payload) if payload.image == BUNDLE_IMAGE else _try_out(session, payload, watcher)
        return Pushed(was, now, "installed", session.sent_bytes)


def _upload(session: Session, payload: Payload, watcher: Watcher) -> None:
    furthest = 0

    def progress(done: int, total: int) -> None:
        nonlocal furthest
        # One that restarts at the same byte each time makes no progress.
        if done > furthest:
            furthest = done
            session.heard()
        watcher.progress(done, total)

    def upload(device: Device) -> None:
        if _has(device, payload):
            return
        watcher.step(f"sending {payload.name}")
        try:
            device.upload(payload.image, payload.data, progress)
        except RefusedError:
            # The answer to the last byte may have been lost, and the same byte sent again.
            if not _has(device, payload):
                raise

    session.call(upload)


def _has(device: Device, payload: Payload) -> bool:
    return any(image.image == payload.image and image.sha256 == payload.sha256 for image in device.images())


def _read_back(session: Session, payload: Payload) -> Status:
    now = session.call(Device.status)
    if not payload.is_in(now):
        raise DeviceError(f"The scanner took {payload.name} and says that it has another: push it again.")
    return now


def _try_out(session: Session, payload: Payload, watcher: Watcher) -> Status:
    """Let the scanner restart with the application, and wait for what its self-test says."""
    if session.call(Device.status).application_sha != payload.sha256:
        session.call(lambda device: device.set_trial(payload.sha256))
    deadline_s = time.monotonic() + _TRIAL_S
    restarted_s = -_TRIAL_S
    while time.monotonic() < deadline_s:
        # In this order: a restart between the two looks like a trial, and not like one that failed.
        is_pending = session.call(lambda device: _is_pending(device, payload))
        now = session.call(Device.status)
        if payload.is_in(now):
            return now
        if now.application_sha == payload.sha256:
            pass  # It is on trial.
        elif not is_pending:
            running = now.application if now.application is not None else "the one before"
            raise RolledBackError(
                f"The scanner tried {payload.name}, its self-test failed, and it went back to {running}: "
                "see `ardente device logs`, and tell whoever made it."
            )
        elif time.monotonic() - restarted_s > _RESTART_S:
            watcher.step("restarting on trial")
            session.call(Device.reset_once)
            restarted_s = time.monotonic()
        time.sleep(_TRIAL_PAUSE_S)
    raise DeviceError(
        f"The scanner has not finished trying {payload.name} after two minutes: "
        "restart it, which brings the one before back, and see `ardente device logs`."
    )


def _is_pending(device: Device, payload: Payload) -> bool:
    return any(
        image.image == APPLICATION_IMAGE and image.sha256 == payload.sha256 and image.pending
        for image in device.images()
    )
