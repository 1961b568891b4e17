"""The operations of tills over HTTP. What a request may be is in `_models`, what is refused in `_problems`."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request, Response, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from starlette.exceptions import HTTPException

from ..._trust_store import TrustStore
from ...core import reasons
from ...core.errors import TrustError
from .. import Balance, Ledger, LedgerError, OfflineClaim, Redemption, Till
from ._limits import FailureLimit, network_of
from ._models import (
    ID_PATTERN,
    KEY_PATTERN,
    BalanceRequest,
    CampaignAnswer,
    Campaigns,
    ClaimsAnswer,
    ClaimsRequest,
    Day,
    Health,
    Offline,
    Problem,
    RedemptionRequest,
    RefundRequest,
    Statement,
)
from ._observe import CLAIMS_PATH, Log, Metrics, Observed
from ._problems import documented, ledger_problem, problem
from ._vouchers import Vouchers

TITLE: Final = "Carte Ardente voucher ledger"
VERSION: Final = "1"
DESCRIPTION: Final = (
    "Redeems the city's commerce vouchers, each once. Amounts are whole cents; refusals are problem+json (RFC 9457) "
    "with a stable `reason`, and a `detail` for the cashier in fr, nl, de or en by Accept-Language."
)
DECIDE_EVERY_S: Final = 60.0
_SCHEME: Final = "bearer "
_KNOWN_FIELDS: Final = frozenset(
    {"voucher", "amount", "currency", "receipt", "claims", "window", "claimed_at", "key", "entry_sha256", "from", "to"}
) | {"idempotency-key", "redemption_id"}
# What a till that tries vouchers out would hear.
_GUESSES: Final = frozenset(
    {
        reasons.NOT_A_VOUCHER,
        reasons.UNKNOWN_KEY,
        reasons.BAD_SIGNATURE,
        reasons.UNKNOWN_CAMPAIGN,
        reasons.EXPIRED,
        reasons.REVOKED,
        reasons.ALREADY_USED,
        reasons.NOT_ACTIVE,
        reasons.WRONG_MERCHANT,
        reasons.NOT_ALLOWED,
        reasons.UNKNOWN_REDEMPTION,
    }
)

_EVERYWHERE: Final = (400, 401, 422, 429, 503)
_REFUSED_REQUEST: Final = documented(_EVERYWHERE)
_REFUSED_VOUCHER: Final = documented((403, 409, 410, 413, *_EVERYWHERE))
_REFUSED_STEP: Final = documented((403, 404, 409, 410, 413, *_EVERYWHERE))


@dataclass(frozen=True, slots=True)
class Service:
    """What the operations work with. ``metrics_token`` opens /metrics, which is not there where it is ""."""

    ledger: Ledger
    vouchers: Vouchers
    log: Log
    metrics_token: str = ""
    metrics: Metrics = field(default_factory=Metrics)
    tills: FailureLimit = field(default_factory=lambda: FailureLimit(100, 6.0))
    networks: FailureLimit = field(default_factory=lambda: FailureLimit(20, 15.0))


class _TooManyError(LedgerError):
    def __init__(self, wait_s: int) -> None:
        super().__init__(reasons.TOO_MANY_TRIES)
        self.wait_s = wait_s


class _TillRoute(APIRoute):
    """A route for tills only. Who asks is settled before a byte of the body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_for_till(request: Request) -> Response:
            request.state.till = await _admitted(request)
            return await handle(request)

        return handle_for_till


