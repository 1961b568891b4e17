"""The pages that describe formats and test cards say what the code does."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType

import pytest

from ardente.core import digits
from ardente.core.token import parse_card
from ardente.testing import TEST_CARDS
from interpreters import PROJECT

SCRIPT = PROJECT / "scripts" / "make_docs.py"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_docs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["test-cards.md", "format.md"])
def test_a_page_is_what_the_code_says(name: str) -> None:
    """Otherwise: python3 scripts/make_docs.py."""
    assert script().page(name) == (PROJECT / "docs" / name).read_text(encoding="utf-8")


def test_the_worked_example_is_a_card() -> None:
    """Read as a newcomer would: the bytes from the page's first column, the digits from its last block."""
    text = (PROJECT / "docs" / "format.md").read_text(encoding="utf-8")
    example = text[text.index("<!-- begin example -->") : text.index("<!-- end example -->")]
    blocks = re.findall(r"```text\n(.*?)\n```", example, re.DOTALL)
    columns = [line[:47] for line in blocks[0].splitlines()]
    card = bytes.fromhex("".join(columns))
    assert digits.decode(blocks[-1].replace("\n", "")) == card
    parsed = parse_card(card)
    assert parsed is not None
    assert (parsed.index, parsed.age_class, parsed.until_year) == (186, 1, 2098)
    assert parsed.message == bytes.fromhex(blocks[1])


def test_every_test_card_is_on_its_page() -> None:
    text = (PROJECT / "docs" / "test-cards.md").read_text(encoding="utf-8")
    for card in TEST_CARDS:
        assert f"| `{card.name}` |" in text
        assert f"```text\n{card.text}\n```" in text
