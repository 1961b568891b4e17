import re

from ._layouts import repair
from ._scan import MAX_CHARACTERS, Problem, Scan, read_text
from ._shape import Shape, shape_of

_TERMINATOR = re.compile(r"[\r\n\t]")
# Keys that a person pressed, or noise of a plug: not worth a message when nothing ends them.
_STRAY_CHARACTERS = 8


class Assembler:
    """Cut a stream of characters into scans: at Enter or Tab, and where the scanner fell silent.

    It reads no clock. Whoever feeds it calls `cut` when nothing has come for longer than a scanner ever pauses, and
    `end` when nothing will come any more.
    """

    def __init__(self, *, typed: bool) -> None:
        self._typed = typed
        self._pending = ""
        self._torn = ""

    @property
    def pending(self) -> str:
        """The characters of the scan that has not ended."""
        return self._pending

    def feed(self, characters: str) -> list[Scan]:
        """Return the scans that these characters end."""
        *ended, rest = _TERMINATOR.split(characters)
        scans = []
        for piece in ended:
            self._add(piece)
            scans += self.end()
        self._add(rest)
        return scans

    def end(self) -> list[Scan]:
        """Return the scan that ends here, if there is one."""
        text = self._take()
        return [self._judge(text)] if text else []

    def cut(self) -> list[Scan]:
        """Return the scan that broke off here, if there is one.

        Only a whole card counts as read: its own length says that nothing is missing.
        """
        text = self._take()
        if not text:
            return []
        scan = self._judge(text)
        if scan.problem is not None or shape_of(scan.text or "") is Shape.WHOLE:
            is_noise = scan.problem is Problem.GARBLED and len(text) <= _STRAY_CHARACTERS
            return [] if is_noise else [scan]
        return [] if len(text) <= _STRAY_CHARACTERS else [Scan(problem=Problem.TORN)]

    def _add(self, piece: str) -> None:
        # One character too many is kept, so that the scan is known to be too long.
        self._pending = (self._pending + piece)[: MAX_CHARACTERS + 1]

    def _take(self) -> str:
        text, self._pending = self._pending.strip(" "), ""
        return text

    def _judge(self, text: str) -> Scan:
        """Judge ``text``, and know it again when it is the rest of the scan that was torn before it."""
        scan = read_text(text, typed=self._typed)
        digits = repair(text) or "" if self._typed else text
        head, self._torn = self._torn, digits if scan.problem is Problem.TORN else ""
        is_rest = bool(head) and scan.problem is None and shape_of(head + digits) in (Shape.WHOLE, Shape.GLUED)
        # A whole card is a scan of its own, whatever was torn before.
        if is_rest and shape_of(digits) is not Shape.WHOLE:
            return Scan(problem=Problem.TORN)
        return scan
