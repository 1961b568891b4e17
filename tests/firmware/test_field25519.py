"""The field arithmetic of the scanner's Ed25519: right at the limits that its bounds allow, on every interpreter."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from nacl.bindings import crypto_scalarmult_ed25519_base_noclamp

from interpreters import FIRMWARE, PROJECT, Interpreter

FOLDER = PROJECT / "tests" / "firmware"


def script(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, PROJECT / "scripts" / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def run(interpreter: Interpreter, file: Path, *arguments: str) -> list[str]:
    paths = [FIRMWARE, FOLDER / "shim"] if interpreter.name == "cpython" else [FIRMWARE]
    return interpreter.run(file, *arguments, paths=paths, timeout_s=110).stdout.split()


@pytest.mark.parametrize("seed", ["1", "2026"])
def test_limbs_as_large_as_they_may_be(interpreter: Interpreter, seed: str) -> None:
    assert run(interpreter, FOLDER / "field25519_device.py", seed) == ["ok"]


def test_no_program_leaves_the_bounds(interpreter: Interpreter) -> None:
    (followed,) = run(interpreter, FOLDER / "field25519_bounds.py")
    assert int(followed) > 300


@pytest.mark.parametrize(
    ("maker", "module"), [("make_field25519", "field25519.py"), ("make_base_table", "base_table.py")]
)
def test_written_modules_are_as_their_script_writes_them(maker: str, module: str) -> None:
    assert (FIRMWARE / module).read_text(encoding="utf-8") == script(maker).module()


def test_a_key_s_table_is_what_plain_integers_give(interpreter: Interpreter) -> None:
    plain = script("make_base_table")
    # A = 27·B: a key whose point need not be recovered from its bytes.
    point = plain.BASE
    for bit in "1011":
        point = plain.add(point, point)
        if bit == "1":
            point = plain.add(point, plain.BASE)
    key = crypto_scalarmult_ed25519_base_noclamp((27).to_bytes(32, "little"))
    minus = plain.negated(point)
    table = b"".join(plain.packed(entry) for entry in [*plain.combs(minus), minus])
    paths = [FIRMWARE, FOLDER / "shim"] if interpreter.name == "cpython" else [FIRMWARE]
    answer = interpreter.run(FOLDER / "ed25519_device.py", paths=paths, stdin=f"table {key.hex()}\n").stdout
    assert answer.split() == [hashlib.sha256(table).hexdigest()]
