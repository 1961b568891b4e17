"""The desk of a museum: whoever shows a card is told the price of entry. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ardente import ArdenteError, Tariffs, TrustStore, Validator
from ardente.scan import KeyboardSource, Scan, SerialSource, Source

HERE = Path(__file__).parent


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trust", type=Path, default=HERE / "trust", help="the trust folder")
    parser.add_argument("--serial", metavar="PORT", help="a scanner on a serial port; else one that types")
    parser.add_argument("--product", default="entry", help="what is sold, by its name in tariff.toml")
    parser.add_argument("--language", choices=["fr", "nl", "de", "en"], default="fr")
    parser.add_argument("--staff", action="store_true", help="show the reason too; not where the queue can read it")
    return parser.parse_args()


def run(options: argparse.Namespace) -> None:
    tariffs = Tariffs.load(HERE / "tariff.toml")
    validator = Validator(TrustStore(options.trust), age_classes=tariffs.age_classes)
    with open_source(options.serial) as source:
        if notice := validator.freshness.staff_text(options.language):
            print(notice, file=sys.stderr)
        print(tariffs.quote(options.product).text(options.language), flush=True)
        for scan in source:
            print(f"\n{answer(scan, validator, tariffs, options)}", flush=True)


def open_source(port: str | None) -> Source:
    if port is None:
        return KeyboardSource()
    return SerialSource(port, on_state=lambda state: print(f"Scanner {port}: {state}.", file=sys.stderr))


def answer(scan: Scan, validator: Validator, tariffs: Tariffs, options: argparse.Namespace) -> str:
    if scan.text is None:
        return scan.staff_text(options.language)
    verdict = validator.check(scan.text)
    lines = [verdict.holder_text(options.language)]
    if options.staff:
        lines.append(verdict.staff_text(options.language))
    return "\n".join([*lines, tariffs.quote(options.product, verdict).text(options.language)])


if __name__ == "__main__":
    try:
        run(parse_options())
    except KeyboardInterrupt:
        pass
    except ArdenteError as error:
        sys.exit(str(error))
