"""A city's folder: what it holds, and how it is opened, locked and made.

city.toml              who the city is, and its periods; edited by hand
keys/                  private keys (.key, encrypted) and their public parts (.pub)
roots/1.cbor, …        every root, from the first on
cards.sqlite           the card table
vouchers.sqlite        campaigns and the voucher table
outgoing/              a single card while it is issued
published/bundle.cbor  what partners fetch
published/lists/…      the status lists alone, for readers of the IETF draft
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import filelock
import msgspec

from ardente._files import sync_folder, write_file
from ardente._toml import line_of_long_key
from ardente.core import cose
from ardente.core.errors import FormatError
from ardente.core.root import MAX_ROOT_SIZE, Root, parse_root
from ardente.issuing import SigningKey

from . import _keys
from ._cards import CardKey, CardTable
from ._errors import CityError
from ._keys import AskPassphrase, PublicKey
from ._vouchers import Campaign, VoucherTable

CONFIG_NAME = "city.toml"
FOLDER_VARIABLE = "ARDENTE_CITY"
_LOCK_NAME = ".lock"
_LOCK_TIMEOUT_S = 30
_MAX_CONFIG_SIZE = 65536
_FOLDER_MODE = 0o700
_PUBLIC_FOLDER_MODE = 0o755
DEFAULT_ENTRIES = 1 << 20

_ID = r"^[a-z0-9-]{1,32}\Z"
_NAME = r"^[^\x00-\x1f\x7f]{1,64}\Z"
_URI = r"^[a-z][a-z0-9+.-]*:[!-~]+[!-.0-~]\Z"
_PATTERNS_IN_WORDS = {
    _ID: "of 1 to 32 lower-case letters, digits and hyphens",
    _NAME: "of 1 to 64 characters on one line",
    _URI: "such as https://liege.example/status, in ASCII and without a slash at its end",
}
CityId = Annotated[str, msgspec.Meta(pattern=_ID)]
_Name = Annotated[str, msgspec.Meta(pattern=_NAME)]
# Room for "/255" below the 96 characters of a list's URI.
_ListBase = Annotated[str, msgspec.Meta(pattern=_URI, max_length=92)]
_Days = Annotated[int, msgspec.Meta(ge=1, le=400)]


class Lists(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The status lists: URI of their folder, entries of each new one, and how many bits a day hide the true ones."""

    base_uri: _ListBase
    entries: Annotated[int, msgspec.Meta(ge=1024, le=1 << 24, multiple_of=8)] = DEFAULT_ENTRIES
    decoys_per_day: Annotated[int, msgspec.Meta(ge=4, le=1 << 16)] = 32


