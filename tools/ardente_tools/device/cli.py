"""`ardente device`: scanners on a cable. Each command imports what it needs when it runs."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from ardente.cli._options import TRUST

from ._errors import DeviceError, FileError, RefusedError

if TYPE_CHECKING:
    from ._client import Status
    from ._doctor import Examination
    from ._journal import Action, Journal
    from ._payload import Payload
    from ._ports import Port

_FILE = click.Path(path_type=Path, dir_okay=False)
_NOT_WELL: Final = 1
_BUNDLE_NAME: Final = "bundle.cbor"
_ROOT_NAME: Final = "root.cbor"
_MAX_JOBS: Final = 64

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _with_json(command: _Command) -> _Command:
    """Add ``--json``, by which a failure is an object too, beside its sentence on standard error."""

    @functools.wraps(command)
    def run(*args: Any, as_json: bool, **options: Any) -> Any:
        try:
            return command(*args, as_json=as_json, **options)
        except DeviceError as error:
            if as_json:
                reason = error.reason if isinstance(error, RefusedError) else None
                _echo_json({"error": error.code, "reason": reason, "text": str(error)})
            raise

    option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, also where it fails.")
    return option(run)  # type: ignore[return-value]


def _default_journal() -> Path:
    from ._journal import default_journal

    return default_journal()


_PORT = click.argument("name", metavar="PORT")
_JOURNAL = click.option(
    "--journal",
    "journal_file",
    metavar="FILE",
    envvar="ARDENTE_JOURNAL",
    default=_default_journal,
    show_default="ARDENTE_JOURNAL, else a file of this user",
    type=_FILE,
    help="Where the records are kept.",
)
_WAIT = click.option(
    "--wait",
    "wait_s",
    metavar="SECONDS",
    type=click.FloatRange(0, 86400),
    default=120.0,
    show_default=True,
    help="How long to wait for a scanner that went away.",
)
_LABEL = click.option("--label", required=True, help="What people call this scanner, such as pool-entrance-2.")
_BOARD = click.option(
    "--board",
    type=click.Choice(["ai_thinker", "xiao_s3_sense", "m5stack_cams3", "generic"]),
    help="Which board it is.  [default: as in --config, else as the scanner says]",
)
_PULSE = click.option("--pulse-ms", type=click.IntRange(100, 1000), help="How long the gate's contact is closed.")
_PASS_CONTACT = click.option(
    "--pass-contact/--no-pass-contact", default=None, help="Whether the gate tells that somebody passed."
)
_CONFIG = click.option("--config", type=_FILE, help="A configuration file for the rest (docs/hardware.md).")
_ROOT = click.option("--root", "root_file", type=_FILE, help="The city's root.  [default: the one this user believes]")
_SHA256 = click.option(
    "--sha256", metavar="HEX", help="The root's fingerprint, as the city gives it; goes with --root."
)
_TEST_CITY = click.option(
    "--test-city", is_flag=True, help="Let the public test city in, whose keys everybody has: for trying out."
)
_HTML = click.option("--html", "html_file", metavar="FILE", type=_FILE, help="Write the report as a web page.")
_CSV = click.option("--csv", "csv_file", metavar="FILE", type=_FILE, help="Write the report for a spreadsheet.")


@click.group()
def device() -> None:
    """Scanners on a cable: flash, provision, push, doctor, fleet.

    PORT is the port's path, or the serial number that USB states. Opening it does not restart the board.

    Exit status: 0 done; 1 from doctor, something is to be done, and from fleet, not every scanner is done; 2 refused or
    failed, and what the scanner had stays; 130 stopped with Ctrl-C.
    """


@device.command("list", short_help="Show the ports, with what is behind them.")
@click.argument("names", metavar="[PORT]...", nargs=-1)
@_with_json
def list_(names: tuple[str, ...], as_json: bool) -> None:
    """Show the ports with what is behind them: all of USB, or those named."""
    from concurrent.futures import ThreadPoolExecutor

    from ._doctor import identify
    from ._ports import find_port, ports

    found = [find_port(name) for name in names] or ports()
    with ThreadPoolExecutor(max_workers=max(1, min(len(found), _MAX_JOBS))) as pool:
        behind = list(pool.map(identify, found))
    if as_json:
        _echo_json(
            [{"port": port.path, "usb": port.serial_number, **said.to_dict()} for port, said in _pairs(found, behind)]
        )
        return
    if not found:
        click.echo("No board is plugged in that shows as a serial port: check the cable.")
    for port, said in _pairs(found, behind):
        click.echo(f"{port.path:<20} {said.text}")


@device.command(short_help="Say what is plugged in, and what to do next.")
@click.argument("name", metavar="[PORT]", required=False)
@click.option("--rom", is_flag=True, help="Ask the chip itself too, which restarts the board.")
@_with_json
@click.pass_context
def doctor(ctx: click.Context, name: str | None, rom: bool, as_json: bool) -> None:
    """Say what is plugged in, and one next step for each thing found. Changes nothing.

    Without PORT it takes the only board that is plugged in. Exit status 1: something is to be done.
    """
    from ._doctor import examine
    from ._flash import identify_chip
    from ._ports import find_port

    found = examine(find_port(name), int(time.time()), identify_chip if rom else None)
    if as_json:
        _echo_json(found.to_dict())
    else:
        _echo_findings(found)
    ctx.exit(0 if found.healthy else _NOT_WELL)


@device.command(short_help="Make one image that is a working scanner.")
@click.option("--base", type=_FILE, help="A MicroPython image that these tools know (docs/hardware.md).")
@click.option("--simulated", is_flag=True, help="In place of --base: for the board of `ardente simulate --serial`.")
@click.option("--bases", type=_FILE, help="A list of more base images, which you have tried yourself.")
@click.option("--application", type=_FILE, required=True, help="The signed application for the base's family.")
@_LABEL
@_BOARD
@_PULSE
@_PASS_CONTACT
@_CONFIG
@click.option("--bundle", type=_FILE, help="The first bundle.  [default: the trust folder's]")
@_ROOT
@_SHA256
@_TEST_CITY
@TRUST
@click.option("-o", "--output", type=_FILE, required=True, help="The image to write.")
@_with_json
def build(
    base: Path | None,
    simulated: bool,
    bases: Path | None,
    application: Path,
    label: str,
    board: str | None,
    pulse_ms: int | None,
    pass_contact: bool | None,
    config: Path | None,
    bundle: Path | None,
    root_file: Path | None,
    sha256: str | None,
    test_city: bool,
    folder: Path,
    output: Path,
    as_json: bool,
) -> None:
    """Make one image of a base MicroPython, the application, the configuration, the root and the first bundle.

    Written once by `ardente device flash`, it is a working scanner. All is judged here as the scanner would.
    """
    import hashlib
    import tempfile

    from ardente._files import PUBLIC_FILE_MODE, write_file

    from ._image import build_image
    from ._provision import configuration, gate, read_root

    if (base is None) != simulated:
        raise click.UsageError("Say which image to build on: --base FILE, or --simulated.")
    _check_root_options(root_file, sha256)
    root_path = root_file or folder / _ROOT_NAME
    read_root(root_path, sha256, allow_test_city=test_city)
    configured = configuration(label, board, gate(pulse_ms, pass_contact), config)
    with tempfile.TemporaryDirectory(prefix="ardente-build-") as made:
        config_file = Path(made, "config.json")
        config_file.write_bytes(configured)
        image = build_image(
            base,
            application=application,
            config=config_file,
            root=root_path,
            bundle=bundle or _trusted_bundle(folder),
            now=int(time.time()),
            bases=bases,
            allow_test_city=test_city,
        )
    try:
        write_file(output, image, PUBLIC_FILE_MODE)
    except OSError as error:
        raise FileError(f"{output} cannot be written ({error.strerror}): name another file.") from None
    digest = hashlib.sha256(image).hexdigest()
    if as_json:
        _echo_json({"file": str(output), "bytes": len(image), "sha256": digest})
        return
    click.echo(f"{output} is the image of {label} ({len(image)} bytes), SHA-256 {digest}.")
    click.echo(f"Next: ardente device flash PORT --image {output}")


@device.command(short_help="Write a whole image to a board.")
@_PORT
@click.option("--image", type=_FILE, required=True, help="The image, as `ardente device build` makes it.")
@click.option("--sha256", metavar="HEX", help="The SHA-256 of the image; needed for one that `build` did not make.")
@click.option(
    "--erase-all",
    is_flag=True,
    help="Erase the rest of the flash too, such as the highest versions it ever had: for a board from another city.",
)
@_JOURNAL
@_with_json
def flash(name: str, image: Path, sha256: str | None, erase_all: bool, journal_file: Path, as_json: bool) -> None:
    """Write a whole image to a board, verify it, and wait until the scanner answers.

    Chip, flash size and image are checked before anything is erased. A board without USB of its own must be put into
    its bootloader by hand: IO0 to GND, then reset.
    """
    from ._flash import Chip, read_image, wait_until_ready
    from ._flash import flash as flash_board
    from ._journal import Journal
    from ._ports import find_port
    from ._show import bar

    checked = read_image(image, _fingerprint(sha256))
    if sha256 is None and not checked.is_sealed:
        raise FileError(f"{image} does not say whether it is whole: name its SHA-256 with --sha256.")
    port = find_port(name)
    journal = Journal(journal_file)
    chips: list[Chip] = []
    with _recording(journal, "flash", port, checked.sha256), bar(f"writing {image.name}", quiet=as_json) as watcher:
        flash_board(
            port,
            checked,
            progress=lambda share: watcher.progress(
                round(share * checked.file.stat().st_size), checked.file.stat().st_size
            ),
            erase_all=erase_all,
            on_chip=chips.append,
        )
        watcher.step("waiting for the scanner to answer")
        now = wait_until_ready(port)
    _keep(journal, "flash", port, None, now, "installed", checked.sha256, chips[0].mac)
    if as_json:
        _echo_json({"result": "installed", "chip": chips[0]._asdict(), "status": now.to_dict()})
        return
    click.echo(f"The {chips[0].name} on {port.path} is a scanner now, {now.label}.")
    if not now.provisioned:
        click.echo(f"Next: ardente device provision {name} --label LABEL")
    elif now.bundle is None:
        click.echo(f"Next: ardente device push {name} BUNDLE")


@device.command(short_help="Give a scanner its name and its city's root, once.")
@_PORT
@_LABEL
@_BOARD
@_PULSE
@_PASS_CONTACT
@_CONFIG
@_ROOT
@_SHA256
@_TEST_CITY
@TRUST
@_JOURNAL
@_with_json
def provision(
    name: str,
    label: str,
    board: str | None,
    pulse_ms: int | None,
    pass_contact: bool | None,
    config: Path | None,
    root_file: Path | None,
    sha256: str | None,
    test_city: bool,
    folder: Path,
    journal_file: Path,
    as_json: bool,
) -> None:
    """Give a scanner that has no root its label, board and gate, and the root of its city.

    Once: a provisioned scanner takes no second root until it is flashed anew.
    """
    from ._client import Device
    from ._journal import Journal
    from ._ports import find_port
    from ._provision import configuration, gate, read_root
    from ._provision import provision as provision_device
    from ._show import bar

    _check_root_options(root_file, sha256)
    root = read_root(root_file or folder / _ROOT_NAME, sha256, allow_test_city=test_city)
    port = find_port(name)
    with Device(port) as asked:
        usual_board = asked.status().board
    configured = configuration(label, board, gate(pulse_ms, pass_contact), config, usual_board)
    journal = Journal(journal_file)
    before: list[Status] = []
    with (
        bar("provisioning", quiet=as_json) as watcher,
        _recording(journal, "provision", port, root.sha256, before),
    ):
        done = provision_device(port, configured, root, watcher, before.append)
    _keep(journal, "provision", port, done.was, done.now, "installed", root.sha256)
    if as_json:
        _echo_json({"result": "installed", "status": done.now.to_dict()})
        return
    click.echo(f"{done.now.label} belongs to {done.now.city} now, root {done.now.root}.")
    click.echo(f"Next: ardente device push {name} BUNDLE")


@device.command(short_help="Bring a scanner a bundle or an application.")
@_PORT
@click.argument("file", metavar="[BUNDLE | APPLICATION]", type=_FILE, required=False)
@click.option("--label", default="", help="The scanner that must be there; another one is left alone.")
@_WAIT
@TRUST
@_JOURNAL
@_with_json
def push(
    name: str,
    file: Path | None,
    label: str,
    wait_s: float,
    folder: Path,
    journal_file: Path,
    as_json: bool,
) -> None:
    """Bring a scanner a bundle or an application, and read back what it has.

    Without a file it is the bundle of the trust folder. A pulled cable, a sleeping laptop or a restart in between is
    waited for; pushed again later it goes on where it stopped. A new application is tried by the scanner itself, which
    keeps it or goes back to the one before.
    """
    from ._journal import Journal
    from ._payload import read_payload
    from ._ports import find_port
    from ._push import Target
    from ._push import push as push_payload
    from ._show import bar

    payload = read_payload(file or _trusted_bundle(folder))
    port = find_port(name)
    journal = Journal(journal_file)
    before: list[Status] = []
    with (
        bar(f"sending {payload.name}", quiet=as_json) as watcher,
        _recording(journal, "push", port, payload.sha256, before),
    ):
        done = push_payload(Target(port, label, wait_s, watcher=watcher), payload, before.append)
    _keep(journal, "push", port, done.was, done.now, done.result, payload.sha256)
    if as_json:
        _echo_json({"result": done.result, "sent_bytes": done.sent_bytes, "status": done.now.to_dict()})
        return
    click.echo(_pushed(payload, done.now.label, done.result))


@device.command(short_help="Show what a scanner says of itself.")
@_PORT
@_with_json
def status(name: str, as_json: bool) -> None:
    """Show what a scanner says of itself."""
    from ._client import Device
    from ._ports import find_port

    with Device(find_port(name)) as asked:
        said = asked.status().to_dict()
    if as_json:
        _echo_json(said)
        return
    for key, value in said.items():
        if key == "lists":
            for entry in value:
                click.echo(f"{'list':<18} {entry['uri']}, {entry['entries']} entries, SHA-256 {entry['sha256']}")
        else:
            click.echo(f"{key.replace('_', ' '):<18} {_shown(key, value)}")


@device.command(short_help="Show a scanner's last events.")
@_PORT
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C.")
@_with_json
def logs(name: str, follow: bool, as_json: bool) -> None:
    """Show a scanner's last events, which say nothing of any card. With --json a line for each."""
    from ._client import Device
    from ._ports import find_port

    with Device(find_port(name)) as asked:
        start = 0
        while True:
            lines, start = asked.log(start)
            for line in lines:
                click.echo(json.dumps({"event": line}) if as_json else line)
            if not follow:
                return
            time.sleep(1)


