"""What is in view: a symbol that stays there is answered once, until it was not seen for two seconds."""

import hashlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

UNSEEN_MS = 2000
# More than a frame shows; the one seen longest ago goes first.
_MAX_IN_VIEW = 8
_KEY_BYTES = 16
_MARK_BYTES = 32
_NEVER = -1


class Sight:
    """Knows the last few symbols by a hash under a random key. Times are milliseconds that never go back.

    A look allocates 0.2 KB.
    """

    def __init__(self) -> None:
        self._key = os.urandom(_KEY_BYTES)
        self._marks = bytearray(_MAX_IN_VIEW * _MARK_BYTES)
        self._seen_ms = [_NEVER] * _MAX_IN_VIEW

    def hold(self, now_ms: int) -> None:
        """Take all that was in view as still there: nobody looked."""
        for place in range(_MAX_IN_VIEW):
            if self._is_in_view(place, now_ms):
                self._seen_ms[place] = now_ms

    def is_new(self, text: str, now_ms: int) -> bool:
        """Tell whether `text` was out of view, and take it as seen now."""
        digest: "Any" = hashlib.sha256(self._key)
        digest.update(text.encode())
        mark: bytes = digest.digest()
        seen_ms = self._seen_ms
        at = self._marks.find(mark)
        place = at // _MARK_BYTES if at >= 0 else seen_ms.index(min(seen_ms))
        new = at < 0 or not self._is_in_view(place, now_ms)
        self._marks[place * _MARK_BYTES : (place + 1) * _MARK_BYTES] = mark
        seen_ms[place] = now_ms
        return new

    def _is_in_view(self, place: int, now_ms: int) -> bool:
        seen_ms = self._seen_ms[place]
        return seen_ms != _NEVER and now_ms - seen_ms < UNSEEN_MS
