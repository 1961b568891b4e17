"""Any other board for which there is an image with the camera module: the pins stand in the configuration."""

from config import ConfigError

from boards.board import Board, Pins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from config import Config


def make(config: "Config") -> Board:
    """Raises ConfigError."""
    pins = config.pins
    if "relay" not in pins:
        raise ConfigError('The board "generic" needs a "relay" in "pins".')
    uart = (pins["uart_tx"], pins["uart_rx"]) if "uart_tx" in pins and "uart_rx" in pins else None
    return Board(config, Pins(pins["relay"], pins.get("pass"), pins.get("led"), False, pins.get("buzzer"), uart))
