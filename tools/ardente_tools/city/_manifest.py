"""What the next bundle's manifest will say of keys and campaigns, and whether there is room for more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ardente.core import encode
from ardente.core.cose import key_id
from ardente.core.errors import FormatError
from ardente.core.keys import KeySet, StatusKey, TokenKey
from ardente.core.manifest import MAX_LIST_SIZE, MAX_MANIFEST_SIZE, Campaign, ListEntry, Manifest, parse_manifest

from ._errors import CityError

# For the card keys of the years that a campaign lasts.
_RESERVED_SIZE = 1024


def key_set(keys: Sequence[TokenKey], status_key: bytes) -> KeySet:
    """Return the key set of a bundle; the public key ``status_key`` may sign the lists of all ``keys``."""
    tokens = {key.kid: key for key in keys}
    uris = sorted(key.list_uri for key in keys)
    return KeySet(tokens, [StatusKey(key_id(status_key), status_key, uris)])


def require_room(city_id: str, keys: Sequence[TokenKey], campaigns: Iterable[Campaign], now: int) -> None:
    """Raise `CityError` where no bundle could carry these ``keys`` and ``campaigns``."""
    manifest = Manifest(
        city_id,
        0xFFFFFFFF,
        now,
        now + 1,
        key_set(keys, bytes(32)),
        {campaign.campaign: campaign for campaign in campaigns},
        1,
        0,
        [ListEntry(uri, MAX_LIST_SIZE, bytes(32)) for uri in sorted(key.list_uri for key in keys)],
        0xFFFF,
    )
    try:
        payload = encode.manifest_payload(manifest)
        if len(payload) > MAX_MANIFEST_SIZE - _RESERVED_SIZE:
            raise CityError("The bundle has no room for another campaign until one of those before is over.")
        parse_manifest(payload)
    except FormatError as error:
        raise CityError(f"The campaign cannot be published: {error}") from None
