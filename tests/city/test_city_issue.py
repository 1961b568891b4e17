"""`ardente city issue` as a clerk types it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any, Self

import pytest
from city_desk import card_digits, found, slip_code
from click.testing import CliRunner, Result

from ardente.cli import main
from ardente.core.digits import decode
from ardente.core.token import parse_card
from ardente.scan import read_image
from ardente_tools.city import _batch
from ardente_tools.city._cards import REPLACED, VALID
from ardente_tools.city._folder import City

Run = Callable[..., Result]


@pytest.fixture
def city_folder(tmp_path: Path) -> Path:
    """A city of today: the commands go by the clock of this computer."""
    return found(tmp_path / "city", now_s=int(time.time())).path


@pytest.fixture
def run(city_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def issue(*args: str, stdin: str = "") -> Result:
        return CliRunner().invoke(main, ["city", "--folder", str(city_folder), "issue", *args], input=stdin)

    return issue


def at(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    """Set the clock of the command."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(now.timestamp(), tz)

    monkeypatch.setattr("ardente_tools.city.issue.datetime", Clock)


def valid_cards(city_folder: Path) -> int:
    with City(city_folder).cards() as table:
        return table.count_cards(VALID, int(time.time()))


def test_one_card_with_its_slip(run: Run, tmp_path: Path) -> None:
    result = run("-o", "card", "--format", "png", "--age", "senior", "--quarters", "8")
    assert result.exit_code == 0, result.output
    assert re.search(r"A card and its slip are in card, valid until \d\d\.\d\d\.\d{4}\.", result.output)
    assert "--done card" in result.output
    assert read_image(tmp_path / "card" / "card.png").text


def test_pdf_cards_have_pdf_slips_unless_told_otherwise(run: Run, tmp_path: Path) -> None:
    run("-o", "one", "--format", "pdf")
    run("-o", "other", "--format", "pdf", "--slips", "text")
    assert sorted(os.listdir(tmp_path / "one")) == ["batch.json", "card.pdf", "slip.pdf"]
    assert sorted(os.listdir(tmp_path / "other")) == ["batch.json", "card.pdf", "slip.txt"]


@pytest.mark.parametrize("by", ["slip on standard input", "slip in a file", "picture"])
def test_a_card_is_replaced(run: Run, tmp_path: Path, city_folder: Path, by: str) -> None:
    run("-o", "old", "--format", "png")
    code = slip_code((tmp_path / "old" / "slip.txt").read_text())
    (tmp_path / "code.txt").write_text(f"{code}\n")
    source = {"slip on standard input": "-", "slip in a file": "code.txt", "picture": "old/card.png"}[by]
    result = run("-o", "new", "--replaces", source, stdin=f"{code}\n")
    assert result.exit_code == 0, result.output
    assert "revoked from the next bundle on" in result.output
    assert code not in result.output
    with City(city_folder).cards() as table:
        now = int(time.time())
        assert (table.count_cards(VALID, now), table.count_cards(REPLACED, now)) == (1, 1)


def test_a_batch_says_where_it_is_and_what_to_do_next(run: Run, tmp_path: Path, city_folder: Path) -> None:
    (tmp_path / "orders.csv").write_text("age;quarters\nsenior;4\nchild 2030;\n")
    result = run("orders.csv", "-o", "out", "--format", "digits")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "2 cards and their slips are in out, numbered by the lines of orders.csv.",
        f"Partners know the card key from the next bundle on: ardente city --folder {city_folder} publish",
        f"When they are handed out, delete orders.csv, and run: ardente city --folder {city_folder} issue --done out",
    ]
    assert list(card_digits(tmp_path / "out")) == [2, 3]
    assert "(2 of them before)" in run("orders.csv", "-o", "out", "--format", "digits").output


def test_the_next_command_can_be_pasted(run: Run, tmp_path: Path) -> None:
    said = run("-o", "Ann's card").stdout
    program, *command = shlex.split(said.splitlines()[-1].partition(": ")[2])
    assert program == "ardente"
    result = CliRunner().invoke(main, [*command, "--yes"])
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "Ann's card").exists()


def test_the_next_command_leaves_the_default_folder_out(
    city_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(city_folder)
    said = CliRunner().invoke(main, ["city", "issue", "-o", "../one"]).stdout
    assert said.endswith("When they are handed out: ardente city issue --done ../one\n")
    monkeypatch.setenv("ARDENTE_CITY", str(city_folder))
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(main, ["city", "issue", "-o", "other"]).stdout
    assert said.endswith("When they are handed out: ardente city issue --done other\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("age\n-\n", ""),
        ("age\n-", ""),
        ("age\n-\n\n", "orders.csv ends with an empty line, which is no card; "),
        ("age\r\n-\r\n\r\n  \r\n\r\n", "orders.csv ends with 3 empty lines, which are no cards; "),
    ],
)
def test_empty_lines_at_the_end_are_counted(run: Run, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "orders.csv").write_bytes(text.encode())
    result = run("orders.csv", "-o", "out", "--format", "digits")
    assert result.stderr.startswith(said)
    assert bool(result.stderr) == bool(said)
    assert list(card_digits(tmp_path / "out")) == [2]