@device.command(short_help="Let a scanner blink.")
@_PORT
@click.option("--seconds", type=click.IntRange(1, 60), default=10, show_default=True, help="For how long.")
@_with_json
def identify(name: str, seconds: int, as_json: bool) -> None:
    """Let a scanner blink, to see which one it is."""
    from ._client import Device
    from ._ports import find_port

    with Device(find_port(name)) as asked:
        label = asked.status().label
        asked.identify(seconds)
    _echo(as_json, {"label": label, "seconds": seconds}, f"{label} blinks for {seconds} seconds.")


@device.command(short_help="Restart a scanner.")
@_PORT
@_WAIT
@_with_json
def reset(name: str, wait_s: float, as_json: bool) -> None:
    """Restart a scanner, and wait until it answers again."""
    from ._client import Device
    from ._ports import find_port
    from ._session import Session

    with Session(find_port(name), wait_s=wait_s) as session:
        label = session.first_status().label
        session.expect(label)
        session.call(Device.reset_once)
        session.call(Device.status)
    _echo(as_json, {"label": label}, f"{label} has restarted.")


@device.command(short_help="Push to many scanners at once.")
@click.argument("fleet_file", metavar="FILE", type=_FILE)
@click.argument("file", metavar="[BUNDLE | APPLICATION]", type=_FILE, required=False)
@click.option("--jobs", type=click.IntRange(1, _MAX_JOBS), default=16, show_default=True, help="How many at a time.")
@click.option("--again", is_flag=True, help="Ask also those that have the file by the journal.")
@_WAIT
@_HTML
@_CSV
@TRUST
@_JOURNAL
@_with_json
@click.pass_context
def fleet(
    ctx: click.Context,
    fleet_file: Path,
    file: Path | None,
    jobs: int,
    again: bool,
    wait_s: float,
    html_file: Path | None,
    csv_file: Path | None,
    folder: Path,
    journal_file: Path,
    as_json: bool,
) -> None:
    """Push to the scanners that FILE names, each by a process of its own, and report what came of it.

    FILE is TOML: a [[device]] with label and port for each, and the file to push, unless it is given here. Started
    again, those that have the file by the journal are left alone. Exit status 1: not every scanner is done.
    """
    from ._fleet import DONE, push_fleet, read_fleet, unfinished
    from ._journal import Journal
    from ._payload import read_payload
    from ._report import write_results
    from ._show import fleet_table

    found = read_fleet(fleet_file)
    payload = read_payload(file or found.file or _trusted_bundle(folder))
    journal = Journal(journal_file)
    before = journal.records() if journal_file.exists() else []
    members = found.members if again else unfinished(found.members, payload, before)
    with fleet_table(members, quiet=as_json) as show:
        records = push_fleet(members, payload, journal, show, jobs=jobs, wait_s=wait_s)
    labels = {member.label for member in found.members}
    sha256 = payload.sha256.hex()
    told = [record for record in before if record.device in labels and record.file_sha256 == sha256] + records
    write_results(told, html_file, csv_file)
    left = [record for record in records if record.result not in DONE]
    skipped = len(found.members) - len(members)
    if as_json:
        _echo_json(
            {
                "done": len(records) - len(left),
                "failed": len(left),
                "skipped": skipped,
                "records": [json.loads(record.to_line()) for record in records],
            }
        )
    else:
        click.echo(f"{payload.name}: {len(records) - len(left)} done, {skipped} had it before, {len(left)} not done.")
    ctx.exit(_NOT_WELL if left else 0)


