"""Refusals as problem+json (RFC 9457): a stable reason, and a sentence for the cashier in one of four languages."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse

from ..._errors import LedgerError
from ..._texts import LANGUAGES, VOUCHER_TEXTS, voucher_text
from ...core import reasons

MEDIA_TYPE: Final = "application/problem+json"
DEFAULT_LANGUAGE: Final = "fr"
RETRY_AFTER_S: Final = 5
_MAX_HEADER: Final = 256

_REASONS: Final = {
    HTTPStatus.UNAUTHORIZED: (reasons.UNKNOWN_TILL,),
    HTTPStatus.FORBIDDEN: (reasons.NOT_ALLOWED, reasons.WRONG_MERCHANT),
    HTTPStatus.NOT_FOUND: (reasons.UNKNOWN_REDEMPTION,),
    HTTPStatus.CONFLICT: (
        reasons.ALREADY_USED,
        reasons.RESERVED,
        reasons.AMOUNT_TOO_HIGH,
        reasons.KEY_REUSED,
        reasons.NOT_ACTIVE,
        reasons.NOT_YET_VALID,
        reasons.NOT_REFUNDABLE,
        reasons.DAY_CLOSED,
        reasons.OFFLINE_CAP,
        reasons.WINDOW_CLOSED,
    ),
    HTTPStatus.GONE: (reasons.CAMPAIGN_CLOSED, reasons.EXPIRED, reasons.REVOKED, reasons.RESERVATION_LAPSED),
    HTTPStatus.UNPROCESSABLE_ENTITY: (
        reasons.BAD_REQUEST,
        reasons.BAD_AMOUNT,
        reasons.WRONG_CURRENCY,
        reasons.NOT_A_VOUCHER,
        reasons.UNKNOWN_KEY,
        reasons.BAD_SIGNATURE,
        reasons.UNKNOWN_CAMPAIGN,
    ),
    HTTPStatus.TOO_MANY_REQUESTS: (reasons.TOO_MANY_TRIES,),
    HTTPStatus.SERVICE_UNAVAILABLE: (reasons.UNAVAILABLE, reasons.STALE_TRUST),
}
STATUS: Final = {reason: status for status, found in _REASONS.items() for reason in found}


def language_of(accept_language: str) -> str:
    """Return which of our languages an Accept-Language header likes best (RFC 9110, 12.5.4), French where none."""
    liked = []
    for place, part in enumerate(accept_language[:_MAX_HEADER].split(",")):
        name, _, weight = part.strip().partition(";")
        language = name.strip()[:2].lower()
        quality = _quality(weight)
        if language in LANGUAGES and quality > 0:
            liked.append((-quality, place, language))
    return min(liked)[2] if liked else DEFAULT_LANGUAGE


def problem(
    request: Request, reason: str, *, status: int | None = None, detail: str = "", retry_after_s: int = RETRY_AFTER_S
) -> JSONResponse:
    """Return the answer that says ``reason``; ``detail`` stands for the reason's own sentence."""
    language = language_of(request.headers.get("accept-language", ""))
    status = STATUS[reason] if status is None else status
    request.scope["ardente"].reason = reason
    headers = {"Content-Language": language, "Cache-Control": "no-store"}
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers["Retry-After"] = str(retry_after_s)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    content = {
        "type": f"urn:ardente:reason:{reason}",
        "title": VOUCHER_TEXTS[reason],
        "status": int(status),
        "reason": reason,
        "detail": detail or voucher_text(reason, language),
    }
    return JSONResponse(content, status, headers, MEDIA_TYPE)


def ledger_problem(request: Request, error: LedgerError, retry_after_s: int = RETRY_AFTER_S) -> JSONResponse:
    """Return what the ledger refused. Its own words go to the till's maker where the request was wrong."""
    detail = str(error) if error.reason == reasons.BAD_REQUEST else ""
    return problem(request, error.reason, detail=detail, retry_after_s=retry_after_s)


def documented(statuses: Iterable[int]) -> dict[int | str, dict[str, Any]]:
    """Return the responses of an OpenAPI operation that may be refused with ``statuses``."""
    return {int(status): _documented(HTTPStatus(status)) for status in statuses}


def _documented(status: HTTPStatus) -> dict[str, Any]:
    found = _REASONS.get(status, (reasons.BAD_REQUEST,))
    examples = {
        reason: {
            "value": {
                "type": f"urn:ardente:reason:{reason}",
                "title": VOUCHER_TEXTS[reason],
                "status": int(status),
                "reason": reason,
                "detail": VOUCHER_TEXTS[reason],
            }
        }
        for reason in found
    }
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}}
    response: dict[str, Any] = {"description": ", ".join(found), "content": content}
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        response["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return response


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
