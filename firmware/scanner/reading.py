"""What a source hands on: the text of a scan that may be a card, and nothing of any other."""

from core.token import MAX_DIGITS

TYPE_CHECKING = False
if TYPE_CHECKING:
    Reading = tuple[str, int]
else:
    Reading = tuple

# What a scan is that cannot be a card: its own text goes no further.
OTHER = ""
# Of the smallest card, 90 bytes (docs/format.md).
MIN_DIGITS = 219
_DIGITS = "0123456789"


def reading(text: str, time_ms: int) -> Reading:
    """Return (text, time_ms), the text `OTHER` unless it is of digits alone and as long as a card's."""
    if MIN_DIGITS <= len(text) <= MAX_DIGITS and not text.strip(_DIGITS):
        return text, time_ms
    return OTHER, time_ms
