"""What the build and the CI script do beyond calling other programs."""

from __future__ import annotations

import gettext
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).resolve().parent.parent


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_build_hook_makes_a_catalogue_that_gettext_reads(tmp_path: Path) -> None:
    source = tmp_path / "nl" / "LC_MESSAGES" / "ardente.po"
    source.parent.mkdir(parents=True)
    source.write_text(
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Language: nl\\n"\n\n'
        'msgid "The card is accepted."\nmsgstr "De kaart is geldig."\n',
        encoding="utf-8",
    )

    load(PROJECT / "hatch_build.py").compile_catalogue(source)

    texts = gettext.translation("ardente", tmp_path, ["nl"])
    assert texts.gettext("The card is accepted.") == "De kaart is geldig."
    assert sorted(path.name for path in source.parent.iterdir()) == ["ardente.mo", "ardente.po"]


APT_GET = """\
#!/bin/sh
case "$*" in
    update) grep -qw '{broken}' {sources} && {{ echo 'size differs' >&2; exit 100; }}; exit 0 ;;
    indextargets*) echo {codename} ;;
esac
"""


@pytest.mark.parametrize(
    ("broken", "codename", "answer"),
    [
        ("none", "trixie", "trixie"),
        ("trixie", "trixie", "stable"),
        ("trixie", "forky", "stable on this machine's mirror is not trixie"),
        ("main", "trixie", "size differs"),
    ],
    ids=["whole", "alias of the same suite", "alias of another suite", "nothing verifies"],
)
def test_debians_packages_come_from_their_suite_under_either_name_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, codename: str, answer: str
) -> None:
    script = load(PROJECT / "scripts" / "debian_archive.py")
    monkeypatch.setattr(script, "UPDATE_ATTEMPTS", 1)
    sources = tmp_path / "sources.list"
    apt_get = tmp_path / "apt-get"
    apt_get.write_text(APT_GET.format(broken=broken, codename=codename, sources=sources))
    apt_get.chmod(0o755)

    if answer in {"trixie", "stable"}:
        script.update([str(apt_get)], sources, "deb [arch=i386] http://mirror.example/debian", "Packages")
        assert sources.read_text().split()[3] == answer
    else:
        with pytest.raises(script.FetchError, match=answer):
            script.update([str(apt_get)], sources, "deb [arch=i386] http://mirror.example/debian", "Packages")
