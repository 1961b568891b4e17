"""Founding a city: its folder with its first keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from . import _card_keys, _keys, _roots
from ._cards import CURRENT
from ._folder import City, Config, create_city

_DEMO_ROOT_KEYS = 3


@dataclass(frozen=True)
class FirstPassphrases:
    """For the keys that `publish` loads, and for the card key; None leaves them readable. A timer knows the first."""

    publishing: str | None
    issuing: str | None


def found_city(path: Path, config: Config, passphrases: FirstPassphrases, now: int) -> City:
    """Make the folder of a new city with its bundle, status and first card key, and no root. Raises `CityError`."""
    return create_city(path, config, lambda city: _make_keys(city, passphrases, now))


def found_demo_city(path: Path, config: Config, passphrase: str | None, now: int) -> City:
    """Make a city with all of its keys in one folder, root keys too, and its first root. For demonstrations only."""

    def fill(city: City) -> None:
        _make_keys(city, FirstPassphrases(passphrase, passphrase), now)
        roots = [_keys.create_key_in(city.keys_path, _keys.ROOT, passphrase) for _ in range(_DEMO_ROOT_KEYS)]
        firmware = _keys.create_key_in(city.keys_path, _keys.FIRMWARE, passphrase)
        proposal = _roots.propose(city, [*roots, firmware], {}, now)
        signatures = [_roots.sign(proposal, city.read_key(key, lambda _: passphrase or "")) for key in roots]
        _roots.assemble(city, proposal, signatures)

    return create_city(path, config, fill)


def _make_keys(city: City, passphrases: FirstPassphrases, now: int) -> None:
    for role in (_keys.BUNDLE, _keys.STATUS):
        _keys.create_key_in(city.keys_path, role, passphrases.publishing)
    public = _keys.create_key_in(city.keys_path, _keys.CARD, passphrases.issuing)
    with city.cards() as table, table.transaction():
        _card_keys.add_card_key(city, table, public, CURRENT, now)
