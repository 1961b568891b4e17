"""What is in view: a symbol that stays there is answered once, until it was not seen for two seconds."""

import hashlib
import os

UNSEEN_MS = 2000
# More than a frame shows; the one seen longest ago goes first.
_MAX_IN_VIEW = 8
_KEY_BYTES = 16


class Sight:
    """Knows the last few symbols by a hash under a random key. Times are milliseconds that never go back."""

    def __init__(self) -> None:
        self._key = os.urandom(_KEY_BYTES)
        self._seen: "list[tuple[bytes, int]]" = []

    def hold(self, now_ms: int) -> None:
        """Take all that was in view as still there: nobody looked."""
        self._seen = [(entry[0], now_ms) for entry in self._seen if now_ms - entry[1] < UNSEEN_MS]

    def is_new(self, text: str, now_ms: int) -> bool:
        """Tell whether `text` was out of view, and take it as seen now."""
        mark = hashlib.sha256(self._key + text.encode()).digest()
        kept = []
        new = True
        for entry in self._seen:
            if now_ms - entry[1] < UNSEEN_MS:
                if entry[0] == mark:
                    new = False
                else:
                    kept.append(entry)
        self._seen = kept[1 - _MAX_IN_VIEW :]
        self._seen.append((mark, now_ms))
        return new
