"""The sentences for people, in four languages, one for each reason code.

The English sentence is the key of its translations in ``locale/``. Holders see one of two sentences, so that a refusal
tells the queue nothing, or a third where only the scan failed; the reason is for staff.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .core import reasons
from .core.errors import ArdenteError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from gettext import NullTranslations

LANGUAGES: Final = ("fr", "nl", "de", "en")
_LOCALE_FOLDER: Final = Path(__file__).parent / "locale"


def N_(text: str) -> str:
    """Mark ``text`` for pybabel, which collects the sentences to be translated."""
    return text


ACCEPTED: Final = N_("Card accepted, welcome!")
REFUSED: Final = N_("Card not accepted: please ask at the desk.")
SHOW_AGAIN: Final = N_("Please show the card again.")

CARD_TEXTS: Final[Mapping[str, str]] = {
    reasons.OK: N_("The card is valid."),
    reasons.STALE_TRUST: N_("The city's data here are too old to check a card: have them updated, then scan again."),
    reasons.NOT_A_CARD: N_("This code is not a Carte Ardente: scan the code that is printed on the card."),
    reasons.UNKNOWN_KEY: N_("This card's series is not known here: have the city's data updated, then scan again."),
    reasons.BAD_SIGNATURE: N_("The city did not sign this code as it stands: the town hall can look into it."),
    reasons.EXPIRED: N_("The card has expired: the town hall gives out a new one."),
    reasons.REVOKED: N_("The card is out of use, perhaps lost and replaced: scan the new one or ask the town hall."),
    reasons.ALREADY_USED: N_("The card was used here a short while ago: let some time pass or decide at the desk."),
    reasons.DAILY_CAP: N_("The card has been used here as often as one day allows: it works again tomorrow."),
}

VOUCHER_TEXTS: Final[Mapping[str, str]] = {
    reasons.OK: N_("The voucher is valid."),
    reasons.STALE_TRUST: N_("The city's data here are too old to check a voucher: have them updated, then scan again."),
    reasons.NOT_A_VOUCHER: N_("This code is not a voucher of the city: scan the code that is printed on the voucher."),
    reasons.UNKNOWN_KEY: N_("This voucher's series is not known here: have the city's data updated, then scan again."),
    reasons.BAD_SIGNATURE: N_(
        "The city did not sign this code as it stands: do not redeem it, the city can look into it."
    ),
    reasons.UNKNOWN_CAMPAIGN: N_(
        "This voucher's campaign is not known here: have the city's data updated, then scan again."
    ),
    reasons.NOT_YET_VALID: N_("This voucher's campaign has not begun: redeem it from its first day on."),
    reasons.CAMPAIGN_CLOSED: N_("This voucher's campaign is over: it can no longer be redeemed."),
    reasons.EXPIRED: N_("The voucher has expired: it can no longer be redeemed."),
    reasons.REVOKED: N_("The voucher is out of use, perhaps lost and replaced: ask for the new one."),
    reasons.ALREADY_USED: N_("The voucher has been redeemed already: it cannot be redeemed again."),
    reasons.NOT_ACTIVE: N_("The voucher has not been activated yet: the city can activate it."),
    reasons.WRONG_MERCHANT: N_("The voucher is not meant for this shop: its campaign names the shops where it is."),
    reasons.WRONG_CURRENCY: N_("The voucher is in another currency: enter the amount in the voucher's own."),
    reasons.BAD_AMOUNT: N_(
        "This amount cannot be redeemed: enter a whole number of cents above zero, as the campaign allows."
    ),
    reasons.AMOUNT_TOO_HIGH: N_("The amount is higher than what is left on the voucher: enter a lower one."),
    reasons.RESERVED: N_("The voucher is being redeemed at another till: wait a quarter of an hour, then try again."),
    reasons.RESERVATION_LAPSED: N_("The sale took too long and the voucher is free again: scan it once more."),
    reasons.UNKNOWN_REDEMPTION: N_("No such redemption is known: check its number."),
    reasons.NOT_REFUNDABLE: N_("This redemption can no longer be refunded: settle it with the customer another way."),
    reasons.KEY_REUSED: N_("The till has sent two different requests under one number: start the sale again."),
    reasons.OFFLINE_CAP: N_("The till has redeemed as much as it may without a connection: reconnect it first."),
    reasons.WINDOW_CLOSED: N_("This offline redemption was sent in too late: ask the city's voucher service."),
    reasons.DAY_CLOSED: N_("The books of that day are closed: ask the city's voucher service."),
    reasons.UNKNOWN_TILL: N_("The voucher service does not know this till: have it registered again."),
    reasons.NOT_ALLOWED: N_("This till may not do that: ask whoever manages the shop's tills."),
    reasons.BAD_REQUEST: N_("The voucher service did not understand the till: have its software updated."),
    reasons.TOO_MANY_TRIES: N_("Too many failed attempts from this till: wait a few minutes, then try again."),
    reasons.UNAVAILABLE: N_("The voucher service cannot be reached: try again in a moment."),
}

TRUST_TEXTS: Final[Mapping[str, str]] = {
    reasons.NOT_A_ROOT: N_("This is not a root of a city, or it is damaged: get the root file from the city again."),
    reasons.NOT_A_BUNDLE: N_("This is not a bundle of a city, or it is damaged: download it again."),
    reasons.NOT_A_STATUS_LIST: N_(
        "A revocation list in the bundle is damaged or of an unknown kind: download the bundle again."
    ),
    reasons.NOT_AN_APPLICATION: N_("This is not an application for a scanner, or it is damaged: download it again."),
    reasons.TOO_LARGE: N_("The file is larger than any the city publishes: check that it is the right one."),
    reasons.WRONG_CITY: N_("The file comes from another city: get that of your own city."),
    reasons.TEST_CITY: N_(
        "The file comes from the public test city, whose keys everybody knows: get that of your own city."
    ),
    reasons.WRONG_FINGERPRINT: N_(
        "The root does not have the stated fingerprint: ask the city for both again, and do not use this file."
    ),
    reasons.TOO_FEW_SIGNATURES: N_(
        "The file lacks valid signatures of the city: download it again, and tell the city if it happens twice."
    ),
    reasons.ROOT_SKIPPED: N_("The bundle's chain of roots is not complete: download the bundle again."),
    reasons.ROOT_EXPIRED: N_(
        "The city's root has expired: check this computer's clock, or ask the city for a newer bundle."
    ),
    reasons.FROM_THE_FUTURE: N_("The file was made more than a day after the time on this computer: check its clock."),
    reasons.OLDER_ROOT: N_("The bundle is older than the city's root that is installed: get the newest bundle."),
    reasons.OLDER_BUNDLE: N_("The bundle is older than the one installed: get the newest bundle."),
    reasons.OLDER_THAN_ROOT: N_("The bundle was made before the root it stands under: get the newest bundle."),
    reasons.LIST_MISSING: N_("The bundle lacks a revocation list or was cut short: download it again."),
    reasons.LIST_UNKNOWN: N_("The bundle carries a revocation list that does not belong to it: download it again."),
    reasons.LIST_CHANGED: N_("A revocation list in the bundle is not the one the city signed: download it again."),
    reasons.WRONG_BOARD: N_("The application is made for another kind of scanner: get the one for this board."),
    reasons.OLDER_APPLICATION: N_("The application is older than the one installed: get the newest one."),
}

SCAN_TEXTS: Final[Mapping[str, str]] = {
    "torn": N_("Only a piece of the code was read: scan the card again."),
    "glued": N_("Two scans ran into each other: scan the card again."),
    "ambiguous": N_("The keyboard changed during the scan: switch Caps Lock off and scan the card again."),
    "garbled": N_("The code was not read cleanly: scan the card again."),
    "too_long": N_("That is far more than a card says: scan the code on the card only."),
    "no_code": N_("There is no readable QR code in the picture: take it again, closer and in good light."),
    "several_codes": N_("There is more than one QR code in the picture: take it again with the card alone."),
}

# How a redemption ended, in large letters and in a sentence: by the outcome of a `vouchers.Answer`.
REDEMPTION_HEADINGS: Final[Mapping[str, str]] = {
    "redeemed": N_("FINAL"),
    "refunded": N_("REFUNDED"),
    "voided": N_("GIVEN UP"),
    "held": N_("HELD"),
    "taken": N_("PROVISIONAL"),
    "refused": N_("NOT REDEEMED"),
    "unknown": N_("NOT KNOWN YET"),
}

REDEMPTION_TEXTS: Final[Mapping[str, str]] = {
    "redeemed": N_("Redeemed for good: {amount}."),
    "refunded": N_("Given back to its voucher, of a redemption of {amount}."),
    "voided": N_("The voucher is free again: the {amount} were not redeemed."),
    "held": N_("The voucher is held for a quarter of an hour: confirm the {amount} or give it up."),
    "taken": N_("Taken without a connection: {amount}, which become final when the till is connected again."),
    "unknown": N_(
        "The connection broke, and nobody knows yet whether the voucher was redeemed: give nothing for it and scan it "
        "again, which takes nothing twice."
    ),
}

TILL_TEXTS: Final[Mapping[str, str]] = {
    "total": N_("Today: {amount}"),
    "provisional": N_("of which provisional: {amount}"),
    "unsent": N_("Taken without a connection and not decided yet: {count}. Run `ardente merchant send`."),
    "torn": N_("A power cut tore the journal's last line. Nobody was answered by it; it is set aside."),
    "scan": N_("Scan a voucher."),
    "nothing": N_("Nothing was redeemed on these days."),
    "confirmed": N_("redeemed"),
    "reserved": N_("held"),
    "refund": N_("given back"),
    "pending": N_("not decided yet"),
    "lost": N_("lost to another till"),
}


def holder_text(accepted: bool, language: str) -> str:
    """Return what the card's holder and the queue may read: one sentence for every refusal.

    Raises ValueError for a language that is not one of `LANGUAGES`.
    """
    return _translated(ACCEPTED if accepted else REFUSED, language)


def scan_holder_text(language: str) -> str:
    """Return what holder and queue may read where the scan failed, which says nothing of the card.

    Raises ValueError as `holder_text`.
    """
    return _translated(SHOW_AGAIN, language)


def staff_text(reason: str, language: str) -> str:
    """Return what staff should know of a card check that ended with ``reason``, and what to do next.

    Raises ValueError for an unknown reason or language.
    """
    return _text(CARD_TEXTS, reason, language)


def voucher_text(reason: str, language: str) -> str:
    """Return what the cashier should know of a voucher check or redemption that ended with ``reason``.

    Raises ValueError for an unknown reason or language.
    """
    return _text(VOUCHER_TEXTS, reason, language)


def redemption_heading(outcome: str, language: str) -> str:
    """Return how a redemption ended, in one or two words. Raises ValueError for an unknown outcome or language."""
    return _text(REDEMPTION_HEADINGS, outcome, language)


def redemption_text(outcome: str, cents: int, currency: str, language: str) -> str:
    """Return how a redemption of ``cents`` ended, for the cashier. Raises ValueError as `redemption_heading`."""
    from .tariff._words import amount_text

    return _text(REDEMPTION_TEXTS, outcome, language).format(amount=amount_text(cents, currency, language))


def till_text(name: str, language: str, **fields: object) -> str:
    """Return one of `TILL_TEXTS`. Raises ValueError for an unknown name or language."""
    return _text(TILL_TEXTS, name, language).format(**fields)


def trust_text(reason: str, language: str) -> str:
    """Return why a root, bundle, status list or application is refused, and what to do next.

    Raises ValueError for an unknown reason or language.
    """
    return _text(TRUST_TEXTS, reason, language)


def scan_text(problem: str, language: str) -> str:
    """Return what staff should know of a scan with a `scan.Problem`. Raises ValueError for an unknown one."""
    return _text(SCAN_TEXTS, problem, language)


def freshness_text(bundle_version: int, age: timedelta, language: str) -> str:
    """Return the age of what cards are judged by: "bundle 12, 3 days old". Raises ValueError as `holder_text`."""
    days = age.days
    if days < 1:
        return _translated(N_("bundle {version}, less than a day old"), language).format(version=bundle_version)
    text = _translations(language).ngettext(
        "bundle {version}, {days} day old", "bundle {version}, {days} days old", days
    )
    return text.format(version=bundle_version, days=days)


def refresh_text(state: str, refresh_due: bool, language: str) -> str:
    """Return what staff should do about the age of the bundle: "" where nothing. ``state`` is `Freshness.state`."""
    if state == "stale-accepted":
        return _translated(
            N_("The city's data have expired and are still accepted for a while: update them soon."), language
        )
    if state == "stale-refused":
        return _translated(N_("The city's data here are too old and no card is accepted: update them now."), language)
    return _translated(N_("Newer data of the city should be out: update them."), language) if refresh_due else ""


def _text(texts: Mapping[str, str], reason: str, language: str) -> str:
    try:
        sentence = texts[reason]
    except KeyError:
        raise ValueError(f"There is no text for the reason {reason!r}.") from None
    return _translated(sentence, language)


def _translated(sentence: str, language: str) -> str:
    return _translations(language).gettext(sentence)


@cache
def _translations(language: str) -> NullTranslations:
    import gettext

    if language not in LANGUAGES:
        raise ValueError(f"There are no texts in {language!r}: use one of {', '.join(LANGUAGES)}.")
    if language == "en":
        return gettext.NullTranslations()
    try:
        return gettext.translation("ardente", _LOCALE_FOLDER, [language])
    except FileNotFoundError:
        raise ArdenteError(
            f"The texts in {language!r} are not compiled: run `make venv`, or install the package again."
        ) from None
