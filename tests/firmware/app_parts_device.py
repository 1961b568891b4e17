"""What the small parts of the application promise, asked on the interpreter that runs them."""

import sys

from config import ConfigError, parse
from counters import Counters
from gate import Gate
from passback import Passback
from reading import OTHER
from sight import Sight
from uart_source import ANSWER, BAUD_RATES, QUESTION, UartSource

CARD = "1" * 224


def refuses(values):
    try:
        parse(values)
    except ConfigError as error:
        return str(error).endswith(".")
    return False


def check_config():
    config = parse({"label": "Pool", "board": "ai_thinker", "gate": {"pulse_ms": 100, "pass_contact": True}})
    assert (config.pulse_ms, config.pass_contact, config.passback_s, config.grace_s) == (100, True, 0, 0)
    for values in (
        [],
        {"lable": "Pool"},
        {"label": ""},
        {"label": "caf\u00e9"},
        {"board": "esp8266"},
        {"gate": {"pulse_ms": 99}},
        {"gate": {"pulse_ms": 1001}},
        {"gate": {"pulse_ms": True}},
        {"gate": {"pulse_ms": 300.0}},
        {"gate": {"pass_contact": 1}},
        {"gate": {"hold": 1}},
        {"passback_s": -1},
        {"refuse_delay_ms": 199},
        {"frame_size": []},
        {"board": "ai_thinker", "pins": {"relay": 4}},
        {"board": "ai_thinker", "source": "uart"},
        {"board": "m5stack_cams3", "source": "uart"},
        {"pins": {"relay": 4, "pass": 4}},
        {"pins": {"relay": 0}},
        {"pins": {"relay": 49}},
    ):
        assert refuses(values), values


def check_passback():
    passback = Passback(3, 100)
    tags = [bytes([number]) * 16 for number in range(1, 5)]
    for number in range(4):
        passback.add(tags[number], number)
    assert [passback.seen(tag, 50) for tag in tags] == [False, True, True, True]
    assert [passback.seen(tag, 102) for tag in tags] == [False, False, False, True]
    key = passback.key
    passback.add(tags[0], 86399)
    passback.tick(86400)
    assert passback.key == key
    assert passback.seen(tags[0], 86400)
    passback.tick(86500)
    assert passback.key != key
    assert not passback.seen(tags[0], 86400)


def check_sight():
    sight = Sight()
    assert sight.is_new("a", 0)
    assert not sight.is_new("a", 1999)
    assert not sight.is_new("a", 3998)
    assert sight.is_new("a", 5998)
    # The one seen longest ago goes first.
    for number in range(8):
        assert sight.is_new(str(number), 6000 + number)
    assert not sight.is_new("0", 6100)
    assert sight.is_new("a", 6101)
    assert not sight.is_new("0", 6102)
    assert sight.is_new("1", 6103)
    # Nobody looked: what was in view still is, and what was not is not.
    assert not sight.is_new("1", 7000)
    sight.hold(8500)
    assert not sight.is_new("1", 10000)
    assert sight.is_new("0", 10500)


def check_counters(path):
    counters = Counters(path)
    day = 86400 * 30 * 700
    for _ in range(4):
        counters.count("revoked", day)
    for _ in range(5):
        counters.count("expired", day + 86400)
    counters.count("ok", day)
    counters.fault(day)
    assert counters.reasons() == {"revoked": "<5", "expired": "5"}
    # Who asks before and after a card learns nothing of it.
    counters.count("expired", day + 86400)
    assert counters.reasons() == {"revoked": "<5", "expired": "5"}
    counters.save()
    again = Counters(path)
    assert again.days() == {str(30 * 700): [1, 4, 1], str(30 * 700 + 1): [0, 6, 0]}
    for number in range(40):
        again.count("ok", day + number * 86400)
    assert len(again.days()) == 30
    assert again.reasons() == {}


class Output:
    is_on = None

    def on(self):
        self.is_on = True

    def off(self):
        self.is_on = False


def check_gate():
    relay = Output()
    time = [0]
    gate = Gate(relay, None, lambda: time[0], 300)
    assert relay.is_on is False
    gate.open()
    time[0] = 299
    assert not gate.poll()
    assert relay.is_on
    time[0] = 300
    assert not gate.poll()
    assert not relay.is_on


class Module:
    """A barcode module that hears only at its own baud rate."""

    def __init__(self):
        self.own_baud = 115200
        self.baud = 0
        self.out = b""

    def open(self, baud):
        self.baud = baud
        return self

    def deinit(self):
        self.out = b""

    def write(self, data):
        if data == QUESTION and self.baud == self.own_baud:
            self.out += ANSWER + b"\x00\x33\x31"

    def any(self):
        return len(self.out)

    def readinto(self, buffer):
        count = min(len(buffer), len(self.out))
        buffer[:count] = self.out[:count]
        self.out = self.out[count:]
        return count


def check_uart():
    module = Module()
    time = [0]
    source = UartSource(module.open, lambda: time[0])

    def read(data, wait_ms=1000):
        module.out += data
        end = time[0] + wait_ms
        texts = []
        while time[0] < end:
            time[0] += 10
            reading = source.poll()
            if reading is not None:
                texts.append(reading[0])
        return texts

    assert read(b"", 1990) == []
    assert module.baud == 0
    assert read(b"", 1000) == []
    assert module.baud == 115200
    assert source.is_watching
    assert read(CARD.encode() + b"\r\n") == [CARD]
    assert read(CARD.encode()) == [CARD]
    assert read(b"^3^a settings code\r") == [OTHER]
    assert read(b"\xff\xfe\r") == [OTHER]
    assert read(CARD.encode() * 9 + b"\r") == [OTHER]
    assert read(CARD.encode() + b"\r") == [CARD]
    # Set back to its factory settings: found again at the next question.
    module.own_baud = 9600
    assert read(b"", 70000) == []
    assert module.baud == 9600
    assert source.is_working
    assert read(CARD.encode() + b"\r") == [CARD]
    module.own_baud = 1
    read(b"", 70000)
    assert not source.is_working
    assert not source.is_watching
    assert len(BAUD_RATES) == 5


check_config()
check_passback()
check_sight()
check_counters(sys.argv[1] + "/counters")
check_gate()
check_uart()
print("ok")
