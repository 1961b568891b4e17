"""Who went in a short while ago, so that one card does not let in two: tags in RAM, under a key that nobody has."""

import os
from array import array

from core.tag import SECRET_SIZE, TAG_SIZE, TagKey

_PURPOSE = "passback"
_KEY_LIFE_S = 86400


class Passback:
    """Remembers tags for `window_s` seconds, at most `capacity` of them; the oldest goes first.

    `now_s` is any time that never goes back, in whole seconds. Allocates 20 bytes a tag, once.
    """

    def __init__(self, capacity: int, window_s: int, now_s: int = 0) -> None:
        self._capacity = capacity
        self._window_s = window_s
        self._tags = bytearray(capacity * TAG_SIZE)
        self._until = array("I", bytes(4 * capacity))
        self._next = 0
        self._renew(now_s)

    def seen(self, tag: bytes, now_s: int) -> bool:
        """Tell whether `tag` was added less than the window ago."""
        at = self._tags.find(tag)
        while at >= 0:
            if at % TAG_SIZE == 0 and now_s < self._until[at // TAG_SIZE]:
                return True
            at = self._tags.find(tag, at + 1)
        return False

    def add(self, tag: bytes, now_s: int) -> None:
        """Remember `tag` from now on."""
        place = self._next
        self._tags[place * TAG_SIZE : (place + 1) * TAG_SIZE] = tag
        self._until[place] = now_s + self._window_s
        self._next = (place + 1) % self._capacity

    def tick(self, now_s: int) -> None:
        """Take a new key once a day, as soon as no tag is left to forget: a window late at most."""
        last = self._until[self._next - 1]
        if now_s - self._made_s >= _KEY_LIFE_S and (
            now_s >= last or now_s - self._made_s >= _KEY_LIFE_S + self._window_s
        ):
            self._renew(now_s)

    def _renew(self, now_s: int) -> None:
        self.key = TagKey(os.urandom(SECRET_SIZE), _PURPOSE)
        self._made_s = now_s
        for place in range(self._capacity):
            self._until[place] = 0
            self._tags[place * TAG_SIZE : (place + 1) * TAG_SIZE] = bytes(TAG_SIZE)
