"""The way out: a relay that is closed for a moment, and a contact that tells when somebody has passed."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Output(Protocol):
        """What is used here of `machine.Signal`."""

        def on(self) -> None: ...

        def off(self) -> None: ...

    class PassContact(Protocol):
        def taken(self) -> bool:
            """Whether the contact has closed since the last call, be it for a moment."""


class Gate:
    """Opens by a pulse; `poll` ends it. Times are milliseconds that never go back."""

    def __init__(
        self, relay: "Output", pass_contact: "PassContact | None", ticks: "Callable[[], int]", pulse_ms: int = 300
    ) -> None:
        self._relay = relay
        self._pass_contact = pass_contact
        self._ticks = ticks
        self._pulse_ms = pulse_ms
        self.close_at_ms = -1
        relay.off()

    @property
    def is_pulsing(self) -> bool:
        return self.close_at_ms >= 0

    def open(self) -> None:
        """Close the relay's contact, until a `poll` after the pulse's time."""
        # First, so that a relay that raises halfway is let go.
        self.close_at_ms = self._ticks() + self._pulse_ms
        self._relay.on()

    def poll(self) -> bool:
        """End the pulse when it is time, and tell whether somebody has passed since the last call."""
        if self.is_pulsing and self._ticks() >= self.close_at_ms:
            self._relay.off()
            self.close_at_ms = -1
        return self._pass_contact is not None and self._pass_contact.taken()
