"""What a test may count on from every interpreter, whether it runs on this machine or on an emulated chip."""

from __future__ import annotations

import hashlib
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from interpreters import Interpreter

Write = Callable[[str], Path]


@pytest.fixture
def script(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        file = tmp_path / "script.py"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_a_script_is_main_and_its_output_comes_back_unchanged(interpreter: Interpreter, script: Write) -> None:
    result = interpreter.run(script("print(__name__)\nprint('a\\n\\tü', end='')"))
    assert result.stdout == "__main__\na\n\tü"


def test_arguments_arrive_as_text(interpreter: Interpreter, script: Write) -> None:
    result = interpreter.run(script("import sys\nprint(sys.argv[1:])"), "one", "two words", "'\"\\")
    assert result.stdout == str(["one", "two words", "'\"\\"]) + "\n"


def test_a_file_among_the_arguments_can_be_read(interpreter: Interpreter, script: Write, tmp_path: Path) -> None:
    content = random.Random(1).randbytes(100_000)
    (tmp_path / "frame.raw").write_bytes(content)
    lines = "import hashlib, sys\nprint(list(hashlib.sha256(open(sys.argv[1], 'rb').read()).digest()))"
    result = interpreter.run(script(lines), tmp_path / "frame.raw")
    assert result.stdout == f"{list(hashlib.sha256(content).digest())}\n"


def test_standard_input_ends(interpreter: Interpreter, script: Write) -> None:
    lines = script("import sys\nfor line in sys.stdin:\n    print(repr(line))")
    assert interpreter.run(lines, stdin="one\ntwo").stdout == "'one\\n'\n'two'\n"
    assert interpreter.run(lines).stdout == ""


def test_modules_packages_and_data_come_from_the_paths_first_to_last(
    interpreter: Interpreter, script: Write, tmp_path: Path
) -> None:
    for name, files in {
        "first": {"shade.py": "NAME = 'first'", "pack/__init__.py": "", "pack/part.py": "VALUE = 7"},
        "second": {"shade.py": "NAME = 'second'"},
    }.items():
        for file, text in files.items():
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_text(text)
    lines = "import shade\nfrom pack.part import VALUE\nfrom core import digits\nprint(shade.NAME, VALUE, bool(digits))"
    result = interpreter.run(script(lines), paths=[tmp_path / "first", tmp_path / "second"])
    assert result.stdout == "first 7 True\n"


@pytest.mark.parametrize(("leave", "status"), [("sys.exit()", 0), ("sys.exit(0)", 0), ("sys.exit(7)", 7), ("1 / 0", 1)])
def test_the_status_is_the_scripts(interpreter: Interpreter, script: Write, leave: str, status: int) -> None:
    result = interpreter.run(script(f"import sys\nprint('before')\n{leave}"), check=False)
    # A traceback goes to standard output on some.
    assert (result.stdout.splitlines()[0], result.returncode) == ("before", status)


def test_a_failure_tells_all_that_was_printed(interpreter: Interpreter, script: Write) -> None:
    with pytest.raises(AssertionError, match=r"(?s)script\.py ended with status 1.*before.*ValueError: spoilt"):
        interpreter.run(script("print('before')\nraise ValueError('spoilt')"))


def test_a_module_that_cannot_be_parsed_fails_at_its_import(
    interpreter: Interpreter, script: Write, tmp_path: Path
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "broken.py").write_text("def f(:\n")
    lines = script("try:\n    import broken\nexcept SyntaxError:\n    print('refused')")
    assert interpreter.run(lines, paths=[tmp_path / "lib"]).stdout == "refused\n"


def test_a_script_without_end_is_stopped(interpreter: Interpreter, script: Write) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        interpreter.run(script("while True:\n    pass"), timeout_s=1)


def test_the_word_is_as_wide_as_it_says(interpreter: Interpreter, script: Write) -> None:
    result = interpreter.run(script("import sys\nprint(sys.maxsize)"))
    assert int(result.stdout).bit_length() + 1 == interpreter.word_bits