@device.command(short_help="Show which gate enforces which revocation list.")
@click.argument("journals", metavar="[JOURNAL]...", type=_FILE, nargs=-1)
@_HTML
@_CSV
@_JOURNAL
@_with_json
def report(
    journals: tuple[Path, ...], html_file: Path | None, csv_file: Path | None, journal_file: Path, as_json: bool
) -> None:
    """Show which gate enforces which revocation list and how old it is, by the JOURNALs or this user's own.

    It is the word of technician and laptop, from the last visit; no scanner has signed it.
    """
    from ._journal import merged
    from ._report import NOTE, gates, write_gates
    from ._requests import printable

    found = gates(merged(journals or (journal_file,)), int(time.time()))
    write_gates(found, html_file, csv_file)
    if as_json:
        _echo_json({"note": NOTE, "gates": [gate.to_dict() for gate in found]})
        return
    # The journals may be of anybody.
    for gate in found:
        age = "" if gate.age_days is None else f", {gate.age_days} days old"
        line = f"{gate.device}: bundle {gate.held.bundle or 'none'}{age}, {gate.state}; seen {gate.seen}"
        click.echo(printable(line))
        for entry in gate.held.lists:
            click.echo(printable(f"    {entry.uri}  SHA-256 {entry.sha256}"))
    click.echo(NOTE, err=True)


