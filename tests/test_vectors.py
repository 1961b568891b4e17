"""The vectors that define the formats: the file is what its script writes, and every interpreter answers as it says."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ardente.core import reasons
from interpreters import DEVICE_HELPERS, PROJECT, Interpreter

SCRIPT = PROJECT / "scripts" / "make_vectors.py"
FILE = PROJECT / "tests" / "vectors" / "vectors.json"
KINDS = ("digits", "cbor", "card", "voucher", "status_list", "key_set", "root", "bundle", "application")

UNJUDGED = {"name", "answer", "token", "protected", "payload", "to_be_signed", "signature", "signatures"}

Vector = dict[str, Any]


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_vectors", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def content() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="ascii"))


def joined(parts: list[str]) -> str:
    return "".join(content()["blobs"][name] for name in parts)


def expanded(vector: Vector) -> Vector:
    """The vector as an interpreter gets it: names replaced by bytes, only what is judged."""
    wanted = {name: value for name, value in vector.items() if name not in UNJUDGED}
    if "parts" in wanted:
        wanted["bytes"] = joined(wanted.pop("parts"))
    if "first" in wanted:
        wanted["first"] = content()["blobs"][wanted["first"]]
        wanted["installed"] = [{"bytes": joined(step["parts"]), "now": step["now"]} for step in wanted["installed"]]
    return wanted


def reader() -> Vector:
    described = content()["reader"]
    root = content()["blobs"][described["root"]]
    return {"kind": "reader", "root": root, "bytes": joined(described["parts"]), "now": described["now"]}


def vectors(kind: str) -> list[Vector]:
    return [vector for vector in content()["vectors"] if vector["kind"] == kind]


def test_the_file_is_what_the_script_writes(tmp_path: Path) -> None:
    module = script()
    assert module.as_text(module.make()) == FILE.read_text(encoding="ascii")


def test_the_file_can_be_reviewed() -> None:
    assert FILE.stat().st_size <= 400 * 1024


@pytest.mark.parametrize("kind", KINDS)
def test_every_interpreter_answers_as_the_vectors_say(interpreter: Interpreter, kind: str) -> None:
    chosen = vectors(kind)
    lines = [json.dumps(line) for line in (reader(), *map(expanded, chosen))]
    result = interpreter.run(DEVICE_HELPERS / "run_vectors.py", stdin="\n".join(lines) + "\n", timeout_s=300)
    first, *answers = map(json.loads, result.stdout.splitlines())
    assert first == "ok"
    expected = {vector["name"]: vector["answer"] for vector in chosen}
    assert dict(zip(expected, answers, strict=True)) == expected


def test_names_are_unique() -> None:
    names = Counter((vector["kind"], vector["name"]) for vector in content()["vectors"])
    assert [name for name, count in names.items() if count > 1] == []


def reason(vector: Vector) -> Any:
    answer = vector["answer"]
    return answer[0] if isinstance(answer, list) else answer


def test_every_reason_of_a_scan_has_vectors() -> None:
    """Passback, caps and redemptions apart, which come after the rule book."""
    elsewhere = {reasons.ALREADY_USED, reasons.DAILY_CAP}
    assert {reason(vector) for vector in vectors("card")} == set(reasons.CARD_REASONS) - elsewhere
    assert {reason(vector) for vector in vectors("voucher")} == set(reasons.VOUCHER_REASONS) - elsewhere


def test_the_layers_of_a_token_fit_together() -> None:
    """The hexadecimal beside each scan is that scan: the digits decode to the token, which holds its parts."""
    from ardente.core import digits

    for vector in [*vectors("card"), *vectors("voucher")]:
        if "token" not in vector:
            continue
        assert digits.encode(bytes.fromhex(vector["token"])) == vector["text"]
        if "to_be_signed" in vector:
            signed = "846a5369676e617475726531" + bstr(vector["protected"]) + "40" + bstr(vector["payload"])
            assert vector["to_be_signed"] == signed
            assert vector["token"] == f"d284{'46'}{vector['protected']}a0" + bstr(vector["payload"]) + bstr(
                vector["signature"]
            )


def bstr(content_hex: str) -> str:
    size = len(content_hex) // 2
    return (f"{0x40 + size:02x}" if size < 24 else f"58{size:02x}") + content_hex
