"""The `ardente` command itself: what it offers, who may join, and that whatever fails is one sentence."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from desk import PROJECT, TARIFF

from ardente import ArdenteError, TrustError, _texts
from ardente.cli import _main, main

OWN_COMMANDS = ["check", "ledger", "merchant", "tag-key", "tariff", "trust"]


@pytest.mark.parametrize("command", OWN_COMMANDS)
def test_the_help_names_each_command(ardente, command) -> None:
    result = ardente("--help")
    assert result.exit_code == 0
    assert f"\n  {command} " in result.stdout
    assert "Usage: " in ardente(command, "-h").stdout


def test_the_version_is_that_of_the_distribution(process) -> None:
    with process("--version") as version:
        assert version.stdout.read().startswith("carte-ardente ")


def test_a_tariff_is_checked_by_the_same_command(ardente) -> None:
    assert "is fine" in ardente("tariff", "check", TARIFF).stdout


def test_the_price_table_follows_the_language_of_the_command(ardente) -> None:
    assert "Inwoner" in ardente("--language", "nl", "tariff", "table", TARIFF).stdout
    assert "Einwohner" in ardente("--language", "nl", "tariff", "table", TARIFF, "--language", "de").stdout


def test_the_page_of_commands_names_each_of_them() -> None:
    page = (PROJECT / "docs" / "cli.md").read_text(encoding="utf-8")
    context = click.Context(main)
    for name in OWN_COMMANDS:
        command = main.get_command(context, name)
        for path in [f"{name} {sub}" for sub in getattr(command, "commands", {})] or [name]:
            assert f"`ardente {path}" in page


def test_an_unknown_command_is_a_usage_error(ardente) -> None:
    result = ardente("chekc")
    assert result.exit_code == 2
    assert "chekc" in result.stderr


# What was typed by mistake.

SLIP = "7ZQ2M4-ABCDEF-0H5KXN"


@pytest.mark.parametrize("value", [SLIP, SLIP.lower(), SLIP.replace("-", ""), "ABCDEF-GHJKMN-PQRSTV", "85073003328"])
@pytest.mark.parametrize(
    "args",
    [
        ["{}"],
        ["--{}"],
        ["--language", "{}"],
        ["--language={}"],
        ["check", "card.png", "{}"],
        ["check", "--{}"],
        ["check", "--grace", "{}"],
        ["check", "--grace={}"],
        ["check", "{}"],
        ["tariff", "check", "{}"],
        ["trust", "{}"],
        ["trust", "install", "{}"],
        ["city", "revoke", "-", "{}"],
        ["city", "{}"],
        ["city", "rotate-keys", "--kid", "{}"],
        ["city", "root", "propose", "-o", "x", "--threshold", "{}"],
        ["city", "sign-application", "{}"],
    ],
)
def test_what_looks_like_a_slip_or_a_long_number_is_not_repeated(ardente, tmp_path, monkeypatch, args, value) -> None:
    monkeypatch.chdir(tmp_path)
    result = ardente(*[arg.format(value) for arg in args])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    for part in {value, value[:6], value[-6:]}:
        assert part not in result.output


def test_a_slip_typed_without_quotes_is_not_repeated(ardente) -> None:
    result = ardente("city", "revoke", *SLIP.split("-"))
    assert result.exit_code == 2
    assert "unexpected extra arguments (… …)" in result.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["check", "--prodcut", "entry"], "--prodcut"),
        (["check", "--grace", "999"], "999 is not in the range"),
        (["trust", "install", "bundle-2026-11-23.cbor"], "bundle-2026-11-23.cbor"),
        (["trust", "init", "root.cbor", "--sha256", "0123456789abcdef" * 4, "--bogus"], "--bogus"),
    ],
)
def test_other_mistakes_are_named(ardente, args, said) -> None:
    result = ardente(*args)
    assert result.exit_code == 2
    assert said in result.stderr


# Failures.


class Failing:
    """Makes one of the commands fail, as any of them might."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, error: BaseException) -> click.testing.Result:
        def fail() -> None:
            raise error

        self._monkeypatch.setattr(_main.Commands, "get_command", lambda *_: click.Command("fail", callback=fail))
        return CliRunner().invoke(main, ["--language", "de", "fail"])


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    return Failing(monkeypatch)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ArdenteError("The scanner is on fire: leave."), "The scanner is on fire: leave."),
        (TrustError("older_bundle"), _texts.trust_text("older_bundle", "de")),
        (TrustError("older_bundle", _texts.trust_text("older_bundle", "en")), _texts.trust_text("older_bundle", "de")),
        (TrustError("older_bundle", "Something more exact."), "Something more exact."),
        (FileNotFoundError(2, "No such file or directory", "x.cbor"), "x.cbor: No such file or directory."),
        (OSError(28, "No space left on device"), "No space left on device."),
        (ModuleNotFoundError("No module named 'rich.table'", name="rich.table"), "pip install 'carte-ardente[tools]'"),
        (ModuleNotFoundError("No module named 'zxingcpp'", name="zxingcpp"), "pip install 'carte-ardente[image]'"),
        (ModuleNotFoundError("No module named 'other'", name="other"), "'other', which is not installed"),
    ],
)
def test_a_failure_is_one_sentence_and_status_2(failing, error, said) -> None:
    result = failing(error)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_ctrl_c_is_not_a_refusal(failing) -> None:
    assert failing(KeyboardInterrupt()).exit_code == 130


