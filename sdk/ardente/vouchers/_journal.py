"""What a till remembers: the vouchers that it took without asking, and the requests whose answer it has not heard.

``journal.jsonl`` is a hash chain, one entry a line, each synced before its answer is given. The text of a voucher
stands in its entry, outside of what is hashed, until the ledger's answer is final. What is left then is a tag
(`ardente.core.tag`) under a secret of this folder, by which a voucher that comes again is known, and no other.

``state.json`` holds the rest: open requests, the receipt counter, today's sums, and the chain's newest hash, so that
lines that are cut off the end are missed.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from .._errors import StoreError
from .._files import SECRET_FILE_MODE, read_up_to, refuse_open_to_others, sync_folder, write_file
from .._partner_key import PartnerKey
from ..core.errors import FormatError
from ..core.tag import tag

JOURNAL_NAME: Final = "journal.jsonl"
STATE_NAME: Final = "state.json"
KEY_NAME: Final = "tag-key"
LOCK_NAME: Final = ".lock"
TORN_NAME: Final = "journal.torn"
FIRST: Final = "0" * 64
PENDING, WON, LOST, TURNED_DOWN = "pending", "won", "lost", "refused"
_FINAL_STATES: Final = (WON, LOST, TURNED_DOWN)
# msgspec lets the error of bytes that are no UTF-8 through as it is.
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError)
_PURPOSE: Final = "voucher-journal"
_FOLDER_MODE: Final = 0o700
_MAX_SIZE: Final = 64 << 20
_MOST_ASKS: Final = 256
_APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class Taken(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="taken", omit_defaults=True):
    """A voucher that was taken without asking. ``claimed_at`` is epoch seconds, ``amount`` cents."""

    n: int
    prev: str
    campaign: int
    window: int
    amount: int
    currency: str
    claimed_at: int
    day: str
    key: str
    receipt: str
    tag: str
    voucher: str = ""

    def __repr__(self) -> str:
        return f"<Taken {self.n}>"


class Heard(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="heard"):
    """What the ledger said of entry ``of``: its state and reason."""

    n: int
    prev: str
    of: int
    state: str
    reason: str


Entry = Taken | Heard


class Ask(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A request that may have reached the ledger, and whose answer was not heard. The same one has the same key."""

    kind: str
    subject: str
    amount: int | None
    key: str
    receipt: str


class State(msgspec.Struct, forbid_unknown_fields=True):
    """``day`` and ``final`` are today's online sums, by currency; ``newest`` is the latest time seen."""

    head: str = FIRST
    newest: int = 0
    receipts: int = 0
    day: str = ""
    final: dict[str, int] = msgspec.field(default_factory=dict)
    asks: list[Ask] = msgspec.field(default_factory=list)


@dataclass(slots=True)
class Known:
    """A taken voucher and the last that was heard of it: "" where it was not sent yet."""

    entry: Taken
    sha256: str
    state: str = ""
    reason: str = ""

    @property
    def is_final(self) -> bool:
        return self.state in _FINAL_STATES


