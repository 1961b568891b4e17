"""A file that comes in pieces, each at its offset, and goes on after a cut where it stopped."""

import hashlib

from smp.errors import BAD_REQUEST, EBADSTATE, EINVAL, NO_UPLOAD, RequestError, bad_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from smp.body import Body

    class Target(Protocol):
        """Where a file goes. Each method may raise RequestError or TrustError, and has dropped what came then."""

        def begin(self, length: int, sha256: bytes) -> None: ...

        def write(self, offset: int, data: bytes) -> None: ...

        def finish(self, sha256: bytes) -> None: ...

        def abandon(self) -> None: ...

        def holds(self, length: int, sha256: bytes) -> bool:
            """Whether this file came already, and nothing is to be done."""


SHA256_BYTES = 32


class Upload:
    """One at a time: a first piece says length and SHA-256, and another one of the same file where to go on."""

    def __init__(self) -> None:
        self._target: "Target | None" = None
        self._length = 0
        self._sha256 = b""
        self._received = 0
        self._digest = hashlib.sha256()
        # The last piece may come twice, when its answer was lost.
        self._done = (-1, -1)

    def take(self, target: "Target", body: "Body") -> "Body":
        """Take a piece for `target`; return the answer. Raises RequestError, TrustError."""
        offset, data = number(body, "off"), body.get("data")
        if not isinstance(data, bytes):
            raise bad_request()
        if offset == 0:
            answer = self._begin(target, number(body, "len"), body.get("sha"))
            if answer:
                return answer
        elif self._target is None:
            if self._done == (offset, offset + len(data)):
                return {"off": offset + len(data), "match": True}
            raise RequestError(EBADSTATE, NO_UPLOAD)
        if offset != self._received:
            return {"off": self._received}
        return self._write(data)

    def next_target(self) -> "Target | None":
        """Whose file is on its way."""
        return self._target

    def _begin(self, target: "Target", length: int, sha256: "Any") -> "Body | None":
        """Begin; an answer where there is nothing to write."""
        if not isinstance(sha256, bytes) or len(sha256) != SHA256_BYTES or not length:
            raise bad_request()
        if self._target is target and (self._length, self._sha256) == (length, sha256) and self._received:
            return {"off": self._received}
        if target.holds(length, sha256):
            self.abandon()
            return {"off": length, "match": True}
        self.abandon()
        target.begin(length, sha256)
        self._target = target
        self._length = length
        self._sha256 = sha256
        self._received = 0
        self._digest = hashlib.sha256()
        return None

    def _write(self, data: bytes) -> "Body":
        target = self._target
        assert target
        end = self._received + len(data)
        try:
            if end > self._length:
                raise bad_request()
            target.write(self._received, data)
            self._digest.update(data)
            self._done = (self._received, end)
            self._received = end
            if end < self._length:
                return {"off": end}
            if self._digest.digest() != self._sha256:
                raise RequestError(EINVAL, BAD_REQUEST)
            target.finish(self._sha256)
        except BaseException:
            self.abandon()
            raise
        self._target = None
        return {"off": end, "match": True}

    def abandon(self) -> None:
        """Drop what is on its way."""
        target = self._target
        self._target = None
        self._received = 0
        self._done = (-1, -1)
        if target:
            target.abandon()


def number(body: "Body", name: str) -> int:
    """A number of a request that is not negative. Raises RequestError."""
    value = body.get(name)
    if value is True or value is False or not isinstance(value, int) or value < 0:
        raise bad_request()
    return value
