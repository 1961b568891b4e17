"""What a card may be ordered by: what the town hall can say without naming anybody, and nothing else."""

from __future__ import annotations

import hashlib
import tracemalloc
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ardente.core.calendar import is_quarter_start
from ardente.core.token import CHILD, NO_AGE_CLASS, SENIOR, YOUTH, is_age
from ardente_tools.city._orders import MAX_CARDS, OrderError, Validity, last_day, order, read_orders

VALIDITY = Validity(datetime(2026, 11, 23, 10, tzinfo=UTC), 21)


def _csv(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "orders.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _exp_day(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def test_a_line_is_a_card_numbered_as_a_spreadsheet_shows_it(tmp_path: Path) -> None:
    path = _csv(
        tmp_path,
        "age,quarters,valid_until,replaces\n"
        ",,,\n"
        "child 2033,20,,\n"
        "Youth:2036,,2031-Q4,\n"
        "senior,1,,7ZQ2M4-000000-000000\n",
    )
    file = read_orders(path, VALIDITY)
    assert file.sha256 == hashlib.sha256(path.read_bytes()).digest()
    assert [tuple(order) for order in file.orders] == [
        (2, NO_AGE_CLASS, 0, _exp_day(date(2032, 1, 1)), ""),
        (3, CHILD, 2034, _exp_day(date(2031, 10, 1)), ""),
        (4, YOUTH, 2036, _exp_day(date(2032, 1, 1)), ""),
        (5, SENIOR, 0, _exp_day(date(2027, 1, 1)), "7ZQ2M4-000000-000000"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "age;quarters\r\nchild 2034;8\r\n",
        "\ufeffage\tquarters\nchild 2034\t8\n",
        ' Age , QUARTERS \n"child 2034"," 8 "\n\n\n',
        "age,quarters\rchild 2034,8\r",
    ],
    ids=["semicolon", "tab-and-bom", "spaces-and-quotes", "old-mac"],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, text: str) -> None:
    (only,) = read_orders(_csv(tmp_path, text), VALIDITY).orders
    assert (only.number, only.age_class, only.until_year) == (2, CHILD, 2034)
    assert last_day(only.exp) == date(2028, 9, 30)


def test_one_column_is_enough_and_a_hyphen_says_nothing(tmp_path: Path) -> None:
    orders = read_orders(_csv(tmp_path, "age\n-\nsenior\n"), VALIDITY).orders
    assert [order.age_class for order in orders] == [NO_AGE_CLASS, SENIOR]


def test_tabs_alone_are_a_card_at_the_end_as_in_the_middle(tmp_path: Path) -> None:
    file = read_orders(_csv(tmp_path, "age\tquarters\n\t\nsenior\t\n\t\n\n"), VALIDITY)
    assert [order.number for order in file.orders] == [2, 3, 4]
    assert file.empty_lines == 1


def test_the_commands_validity_holds_where_a_line_says_none(tmp_path: Path) -> None:
    path = _csv(tmp_path, "quarters,valid_until\n-,-\n3,-\n-,2027-Q1\n")
    orders = read_orders(path, VALIDITY, valid_until="2029-Q2").orders
    assert [last_day(order.exp) for order in orders] == [date(2029, 6, 30), date(2027, 6, 30), date(2027, 3, 31)]


@pytest.mark.parametrize("column", ["name", "Nom", "birth_date", "national number", "", "id", "street", "slip"])
def test_any_other_column_is_refused_by_its_name(tmp_path: Path, column: str) -> None:
    with pytest.raises(OrderError) as refusal:
        read_orders(_csv(tmp_path, f"age,{column}\nsenior,Marie\n"), VALIDITY)
    assert repr(column.lower()) in str(refusal.value)
    assert "no name" in str(refusal.value)
    assert "Marie" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("age\n", "no card to issue"),
        ("age,age\nsenior,\n", "a column twice"),
        ("age\nsenior\n\nsenior\n", "line 3: the line is empty"),
        ("age,quarters\nsenior\n", "line 2: the line has 1 values and the header 2"),
        ("age\n2011-05-03\n", "line 2: age is empty, or"),
        ("age\nadult\n", "never a birth date"),
        ("age\nchild\n", "with the year"),
        ("age\nchild 34\n", "with the year"),
        ("age\nchild ٢٠٣٤\n", "with the year"),
        ("age\nsenior 2034\n", "'senior'"),
        ("age\nchild 2025\n", "is past"),
        ("age\nchild 2057\n", "30 years ahead"),
        ("age\nchild 9999\n", "30 years ahead"),
        ("quarters\n0\n", "1 to 21 quarters"),
        ("quarters\n22\n", "until 2031-Q4 at the latest"),
        ("quarters\n+5\n", "is a number"),
        ("quarters\n2.5\n", "is a number"),
        ("quarters\n99999999999999999999\n", "is a number"),
        ("valid_until\n2031-12-31\n", "such as 2031-Q2"),
        ("valid_until\n2031-Q5\n", "such as 2031-Q2"),
        ("valid_until\n2026-Q3\n", "is past"),
        ("valid_until\n2032-Q1\n", "at the latest"),
        ("quarters,valid_until\n4,2031-Q2\n", "give one of them"),
        ('age\n"senior\nsenior"\n', "line 2"),
        ('age\n"senior', "is no CSV file"),
        (b"age\nsenior\x00\n", "line 2"),
        (b"age,Pr\xe9nom\nsenior,x\n", "has the column"),
        (b"\xff\xfea\x00g\x00e\x00\n\x00", "has the column"),
        ("age\nsenior\x0bsenior\n", "line 2"),
    ],
)
def test_a_wrong_file_is_refused_in_a_sentence_with_its_line(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    with pytest.raises(OrderError) as refusal:
        read_orders(_csv(tmp_path, text), VALIDITY)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_a_line_says_is_never_repeated(tmp_path: Path) -> None:
    for text in ("age\nDupont\n", "quarters\nDupont\n", "valid_until\nDupont\n"):
        with pytest.raises(OrderError) as refusal:
            read_orders(_csv(tmp_path, text), VALIDITY)
        assert "Dupont" not in str(refusal.value)


@pytest.mark.parametrize("first", ["01180882505729234073" * 12, "7ZQ2M4-000000-000000", "senior;7zq2m4 000000 000000"])
def test_a_file_without_header_shows_no_card_and_no_slip(tmp_path: Path, first: str) -> None:
    with pytest.raises(OrderError, match="only age, quarters") as refusal:
        read_orders(_csv(tmp_path, f"{first}\n"), VALIDITY)
    assert "0000" not in str(refusal.value)
    assert "0118" not in str(refusal.value)


def test_two_hundred_thousand_lines_are_read_and_one_more_is_refused(tmp_path: Path) -> None:
    path = _csv(tmp_path, "age,quarters\n" + "child 2034,8\n" * MAX_CARDS)
    orders = read_orders(path, VALIDITY).orders
    assert (len(orders), orders[-1].number) == (200_000, 200_001)
    path.write_text(path.read_text() + "senior,8\n")
    with pytest.raises(OrderError, match="more than 200,000"):
        read_orders(path, VALIDITY)


@pytest.mark.parametrize(("last", "sentence"), [("", "no line below its header"), ("senior", "more than 200,000")])
def test_a_file_of_empty_lines_takes_no_more_memory_than_itself(tmp_path: Path, last: str, sentence: str) -> None:
    path = _csv(tmp_path, "age\n" + "\n" * 20_000_000 + last)
    tracemalloc.start()
    try:
        with pytest.raises(OrderError, match=sentence):
            read_orders(path, VALIDITY)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 110_000_000  # the buffer of the longest file


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OrderError, match="cannot be read"):
        read_orders(tmp_path / "none.csv", VALIDITY)


