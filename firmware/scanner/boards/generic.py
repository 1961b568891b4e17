"""Any other board for which there is an image with the camera module: the pins stand in the configuration."""

from config import UART, ConfigError

from boards.board import Board, Pins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from config import Config


def make(config: "Config") -> Board:
    """Raises ConfigError where a pin is missing."""
    pins = config.pins
    needed = ["relay"]
    if config.pass_contact:
        needed.append("pass")
    if config.source == UART:
        needed += ["uart_tx", "uart_rx"]
    for name in needed:
        if name not in pins:
            raise ConfigError('The board "generic" needs "%s" in "pins".' % name)
    uart = (pins["uart_tx"], pins["uart_rx"]) if "uart_tx" in pins and "uart_rx" in pins else None
    return Board(config, Pins(pins["relay"], pins.get("pass"), pins.get("led"), False, pins.get("buzzer"), uart))
