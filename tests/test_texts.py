"""What people read: every reason has a sentence in every language, and a refusal shames nobody."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from ardente import Freshness, _texts
from ardente.core import reasons
from ardente.scan import Problem

SOURCE = Path(_texts.__file__)
CATALOGUES = {
    language: SOURCE.parent / "locale" / language / "LC_MESSAGES" / "ardente.po"
    for language in _texts.LANGUAGES
    if language != "en"
}


@pytest.fixture(scope="module", autouse=True)
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The catalogues as they stand, whether or not they were compiled since they changed."""
    folder = tmp_path_factory.mktemp("locale")
    for language, source in CATALOGUES.items():
        target = folder / language / "LC_MESSAGES" / "ardente.mo"
        target.parent.mkdir(parents=True)
        with source.open("rb") as file, target.open("wb") as compiled:
            write_mo(compiled, read_po(file, locale=language))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_texts, "_LOCALE_FOLDER", folder)
        _texts._translations.cache_clear()
        yield
    _texts._translations.cache_clear()


def messages() -> set[str | tuple[str, ...]]:
    found = extract_from_file("python", SOURCE, keywords={"N_": None, "ngettext": (1, 2)})
    return {message for _, message, _, _ in found}


@pytest.mark.parametrize("language", _texts.LANGUAGES)
@pytest.mark.parametrize(
    ("texts", "text_of", "codes"),
    [
        (_texts.CARD_TEXTS, _texts.staff_text, reasons.CARD_REASONS),
        (_texts.VOUCHER_TEXTS, _texts.voucher_text, reasons.VOUCHER_REASONS + reasons.LEDGER_REASONS),
        (_texts.TRUST_TEXTS, _texts.trust_text, reasons.TRUST_REASONS),
        (_texts.SCAN_TEXTS, _texts.scan_text, tuple(Problem)),
    ],
    ids=["card", "voucher", "trust", "scan"],
)
def test_every_reason_has_one_sentence_of_its_own_in_every_language(texts, text_of, codes, language) -> None:
    assert set(texts) == set(codes)
    sentences = [text_of(code, language) for code in codes]
    assert len(set(sentences)) == len(set(codes))
    for sentence in sentences:
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert sentence.count(".") == 1


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_catalogue_translates_each_message_and_nothing_else(language: str) -> None:
    with CATALOGUES[language].open("rb") as file:
        catalogue = read_po(file, locale=language)
    assert {message.id for message in catalogue if message.id} == messages()
    assert not catalogue.obsolete
    for message in catalogue:
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(texts), message.id
        assert not message.fuzzy or not message.id, message.id
        assert not message.check(catalogue), message.id


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_translation_keeps_the_fields_and_differs_from_english(language: str) -> None:
    with CATALOGUES[language].open("rb") as file:
        catalogue = read_po(file, locale=language)
    for message in catalogue:
        if not message.id:
            continue
        originals = message.id if isinstance(message.id, tuple) else (message.id,)
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        for original, text in zip(originals, texts, strict=True):
            assert fields(text) == fields(original)
            assert text != original


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", _texts.LANGUAGES)
def test_the_holder_reads_one_of_two_sentences_that_give_no_reason(language: str) -> None:
    refused = _texts.holder_text(False, language)
    assert refused != _texts.holder_text(True, language)
    assert refused not in {_texts.staff_text(reason, language) for reason in reasons.CARD_REASONS}


@pytest.mark.parametrize("text_of", [_texts.staff_text, _texts.voucher_text, _texts.trust_text, _texts.scan_text])
def test_an_unknown_reason_is_a_programming_error(text_of) -> None:
    with pytest.raises(ValueError, match="no text for the reason 'lost'"):
        text_of("lost", "fr")


def test_an_unknown_language_is_refused_with_the_list() -> None:
    with pytest.raises(ValueError, match="'it': use one of fr, nl, de, en"):
        _texts.holder_text(True, "it")


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(hours=23), "bundle 12, less than a day old"),
        (timedelta(days=1, hours=23), "bundle 12, 1 day old"),
        (timedelta(days=3), "bundle 12, 3 days old"),
    ],
)
def test_the_age_of_a_bundle_in_words(age: timedelta, text: str) -> None:
    assert _texts.freshness_text(12, age, "en") == text


def test_a_plural_follows_its_language() -> None:
    assert _texts.freshness_text(12, timedelta(days=1), "fr") == "paquet 12, vieux de 1 jour"
    assert _texts.freshness_text(12, timedelta(days=2), "fr") == "paquet 12, vieux de 2 jours"
    assert _texts.freshness_text(12, timedelta(days=2), "de") == "Bündel 12, 2 Tage alt"


@pytest.mark.parametrize(
    ("state", "refresh_due", "text"),
    [
        ("fresh", False, ""),
        ("fresh", True, "Newer data of the city should be out: update them. (bundle 12, 3 days old)"),
        (
            "stale-refused",
            True,
            "The city's data here are too old and no card is accepted: update them now. (bundle 12, 3 days old)",
        ),
        (
            "stale-accepted",
            False,
            "The city's data have expired and are still accepted for a while: update them soon. "
            "(bundle 12, 3 days old)",
        ),
    ],
)
def test_staff_are_told_when_the_bundle_needs_an_update(state, refresh_due: bool, text: str) -> None:
    assert Freshness(12, timedelta(days=3), state, refresh_due).staff_text("en") == text


def test_a_catalogue_that_was_not_compiled_says_what_to_do(tmp_path: Path) -> None:
    package = tmp_path / "ardente"
    shutil.copytree(SOURCE.parent, package, ignore=shutil.ignore_patterns("*.mo", "__pycache__"))
    program = "from ardente import _texts\ntry: _texts.holder_text(True, 'fr')\nexcept Exception as error: print(error)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "run `make venv`" in done.stdout