def create_app(
    ledger: Ledger,
    trust: TrustStore,
    *,
    clock: Callable[[], float] = time.time,
    log: Log | None = None,
    metrics_token: str = "",
    allow_test_city: bool = False,
) -> FastAPI:
    """Return the service over ``ledger`` for the vouchers of the city in ``trust``.

    ``clock`` answers epoch seconds. ``metrics_token`` opens /metrics; without one it is not there. The test city is for
    test suites only. Raises `TrustError` and `StoreError` where there is no trust to judge by.
    """
    vouchers = Vouchers(ledger, trust, clock, allow_test_city=allow_test_city)
    service = Service(ledger, vouchers, log or Log(), metrics_token)
    app = FastAPI(
        title=TITLE, version=VERSION, docs_url=None, redoc_url=None, lifespan=_lifespan, redirect_slashes=False
    )
    app.state.service = service
    app.include_router(_TILLS)
    app.include_router(_OPERATORS)
    app.add_exception_handler(LedgerError, _on_ledger_error)
    app.add_exception_handler(TrustError, _on_trust_error)
    app.add_exception_handler(RequestValidationError, _on_bad_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_middleware(Observed, log=service.log, metrics=service.metrics)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


_TILLS: Final = APIRouter(
    prefix="/v1",
    route_class=_TillRoute,
    dependencies=[Security(HTTPBearer(auto_error=False, description="The till's token."))],
)
_OPERATORS: Final = APIRouter()


async def _till(request: Request) -> Till:
    till: Till = request.state.till
    return till


async def _service(request: Request) -> Service:
    return _service_of(request)


IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=KEY_PATTERN,
        description="The till's own, new for each sale. The same request under it has the same answer.",
        examples=["01J9ZB5W6T"],
    ),
]
RedemptionId = Annotated[str, Path(pattern=ID_PATTERN, examples=["0123456789abcdef0123456789abcdef"])]
ByTill = Annotated[Till, Depends(_till)]
Here = Annotated[Service, Depends(_service)]


@_TILLS.post("/redemptions", status_code=201, responses=_REFUSED_VOUCHER)
def redeem(body: RedemptionRequest, key: IdempotencyKey, till: ByTill, here: Here) -> Redemption:
    """Redeem a voucher, or part of it. The answer is final."""
    judgement = here.vouchers.judge(body.voucher)
    return here.ledger.redeem(
        till, judgement, key=key, amount=body.amount, currency=body.currency, receipt=body.receipt
    )


@_TILLS.post("/reservations", status_code=201, responses=_REFUSED_VOUCHER)
def reserve(body: RedemptionRequest, key: IdempotencyKey, till: ByTill, here: Here) -> Redemption:
    """Hold a voucher, or part of it, for a quarter of an hour, until it is confirmed or voided."""
    judgement = here.vouchers.judge(body.voucher)
    return here.ledger.reserve(
        till, judgement, key=key, amount=body.amount, currency=body.currency, receipt=body.receipt
    )


@_TILLS.post("/reservations/{redemption_id}/confirm", responses=_REFUSED_STEP)
def confirm(redemption_id: RedemptionId, key: IdempotencyKey, till: ByTill, here: Here) -> Redemption:
    """Make a reservation final."""
    return here.ledger.confirm(till, redemption_id, key=key)


@_TILLS.post("/reservations/{redemption_id}/void", responses=_REFUSED_STEP)
def void(redemption_id: RedemptionId, key: IdempotencyKey, till: ByTill, here: Here) -> Redemption:
    """Give a reservation up."""
    return here.ledger.void(till, redemption_id, key=key)


@_TILLS.post("/redemptions/{redemption_id}/refunds", status_code=201, responses=_REFUSED_STEP)
def refund(
    redemption_id: RedemptionId, body: RefundRequest, key: IdempotencyKey, till: ByTill, here: Here
) -> Redemption:
    """Give a redemption, or part of it, back to its voucher."""
    return here.ledger.refund(till, redemption_id, key=key, amount=body.amount)


@_TILLS.post("/balance", responses=_REFUSED_VOUCHER)
def balance(body: BalanceRequest, till: ByTill, here: Here) -> Balance:
    """Say what a voucher has left."""
    return here.ledger.balance(till, here.vouchers.judge(body.voucher))


@_TILLS.get("/statement", responses=_REFUSED_REQUEST)
def statement(
    till: ByTill,
    here: Here,
    first_day: Annotated[Day, Query(alias="from")],
    last_day: Annotated[Day, Query(alias="to")],
) -> Statement:
    """List what the till's merchant redeemed on these days, both included."""
    return Statement(lines=here.ledger.statement(till.merchant_id, first_day, last_day))


@_TILLS.post(CLAIMS_PATH.removeprefix("/v1"), responses=documented((413, *_EVERYWHERE)))
def claim(request: Request, body: ClaimsRequest, till: ByTill, here: Here) -> ClaimsAnswer:
    """Hand in what the till took without asking. Each entry counts once; sent again, it says what became of it."""
    answers = here.ledger.claim(
        till,
        [
            OfflineClaim(
                here.vouchers.judge(entry.voucher),
                window=entry.window,
                amount=entry.amount,
                claimed_at=entry.claimed_at,
                key=entry.key,
                entry_sha256=entry.entry_sha256,
                receipt=entry.receipt,
            )
            for entry in body.claims
        ],
    )
    for answer in answers:
        if answer.reason in _GUESSES and answer.state == "refused":
            here.tills.fail(till.id)
    return ClaimsAnswer(claims=answers)


