"""What the scanner believes, kept on a flash that may lose power at any moment.

Two slots hold a bundle each (`slot`), and one pointer file, renamed last, says which is in use. A bundle comes in by
`begin`, `write` and `finish`, goes through the rules of `core.trust`, and takes effect all at once or not at all; the
other slot keeps the bundle before it. A start takes the slot that the pointer names; where that slot or the pointer is
damaged, the newest bundle that verifies from the first root. It never raises: the worst is a store without a bundle.
"""

import errno
import gc
import hashlib

from core import reasons
from core.cose import SIGN_TAG, TYP_BUNDLE, TYP_ROOT, read_sign
from core.digits import decode_small
from core.errors import ArdenteError, FormatError, TrustError
from core.manifest import MAX_MANIFEST_SIZE
from core.root import MAX_ROOT_SIZE
from core.trust import MAX_BUNDLE_SIZE, open_bundle, open_root
from core.verdict import Judge
from flash_file import FileReader, read_file, write_file
from slot import Slot
from version_floor import floor_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from clock import Clock
    from core.root import Verify
    from core.trust import Installed, Offer
    from slot import Contents, MakeTable
    from version_floor import VersionFloor

# What the store can say of itself.
NO_ROOT, NO_BUNDLE, READY = "no_root", "no_bundle", "ready"

_ROOT_NAMES = ("root", "root-copy")
_POINTER = "pointer"
_SLOTS = ("0", "1")
_MAX_SIGNED_MANIFEST_SIZE = MAX_MANIFEST_SIZE + 2048


class StoreError(ArdenteError):
    """The store cannot do what was asked; what was installed stays in force."""


