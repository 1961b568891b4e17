"""Whether the scanner works: the camera answers, a known card is told from an altered one, the bundle reads.

An application on trial is confirmed by it, within the loop that it runs; else, when its time is over, a reset rolls it
back.
"""

import gc
from binascii import unhexlify

import store
from core import reasons
from core.keys import USE_CARD, KeySet, TokenKey
from core.manifest import Manifest
from core.verdict import Judge
from ed25519 import Verifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from app import Source
    from application_slots import ApplicationSlots

# How long an application on trial has to pass.
TRIAL_MS = 60000

# Of the public test city: no scanner believes this key, and this does not make it.
_PUBLIC_KEY = "bbdbb3baf1589a9a0bf1fadd04471375f479f802cc049b6739932bd4f479046e"
_KID = 1
_EXP = 4070908800
_LIST = "self-test"
_CARD = (
    "0118088250572923407323444561576257002817262346337141811195480775065656019151703430496106804016415867"
    "8642306529217756789184032905786445467065875843897917108191861014320406017599327760967702467094024176"
    "713038460502230654704013"
)
# The same, one bit of its signature changed.
_ALTERED = (
    "0118088250572923407323444561576257002817262346337141811195480775065656019151703430497106804016415867"
    "8642306529217756789184032905786445467065875843897917108191861014320406017599327760967702467094024176"
    "713038460502230654704013"
)


class SelfTest:
    """Looks at the parts of a scanner that runs; each answer is as of now."""

    def __init__(self, source: "Source", trust: store.Store) -> None:
        self._source = source
        self._trust = trust
        self._card: "bool | None" = None

    def camera(self) -> bool:
        """Whether the last frame came; of a barcode module, whether it answers."""
        return self._source.is_working and self._source.is_watching

    def card(self) -> bool:
        """Whether a known card is accepted and an altered one is not; what is believed plays no part.

        The first time takes as long as the making of a key's table, and 30 KB.
        """
        if self._card is None:
            self._card = _known_card_verifies()
        return self._card

    def bundle(self) -> bool:
        """Whether there is a bundle, and its lists can be read."""
        if self._trust.state != store.READY:
            return False
        try:
            return all([bit(0) in (0, 1) for bit in self._trust.status_bits.values()])
        except OSError:
            return False

    def result(self) -> "dict[str, bool]":
        """Each answer by its name, and `ok` for all of them."""
        told = {"camera": self.camera(), "bundle": self.bundle(), "card": self.card()}
        told["ok"] = all(told.values())
        return told

    def passes(self) -> bool:
        return self.camera() and self.bundle() and self.card()


class Trial:
    """Confirms the application on trial once the self-test passes, or resets the scanner. `poll` it every turn."""

    def __init__(
        self, slots: "ApplicationSlots", self_test: SelfTest, reset: "Callable[[], None]", now_ms: int
    ) -> None:
        self._slots = slots
        self._self_test = self_test
        self._reset = reset
        self._end_ms = now_ms + TRIAL_MS

    def poll(self, now_ms: int) -> bool:
        """Whether the trial goes on. Raises what a part raises; it goes on then, until its time is over."""
        if now_ms >= self._end_ms:
            self._reset()
        if self._self_test.passes():
            self._slots.confirm()
        return self._slots.on_trial


def _known_card_verifies() -> bool:
    # The table wants 24 KB in one piece.
    gc.collect()
    verifier = Verifier(unhexlify(_PUBLIC_KEY))
    key = TokenKey(_KID, USE_CARD, unhexlify(_PUBLIC_KEY), _EXP, _LIST, 1024)
    manifest = Manifest(_LIST, 1, 0, _EXP, KeySet({_KID: key}, []), {}, 1, 0, [], 1)
    judge = Judge(manifest, lambda _, signature, message: verifier.verify(signature, message), {_LIST: _no_bit})
    return judge.card(_CARD, 0).reason == reasons.OK and judge.card(_ALTERED, 0).reason == reasons.BAD_SIGNATURE


def _no_bit(index: int) -> int:
    return 0
