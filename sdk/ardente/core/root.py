"""A root: for each role its public keys and how many of them must sign.

A COSE_Sign of `TYP_ROOT` over a map. Labels 1, 4 and 6 mean what they mean in a CWT (RFC 8392).
"""

import hashlib

from . import cbor
from .cose import Signed, key_id
from .errors import FormatError
from .fields import byte_string, city, elements, exact_labels, number, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Verify = Callable[[bytes, bytes, bytes], bool]

MAX_ROOT_SIZE = 4096
MAX_ROOT_VERSION = 0xFFFF
CITY, EXP, IAT, VERSION, ROLES = 1, 4, 6, -1, -2
ROLE_ROOT, ROLE_BUNDLE, ROLE_FIRMWARE = 1, 2, 3
_MAX_KEYS = 16


class Role:
    """Keys, ascending, and how many of them must sign."""

    def __init__(self, threshold: int, keys: "list[bytes]") -> None:
        self.threshold = threshold
        self.keys = keys

    def signers(self, signed: Signed, verify: "Verify") -> "list[bytes]":
        """Return the keys of this role whose signatures on ``signed`` verify; each counts once."""
        found = []
        for kid, signature in signed.signatures:
            for key in self.keys:
                if key_id(key) == kid and verify(key, signature, signed.message(kid)):
                    found.append(key)
                    break
        return found


class Root:
    """A parsed root. Times are epoch seconds; ``sha256`` is that of the payload, which tells two roots apart."""

    def __init__(
        self, city: str, version: int, iat: int, exp: int, roles: "dict[int, Role]", sha256: bytes = b""
    ) -> None:
        self.city = city
        self.version = version
        self.iat = iat
        self.exp = exp
        self.roles = roles
        self.sha256 = sha256


def parse_root(payload: bytes) -> Root:
    """Return the root that a COSE_Sign's payload is. Raises `FormatError`."""
    value = cbor.decode(payload)
    exact_labels(value, (CITY, EXP, IAT, VERSION, ROLES))
    exact_labels(value[ROLES], (ROLE_ROOT, ROLE_BUNDLE, ROLE_FIRMWARE))
    roles = {}
    seen = set()
    for number_of_role in (ROLE_ROOT, ROLE_BUNDLE, ROLE_FIRMWARE):
        role = _parse_role(value[ROLES][number_of_role])
        for key in role.keys:
            if key in seen:
                raise FormatError("A root gives one key two roles.")
            seen.add(key)
        roles[number_of_role] = role
    iat = time(value[IAT])
    exp = time(value[EXP])
    if exp <= iat:
        raise FormatError("A root expires before it begins.")
    version = number(value[VERSION], 1, MAX_ROOT_VERSION)
    return Root(city(value[CITY]), version, iat, exp, roles, hashlib.sha256(payload).digest())


def _parse_role(value: "object") -> Role:
    threshold, keys = elements(value, 2, 2)
    previous = b""
    for key in elements(keys, 1, _MAX_KEYS):
        if byte_string(key, 32) <= previous:
            raise FormatError("A root lists a key twice, or its keys are not in order.")
        previous = key
    return Role(number(threshold, 1, len(keys)), keys)
