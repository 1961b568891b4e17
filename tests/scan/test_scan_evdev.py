"""A keyboard scanner taken by Linux' event interface. Runs on a kernel device where /dev/uinput is there."""

from __future__ import annotations

import errno
import os
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scan_tokens import CARD, OTHER_CARD, tokens

from ardente.scan import ConnectionState, EvdevSource, Problem, ScanError
from ardente.scan._evdev import KeyDecoder

SYN, KEY = 0, 1
TOP_ROW = dict(zip("1234567890", range(2, 12), strict=True))
KEYPAD = {"7": 71, "8": 72, "9": 73, "4": 75, "5": 76, "6": 77, "1": 79, "2": 80, "3": 81, "0": 82}
ENTER, TAB, SHIFT, ALT, CAPS_LOCK, NUM_LOCK, EXTRA_102ND = 28, 15, 42, 56, 58, 69, 86


def press(*codes):
    return [event for code in codes for event in ((KEY, code, 1), (SYN, 0, 0), (KEY, code, 0), (SYN, 0, 0))]


def held(modifier, events):
    return [(KEY, modifier, 1), *events, (KEY, modifier, 0)]


def read(events):
    keys = KeyDecoder()
    return "".join(keys.feed(*event) for event in events)


@pytest.mark.parametrize("keys", [TOP_ROW, KEYPAD])
@given(digits=st.text(alphabet="0123456789", max_size=60))
def test_digit_keys_are_digits_by_their_position(keys, digits):
    codes = [keys[digit] for digit in digits]
    assert read(press(*codes)) == digits


@given(digits=tokens)
def test_a_scanner_set_to_azerty_presses_shift_and_is_read_the_same(digits):
    events = [event for digit in digits for event in held(SHIFT, press(TOP_ROW[digit]))]
    assert read(events) == digits


@given(digits=tokens)
def test_a_scanner_in_alt_mode_types_the_number_of_each_character(digits):
    events = []
    for digit in digits:
        events += held(ALT, press(*(KEYPAD[figure] for figure in f"{ord(digit):03}")))
    assert read(events) == digits


@pytest.mark.parametrize("number", ["", "7", "128", "0233", "99999999"])
def test_an_alt_number_that_is_no_plain_character_is_lost_not_guessed(number):
    assert read(held(ALT, press(*(KEYPAD[figure] for figure in number)))) == (
        "\N{REPLACEMENT CHARACTER}" if number else ""
    )


def test_locks_change_nothing():
    assert read(press(CAPS_LOCK, NUM_LOCK, TOP_ROW["4"], KEYPAD["2"], CAPS_LOCK)) == "42"


def test_a_key_held_down_counts_once():
    assert read([(KEY, 5, 1), (KEY, 5, 2), (KEY, 5, 2), (KEY, 5, 0)]) == "4"


def test_other_texts_are_read_as_on_a_us_keyboard():
    assert read([*press(35, 20, 20, 25, 31), *held(SHIFT, press(39)), *press(53, 53)]) == "https://"
    assert read([*held(SHIFT, press(16)), *press(12), *held(SHIFT, press(12))]) == "Q-_"


def test_events_that_the_kernel_dropped_spoil_the_scan():
    events = [*press(TOP_ROW["1"]), (SYN, 3, 0), *press(TOP_ROW["2"])]
    assert "\N{REPLACEMENT CHARACTER}" in read(events)
    assert read(press(EXTRA_102ND)) == "\N{REPLACEMENT CHARACTER}"


def test_key_codes_are_those_of_the_kernel():
    ecodes = pytest.importorskip("evdev").ecodes
    for digit in "0123456789":
        assert TOP_ROW[digit] == ecodes.ecodes[f"KEY_{digit}"]
        assert KEYPAD[digit] == ecodes.ecodes[f"KEY_KP{digit}"]
    for letter in "abcdefghijklmnopqrstuvwxyz":
        assert read(press(ecodes.ecodes[f"KEY_{letter.upper()}"])) == letter
    for name, text in {
        "MINUS": "-", "EQUAL": "=", "LEFTBRACE": "[", "RIGHTBRACE": "]", "SEMICOLON": ";", "APOSTROPHE": "'",
        "GRAVE": "`", "BACKSLASH": "\\", "COMMA": ",", "DOT": ".", "SLASH": "/", "SPACE": " ", "ENTER": "\n",
        "KPENTER": "\n", "TAB": "\t", "KPMINUS": "-", "KPPLUS": "+", "KPDOT": ".", "KPASTERISK": "*", "KPSLASH": "/",
        "LEFTCTRL": "", "RIGHTCTRL": "", "RIGHTALT": "", "ESC": "", "NUMLOCK": "", "SCROLLLOCK": "", "LEFTMETA": "",
    }.items():  # fmt: skip
        assert read(press(ecodes.ecodes[f"KEY_{name}"])) == text, name
    assert ecodes.SYN_DROPPED == 3


