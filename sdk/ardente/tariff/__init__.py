"""A partner's tariff file, and the best price that it gives."""

from ._errors import TariffError
from ._quote import Quote, QuoteLine
from ._tariffs import CheckedCard, Tariffs

__all__ = ["CheckedCard", "Quote", "QuoteLine", "TariffError", "Tariffs"]