class Store:
    """A folder with the first root and two slots for bundles.

    folder: must exist, on littlefs
    version_floor: see `version_floor`; a bundle below it is not installed
    clock: gives the time, and takes it from what is installed
    make_table: of a public key, for `tables`; without it there are none
    allow_test_city: lets in the public test city, whose keys everybody has: for tests only
    """

    def __init__(
        self,
        folder: str,
        verify: "Verify",
        version_floor: "VersionFloor",
        clock: "Clock",
        make_table: "MakeTable | None" = None,
        allow_test_city: bool = False,
    ) -> None:
        self._folder = folder
        self._verify = verify
        self._floor = version_floor
        self._clock = clock
        self._allow_test_city = allow_test_city
        self._slots = [Slot(folder + "/" + name, make_table) for name in _SLOTS]
        self._used = 0
        self._first: "Installed | None" = None
        self._contents: "Contents | None" = None
        self._upload: "Upload | None" = None
        self.repaired = False
        # Of the first root's file: the fingerprint that a person has compared.
        self.root_sha256 = b""
        self._start()

    @property
    def state(self) -> str:
        """NO_ROOT, NO_BUNDLE or READY. `repaired` tells that the last start found a damaged file."""
        if self._first is None:
            return NO_ROOT
        return READY if self._contents else NO_BUNDLE

    @property
    def installed(self) -> "Installed | None":
        """What is believed: None without a root; without a bundle its `manifest` is None."""
        return self._contents.installed if self._contents else self._first

    @property
    def status_bits(self) -> "dict[str, Callable[[int], int]]":
        """For each list's URI the lookup of its bits: one seek and one read, OSError where the flash fails."""
        bitmaps = self._contents.bitmaps if self._contents else {}
        return {uri: bitmap.bit for uri, bitmap in bitmaps.items()}

    @property
    def tables(self) -> "dict[bytes, bytes]":
        """For the public keys of cards the tables that verify fast."""
        return self._contents.tables if self._contents else {}

    @property
    def next_offset(self) -> int:
        """Where the bundle that is on its way goes on; 0 where none is."""
        return self._upload.received if self._upload else 0

    def bundle_sha256(self) -> bytes:
        """The SHA-256 of the bundle in use as it came; b"" without one, or where the flash fails."""
        contents = self._contents
        if contents is None:
            return b""
        if not contents.file_sha256:
            try:
                contents.file_sha256 = self._slots[self._used].sha256()
            except OSError:
                pass
        return contents.file_sha256

    def judge(self, verify: "Verify") -> Judge:
        """A judge of scans by the bundle in use, until `finish` has answered True. Raises StoreError without one."""
        if self._contents is None or self._contents.installed.manifest is None:
            raise StoreError("No bundle is installed yet: send the city's bundle.")
        return Judge(self._contents.installed.manifest, verify, self.status_bits, decode_small)

    def judge_root(self, root: bytes) -> None:
        """Raises TrustError where `provision` would."""
        open_root(root, self._verify, self._allow_test_city)

    def provision(self, root: bytes) -> bool:
        """Believe a first root, whose fingerprint a person has compared; False where it is believed already.

        Raises TrustError where it is none, and StoreError where another one is believed or the flash fails.
        """
        if self._first:
            if root in self._roots():
                return False
            raise StoreError("Another root is believed already: erase the scanner first.")
        first = open_root(root, self._verify, self._allow_test_city)
        try:
            for name in _ROOT_NAMES:
                write_file(self._path(name), root)
        except OSError:
            raise StoreError("The root cannot be written: check the flash.") from None
        self._first = first
        self.root_sha256 = hashlib.sha256(root).digest()
        return True

    def begin(self, length: int) -> None:
        """Expect a bundle of `length` bytes; one that was on its way is dropped. Raises TrustError, StoreError."""
        self.abandon()
        if self._first is None:
            raise StoreError("No root is believed yet: provision the scanner first.")
        if length > MAX_BUNDLE_SIZE:
            raise TrustError(reasons.TOO_LARGE)
        slot = self._spare()
        try:
            self._upload = Upload(slot.open_incoming(), length)
        except OSError:
            slot.remove_incoming()
            raise _full() from None

    def write(self, offset: int, data: bytes) -> int:
        """Take the bytes from `offset` on, and return the offset of the next.

        Any other offset than that changes nothing and is answered with it. No byte of a list is kept before the
        manifest and the roots have passed the rules. Raises TrustError where the bundle is refused and StoreError
        where none was begun, too much comes or the flash is full; it is dropped then.
        """
        upload = self._upload
        if upload is None:
            raise StoreError("No bundle was begun.")
        if offset != upload.received:
            return upload.received
        try:
            if offset + len(data) > upload.length:
                raise TrustError(reasons.LIST_UNKNOWN)
            self._take(upload, memoryview(data))
        except OSError:
            self.abandon()
            raise _full() from None
        except TrustError:
            self.abandon()
            raise
        return upload.received

    def finish(self) -> bool:
        """Put the bundle that has come whole in force; False where it is in force already.

        Raises TrustError where it is refused and StoreError where bytes are missing or the flash is full; the bundle
        before stays in force.
        """
        upload = self._upload
        if upload is None:
            raise StoreError("No bundle was begun.")
        if upload.received < upload.length:
            raise StoreError("The bundle has not come whole.")
        try:
            offer = upload.offer or self._open(upload)
            changed = not offer.unchanged
            if changed:
                self._install(upload, offer)
        except OSError:
            self.abandon()
            self._spare().clear()
            raise _full() from None
        except TrustError:
            self.abandon()
            self._spare().clear()
            raise
        self._upload = None
        upload.close()
        return changed

    def seal(self) -> None:
        """Record the hashes of what was put in force before it was hashed; call it when there is time.

        Raises OSError once; the next start then makes anew what has none, as after a power cut.
        """
        if self._contents and self._contents.unhashed:
            self._slots[self._used].seal(self._contents)

    def close(self) -> None:
        """Close its files; nothing else may be asked of it after."""
        self.abandon()
        if self._contents:
            self._contents.close()

    def abandon(self) -> None:
        """Drop the bundle that is on its way, where there is one."""
        if self._upload:
            self._upload.close()
            self._upload = None
            self._spare().remove_incoming()

    def _take(self, upload: "Upload", data: memoryview) -> None:
        while len(data):
            if upload.offer is None and upload.is_front_whole(data):
                self._open(upload)
            count = len(data) if upload.offer else min(len(data), upload.needed - upload.received)
            upload.append(data[:count])
            data = data[count:]

    def _open(self, upload: "Upload") -> "Offer":
        """Take what has come through steps 1 to 5 of the rules, and make room for the rest. Raises TrustError."""
        installed = self.installed
        assert installed
        offer = open_bundle(
            FileReader(upload.file, upload.received),
            upload.length,
            installed,
            self._clock.now(),
            self._verify,
            has_clock=False,
            allow_test_city=self._allow_test_city,
        )
        if not offer.unchanged:
            if floor_of(offer.installed) < self._floor.read():
                raise TrustError(reasons.OLDER_BUNDLE)
            self._spare().clear(but_incoming=True)
        upload.offer = offer
        return offer

    def _install(self, upload: "Upload", offer: "Offer") -> None:
        contents = self._spare().accept(upload.file, offer, self._contents)
        try:
            if offer.recovered:
                # A stolen key may have run the time ahead. Cut here, the next start sets the old bundle's floor again.
                self._clock.restart(offer.manifest.iat)
            write_file(self._path(_POINTER), _SLOTS[1 - self._used].encode())
        except OSError:
            contents.close()
            self._raise_floors()
            raise
        if self._contents:
            self._contents.close()
        self._used = 1 - self._used
        self._contents = contents
        self._raise_floors()

    def _raise_floors(self) -> None:
        """Let neither version nor time fall behind what is in use."""
        if self._contents is None or self._contents.installed.manifest is None:
            return
        try:
            self._floor.raise_to(floor_of(self._contents.installed))
            self._clock.set_floor(self._contents.installed.manifest.iat)
        except OSError:
            pass  # Done again at the next start; until then the bundle in use itself holds both up.

    def _start(self) -> None:
        self._first = self._read_root()
        for slot in self._slots:
            slot.remove_incoming()
        if self._first is None:
            return
        pointed = read_file(self._path(_POINTER), 1)
        for number, name in enumerate(_SLOTS):
            if pointed == name.encode():
                self._used = number
                self._contents = self._load(number)
        if self._contents is None:
            self._use_newest()
            self.repaired = self._contents is not None or pointed is not None
        if self._contents:
            self.repaired = self.repaired or self._contents.repaired
        self._raise_floors()

    def _read_root(self) -> "Installed | None":
        for root in self._roots():
            try:
                first = open_root(root, self._verify, self._allow_test_city)
            except TrustError:
                continue
            self.root_sha256 = hashlib.sha256(root).digest()
            return first
        return None

    def _roots(self) -> "list[bytes]":
        read = [read_file(self._path(name), MAX_ROOT_SIZE) for name in _ROOT_NAMES]
        return [root for root in read if root]

    def _load(self, number: int) -> "Contents | None":
        assert self._first
        gc.collect()
        try:
            return self._slots[number].load(self._first, self._verify, self._allow_test_city)
        except Exception:
            # Whatever lies in a slot: a start ends in a state that the scanner can show.
            return None

    def _use_newest(self) -> None:
        found = [(number, self._load(number)) for number in range(len(_SLOTS))]
        for number, contents in found:
            if contents is None:
                continue
            if self._contents is None or floor_of(contents.installed) > floor_of(self._contents.installed):
                if self._contents:
                    self._contents.close()
                self._contents = contents
                self._used = number
            else:
                contents.close()

    def _spare(self) -> Slot:
        return self._slots[1 - self._used]

    def _path(self, name: str) -> str:
        return self._folder + "/" + name


