"""What the fuzz targets share: a first corpus, the replay of single inputs, and atheris itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

Target = Callable[[bytes], None]


def run(
    targets: Sequence[Target], seeds: Iterable[tuple[Target, bytes]], refusals: tuple[type[Exception], ...]
) -> None:
    """Do what the command line says. The first byte of an input chooses the target; ``refusals`` are no findings."""

    def one_input(data: bytes) -> None:
        if not data:
            return
        try:
            targets[data[0] % len(targets)](data[1:])
        except refusals:
            pass

    arguments = sys.argv[1:]
    if arguments[:1] == ["--once"]:
        for name in arguments[1:]:
            one_input(Path(name).read_bytes())
        return
    if arguments[:1] == ["--seeds"]:
        folder = Path(arguments[1])
        folder.mkdir(parents=True, exist_ok=True)
        for number, (target, data) in enumerate(seeds):
            target(data)  # a good input is not refused
            (folder / f"seed-{number}").write_bytes(bytes([targets.index(target)]) + data)
        return
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
