"""What every ESP32 board has alike; a board's own module says the pins."""

import os
import sys
import time

import esp32
from camera_source import CameraSource
from config import FRAME_SIZES, Config
from config import UART as UART_SOURCE
from console import Console
from machine import UART, WDT, Pin, Signal, reset
from qr import Scanner
from uart_source import UartSource
from version_floor import APPLICATIONS, NvsFloor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from camera import Camera
    from gate import Output, PassContact
    from smp.frames import Serial
    from version_floor import VersionFloor

# Longer than the making of a key's table.
_WATCHDOG_MS = 30000


class Pins:
    """GPIO numbers; None where the board has none left. `light_inverted`: the light is on at 0."""

    def __init__(
        self,
        relay: int,
        pass_contact: "int | None" = None,
        light: "int | None" = None,
        light_inverted: bool = False,
        buzzer: "int | None" = None,
        uart: "tuple[int, int] | None" = None,
    ) -> None:
        self.relay = relay
        self.pass_contact = pass_contact
        self.light = light
        self.light_inverted = light_inverted
        self.buzzer = buzzer
        self.uart = uart


class Contact:
    """A dry contact to ground; an interrupt remembers that it closed, be it while a frame is read."""

    def __init__(self, number: int) -> None:
        self._closed = False
        self._pin = Pin(number, Pin.IN, Pin.PULL_UP)
        self._pin.irq(self._close, Pin.IRQ_FALLING)

    def taken(self) -> bool:
        closed = self._closed
        self._closed = False
        return closed

    def _close(self, pin: Pin) -> None:
        self._closed = True


class NoOutput:
    def on(self) -> None:
        pass

    def off(self) -> None:
        pass


class Board:
    """The surface that the application sees; `board_sim` has the same."""

    flash = "/trust"
    applications = "/app"
    config_path = "/config.json"
    allow_test_city = False
    # The machine's name ends with its chip: "ESP32-CAM with ESP32".
    family = sys.implementation._machine.split()[-1].lower()

    def __init__(self, config: "Config", pins: Pins, xclk_hz: int = 20000000) -> None:
        self.config = config
        self._pins = pins
        self._xclk_hz = xclk_hz
        self._watchdog = WDT(timeout=_WATCHDOG_MS)

    def ticks_ms(self) -> int:
        return time.ticks_ms()  # type: ignore[return-value]

    def tell(self, event: str) -> None:
        """Take note of what happens; a board has nobody to tell."""

    def relay(self) -> "Output":
        return _output(self._pins.relay)

    def light(self) -> "Output | None":
        number = self._pins.light
        return None if number is None else _output(number, self._pins.light_inverted)

    def buzzer(self) -> "Output | None":
        number = self._pins.buzzer
        return None if number is None else _output(number)

    def pass_contact(self) -> "PassContact | None":
        number = self._pins.pass_contact
        return None if number is None else Contact(number)

    def version_floor(self) -> "VersionFloor":
        return NvsFloor(esp32.NVS("ardente"))

    def application_floor(self) -> "VersionFloor":
        return NvsFloor(esp32.NVS("ardente"), APPLICATIONS)

    def serial(self) -> "Serial | None":
        return Console()

    def rest(self) -> None:
        time.sleep_ms(1)

    def reset(self) -> None:
        reset()

    def security_level(self) -> str:
        """L1 where the application is frozen in the image, L0 where it lies on the flash."""
        try:
            os.stat(__file__)
        except OSError:
            return "L1"
        return "L0"

    def feed_watchdog(self) -> None:
        self._watchdog.feed()

    def source(self, ticks: "Callable[[], int]") -> "CameraSource | UartSource":
        if self.config.source == UART_SOURCE:
            return UartSource(self._open_uart, ticks)
        width, height = FRAME_SIZES[self.config.frame_size]
        return CameraSource(self._open_camera, Scanner(width, height), ticks)

    def _open_camera(self) -> "Camera":
        # Here, so that an image without this module is a scanner without a camera, and its loop goes on.
        from camera import Camera, FrameSize, GrabMode, PixelFormat

        return Camera(
            pixel_format=PixelFormat.GRAYSCALE,
            frame_size=getattr(FrameSize, self.config.frame_size),
            xclk_freq=self._xclk_hz,
            fb_count=2,
            # The other mode may hand over a frame of long ago.
            grab_mode=GrabMode.LATEST,
        )

    def _open_uart(self, baud: int) -> UART:
        if self._pins.uart is None:
            raise OSError("This board has no pins for a UART module.")
        tx, rx = self._pins.uart
        return UART(1, baudrate=baud, tx=tx, rx=rx, rxbuf=1024, timeout=0)


class UnknownBoard(Board):
    """A board that no configuration names: no pin of it is touched."""

    def __init__(self) -> None:
        super().__init__(Config(), Pins(relay=-1))

    def relay(self) -> "Output":
        return NoOutput()


def _output(number: int, inverted: bool = False) -> Signal:
    """A pin that is off from the beginning."""
    return Signal(Pin(number, Pin.OUT, value=1 if inverted else 0), invert=inverted)
