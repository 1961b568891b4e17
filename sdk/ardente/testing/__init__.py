"""For the test suites of partners: a city whose keys are public, a card for every reason, a clock that one sets.

No reader trusts this city unless its constructor says ``allow_test_city=True``. The fixtures of
`ardente.testing.plugin` come by themselves where pytest runs; docs/test-cards.md shows the cards. Scanners without
hardware are in `ardente.testing.scanner`.

Each name is loaded on first use: pytest imports this package in every suite where carte-ardente is installed.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._cards import TEST_CARDS, TEST_VOUCHERS, TestCard, TestVoucher
    from ._city import KEY_LABELS, TestCity, public_signing_key
    from ._clock import FakeClock

__all__ = [
    "KEY_LABELS",
    "TEST_CARDS",
    "TEST_VOUCHERS",
    "FakeClock",
    "TestCard",
    "TestCity",
    "TestVoucher",
    "public_signing_key",
]

_MODULES = {
    "KEY_LABELS": "._city",
    "TEST_CARDS": "._cards",
    "TEST_VOUCHERS": "._cards",
    "FakeClock": "._clock",
    "TestCard": "._cards",
    "TestCity": "._city",
    "TestVoucher": "._cards",
    "public_signing_key": "._city",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_MODULES[name], __name__), name)
    globals()[name] = value
    return value
