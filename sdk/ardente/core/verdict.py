"""The verdict on a scan: one rule book for the desk, the gate and the till.

The checks stand in this order, and the first that fails gives the reason:

1. freshness: a manifest past its `exp` and the caller's grace answers ``stale_trust`` before anything is read;
2. shape: the digits of one card (or voucher) in its one encoding, else ``not_a_card`` (``not_a_voucher``);
3. key: of this city, for this use, within its latest `exp` and its list's entries, else ``unknown_key``;
4. signature, else ``bad_signature``;
5. for a voucher its campaign, which must know its key and value (``unknown_campaign``) and be running
   (``not_yet_valid``, ``campaign_closed``);
6. expiry: valid while now < `exp`, else ``expired``;
7. status: its bit in the list, else ``revoked``.

Passback and caps come after, with the tag of an accepted card, on the side that keeps them.

The time is never before the manifest's `iat`: who signed it had seen that time.
"""

from . import reasons
from .calendar import year_start
from .digits import decode
from .keys import USE_CARD, USE_VOUCHER
from .token import AGE_CLASS_NAMES, MAX_DIGITS, NO_AGE_CLASS, SENIOR, parse_card, parse_voucher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .manifest import Campaign, Manifest
    from .root import Verify
    from .tag import TagKey
    from .token import Card, Voucher

    StatusBit = Callable[[int], int]
    Decode = Callable[[str], "bytes | None"]

FRESH, STALE_ACCEPTED, STALE_REFUSED = "fresh", "stale-accepted", "stale-refused"
# After these a voucher's claims are not known to be the city's.
_UNSIGNED = (reasons.UNKNOWN_KEY, reasons.BAD_SIGNATURE, reasons.UNKNOWN_CAMPAIGN)


class Judgement:
    """What the rule book says of one scan. ``age_class`` is "", "child", "youth" or "senior", as of now.

    It holds the signature of the card for `tag`, so it stays inside the program that asked; there is no `repr` of it.
    """

    __slots__ = ("_signature", "age_class", "reason")

    def __init__(self, reason: str, age_class: str = "", signature: bytes = b"") -> None:
        self.reason = reason
        self.age_class = age_class
        self._signature = signature

    def tag(self, key: "TagKey") -> bytes:
        """Return the partner tag of the accepted card. Raises ValueError where none was accepted."""
        if not self._signature:
            raise ValueError("only an accepted card has a tag")
        return key.tag(self._signature)


class VoucherJudgement:
    """What the rule book says of a voucher. The last three are for the ledger.

    ``index`` is the voucher's serial, ``value`` in cents of the campaign's currency. All three stand also where a
    voucher that the city signed is refused, so that the ledger knows a request that it answered before the campaign
    ended; without a good signature and a campaign they are None and 0.
    """

    __slots__ = ("campaign", "index", "reason", "value")

    def __init__(self, reason: str, campaign: "Campaign | None" = None, index: int = 0, value: int = 0) -> None:
        self.reason = reason
        self.campaign = campaign
        self.index = index
        self.value = value


class Judge:
    """Judges scans by one manifest. ``status_bits`` has for each list's URI the lookup of its bits.

    ``decode`` is that of `digits` which suits the interpreter. With `decode_small` a card that is checked allocates
    0.9 KB on a 32-bit MicroPython beside the verification of its signature, none of it kept.
    """

    def __init__(
        self, manifest: "Manifest", verify: "Verify", status_bits: "dict[str, StatusBit]", decode: "Decode" = decode
    ) -> None:
        self.manifest = manifest
        self._verify = verify
        self._decode = decode
        self._keys = {}
        for kid, key in manifest.keys.tokens.items():
            self._keys[kid] = (key, status_bits[key.list_uri])

    def age(self, now: int) -> int:
        """Seconds since the manifest was issued, never negative."""
        return max(now - self.manifest.iat, 0)

    def freshness(self, now: int, grace: int) -> str:
        """Return `FRESH`, `STALE_ACCEPTED` or `STALE_REFUSED`; ``grace`` is seconds past the manifest's `exp`."""
        manifest = self.manifest
        if now < manifest.exp:
            return FRESH
        return STALE_ACCEPTED if now < manifest.exp + min(grace, manifest.max_grace_s) else STALE_REFUSED

    def refresh_due(self, now: int) -> bool:
        """Tell whether staff should be warned that a newer bundle is due."""
        return self.age(now) > self.manifest.refresh_after_s

    def card(self, text: str, now: int, grace: int = 0) -> Judgement:
        """Judge the text of a scan as a card. Never raises on input; times are epoch seconds and seconds."""
        manifest = self.manifest
        if now >= manifest.exp and self.freshness(now, grace) == STALE_REFUSED:
            return Judgement(reasons.STALE_TRUST)
        data = self._decode(text) if len(text) <= MAX_DIGITS else None
        card = parse_card(data) if data else None
        if card is None:
            return Judgement(reasons.NOT_A_CARD)
        if now < manifest.iat:
            now = manifest.iat
        reason = self._reason(card, USE_CARD, now)
        if reason != reasons.OK:
            return Judgement(reason)
        return Judgement(reason, _age_class(card, now), card.signature)

    def voucher(self, text: str, now: int, grace: int = 0) -> VoucherJudgement:
        """Judge the text of a scan as a voucher. Never raises on input; times are epoch seconds and seconds."""
        manifest = self.manifest
        if self.freshness(now, grace) == STALE_REFUSED:
            return VoucherJudgement(reasons.STALE_TRUST)
        data = self._decode(text) if len(text) <= MAX_DIGITS else None
        voucher = parse_voucher(data) if data else None
        if voucher is None:
            return VoucherJudgement(reasons.NOT_A_VOUCHER)
        now = max(now, manifest.iat)
        campaign = manifest.campaigns.get(voucher.campaign)
        reason = self._reason(voucher, USE_VOUCHER, now, _campaign_reason(campaign, voucher, now))
        if reason in _UNSIGNED:
            return VoucherJudgement(reason)
        return VoucherJudgement(reason, campaign, voucher.index, voucher.value)

    def _reason(self, token: "Card | Voucher", use: int, now: int, campaign_reason: str = reasons.OK) -> str:
        found = self._keys.get(token.kid)
        if found is None:
            return reasons.UNKNOWN_KEY
        key, status_bit = found
        if key.use != use or token.exp > key.latest_exp or token.index >= key.entries:
            return reasons.UNKNOWN_KEY
        if not self._verify(key.public_key, token.signature, token.message):
            return reasons.BAD_SIGNATURE
        if campaign_reason != reasons.OK:
            return campaign_reason
        if now >= token.exp:
            return reasons.EXPIRED
        return reasons.REVOKED if status_bit(token.index) else reasons.OK


def _campaign_reason(campaign: "Campaign | None", voucher: "Voucher", now: int) -> str:
    if campaign is None or campaign.kid != voucher.kid or voucher.value not in campaign.values:
        return reasons.UNKNOWN_CAMPAIGN
    if now < campaign.start:
        return reasons.NOT_YET_VALID
    return reasons.CAMPAIGN_CLOSED if now >= campaign.end else reasons.OK


def _age_class(card: "Card", now: int) -> str:
    """The class that the card's holder has now: a year counts to its end, and after it the card says nothing."""
    age_class = card.age_class
    if age_class == NO_AGE_CLASS or age_class == SENIOR or now < year_start(card.until_year + 1):
        return AGE_CLASS_NAMES[age_class]
    return ""
