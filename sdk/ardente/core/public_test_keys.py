"""The key ids of the public test city (`ardente.testing`).

Its private keys are printed in its source, so whoever wants can sign cards and roots for it. A root that lists one of
these keys is refused unless the caller of `trust` says otherwise in code.
"""

from binascii import unhexlify

from .cose import key_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

KEY_IDS: "frozenset[bytes]" = frozenset(
    [
        unhexlify(key)
        for key in (
            "14099f0da7d65c20",  # root-1
            "f48db4319269f652",  # root-2
            "07e856f531e64835",  # root-3
            "a0e82a06e2c56cb1",  # root-4
            "0383646319e286e2",  # root-5
            "6c6b08b99244c348",  # bundle-1
            "da23d37f4920011d",  # bundle-2
            "a201a867ca5c33a2",  # bundle-3
            "2cb5f587a208296c",  # firmware-1
            "03e62f3e7892c331",  # firmware-2
            "ebfd12a79d6d65de",  # card-1
            "ee19ac5df8d7965f",  # card-2
            "b770937406eef5c1",  # card-3
            "8508b8966a2537b3",  # voucher-1
            "59fd6f5c36de6572",  # voucher-2
            "bef0a264b4535d78",  # status-1
            "ab134e40c9e61099",  # status-2
        )
    ]
)


def any_test_key(public_keys: "Iterable[bytes]") -> bool:
    """Tell whether one of ``public_keys`` is a key of the test city."""
    return any([key_id(key) in KEY_IDS for key in public_keys])
