"""The README's example runs as it stands and prints what it says; its links lead somewhere."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ardente import TrustStore
from ardente.issuing import SigningKey
from ardente.testing import TestCity

PROJECT = Path(__file__).resolve().parent.parent
README = (PROJECT / "README.md").read_text(encoding="utf-8")


def test_the_example_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    match = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", README, re.DOTALL)
    assert match
    example, output = match.groups()
    city = TestCity("liege", signing_key=lambda label: SigningKey(hashlib.sha256(label.encode()).digest()))
    store = TrustStore(tmp_path / "trust")
    root = city.root()
    store.init(root, hashlib.sha256(root).hexdigest())
    store.install(city.bundle(version=12, iat=datetime.now(UTC)))
    shutil.copy(PROJECT / "examples" / "museum_gate" / "tariff.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    # No reduction of a certain day: the example's output is that of an ordinary one.
    prices = tmp_path / "tariff.toml"
    ordinary = re.sub(
        r"(?ms)^\[reductions\.(wednesday_evening|first_sunday)\].*?(?=^\[|\Z)", "", prices.read_text("utf-8")
    )
    prices.write_text(ordinary, "utf-8")

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example, "README.md", "exec"), {"scan": city.card_text(7)})

    assert printed.getvalue() == output


@pytest.mark.parametrize(
    "page", sorted({"README.md", *(str(p.relative_to(PROJECT)) for p in PROJECT.glob("docs/**/*.md"))})
)
def test_links_lead_somewhere(page: str) -> None:
    path = PROJECT / page
    targets = re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []
