"""The image group of SMP: image 0 is the application, image 1 the city's bundle."""

from application_slots import ApplicationError
from store import NO_ROOT, StoreError

from smp.errors import (
    BAD_REQUEST,
    BUSY,
    EACCESSDENIED,
    EBADSTATE,
    EBUSY,
    EINVAL,
    ENOMEM,
    ENOTSUP,
    FLASH_FULL,
    NO_UPLOAD,
    NOT_PROVISIONED,
    UNKNOWN_COMMAND,
    RequestError,
    bad_request,
    unknown_command,
)
from smp.upload import Arrival, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from application_slots import ApplicationSlots, Image
    from store import Store

    from smp.body import Body
    from smp.upload import Target, Upload

    class Device(Protocol):
        store: Store
        slots: ApplicationSlots | None
        self_test: Callable[[], dict[str, bool]]

        def trust_changed(self) -> None: ...

        def note(self, words: str) -> None: ...


GROUP = 1
APPLICATION, BUNDLE = 0, 1
_STATE, _UPLOAD, _ERASE = 0, 1, 5
_CODES = {
    BAD_REQUEST: EINVAL,
    BUSY: EBUSY,
    FLASH_FULL: ENOMEM,
    NOT_PROVISIONED: EBADSTATE,
    NO_UPLOAD: EBADSTATE,
}


class BundleTarget:
    """The store, as an upload sees it."""

    def __init__(self, device: "Device") -> None:
        self._device = device
        self._store = device.store
        self._arrival = Arrival(b"")

    def holds(self, sha256: bytes) -> bool:
        return self._store.bundle_sha256() == sha256

    def begin(self, length: int, sha256: bytes) -> int:
        if self._store.state == NO_ROOT:
            raise RequestError(EBADSTATE, NOT_PROVISIONED)
        self._arrival = Arrival(sha256)
        try:
            self._store.begin(length)
        except StoreError:
            raise _flash_full() from None
        return 0

    def write(self, offset: int, data: bytes) -> int:
        self._arrival.update(data)
        try:
            return self._store.write(offset, data)
        except StoreError:
            raise _flash_full() from None

    def finish(self) -> None:
        self._arrival.check()
        try:
            changed = self._store.finish()
        except StoreError:
            raise _flash_full() from None
        if changed:
            self._device.trust_changed()

    def abandon(self) -> None:
        self._store.abandon()


class ApplicationTarget:
    """The slots of applications, as an upload sees them."""

    def __init__(self, device: "Device") -> None:
        self._device = device

    @property
    def slots(self) -> "ApplicationSlots":
        """Raises RequestError where this application runs from no slot."""
        slots = self._device.slots
        if slots is None:
            raise RequestError(ENOTSUP, UNKNOWN_COMMAND)
        return slots

    def holds(self, sha256: bytes) -> bool:
        return any([image.sha256 == sha256 for image in self.slots.state()])

    def begin(self, length: int, sha256: bytes) -> int:
        return self.slots.begin(length, sha256)

    def write(self, offset: int, data: bytes) -> int:
        return self.slots.write(offset, data)

    def finish(self) -> None:
        self.slots.finish()
        self._device.note("A new application has come; it is tried when a host says so.")

    def abandon(self) -> None:
        if self._device.slots:
            self._device.slots.abandon()


class ImageGroup:
    def __init__(self, device: "Device", upload: "Upload") -> None:
        self._device = device
        self._upload = upload
        self._application = ApplicationTarget(device)
        self._targets: "tuple[Target, Target]" = (self._application, BundleTarget(device))

    def answer(self, writes: bool, command: int, body: "Body") -> "Body":
        try:
            if command == _STATE:
                if writes:
                    self._set_state(body)
                return {"images": self._applications() + self._bundles(), "splitStatus": 0}
            if command == _UPLOAD and writes:
                return self._upload.take(self._target(body), body)
        except ApplicationError as error:
            raise RequestError(_CODES.get(error.reason, EINVAL), error.reason) from None
        except OSError:
            raise _flash_full() from None
        if command == _ERASE and writes:
            # What a scanner has is replaced, and never taken away.
            raise RequestError(EACCESSDENIED, BAD_REQUEST)
        raise unknown_command()

    def _target(self, body: "Body") -> "Target":
        """Whose piece it is: a piece that is not the first need not say."""
        on_its_way = self._upload.target
        if number(body, "off") and on_its_way and on_its_way in self._targets and "image" not in body:
            return on_its_way
        image = number(body, "image", APPLICATION)
        if image >= len(self._targets):
            raise bad_request()
        return self._targets[image]

    def _set_state(self, body: "Body") -> None:
        """Have the application with a hash tried at the next start, or the one that runs confirmed."""
        slots = self._application.slots
        sha256, confirms = body.get("hash"), body.get("confirm", False)
        if confirms is False and isinstance(sha256, bytes):
            slots.test(sha256)
            return
        if confirms is not True or not (sha256 is None or isinstance(sha256, bytes)):
            raise bad_request()
        running = [image for image in slots.state() if image.is_running]
        if sha256 is not None and sha256 not in [image.sha256 for image in running]:
            raise RequestError(EBADSTATE, NO_UPLOAD)
        if slots.on_trial:
            if not self._device.self_test()["ok"]:
                raise RequestError(EBADSTATE, BUSY)
            slots.confirm()

    def _applications(self) -> "list[dict[str, Any]]":
        slots = self._device.slots
        return [_application_state(image) for image in slots.state()] if slots else []

    def _bundles(self) -> "list[dict[str, Any]]":
        store = self._device.store
        installed = store.installed
        if installed is None or installed.manifest is None:
            return []
        state = _state(BUNDLE, 0, installed.manifest.version, store.bundle_sha256())
        state.update({"bootable": False, "pending": False, "confirmed": True, "active": True, "permanent": True})
        return [state]


def _application_state(image: "Image") -> "dict[str, Any]":
    state = _state(APPLICATION, 0 if image.is_running else 1, image.version, image.sha256)
    state["bootable"] = True
    state["pending"] = image.is_pending
    state["confirmed"] = state["permanent"] = image.is_confirmed
    state["active"] = image.is_running
    return state


def _state(image: int, slot: int, version: int, sha256: bytes) -> "dict[str, Any]":
    return {"image": image, "slot": slot, "version": str(version), "hash": sha256}


def _flash_full() -> RequestError:
    return RequestError(ENOMEM, FLASH_FULL)