class FakeDevice:
    """The part of evdev.InputDevice that the source uses, with the library's own events, over a pipe."""

    def __init__(self, path):
        if FakeDevice.refusal:
            raise OSError(FakeDevice.refusal, os.strerror(FakeDevice.refusal))
        self.fd, self._far = os.pipe()
        self._events = []
        self.is_grabbed = self.is_closed = self.is_gone = False
        FakeDevice.last = self

    def grab(self):
        self.is_grabbed = True

    def read(self):
        os.read(self.fd, 1)
        if self.is_gone:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        events, self._events = self._events, []
        return iter(events)

    def close(self):
        self.is_closed = True
        os.close(self.fd)
        os.close(self._far)

    def press(self, *codes):
        from evdev import InputEvent

        self._events += [InputEvent(0, 0, *event) for event in press(*codes)]
        os.write(self._far, b"!")

    def vanish(self):
        self.is_gone = True
        os.write(self._far, b"!")


@pytest.fixture
def device_class(monkeypatch):
    evdev = pytest.importorskip("evdev")
    monkeypatch.setattr(evdev, "InputDevice", FakeDevice)
    FakeDevice.refusal = 0
    return FakeDevice


def test_the_device_is_grabbed_read_and_released(device_class):
    with EvdevSource("/dev/input/by-id/scanner") as source:
        source._advance()
        device = device_class.last
        assert device.is_grabbed
        device.press(*(TOP_ROW[digit] for digit in CARD), ENTER, *(KEYPAD[digit] for digit in OTHER_CARD), TAB)
        assert [next(source).text, next(source).text] == [CARD, OTHER_CARD]
    assert device.is_closed


def test_an_unplugged_device_tears_the_scan_and_is_found_again(device_class):
    states = []
    with EvdevSource("/dev/input/by-id/scanner", on_state=states.append) as source:
        source._advance()
        device_class.last.press(*(TOP_ROW[digit] for digit in CARD[:90]))
        source._advance()
        device_class.last.vanish()
        assert next(source).problem is Problem.TORN
        device_class.refusal = errno.ENOENT
        source._advance()
        device_class.refusal = 0
        source._advance()
    assert states == [ConnectionState.CONNECTED, ConnectionState.WAITING, ConnectionState.CONNECTED]


@pytest.mark.parametrize("refusal", [errno.EACCES, errno.EBUSY])
def test_a_device_that_may_not_be_opened_is_refused_with_a_next_step(device_class, refusal):
    device_class.refusal = refusal
    with EvdevSource("/dev/input/by-id/scanner") as source, pytest.raises(ScanError, match="udev rule"):
        next(source)


def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "evdev", None)
    with pytest.raises(ScanError, match=r"pip install 'carte-ardente\[evdev\]'"):
        EvdevSource("/dev/input/by-id/scanner")


@pytest.mark.skipif(not os.access("/dev/uinput", os.W_OK), reason="needs write access to /dev/uinput")
def test_a_kernel_device_is_read_and_grabbed():
    evdev = pytest.importorskip("evdev")
    with evdev.UInput(name="scanner") as keyboard, EvdevSource(keyboard.device.path) as source:
        source._advance()

        def scan() -> None:
            for digit in CARD:
                for value in (1, 0):
                    keyboard.write(KEY, TOP_ROW[digit], value)
                    keyboard.syn()
            for value in (1, 0):
                keyboard.write(KEY, ENTER, value)
                keyboard.syn()

        typing = threading.Thread(target=scan)
        typing.start()
        assert next(source).text == CARD
        typing.join()
        with pytest.raises(OSError, match="busy"):
            evdev.InputDevice(keyboard.device.path).grab()
