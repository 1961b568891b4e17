"""How much machine code a compiled module holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpy import CompileError, compiled, machine_code_bytes

WORDS = "@micropython.asm_rv32\ndef {name}():\n{body}\n"
VIPER = """\
@micropython.viper
def f(a: ptr8, n: int) -> int:
    total = 0
    for i in range(n):
        total += a[i]
    return total
"""
BYTECODE = """\
THINGS = ('a', (1, 2**70, b'x'), 1.5, None)
def outer():
    def inner(x):
        return x + 1
    return inner
"""


def machine_code(tmp_path: Path, text: str, architecture: str = "rv32imc") -> int:
    module = tmp_path / "module.py"
    module.write_text("import micropython\n" + text)
    return machine_code_bytes(compiled(module, architecture))


def words(name: str, count: int) -> str:
    """A function of so many words of four bytes, beside its way in and out."""
    return WORDS.format(name=name, body="    data(4, 19)\n" * count)


def test_bytecode_is_none(tmp_path: Path) -> None:
    assert machine_code(tmp_path, BYTECODE) == 0


def test_each_word_of_a_function_counts(tmp_path: Path) -> None:
    assert machine_code(tmp_path, words("f", 110)) - machine_code(tmp_path, words("f", 10)) == 400


def test_functions_add_up_wherever_they_are(tmp_path: Path) -> None:
    one = machine_code(tmp_path, VIPER)
    nested = "class C:\n" + "".join(f"    {line}\n" for line in VIPER.splitlines())
    assert machine_code(tmp_path, VIPER + VIPER + nested) == 3 * one
    assert machine_code(tmp_path, VIPER + words("g", 20)) == one + machine_code(tmp_path, words("g", 20))


def test_a_generator_and_closures_in_native_code_are_counted(tmp_path: Path) -> None:
    text = "@micropython.native\ndef f(n):\n    def g():\n        return n\n    return [g() for _ in range(n)]\n"
    assert machine_code(tmp_path, text) > 0


@pytest.mark.parametrize("architecture", ["rv32imc", "xtensawin"])
def test_code_lies_at_words(tmp_path: Path, architecture: str) -> None:
    assert machine_code(tmp_path, VIPER, architecture) % 4 == 0


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import micropython\n" + VIPER)
    whole = compiled(module, "rv32imc")
    for length in range(len(whole) - 1):
        with pytest.raises(ValueError, match="cut short"):
            machine_code_bytes(whole[:length])


def test_what_the_compiler_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"(?s)module\.py: .*SyntaxError"):
        machine_code(tmp_path, "def f(:\n")
