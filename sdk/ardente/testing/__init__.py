"""For the test suites of partners: a city whose keys are public, a card for every reason, a clock that one sets.

No reader trusts this city unless its constructor says ``allow_test_city=True``. The fixtures of
`ardente.testing.plugin` come by themselves where pytest runs; docs/test-cards.md shows the cards.
"""

from __future__ import annotations

from ardente.testing._cards import TEST_CARDS, TEST_VOUCHERS, TestCard, TestVoucher
from ardente.testing._city import KEY_LABELS, TestCity, public_signing_key
from ardente.testing._clock import FakeClock

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
