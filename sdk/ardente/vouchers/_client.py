"""A till: it redeems with the voucher service, and within bounds without it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from datetime import date
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, Self

from .._errors import LedgerError
from .._liege import day_of
from .._trust_watch import TrustWatch
from ..core import reasons
from ..core.digits import decode
from ..core.token import MAX_DIGITS, parse_voucher
from ..ledger._answers import Balance, StatementLine
from ._answer import HELD, REDEEMED, REFUSED, TAKEN, UNKNOWN, Answer, Total
from ._http import UnreachableError, VoucherService
from ._journal import LOST, PENDING, TURNED_DOWN, WON, Ask, Journal, Known, Taken

if TYPE_CHECKING:
    from types import TracebackType

    from .._trust_store import TrustStore
    from ..core.manifest import Campaign
    from ..core.verdict import VoucherJudgement

_LINE_ENDS: Final = " \t\r\n"
_MAX_CLAIMS: Final = 100
_MAX_CENTS: Final = 0xFFFFFFFF
_REDEEM, _RESERVE, _CONFIRM, _VOID, _REFUND = "redeem", "reserve", "confirm", "void", "refund"
_OUTCOMES: Final = {_REDEEM: REDEEMED, _RESERVE: HELD, _CONFIRM: REDEEMED, _VOID: "voided", _REFUND: "refunded"}
# The service judges by an older bundle than this till did: it will know better, so the claim stays.
_TOO_OLD: Final = (reasons.UNKNOWN_KEY, reasons.UNKNOWN_CAMPAIGN, reasons.STALE_TRUST)


class VoucherClient:
    """One till of a merchant. May be shared by threads; one program at a time uses its journal.

    Args:
        url: the voucher service's address, https (http on this computer only).
        token: the till's token, as `ardente ledger till add` printed it.
        trust: the city's root and bundle, by which vouchers are judged while the service cannot be reached.
        journal: the till's folder, which only its owner may read; made where it is missing.
        groups: the merchant's groups, as campaigns name them; the service knows them by itself.
        clock: the time in epoch seconds.
        verify: as httpx has it: an `ssl.SSLContext` where the service's certificate is signed by a CA of your own.
        allow_test_city: for test suites only; the store has to allow it too.

    Raises:
        TrustError: the installed root or bundle is damaged.
        StoreError: there is no bundle yet, or the journal cannot be used, or was changed by another hand.
        ValueError: ``url`` would send the token in the clear.
    """

    def __init__(
        self,
        url: str,
        token: str,
        trust: TrustStore,
        journal: str | PathLike[str],
        *,
        groups: Iterable[str] = (),
        clock: Callable[[], float] = time.time,
        verify: Any = True,
        allow_test_city: bool = False,
    ) -> None:
        self._watch = TrustWatch(trust, allow_test_city=allow_test_city)
        self._groups = frozenset(groups)
        self._clock = clock
        self._lock = threading.Lock()
        self._service = VoucherService(url, token, verify=verify)
        try:
            self._journal = Journal(journal)
        except BaseException:
            self._service.close()
            raise

    def close(self) -> None:
        """Close the connection and let other programs use the journal."""
        self._service.close()
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<VoucherClient {self._journal.folder}>"

    @property
    def was_torn(self) -> bool:
        """Whether the journal's last line was torn by a power cut. Nobody was answered by it; it is set aside."""
        return self._journal.torn

    @property
    def unsent(self) -> int:
        """How many vouchers were taken offline and are not decided yet: `send` asks about them."""
        return len(self._journal.unsent())

    def redeem(self, text: str, amount: int | None = None) -> Answer:
        """Redeem the voucher whose scan is ``text``: all of it, or ``amount`` cents where its campaign allows parts.

        Where the service cannot be reached the whole voucher is taken under the campaign's cap, provisionally. Parts
        are redeemed online only. Raises `StoreError` where the journal cannot be written; then nothing was taken.
        """
        return self._with_voucher(_REDEEM, "redemptions", text, amount)

    def reserve(self, text: str, amount: int | None = None) -> Answer:
        """Hold a voucher for a quarter of an hour, until `confirm` or `void`. Online only."""
        return self._with_voucher(_RESERVE, "reservations", text, amount)

    def confirm(self, redemption_id: str) -> Answer:
        """Make a reservation final. Online only."""
        return self._step(_CONFIRM, f"reservations/{redemption_id}/confirm", redemption_id, None)

    def void(self, redemption_id: str) -> Answer:
        """Give a reservation up. Online only."""
        return self._step(_VOID, f"reservations/{redemption_id}/void", redemption_id, None)

    def refund(self, redemption_id: str, amount: int | None = None) -> Answer:
        """Give a redemption back to its voucher, or ``amount`` cents of it. Online only."""
        return self._step(_REFUND, f"redemptions/{redemption_id}/refunds", redemption_id, amount)

    def balance(self, text: str) -> Balance:
        """Return what a voucher has left. Raises `LedgerError`; ``unavailable`` where the service is out of reach."""
        return Balance(**_reached(lambda: self._service.post("balance", {"voucher": text.strip(_LINE_ENDS)})))

    def statement(self, first_day: date, last_day: date) -> list[StatementLine]:
        """Return the merchant's lines of these days, both included. Raises `LedgerError` as `balance`."""
        days = {"from": first_day.isoformat(), "to": last_day.isoformat()}
        return [_line(line) for line in _reached(lambda: self._service.get("statement", **days))["lines"]]

    def today(self, currency: str = "EUR") -> Total:
        """Return what this till took today."""
        with self._lock:
            today = day_of(self._now()).isoformat()
            state = self._journal.state
            final = state.final.get(currency, 0) if state.day == today else 0
            provisional = 0
            for known in self._journal.taken:
                if known.entry.day == today and known.entry.currency == currency:
                    final += known.entry.amount if known.state == WON else 0
                    provisional += 0 if known.is_final else known.entry.amount
            return Total(final, provisional, currency)

    def send(self) -> list[Answer]:
        """Send what was taken offline, in its order and each once, and return what has become of each.

        Undecided ones stay in the journal, and are asked about again the next time. Raises `LedgerError`
        ``unavailable`` where the service is out of reach, and `StoreError`; sending again is harmless.
        """
        with self._lock:
            unsent = self._journal.unsent()
            batches = [unsent[at : at + _MAX_CLAIMS] for at in range(0, len(unsent), _MAX_CLAIMS)]
            return [answer for batch in batches for answer in self._send(batch)]

    def _with_voucher(self, kind: str, path: str, text: str, amount: int | None) -> Answer:
        if not isinstance(text, str):
            raise TypeError("the text of a scan is a str")
        text = text.strip(_LINE_ENDS)
        data = decode(text) if len(text) <= MAX_DIGITS else None
        voucher = parse_voucher(data) if data else None
        if voucher is None:
            return _refused(reasons.NOT_A_VOUCHER)
        if not _is_amount(amount):
            return _refused(reasons.BAD_AMOUNT)
        with self._lock:
            now = self._now()
            judgement = self._watch.trust().judge.voucher(text, now)
            subject = self._journal.tag(voucher.signature)
            ask = self._journal.find(kind, subject, amount)
            if (known := self._journal.known(subject)) is not None:
                return self._known(known, ask)
            # The receipt belongs to the request: the same request has the same one.
            ask = ask or Ask(kind, subject, amount, secrets.token_hex(16), self._journal.next_receipt())
            body: dict[str, Any] = {"voucher": text, "currency": _currency(judgement), "receipt": ask.receipt}
            if amount is not None:
                body["amount"] = amount
            answer, sent = self._asked(ask, path, body, now)
            if answer is not None:
                return answer
            if kind == _REDEEM and amount in (None, judgement.value):
                return self._take(ask, text, judgement, now, sent)
            return self._missed(ask, sent)

    def _step(self, kind: str, path: str, redemption_id: str, amount: int | None) -> Answer:
        if len(redemption_id) != 32 or not redemption_id.isalnum():
            return _refused(reasons.UNKNOWN_REDEMPTION)
        if not _is_amount(amount):
            return _refused(reasons.BAD_AMOUNT)
        with self._lock:
            ask = self._journal.find(kind, redemption_id, amount) or Ask(
                kind, redemption_id, amount, secrets.token_hex(16), ""
            )
            body = None if kind != _REFUND else {} if amount is None else {"amount": amount}
            answer, sent = self._asked(ask, path, body, self._now())
            return self._missed(ask, sent) if answer is None else answer

    def _asked(self, ask: Ask, path: str, body: Any, now: int) -> tuple[Answer | None, bool]:
        """Ask the service, and return its answer, or (None, whether the request may have arrived)."""
        may_have_arrived = ask in self._journal.state.asks
        self._journal.open(ask)
        try:
            found = self._service.post(path, body, ask.key)
        except UnreachableError as error:
            return None, error.sent or may_have_arrived
        except LedgerError as error:
            self._journal.close_ask(ask)
            self._journal.save()
            return _refused(error.reason, ask.receipt), True
        answer = Answer(
            _OUTCOMES[ask.kind],
            found["final"],
            amount=found["amount"],
            currency=found["currency"],
            free=found["free"],
            id=found["id"],
            receipt=found["receipt"],
        )
        self._journal.close_ask(ask)
        # The clock that the city's service answered to is as good as any.
        self._journal.state.newest = int(self._clock())
        if ask.kind == _REFUND:
            self._journal.count(day_of(now).isoformat(), answer.currency, -(ask.amount or found["refunded"]))
        elif answer.outcome == REDEEMED:
            self._journal.count(day_of(now).isoformat(), answer.currency, answer.amount)
        self._journal.save()
        return answer, True

    def _known(self, known: Known, ask: Ask | None) -> Answer:
        """The till took this voucher itself. Where it died before it could say so, it says so now."""
        if ask is not None and ask.key == known.entry.key:
            self._journal.close_ask(ask)
            self._journal.save()
            return _answer_of(known)
        return _refused(reasons.ALREADY_USED)

    def _take(self, ask: Ask, text: str, judgement: VoucherJudgement, now: int, sent: bool) -> Answer:
        """Take a whole voucher without asking, where the rule book and the campaign's cap let the till."""
        campaign, reason = judgement.campaign, judgement.reason
        if campaign is not None and reason == reasons.OK:
            reason = self._refusal(campaign, judgement.value, now)
        if campaign is None or reason != reasons.OK:
            return self._missed(ask, sent, reason)
        entry = Taken(
            n=self._journal.next_number(),
            prev="",
            campaign=campaign.campaign,
            window=self._window(campaign, now),
            amount=judgement.value,
            currency=campaign.currency,
            claimed_at=now,
            day=day_of(now).isoformat(),
            key=ask.key,
            receipt=ask.receipt,
            tag=ask.subject,
            voucher=text,
        )
        known = self._journal.take(entry)
        self._journal.close_ask(ask)
        self._journal.state.newest = now
        self._journal.save()
        return _answer_of(known)

    def _refusal(self, campaign: Campaign, value: int, now: int) -> str:
        """Return why one more voucher may not be taken unseen, or "ok"."""
        if campaign.merchants and self._groups.isdisjoint(campaign.merchants):
            return reasons.WRONG_MERCHANT
        count, cents, seconds = campaign.offline
        if not seconds:
            return reasons.OFFLINE_CAP
        window = self._window(campaign, now)
        taken = [known.entry for known in self._of(campaign) if known.entry.window == window]
        is_full = len(taken) >= count or sum(entry.amount for entry in taken) + value > cents
        is_old = any(not known.state and now - known.entry.claimed_at > seconds for known in self._of(campaign))
        return reasons.OFFLINE_CAP if is_full or is_old else reasons.OK

    def _window(self, campaign: Campaign, now: int) -> int:
        """The window of ``now``, and never one before the last that was used: a clock set back opens none."""
        last = max((known.entry.window for known in self._of(campaign)), default=0)
        return max((now - campaign.start) // campaign.offline[2], last)

    def _of(self, campaign: Campaign) -> list[Known]:
        return [
            known
            for known in self._journal.taken
            if known.entry.campaign == campaign.campaign and known.state != TURNED_DOWN
        ]

    def _missed(self, ask: Ask, sent: bool, reason: str = reasons.UNAVAILABLE) -> Answer:
        """No answer came. Where the request may have arrived it stays open, and is made again as it was."""
        if sent:
            return Answer(UNKNOWN, False, reason, receipt=ask.receipt)
        self._journal.close_ask(ask)
        self._journal.save()
        return _refused(reason, ask.receipt)

    def _send(self, batch: list[Known]) -> list[Answer]:
        claims = [
            {
                "voucher": known.entry.voucher,
                "amount": known.entry.amount,
                "window": known.entry.window,
                "claimed_at": known.entry.claimed_at,
                "key": known.entry.key,
                "entry_sha256": known.sha256,
                "receipt": known.entry.receipt,
            }
            for known in batch
        ]
        found = _reached(lambda: self._service.post("claims", {"claims": claims}))["claims"]
        self._journal.hear(
            [
                (known, answer["state"], answer["reason"])
                for known, answer in zip(batch, found, strict=True)
                if answer["state"] in (PENDING, WON, LOST, TURNED_DOWN)
                and not (answer["state"] == TURNED_DOWN and answer["reason"] in _TOO_OLD)
            ]
        )
        return [_answer_of(known) for known in batch]

    def _now(self) -> int:
        """The time, which does not run back: who sets the clock back gains no new day and no new window."""
        return max(int(self._clock()), self._journal.state.newest)


def _answer_of(known: Known) -> Answer:
    entry = known.entry
    if known.state in (LOST, TURNED_DOWN):
        return Answer(REFUSED, True, known.reason, entry.amount, entry.currency, receipt=entry.receipt)
    outcome, final = (REDEEMED, True) if known.state == WON else (TAKEN, False)
    return Answer(outcome, final, reasons.OK, entry.amount, entry.currency, 0, receipt=entry.receipt)


def _refused(reason: str, receipt: str = "") -> Answer:
    return Answer(REFUSED, True, reason, receipt=receipt)


def _reached(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except UnreachableError:
        raise LedgerError(reasons.UNAVAILABLE) from None


def _line(fields: dict[str, Any]) -> StatementLine:
    settled_on = fields["settled_on"]
    return StatementLine(
        date.fromisoformat(fields["day"]),
        fields["amount"],
        fields["currency"],
        fields["receipt"],
        fields["state"],
        date.fromisoformat(settled_on) if settled_on else None,
    )


def _currency(judgement: VoucherJudgement) -> str:
    return judgement.campaign.currency if judgement.campaign else "EUR"


def _is_amount(amount: object) -> bool:
    return amount is None or (type(amount) is int and 0 < amount <= _MAX_CENTS)
