"""The configuration of a scanner: one small JSON file with a closed list of keys and checked values. No secrets."""

import json

from flash_file import read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BOARDS = ("ai_thinker", "xiao_s3_sense", "m5stack_cams3", "generic")
_BOARDS_WITHOUT_UART = ("ai_thinker", "m5stack_cams3")
# The chip of each board; a generic one has any.
_FAMILIES = {"ai_thinker": "esp32", "xiao_s3_sense": "esp32s3", "m5stack_cams3": "esp32s3"}
SIMULATED = "unix"
CAMERA, UART = "camera", "uart"
# Width and height of a frame, by the name that the camera module has for it.
FRAME_SIZES = {"QVGA": (320, 240), "VGA": (640, 480)}
_PINS = ("relay", "pass", "led", "buzzer", "uart_tx", "uart_rx")
# Of the ESP32 and of the S3: something outside drives them while the chip starts.
_STRAPPING_PINS = (0, 2, 3, 12, 15, 45, 46)
_MAX_FILE_BYTES = 2048
_MAX_LABEL = 32


class ConfigError(Exception):
    """The configuration cannot be used; the message is one sentence."""


class Config:
    """The values of a configuration, and what they are where the file does not say.

    label: what the technician calls the scanner
    pulse_ms: how long the relay is closed
    pass_contact: whether the gate tells by a contact that somebody passed
    passback_s: how long a card that went in is refused; 0 for ever not
    grace_s: how long past a bundle's expiry cards are still judged
    refuse_delay_ms: when a refusal is shown, counted from the frame, the same for every reason
    pins: for the generic board alone
    """

    def __init__(self) -> None:
        self.label = "scanner"
        self.board = "generic"
        self.pulse_ms = 300
        self.pass_contact = False
        self.passback_s = 0
        self.grace_s = 0
        self.refuse_delay_ms = 500
        self.frame_size = "QVGA"
        self.source = CAMERA
        self.pins: "dict[str, int]" = {}


def load(path: str) -> Config:
    """Return the configuration in a file. Raises ConfigError."""
    return parse(_values_in(path))


def board_named_in(path: str) -> str:
    """Return the board that a file names, whatever else is wrong with it; "" where it names none."""
    try:
        values = _values_in(path)
    except ConfigError:
        return ""
    board = values.get("board") if isinstance(values, dict) else None
    return board if isinstance(board, str) and board in BOARDS else ""


def fits(board: str, family: str) -> bool:
    """Whether a board has a chip of this family; a simulated one may be any board."""
    return family == SIMULATED or _FAMILIES.get(board, family) == family


def _values_in(path: str) -> "Any":
    data = read_file(path, _MAX_FILE_BYTES)
    if data is None:
        raise ConfigError("The configuration is missing or larger than 2048 bytes.")
    try:
        return json.loads(data)
    except (ValueError, UnicodeError):
        raise ConfigError("The configuration is not JSON.") from None


def parse(values: "Any") -> Config:
    """Return the configuration that a JSON object says. Raises ConfigError."""
    config = Config()
    _closed(values, "The configuration", _READERS)
    for name in sorted(values):
        _READERS[name](config, name, values[name])
    if config.pins and config.board != "generic":
        raise ConfigError('"pins" is for the board "generic" alone.')
    pins = list(config.pins.values())
    if len(set(pins)) != len(pins):
        raise ConfigError('"pins" names one pin twice.')
    if config.pins.get("relay") in _STRAPPING_PINS:
        raise ConfigError('"relay" in "pins" must be none of the pins that say how a chip starts.')
    if config.source == UART and config.board in _BOARDS_WITHOUT_UART:
        raise ConfigError('The board "%s" has no pins left for the source "uart".' % config.board)
    return config


def _closed(values: "Any", what: str, names: "Any") -> None:
    if not isinstance(values, dict):
        raise ConfigError(what + " is not a JSON object.")
    for name in values:
        if name not in names:
            raise ConfigError(what + " has a key that is not known; known are: " + ", ".join(sorted(names)) + ".")


def _text(config: Config, name: str, value: "Any") -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= _MAX_LABEL or not all([" " <= c <= "~" for c in value]):
        raise ConfigError('"%s" must be 1 to %d printable ASCII characters.' % (name, _MAX_LABEL))
    setattr(config, name, value)


def _number(value: "Any", name: str, low: int, high: int) -> int:
    # True and False are numbers to Python.
    if value is True or value is False or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError('"%s" must be a whole number from %d to %d.' % (name, low, high))
    return value


def _limits(low: int, high: int) -> "Any":
    def read(config: Config, name: str, value: "Any") -> None:
        setattr(config, name, _number(value, name, low, high))

    return read


def _choice(choices: "Any") -> "Any":
    def read(config: Config, name: str, value: "Any") -> None:
        if not isinstance(value, str) or value not in choices:
            raise ConfigError('"%s" must be one of: %s.' % (name, ", ".join(sorted(choices))))
        setattr(config, name, value)

    return read


def _flag(config: Config, name: str, value: "Any") -> None:
    if value is not True and value is not False:
        raise ConfigError('"%s" must be true or false.' % name)
    setattr(config, name, value)


def _gate(config: Config, name: str, value: "Any") -> None:
    _closed(value, '"gate"', _GATE_READERS)
    for key in value:
        _GATE_READERS[key](config, key, value[key])


def _pins(config: Config, name: str, value: "Any") -> None:
    _closed(value, '"pins"', _PINS)
    for key in value:
        config.pins[key] = _number(value[key], key, 0, 48)


_GATE_READERS = {"pulse_ms": _limits(100, 1000), "pass_contact": _flag}
_READERS = {
    "label": _text,
    "board": _choice(BOARDS),
    "gate": _gate,
    "passback_s": _limits(0, 86400),
    "grace_s": _limits(0, 30 * 86400),
    "refuse_delay_ms": _limits(200, 2000),
    "frame_size": _choice(FRAME_SIZES),
    "source": _choice((CAMERA, UART)),
    "pins": _pins,
}
