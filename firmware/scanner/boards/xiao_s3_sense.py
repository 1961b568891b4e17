"""Seeed Studio XIAO ESP32-S3 Sense: D0 relay, D1 PASS, D3 buzzer, D6 and D7 a UART module; the LED is on the board."""

from boards.board import Board, Pins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from config import Config


def make(config: "Config") -> Board:
    return Board(config, Pins(relay=1, pass_contact=2, light=21, light_inverted=True, buzzer=4, uart=(43, 44)))
