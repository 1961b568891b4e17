"""The rules of docs/core-subset.md as a check of source text.

Two kinds. What MicroPython cannot parse is refused wherever it stands; what it runs differently, or lacks, is refused
where it can run on a device: not in an `if TYPE_CHECKING:` block nor in a `try` that starts by importing typing.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator

# Modules that are the same on all interpreters, and what they have everywhere.
MODULES = {
    "binascii": {"a2b_base64", "b2a_base64", "crc32", "hexlify", "unhexlify"},
    "hashlib": {"sha256"},
    "struct": {"calcsize", "pack", "pack_into", "unpack", "unpack_from"},
}
# Modules that only some interpreters have: inside `try … except ImportError`, in the named file where one is named.
GUARDED_MODULES = {"micropython": None, "typing": None, "deflate": "status.py", "zlib": "status.py"}
TYPING_MODULES = {"typing", "collections.abc"}

# Methods and attributes of CPython's built-in types that a MicroPython's lack. A test asks the interpreters.
MISSING_ATTRIBUTES = set(
    "as_integer_ratio bit_count bit_length c_contiguous capitalize casefold cast conjugate contiguous denominator "
    "expandtabs f_contiguous format_map imag is_integer isalnum isascii isdecimal isidentifier isnumeric isprintable "
    "istitle itemsize ljust maketrans nbytes ndim numerator obj readonly real release removeprefix removesuffix resize "
    "rjust shape strides suboffsets swapcase title tobytes tolist toreadonly translate zfill".split()
)
DIFFERENT_ATTRIBUTES = {
    "isdigit": "CPython takes the digits of every script; use strip() with the ten ASCII digits",
    "hexdigest": "missing; use binascii.hexlify(hash.digest())",
    "with_traceback": "missing",
    "add_note": "missing",
}
MISSING_BUILTINS = set(
    "BaseExceptionGroup BlockingIOError BrokenPipeError BufferError BytesWarning ChildProcessError "
    "ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError DeprecationWarning "
    "EncodingWarning EnvironmentError ExceptionGroup FileExistsError FileNotFoundError FloatingPointError "
    "FutureWarning IOError ImportWarning InterruptedError IsADirectoryError ModuleNotFoundError NotADirectoryError "
    "PendingDeprecationWarning PermissionError ProcessLookupError PythonFinalizationError RecursionError "
    "ReferenceError ResourceWarning RuntimeWarning SyntaxWarning SystemError TabError TimeoutError UnboundLocalError "
    "UnicodeDecodeError UnicodeEncodeError UnicodeTranslateError UnicodeWarning UserWarning Warning aiter anext ascii "
    "breakpoint copyright credits exit format license quit vars".split()
)
DIFFERENT_BUILTINS = {
    "hash": "another value on each interpreter",
    "id": "another value on each interpreter",
    "float": "core has no fractions; money is cents, times are seconds",
    "complex": "core has no fractions",
    "round": "core has no fractions",
    **dict.fromkeys(["print", "open", "input"], "core reads and writes nothing itself"),
    **dict.fromkeys(["eval", "exec", "compile", "globals", "locals", "__import__"], "core runs what is written in it"),
}
DUNDERS = {
    "__init_subclass__": "not called",
    "__set_name__": "not called where descriptors are off",
    "__del__": "not called",
    "__index__": "not called",
    "__format__": "not called",
    "__bytes__": "not called",
    "__class_getitem__": "not called",
    "__reduce__": "not called",
}
FUNCTION_DECORATORS = {"property", "staticmethod", "classmethod"}

# Functions whose keywords all interpreters take; the rest of the built-in ones take none on MicroPython.
KEYWORDS = {
    "sorted": {"key", "reverse"},
    "max": {"key", "default"},
    "min": {"key", "default"},
    "enumerate": {"start"},
}
BUILTIN_FUNCTIONS = {name for name in dir(builtins) if not name.startswith("_")} - MISSING_BUILTINS
METHODS = {
    name for kind in (str, bytes, bytearray, int, list, dict, memoryview) for name in dir(kind) if name[0] != "_"
} - {"format", "sort", "update"}

# Conversions that refuse less than they seem to, and the file that tests the input before it uses one.
TESTED_FIRST = {"int": "digits.py", "decode": "cbor.py"}

MISSING_SYNTAX: dict[type[ast.AST], str] = {
    ast.Match: "match is missing",
    ast.TryStar: "except* is missing",
    ast.AsyncFunctionDef: "core has no coroutines",
    ast.AsyncFor: "core has no coroutines",
    ast.AsyncWith: "core has no coroutines",
    ast.Await: "core has no coroutines",
    **{kind: "missing" for name in ("TypeAlias", "TypeVar") if (kind := getattr(ast, name, None)) is not None},
}


def findings(source: str, file_name: str) -> list[str]:
    """Every breach of the subset in `source`, as `file:line: what and why`, in order of lines."""
    tree = ast.parse(source, file_name)
    typing_only = set(_typing_only_nodes(tree))
    found = set(_syntax(tree, source)) | set(_imports(tree, file_name, typing_only))
    bound = _bound_names(tree)
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        found.update(_names(node, bound))
        found.update(_calls(node, bound, file_name))
        found.update(_module_attributes(node))
    return [f"{file_name}:{line}: {message}" for line, message in sorted(found)]


Found = Iterator[tuple[int, str]]


def _syntax(tree: ast.Module, source: str) -> Found:
    for number, line in enumerate(source.splitlines(), 1):
        if re.search(r"\\N\{", line):
            yield number, r"\N{…} is missing; write \u…"
    for node in ast.walk(tree):
        if type(node) in MISSING_SYNTAX:
            yield node.lineno, MISSING_SYNTAX[type(node)]
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield node.lineno, "/ makes a float; use //"
        elif isinstance(node, ast.arguments) and node.posonlyargs:
            yield node.posonlyargs[0].lineno, "positional-only parameters are missing"
        elif isinstance(node, ast.List | ast.Tuple | ast.Set) and not isinstance(getattr(node, "ctx", None), ast.Store):
            yield from ((item.lineno, "[*a] is missing") for item in node.elts if isinstance(item, ast.Starred))
        elif isinstance(node, ast.Dict) and None in node.keys:
            yield node.lineno, "{**a} is missing"
        elif isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node.lineno, "core has no fractions"
        elif isinstance(node, ast.Slice) and node.step is not None:
            yield node.step.lineno, "slices with a step work on lists only, and never on the left of ="
        elif isinstance(node, ast.Delete):
            yield from (
                (target.lineno, "del of a slice works on lists only") for target in node.targets if _sliced(target)
            )
        elif isinstance(node, ast.Raise) and node.cause is not None and not _is_none(node.cause):
            yield node.lineno, "raise … from is not supported; `from None` is"
        elif isinstance(node, ast.ClassDef):
            yield from _class(node)
        elif isinstance(node, ast.FunctionDef):
            yield from _function(node)


def _class(node: ast.ClassDef) -> Found:
    if node.decorator_list:
        yield node.lineno, "a class has no decorator; there are no dataclasses"
    if node.keywords:
        yield node.lineno, "a class has no keywords; there are no metaclasses"
    if len(node.bases) > 1:
        yield node.lineno, "a class has one base; the order of several differs"
    if getattr(node, "type_params", None):
        yield node.lineno, "type parameters are missing"


def _function(node: ast.FunctionDef) -> Found:
    for decorator in node.decorator_list:
        if not (isinstance(decorator, ast.Name) and decorator.id in FUNCTION_DECORATORS):
            yield decorator.lineno, "a function has no decorator but property, staticmethod and classmethod"
    if getattr(node, "type_params", None):
        yield node.lineno, "type parameters are missing"


def _imports(tree: ast.Module, file_name: str, typing_only: set[ast.AST]) -> Found:
    guarded = set(_guarded_nodes(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            if any(alias.name == "*" for alias in node.names):
                yield node.lineno, "import names, not *"
            if node.level == 1:
                continue
            if node.level > 1:
                yield node.lineno, "core imports nothing from outside core"
                continue
            modules = {node.module or ""}
            for alias in node.names:
                if node.module in MODULES and alias.name not in MODULES[node.module]:
                    yield node.lineno, f"{node.module}.{alias.name} is missing"
        elif isinstance(node, ast.Import):
            modules = {alias.name for alias in node.names}
        else:
            continue
        for module in modules - set(MODULES):
            if node in typing_only and module in TYPING_MODULES:
                continue
            if module not in GUARDED_MODULES:
                yield node.lineno, f"core does not import {module}"
            elif node not in guarded:
                yield node.lineno, f"import {module} inside try … except ImportError"
            elif GUARDED_MODULES[module] not in (None, file_name):
                yield node.lineno, f"only {GUARDED_MODULES[module]} imports {module}"


def _names(node: ast.AST, bound: set[str]) -> Found:
    if isinstance(node, ast.Attribute):
        if node.attr in MISSING_ATTRIBUTES:
            yield node.lineno, f".{node.attr} is missing"
        if node.attr in DIFFERENT_ATTRIBUTES:
            yield node.lineno, f".{node.attr}: {DIFFERENT_ATTRIBUTES[node.attr]}"
        if _mangled(node.attr):
            yield node.lineno, f"{node.attr} is not made private; use one underscore"
    elif isinstance(node, ast.Name):
        if node.id in MISSING_BUILTINS and node.id not in bound:
            yield node.lineno, f"{node.id} is missing"
        if node.id in DIFFERENT_BUILTINS and node.id not in bound:
            yield node.lineno, f"{node.id}: {DIFFERENT_BUILTINS[node.id]}"
        if node.id in DUNDERS and isinstance(node.ctx, ast.Store):
            yield node.lineno, f"{node.id} is {DUNDERS[node.id]}"
    elif isinstance(node, ast.FunctionDef):
        if node.name in DUNDERS:
            yield node.lineno, f"{node.name} is {DUNDERS[node.name]}"
        if _mangled(node.name):
            yield node.lineno, f"{node.name} is not made private; use one underscore"


def _calls(node: ast.AST, bound: set[str], file_name: str) -> Found:
    if not isinstance(node, ast.Call):
        return
    keywords = {keyword.arg for keyword in node.keywords}
    count = len(node.args)
    match node.func:
        case ast.Name(id=name) if name in bound:
            return
        case ast.Name(id="int") if file_name != TESTED_FIRST["int"] or count != 1:
            yield node.lineno, f"int() takes `1_0`, ` 12` and Arabic digits; only {TESTED_FIRST['int']}, after its test"
        case ast.Name(id=("str" | "bytes" | "bytearray") as name) if count > 1:
            yield node.lineno, f"{name}() with an encoding does not test it"
        case ast.Name(id="iter") if count > 1:
            yield node.lineno, "iter() with a sentinel is missing"
        case ast.Name(id="pow") if count == 3 and isinstance(node.args[1], ast.UnaryOp):
            yield node.lineno, "pow() with a negative exponent answers 0"
        case ast.Name(id=name) if name in BUILTIN_FUNCTIONS and keywords - KEYWORDS.get(name, set()):
            yield node.lineno, f"{name}() takes other keywords, or none"
        case ast.Attribute(attr="from_bytes" | "to_bytes" as name) if count != 2 or keywords:
            yield node.lineno, f"{name}() takes exactly two arguments by position"
        case ast.Attribute(value=receiver, attr=name) if not _is_module(receiver, bound):
            yield from _method_call(node, name, keywords, file_name)


def _method_call(node: ast.Call, name: str, keywords: set[str | None], file_name: str) -> Found:
    if name in {"encode", "decode"} and (node.args or keywords):
        yield node.lineno, f".{name}() with an encoding does not test it"
    elif name == "decode" and file_name != TESTED_FIRST["decode"]:
        yield (
            node.lineno,
            f".decode() takes overlong forms and surrogates; only {TESTED_FIRST['decode']}, after its test",
        )
    elif name in METHODS and keywords:
        yield node.lineno, f".{name}() takes no keywords"


def _module_attributes(node: ast.AST) -> Found:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in MODULES:
        if node.attr not in MODULES[node.value.id]:
            yield node.lineno, f"{node.value.id}.{node.attr} is missing"


def _is_module(node: ast.AST, bound: set[str]) -> bool:
    return isinstance(node, ast.Name) and f"module {node.id}" in bound


def _bound_names(tree: ast.Module) -> set[str]:
    """Names that the file defines itself; a module imported from core also as `module <name>`."""
    bound = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.ImportFrom) and node.level == 1:
            names = {alias.asname or alias.name for alias in node.names}
            bound |= names
            if node.module is None:
                bound |= {f"module {name}" for name in names}
    return bound


def _typing_only_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Nodes that no MicroPython runs: it has no typing, and TYPE_CHECKING is false."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            branch = node.body
        elif _is_guard(node) and isinstance(node.body[0], ast.ImportFrom) and node.body[0].module == "typing":
            branch = node.body
        else:
            continue
        for statement in branch:
            yield from ast.walk(statement)


def _guarded_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if _is_guard(node):
            yield from ast.walk(node)


def _is_guard(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Try)
        and len(node.handlers) == 1
        and isinstance(node.handlers[0].type, ast.Name)
        and node.handlers[0].type.id == "ImportError"
    )


def _sliced(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _mangled(name: str) -> bool:
    return name.startswith("__") and not name.endswith("__")
