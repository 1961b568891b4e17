"""AI-Thinker ESP32-CAM. Two pins are free: relay and PASS; the red LED is the board's own."""

from boards.board import Board, Pins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from config import Config


def make(config: "Config") -> Board:
    # Clones fail at 20 MHz.
    return Board(config, Pins(relay=13, pass_contact=14, light=33, light_inverted=True), xclk_hz=10000000)
