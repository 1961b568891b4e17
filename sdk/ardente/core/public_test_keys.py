"""The key ids of the public test city (`ardente.testing`).

Its private keys are printed in its source, so whoever wants can sign cards and roots for it. A root that lists one of
these keys is refused unless the caller of `trust` says otherwise in code.
"""

from .cose import key_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

KEY_IDS: "frozenset[bytes]" = frozenset(())


def any_test_key(public_keys: "Iterable[bytes]") -> bool:
    """Tell whether one of ``public_keys`` is a key of the test city."""
    return any([key_id(key) in KEY_IDS for key in public_keys])
