"""Check the Carte Ardente offline and apply the resident tariff.

    from ardente import TrustStore, Validator

    validator = Validator(TrustStore("trust-folder"))
    if validator.check(text):
        ...

Each name is loaded on first use, so that a program pays for what it needs only.
"""

from __future__ import annotations

from importlib import import_module

# Not from typing, which takes longer to load than all of this.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._errors import FetchError, LedgerError, StoreError
    from ._freshness import Freshness
    from ._partner_key import PartnerKey
    from ._passback import DailyCap, Passback
    from ._trust_store import TrustState, TrustStore
    from ._validator import Validator
    from ._verdict import Verdict
    from .core.errors import ArdenteError, FormatError, TrustError
    from .scan import ScanError
    from .tariff import Quote, TariffError, Tariffs
    from .vouchers import VoucherClient

__all__ = [
    "ArdenteError",
    "DailyCap",
    "FetchError",
    "FormatError",
    "Freshness",
    "LedgerError",
    "PartnerKey",
    "Passback",
    "Quote",
    "ScanError",
    "StoreError",
    "TariffError",
    "Tariffs",
    "TrustError",
    "TrustState",
    "TrustStore",
    "Validator",
    "Verdict",
    "VoucherClient",
]

_MODULES = {
    "ArdenteError": ".core.errors",
    "DailyCap": "._passback",
    "FetchError": "._errors",
    "FormatError": ".core.errors",
    "Freshness": "._freshness",
    "LedgerError": "._errors",
    "PartnerKey": "._partner_key",
    "Passback": "._passback",
    "Quote": ".tariff",
    "ScanError": ".scan",
    "StoreError": "._errors",
    "TariffError": ".tariff",
    "Tariffs": ".tariff",
    "TrustError": ".core.errors",
    "TrustState": "._trust_store",
    "TrustStore": "._trust_store",
    "Validator": "._validator",
    "Verdict": "._verdict",
    "VoucherClient": ".vouchers",
}


def __getattr__(name: str) -> object:
    try:
        module = import_module(_MODULES[name], __name__)
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
