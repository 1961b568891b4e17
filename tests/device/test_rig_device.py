"""The simulated device: the real firmware, on a line that it shares with hosts."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ardente_tools.device._client import Device
from ardente_tools.device._ports import Port
from ardente_tools.rig import RigError, SimulatedDevice
from interpreters import PROJECT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="MicroPython's unix port is for Linux")

Make = Callable[..., SimulatedDevice]


def names(device: SimulatedDevice, since: int = 0) -> list[str]:
    return [event["event"] for event in device.events.since(since)]


def status_state(device: SimulatedDevice) -> str:
    with Device(Port(device.port)) as host:
        return host.status().state


def test_the_firmware_answers_on_the_port(ardente_device: Make) -> None:
    device = ardente_device()
    assert device.running
    assert status_state(device) == "no_root"
    device.wait_for("led")


def test_it_starts_again_after_a_reset(ardente_device: Make) -> None:
    device = ardente_device()
    since = len(device.events)
    with Device(Port(device.port)) as host:
        host.reset_once()
    device.wait_for("start", since=since)
    assert device.wait_for("end", since=since)["status"] == 75
    assert status_state(device) == "no_root"


def test_a_power_cut_ends_it_and_its_flash_stays(ardente_device: Make) -> None:
    device = ardente_device()
    (device.folder / "kept").write_text("kept")
    device.stop()
    assert not device.running
    assert names(device)[-1] == "end"
    device.power_cycle()
    assert status_state(device) == "no_root"
    assert (device.folder / "kept").read_text() == "kept"


def test_it_answers_again_after_the_cable_was_pulled(ardente_device: Make) -> None:
    device = ardente_device()
    device.line.cut()
    device.line.mend()
    assert status_state(device) == "no_root"


def test_a_picture_that_is_none_is_refused_in_a_sentence(ardente_device: Make, tmp_path: Path) -> None:
    device = ardente_device()
    file = tmp_path / "card.png"
    file.write_bytes(b"no picture")
    with pytest.raises(RigError, match="cannot be read as a picture"):
        device.show(file)


def test_a_firmware_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = SimulatedDevice(tmp_path / "flash")
    monkeypatch.setattr(device, "_firmware", tmp_path)
    with pytest.raises(RigError, match=r"did not start: .*board_serial"):
        device.start()
    device.close()


def test_nothing_runs_on_when_its_owner_is_killed(tmp_path: Path) -> None:
    program = (
        "import time, pathlib; from ardente_tools.rig import SimulatedDevice\n"
        f"device = SimulatedDevice(pathlib.Path({str(tmp_path / 'flash')!r})); device.start()\n"
        "print(device._process.pid, device.line._process.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        children = owner.stdout.readline().split()
        assert len(children) == 2
        owner.kill()
    deadline = time.monotonic() + 10
    while any(_runs(child) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_a_suite_has_the_fixtures_by_installing_the_package(tmp_path: Path) -> None:
    """The example of the page, in a project that has neither configuration nor conftest."""
    page = (PROJECT / "docs" / "rig.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "test_example.py").write_text(example)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def _runs(process: str) -> bool:
    try:
        return Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
