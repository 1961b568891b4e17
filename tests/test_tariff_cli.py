"""`ardente tariff`, and the page that explains tariff files."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ardente.cli.tariff import tariff
from ardente.tariff import Tariffs

ROOT = Path(__file__).parent.parent
MUSEUM = ROOT / "examples/museum_gate/tariff.toml"
POOL = ROOT / "examples/pool_turnstile/tariff.toml"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(tariff, [str(argument) for argument in arguments])


def test_check_says_in_one_sentence_what_is_in_a_file() -> None:
    result = run("check", MUSEUM)
    assert result.exit_code == 0
    assert result.stdout == (
        "tariff.toml is fine: 3 products, 5 reductions, age classes under_18, under_26, over_65, "
        "prices in EUR, hours of Europe/Brussels.\n"
    )


@pytest.mark.parametrize("command", ["check", "table"])
def test_a_wrong_file_is_one_sentence_on_stderr_and_status_2(command: str, tmp_path: Path) -> None:
    wrong = tmp_path / "tariff.toml"
    wrong.write_text(MUSEUM.read_text("utf-8").replace('price = "12.00"', "price = 12.00"), "utf-8")
    result = run(command, wrong)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        "Error: tariff.toml, line 15: products.entry.price: "
        'expected an amount in quotes, such as "12.50" or "12,50", found 12.0.\n'
    )


def test_the_table_shows_what_everybody_pays_and_lists_the_conditions() -> None:
    assert run("table", MUSEUM, "--language", "en").stdout == (
        "La Boverie museum (example)\n"
        "At any time, EUR, VAT included\n"
        "\n"
        "                      Visitor  Resident  under 18  under 26  over 65\n"
        "Entry                  €12.00     €6.00      free      free    €5.00\n"
        "Entry and exhibition   €17.00     €8.50     €8.50     €8.50    €8.50\n"
        "Audio guide             €4.00     €4.00      free      free    €4.00\n"
        "\n"
        "At certain times\n"
        "Wednesday evening          Wed 18:00-21:00            Resident   €3.00  Entry, Entry and exhibition\n"
        "First Sunday of the month  first Sunday of the month  Everybody  free   Entry\n"
    )


@pytest.mark.parametrize("language", ["fr", "nl", "de", "en"])
def test_the_table_speaks_four_languages(language: str) -> None:
    words = {"fr": "Habitant", "nl": "Inwoner", "de": "Einwohner", "en": "Resident"}
    assert words[language] in run("table", POOL, "--language", language).stdout


def test_the_table_of_a_moment_has_the_prices_of_that_moment() -> None:
    told = json.loads(run("table", MUSEUM, "--at", "2027-07-04T10:00", "--json").stdout)
    assert told["at"] == "2027-07-04T10:00:00+02:00"
    entry = told["rows"][0]["prices"]
    assert entry["visitor"] == {"price_cents": 0, "rule": "first_sunday"}
    in_utc = json.loads(run("table", MUSEUM, "--at", "2027-07-04T08:00Z", "--json").stdout)
    assert in_utc == told


def test_without_a_moment_prices_that_hold_only_at_times_are_left_out() -> None:
    told = json.loads(run("table", MUSEUM, "--json").stdout)
    rules = {price["rule"] for row in told["rows"] for price in row["prices"].values()}
    assert rules.isdisjoint({"first_sunday", "wednesday_evening"})
    assert [condition["rule"] for condition in told["conditional"]] == ["wednesday_evening", "first_sunday"]


def test_what_is_sold_by_time_is_shown_for_several_stays() -> None:
    told = json.loads(run("table", POOL, "--json").stdout)
    parking = {row["duration_s"]: row["prices"]["visitor"]["price_cents"] for row in told["rows"][2:]}
    assert parking == {3600: 150, 7200: 300, 14400: 600, 86400: 900}


@pytest.mark.parametrize("moment", ["tomorrow", "2027-13-01", "0001-01-01T00:00+14:00"])
def test_a_moment_that_is_none_is_refused(moment: str) -> None:
    result = run("table", MUSEUM, "--at", moment)
    assert result.exit_code == 2
    assert "2027-07-04T10:30" in result.stderr


# docs/tariffs.md


@dataclass(frozen=True)
class Card:
    age_classes: frozenset[str]
    accepted: bool = True


def documented() -> list[tuple[Tariffs, list[str]]]:
    """Every row of the price tables in the page, with the tariff above it."""
    cases: list[tuple[Tariffs, list[str]]] = []
    text = (ROOT / "docs/tariffs.md").read_text("utf-8")
    for block in re.finditer(r"```toml\n(.*?)```(.*?)(?=```|\Z)", text, re.DOTALL):
        tariffs = Tariffs.loads(block[1], "docs/tariffs.md")
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block[2].splitlines() if "| 2027-" in line]
        assert rows
        cases += [(tariffs, row) for row in rows]
    return cases


@pytest.mark.parametrize(
    ("tariffs", "row"), documented(), ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_the_examples_of_the_page_give_the_prices_that_it_states(tariffs: Tariffs, row: list[str]) -> None:
    product, who, moment, length, price, rule = row
    card = None if who == "none" else Card(frozenset({who}) - {"resident"})
    duration = None
    if length:
        hours, minutes = map(int, length.split(":"))
        duration = timedelta(hours=hours, minutes=minutes)
    at = datetime.fromisoformat(moment).replace(tzinfo=tariffs.time_zone)
    quote = tariffs.quote(product, card, at=at, duration=duration)
    assert f"{quote.price_cents // 100}.{quote.price_cents % 100:02}" == price
    assert quote.rule == rule


def test_the_page_explains_every_key() -> None:
    from ardente.tariff._file import EXPECTED

    text = (ROOT / "docs/tariffs.md").read_text("utf-8")
    keys = {key.rpartition(".")[2] for key in EXPECTED}
    assert [key for key in sorted(keys) if f"`{key}`" not in text and f"[{key}" not in text] == []
