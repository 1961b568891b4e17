"""`ardente city`: the city's own commands. Each imports what it needs when it runs."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._passphrases import Passphrases, passphrase_fd

if TYPE_CHECKING:
    from ._folder import City

_PATH = click.Path(path_type=Path)
_FILE = click.Path(path_type=Path, dir_okay=False)
_OUTPUT = click.option("-o", "--output", type=_FILE, required=True, help="The file to write.")
_CARD = click.argument("card", metavar="[IMAGE | -]", default="-")
_MAX_TEXT_SIZE = 4096
_MAX_PICTURE_SIZE = 64 << 20
# From other modules, imported when they are called.
_LAZY = {"campaign": (".campaign", "campaign"), "issue": (".issue", "issue"), "settle": (".settle", "settle")}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_LAZY})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _LAZY:
            module, name = _LAZY[cmd_name]
            command: click.Command = getattr(import_module(module, __package__), name)
            return command
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands)
@click.option(
    "--folder", type=_PATH, default=Path(), envvar="ARDENTE_CITY", help="The city's folder; this one by default."
)
@click.pass_context
def city(ctx: click.Context, folder: Path) -> None:
    """Run a city's side: keys, cards, revocation, and what is published for the partners."""
    ctx.obj = folder


@city.command(short_help="Make a new city's folder and first keys.")
@click.option("--id", "city_id", required=True, help="Lower-case letters, digits and hyphens; it never changes.")
@click.option("--name", required=True, help="The city's name for people, as it stands on the cards.")
@click.option("--lists", "base_uri", metavar="URI", help="Where the status lists are, such as https://…/status.")
@click.option("--entries", type=int, default=1 << 20, show_default=True, help="Entries of a status list.")
@click.option("--demo", is_flag=True, help="Make all keys at once, the root's too, in this folder: for trying out.")
@click.option("--no-passphrase", is_flag=True, help="Do not encrypt the keys; with --demo only.")
@passphrase_fd
@click.pass_obj
def init(
    folder: Path,
    city_id: str,
    name: str,
    base_uri: str | None,
    entries: int,
    demo: bool,
    no_passphrase: bool,
    passphrase_fd: int | None,
) -> None:
    """Make a new city's folder, with the keys that publish and sign cards.

    The root keys are not made here: each has a machine of its own (ardente city root --help).
    """
    from ._folder import City, make_config
    from ._founding import FirstPassphrases, found_city, found_demo_city

    if no_passphrase and not demo:
        raise click.UsageError("--no-passphrase goes with --demo only: a real city's keys are encrypted.")
    if base_uri is None:
        if not demo:
            raise click.UsageError("Say with --lists where partners will find the status lists.")
        base_uri = f"https://{city_id}.example/status"
    config = make_config(city_id, name, base_uri, entries)
    source = Passphrases(passphrase_fd)
    if demo:
        passphrase = None if no_passphrase else source.choose("all keys of this demonstration")
        made = found_demo_city(folder, config, passphrase, now())
        click.echo(f"{name} is made, with all its keys in {made.keys_path}: for demonstrations only.")
        _echo_fingerprint(made)
    else:
        publishing = source.choose("publishing (bundle and status keys; a timer may know it)")
        issuing = source.choose("issuing cards (card key)")
        made = found_city(folder, config, FirstPassphrases(publishing, issuing), now())
        click.echo(f"{name} is made in {made.path}.")
    _echo_next_step(City(folder))


@city.group(short_help="Make, propose, sign and assemble roots.")
def root() -> None:
    """The keys that everything hangs on: make, propose, sign, assemble.

    Each root key is made by `new-key` and used by `sign` on a machine of its own, off the network; two of three must
    sign. `propose` and `assemble` run in the city's folder. Proposals, .pub files and signatures are no secrets.
    """


@root.command("new-key", short_help="Make a root or firmware key in FILE.")
@click.argument("file", type=_FILE)
@click.option(
    "--role",
    type=click.Choice(["root", "firmware", "bundle"]),
    default="root",
    show_default=True,
    help="What the key is for.",
)
@passphrase_fd
def root_new_key(file: Path, role: str, passphrase_fd: int | None) -> None:
    """Make a key in FILE, encrypted, and its public part beside it, ending in .pub."""
    from ._keys import create_key

    public = create_key(file, role, Passphrases(passphrase_fd).choose(f"this {role} key"))
    click.echo(f"{file} is a new {role} key. Keep it on this machine, and its passphrase elsewhere.")
    click.echo(f"Key id: {public.key_id.hex()}")
    click.echo(f"Next: bring {file.with_suffix('.pub')} to the city's folder, for: ardente city root propose")


