"""`ardente check`: one card, or one a line for as long as a till runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .. import _texts
from ._options import TRUST, chosen_language, language_option
from ._refusal import Refusal
from ._scans import scans

if TYPE_CHECKING:
    from .. import Tariffs, TrustStore, Validator, Verdict
    from ..scan import Scan
    from ..tariff import Quote

# All tokens begin with the same digits; from here on they are a card's own.
_TELLING_DIGITS: Final = 18


@click.command(short_help="Check a card: its picture, a scan, or all scans of a till.")
@click.argument("image", metavar="[IMAGE | -]", default="-")
@TRUST
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON; from - one line for each line, until its end.")
@click.option("--tariff", "tariff_file", metavar="FILE", type=click.Path(path_type=Path), help="Give the price too.")
@click.option("--product", metavar="ID", help="The price of which product of the tariff.")
@click.option("--minutes", type=click.IntRange(0), help="Length of the stay, for a product sold by time.")
@click.option(
    "--grace",
    "grace_days",
    metavar="DAYS",
    type=click.IntRange(0, 366),
    default=14,
    show_default=True,
    help="Accept for so long after the city's data have expired.",
)
@click.option("--staff", is_flag=True, help="Show the reason too, for staff only.")
@click.option("--tag-key", metavar="FILE", type=click.Path(path_type=Path), help="Give the tag of an accepted card.")
@click.option("--test-city", metavar="TEXT", help="Check a card of the public test city, whose text may be shown.")
@language_option()
@click.pass_context
def check(
    ctx: click.Context,
    image: str,
    folder: Path,
    as_json: bool,
    tariff_file: Path | None,
    product: str | None,
    minutes: int | None,
    grace_days: int,
    staff: bool,
    tag_key: Path | None,
    test_city: str | None,
) -> None:
    """Check a card: the picture IMAGE of it, or a scan from the keyboard or a pipe (-, the default).

    Exit status: 0 accepted, 1 refused, 2 not checked.

    With - and --json it stays open and answers each line with one line (docs/check-protocol.md), which lets a till in
    any language use it; the exit status is then 0 at the end of the input.
    """
    price = _price(tariff_file, product, minutes)
    with _trust_store(folder, test_city) as trust:
        desk = _Desk(_validator(trust, price, grace_days, tag_key, test_city), price, chosen_language(ctx))
        if test_city is not None:
            from ..scan import read_text

            answer = desk.answer(read_text(test_city))
            _warn_of_history(test_city, answer.verdict)
        elif image != "-":
            from ..scan import read_image

            answer = desk.answer(read_image(image))
        elif as_json:
            _serve(desk)
            return
        else:
            answer = desk.answer(_one_scan())
    click.echo(_json(answer.to_dict()) if as_json else answer.text(staff=staff))
    if not as_json and (warning := answer.verdict.freshness.staff_text(desk.language)):
        click.echo(warning, err=True)
    ctx.exit(0 if answer.verdict.accepted else 1)


@dataclass(frozen=True, slots=True)
class _Price:
    tariffs: Tariffs
    product: str
    duration: timedelta | None

    def quote(self, verdict: Verdict | None) -> Quote:
        return self.tariffs.quote(self.product, verdict, duration=self.duration)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is said of one scan: for a display, or as JSON."""

    verdict: Verdict
    problem: str | None
    quote: Quote | None
    language: str

    def holder_text(self) -> str:
        if self.problem is not None:
            return _texts.scan_holder_text(self.language)
        return self.verdict.holder_text(self.language)

    def staff_text(self) -> str:
        if self.problem is not None:
            return _texts.scan_text(self.problem, self.language)
        return self.verdict.staff_text(self.language)

    def text(self, *, staff: bool) -> str:
        # A scan that failed is not a refusal of the card: everybody may know that it is to be scanned again.
        lines = [self.staff_text() if self.problem else self.holder_text()]
        if staff and not self.problem:
            lines.append(self.staff_text())
        if self.quote is not None:
            lines += ["", self.quote.text(self.language)]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        found = {
            **self.verdict.to_dict(),
            "problem": self.problem,
            "holder_text": self.holder_text(),
            "staff_text": self.staff_text(),
        }
        if self.verdict.tag is not None:
            found["tag"] = self.verdict.tag.hex()
        if self.quote is not None:
            found["quote"] = self.quote.to_dict(self.language)
        return found


