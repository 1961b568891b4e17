"""What MicroPython runs when the scanner starts."""

import loader

loader.start("/")
