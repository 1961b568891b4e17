"""The words on a till's lines and in the price table, and how each language writes an amount."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from ._errors import TariffError

LANGUAGES: Final = ("fr", "nl", "de", "en")

WORDS: Final[dict[str, dict[str, str]]] = {
    "fr": {
        "visitor": "Visiteur", "anyone": "Tous", "resident": "Habitant", "child": "Enfant", "youth": "Jeune",
        "senior": "Aîné", "total": "Total", "vat": "dont TVA", "free": "gratuit", "sometimes": "À certains moments",
        "always": "À tout moment", "vat_included": "TVA comprise", "first_sunday": "premier dimanche du mois",
        "from": "à partir du", "until": "jusqu'au", "monday": "lu", "tuesday": "ma", "wednesday": "me",
        "thursday": "je", "friday": "ve", "saturday": "sa", "sunday": "di", "each": "par tranche de",
        "free_minutes": "minutes gratuites", "max_per_day": "maximum par 24 h",
    },
    "nl": {
        "visitor": "Bezoeker", "anyone": "Iedereen", "resident": "Inwoner", "child": "Kind", "youth": "Jongere",
        "senior": "Senior", "total": "Totaal", "vat": "waarvan btw", "free": "gratis", "sometimes": "Op bepaalde uren",
        "always": "Altijd", "vat_included": "btw inbegrepen", "first_sunday": "eerste zondag van de maand",
        "from": "vanaf", "until": "tot en met", "monday": "ma", "tuesday": "di", "wednesday": "wo",
        "thursday": "do", "friday": "vr", "saturday": "za", "sunday": "zo", "each": "per",
        "free_minutes": "minuten gratis", "max_per_day": "maximum per 24 u",
    },
    "de": {
        "visitor": "Besucher", "anyone": "Alle", "resident": "Einwohner", "child": "Kind", "youth": "Jugendliche",
        "senior": "Senioren", "total": "Summe", "vat": "davon MwSt.", "free": "frei", "sometimes": "Zu gewissen Zeiten",
        "always": "Jederzeit", "vat_included": "inkl. MwSt.", "first_sunday": "erster Sonntag im Monat",
        "from": "ab", "until": "bis einschließlich", "monday": "Mo", "tuesday": "Di", "wednesday": "Mi",
        "thursday": "Do", "friday": "Fr", "saturday": "Sa", "sunday": "So", "each": "je",
        "free_minutes": "Minuten frei", "max_per_day": "höchstens je 24 Std.",
    },
    "en": {
        "visitor": "Visitor", "anyone": "Everybody", "resident": "Resident", "child": "Child", "youth": "Youth",
        "senior": "Senior", "total": "Total", "vat": "of which VAT", "free": "free", "sometimes": "At certain times",
        "always": "At any time", "vat_included": "VAT included", "first_sunday": "first Sunday of the month",
        "from": "from", "until": "until", "monday": "Mon", "tuesday": "Tue", "wednesday": "Wed",
        "thursday": "Thu", "friday": "Fri", "saturday": "Sat", "sunday": "Sun", "each": "per",
        "free_minutes": "minutes free", "max_per_day": "at most per 24 h",
    },
}  # fmt: skip

Label = Mapping[Any, str]  # by language


def words(language: str) -> dict[str, str]:
    """The words of one language; raises `TariffError` for a language that we do not speak."""
    try:
        return WORDS[language]
    except KeyError:
        raise TariffError(f"There are no texts in {language!r}: use one of {', '.join(LANGUAGES)}.") from None


def label_text(label: Label, language: str) -> str:
    """The label in `language`, else in French, else in English, else in the first language that the file gives."""
    for choice in (language, "fr", "en"):
        if choice in label:
            return label[choice]
    return next(iter(label.values()))


def amount_text(cents: int, currency: str, language: str) -> str:
    """An amount as a till prints it: ``12,50 €``, ``€ 12,50``, ``€12.50``."""
    sign = "-" if cents < 0 else ""
    number = f"{abs(cents) // 100}.{abs(cents) % 100:02}"
    if language != "en":
        number = number.replace(".", ",")
    if currency != "EUR":
        return f"{sign}{number} {currency}"
    return {"nl": f"€ {sign}{number}", "en": f"{sign}€{number}"}.get(language, f"{sign}{number} €")


def percent_text(rate_percent: Decimal | int, language: str) -> str:
    """A rate as each language writes it: ``5,5 %``, ``5.5%``."""
    number = f"{Decimal(rate_percent).normalize():f}"
    return f"{number}%" if language == "en" else f"{number.replace('.', ',')} %"


def duration_text(duration_s: int) -> str:
    """Hours and minutes of a stay, begun minutes counted: ``2 h 30 min``."""
    hours, minutes = divmod(-(-duration_s // 60), 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes or not hours)
    return " ".join(parts)
