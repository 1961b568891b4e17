"""What can go wrong on this computer, as opposed to with a document of the city (`TrustError`)."""

from __future__ import annotations

from .core.errors import ArdenteError


class StoreError(ArdenteError):
    """A trust folder, a database or a key file cannot be used: missing, locked, unreadable, or open to others."""


class FetchError(ArdenteError):
    """A bundle could not be fetched; what is installed stays in force."""
