"""A manifest: what a bundle says and what it carries. A COSE_Sign of `TYP_BUNDLE` over a map of at most 8 KB.

Labels 1, 4 and 6 mean what they mean in a CWT (RFC 8392).
"""

from . import cbor
from .errors import FormatError
from .fields import byte_string, city, elements, exact_labels, number, text, time
from .keys import KeySet, parse_key_set
from .root import MAX_ROOT_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_MANIFEST_SIZE = 8192
MAX_LIST_SIZE = 4 << 20
CITY, EXP, IAT, VERSION, KEYS, CAMPAIGNS, POLICY, LISTS, ROOT_VERSION = 1, 4, 6, -1, -2, -3, -4, -5, -6
REFRESH_AFTER, MAX_GRACE = 1, 2
_LABELS = (CITY, EXP, IAT, VERSION, KEYS, CAMPAIGNS, POLICY, LISTS, ROOT_VERSION)
MAX_CAMPAIGN = 0xFFFF
BEARER_CITY, BEARER_MERCHANT = 1, 2
_CAMPAIGN_LABELS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
_MAX_PERIOD_S = 400 * 86400
# Whoever steals a bundle key cannot keep the warning from staff for longer.
_MAX_REFRESH_AFTER_S = 30 * 86400


class ListEntry:
    """One status list of a bundle: its URI, its length in bytes, and its SHA-256."""

    def __init__(self, uri: str, length: int, sha256: bytes) -> None:
        self.uri = uri
        self.length = length
        self.sha256 = sha256


class Campaign:
    """A voucher campaign.

    ``values`` are cents of ``currency`` (ISO 4217); valid from ``start`` while now < ``end``; ``partial`` where a
    voucher may be spent in parts; ``bearer`` bears a voucher redeemed twice offline; ``merchants`` are the groups of
    merchants admitted, all where empty; ``offline`` is what one till may accept unseen by the ledger: (vouchers,
    cents, seconds), (0, 0, 0) for nothing; ``kid`` is the one voucher key of the campaign, so that campaign and serial
    name one voucher.
    """

    def __init__(
        self,
        campaign: int,
        name: str,
        currency: str,
        values: "list[int]",
        start: int,
        end: int,
        partial: bool,
        bearer: int,
        merchants: "list[str]",
        offline: "tuple[int, int, int]",
        kid: int,
    ) -> None:
        self.campaign = campaign
        self.name = name
        self.currency = currency
        self.values = values
        self.start = start
        self.end = end
        self.partial = partial
        self.bearer = bearer
        self.merchants = merchants
        self.offline = offline
        self.kid = kid


class Manifest:
    """A parsed manifest. Times are epoch seconds, ``refresh_after_s`` and ``max_grace_s`` seconds.

    ``root_version`` is the root it stands under: a chain cut short before that root does not carry this manifest.
    """

    def __init__(
        self,
        city: str,
        version: int,
        iat: int,
        exp: int,
        keys: KeySet,
        campaigns: "dict[int, Campaign]",
        refresh_after_s: int,
        max_grace_s: int,
        lists: "list[ListEntry]",
        root_version: int,
    ) -> None:
        self.city = city
        self.version = version
        self.iat = iat
        self.exp = exp
        self.keys = keys
        self.campaigns = campaigns
        self.refresh_after_s = refresh_after_s
        self.max_grace_s = max_grace_s
        self.lists = lists
        self.root_version = root_version


def parse_manifest(payload: bytes) -> Manifest:
    """Return the manifest that a COSE_Sign's payload is. Raises `FormatError`.

    Whether each key has its list is tested apart (`trust`), because that refusal has reasons of its own.
    """
    if len(payload) > MAX_MANIFEST_SIZE:
        raise FormatError("A manifest is larger than 8 KB.")
    value = cbor.decode(payload)
    exact_labels(value, _LABELS)
    iat = time(value[IAT])
    exp = time(value[EXP])
    # A stolen bundle key must not make readers that get nothing newer believe it for decades.
    if exp <= iat or exp - iat > _MAX_PERIOD_S:
        raise FormatError("A manifest expires before it begins, or more than 400 days after.")
    policy = value[POLICY]
    exact_labels(policy, (REFRESH_AFTER, MAX_GRACE))
    return Manifest(
        city(value[CITY]),
        number(value[VERSION], 1, 0xFFFFFFFF),
        iat,
        exp,
        parse_key_set(value[KEYS]),
        _parse_campaigns(value[CAMPAIGNS]),
        number(policy[REFRESH_AFTER], 1, _MAX_REFRESH_AFTER_S),
        number(policy[MAX_GRACE], 0, _MAX_PERIOD_S),
        [_parse_list(entry) for entry in elements(value[LISTS], 0, 256)],
        number(value[ROOT_VERSION], 1, MAX_ROOT_VERSION),
    )


def _parse_list(value: "Any") -> ListEntry:
    uri, length, sha256 = elements(value, 3, 3)
    return ListEntry(text(uri, 96), number(length, 1, MAX_LIST_SIZE), byte_string(sha256, 32))


def _parse_campaigns(value: "Any") -> "dict[int, Campaign]":
    campaigns = {}
    previous = 0
    for item in elements(value, 0, 256):
        campaign = _parse_campaign(item)
        if campaign.campaign <= previous:
            raise FormatError("A manifest has campaigns that are doubled or not in order.")
        previous = campaign.campaign
        campaigns[previous] = campaign
    return campaigns


def _parse_campaign(item: "Any") -> Campaign:
    exact_labels(item, _CAMPAIGN_LABELS)
    start = time(item[5])
    end = time(item[6])
    currency = text(item[3], 3)
    if end <= start or len(currency) != 3 or currency.strip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"):
        raise FormatError("A campaign ends before it begins, or its currency is not of ISO 4217.")
    values = elements(item[4], 1, 16)
    previous = 0
    for cents in values:
        if number(cents, 1, 0xFFFFFFFF) <= previous:
            raise FormatError("A campaign has values that are doubled or not in order.")
        previous = cents
    merchants = elements(item[9], 0, 32)
    group = ""
    for name in merchants:
        if text(name, 32) <= group:
            raise FormatError("A campaign has merchants that are doubled or not in order.")
        group = name
    count, cents, seconds = elements(item[10], 3, 3)
    return Campaign(
        number(item[1], 1, MAX_CAMPAIGN),
        text(item[2], 64),
        currency,
        values,
        start,
        end,
        number(item[7], 0, 1) == 1,
        number(item[8], BEARER_CITY, BEARER_MERCHANT),
        merchants,
        (number(count, 0, 0xFFFF), number(cents, 0, 0xFFFFFFFF), number(seconds, 0, _MAX_PERIOD_S)),
        number(item[11], 0, 0xFF),
    )
