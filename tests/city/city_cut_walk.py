"""Kills a command of the city at each of its operations in turn, runs it again, and looks at what is there.

A program for test_city_cuts.py: `city_cut_walk.py init|assemble|publish|revoke|rotate|drop TEMPLATE WORK`. Prints how
often it killed. The template is a demonstration city with three cards and a bundle of the first day.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from city_desk import NOW_S
from city_kill_walk import go
from city_partner import DAY_S, Issued, Partner, issue, no_passphrase

from ardente.core import reasons
from ardente_tools.city import _card_keys
from ardente_tools.city._cards import GONE, REVOKED, VALID
from ardente_tools.city._folder import City, Config, Lists
from ardente_tools.city._founding import found_demo_city
from ardente_tools.city._publish import publish, read_published
from ardente_tools.city._revocation import revoke
from ardente_tools.city._roots import assemble, propose, sign

TODAY, TOMORROW = NOW_S + DAY_S, NOW_S + 2 * DAY_S


class Walk:
    """One command; ``cards`` are what the holders of the template have."""

    def __init__(self, template: Path, work: Path) -> None:
        self._template = template
        self.path = work / "city"
        shutil.copytree(template, self.path)
        self.cards: list[Issued] = issue(self.city, NOW_S, 3)
        publish(self.city, no_passphrase, NOW_S)
        self.partner = Partner(self.city)
        self.partner.install(NOW_S)
        self._prepared = work / "prepared"
        self.path.rename(self._prepared)

    @property
    def city(self) -> City:
        return City(self.path)

    def prepare(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self._prepared, self.path)

    def act(self) -> None:
        raise NotImplementedError

    def check_cut(self) -> None:
        """Whatever was cut, partners who come now get a bundle that they take, and no card has changed by itself."""
        published = read_published(self.city, self.city.roots())
        assert published
        for card in self.cards:
            self._status(card)

    def check(self) -> None:
        """After the command was run again, the next bundle goes on from what partners have."""
        publish(self.city, no_passphrase, TOMORROW)
        partner = Partner(self.city)
        partner.installed = self.partner.installed
        partner.install(TOMORROW)
        self.check_partner(partner)
        left = [path.name for path in self.path.rglob(".*") if path.name != ".lock"]
        assert left == []

    def check_partner(self, partner: Partner) -> None:
        assert [partner.judge(card.digits, TOMORROW) for card in self.cards] == [reasons.OK] * 3

    def _status(self, card: Issued) -> int:
        with self.city.cards() as table:
            row = table.card_of_slip(card.slip.sha256)
            assert row
            assert (row.list_number, row.index, row.exp) == (card.row.list_number, card.row.index, card.row.exp)
            return row.status


class PublishWalk(Walk):
    def prepare(self) -> None:
        super().prepare()
        revoke(self.city, self.cards[0].digits)

    def act(self) -> None:
        published = read_published(self.city, self.city.roots())
        # Cut behind the last step that matters: the timer finds it done.
        if published and published.manifest.iat < TODAY:
            publish(self.city, no_passphrase, TODAY)

    def check_cut(self) -> None:
        super().check_cut()
        assert self._status(self.cards[0]) == REVOKED
        published = read_published(self.city, self.city.roots())
        assert published
        assert published.manifest.iat in (NOW_S, TODAY)
        # What partners see set is never free for a new card.
        with self.city.cards() as table:
            key = table.current_key()
            (bits,) = published.bits.values()
            free = set(table.free_indices(key, key.entries - table.used_entries(key.kid)))
        assert not [index for index in free if bits[index >> 3] >> (index & 7) & 1]

    def check_partner(self, partner: Partner) -> None:
        found = [partner.judge(card.digits, TOMORROW) for card in self.cards]
        assert found == [reasons.REVOKED, reasons.OK, reasons.OK]


class RevokeWalk(Walk):
    def act(self) -> None:
        revoke(self.city, self.cards[0].slip.text)

    def check_cut(self) -> None:
        super().check_cut()
        assert self._status(self.cards[0]) in (VALID, REVOKED)
        assert [self._status(card) for card in self.cards[1:]] == [VALID, VALID]

    def check_partner(self, partner: Partner) -> None:
        found = [partner.judge(card.digits, TOMORROW) for card in self.cards]
        assert found == [reasons.REVOKED, reasons.OK, reasons.OK]


class RotateWalk(Walk):
    def act(self) -> None:
        with self.city.cards() as table:
            is_done = len(table.card_keys()) == 2
        if not is_done:
            _card_keys.announce_key(self.city, None, TODAY)

    def check(self) -> None:
        super().check()
        with self.city.cards() as table:
            assert [key.state for key in table.card_keys()] == ["current", "next"]
            for key in table.card_keys():
                assert self.city.card_signing_key(key, no_passphrase).public_key == key.public_key


class DropWalk(Walk):
    def act(self) -> None:
        with self.city.cards() as table:
            is_done = table.card_keys()[0].state == GONE
        if not is_done:
            _card_keys.drop_compromised(self.city, None, TODAY, frozenset())

    def check_partner(self, partner: Partner) -> None:
        assert {partner.judge(card.digits, TOMORROW) for card in self.cards} == {reasons.UNKNOWN_KEY}

    def check(self) -> None:
        super().check()
        (card,) = issue(self.city, TOMORROW)
        assert card.row.list_number == 2


class AssembleWalk(Walk):
    def act(self) -> None:
        city = self.city
        if len(city.roots()) == 1:
            proposal = propose(city, [], {}, TODAY)
            keys = [city.read_key(public, no_passphrase) for public in city.public_keys("root")]
            assemble(city, proposal, [sign(proposal, key) for key in keys])

    def check(self) -> None:
        super().check()
        assert len(self.city.roots()) == 2


class InitWalk(Walk):
    def prepare(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def act(self) -> None:
        if not self.path.exists():
            config = Config("demo", "Liège", Lists("https://liege.example/status", entries=1024, decoys_per_day=4))
            found_demo_city(self.path, config, None, NOW_S)

    def check_cut(self) -> None:
        # A city is whole, or is not there.
        if self.path.exists():
            publish(self.city, no_passphrase, NOW_S)

    def check(self) -> None:
        publish(self.city, no_passphrase, TOMORROW)
        partner = Partner(self.city)
        (card,) = issue(self.city, TOMORROW)
        partner.install(TOMORROW)
        assert partner.judge(card.digits, TOMORROW) == reasons.OK


WALKS: dict[str, type[Walk]] = {
    "assemble": AssembleWalk,
    "drop": DropWalk,
    "init": InitWalk,
    "publish": PublishWalk,
    "revoke": RevokeWalk,
    "rotate": RotateWalk,
}


def main(what: str, template: str, work: str) -> None:
    go(WALKS[what](Path(template), Path(work)))


if __name__ == "__main__":
    main(*sys.argv[1:])
