"""What people see and hear: five states as patterns of a light and a buzzer, the same for everybody."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gate import Output

READY, ACCEPTED, REFUSED, STALE, FAULT = "ready", "accepted", "refused", "stale", "fault"
# A technician asks which scanner it is.
IDENTIFY = "identify"

# Milliseconds on, off, on …; a state that stands begins again at its end, an answer is shown once.
_LIGHT = {
    READY: (),
    ACCEPTED: (1000,),
    REFUSED: (100, 100, 100, 100, 100, 100),
    STALE: (1000, 1000),
    FAULT: (150, 150, 150, 1550),
    IDENTIFY: (80, 80),
}
_SOUND = {ACCEPTED: (150,), REFUSED: (100, 100, 100)}


class _Player:
    """Plays a pattern on an output. An empty pattern is on for good."""

    def __init__(self, output: "Output | None") -> None:
        self._output = output
        self._pattern: "tuple[int, ...]" = ()
        self._repeats = False
        self._place = 0
        self.next_ms = -1

    def play(self, pattern: "tuple[int, ...]", repeats: bool, now_ms: int) -> None:
        self._pattern = pattern
        self._repeats = repeats
        self._place = 0
        self.next_ms = now_ms + pattern[0] if pattern else -1
        self._set(True)

    def stop(self) -> None:
        self.next_ms = -1
        self._set(False)

    def poll(self, now_ms: int) -> None:
        if self.next_ms < 0 or now_ms < self.next_ms:
            return
        self._place += 1
        if self._place == len(self._pattern):
            if not self._repeats:
                self.stop()
                return
            self._place = 0
        self.next_ms = now_ms + self._pattern[self._place]
        self._set(self._place % 2 == 0)

    def _set(self, on: bool) -> None:
        if self._output:
            if on:
                self._output.on()
            else:
                self._output.off()


class Signals:
    """Shows the state that stands (ready, stale, fault), and over it an answer (accepted, refused) for a moment.

    tell: called with the name of each state when it is shown
    """

    def __init__(self, light: "Output | None", buzzer: "Output | None", tell: "Callable[[str], None]") -> None:
        self._light = _Player(light)
        self._sound = _Player(buzzer)
        self._tell = tell
        self._standing = ""
        self._answer = ""
        self._answer_at_ms = -1
        self._answering = False

    def stand(self, state: str, now_ms: int) -> None:
        """Show a state from now on."""
        if state != self._standing:
            self._standing = state
            self._tell(state)
            if not self._answering:
                self._light.play(_LIGHT[state], True, now_ms)

    def answer(self, state: str, at_ms: int) -> None:
        """Show an answer at `at_ms`, or at the next `poll` after it."""
        self._answer = state
        self._answer_at_ms = at_ms

    def poll(self, now_ms: int) -> None:
        if self._answer and now_ms >= self._answer_at_ms:
            state = self._answer
            self._answer = ""
            self._answering = True
            self._tell(state)
            self._light.play(_LIGHT[state], False, now_ms)
            self._sound.play(_SOUND[state], False, now_ms)
        self._sound.poll(now_ms)
        self._light.poll(now_ms)
        if self._answering and self._light.next_ms < 0:
            self._answering = False
            self._light.play(_LIGHT[self._standing], True, now_ms)

    def next_ms(self) -> int:
        """When something changes next, or -1."""
        times = [self._light.next_ms, self._sound.next_ms, self._answer_at_ms if self._answer else -1]
        times = [time for time in times if time >= 0]
        return min(times) if times else -1
