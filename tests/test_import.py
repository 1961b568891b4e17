"""A program pays for what it uses: `import ardente` is quick, and a check loads what it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ardente

HEAVY = {
    "asyncio",
    "click",
    "filelock",
    "gettext",
    "http.client",
    "json",
    "logging",
    "msgspec",
    "PIL",
    "serial",
    "sqlalchemy",
    "sqlite3",
    "tempfile",
    "tomllib",
    "urllib.request",
    "zoneinfo",
    "zxingcpp",
}


def modules_after(statement: str) -> set[str]:
    script = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_importing_the_package_loads_nothing_of_it_yet() -> None:
    loaded = modules_after("import ardente")
    assert {name for name in loaded if name.startswith("ardente.")} == set()
    assert "typing" not in loaded


def test_what_a_check_needs_loads_nothing_heavy() -> None:
    loaded = modules_after("from ardente import TrustStore, Validator, Verdict, Freshness, TrustError, ArdenteError")
    assert loaded & HEAVY == set()
    assert "nacl.bindings" in loaded


def test_all_public_names_are_there() -> None:
    for name in ardente.__all__:
        assert getattr(ardente, name).__name__ == name
    assert set(ardente.__all__) <= set(dir(ardente))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Validater"):
        ardente.Validater  # type: ignore[attr-defined]  # noqa: B018