def test_a_batch_that_was_cut_before_new_year_is_finished_after_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_batch, "CARDS_PER_CHUNK", 1)
    (tmp_path / "orders.csv").write_text("age,valid_until\n-,2027-Q2\nyouth 2026,2027-Q2\n-,\n")
    chunk, chunks = _batch.Issuer._chunk, []

    def cut(*args: Any) -> int:
        if chunks:
            raise KeyboardInterrupt
        chunks.append(chunk(*args))
        return chunks[0]

    at(monkeypatch, datetime(2026, 12, 31, tzinfo=UTC))
    with monkeypatch.context() as cutting:
        cutting.setattr(_batch.Issuer, "_chunk", cut)
        assert run("orders.csv", "-o", "out", "--format", "digits", "--quarters", "4").exit_code != 0
    at(monkeypatch, datetime(2027, 1, 2, tzinfo=UTC))
    other = run("orders.csv", "-o", "out", "--format", "digits", "--quarters", "5")
    assert other.exit_code == 2
    assert "begun with --format digits --slips text --quarters 4; keep to them" in other.output
    done = run("orders.csv", "-o", "out", "--format", "digits", "--quarters", "4")
    assert done.exit_code == 0, done.output
    assert "1 of them before" in done.output
    exps = [
        card.exp for digits in card_digits(tmp_path / "out").values() if (card := parse_card(decode(digits) or b""))
    ]
    assert [datetime.fromtimestamp(exp, UTC).date() for exp in exps] == [
        date(2027, 7, 1),
        date(2027, 7, 1),
        date(2027, 10, 1),
    ]


def test_a_column_with_names_is_refused_and_nothing_is_made(run: Run, tmp_path: Path, city_folder: Path) -> None:
    (tmp_path / "orders.csv").write_text("age,nom\nsenior,Marie Dupont\n")
    result = run("orders.csv", "-o", "out")
    assert result.exit_code == 2
    assert "'nom'" in result.output
    assert "Marie" not in result.output
    assert not (tmp_path / "out").exists()
    assert valid_cards(city_folder) == 0


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ((), "Say with -o"),
        (("orders.csv", "-o", "out", "--age", "senior"), "in a CSV file they are columns"),
        (("orders.csv", "-o", "out"), "orders.csv cannot be read"),
        (("-o", "out", "--age", "12/03/2011"), "never a birth date"),
        (("-o", "out", "--quarters", "99"), "1 to 21 quarters"),
        (("-o", "out", "--replaces", "none.png"), "no such file"),
        (("--done", "out", "-o", "out"), "--done stands alone"),
        (("--done", "nothing"), "neither a folder with cards nor the id of a batch"),
    ],
)
def test_wrong_use_is_a_sentence_and_status_2(
    run: Run, tmp_path: Path, city_folder: Path, args: tuple[str, ...], sentence: str
) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()
    assert valid_cards(city_folder) == 0


def test_done_asks_and_then_deletes(run: Run, tmp_path: Path) -> None:
    run("-o", "card")
    for answer, said in (("n\n", "Nothing was deleted."), ("", "No answer came, so nothing was done.")):
        result = run("--done", "card", stdin=answer)
        assert result.exit_code == 2
        assert result.stderr.endswith(f"{said}\n")
    assert (tmp_path / "card").exists()
    result = run("--done", "card", stdin="y\n")
    assert result.exit_code == 0, result.output
    assert "Flash memory, backups and printers may keep" in result.output
    assert not (tmp_path / "card").exists()


def test_a_batch_whose_folder_is_lost_is_closed_by_its_id(run: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("age\nsenior\n")
    run("orders.csv", "-o", "out")
    (tmp_path / "out").rename(tmp_path / "lost")
    refusal = run("orders.csv", "-o", "again")
    assert refusal.exit_code == 2
    batch_id = re.search(r"or ([0-9a-f]{8}),", refusal.output)
    assert batch_id is not None
    assert run("--done", batch_id[1]).exit_code == 0
    assert run("orders.csv", "-o", "again").exit_code == 0


def test_the_bar_and_the_messages_go_to_different_streams(city_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("age\n" + "-\n" * 120)
    arguments = ["city", "--folder", str(city_folder), "issue", "orders.csv", "-o", "out", "--format", "digits"]
    program = "from ardente.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=tmp_path,
        env={**os.environ, "FORCE_COLOR": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout.startswith("120 cards and their slips")
    assert "Cards" in result.stderr


def test_nothing_that_is_said_names_a_card(run: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("age\nsenior\n-\n")
    said = run("orders.csv", "-o", "out", "--format", "digits").output
    said += run("orders.csv", "-o", "elsewhere", "--format", "digits").output
    said += run("--done", "out", "--yes").output
    assert not re.search(r"[0-9]{10}", said)
    assert not re.search(r"\w{6}-\w{6}-\w{6}", said)


def test_once_the_key_is_published_a_new_card_needs_no_publication(run: Run, city_folder: Path) -> None:
    assert "Partners know the card key from the next bundle on" in run("-o", "one").output
    assert CliRunner().invoke(main, ["city", "--folder", str(city_folder), "publish"]).exit_code == 0
    assert "bundle" not in run("-o", "other").output