@root.command("propose", short_help="Propose the next root.")
@click.argument("publics", metavar="[PUB]...", type=_FILE, nargs=-1)
@click.option(
    "--threshold", "thresholds", metavar="ROLE=N", multiple=True, help="How many keys of root, bundle or firmware sign."
)
@_OUTPUT
@click.pass_obj
def root_propose(folder: Path, publics: tuple[Path, ...], thresholds: tuple[str, ...], output: Path) -> None:
    """Propose the next root, with the keys in the .pub files.

    A role of which no file is given keeps its keys; without any, the root is only prolonged. To replace one key of
    three, give all three of the new set. The first root takes the bundle key of this folder.
    """
    from ._folder import City
    from ._keys import read_public_key
    from ._roots import describe, propose, warning, write_document

    proposal = propose(City(folder), [read_public_key(path) for path in publics], _thresholds(thresholds), now())
    write_document(output, proposal)
    _echo_lines(describe(proposal))
    if said := warning(proposal):
        click.echo(said, err=True)
    click.echo(f"Next: bring {output} to each root key, for: ardente city root sign {output.name}")


@root.command("sign", short_help="Show PROPOSAL, ask, and sign it.")
@click.argument("proposal", type=_FILE)
@click.option("--key", type=_FILE, required=True, help="The root key's file.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_OUTPUT
@passphrase_fd
def root_sign(proposal: Path, key: Path, yes: bool, output: Path, passphrase_fd: int | None) -> None:
    """Show what PROPOSAL would make true, ask, and sign it."""
    from ._errors import CeremonyError
    from ._keys import ROOT, read_key
    from ._roots import Proposal, describe, read_document, refuse_existing, sign, write_document

    refuse_existing(output)
    document = read_document(proposal, Proposal)
    _echo_lines(describe(document))
    if not yes and not click.confirm("Is this what was agreed? Sign it?", err=True):
        raise CeremonyError("Nothing was signed.")
    write_document(output, sign(document, read_key(key, ROOT, Passphrases(passphrase_fd).ask)))
    click.echo(f"Signed. Next: bring {output} to the city's folder, for: ardente city root assemble")


@root.command("assemble", short_help="Make the next root of PROPOSAL and SIGNATUREs.")
@click.argument("proposal", type=_FILE)
@click.argument("signatures", metavar="SIGNATURE...", type=_FILE, nargs=-1, required=True)
@click.pass_obj
def root_assemble(folder: Path, proposal: Path, signatures: tuple[Path, ...]) -> None:
    """Put PROPOSAL and its SIGNATUREs together into the city's next root."""
    from ._folder import City
    from ._roots import Proposal, Signature, assemble, read_document

    made = City(folder)
    path = assemble(made, read_document(proposal, Proposal), [read_document(file, Signature) for file in signatures])
    click.echo(f"{path} is the newest root now.")
    if len(made.roots()) == 1:
        _echo_fingerprint(made)
    click.echo(f"Next: {made.command} publish")


@city.command(short_help="Make today's bundle for the partners.")
@click.option("--force", is_flag=True, help="Publish again on the same day; it shows when something was urgent.")
@passphrase_fd
@click.pass_obj
def publish(folder: Path, force: bool, passphrase_fd: int | None) -> None:
    """Make today's bundle: keys, revocations, and how long they hold. For a timer, once a day.

    Loads the bundle and status keys only.
    """
    from ._folder import City
    from ._publish import publish as publish_bundle

    made = City(folder)
    done = publish_bundle(made, Passphrases(passphrase_fd).ask, now(), force=force)
    click.echo(
        f"Bundle {done.version} is in {made.bundle_path} ({done.size_bytes} bytes), valid until {_day(done.exp)}."
    )
    if done.root_ends_soon:
        click.echo(f"The root ends on {_day(done.root_exp)}: run `{made.command} root propose` in time.", err=True)


@city.command(short_help="Revoke a card, by itself or its slip.")
@_CARD
@click.pass_context
def revoke(ctx: click.Context, card: str) -> None:
    """Revoke a card, by its picture or text, or by the code of its slip.

    From - one line is read: a scan, or a slip's code. Partners refuse the card once they have the next bundle.
    """
    from ._revocation import Change
    from ._revocation import revoke as revoke_card

    made = _city(ctx)
    if revoke_card(made, card_text(ctx, card)) is Change.NOTHING:
        click.echo("This card was revoked already.")
    else:
        click.echo(f"Revoked. Partners refuse it once they have the next bundle: {made.command} publish")


@city.command(short_help="Take a revocation back.")
@_CARD
@click.pass_context
def reinstate(ctx: click.Context, card: str) -> None:
    """Take a revocation back, by the card's picture or text, or by the code of its slip. See revoke."""
    from ._revocation import Change
    from ._revocation import reinstate as reinstate_card

    made = _city(ctx)
    if reinstate_card(made, card_text(ctx, card)) is Change.NOTHING:
        click.echo("This card was not revoked.")
    else:
        click.echo(f"Reinstated. Partners accept it once they have the next bundle: {made.command} publish")


@city.command("rotate-keys", short_help="Make a new card, status or bundle key.")
@click.option(
    "--role",
    type=click.Choice(["card", "status", "bundle"]),
    default="card",
    show_default=True,
    help="Which key to replace.",
)
@click.option("--compromised", is_flag=True, help="The card key was stolen: its cards are refused from now on.")
@click.option("--kid", "kids", type=int, multiple=True, help="With --compromised: which card key, by its number.")
@click.option("--now", "at_once", is_flag=True, help="The new card key signs now, not once all partners know it.")
@passphrase_fd
@click.pass_obj
def rotate_keys(
    folder: Path, role: str, compromised: bool, kids: tuple[int, ...], at_once: bool, passphrase_fd: int | None
) -> None:
    """Make a new key. Cards that the old card key signed stay good, unless it was stolen."""
    from . import _card_keys
    from ._folder import City

    if role != "card" and (kids or at_once):
        raise click.UsageError("--kid and --now are for card keys.")
    if kids and not compromised:
        raise click.UsageError("--kid goes with --compromised.")
    made = City(folder)
    source = Passphrases(passphrase_fd)
    if role != "card":
        _rotate_publishing_key(made, role, source)
    elif compromised:
        passphrase = chosen_as_before(made, role, source)
        stolen, count = _card_keys.drop_compromised(made, passphrase, now(), frozenset(kids))
        numbers = ", ".join(str(key.kid) for key in stolen)
        click.echo(f"Card key {numbers} is dropped. Valid cards to print again, with issue --replaces: {count}.")
        click.echo(f"Next: {made.command} publish --force, and tell the partners to update.")
    else:
        key = _card_keys.announce_key(made, chosen_as_before(made, role, source), now(), at_once=at_once)
        click.echo(f"Card key {key.kid} is made, with a status list of its own.")
        if key.state != "current":
            days = made.config.periods.announce_key_days
            click.echo(f"It signs once it has been published for {days} days, so that every partner knows it.")
        click.echo(f"Next: {made.command} publish")


@city.command("sign-application", short_help="Sign the scanners' application.")
@click.argument("application", metavar="FOLDER", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--board", required=True, help="The board family, such as esp32s3.")
@click.option("--version", type=click.IntRange(1, 0xFFFFFFFF), required=True, help="Higher than any before.")
@click.option("--key", "keys", type=_FILE, multiple=True, required=True, help="A firmware key's file; repeat for more.")
@click.option("--root", "root_file", type=_FILE, help="The newest root, where the city's folder is not at hand.")
@_OUTPUT
@passphrase_fd
@click.pass_obj
def sign_application(
    folder: Path,
    application: Path,
    board: str,
    version: int,
    keys: tuple[Path, ...],
    root_file: Path | None,
    output: Path,
    passphrase_fd: int | None,
) -> None:
    """Sign the scanners' application in FOLDER for one board family."""
    from ._application import sign_application as sign
    from ._application import write_application
    from ._folder import City, read_root_file
    from ._keys import FIRMWARE, read_key

    newest = read_root_file(root_file) if root_file else City(folder).newest_root()
    source = Passphrases(passphrase_fd, same=False)
    signers = [read_key(path, FIRMWARE, source.ask) for path in keys]
    image = sign(application, newest, signers, board=board, version=version, now=now())
    write_application(output, image)
    click.echo(f"{output} is application {version} for {board} ({len(image)} bytes).")


@city.command(short_help="What is there, and what to do next.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def show(folder: Path, as_json: bool) -> None:
    """What is there, and what to do next."""
    from ._folder import City
    from ._overview import overview

    made = City(folder)
    found = overview(made, now())
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        _echo_lines(found.lines(made.command))


def _rotate_publishing_key(made: City, role: str, source: Passphrases) -> None:
    from . import _keys

    passphrase = chosen_as_before(made, role, source)
    with made.lock():
        old = made.public_keys(role)
        public = _keys.create_key_in(made.keys_path, role, passphrase)
        if role == _keys.STATUS:
            for key in old:
                made.remove_key(key)
    click.echo(f"The new {role} key is {public.key_id.hex()}.")
    if role == _keys.STATUS:
        click.echo(f"Next: {made.command} publish")
    else:
        public_path = made.key_path(public).with_suffix(".pub")
        propose = f"{made.command} root propose {shlex.quote(str(public_path))} -o root.proposal"
        click.echo(f"It counts once a root lists it. Next: {propose}")


def chosen_as_before(made: City, role: str, source: Passphrases, like: str = "") -> str | None:
    """A passphrase for a new key; none where a demonstration's keys of this role, or of ``like``, have none."""
    from ._keys import is_encrypted

    old = made.public_keys(like or role)
    if old and not is_encrypted(made.key_path(old[0])):
        return None
    return source.choose(f"the new {role} key (the same as before is best)")


def card_text(ctx: click.Context, card: str) -> str:
    """The text of one scan or slip: from a picture, a text file, or one line of standard input. Raises `CardError`."""
    from ardente.cli._options import chosen_language
    from ardente.scan import read_image, read_text

    from ._errors import CardError

    if card == "-":
        scan = read_text(_read_line(), typed=True)
    else:
        data = _read_card_file(Path(card))
        scan = read_text(data.decode()) if len(data) <= _MAX_TEXT_SIZE and data.isascii() else read_image(data)
    if scan.text is None:
        raise CardError(scan.staff_text(chosen_language(ctx)))
    return scan.text


def _read_line() -> str:
    """One line of standard input; a terminal shows nothing of it, since whoever reads it could use the card or slip."""
    if not sys.stdin.isatty():
        return sys.stdin.buffer.readline(_MAX_TEXT_SIZE).decode(errors="replace")
    from getpass import getpass

    try:
        # Not a KeyboardSource: people type slips, with pauses in which that would see a torn scan.
        return getpass("Scan the card, or type the code of its slip, and press Enter (nothing shows): ", sys.stderr)
    except EOFError:
        return ""
    except UnicodeDecodeError:
        return "\N{REPLACEMENT CHARACTER}"


def _read_card_file(path: Path) -> bytes:
    from ._errors import CardError

    try:
        with path.open("rb") as file:
            return file.read(_MAX_PICTURE_SIZE)
    except (OSError, ValueError):
        # Whoever typed a slip's code or a card's text as the argument must not see it again, or in a log.
        raise CardError(
            "There is no such file. The card or slip is read from a file; or give - in its place, and scan or type it."
        ) from None


def _city(ctx: click.Context) -> City:
    from ._folder import City

    return City(ctx.obj)


def _thresholds(values: Iterable[str]) -> dict[str, int]:
    from ._roots import ROLE_NUMBERS

    thresholds = {}
    for value in values:
        role, _, number = value.partition("=")
        if role not in ROLE_NUMBERS or not number.isdecimal() or not 1 <= int(number) <= 16:
            raise click.UsageError(f"--threshold {value!r} is none; write it as root=2.")
        thresholds[role] = int(number)
    return thresholds


def _echo_fingerprint(made: City) -> None:
    import hashlib

    fingerprint = hashlib.sha256(made.roots()[0]).hexdigest()
    click.echo(f"SHA-256 of {made.roots_path / '1.cbor'}, for the partners to compare:\n  {fingerprint}")


def _echo_next_step(made: City) -> None:
    from ._overview import overview

    click.echo(f"Next: {overview(made, now()).next_step}")


def _echo_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _day(moment: int) -> str:
    from ._overview import day

    return day(moment)


def now() -> int:
    """The time in epoch seconds."""
    return int(time.time())
