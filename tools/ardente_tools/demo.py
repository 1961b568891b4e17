"""`make demo`: a card's life in one screen, by the commands that people type."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_TARIFF = Path(__file__).parents[2] / "examples" / "museum_gate" / "tariff.toml"
_ACCEPTED, _REFUSED = 0, 1
_CITY = ("city", "--folder", "city")
_MUSEUM = ("--trust", "museum")
_TIMEOUT_S = 60


class _DemoError(Exception):
    """A command answered otherwise than the story goes."""


class _Demo:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ardente(self, *args: str, expect: int = 0, lines: int = 0, typed: str = "", shown: str = "") -> None:
        """Run a command, print it and the first ``lines`` of its answer; ``typed`` goes to its standard input.

        ``shown`` is printed after the command, where it says what is typed.
        """
        print(f"  $ ardente {shlex.join(args)}{shown}")
        run = subprocess.run(
            [sys.executable, "-m", "ardente", *args],
            cwd=self._folder,
            env={**os.environ, "PYTHONUTF8": "1"},
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

    def play(self) -> None:
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
