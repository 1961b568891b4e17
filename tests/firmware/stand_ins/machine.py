"""Stands in for `machine`: remembers what was asked of pins, UART and watchdog."""

import time

pins = {}
# What each output is at; a pin that is made anew keeps it.
levels = {}
# [time in ms, pin, level], for each change of an output.
changes = []
uarts = []
watchdogs = []


class Pin:
    IN, OUT, PULL_UP, IRQ_FALLING = "in", "out", "pull-up", "falling"

    def __init__(self, number, mode, pull=None, value=None):
        if not 0 <= number <= 48:
            raise ValueError("invalid pin")
        self.number = number
        self.mode = mode
        self.pull = pull
        self.handler = None
        pins[number] = self
        if mode == self.OUT:
            self.set(value)

    @property
    def level(self):
        return levels.get(self.number)

    def set(self, level):
        if level != self.level:
            levels[self.number] = level
            changes.append([time.now_ms, self.number, level])

    def irq(self, handler, trigger):
        assert trigger == self.IRQ_FALLING
        self.handler = handler

    def close(self):
        """What a contact to ground does."""
        self.handler(self)


class Signal:
    def __init__(self, pin, invert=False):
        self._pin = pin
        self._invert = invert

    def on(self):
        self._pin.set(int(not self._invert))

    def off(self):
        self._pin.set(int(self._invert))


class UART:
    def __init__(self, number, baudrate, tx, rx, rxbuf, timeout):
        uarts.append([number, baudrate, tx, rx, rxbuf, timeout])

    def deinit(self):
        pass

    def write(self, data):
        return len(data)

    def any(self):
        return 0


class WDT:
    def __init__(self, timeout):
        self.timeout_ms = timeout
        self.fed_at_ms = time.now_ms
        watchdogs.append(self)

    def feed(self):
        self.fed_at_ms = time.now_ms


def reset():
    raise SystemExit(75)
