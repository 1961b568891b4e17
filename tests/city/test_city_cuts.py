"""A power cut at any point of a command loses nothing: run again, it does what it was asked, once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from city_cut_walk import WALKS
from city_desk import found

# So many operations at least, or the walk has stopped seeing them.
LEAST_KILLS = {"assemble": 5, "drop": 20, "init": 30, "publish": 40, "revoke": 10, "rotate": 15}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Killing at each operation needs fork, which this system lacks.")
@pytest.mark.parametrize("command", sorted(WALKS))
def test_killed_at_any_operation_it_goes_on(tmp_path: Path, command: str) -> None:
    template = found(tmp_path / "template", 1024).path
    walk = Path(__file__).with_name("city_cut_walk.py")
    done = subprocess.run(
        [sys.executable, str(walk), command, str(template), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) >= LEAST_KILLS[command]
