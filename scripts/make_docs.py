#!/usr/bin/env python3
"""Write the parts of docs/test-cards.md and docs/format.md that come from code, between their markers.

A part stands between `<!-- begin NAME -->` and `<!-- end NAME -->`. A test compares, so that the pages stay true.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ardente.core import cose, digits, encode
from ardente.core.reasons import CARD_REASONS, TRUST_REASONS, VOUCHER_REASONS
from ardente.testing import TEST_CARDS, TEST_VOUCHERS, TestCity, public_signing_key
from ardente.testing._city import END

DOCS = Path(__file__).resolve().parent.parent / "docs"
PART = re.compile(r"(<!-- begin ([a-z-]+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)
BYTES_A_LINE = 24


def fenced(text: str) -> str:
    return f"```text\n{text}\n```\n"


def in_lines(text: str, width: int = 100) -> str:
    return "\n".join(text[at : at + width] for at in range(0, len(text), width))


def hexadecimal(data: bytes) -> str:
    return "\n".join(data[at : at + BYTES_A_LINE].hex(" ") for at in range(0, len(data), BYTES_A_LINE))


def cards() -> str:
    rows = ["| name | what it is | answer | age class |", "|---|---|---|---|"]
    for card in TEST_CARDS:
        rows.append(f"| `{card.name}` | {card.what} | `{card.reason}` | {card.age_class or ''} |")
    return "\n".join(rows) + "\n"


def vouchers() -> str:
    rows = ["| name | what it is | answer | cents |", "|---|---|---|---|"]
    for voucher in TEST_VOUCHERS:
        rows.append(f"| `{voucher.name}` | {voucher.what} | `{voucher.reason}` | {voucher.value or ''} |")
    return "\n".join(rows) + "\n"


def texts() -> str:
    """What each symbol says, once."""
    names: dict[str, list[str]] = {}
    for entry in (*TEST_CARDS, *TEST_VOUCHERS):
        names.setdefault(entry.text, []).append(f"`{entry.name}`")
    return "\n".join(f"{', '.join(named)}\n\n{fenced(text)}" for text, named in names.items())


def reasons() -> str:
    rows = [
        f"| scan of a card | {', '.join(f'`{reason}`' for reason in CARD_REASONS)} |",
        f"| scan of a voucher | {', '.join(f'`{reason}`' for reason in VOUCHER_REASONS)} |",
        f"| root, bundle, list, application | {', '.join(f'`{reason}`' for reason in TRUST_REASONS)} |",
    ]
    return "\n".join(["| what | reasons |", "|---|---|", *rows]) + "\n"


def example() -> str:
    """A card taken apart, byte by byte."""
    index, until_year = 186, 2098
    exp = int(END.timestamp())
    key = public_signing_key("card-1")
    protected = encode.token_protected(1)
    payload = encode.card_payload(exp, index, 1, until_year)
    message = cose.sign1_message(protected, payload)
    signature = key.sign(message)
    card = encode.sign1(protected, payload, signature)
    if card != TestCity().card(index, age_class=1, until_year=until_year):
        raise AssertionError("the example is not the test city's card")
    claim_at = payload.index(b"\x3a")
    rows = [
        (card[:1], "tag 18: COSE_Sign1"),
        (card[1:2], "array of 4"),
        (card[2:3], f"protected header: {len(protected)} bytes"),
        (protected[:1], "  map of 2"),
        (protected[1:3], "  1 (alg): -19, Ed25519"),
        (protected[3:], "  4 (kid): the byte 01"),
        (card[9:10], "unprotected header: empty map"),
        (card[10:11], f"payload: {len(payload)} bytes"),
        (payload[:1], "  map of 2"),
        (payload[1:claim_at], f"  4 (exp): {exp}, {datetime.fromtimestamp(exp, UTC):%Y-%m-%d %H:%M} UTC"),
        (payload[claim_at : claim_at + 5], "  -65537 (card):"),
        (payload[claim_at + 5 : claim_at + 6], "    array of 3"),
        (payload[claim_at + 6 : claim_at + 8], f"    index {index}"),
        (payload[claim_at + 8 : claim_at + 9], "    age class 1, child"),
        (payload[claim_at + 9 :], f"    until the end of {until_year}"),
        (card[-66:-64], "signature: 64 bytes"),
        *((card[at : at + 16], "") for at in range(len(card) - 64, len(card), 16)),
    ]
    if b"".join(data for data, _ in rows) != card:
        raise AssertionError("the rows are not the card")
    table = "\n".join(f"{data.hex(' '):<47}  {meaning}".rstrip() for data, meaning in rows)
    return (
        f"The card, {len(card)} bytes:\n\n{fenced(table)}\n"
        f"What the key signed, {len(message)} bytes (Sig_structure of RFC 9052, section 4.4: `Signature1`, protected "
        f"header, no external data, payload):\n\n{fenced(hexadecimal(message))}\n"
        f"The key's seed is the SHA-256 of `public test city, key card-1`; its public key:\n\n"
        f"{fenced(hexadecimal(key.public_key))}\n"
        f"What the QR code says, {len(digits.encode(card))} digits:\n\n{fenced(in_lines(digits.encode(card)))}"
    )


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "test-cards.md": {"cards": cards, "vouchers": vouchers, "texts": texts},
    "format.md": {"reasons": reasons, "example": example},
}


def page(name: str) -> str:
    """The page with its parts as the code has them now."""
    parts = PAGES[name]
    current = (DOCS / name).read_text(encoding="utf-8")
    found = [match[2] for match in PART.finditer(current)]
    if sorted(found) != sorted(parts):
        raise AssertionError(f"{name} has the parts {found}, not {sorted(parts)}")
    return PART.sub(lambda match: f"{match[1]}{parts[match[2]]()}{match[3]}", current)


def main() -> None:
    for name in PAGES:
        (DOCS / name).write_text(page(name), encoding="utf-8")
        print(DOCS / name)


if __name__ == "__main__":
    main()
