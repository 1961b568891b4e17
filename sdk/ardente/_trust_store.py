"""The trust folder: the root that a person believed, and the newest bundle that it vouches for."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256 as _sha256
from os import PathLike
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ._ed25519 import verify
from ._errors import StoreError
from ._files import (
    PUBLIC_FILE_MODE,
    SECRET_FILE_MODE,
    read_up_to,
    refuse_open_to_others,
    remove_cut_files,
    write_file,
)
from ._freshness import Freshness, freshness_of
from ._trust import Stamp, Trust, read_trust
from .core import reasons
from .core.errors import TrustError
from .core.reader import BytesReader
from .core.root import MAX_ROOT_SIZE
from .core.trust import MAX_BUNDLE_SIZE, Installed, open_bundle, open_root

ROOT_NAME = "root.cbor"
BUNDLE_NAME = "bundle.cbor"
MEMORY_NAME = "update.json"
LOCK_NAME = ".lock"
_LOCK_TIMEOUT_S = 30.0
_MAX_MEMORY_SIZE = 1 << 16
_FOLDER_MODE = 0o755

Document = bytes | bytearray | memoryview | str | PathLike[str] | BinaryIO


class TrustState(NamedTuple):
    """What a trust folder believes. Without a bundle its fields are None; times are aware UTC datetimes.

    ``root_sha256`` is the fingerprint of the root that was believed first, ``root_version`` that of the root in force;
    ``freshness`` is that of a partner who grants no grace.
    """

    city: str
    root_sha256: str
    root_version: int
    root_expires: datetime
    bundle_version: int | None = None
    bundle_sha256: str | None = None
    issued: datetime | None = None
    expires: datetime | None = None
    freshness: Freshness | None = None
    url: str | None = None


class _Memory(NamedTuple):
    """From where the bundle came the last time; a convenience that nothing depends on."""

    url: str = ""
    etag: str = ""
    last_modified: str = ""
    bundle_sha256: str = ""


class TrustStore:
    """A folder with the city's root and bundle. Any number of programs may read it while one installs.

    ``clock`` gives the time in epoch seconds. ``allow_test_city`` lets in the public test city of `ardente.testing`,
    whose keys everybody has: for test suites only.
    """

    def __init__(
        self, folder: str | PathLike[str], *, allow_test_city: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self.folder = Path(folder)
        self._allow_test_city = allow_test_city
        self._clock = clock
        self._bundle_path = self.folder / BUNDLE_NAME

    def init(self, root: Document, sha256: str) -> bool:
        """Believe the first ``root``: bytes, a path or a binary file, whose SHA-256 came another way, as hex digits.

        Returns False where the folder believes it already. Raises `TrustError` where it is refused, and `StoreError`
        where the folder believes another root or cannot be used.
        """
        with _explained():
            data = _read_document(root, MAX_ROOT_SIZE, reasons.NOT_A_ROOT)
            if _sha256(data).hexdigest() != "".join(sha256.split()).replace(":", "").lower():
                raise TrustError(reasons.WRONG_FINGERPRINT)
            open_root(data, verify, self._allow_test_city)
        path = self.folder / ROOT_NAME
        with self._writing():
            if path.is_symlink() or path.exists():
                if self._read(path, MAX_ROOT_SIZE)[0] == data:
                    return False
                raise StoreError(f"{self.folder} believes another root already: choose a new folder.")
            remove_cut_files(path)
            write_file(path, data, PUBLIC_FILE_MODE)
        return True

    def install(self, bundle: Document) -> bool:
        """Install a ``bundle``: bytes, a path or a binary file. All of it takes effect at once, or nothing does.

        Returns False where the folder holds it already. Raises `TrustError` where it is refused, and `StoreError`
        where the folder cannot be used; either way what was installed stays.
        """
        with _explained():
            data = _read_document(bundle, MAX_BUNDLE_SIZE)
            with self._writing():
                if not self._is_news(data):
                    return False
                remove_cut_files(self._bundle_path)
                write_file(self._bundle_path, data, PUBLIC_FILE_MODE)
        return True

    def update(self, url: str | None = None) -> bool:
        """Fetch the bundle from ``url`` (https, http or file) and install it, if there is a newer one.

        Without ``url`` it is the one that worked last. Returns False where nothing newer is there. Raises `FetchError`
        where it cannot be fetched, and what `install` raises.
        """
        from ._fetch import fetch

        self._anchor()
        memory = self._memory()
        url = url or memory.url
        if not url:
            raise StoreError("No address to update from is known yet: give it once, and it is remembered.")
        if memory.url != url or memory.bundle_sha256 != self._bundle_sha256():
            memory = _Memory(url)
        fetched = fetch(url, MAX_BUNDLE_SIZE, memory.etag, memory.last_modified)
        if fetched.data is None:
            return False
        changed = self.install(fetched.data)
        self._remember(_Memory(url, fetched.etag, fetched.last_modified, _sha256(fetched.data).hexdigest()))
        return changed

    def show(self) -> TrustState:
        """Return what the folder believes now.

        Raises `TrustError` where a file is damaged, and `StoreError` where there is no root.
        """
        anchor = self._anchor()
        root_sha256 = _sha256(self._read(self.folder / ROOT_NAME, MAX_ROOT_SIZE)[0]).hexdigest()
        url = self._memory().url or None
        if not _is_there(self._bundle_path):
            root = anchor.root
            return TrustState(root.city, root_sha256, root.version, _utc(root.exp), url=url)
        trust = self._load(anchor, self._allow_test_city)
        root, manifest = trust.installed.root, trust.manifest
        return TrustState(
            root.city,
            root_sha256,
            root.version,
            _utc(root.exp),
            manifest.version,
            self._bundle_sha256(),
            _utc(manifest.iat),
            _utc(manifest.exp),
            freshness_of(trust.judge, int(self._clock()), 0),
            url,
        )

    def load(self, *, allow_test_city: bool = True) -> Trust:
        """Return the installed trust, verified again from the root; `Validator` does this for you.

        ``allow_test_city`` can only narrow what the store allows. Raises `TrustError` where a file is damaged, and
        `StoreError` where there is none.
        """
        allow = allow_test_city and self._allow_test_city
        return self._load(self._anchor(allow), allow)

    def stamp(self) -> Stamp | None:
        """Return what tells the bundle file now from another one (see `Trust.stamp`), or None where there is none."""
        try:
            return _stamp(os.stat(self._bundle_path, follow_symlinks=False))
        except OSError:
            return None

    def _is_news(self, data: bytes) -> bool:
        """Take the bundle through all rules. Raises `TrustError`."""
        anchor = self._anchor()
        offer = open_bundle(
            BytesReader(data),
            len(data),
            self._installed(anchor),
            int(self._clock()),
            verify,
            allow_test_city=self._allow_test_city,
        )
        # What is written has to load again, lists inflated and all.
        read_trust(data, anchor, (0, 0, 0), allow_test_city=self._allow_test_city)
        return not offer.unchanged

    def _installed(self, anchor: Installed) -> Installed:
        """What is in force; the anchor alone where no bundle is, or a damaged one, which a new one may replace."""
        if not _is_there(self._bundle_path):
            return anchor
        try:
            return self._load(anchor, self._allow_test_city).installed
        except TrustError:
            return anchor

    def _anchor(self, allow_test_city: bool | None = None) -> Installed:
        allow = self._allow_test_city if allow_test_city is None else allow_test_city
        path = self.folder / ROOT_NAME
        if not _is_there(path):
            raise StoreError(f"There is no root in {self.folder} yet: run `ardente trust init ROOT --sha256 …`.")
        data, status = self._read(path, MAX_ROOT_SIZE)
        # Who can change these files decides whose cards are good.
        refuse_open_to_others(path, status, stat.S_IWOTH, "o-w")
        with _readable(self.folder):
            refuse_open_to_others(self.folder, os.stat(self.folder), stat.S_IWOTH, "o-w")
        with _explained(f"The root in {self.folder} cannot be used: begin again in a new folder."):
            return open_root(data, verify, allow)

    def _load(self, anchor: Installed, allow_test_city: bool) -> Trust:
        if not _is_there(self._bundle_path):
            raise StoreError(
                f"There is no bundle in {self.folder} yet: run `ardente trust update URL` with the city's address, or "
                "`ardente trust install FILE`."
            )
        with _explained(f"The bundle in {self.folder} is damaged: install the city's bundle again."):
            data, status = self._read(self._bundle_path, MAX_BUNDLE_SIZE)
            return read_trust(data, anchor, _stamp(status), allow_test_city=allow_test_city)

    def _read(self, path: Path, limit: int) -> tuple[bytes, os.stat_result]:
        """Return a file of the folder with its status. Raises `StoreError`, and `TrustError` where it is too large."""
        with _readable(path):
            descriptor = os.open(path, os.O_RDONLY | _READ_FLAGS)
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise StoreError(f"{path} is not a file: choose another folder.")
                data = read_up_to(file, limit + 1)
        if len(data) > limit:
            raise TrustError(reasons.TOO_LARGE)
        return data, status

    def _bundle_sha256(self) -> str:
        try:
            return _sha256(self._read(self._bundle_path, MAX_BUNDLE_SIZE)[0]).hexdigest()
        except (StoreError, TrustError):
            return ""

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the folder against other writers; readers need no lock."""
        import filelock

        try:
            self.folder.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
            # Who may read the lock may hold it, and so keep every update out.
            lock = filelock.FileLock(self.folder / LOCK_NAME, timeout=_LOCK_TIMEOUT_S, mode=SECRET_FILE_MODE)
            lock.acquire()
        except filelock.Timeout:
            raise StoreError(f"Another program is installing into {self.folder}: try again in a moment.") from None
        except OSError as error:
            raise StoreError(
                f"{self.folder} cannot be written ({error.strerror}): check who may write there."
            ) from None
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"{self.folder} cannot be written ({error.strerror}): what was installed stays in force."
            ) from None
        finally:
            lock.release()

    def _memory(self) -> _Memory:
        import json

        try:
            fields = json.loads(self._read(self.folder / MEMORY_NAME, _MAX_MEMORY_SIZE)[0])
            memory = _Memory(**fields)
        except (StoreError, TrustError, ValueError, TypeError, RecursionError):
            return _Memory()
        return memory if all(isinstance(field, str) for field in memory) else _Memory()

    def _remember(self, memory: _Memory) -> None:
        import json

        if memory == self._memory():
            return
        with self._writing():
            path = self.folder / MEMORY_NAME
            remove_cut_files(path)
            write_file(path, json.dumps(memory._asdict()).encode(), PUBLIC_FILE_MODE)


