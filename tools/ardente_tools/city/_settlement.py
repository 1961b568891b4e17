"""What the city pays its merchants for a day, as CSV and as a page to print or send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from html import escape

from ardente.ledger import Settlement
from ardente.tariff._words import amount_text

from ._money import decimal
from ._slip_text import day as day_text
from ._tables import csv_bytes

_COLUMNS = ("day", "merchant_id", "merchant", "district", "currency", "redemptions", "amount", "refunded", "total")
_WORDS = {
    "fr": ("Décompte des chèques-commerces", "Commerce", "Quartier", "Nombre", "Utilisé", "Remboursé", "À payer"),
    "nl": ("Afrekening van de handelscheques", "Winkel", "Wijk", "Aantal", "Gebruikt", "Terugbetaald", "Te betalen"),
    "de": ("Abrechnung der Gutscheine", "Geschäft", "Viertel", "Anzahl", "Eingelöst", "Erstattet", "Zu zahlen"),
    "en": ("Settlement of the vouchers", "Merchant", "District", "Number", "Redeemed", "Refunded", "To pay"),
}
_STYLE = """\
body { font: 11pt/1.4 Helvetica, Arial, sans-serif; color: #222; margin: 2.5em auto; max-width: 60em; padding: 0 1em }
h1 { color: #8e1b2e; font-size: 1.5em; margin: 0 }
p { color: #6b6b6b; margin: .2em 0 1.6em }
table { border-collapse: collapse; width: 100% }
th { text-align: left; border-bottom: 2px solid #e9b44c; padding: .4em .6em }
td { border-bottom: 1px solid #e6e1de; padding: .4em .6em; vertical-align: top }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
small { color: #6b6b6b; display: block }
tfoot td { border: 0; font-weight: bold }
tr { break-inside: avoid }"""


def totals(settlements: Sequence[Settlement]) -> dict[str, int]:
    """Return the cents to pay by currency."""
    sums: Counter[str] = Counter()
    for settlement in settlements:
        sums[settlement.currency] += settlement.total
    return dict(sorted(sums.items()))


def as_csv(settlements: Sequence[Settlement]) -> bytes:
    """Return a line for each merchant and currency; amounts have a point."""
    return csv_bytes(
        _COLUMNS,
        (
            (
                each.day.isoformat(),
                each.merchant_id,
                each.name,
                each.district,
                each.currency,
                each.redemptions,
                decimal(each.amount),
                decimal(each.refunded),
                decimal(each.total),
            )
            for each in settlements
        ),
    )


def as_page(city_name: str, day: date, settlements: Sequence[Settlement], language: str) -> bytes:
    """Return an HTML page that needs nothing else, for people who read ``language``."""
    title, *heads = _WORDS[language]
    head = "".join(f"<th{_class(place)}>{escape(text)}</th>" for place, text in enumerate(heads))
    rows = "\n".join(_row(each, language) for each in settlements)
    sums = "\n".join(_sum(currency, cents, language) for currency, cents in totals(settlements).items())
    return f"""\
<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(title)} {day_text(day)}</title>
<style>
{_STYLE}
</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p>{escape(city_name)} · {day_text(day)}</p>
<table>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody>
<tfoot>
{sums}
</tfoot>
</table>
</body>
</html>
""".encode()


def _row(each: Settlement, language: str) -> str:
    amounts = (each.amount, each.refunded, each.total)
    cells = [
        f"{escape(each.name)}<small>{escape(each.merchant_id)}</small>",
        escape(each.district),
        str(each.redemptions),
        *(escape(amount_text(cents, each.currency, language)) for cents in amounts),
    ]
    return f"<tr>{''.join(f'<td{_class(place)}>{cell}</td>' for place, cell in enumerate(cells))}</tr>"


def _sum(currency: str, cents: int, language: str) -> str:
    amount = escape(amount_text(cents, currency, language))
    return f'<tr><td colspan="5">{escape(currency)}</td><td class="n">{amount}</td></tr>'


def _class(place: int) -> str:
    return ' class="n"' if place > 1 else ""
