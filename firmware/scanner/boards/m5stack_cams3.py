"""M5Stack Unit CamS3: the Grove socket has relay and PASS; the LED is the board's own."""

from boards.board import Board, Pins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from config import Config


def make(config: "Config") -> Board:
    return Board(config, Pins(relay=18, pass_contact=17, light=14))
