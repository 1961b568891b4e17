"""`make demo`: a card's life and a voucher's, by the commands that people type."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

_TARIFF = Path(__file__).parents[2] / "examples" / "museum_gate" / "tariff.toml"
_ACCEPTED, _REFUSED = 0, 1
_CITY = ("city", "--folder", "city")
_MUSEUM = ("--trust", "museum")
_SHOP = ("--trust", "shop")
_BOOKS = ("--database", "ledger.db")
_TIMEOUT_S = 60
# Runs a command of the city as on a later day: what tills took offline is decided when their window is over.
_LATER = """
import sys
from ardente.cli import main
from ardente_tools.city import cli
later_s = int(sys.argv.pop(1))
now = cli.now
cli.now = lambda: now() + later_s
main(prog_name="ardente")
"""


class _DemoError(Exception):
    """A command answered otherwise than the story goes."""


class _Demo:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {**os.environ, "PYTHONUTF8": "1"}

    def ardente(
        self, *args: str, expect: int = 0, lines: int = 0, typed: str = "", shown: str = "", later_days: int = 0
    ) -> str:
        """Run a command, print it and the first ``lines`` of its answer, and return that.

        ``typed`` goes to its standard input; ``shown`` is printed after the command, where it says what is typed.
        """
        print(f"  $ ardente {shlex.join(args)}{shown}")
        later_s = str(timedelta(days=later_days) // timedelta(seconds=1))
        run = subprocess.run(
            [sys.executable, *(("-c", _LATER, later_s) if later_days else ("-m", "ardente")), *args],
            cwd=self._folder,
            env=self._environment,
            input=typed,
            capture_output=True,
            encoding="utf-8",
            timeout=_TIMEOUT_S,
            check=False,
        )
        if run.returncode != expect:
            raise _DemoError(f"exit status {run.returncode} instead of {expect}: {run.stdout}{run.stderr}".strip())
        answer = [line for line in run.stdout.splitlines() if line.strip()]
        for line in answer[:lines]:
            print(f"    {line}")
        return run.stdout

    @contextmanager
    def service(self, port: str = "0") -> Iterator[str]:
        """Run the ledger's service, and give its port."""
        args = ("ledger", "serve", *_BOOKS, *_SHOP, "--port")
        print(f"  $ ardente {shlex.join(args)} {port} &")
        with subprocess.Popen(
            [sys.executable, "-m", "ardente", *args, port],
            cwd=self._folder,
            env=self._environment,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process:
            try:
                assert process.stderr
                first = process.stderr.readline()
                if '"listening"' not in first:
                    raise _DemoError(f"the service did not start: {first}{process.stderr.read()}".strip())
                yield json.loads(first)["address"].rpartition(":")[2]
            finally:
                process.terminate()
                process.communicate()

    def play(self) -> None:
        self._play_card()
        print()
        self._play_vouchers()

    def _play_card(self) -> None:
        root = self._folder / "city" / "roots" / "1.cbor"
        bundle = "city/published/bundle.cbor"
        check = ("check", "card/card.png", *_MUSEUM, "--language", "en")
        price = ("--tariff", "tariff.toml", "--product", "entry")
        shutil.copy(_TARIFF, self._folder / "tariff.toml")

        print("The city makes its keys, issues a card as a picture, and publishes what partners need.")
        self.ardente(*_CITY, "init", "--id", "demo", "--name", "Liège", "--demo", "--no-passphrase")
        self.ardente(*_CITY, "issue", "--format", "png", "--output", "card", lines=1)
        self.ardente(*_CITY, "publish")
        print("A museum believes the city's root, by its fingerprint, and installs the bundle.")
        fingerprint = hashlib.sha256(root.read_bytes()).hexdigest()
        self.ardente("trust", "init", "city/roots/1.cbor", *_MUSEUM, "--sha256", fingerprint)
        self.ardente("trust", "install", bundle, *_MUSEUM, lines=1)
        print("Offline from here: its desk reads the QR code out of the picture, and prints the resident's price.")
        self.ardente(*check, *price, expect=_ACCEPTED, lines=4)
        print("The card is lost. Its holder has the slip, so the city revokes the card and publishes again.")
        self.ardente(*_CITY, "revoke", "-", typed=_slip_code(self._folder / "card"), shown="   (the code on the slip)")
        time.sleep(1)  # a bundle is newer by whole seconds
        self.ardente(*_CITY, "publish", "--force")
        print("Once the museum has installed that, whoever found the card is refused.")
        self.ardente("trust", "install", bundle, *_MUSEUM, lines=1)
        self.ardente(*check, "--staff", expect=_REFUSED, lines=2)

    def _play_vouchers(self) -> None:
        today = datetime.now(UTC).date()
        print(
            "The city issues two vouchers for the local shops; a shop gets a token for its till, and the city's root."
        )
        english = ("--language", "en")
        self._issue_vouchers(today)
        with self.service() as port:
            till = (*_SHOP, "--token", "token", "--journal", "till", "--service", f"http://127.0.0.1:{port}")
            first, second = _vouchers(self._folder / "vouchers")
            print("The shop redeems the first, and whoever comes with it again gets nothing.")
            self.ardente("merchant", "redeem", *till, *english, typed=first, shown="   (scan)", lines=2)
            self.ardente("merchant", "redeem", *till, *english, typed=first, shown="   (the same scan)", lines=2)
        print("The network is cut. The till checks the second by itself, within what the campaign allows it.")
        self.ardente("merchant", "redeem", *till, *english, typed=second, shown="   (scan)", lines=2)
        print("The network is back: the till sends what it took, once.")
        with self.service(port):
            self.ardente("merchant", "send", *till, *english, lines=1)
        settle = ("settle", "--ledger", "ledger.db", "--output", "paid", "--yes")
        print("The city pays what is final, and what was taken offline once no other till can claim it any more.")
        self.ardente(*_CITY, *settle, later_days=2, lines=1, shown="   (two days later)")
        self.ardente(*_CITY, *settle, later_days=4, lines=1, shown="   (four days later)")
        self.ardente("ledger", "check", *_BOOKS, lines=2)

    def _issue_vouchers(self, today: date) -> None:
        last = today + timedelta(days=60)
        days = ("--from", today.isoformat(), "--until", last.isoformat())
        values = ("--value", "10", "--offline", "5", "50", "1")
        self.ardente(*_CITY, "campaign", "create", "--name", "Bons de Noël", *values, *days)
        issue = ("issue", "1", "--count", "2", "--format", "digits", "--active", "--output", "vouchers")
        self.ardente(*_CITY, "campaign", *issue, lines=1)
        time.sleep(1)
        self.ardente(*_CITY, "publish", "--force")
        self.ardente(*_CITY, "campaign", "export", "1", "-o", "campaign.json")
        root = self._folder / "city" / "roots" / "1.cbor"
        fingerprint = hashlib.sha256(root.read_bytes()).hexdigest()
        self.ardente("trust", "init", "city/roots/1.cbor", *_SHOP, "--sha256", fingerprint)
        self.ardente("trust", "install", "city/published/bundle.cbor", *_SHOP)
        self.ardente("ledger", "migrate", *_BOOKS)
        self.ardente("ledger", "import", "campaign.json", *_BOOKS, *_SHOP)
        merchant = self.ardente("ledger", "merchant", "add", "Librairie du Carré", "--district", "Centre", *_BOOKS)
        told = self.ardente("ledger", "till", "add", merchant.strip(), "Till 1", *_BOOKS)
        token = self._folder / "token"
        token.touch(mode=0o600)
        token.write_text(told.split("token ")[1].strip() + "\n", encoding="utf-8")


def _vouchers(folder: Path) -> list[str]:
    return [f"{line}\n" for file in folder.glob("*/*.txt") for line in file.read_text(encoding="utf-8").split()]


def _slip_code(folder: Path) -> str:
    found = re.search(r"\w{6}-\w{6}-\w{6}", (folder / "slip.txt").read_text(encoding="utf-8"))
    if found is None:
        raise _DemoError("the slip has no code")
    return f"{found[0]}\n"


def main() -> int:
    """Play the story in a folder that is deleted at its end. Returns the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace", line_buffering=True)
    if not _TARIFF.is_file():
        print("The demonstration runs in a checkout of the project: make demo", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="ardente-demo-") as folder:
        try:
            _Demo(Path(folder)).play()
        except _DemoError as error:
            print(f"The demonstration failed at this command: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
