"""Chooses the application that a start runs: the confirmed one, or for one start the one on trial.

It is written with the first image and never again, so it imports nothing of an application and no application imports
it. What both know are two files (docs/decisions/application-update.md): `state` and, in each slot, `record`.
"""

import hashlib
import json
import os
import sys
import time
from binascii import hexlify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SLOTS = (0, 1)
_DIGEST_BYTES = 32
_CHUNK_BYTES = 1024
# Longer than a start takes until the application has a watchdog of its own.
_WATCHDOG_MS = 60000
_PAUSE_S = 1
# Tells who runs a simulated scanner to start it again.
_RESTART_STATUS = 75


def start(root: str) -> None:
    """Run an application of the flash at `root`. However it ends, the scanner starts again."""
    _guard()
    folder = root.rstrip("/") + "/app"
    sys.path.insert(0, "%s/%d" % (folder, choose(folder)))
    try:
        __import__("main").main()
    except Exception as error:
        # Not what it says: an exception may carry what was scanned.
        sys.stderr.write("The application ended: " + type(error).__name__ + "\n")
    time.sleep(_PAUSE_S)
    _reset()


def choose(folder: str) -> int:
    """The slot to run; a trial is noted before it begins, so that it never begins twice."""
    state = _read_state(folder)
    confirmed, trial = state["confirmed"], state["trial"]
    if trial is not None:
        begins = state["starts"] == 0 and is_whole(folder, trial)
        if begins and _write_state(folder, confirmed, trial, 1, False):
            return trial  # type: ignore[no-any-return]
        if not begins:
            _write_state(folder, confirmed, None, 0, True)
    if is_whole(folder, confirmed) or not is_whole(folder, 1 - confirmed):
        return confirmed  # type: ignore[no-any-return]
    _write_state(folder, 1 - confirmed, None, 0, state["failed"])
    return 1 - confirmed  # type: ignore[no-any-return]


def is_whole(folder: str, slot: int) -> bool:
    """Whether every part in a slot is what its record says."""
    try:
        record = _read_record(folder, slot)
        return all([_sha256("%s/%d/%s" % (folder, slot, path)) == sha256 for path, sha256 in record["parts"]])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _read_state(folder: str) -> "dict[str, Any]":
    try:
        state: "dict[str, Any]" = json.loads(_read_sealed(folder + "/state"))
        if state["confirmed"] in _SLOTS and state["trial"] in (None, 1 - state["confirmed"]):
            return {name: state[name] for name in ("confirmed", "trial", "starts", "failed")}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    # The newest that was confirmed once; one that came and was never tried counts least.
    ranks = [_rank(folder, slot) for slot in _SLOTS]
    return {"confirmed": 1 if ranks[1] > ranks[0] else 0, "trial": None, "starts": 0, "failed": False}


def _rank(folder: str, slot: int) -> "tuple[bool, int]":
    try:
        record = _read_record(folder, slot)
        return bool(record["confirmed"]), int(record["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return False, 0


def _read_record(folder: str, slot: int) -> "dict[str, Any]":
    record: "dict[str, Any]" = json.loads(_read_sealed("%s/%d/record" % (folder, slot)))
    return record


def _write_state(folder: str, confirmed: int, trial: "int | None", starts: int, failed: bool) -> bool:
    state = {"confirmed": confirmed, "trial": trial, "starts": starts, "failed": failed}
    data = json.dumps(state).encode()
    try:
        with open(folder + "/state.new", "wb") as file:
            file.write(hashlib.sha256(data).digest() + data)
        os.rename(folder + "/state.new", folder + "/state")
    except OSError:
        return False
    return True


def _read_sealed(path: str) -> bytes:
    with open(path, "rb") as file:
        sealed: bytes = file.read()
    if hashlib.sha256(sealed[_DIGEST_BYTES:]).digest() != sealed[:_DIGEST_BYTES]:
        raise ValueError
    return sealed[_DIGEST_BYTES:]


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            chunk = file.read(_CHUNK_BYTES)
            if not chunk:
                return hexlify(digest.digest()).decode()
            digest.update(chunk)


def _guard() -> None:
    """See to it that an application that hangs ends, and that a stray Ctrl-C on the line does not end it."""
    try:
        from machine import WDT

        WDT(timeout=_WATCHDOG_MS)
    except ImportError:
        pass  # A simulated scanner is watched by who runs it.
    try:
        from micropython import kbd_intr

        kbd_intr(-1)
    except ImportError:
        pass


def _reset() -> None:
    try:
        from machine import reset
    except ImportError:
        sys.exit(_RESTART_STATUS)
    reset()
