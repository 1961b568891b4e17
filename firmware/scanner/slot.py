"""One of the two places for a bundle: the signed file itself, and what is derived from it so that a scan is fast.

Derived are the bitmaps of the status lists and the tables of card keys. Their SHA-256 stand in the slot's record,
beside that of the manifest; a file that does not match is made anew from the signed bundle.
"""

import hashlib
import json
import os
from binascii import hexlify

from bitmap import PART_BYTES, Bitmap
from core import reasons
from core.errors import FormatError, TrustError
from core.keys import USE_CARD
from core.trust import check_list, reopen_bundle
from flash_file import FileReader, names_in, read_file, read_sealed, remove, sync, write_sealed
from inflate import inflate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from core.keys import TokenKey
    from core.root import Verify
    from core.trust import Installed, ListSpan, Offer

    MakeTable = Callable[[bytes], bytes]
    Hashes = dict[str, str]

# Tables are for the card keys that last longest. A key beyond that is one for which the verifier makes its own.
MAX_TABLES = 4
_MAX_TABLE_BYTES = 1 << 16
_MAX_RECORD_BYTES = 1 << 16
_CHUNK_BYTES = 512
_INCOMING, _BUNDLE, _RECORD = "incoming", "bundle", "record"
_MANIFEST = "manifest"
# In place of a hash: a bitmap is in force before it is hashed. A start that comes before `seal` makes it once more.
_NOT_HASHED = ""


class Contents:
    """What a slot gives to the scanner: the trust, lookups of bits by URI of the list, and tables by public key."""

    def __init__(self, installed: "Installed") -> None:
        self.installed = installed
        self.bitmaps: "dict[str, Bitmap]" = {}
        self.tables: "dict[bytes, bytes]" = {}
        # The SHA-256 of each.
        self.table_hashes: "dict[bytes, str]" = {}
        # What the slot's record says, and the bitmaps by name whose hashes it lacks.
        self.hashes: "Hashes" = {}
        self.unhashed: "dict[str, Bitmap]" = {}
        self.repaired = False
        self.file_sha256 = b""

    def close(self) -> None:
        for bitmap in self.bitmaps.values():
            bitmap.close()