@_TILLS.get("/campaigns", responses=_REFUSED_REQUEST)
def campaigns(till: ByTill, here: Here) -> Campaigns:
    """List the city's campaigns."""
    return Campaigns(
        campaigns=[
            CampaignAnswer(
                campaign=campaign.campaign,
                name=campaign.name,
                currency=campaign.currency,
                values=campaign.values,
                starts_at=campaign.start,
                ends_at=campaign.end,
                partial=campaign.partial,
                offline=Offline(vouchers=campaign.offline[0], cents=campaign.offline[1], seconds=campaign.offline[2]),
                admitted=not campaign.merchants or not till.groups.isdisjoint(campaign.merchants),
            )
            for campaign in here.vouchers.campaigns()
        ]
    )


@_OPERATORS.get("/healthz", responses=documented((503,)))
def healthz(here: Here) -> Health:
    """Say whether vouchers can be redeemed now: the database answers, and the city's data are not too old."""
    here.ledger.ready()
    here.vouchers.check()
    return Health()


@_OPERATORS.get("/metrics", include_in_schema=False)
def metrics(request: Request, here: Here) -> Response:
    token = _token(request)
    # Who has no token of its own for it learns nothing, not even that it is there.
    if not here.metrics_token or not hmac.compare_digest(token.encode(), here.metrics_token.encode()):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return Response(generate_latest(here.metrics.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    deciding = asyncio.create_task(_decide(app.state.service))
    yield
    deciding.cancel()


async def _decide(service: Service) -> None:
    """Decide the windows that have closed, for as long as the service runs."""
    while True:
        try:
            for decision in await run_in_threadpool(service.ledger.decide_windows):
                service.log.write(
                    event="decided",
                    campaign=decision.campaign,
                    window=decision.window,
                    won=decision.won,
                    lost=decision.lost,
                )
        except LedgerError as error:
            service.log.write(event="not_decided", reason=error.reason)
        await asyncio.sleep(DECIDE_EVERY_S)


def _service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _token(request: Request) -> str:
    header = request.headers.get("authorization", "")
    return header[len(_SCHEME) :].strip() if header.lower().startswith(_SCHEME) else ""


async def _admitted(request: Request) -> Till:
    """Return the till that asks. Raises `LedgerError` where it is unknown, or has failed too often."""
    service = _service_of(request)
    try:
        till = await run_in_threadpool(service.ledger.till, _token(request))
    except LedgerError as error:
        if error.reason == reasons.UNKNOWN_TILL:
            network = network_of(request.client.host if request.client else "")
            if wait_s := service.networks.wait_s(network):
                raise _TooManyError(wait_s) from None
            service.networks.fail(network)
        raise
    request.scope["ardente"].till_id = till.id
    if wait_s := service.tills.wait_s(till.id):
        raise _TooManyError(wait_s)
    return till


async def _on_ledger_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LedgerError)
    till = getattr(request.state, "till", None)
    if till is not None and error.reason in _GUESSES:
        _service_of(request).tills.fail(till.id)
    if isinstance(error, _TooManyError):
        return ledger_problem(request, error, error.wait_s)
    return ledger_problem(request, error)


async def _on_trust_error(request: Request, error: Exception) -> JSONResponse:
    """The trust folder has come to hold another city's bundle, or one whose campaigns the books contradict."""
    assert isinstance(error, TrustError)
    _service_of(request).log.write(event="trust_refused", reason=error.reason)
    return problem(request, reasons.UNAVAILABLE)


async def _on_bad_request(request: Request, error: Exception) -> JSONResponse:
    """Name the fields that are wrong. What stood in them may be a voucher, and is not repeated."""
    assert isinstance(error, RequestValidationError)
    named = {str(part).lower() for found in error.errors() for part in found["loc"]} & _KNOWN_FIELDS
    if named == {"amount"}:
        return problem(request, reasons.BAD_AMOUNT)
    fields = ", ".join(sorted(named)) or "the body"
    return problem(request, reasons.BAD_REQUEST, detail=f"Missing or not as the interface has it: {fields}.")


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    answer = problem(request, reasons.BAD_REQUEST, status=error.status_code, detail=f"{phrase}.")
    answer.headers.update(error.headers or {})
    return answer


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes, description=DESCRIPTION)
        found["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        app.openapi_schema = found
    return app.openapi_schema
