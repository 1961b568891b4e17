"""The image group of SMP: image 0 is the application, image 1 the city's bundle."""

from store import NO_ROOT, StoreError

from smp.errors import (
    BAD_REQUEST,
    EACCESSDENIED,
    EBADSTATE,
    ENOMEM,
    ENOTSUP,
    FLASH_FULL,
    NOT_PROVISIONED,
    UNKNOWN_COMMAND,
    RequestError,
    bad_request,
    unknown_command,
)
from smp.upload import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from store import Store

    from smp.body import Body
    from smp.upload import Target, Upload

GROUP = 1
_STATE, _UPLOAD, _ERASE = 0, 1, 5
APPLICATION, BUNDLE = 0, 1


class BundleTarget:
    """The store, as an upload sees it; `installed` is called with the version when a new bundle is in force."""

    def __init__(self, store: "Store", installed: "Callable[[], None]") -> None:
        self._store = store
        self._installed = installed

    def holds(self, length: int, sha256: bytes) -> bool:
        return self._store.bundle_sha256() == sha256

    def begin(self, length: int, sha256: bytes) -> None:
        if self._store.state == NO_ROOT:
            raise RequestError(EBADSTATE, NOT_PROVISIONED)
        try:
            self._store.begin(length)
        except StoreError:
            raise RequestError(ENOMEM, FLASH_FULL) from None

    def write(self, offset: int, data: bytes) -> None:
        try:
            self._store.write(offset, data)
        except StoreError:
            raise RequestError(ENOMEM, FLASH_FULL) from None

    def finish(self, sha256: bytes) -> None:
        try:
            changed = self._store.finish()
        except StoreError:
            raise RequestError(ENOMEM, FLASH_FULL) from None
        if changed:
            self._installed()

    def abandon(self) -> None:
        self._store.abandon()


class ImageGroup:
    def __init__(self, store: "Store", upload: "Upload", bundle: "Target") -> None:
        self._store = store
        self._upload = upload
        self._targets: "dict[int, Target]" = {BUNDLE: bundle}

    def answer(self, writes: bool, command: int, body: "Body") -> "Body":
        if command == _STATE:
            if writes:
                raise RequestError(ENOTSUP, UNKNOWN_COMMAND)
            return {"images": self._images(), "splitStatus": 0}
        if command == _UPLOAD and writes:
            return self._upload.take(self._target(body), body)
        if command == _ERASE and writes:
            # What the device has is replaced, never taken away.
            raise RequestError(EACCESSDENIED, BAD_REQUEST)
        raise unknown_command()

    def _target(self, body: "Body") -> "Target":
        if number(body, "off"):
            target = self._upload.next_target()
            if target:
                return target
        image = body.get("image", APPLICATION)
        if image is True or image is False or image not in (APPLICATION, BUNDLE):
            raise bad_request()
        if image not in self._targets:
            raise RequestError(ENOTSUP, UNKNOWN_COMMAND)
        return self._targets[image]

    def _images(self) -> "list[dict[str, Any]]":
        images = []
        installed = self._store.installed
        if installed and installed.manifest:
            images.append(
                {
                    "image": BUNDLE,
                    "slot": 0,
                    "version": str(installed.manifest.version),
                    "hash": self._store.bundle_sha256(),
                    "bootable": False,
                    "pending": False,
                    "confirmed": True,
                    "active": True,
                    "permanent": True,
                }
            )
        return images
