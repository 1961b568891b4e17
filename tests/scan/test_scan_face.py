"""The public face of `ardente.scan`."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ardente.scan
from ardente.core.errors import ArdenteError


def test_every_public_name_is_there_and_no_other():
    for name in ardente.scan.__all__:
        assert getattr(ardente.scan, name) is not None
    with pytest.raises(AttributeError):
        _ = ardente.scan.Nothing


def test_scan_errors_are_the_projects():
    assert issubclass(ardente.scan.ScanError, ArdenteError)


def test_importing_it_loads_no_driver():
    code = "import sys, ardente.scan; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"serial", "evdev", "PIL", "zxingcpp"} & set(loaded)
