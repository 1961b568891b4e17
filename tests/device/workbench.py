"""What the tests of the technician's tools share."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from ardente import issuing
from ardente.core.keys import USE_CARD, KeySet, StatusKey, TokenKey
from ardente.testing import TestCity
from ardente_tools.simulate._scanner import Scanner

MILLION = 1_000_000


class Town(NamedTuple):
    """A city and the files it publishes."""

    city: TestCity
    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def old(self) -> Path:
        return self.folder / "old"

    @property
    def new(self) -> Path:
        return self.folder / "new"

    @property
    def large(self) -> Path:
        return self.folder / "large"


def large_bundle(city: TestCity, version: int, now: datetime) -> bytes:
    """Return a bundle of a million cards, 1 % of them revoked."""
    iat, exp = int(now.timestamp()), int((now + timedelta(days=45)).timestamp())
    uri = city.list_uri("card-1")
    card, status = city.key("card-1"), city.key("status-1")
    bits = bytearray(MILLION // 8)
    for index in random.Random(20_260).sample(range(MILLION), MILLION // 100):
        bits[index >> 3] |= 1 << (index & 7)
    keys = KeySet(
        {1: TokenKey(1, USE_CARD, card.public_key, exp, uri, MILLION)},
        [StatusKey(status.key_id, status.public_key, [uri])],
    )
    return issuing.bundle(
        [city.key("bundle-1")],
        [city.root()],
        {uri: issuing.status_list(status, uri, iat, exp, 86400, bytes(bits))},
        city=city.name,
        version=version,
        iat=iat,
        exp=exp,
        key_set=keys,
        campaigns=[],
    )


def provision_flash(flash: Path, root: Path, bundle: Path | None) -> None:
    """Let the firmware's own store take root and bundle into the folder that is a scanner's flash."""
    store = Scanner(flash / "trust")
    store.configure()
    store.install(root, bundle)
    (flash / "trust" / "config.json").unlink()
    (flash / "config.json").write_text(json.dumps({"label": flash.name, "board": "generic"}))
