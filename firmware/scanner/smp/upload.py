"""A file that comes in pieces, each at its offset, and goes on after a cut where it stopped."""

import hashlib

from smp.errors import EBADSTATE, NO_UPLOAD, RequestError, bad_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from smp.body import Body

    class Target(Protocol):
        """Where a file goes. A method that raises, RequestError or TrustError, has changed nothing that was in force;
        `abandon` is called then."""

        def holds(self, sha256: bytes) -> bool:
            """Whether the file with this SHA-256 came already, so that nothing is to be done."""

        def begin(self, length: int, sha256: bytes) -> int:
            """Return the offset to begin from."""

        def write(self, offset: int, data: bytes) -> int:
            """Return the offset to go on from."""

        def finish(self) -> None: ...

        def abandon(self) -> None: ...


SHA256_BYTES = 32


class Upload:
    """One at a time: a first piece says length and SHA-256, and another first piece of the same file where to go on."""

    def __init__(self) -> None:
        self.target: "Target | None" = None
        self._length = 0
        self._sha256 = b""
        self._next = 0
        # The last piece comes again where its answer was lost.
        self._done = (-1, -1)

    def take(self, target: "Target", body: "Body") -> "Body":
        """Take a piece for `target`; return the answer. Raises RequestError, TrustError."""
        offset, data = number(body, "off"), body.get("data")
        if not isinstance(data, bytes):
            raise bad_request()
        if offset == 0:
            if self._begin(target, number(body, "len"), body.get("sha")):
                return {"off": self._length, "match": True}
        elif self.target is not target:
            if self._done == (offset, offset + len(data)):
                return {"off": self._length, "match": True}
            raise RequestError(EBADSTATE, NO_UPLOAD)
        if offset != self._next:
            return {"off": self._next}
        return self._write(target, data)

    def abandon(self) -> None:
        """Drop what is on its way."""
        target = self.target
        self.target = None
        self._done = (-1, -1)
        if target:
            target.abandon()

    def _begin(self, target: "Target", length: int, sha256: "Any") -> bool:
        """Begin, or go on; True where the whole file is there already."""
        if not isinstance(sha256, bytes) or len(sha256) != SHA256_BYTES or not length:
            raise bad_request()
        if self.target is target and (self._length, self._sha256) == (length, sha256):
            return False
        self.abandon()
        self._length = length
        self._sha256 = sha256
        if target.holds(sha256):
            return True
        self._next = target.begin(length, sha256)
        self.target = target
        return False

    def _write(self, target: "Target", data: bytes) -> "Body":
        offset = self._next
        try:
            if offset + len(data) > self._length:
                raise bad_request()
            self._next = target.write(offset, data)
            if self._next < self._length:
                return {"off": self._next}
            target.finish()
        except BaseException:
            self.abandon()
            raise
        self.target = None
        self._done = (offset, offset + len(data))
        return {"off": self._length, "match": True}


class Arrival:
    """The SHA-256 of a file as it comes, against the one that was announced."""

    def __init__(self, sha256: bytes) -> None:
        self._sha256 = sha256
        self._digest = hashlib.sha256()

    def update(self, data: bytes) -> None:
        self._digest.update(data)

    def check(self) -> None:
        """Raises RequestError where another file came."""
        if self._digest.digest() != self._sha256:
            raise bad_request()


def number(body: "Body", name: str, default: "int | None" = None) -> int:
    """A number of a request that is not negative. Raises RequestError."""
    value = body.get(name, default)
    if value is True or value is False or not isinstance(value, int) or value < 0:
        raise bad_request()
    return value
