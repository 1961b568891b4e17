"""What can go wrong on this computer, or with the voucher ledger, as opposed to with a document of the city.

A document of the city raises `TrustError`.
"""

from __future__ import annotations

from .core.errors import ArdenteError


class StoreError(ArdenteError):
    """A trust folder, a database or a key file cannot be used: missing, locked, unreadable, or open to others."""


class FetchError(ArdenteError):
    """A bundle could not be fetched; what is installed stays in force."""


class LedgerError(ArdenteError):
    """The ledger refuses a request, or cannot be reached. The books are as they were.

    ``reason`` is a code of `ardente.core.reasons`, of `VOUCHER_REASONS` or `LEDGER_REASONS`. The text is ``sentence``
    where there is more to say than the reason's own.
    """

    def __init__(self, reason: str, sentence: str = "") -> None:
        super().__init__(reason, sentence)
        self.reason = reason
        self._sentence = sentence

    def __str__(self) -> str:
        return self._sentence or self.text("en")

    def text(self, language: str = "fr") -> str:
        """Return the reason as a sentence for the cashier, and what to do next.

        ``language`` is "fr", "nl", "de" or "en"; ValueError for any other.
        """
        from ._texts import voucher_text

        return voucher_text(self.reason, language)