@device.group(short_help="Merge journals.")
def journal() -> None:
    """The records of what was done to scanners: one file on each laptop, merged by the city."""


@journal.command("merge", short_help="Write all records of the JOURNALs to one file.")
@click.argument("journals", metavar="JOURNAL...", type=_FILE, nargs=-1, required=True)
@click.option("-o", "--output", type=_FILE, required=True, help="The file to write.")
@_with_json
def journal_merge(journals: tuple[Path, ...], output: Path, as_json: bool) -> None:
    """Write all records of the JOURNALs to one file, each once, oldest first."""
    from ._journal import merge

    count = merge(journals, output)
    _echo(as_json, {"records": count}, f"{output} has {count} records.")


def _check_root_options(root_file: Path | None, sha256: str | None) -> None:
    if (root_file is None) != (sha256 is None):
        raise click.UsageError("--root and --sha256 go together: the fingerprint says that the file is the city's.")


def _trusted_bundle(folder: Path) -> Path:
    path = folder / _BUNDLE_NAME
    if not path.is_file():
        raise FileError(f"{folder} has no bundle: name the file, or fetch it first with `ardente trust update`.")
    return path


class _recording:
    """A context in which a failure is kept in the journal too."""

    def __init__(
        self, journal: Journal, action: Action, port: Port, sha256: bytes, before: Sequence[Status] = ()
    ) -> None:
        self._keep = functools.partial(_keep, journal, action, port)
        self._sha256 = sha256
        self._before = before

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, DeviceError):
            self._keep(self._before[0] if self._before else None, None, error.code, self._sha256)


