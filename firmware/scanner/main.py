"""What a scanner runs when it starts."""

import os
import sys

from app import App
from config import Config, ConfigError, load

_FOLDER = "/trust"
_CONFIG = "/config.json"


def main() -> None:
    try:
        config = load(_CONFIG)
    except ConfigError as error:
        # Without pins nothing can open; the serial side waits for a configuration.
        sys.stderr.write(str(error) + "\n")
        config = Config()
    try:
        os.mkdir(_FOLDER)
    except OSError:
        pass
    module = __import__("boards." + config.board, None, None, ("make",))
    app = App(module.make(config))
    while True:
        app.step()


if __name__ == "__main__":
    main()
