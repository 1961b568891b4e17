"""What the loader starts in a simulated scanner: the same as `board_serial` on the command line."""

import sys

from board_serial import main as run


def main() -> None:
    sys.exit(run(sys.argv[1:]))
