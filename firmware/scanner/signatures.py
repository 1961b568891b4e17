"""Verification for `core`: the few keys of cards by verifiers that stay, every other key by one that is made for it."""

from ed25519 import KEY_BYTES, SIGNATURE_BYTES, Verifier

# Each holds 27 KB.
_MAX_KEPT = 8


class Signatures:
    """Call it with (public key, signature, message)."""

    def __init__(self) -> None:
        self._kept: "dict[bytes, Verifier | None]" = {}

    def keep(self, public_keys: "list[bytes]", tables: "dict[bytes, bytes]") -> None:
        """Keep the verifiers of these keys from now on, and of no others; those without a table are made when used."""
        public_keys = public_keys[:_MAX_KEPT]
        self._kept = {key: self._kept.get(key) for key in public_keys}
        for key in public_keys:
            if self._kept[key] is None and key in tables:
                self._kept[key] = Verifier(key, tables[key])

    def __call__(self, public_key: bytes, signature: bytes, message: bytes) -> bool:
        if len(public_key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
            return False
        verifier = self._kept.get(public_key)
        if verifier is None:
            verifier = Verifier(public_key)
            if public_key in self._kept:
                self._kept[public_key] = verifier
        return bool(verifier.verify(signature, message))