class Journal:
    """One till's journal in a folder of its own, held against other programs until `close`.

    Raises `StoreError` where the folder cannot be used, is open to others, or was changed by another hand.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._path = self.folder / JOURNAL_NAME
        self.torn = False
        self.taken: list[Known] = []
        self._by_number: dict[int, Known] = {}
        self._heads = [FIRST]
        with self._explained():
            self.folder.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
            self._lock = _locked(self.folder)
            try:
                refuse_open_to_others(self.folder, os.stat(self.folder), stat.S_IRWXG | stat.S_IRWXO, "700")
                self._secret = self._load_key().secret
                self.state = self._load_state()
                self._load()
            except BaseException:
                self._lock.release()
                raise

    def close(self) -> None:
        """Let other programs use the folder."""
        self._lock.release()

    def tag(self, signature: bytes) -> str:
        """Return how this journal knows the voucher of that verified signature again."""
        return tag(self._secret, _PURPOSE, signature).hex()

    def known(self, voucher_tag: str) -> Known | None:
        """Return the voucher where this till took it and the ledger did not turn it down."""
        for known in reversed(self.taken):
            if known.entry.tag == voucher_tag and known.state != TURNED_DOWN:
                return known
        return None

    def unsent(self) -> list[Known]:
        """Return what the ledger has given no final answer to, oldest first."""
        return [known for known in self.taken if not known.is_final]

    def find(self, kind: str, subject: str, amount: int | None) -> Ask | None:
        """Return the open request that asks for the same."""
        for ask in self.state.asks:
            if (ask.kind, ask.subject, ask.amount) == (kind, subject, amount):
                return ask
        return None

    def next_receipt(self) -> str:
        """Return the number of the next sale."""
        self.state.receipts += 1
        return str(self.state.receipts)

    def open(self, ask: Ask) -> None:
        """Remember a request before it is made; the oldest of very many is forgotten."""
        if ask not in self.state.asks:
            self.state.asks = [*self.state.asks[1 - _MOST_ASKS :], ask]
        self.save()

    def close_ask(self, ask: Ask) -> None:
        """Forget a request whose answer is known. `save` makes it last."""
        self.state.asks = [other for other in self.state.asks if other != ask]

    def count(self, day: str, currency: str, cents: int) -> None:
        """Add to what was redeemed online on ``day``."""
        if self.state.day != day:
            self.state.day, self.state.final = day, {}
        self.state.final[currency] = self.state.final.get(currency, 0) + cents

    def take(self, entry: Taken) -> Known:
        """Write an entry down for good. Raises `StoreError`, and then it was not taken."""
        (sha256,) = self._append([entry])
        known = self._by_number[entry.n] = Known(entry, sha256)
        self.taken.append(known)
        return known

    def hear(self, answers: list[tuple[Known, str, str]]) -> None:
        """Write down what the ledger said, (of what, state, reason), and let go of what it decided."""
        news = [(known, state, reason) for known, state, reason in answers if (state, reason) != _last(known)]
        entries: list[Entry] = []
        for known, state, reason in news:
            entries.append(Heard(self.next_number(len(entries)), "", known.entry.n, state, reason))
        if entries:
            self._append(entries)
            for known, state, reason in news:
                known.state, known.reason = state, reason
            self.save()
        if any(known.is_final and known.entry.voucher for known in self.taken):
            self._purge()

    def next_number(self, ahead: int = 0) -> int:
        return len(self._heads) + ahead

    def save(self) -> None:
        """Write the state down. Raises `StoreError`."""
        self.state.head = self._heads[-1]
        with self._explained():
            write_file(self.folder / STATE_NAME, msgspec.json.encode(self.state))

    def _append(self, entries: list[Entry]) -> list[str]:
        heads = [self._heads[-1]]
        lines = []
        for entry in entries:
            entry.prev = heads[-1]
            heads.append(_sha256(entry))
            lines.append(msgspec.json.encode(entry) + b"\n")
        with self._explained():
            is_new = not self._path.exists()
            descriptor = os.open(self._path, _APPEND, SECRET_FILE_MODE)
            try:
                _write_all(descriptor, b"".join(lines))
            finally:
                os.close(descriptor)
            if is_new:
                sync_folder(self.folder)
        self._heads += heads[1:]
        return heads[1:]

    def _purge(self) -> None:
        """Write the journal anew without the texts of vouchers that are decided. Its hashes stay as they are."""
        lines = []
        for entry in self._read_entries(self._read()[0]):
            known = self._by_number.get(entry.n)
            if isinstance(entry, Taken) and known is not None and known.is_final:
                entry.voucher = known.entry.voucher = ""
            lines.append(msgspec.json.encode(entry) + b"\n")
        with self._explained():
            write_file(self._path, b"".join(lines))
            (self.folder / TORN_NAME).unlink(missing_ok=True)

    def _load_key(self) -> PartnerKey:
        path = self.folder / KEY_NAME
        if not path.exists():
            PartnerKey.new().save(path)
        try:
            return PartnerKey.load(path)
        except FormatError:
            raise StoreError(f"{path} is damaged: put the copy of it back, or begin a new journal folder.") from None

    def _load_state(self) -> State:
        path = self.folder / STATE_NAME
        if not path.exists():
            return State()
        try:
            return msgspec.json.decode(path.read_bytes(), type=State)
        except _UNREADABLE:
            raise self._changed(STATE_NAME) from None

    def _load(self) -> None:
        data, torn = self._read()
        for entry in self._read_entries(data):
            self._replay(entry)
        if torn:
            self._mend(torn, len(data))
        if self.state.head not in self._heads:
            raise self._changed(JOURNAL_NAME)

    def _replay(self, entry: Entry) -> None:
        sha256 = _sha256(entry)
        if entry.n != len(self._heads) or entry.prev != self._heads[-1]:
            raise self._changed(JOURNAL_NAME)
        self._heads.append(sha256)
        if isinstance(entry, Taken):
            known = self._by_number[entry.n] = Known(entry, sha256)
            self.taken.append(known)
            return
        heard_of = self._by_number.get(entry.of)
        if heard_of is None:
            raise self._changed(JOURNAL_NAME)
        heard_of.state, heard_of.reason = entry.state, entry.reason

    def _read(self) -> tuple[bytes, bytes]:
        """Return the whole lines of the file, and what stands behind the last of them."""
        if not self._path.exists():
            return b"", b""
        with self._explained(), open(self._path, "rb") as file:
            refuse_open_to_others(self._path, os.fstat(file.fileno()), stat.S_IRWXG | stat.S_IRWXO, "600")
            data = read_up_to(file, _MAX_SIZE)
        end = data.rfind(b"\n") + 1
        return data[:end], data[end:]

    def _read_entries(self, data: bytes) -> Iterator[Entry]:
        for line in data.splitlines():
            try:
                yield msgspec.json.decode(line, type=Entry)
            except _UNREADABLE:
                raise self._changed(JOURNAL_NAME) from None

    def _mend(self, torn: bytes, at: int) -> None:
        """Set aside a last line that a power cut tore: nobody was answered by it. A whole one lacks its end only."""
        self.torn = True
        with self._explained():
            try:
                self._replay(msgspec.json.decode(torn, type=Entry))
                descriptor = os.open(self._path, _APPEND, SECRET_FILE_MODE)
                try:
                    _write_all(descriptor, b"\n")
                finally:
                    os.close(descriptor)
            except (*_UNREADABLE, StoreError):
                write_file(self.folder / TORN_NAME, torn)
                with open(self._path, "r+b") as file:
                    file.truncate(at)
                    os.fsync(file.fileno())

    def _changed(self, name: str) -> StoreError:
        return StoreError(
            f"{self.folder / name} was changed or cut by another hand: keep the folder as it is, ask the city's "
            "voucher service, and go on in a new folder."
        )

    def _explained(self) -> _Explained:
        return _Explained(self.folder)


class _Explained:
    """Says in a sentence why the folder cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise StoreError(
                f"The till's journal in {self._folder} cannot be used ({error.strerror}): check folder and disk."
            ) from None


def _locked(folder: Path) -> Any:
    import filelock

    lock = filelock.FileLock(folder / LOCK_NAME, timeout=0, mode=SECRET_FILE_MODE)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise StoreError(f"Another program uses the journal in {folder}: each till has a folder of its own.") from None
    return lock


def _last(known: Known) -> tuple[str, str]:
    return known.state, known.reason


def _sha256(entry: Entry) -> str:
    """The hash of an entry, without the voucher's text: that is held by its tag, and goes when it is decided."""
    fields = msgspec.to_builtins(entry)
    fields.pop("voucher", None)
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _write_all(descriptor: int, data: bytes) -> None:
    """Write and sync all of ``data``, or none of it stays. Raises OSError."""
    size = os.fstat(descriptor).st_size
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