class Periods(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long things last, in days; ``longest_card_quarters`` in quarters, the current one included."""

    bundle_valid_days: _Days = 45
    refresh_after_days: _Days = 7
    max_grace_days: Annotated[int, msgspec.Meta(ge=0, le=400)] = 30
    announce_key_days: Annotated[int, msgspec.Meta(ge=0, le=400)] = 45
    root_valid_days: Annotated[int, msgspec.Meta(ge=1, le=3660)] = 730
    longest_card_quarters: Annotated[int, msgspec.Meta(ge=1, le=80)] = 21


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What city.toml says."""

    id: CityId
    name: _Name
    lists: Lists
    periods: Periods = Periods()


class City:
    """One city's folder. Commands that change it hold `lock`."""

    def __init__(self, path: Path) -> None:
        """Open the folder at ``path``. Raises `CityError` where it is none, or its city.toml is wrong."""
        self.path = path
        self.config = _read_config(path / CONFIG_NAME)
        self.keys_path = path / "keys"
        self.roots_path = path / "roots"
        self.outgoing_path = path / "outgoing"
        self.published_path = path / "published"
        self.lists_path = self.published_path / "lists"
        self.bundle_path = self.published_path / "bundle.cbor"

    @property
    def command(self) -> str:
        """How a command for this city begins when it is typed here: with ``--folder`` where that is not the default."""
        default = Path(os.environ.get(FOLDER_VARIABLE, ""))
        if self.path.absolute() == default.absolute():
            return "ardente city"
        return f"ardente city --folder {shlex.quote(str(self.path))}"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other commands out of the folder. Raises `CityError` after waiting half a minute."""
        try:
            with filelock.FileLock(self.path / _LOCK_NAME, timeout=_LOCK_TIMEOUT_S, mode=0o600):
                self._remove_cut_files()
                yield
        except filelock.Timeout:
            raise CityError("Another command is at work in this city's folder; try again when it is done.") from None

    def _remove_cut_files(self) -> None:
        """Remove what a cut `write_file` left."""
        for folder in (self.path, self.keys_path, self.roots_path, self.published_path, self.lists_path):
            for left in folder.glob(".*.new"):
                if left.is_file():
                    left.unlink()

    def cards(self) -> CardTable:
        """Open the card table; the caller closes it."""
        return CardTable(self.path / "cards.sqlite")

    def vouchers(self) -> VoucherTable:
        """Open the voucher table; the caller closes it."""
        return VoucherTable(self.path / "vouchers.sqlite")

    def roots(self) -> list[bytes]:
        """The chain of all roots, from version 1 on. Raises `CityError` where one is missing between."""
        files = {path.name: path for path in self.roots_path.glob("*.cbor")}
        chain: list[bytes] = []
        while path := files.pop(f"{len(chain) + 1}.cbor", None):
            chain.append(path.read_bytes())
        if files:
            raise CityError(f"{self.roots_path} lacks {len(chain) + 1}.cbor. Restore it from the backup.")
        return chain

    def newest_root(self) -> Root:
        """The last root of the chain. Raises `CityError` where there is none yet."""
        chain = self.roots()
        if not chain:
            raise CityError("This city has no root yet. Run: ardente city root propose --help")
        return parse_root_file(chain[-1], f"{self.roots_path / str(len(chain))}.cbor")

    def key_path(self, public: PublicKey) -> Path:
        """Where the private part of a key of this folder is."""
        return self.keys_path / f"{_keys.key_name(public)}.key"

    def has_key(self, public: PublicKey) -> bool:
        """Tell whether the private part is on this machine."""
        return self.key_path(public).is_file()

    def read_key(self, public: PublicKey, ask: AskPassphrase) -> SigningKey:
        """Return a private key of this folder. Raises `KeyFileError`."""
        return _keys.read_key(self.key_path(public), public.role, ask)

    def remove_key(self, public: PublicKey) -> None:
        """Remove the private part of a key that signs no more. What the disk keeps of it is the disk's affair."""
        self.key_path(public).unlink(missing_ok=True)
        sync_folder(self.keys_path)

    def card_signing_key(self, key: CardKey, ask: AskPassphrase) -> SigningKey:
        """Return the private part of a card key. Raises `KeyFileError`."""
        return self.read_key(PublicKey(_keys.CARD, key.public_key), ask)

    def voucher_signing_key(self, campaign: Campaign, ask: AskPassphrase) -> SigningKey:
        """Return the private part of a campaign's voucher key. Raises `KeyFileError`."""
        return self.read_key(PublicKey(_keys.VOUCHER, campaign.public_key), ask)

    def public_keys(self, role: str) -> list[PublicKey]:
        """The keys of ``role`` whose private part is on this machine, by name."""
        paths = sorted(self.keys_path.glob(f"{role}-*.key"))
        return [_keys.read_public_key(path.with_suffix(".pub"), role) for path in paths]


def create_city(path: Path, config: Config, fill: Callable[[City], None]) -> City:
    """Make a new city's folder at ``path``, which must not exist or be empty; ``fill`` puts its first keys into it.

    The folder is there whole or not at all. Raises `CityError`.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise CityError(f"{path} exists and is not empty. Choose another folder for the new city.")
    check_config(config, str(path / CONFIG_NAME))
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    building = path.with_name(f".{path.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    for folder in ("", "keys", "roots"):
        (building / folder).mkdir(mode=_FOLDER_MODE)
    for folder in ("published", "published/lists"):
        (building / folder).mkdir()
        # Whatever the umask says: it is copied from here to a web server.
        (building / folder).chmod(_PUBLIC_FOLDER_MODE)
    CardTable.create(building / "cards.sqlite")
    VoucherTable.create(building / "vouchers.sqlite")
    write_file(building / CONFIG_NAME, _config_text(config).encode())
    fill(City(building))
    if path.exists():
        path.rmdir()
    building.rename(path)
    sync_folder(path.parent)
    return City(path)


def make_config(city_id: str, name: str, base_uri: str, entries: int) -> Config:
    """Return the configuration of a new city. Raises `CityError` where one value is not allowed."""
    lists = {"base_uri": base_uri, "entries": entries}
    try:
        return msgspec.convert({"id": city_id, "name": name, "lists": lists}, Config)
    except msgspec.ValidationError as error:
        raise CityError(f"The city cannot be made: {_in_words(str(error))}") from None


def check_config(config: Config, where: str) -> None:
    """Refuse periods that do not go together. Raises `CityError`."""
    periods = config.periods
    if periods.refresh_after_days > periods.bundle_valid_days:
        raise CityError(f"{where}: refresh_after_days must not be more than bundle_valid_days.")


def read_root_file(path: Path) -> Root:
    """Return the root in a file, its signatures not verified. Raises `CityError`."""
    try:
        with path.open("rb") as file:
            return parse_root_file(file.read(MAX_ROOT_SIZE + 1), str(path))
    except OSError as error:
        raise CityError(f"{path} cannot be read: {error.strerror}.") from None


def parse_root_file(data: bytes, where: str) -> Root:
    """Return the root that a file holds, its signatures not verified. Raises `CityError`."""
    try:
        return parse_root(cose.parse_sign(data, cose.TYP_ROOT).payload)
    except FormatError:
        raise CityError(f"{where} is no root.") from None


def _read_config(path: Path) -> Config:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_CONFIG_SIZE + 1)
        if len(data) > _MAX_CONFIG_SIZE:
            raise CityError(f"{path} is too long for a {CONFIG_NAME}, over {_MAX_CONFIG_SIZE // 1024} KiB.")
        text = data.decode()
        if line := line_of_long_key(text):
            raise CityError(f"{path}, line {line}: a key of more than 32 parts; none here has more than two.")
        config = msgspec.toml.decode(text, type=Config)
    except OSError:
        raise CityError(
            f"{path.parent} has no {CONFIG_NAME}, so it is no city's folder. Name one with --folder, or make one: "
            "ardente city init"
        ) from None
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise CityError(f"{path}: {_in_words(str(error))}") from None
    check_config(config, str(path))
    return config


def _in_words(message: str) -> str:
    """A message of msgspec or tomllib as half a sentence."""
    for pattern, words in _PATTERNS_IN_WORDS.items():
        message = message.replace(f"matching regex {pattern!r}", words)
    return message[:1].lower() + message[1:] + "."


def _config_text(config: Config) -> str:
    # A JSON string without control characters is a TOML string.
    def text(value: str) -> str:
        return json.dumps(value, ensure_ascii=False)

    periods = config.periods
    return f"""\
# The city. Its id stands in every root and bundle and never changes; the name is for people.
id = {text(config.id)}
name = {text(config.name)}

[lists]
# The status lists are {config.lists.base_uri}/1, /2, …: one for each card key and campaign of vouchers. Changes hold
# for new keys only, and a campaign has entries of its own.
base_uri = {text(config.lists.base_uri)}
entries = {config.lists.entries}
# So many to twice as many bits change a day, true revocations among them; set it above what a bad day brings.
decoys_per_day = {config.lists.decoys_per_day}

[periods]
# Partners are warned when their bundle is older than refresh_after_days, and refuse cards after bundle_valid_days,
# unless they accept more, at most max_grace_days.
bundle_valid_days = {periods.bundle_valid_days}
refresh_after_days = {periods.refresh_after_days}
max_grace_days = {periods.max_grace_days}
# A new card key signs only after it was published for so long, so that every partner knows it.
announce_key_days = {periods.announce_key_days}
root_valid_days = {periods.root_valid_days}
# The current quarter and the following ones in which a new card may be valid.
longest_card_quarters = {periods.longest_card_quarters}
"""