class Upload:
    """A bundle on its way: `received` of `length` bytes are in `file`, or passed over where it is in force already.

    At first the end of its documents, the manifest and the roots, is found one at a time from their own heads, so that
    nothing behind them is written before they are judged.
    """

    def __init__(self, file: "BinaryIO", length: int) -> None:
        self.file = file
        self.length = length
        self.received = 0
        self.needed = 1
        self.offer: "Offer | None" = None
        self._document = 0
        self._typ = TYP_BUNDLE

    def append(self, data: memoryview) -> None:
        """Raises OSError."""
        if not (self.offer and self.offer.unchanged):
            self.file.seek(self.received)
            if self.file.write(data) != len(data):
                raise OSError(errno.EIO)
        self.received += len(data)

    def is_front_whole(self, coming: memoryview) -> bool:
        """Whether all documents have come, or what has come is none; else `needed` tells how far to read.

        coming: the bytes that follow, at least one
        """
        while self.received >= self.needed:
            if self.received == self._document and self._typ == TYP_ROOT and coming[0] != SIGN_TAG[0]:
                return True
            reader = _ArrivedReader(self.file, self.received)
            try:
                limit = MAX_ROOT_SIZE if self._typ == TYP_ROOT else _MAX_SIGNED_MANIFEST_SIZE
                size = len(read_sign(reader, self._document, self._typ, limit))
            except FormatError:
                if reader.asked <= self.received or reader.asked > self.length:
                    return True
                self.needed = reader.asked
                return False
            self._document += size
            self._typ = TYP_ROOT
            self.needed = self._document
        return False

    def close(self) -> None:
        try:
            self.file.close()
        except OSError:
            pass


class _ArrivedReader(FileReader):
    """Remembers how far it was asked to read."""

    def __init__(self, file: "BinaryIO", length: int) -> None:
        super().__init__(file, length)
        self.asked = 0

    def readinto(self, offset: int, buffer: "bytearray | memoryview") -> int:
        self.asked = max(self.asked, offset + len(buffer))
        return super().readinto(offset, buffer)


def _full() -> StoreError:
    return StoreError("The flash is full or does not answer: what was installed stays in force.")