@pytest.mark.parametrize(("cause", "status"), [(KeyboardInterrupt(), 130), (EOFError(), 2)])
def test_a_prompt_that_was_not_answered_is_no_status_1(failing, cause, status) -> None:
    abort = click.Abort()
    abort.__context__ = cause
    result = failing(abort)
    assert result.exit_code == status
    assert "Aborted" not in result.output


def test_a_bug_is_not_hidden(failing) -> None:
    assert isinstance(failing(ZeroDivisionError()).exception, ZeroDivisionError)


def test_each_module_is_named_with_the_extra_that_brings_it() -> None:
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    distributions = packages_distributions()
    assert _main.EXTRAS["ardente_tools"] == "tools"
    for module, extra in _main.EXTRAS.items() - {("ardente_tools", "tools")}:
        (name, *_) = distributions.get(module, [module])
        assert any(line.startswith(name.lower().replace("_", "-")) for line in extras[extra]), module


# Commands of other packages.


def plug_in(folder: Path, name: str, source: str) -> None:
    """Install a package with one command into ``folder``."""
    (folder / f"{name}_plugin.py").write_text(source)
    info = folder / f"{name}_plugin-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[ardente.commands]\n{name} = {name}_plugin:command\n")


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); from ardente.cli import main; main()"
    return subprocess.run([sys.executable, "-c", program, *args], capture_output=True, text=True, check=False)


def test_another_package_adds_a_command(tmp_path) -> None:
    plug_in(
        tmp_path,
        "count",
        "import click\n@click.command()\n@click.argument('n', type=int)\n"
        "def command(n):\n    'Count to N.'\n    click.echo('.' * n)\n",
    )
    assert "Count to N." in run(tmp_path, "--help").stdout
    assert run(tmp_path, "count", "3").stdout == "...\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import segno.missing", "This needs the tools: pip install 'carte-ardente[tools]'"),
        ("import nowhere_to_be_found", "'nowhere_to_be_found', which is not installed"),
        ("raise RuntimeError('broken')", "cannot be started"),
        ("command = 3", "cannot be started"),
    ],
)
def test_a_command_that_cannot_start_says_why_and_spoils_no_other(tmp_path, source, said) -> None:
    plug_in(tmp_path, "broken", source)
    done = run(tmp_path, "broken", "--some", "thing")
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert run(tmp_path, "tariff", "check", str(TARIFF)).returncode == 0
    listed = run(tmp_path, "--help")
    assert listed.returncode == 0
    assert "broken" in listed.stdout


def test_a_check_loads_nothing_that_it_does_not_use() -> None:
    program = "import sys, ardente.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "click" in loaded
    assert not {"nacl", "msgspec", "sqlite3", "zxingcpp", "PIL", "serial", "ardente.testing"} & set(loaded)