# Neither a link nor a pipe that somebody put there is followed or waited for.
_READ_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _read_document(document: Document, limit: int, too_large: str = reasons.TOO_LARGE) -> bytes:
    """Return the bytes of an offered document; raises `TrustError`, for ``too_large``, where there are more."""
    if isinstance(document, bytes | bytearray | memoryview):
        data = bytes(memoryview(document)[: limit + 1])
    elif isinstance(document, str | PathLike):
        try:
            with open(document, "rb") as file:
                data = read_up_to(file, limit + 1)
        except OSError as error:
            raise StoreError(f"{os.fspath(document)} cannot be read ({error.strerror}): check its name.") from None
    else:
        data = read_up_to(document, limit + 1)
    if len(data) > limit:
        raise TrustError(too_large)
    return data


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say in a sentence why ``path`` cannot be read: a right that lacks, a share that is away."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}): check who may read it.") from None


def _is_there(path: Path) -> bool:
    with _readable(path):
        return path.exists()


@contextmanager
def _explained(damage: str = "") -> Iterator[None]:
    """Give a refusal its sentence; ``damage`` says instead what to do about a file that was installed once."""
    try:
        yield
    except TrustError as error:
        if error.args[0] != error.reason:
            raise
        from ._texts import trust_text

        sentence = "" if error.reason == reasons.TEST_CITY else damage
        raise TrustError(error.reason, sentence or trust_text(error.reason, "en")) from None


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_ino, status.st_mtime_ns, status.st_size


def _utc(time_s: int) -> datetime:
    return datetime.fromtimestamp(time_s, UTC)