class Slot:
    """A folder. Only a bundle that has passed all rules gets the name `bundle` in it."""

    def __init__(self, folder: str, make_table: "MakeTable | None") -> None:
        self._folder = folder
        self._make_table = make_table

    def open_incoming(self) -> "BinaryIO":
        """Return a new file for a bundle that is on its way, to write and to read. Raises OSError."""
        try:
            os.stat(self._folder)
        except OSError:
            os.mkdir(self._folder)
        file: "BinaryIO" = open(self._path(_INCOMING), "w+b")
        return file

    def remove_incoming(self) -> None:
        remove(self._path(_INCOMING))

    def clear(self, but_incoming: bool = False) -> None:
        """Remove all that is here, the bundle first, as far as the flash lets us."""
        remove(self._path(_BUNDLE))
        for name in names_in(self._folder):
            if not (but_incoming and name == _INCOMING):
                remove(self._path(name))

    def accept(self, file: "BinaryIO", offer: "Offer", before: "Contents | None") -> Contents:
        """Take the incoming bundle, in `file`, through step 6 of the rules (`core.trust`), and make it the slot's own.

        before: what is in force until then, for the tables of keys that stay
        Raises TrustError, OSError.
        """
        contents = Contents(offer.installed)
        try:
            hashes = self._derive(contents, offer, file, {}, before, hash_bitmaps=False)
            sync(file)
            file.close()
            os.rename(self._path(_INCOMING), self._path(_BUNDLE))
            self._write_record(hashes)
        except BaseException:
            contents.close()
            raise
        return contents

    def load(self, first: "Installed", verify: "Verify", allow_test_city: bool) -> Contents:
        """Verify the slot's bundle again from the root `first`, and repair what is derived from it.

        Raises TrustError and OSError where that cannot be.
        """
        with open(self._path(_BUNDLE), "rb") as file:
            length = file.seek(0, 2)
            offer = reopen_bundle(FileReader(file, length), length, first, verify, allow_test_city)
            contents = Contents(offer.installed)
            # A bundle that came with the image, or whose install was cut after its last rename, has no record yet.
            is_new = _RECORD not in names_in(self._folder)
            recorded = self._read_record(offer)
            try:
                hashes = self._derive(contents, offer, file, recorded, None, hash_bitmaps=True)
            except BaseException:
                contents.close()
                raise
        damaged = any([recorded.get(name) not in (hashes[name], _NOT_HASHED) for name in hashes])
        contents.repaired = damaged and not is_new
        if hashes != recorded:
            try:
                self._write_record(hashes)
            except OSError:
                pass  # The next start repairs it again.
        return contents

    def seal(self, contents: Contents) -> None:
        """Record the hashes of the bitmaps that are in force without. Raises OSError, and tries no more."""
        unhashed = contents.unhashed
        contents.unhashed = {}
        for name in unhashed:
            contents.hashes[name] = _hex(unhashed[name].sha256())
        self._write_record(contents.hashes)

    def sha256(self) -> bytes:
        """The SHA-256 of the signed file as it came. Raises OSError."""
        digest = hashlib.sha256()
        buffer = bytearray(_CHUNK_BYTES)
        with open(self._path(_BUNDLE), "rb") as file:
            while True:
                count = file.readinto(buffer)
                if not count:
                    break
                digest.update(memoryview(buffer)[:count])
        sha256: bytes = digest.digest()
        return sha256

    def _derive(
        self,
        contents: Contents,
        offer: "Offer",
        file: "BinaryIO",
        recorded: "Hashes",
        before: "Contents | None",
        hash_bitmaps: bool,
    ) -> "Hashes":
        """Fill `contents` with what is recorded and undamaged, and with what is made anew; return all hashes."""
        hashes = {_MANIFEST: _hex(offer.installed.payload_sha256)}
        for number, span in enumerate(offer.lists):
            name = "bits-%d" % number
            hashes[name] = recorded.get(name, "")
            bitmap = contents.bitmaps[span.uri] = Bitmap(self._path(name), span.entries)
            if not _is_kept(bitmap, hashes[name]):
                self._make_bitmap(bitmap, offer, span, file)
                hashes[name] = _hex(bitmap.sha256()) if hash_bitmaps else _NOT_HASHED
                if not hash_bitmaps:
                    contents.unhashed[name] = bitmap
        for key in _table_keys(list(offer.manifest.keys.tokens.values())):
            name = "table-%d" % key.kid
            found = self._table(name, key.public_key, recorded.get(name, ""), before)
            if found:
                contents.tables[key.public_key], hashes[name] = found
                contents.table_hashes[key.public_key] = hashes[name]
        contents.hashes = hashes
        return hashes

    def _make_bitmap(self, bitmap: Bitmap, offer: "Offer", span: "ListSpan", file: "BinaryIO") -> None:
        """Make the bitmap of a list from the bundle in `file`. Raises TrustError, OSError."""
        check_list(FileReader(file, span.offset + span.length), offer, span)
        file.seek(span.lst_offset)
        try:
            inflate(file, span.lst_length, span.entries // 8, PART_BYTES, bitmap.append)
        except FormatError:
            raise TrustError(reasons.NOT_A_STATUS_LIST) from None

    def _table(
        self, name: str, public_key: bytes, sha256: str, before: "Contents | None"
    ) -> "tuple[bytes, str] | None":
        """The table of a key and its SHA-256: that which is here, the one before, or a new one; None where the key can
        have none."""
        if self._make_table is None:
            return None
        table = read_file(self._path(name), _MAX_TABLE_BYTES) if sha256 else None
        if table and _hex(hashlib.sha256(table).digest()) == sha256:
            return table, sha256
        if before and public_key in before.tables:
            table, sha256 = before.tables[public_key], before.table_hashes[public_key]
        else:
            try:
                table = self._make_table(public_key)
            except ValueError:
                return None
            sha256 = _hex(hashlib.sha256(table).digest())
        with open(self._path(name), "wb") as file:
            file.write(table)
            sync(file)
        return table, sha256

    def _read_record(self, offer: "Offer") -> "Hashes":
        """The recorded hashes; none where the record is missing, damaged or of another bundle."""
        data = read_sealed(self._path(_RECORD), _MAX_RECORD_BYTES)
        hashes = json.loads(data) if data else {}
        return hashes if hashes.get(_MANIFEST) == _hex(offer.installed.payload_sha256) else {}

    def _write_record(self, hashes: "Hashes") -> None:
        write_sealed(self._path(_RECORD), json.dumps(hashes).encode())

    def _path(self, name: str) -> str:
        return self._folder + "/" + name


def _is_kept(bitmap: Bitmap, sha256: str) -> bool:
    """Open a bitmap that lies there with this SHA-256; False, with nothing open, where it is missing or damaged."""
    if not sha256:
        return False
    try:
        bitmap.open()
        if _hex(bitmap.sha256()) == sha256:
            return True
    except OSError:
        pass
    bitmap.close()
    return False


def _table_keys(keys: "list[TokenKey]") -> "list[TokenKey]":
    cards = [key for key in keys if key.use == USE_CARD]
    cards.sort(key=lambda key: (-key.latest_exp, key.kid))
    return cards[:MAX_TABLES]


def _hex(data: bytes) -> str:
    return hexlify(data).decode()