def _keep(
    journal: Journal, action: Action, port: Port, was: Any, now: Any, result: str, sha256: bytes, mac: str = ""
) -> None:
    from ._journal import make_record

    journal.append(make_record(action, port, was, now, result, sha256, mac))


def _fingerprint(text: str | None) -> bytes | None:
    try:
        return None if text is None else bytes.fromhex(text.replace(":", ""))
    except ValueError:
        raise click.UsageError("--sha256 takes 64 hexadecimal digits.") from None


def _pushed(payload: Payload, label: str, result: str) -> str:
    return f"{label} has {payload.name} already." if result == "unchanged" else f"{label} has {payload.name} now."


def _echo_findings(found: Examination) -> None:
    signs = {"ok": "ok", "note": "--", "todo": "!!"}
    for finding in found.findings:
        click.echo(f"{signs[finding.level]}  {finding.what:<12} {finding.text}")
        if finding.next:
            click.echo(f"{'':<16} {finding.next}")


def _shown(key: str, value: Any) -> str:
    if key in ("iat", "exp", "now"):
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _echo(as_json: bool, value: dict[str, Any], text: str) -> None:
    click.echo(json.dumps(value) if as_json else text)


def _echo_json(value: Any) -> None:
    click.echo(json.dumps(value))


def _pairs(first: Sequence[Any], second: Sequence[Any]) -> Any:
    return zip(first, second, strict=True)
