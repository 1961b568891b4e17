from __future__ import annotations

from typing import ClassVar

import click

from .. import _texts
from .._errors import LedgerError
from ..core.errors import ArdenteError, TrustError


class Refusal(click.ClickException):
    """One sentence on standard error, and exit status 2."""

    exit_code: ClassVar[int] = 2


def sentence(error: ArdenteError, language: str) -> str:
    """Return what to show of ``error``: the reason in ``language`` where there is nothing more to say."""
    if isinstance(error, LedgerError) and str(error) == error.text("en"):
        return error.text(language)
    if not isinstance(error, TrustError) or error.reason not in _texts.TRUST_TEXTS:
        return str(error)
    has_own_words = str(error) not in (error.reason, _texts.TRUST_TEXTS[error.reason])
    return str(error) if has_own_words else _texts.trust_text(error.reason, language)
