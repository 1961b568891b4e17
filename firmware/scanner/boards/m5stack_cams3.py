"""M5Stack Unit CamS3: relay and PASS are CLK and CMD of the microSD slot, for its Grove socket is the USB port.

CLK is the one that no card slot pulls up. The LED is the board's own.
"""

from boards.board import Board, Pins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from config import Config


def make(config: "Config") -> Board:
    return Board(config, Pins(relay=39, pass_contact=38, light=14, light_inverted=True))