@given(st.datetimes(datetime(2024, 1, 1), datetime(2060, 1, 1)), st.integers(1, 40))
def test_validity_ends_with_a_quarter_and_is_never_shorter_than_asked(now: datetime, quarters: int) -> None:
    exp = Validity(now.replace(tzinfo=UTC), 40).exp(str(quarters))
    assert is_quarter_start(exp)
    days = (datetime.fromtimestamp(exp, UTC) - now.replace(tzinfo=UTC)).total_seconds() / 86400
    assert 90 * (quarters - 1) < days <= 92 * quarters


@given(st.sampled_from(["child", "youth"]), st.integers(2026, 2056))
def test_the_year_goes_up_to_the_grid_so_never_against_the_holder(age: str, year: int) -> None:
    made = order(0, VALIDITY, age=f"{age} {year}", quarters="", valid_until="", replaces="")
    assert is_age(3, made.age_class, made.until_year)
    assert year <= made.until_year <= year + 1


@given(st.binary(max_size=200))
def test_any_bytes_are_orders_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("orders") / "orders.csv"
    path.write_bytes(b"age,quarters\n" + data)
    message = ""
    try:
        assert read_orders(path, VALIDITY).orders
    except OrderError as error:
        message = str(error)
    assert "\n" not in message


def test_an_order_shows_nothing_but_its_number() -> None:
    made = order(7, VALIDITY, age="senior", quarters="", valid_until="", replaces="7ZQ2M4-000000-000000")
    assert repr(made) == "<Order 7>"
