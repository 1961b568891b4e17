"""The scanner's loop: source → text → verdict → gate. One turn is `App.step`, and none of them raises."""

import gc
import sys

import store
from application_slots import ApplicationSlots, running_slot
from clock import Clock
from core import reasons
from core.keys import USE_CARD
from core.verdict import STALE_REFUSED
from counters import Counters
from ed25519 import make_table
from event_log import EventLog
from gate import Gate
from passback import Passback
from reading import OTHER
from self_test import SelfTest, Trial
from serial_side import SerialSide
from sight import Sight
from signals import ACCEPTED, FAULT, IDENTIFY, READY, REFUSED, STALE, Signals
from signatures import Signatures
from uptime import Uptime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from config import Config
    from core.verdict import Judge
    from gate import Output, PassContact
    from reading import Reading
    from smp.frames import Serial
    from version_floor import VersionFloor

    class Source(Protocol):
        @property
        def is_working(self) -> bool: ...

        @property
        def is_watching(self) -> bool: ...

        @property
        def is_ready(self) -> bool: ...

        def poll(self) -> "Reading | None": ...

    class Board(Protocol):
        """What the application asks of a board."""

        flash: str
        applications: str
        config_path: str
        config: Config
        allow_test_city: bool
        family: str

        def ticks_ms(self) -> int: ...

        def tell(self, event: str) -> None: ...

        def relay(self) -> Output: ...

        def light(self) -> "Output | None": ...

        def buzzer(self) -> "Output | None": ...

        def pass_contact(self) -> "PassContact | None": ...

        def version_floor(self) -> VersionFloor: ...

        def application_floor(self) -> VersionFloor: ...

        def source(self, ticks: Callable[[], int]) -> Source: ...

        def feed_watchdog(self) -> None: ...

        def serial(self) -> Serial | None: ...

        def security_level(self) -> str: ...

        def reset(self) -> None:
            """Start again; does not return."""

        def rest(self) -> None:
            """Let a millisecond pass."""


_PASSBACK_CAPACITY = 512
# How long a gate waits for somebody who was let in, before it locks again.
_PASS_WAIT_MS = 10000
# How long a fault is shown after the last time that a part failed.
_FAULT_SHOWN_MS = 10000
# How long a host that is speaking may keep the source waiting.
_SERVED_MS = 100
# When no turn went well for so long the watchdog is left to start again.
_GIVEN_UP_MS = 300000


