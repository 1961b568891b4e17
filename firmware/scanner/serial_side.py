"""The scanner on its serial line: what of it the groups of SMP may see and ask for."""

import sys

from smp.image_group import GROUP as IMAGE_GROUP
from smp.image_group import ImageGroup
from smp.os_group import GROUP as OS_GROUP
from smp.os_group import OsGroup
from smp.scanner_group import GROUP as SCANNER_GROUP
from smp.scanner_group import ScannerGroup
from smp.server import Server
from smp.statistics_group import GROUP as STATISTICS_GROUP
from smp.statistics_group import StatisticsGroup
from smp.upload import Upload
from store import READY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from app import App
    from core.manifest import Manifest
    from smp.frames import Serial

PROTOCOL = 1
# After its last request a host is taken to be speaking for so long.
_SPEAKING_MS = 500
_MAX_LISTS = 16


class SerialSide:
    """Serves an application on a serial line."""

    def __init__(self, app: "App", serial: "Serial") -> None:
        self._app = app
        self._server = server = Server(serial, {})
        self._spoke_until_ms = -1
        upload = Upload()
        size = serial.buffer_bytes
        server.groups[OS_GROUP] = OsGroup(app.board, app.clock, app.store, size, self._version, server.later)
        server.groups[IMAGE_GROUP] = ImageGroup(app, upload)
        server.groups[STATISTICS_GROUP] = StatisticsGroup(app.counters, app.clock, server)
        server.groups[SCANNER_GROUP] = ScannerGroup(app, upload, self.status, size)

    def poll(self, now_ms: int) -> bool:
        """Serve one request at most; True while a host is speaking."""
        if self._server.poll():
            self._spoke_until_ms = now_ms + _SPEAKING_MS
        elif now_ms < self._spoke_until_ms:
            self._app.board.rest()
        return now_ms < self._spoke_until_ms

    def status(self) -> "dict[str, Any]":
        """What the scanner is and believes. Nothing of any card."""
        app = self._app
        store = app.store
        board = app.board
        now = app.clock.estimate()
        status: "dict[str, Any]" = {
            "protocol": PROTOCOL,
            "provisioned": store.installed is not None,
            "label": board.config.label,
            "board": board.config.board,
            "family": board.family,
            "level": board.security_level(),
            "state": app.state if store.state == READY else store.state,
            "now": now,
            "uptime_s": app.now_ms // 1000,
            "python": ".".join([str(number) for number in sys.implementation.version[:3]]),
        }
        installed = store.installed
        if installed:
            root = installed.root
            status.update({"city": root.city, "root": root.version, "root_sha": store.root_sha256})
            if installed.manifest:
                status.update(_bundle_status(installed.manifest, store.bundle_sha256(), now))
        status.update(self._application_status())
        return status

    def _application_status(self) -> "dict[str, Any]":
        slots = self._app.slots
        if slots is None:
            return {"application_state": "unpacked"}
        status: "dict[str, Any]" = {"application_state": "unpacked", "trial_failed": slots.trial_failed}
        for image in slots.state():
            if image.is_running:
                status["application"] = image.version
                status["application_sha"] = image.sha256
                status["application_state"] = "trial" if slots.on_trial else "confirmed"
        return status

    def _version(self) -> str:
        return str(self._application_status().get("application", "unpacked"))


def _bundle_status(manifest: "Manifest", sha256: bytes, now: int) -> "dict[str, Any]":
    lists = []
    for entry in manifest.lists[:_MAX_LISTS]:
        key = manifest.keys.by_list(entry.uri)
        lists.append([entry.uri, entry.sha256, key.entries if key else 0])
    return {
        "bundle": manifest.version,
        "bundle_sha": sha256,
        "iat": manifest.iat,
        "exp": manifest.exp,
        "refresh_due": now - manifest.iat > manifest.refresh_after_s,
        "lists": lists,
    }
