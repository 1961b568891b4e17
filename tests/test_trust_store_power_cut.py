"""The power may go at any moment of an installation: what loads after is the old bundle or the new one, whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from ardente import StoreError, TrustStore
from ardente.testing import FakeClock, TestCity

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL"),
]

TRACED = ("_trust_store.py", "_files.py")
CITY = TestCity()


def new_store(folder: Path) -> TrustStore:
    return TrustStore(folder, clock=FakeClock(), allow_test_city=True)


def init(store: TrustStore) -> None:
    root = CITY.root()
    store.init(root, hashlib.sha256(root).hexdigest())


def install(store: TrustStore) -> None:
    store.install(CITY.bundle(2))


def update(store: TrustStore) -> None:
    store.update((store.folder.parent / "new.cbor").as_uri())


STEPS: dict[str, Callable[[TrustStore], None]] = {"init": init, "install": install, "update": update}


def prepare(step: str, folder: Path) -> None:
    """Make the state before the step."""
    folder.parent.mkdir()
    (folder.parent / "new.cbor").write_bytes(CITY.bundle(2))
    if step != "init":
        init(new_store(folder))
        new_store(folder).install(CITY.bundle(1))


def version(folder: Path) -> int:
    """The version in force; 0 where there is a root alone, -1 where there is nothing. Damage is an error."""
    try:
        return new_store(folder).show().bundle_version or 0
    except StoreError:
        return -1


def cut_at(point: int) -> None:
    """Kill this process before the ``point``-th line that it runs of the files under test."""
    left = point

    def at_line(frame: FrameType, event: str, argument: object) -> object:
        nonlocal left
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return at_line

    def at_call(frame: FrameType, event: str, argument: object) -> object:
        return at_line if frame.f_code.co_filename.endswith(TRACED) else None

    sys.settrace(at_call)  # type: ignore[arg-type]


def walk(step: str, folder: Path) -> None:
    """Cut the step at its first line, its second, … until it is not cut; print what is found after each cut."""
    prepare(step, folder / "before" / "trust")
    found = []
    for point in range(1, 100_000):
        shutil.copytree(folder / "before", folder / "now")
        trust = folder / "now" / "trust"
        child = os.fork()
        if child == 0:
            cut_at(point)
            STEPS[step](new_store(trust))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        after = version(trust)
        STEPS[step](new_store(trust))
        left = [path.name for path in trust.iterdir() if path.name.endswith(".new")]
        found.append({"after": after, "again": version(trust), "left": left})
        shutil.rmtree(folder / "now")
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
    print(json.dumps(found))


@pytest.mark.parametrize(("step", "before", "after"), [("init", -1, 0), ("install", 1, 2), ("update", 1, 2)])
def test_a_cut_at_any_line_leaves_the_old_or_the_new(step: str, before: int, after: int, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, __file__, step, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert len(found) > 30
    versions = [point["after"] for point in found]
    assert versions == sorted(versions)
    assert {*versions} == {before, after}
    assert {point["again"] for point in found} == {after}
    assert [point["left"] for point in found if point["left"]] == []


if __name__ == "__main__":
    walk(sys.argv[1], Path(sys.argv[2]))