class App:
    """A scanner on a board, on scans from `source`, the board's own unless one is given.

    Holds about 20 KB beside the QR decoder, the store and two card keys.
    """

    def __init__(self, board: "Board", source: "Source | None" = None) -> None:
        self.board = board
        config = board.config
        self._uptime = Uptime(board.ticks_ms)
        now_ms = self.now_ms = self._uptime.ms()
        self._signals = Signals(board.light(), board.buzzer(), board.tell)
        contact = board.pass_contact() if config.pass_contact else None
        self._gate = Gate(board.relay(), contact, self._now_ms, config.pulse_ms)
        self._has_contact = contact is not None
        self.clock = Clock(board.flash + "/clock", board.ticks_ms)
        self.counters = Counters(board.flash + "/counters")
        self._verify = Signatures()
        self.store = store.Store(
            board.flash, self._verify, board.version_floor(), self.clock, make_table, board.allow_test_city
        )
        self._judge: "Judge | None" = None
        self._sight = Sight()
        self._passback = Passback(_PASSBACK_CAPACITY, config.passback_s, now_ms // 1000) if config.passback_s else None
        self._waiting: "list[tuple[bytes, int]]" = []
        self._fault_until_ms = -1
        self._failed = False
        self._identify_until_ms = -1
        self._shown = ""
        self._working_ms = now_ms
        self._source = source or board.source(self._now_ms)
        self.log = EventLog()
        self_test = SelfTest(self._source, self.store)
        self.self_test = self_test.result
        self.slots: "ApplicationSlots | None" = None
        self._trial: "Trial | None" = None
        slot = running_slot(board.applications, sys.path)
        if slot is not None:
            self.slots = slots = ApplicationSlots(
                board.applications, slot, board.family, self.store, self._verify, board.application_floor()
            )
            if slots.on_trial:
                self._trial = Trial(slots, self_test, board.reset, now_ms)
        serial = board.serial()
        self._serial_side = SerialSide(self, serial) if serial else None
        self.trust_changed()
        if self.store.repaired:
            self._fault()

    def trust_changed(self) -> None:
        """Judge by what the store holds now; call it when `store.finish` has answered True."""
        self._judge = None
        if self.store.state != store.READY:
            self._verify.keep([], {})
            return
        judge = self.store.judge(self._verify)
        keys = [key for key in judge.manifest.keys.tokens.values() if key.use == USE_CARD]
        keys.sort(key=lambda key: key.latest_exp, reverse=True)
        self._verify.keep([key.public_key for key in keys], self.store.tables)
        self._judge = judge
        self.note("Bundle %d is in force." % judge.manifest.version)

    def note(self, words: str) -> None:
        """Take note of what happened to the scanner, for `log`."""
        self.log.add(self._now_ms() // 1000, words)

    def identify(self, duration_ms: int) -> None:
        """Blink, so that a technician sees which scanner this is."""
        self._identify_until_ms = self._now_ms() + duration_ms

    def step(self) -> None:
        """One turn of the loop. Whatever a part raises becomes a fault that is shown, and the loop goes on."""
        self._failed = False
        self._try(self._poll_gate)
        self._try(self._poll_source)
        self._try(self._keep_time)
        self._try(self._show_state)
        self._try(self._poll_signals)
        if self._serial_side:
            self._try(self._poll_serial)
        if self._trial:
            self._try(self._poll_trial)
        if self._source.is_working and not self._failed:
            self._working_ms = self.now_ms
        if self.now_ms - self._working_ms < _GIVEN_UP_MS:
            self.board.feed_watchdog()

    @property
    def state(self) -> str:
        """READY, STALE or FAULT."""
        judge = self._judge
        if self._fault_until_ms >= 0 or not self._source.is_working:
            return FAULT
        if judge is None or judge.freshness(self.clock.estimate(), self.board.config.grace_s) == STALE_REFUSED:
            return STALE
        return READY

    def next_ms(self) -> int:
        """When something changes without a scan, in milliseconds of `now_ms`; -1 for never."""
        times = [self._gate.close_at_ms, self._signals.next_ms(), self._fault_until_ms, self._identify_until_ms]
        times = [time for time in times if time >= 0]
        return min(times) if times else -1

    def _now_ms(self) -> int:
        self.now_ms = self._uptime.ms()
        return self.now_ms

    def _try(self, part: "Callable[[], None]") -> None:
        try:
            part()
        except Exception:
            # Not what it says: an exception may carry what was scanned.
            self._failed = True
            self._fault()

    def _fault(self) -> None:
        if self._fault_until_ms < 0:
            self.counters.fault(self.clock.now())
        self._fault_until_ms = self._now_ms() + _FAULT_SHOWN_MS

    def _poll_gate(self) -> None:
        now_ms = self._now_ms()
        passed = self._gate.poll()
        waiting = self._waiting
        if passed and waiting:
            tag = waiting.pop(0)[0]
            if self._passback:
                self._passback.add(tag, now_ms // 1000)
            self.board.tell("pass")
        while waiting and now_ms >= waiting[0][1]:
            waiting.pop(0)

    def _poll_source(self) -> None:
        # While the relay is closed there is nothing to decide, and its pulse must end in time.
        if self._gate.is_pulsing:
            return
        try:
            reading = self._source.poll()
        finally:
            now_ms = self._now_ms()
            if not self._source.is_watching:
                self._sight.hold(now_ms)
        if reading is not None:
            self._answer(reading)

    def _answer(self, reading: "Reading") -> None:
        text, frame_ms = reading
        if not self._sight.is_new(text, frame_ms):
            return
        now = self.clock.estimate()
        # Where a part fails while a card is judged, the answer is a refusal as any other.
        self._signals.answer(REFUSED, frame_ms + self.board.config.refuse_delay_ms)
        reason = self._judged(text, now)
        if reason == reasons.OK:
            self._signals.answer(ACCEPTED, frame_ms)
        self.counters.count(reason, self.clock.now())
        gc.collect()

    def _judged(self, text: str, now: int) -> str:
        """Return the reason, and open the gate where it is `ok`."""
        judge = self._judge
        grace_s = self.board.config.grace_s
        if judge is None or judge.freshness(now, grace_s) == STALE_REFUSED:
            return reasons.STALE_TRUST
        if text == OTHER:
            return reasons.NOT_A_CARD
        judgement = judge.card(text, now, grace_s)
        if judgement.reason != reasons.OK:
            return judgement.reason
        tag = b""
        now_ms = self._now_ms()
        passback = self._passback
        if passback:
            tag = judgement.tag(passback.key)
            if passback.seen(tag, now_ms // 1000) or self._waits_for(tag):
                return reasons.ALREADY_USED
        if self._has_contact:
            self._waiting.append((tag, now_ms + _PASS_WAIT_MS))
        elif passback:
            passback.add(tag, now_ms // 1000)
        self._gate.open()
        return reasons.OK

    def _waits_for(self, tag: bytes) -> bool:
        for waiting, _ in self._waiting:
            if waiting == tag:
                return True
        return False

    def _keep_time(self) -> None:
        now_s = self.now_ms // 1000
        if self._passback and not self._waiting:
            self._passback.tick(now_s)
        self.clock.tick()
        self.counters.tick(now_s)
        self.store.seal()

    def _show_state(self) -> None:
        now_ms = self._now_ms()
        if 0 <= self._fault_until_ms <= now_ms:
            self._fault_until_ms = -1
        state = self.state
        if state != self._shown:
            self._shown = state
            self.note("The state is %s." % state)
        if 0 <= self._identify_until_ms <= now_ms:
            self._identify_until_ms = -1
        self._signals.stand(state if self._identify_until_ms < 0 else IDENTIFY, now_ms)

    def _poll_serial(self) -> None:
        serial_side = self._serial_side
        assert serial_side
        if not serial_side.poll(self.now_ms):
            return
        # A host that is speaking is served until the next frame, and the gate and the signals in their time.
        next_ms = self.next_ms()
        end_ms = self._now_ms() + _SERVED_MS
        if 0 <= next_ms < end_ms:
            end_ms = next_ms
        while self._now_ms() < end_ms and not self._source.is_ready:
            if not serial_side.poll(self.now_ms):
                break

    def _poll_trial(self) -> None:
        if self._trial and not self._trial.poll(self._now_ms()):
            self._trial = None
            self.note("The new application passed its self-test and is confirmed.")

    def _poll_signals(self) -> None:
        self._signals.poll(self.now_ms)
