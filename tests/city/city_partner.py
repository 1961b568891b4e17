"""A partner of the test cities, who believes their first root and installs what they publish, by core's own rules."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from ardente import issuing
from ardente._ed25519 import verify
from ardente.core.reader import BytesReader
from ardente.core.status import inflate, verify_list
from ardente.core.trust import Installed, Offer, check_list, open_bundle, open_root
from ardente.core.verdict import Judge
from ardente_tools.city._card_keys import quarter_exp
from ardente_tools.city._cards import CardRow, NewCard
from ardente_tools.city._folder import City
from ardente_tools.city._slips import Slip

DAY_S = 86400


class Partner:
    """Keeps what it installed, so that a bundle which goes back is refused."""

    def __init__(self, city: City) -> None:
        self._city = city
        self.installed: Installed = open_root(city.roots()[0], verify)
        self.bits: dict[str, bytes] = {}

    def install(self, now: int) -> Offer:
        """Install what the city publishes. Raises TrustError."""
        data = self._city.bundle_path.read_bytes()
        reader = BytesReader(data)
        offer = open_bundle(reader, len(data), self.installed, now, verify)
        bits = {}
        for span in offer.lists:
            check_list(reader, offer, span)
            verify_list(data[span.offset : span.offset + span.length], offer.manifest.keys, verify)
            inflated = bytearray()
            stream = io.BytesIO(data)
            stream.seek(span.lst_offset)
            inflate(stream, span.lst_length, span.entries // 8, inflated.extend)
            bits[span.uri] = bytes(inflated)
        self.installed, self.bits = offer.installed, bits
        return offer

    def judge(self, digits: str, now: int) -> str:
        """The reason that the gate gives."""
        assert self.installed.manifest
        judge = Judge(self.installed.manifest, verify, {uri: _lookup(bits) for uri, bits in self.bits.items()})
        return judge.card(digits, now).reason

    def set_bits(self, number: int = 1) -> set[int]:
        """The indices whose bit is set in the list of a card key."""
        bits = self.bits[f"{self._city.config.lists.base_uri}/{number}"]
        return {index for index in range(len(bits) * 8) if bits[index >> 3] >> (index & 7) & 1}


class Issued:
    """A card that a holder has: its digits and slip, and the row that the city has of it."""

    def __init__(self, digits: str, slip: Slip, row: CardRow) -> None:
        self.digits = digits
        self.slip = slip
        self.row = row


def issue(city: City, now: int, count: int = 1, quarters: int = 4) -> list[Issued]:
    """Issue cards with the current key; without pictures and papers."""
    with city.lock(), city.cards() as table:
        key = table.current_key()
        signing_key = city.card_signing_key(key, no_passphrase)
        exp = quarter_exp(now, quarters)
        slips = [Slip.new() for _ in range(count)]
        cards = [
            NewCard(index, exp, slip.sha256) for index, slip in zip(table.free_indices(key, count), slips, strict=True)
        ]
        with table.transaction():
            table.add_cards(key, cards)
        issued = []
        for card, slip in zip(cards, slips, strict=True):
            row = table.card(key.kid, card.index)
            assert row
            issued.append(Issued(issuing.to_digits(issuing.card(signing_key, key.kid, exp, card.index)), slip, row))
        return issued


def no_passphrase(path: Path) -> str:
    raise AssertionError(f"{path} asks for a passphrase")


def _lookup(bits: bytes) -> Callable[[int], int]:
    return lambda index: bits[index >> 3] >> (index & 7) & 1
