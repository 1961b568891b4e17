"""A serial line between a host and a device that exist only as programs."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import tty
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Self

from ._errors import RigError

_LINK: Final = Path(__file__).with_name("_link.py")
_ANSWER_TIMEOUT_S: Final = 10.0

Way = Literal["to_device", "to_host"]


class Traffic(NamedTuple):
    """Bytes that arrived at either end, and those that were lost: in a full ring, or because nobody took them."""

    to_device: int
    to_host: int
    dropped: int


class Line:
    """A pseudo-terminal for the host, one for the device, and between them a wire as slow and bad as wanted.

    ``port`` is the path that the host opens, by default in a folder of its own; ``device`` the open end of the device,
    raw, for a program's standard input and output.

    ``baud`` paces both directions, 10 bits a byte, and a host that does not read loses bytes; with None the line is as
    fast as it can be, and the device waits for the host, as over USB. ``ring_bytes`` is the device's receive buffer:
    what comes while so much lies unread is lost, as in the console of an ESP32 (259); with None the host waits.
    ``delay_s`` is added to every byte. Noise is the same for the same ``seed``.

    The wire runs in a process of its own. As a context the line ends at the end.
    """

    def __init__(
        self,
        *,
        baud: int | None = 115_200,
        ring_bytes: int | None = None,
        delay_s: float = 0.0,
        seed: int = 0,
        port: Path | None = None,
    ) -> None:
        self._seed = seed
        self.baud = baud
        self.ring_bytes = ring_bytes
        self._made = {"baud": baud, "ring_bytes": ring_bytes, "delay_s": delay_s}
        self._folder = tempfile.TemporaryDirectory(prefix="ardente-line-") if port is None else None
        self._port = port or Path(self._folder.name if self._folder else "", "tty")
        self._wire, device = os.openpty()
        tty.setraw(device)
        self.device = open(device, "r+b", buffering=0)
        self._control, control = socket.socketpair()
        self._hangups, hangups = os.pipe()
        self._control.settimeout(_ANSWER_TIMEOUT_S)
        self._asking = threading.Lock()
        descriptors = (self._wire, device, control.fileno(), hangups)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LINK), *map(str, descriptors), str(self._port)],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            # Ctrl-C is for whoever runs the line, who then ends it.
            process_group=0,
        )
        control.close()
        os.close(hangups)
        self._ask(**self._made)

    @property
    def port(self) -> str:
        """The path that a host opens. It stays the same; while the line is cut, nothing is there."""
        return str(self._port)

    @property
    def plugged(self) -> bool:
        """False from a cut until `mend`."""
        return bool(self._ask()["plugged"])

    @property
    def traffic(self) -> Traffic:
        state = self._ask()
        return Traffic(state["to_device"], state["to_host"], state["dropped"])

    def pace(self, baud: int | None) -> None:
        """Set another pace, until `mend`."""
        self._ask(baud=baud)

    def ring(self, ring_bytes: int | None) -> None:
        """Give the device another receive buffer, until `mend`."""
        self._ask(ring_bytes=ring_bytes)

    def delay(self, seconds: float) -> None:
        self._ask(delay_s=seconds)

    def noise(
        self,
        *,
        drop: float = 0.0,
        double: float = 0.0,
        flip: float = 0.0,
        text: float = 0.0,
        ways: tuple[Way, ...] = ("to_device", "to_host"),
    ) -> None:
        """From now on lose, double, or change one bit of that share of the bytes, or put a boot message before it."""
        rates = {"drop": drop, "double": double, "flip": flip, "text": text}
        if min(rates.values()) < 0 or sum(rates.values()) > 1:
            raise ValueError("the shares of noise are at least 0 and together at most 1")
        noise = {way: {"seed": f"{self._seed} {way}", **rates} if way in ways else None for way in _WAYS}
        self._ask(noise=noise)

    def cut(self, after_bytes: int = 0) -> None:
        """Pull the cable, once ``after_bytes`` more have arrived at the device. The host sees its port vanish."""
        self._ask(cut_after=after_bytes)

    def plug(self) -> None:
        """Plug a cut line in again, at the pace and with the noise that it has."""
        self._ask(plug=True)

    def mend(self) -> None:
        """Make the line what it was at first: plugged in, without noise, at its first pace and delay."""
        self._ask(**self._made, noise=dict.fromkeys(_WAYS), cut_after=None, plug=True)

    def watch(self, watching: bool = True) -> None:
        """Notice from now on when a host lets go of the port; for a device that never speaks first."""
        self._ask(watch=watching)

    @property
    def hangups(self) -> int:
        """A descriptor to wait for: a byte comes each time a host lets go of the watched port."""
        return self._hangups

    def wait_hangup(self, timeout_s: float) -> bool:
        """Wait until a host lets go of the watched port; return whether one did."""
        ready, _, _ = select.select([self._hangups], [], [], timeout_s)
        return bool(ready and os.read(self._hangups, 1))

    def drain(self) -> None:
        """Forget what lies unread at the device, as a reset does."""
        termios.tcflush(self.device, termios.TCIFLUSH)

    def close(self) -> None:
        self._control.close()
        self._process.wait(_ANSWER_TIMEOUT_S)
        os.close(self._wire)
        self.device.close()
        os.close(self._hangups)
        if self._folder:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, **settings: object) -> dict[str, Any]:
        # One thread may cut the line while another watches its traffic.
        with self._asking:
            try:
                self._control.sendall(json.dumps(settings).encode() + b"\n")
                answer = self._answer()
            except OSError as error:
                raise RigError(f"The simulated serial line does not answer: {error}.") from None
        state: dict[str, Any] = json.loads(answer)
        return state

    def _answer(self) -> bytes:
        answer = b""
        while not answer.endswith(b"\n"):
            part = self._control.recv(4096)
            if not part:
                raise RigError("The simulated serial line has ended.")
            answer += part
        return answer


_WAYS: Final[tuple[Way, ...]] = ("to_device", "to_host")
