"""Where the configuration cannot be used: instead of scans a fault, until a better one comes on the serial line."""

from config import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Unconfigured:
    """A source that gives nothing. The loop works all the same, so that the serial side is there."""

    is_working = True
    is_watching = False
    is_ready = False

    def __init__(self, rest: "Callable[[], None]") -> None:
        self._rest = rest

    def poll(self) -> None:
        """Raises ConfigError."""
        self._rest()
        raise ConfigError("The configuration cannot be used.")