@dataclass(frozen=True, slots=True)
class _Desk:
    validator: Validator
    price: _Price | None
    language: str

    def answer(self, scan: Scan) -> _Answer:
        verdict = self.validator.check(scan.text or "")
        if scan.problem is not None:
            return _Answer(verdict, scan.problem.value, None, self.language)
        return _Answer(verdict, None, None if self.price is None else self.price.quote(verdict), self.language)


def _price(tariff_file: Path | None, product: str | None, minutes: int | None) -> _Price | None:
    if tariff_file is None:
        if product is not None or minutes is not None:
            raise click.UsageError("--product and --minutes belong to a tariff: add --tariff FILE.")
        return None
    from .. import Tariffs

    tariffs = Tariffs.load(tariff_file)
    if product is None:
        if len(tariffs.products) > 1:
            raise click.UsageError(f"The price of what? Add --product, one of {', '.join(tariffs.products)}.")
        product = next(iter(tariffs.products))
    price = _Price(tariffs, product, None if minutes is None else timedelta(minutes=minutes))
    # A wrong product is to be said now, not when a card is shown.
    price.quote(None)
    return price


def _validator(
    trust: TrustStore, price: _Price | None, grace_days: int, tag_key: Path | None, test_city: str | None
) -> Validator:
    from .. import PartnerKey, Validator

    return Validator(
        trust,
        grace=timedelta(days=grace_days),
        age_classes=None if price is None else price.tariffs.age_classes,
        partner_key=None if tag_key is None else PartnerKey.load(tag_key),
        allow_test_city=test_city is not None,
    )


@contextmanager
def _trust_store(folder: Path, test_city: str | None) -> Iterator[TrustStore]:
    """The user's trust folder; for a card of the test city one of its own, which is gone afterwards."""
    from .. import TrustStore

    if test_city is None:
        yield TrustStore(folder)
        return
    import hashlib
    from datetime import UTC, datetime
    from tempfile import TemporaryDirectory

    from ..testing import TestCity

    city = TestCity()
    root = city.root()
    with TemporaryDirectory(prefix="ardente-test-city-") as temporary:
        trust = TrustStore(Path(temporary) / "trust", allow_test_city=True)
        trust.init(root, hashlib.sha256(root).hexdigest())
        trust.install(city.bundle(iat=datetime.now(UTC)))
        yield trust


def _warn_of_history(text: str, verdict: Verdict) -> None:
    """Say that the shell has kept the text, where it is that of another city's card."""
    from ..core import reasons
    from ..testing import TEST_CARDS

    is_foreign = verdict.reason in (reasons.NOT_A_CARD, reasons.UNKNOWN_KEY, reasons.BAD_SIGNATURE)
    # Some of the test cards are refused for the same reasons.
    if is_foreign and sum(map(str.isdigit, text)) >= _TELLING_DIGITS and text not in {card.text for card in TEST_CARDS}:
        click.echo(
            "This is no card of the test city, and its digits now stand in the shell's history: delete them there.",
            err=True,
        )


def _one_scan() -> Scan:
    if sys.stdin.isatty():
        click.echo("Scan a card.", err=True)
    scan = next(scans(), None)
    if scan is None:
        raise Refusal("No scan came: name a picture of the card, or scan it here.")
    return scan


def _serve(desk: _Desk) -> None:
    try:
        for scan in scans():
            click.echo(_json(desk.answer(scan).to_dict()))
    except KeyboardInterrupt:
        return


def _json(answer: dict[str, Any]) -> str:
    # ASCII, so that it passes through whatever encoding a pipe has.
    return json.dumps(answer, separators=(",", ":"))
