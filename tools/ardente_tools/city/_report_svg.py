"""The picture of a campaign's report, as SVG."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from html import escape

from ardente.tariff._words import amount_text

from ._report import LEAST, Report, Share

_WIDTH, _MARGIN = 960, 48
_CHART_TOP, _CHART_HEIGHT = 176, 220
_BAR_STEP = 30
_RED, _GOLD, _GREY, _PALE, _INK = "#8e1b2e", "#e9b44c", "#6b6b6b", "#e6e1de", "#222"
_THOUSANDS = {"fr": "\N{NARROW NO-BREAK SPACE}", "nl": ".", "de": ".", "en": ","}
_WORDS = {
    "fr": {
        "until": "jusqu’au",
        "issued": "émis",
        "redeemed": "utilisés",
        "expired": "expirés",
        "amount": "pour les commerces",
        "days": "Utilisations par jour",
        "districts": "Utilisations par quartier du commerce",
        "hidden": "Un point gris : omis, pour qu’aucun nombre en dessous de {least} ne se devine.",
    },
    "nl": {
        "until": "tot en met",
        "issued": "uitgegeven",
        "redeemed": "gebruikt",
        "expired": "vervallen",
        "amount": "voor de winkels",
        "days": "Gebruik per dag",
        "districts": "Gebruik per wijk van de winkel",
        "hidden": "Een grijze stip: weggelaten, zodat geen aantal onder {least} af te leiden is.",
    },
    "de": {
        "until": "bis",
        "issued": "ausgegeben",
        "redeemed": "eingelöst",
        "expired": "verfallen",
        "amount": "für die Geschäfte",
        "days": "Einlösungen je Tag",
        "districts": "Einlösungen je Viertel des Geschäfts",
        "hidden": "Ein grauer Punkt: weggelassen, damit keine Anzahl unter {least} zu erraten ist.",
    },
    "en": {
        "until": "until",
        "issued": "issued",
        "redeemed": "redeemed",
        "expired": "expired",
        "amount": "for the shops",
        "days": "Redemptions a day",
        "districts": "Redemptions by district of the shop",
        "hidden": "A grey dot: left out, so that no count below {least} can be told.",
    },
}


def draw(report: Report, language: str) -> bytes:
    """Return the picture, for people who read ``language``."""
    words = _WORDS[language]
    districts_top = _CHART_TOP + _CHART_HEIGHT + 96
    districts = sorted(report.districts, key=lambda share: (-(share.redemptions or 0), share.name))
    height = districts_top + _BAR_STEP * len(districts) + 64
    body = [
        *_headline(report, words, language),
        *_days(report, words, language),
        *_districts(districts, words, language, districts_top),
        _text(_MARGIN, height - 24, words["hidden"].format(least=LEAST), size=13, fill=_GREY),
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
            f'height="{height}" lang="{language}" font-family="Helvetica, Arial, sans-serif">',
            f"<title>{escape(report.name)}</title>",
            f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
            *body,
            "</svg>\n",
        ]
    ).encode()


def _headline(report: Report, words: dict[str, str], language: str) -> Iterator[str]:
    yield _text(_MARGIN, 52, report.name, size=26, weight="bold", fill=_RED)
    yield _text(_MARGIN, 76, f"{words['until']} {report.last_day:%d.%m.%Y}", size=14, fill=_GREY)
    figures = [(_number(report.issued, language), "issued"), (_number(report.redeemed, language), "redeemed")]
    if report.amount is not None:
        figures.append((_amount(report.amount, report.currency, language), "amount"))
    if report.is_over:
        figures.append((_number(report.expired, language), "expired"))
    for place, (figure, word) in enumerate(figures):
        x = _MARGIN + place * (_WIDTH - 2 * _MARGIN) / 4
        yield _text(x, 116, figure, size=22, weight="bold")
        yield _text(x, 134, words[word], size=13, fill=_GREY)


def _days(report: Report, words: dict[str, str], language: str) -> Iterator[str]:
    bottom = _CHART_TOP + _CHART_HEIGHT + 16
    yield _text(_MARGIN, _CHART_TOP, words["days"], size=15, weight="bold")
    count = max((report.last_day - report.first_day).days + 1, 1)
    left, right = _MARGIN + 44, _WIDTH - _MARGIN
    step = (right - left) / count
    highest, line_step = _scale(max((share.redemptions or 0 for share in report.days), default=0))
    scale = _CHART_HEIGHT - 12
    for value in range(0, highest + 1, line_step):
        y = bottom - value / highest * scale
        yield f'<path d="M{left} {y:.1f}H{right}" stroke="{_PALE}"/>'
        yield _text(left - 8, y + 4, _number(value, language), size=12, fill=_GREY, anchor="end")
    for share in report.days:
        x = left + (date.fromisoformat(share.name) - report.first_day).days * step
        if share.redemptions is None:
            yield _dot(x + step / 2, bottom - 4, min(step / 3, 3))
        else:
            size = share.redemptions / highest * scale
            yield _bar(x + step * 0.1, bottom - size, step * 0.8, size, _RED)
    for day in _ticks(report.first_day, count):
        x = left + (day - report.first_day).days * step
        yield f'<path d="M{x:.1f} {bottom}v6" stroke="{_GREY}"/>'
        yield _text(x, bottom + 20, f"{day:%d.%m.}", size=12, fill=_GREY)


def _districts(shares: list[Share], words: dict[str, str], language: str, top: float) -> Iterator[str]:
    yield _text(_MARGIN, top - 16, words["districts"], size=15, weight="bold")
    left, right = _MARGIN + 190, _WIDTH - _MARGIN - 70
    most = max((share.redemptions or 0 for share in shares), default=0) or 1
    for place, share in enumerate(shares):
        y = top + place * _BAR_STEP
        yield _text(left - 12, y + 16, _shortened(share.name), size=14, anchor="end")
        if share.redemptions is None:
            yield _dot(left + 4, y + 11, 3)
            continue
        width = share.redemptions / most * (right - left)
        yield _bar(left, y + 2, width, 18, _GOLD)
        yield _text(left + width + 8, y + 16, _number(share.redemptions, language), size=13, fill=_GREY)


def _scale(most: int) -> tuple[int, int]:
    """Return the end of the axis and the step of its lines: 1, 2 or 5 times a power of ten, at most five lines."""
    step = 1
    while step * 5 < most:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return max(-(-most // step), 1) * step, step


def _ticks(first: date, count: int) -> Iterator[date]:
    """The first of each month, or each Monday, or each day, so that there are some and not too many."""
    for day in (first + timedelta(offset) for offset in range(count)):
        if day.day == 1 if count > 92 else day.weekday() == 0 if count > 14 else True:
            yield day


def _text(
    x: float, y: float, text: str, *, size: int, weight: str = "normal", fill: str = _INK, anchor: str = "start"
) -> str:
    look = f'font-size="{size}" font-weight="{weight}" fill="{fill}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{escape(text)}</text>'


def _bar(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5" fill="{fill}"/>'


def _dot(x: float, y: float, radius: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{_GREY}"/>'


def _number(value: int | None, language: str) -> str:
    return "–" if value is None else f"{value:,}".replace(",", _THOUSANDS[language])


def _amount(cents: int, currency: str, language: str) -> str:
    """Whole units are enough for a picture."""
    units = amount_text(cents - cents % 100, currency, language).replace(",00", "").replace(".00", "")
    return units.replace(str(cents // 100), _number(cents // 100, language))


def _shortened(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"
