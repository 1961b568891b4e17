"""A wrong tariff file is refused: where, why, and what was expected."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ardente.core.errors import ArdenteError
from ardente.core.token import AGE_CLASS_NAMES
from ardente.tariff import TariffError, Tariffs
from ardente.tariff._file import CARD_CLASSES, EXPECTED, MAX_FILE_BYTES, _ProductTable, _ReductionTable, _TopTable
from ardente.tariff._words import LANGUAGES, WORDS

GOOD = """\
currency = "EUR"
vat_rate = 6
time_zone = "Europe/Brussels"

[age_classes]
under_18 = ["child", "youth"]

[products.entry]
label = { fr = "Entrée", nl = "Toegang" }
price = "12.00"

[products.parking]
label = "Parking"
price = "2.00"
per_minutes = 60
free_minutes = 15
max_per_day = "12.00"

[reductions.resident]
label = "Habitant"
who = "resident"
products = ["entry"]
price = "6.00"

[reductions.evening]
label = "Nocturne"
who = ["under_18", "resident"]
products = ["entry"]
days = ["wednesday"]
hours = ["18:00-21:00", "22:00-02:00"]
percent_off = 60
"""


def refusal(text: str) -> str:
    with pytest.raises(TariffError) as caught:
        Tariffs.loads(text, "tariff.toml")
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def test_the_good_file_is_good() -> None:
    assert list(Tariffs.loads(GOOD).products) == ["entry", "parking"]


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ('currency = "EUR"', "", "tariff.toml:", "the key currency is missing; expected a currency code"),
        ('"EUR"', '"EURO"', "line 1: currency:", 'expected a currency code, such as "EUR", found "EURO"'),
        ("vat_rate = 6", "vat_rate = 5.5", "line 2: vat_rate:", 'expected a percentage, such as 6 or "5.5", found 5.5'),
        ("vat_rate = 6", "vat_rate = 600", "line 2: vat_rate:", "found 600"),
        ("Brussels", "Bruxelles", "line 3: time_zone:", "perhaps Europe/Brussels is meant"),
        ("Europe/Brussels", "Europe", "line 3: time_zone:", "unknown time zone"),
        ("Europe/Brussels", "../../etc/passwd", "line 3: time_zone:", "unknown time zone"),
        ('["child", "youth"]', '["kid"]', "line 6: age_classes.under_18:", '"child", "youth", "senior"'),
        ("under_18 =", "resident =", "line 6: age_classes.resident:", "already has a meaning"),
        ("products.entry", 'products."Entrée"', "line 8: products:", '"Entrée" is not a name'),
        ("products.entry", "products.Entrée", "line 8, column 15:", "not valid TOML: a name has only small letters"),
        ("products.entry", "products.an entry", "line 8, column 14:", "a name has only small letters"),
        ('"12.00"', "12,00", "line 10, column 11:", 'an amount stands in quotes, such as "12,50"'),
        ('"12.00"', "“12.00”", "line 10, column 9:", "only straight quotes"),
        ('"12.00"', "« 12.00 »", "line 10, column 9:", "only straight quotes"),
        ('"12.00"', '"12.00', "line 10, column 15:", "a quotation mark is missing"),
        ('"12.00"', '12.00"', "line 10, column 14:", "a quotation mark is missing"),
        ("[reductions.evening]", "[reductions.resident]", "line 25, column 21:", "this stands in the file twice"),
        ("percent_off = 60", "percent_off = = 60", "line 31, column 15:", "Invalid value; correct it there"),
        ('fr = "Entrée"', 'it = "Ingresso"', "line 9: products.entry.label:", "one per language"),
        ('"Toegang"', '"\\u001b@"', "line 9: products.entry.label:", "at most 60 characters"),
        ('"12.00"', "12.00", "line 10: products.entry.price:", "expected an amount in quotes"),
        ('"12.00"', "1200", "line 10: products.entry.price:", "found 1200"),
        ('"12.00"', '"12.0"', "line 10: products.entry.price:", 'found "12.0"'),
        ('"12.00"', '"-12.00"', "line 10: products.entry.price:", 'found "-12.00"'),
        ('"12.00"', '"١٢.٠٠"', "line 10: products.entry.price:", "expected an amount"),
        ('price = "12.00"', "", "line 8: products.entry:", "the key price is missing"),
        ('price = "12.00"', 'prise = "12.00"', "line 10: products.entry.prise:", "perhaps price is meant"),
        ('price = "12.00"', 'price = "12.00"\nx = 1', "line 11: products.entry.x:", "known here are label, price"),
        ('"12.00"', '"12.00"\nfree_minutes = 5', "line 11: products.entry.free_minutes:", "add per_minutes"),
        ("per_minutes = 60", "per_minutes = 0", "line 15: products.parking.per_minutes:", "from 1 to 1440"),
        (
            'max_per_day = "12.00"',
            'max_per_day = "1"',
            "line 17: products.parking.max_per_day:",
            "lower than the price",
        ),
        ("reductions.resident", "reductions.base", "line 19: reductions.base:", "choose another name"),
        ('who = "resident"', "", "line 19: reductions.resident:", "the key who is missing"),
        ('"resident"', '"residents"', "line 21: reductions.resident.who:", "use anyone, resident, under_18"),
        ('"resident"', '"child"', "line 21: reductions.resident.who:", "'child' is nobody known here"),
        ('["entry"]', '["entrance"]', "line 22: reductions.resident.products:", "use entry, parking"),
        ('products = ["entry"]\nprice', "price", "line 22: reductions.resident.price:", "for which products?"),
        ('"6.00"', '"12.00"', "line 23: reductions.resident.price:", "not lower than the price of products.entry"),
        ('price = "6.00"', "", "line 19: reductions.resident:", "gives nothing"),
        ('price = "6.00"', "free = false", "line 19: reductions.resident:", "gives nothing"),
        ('"6.00"', '"6.00"\nfree = true', "line 24: reductions.resident.free:", "does not go with price"),
        ('price = "6.00"', "free_minutes = 60", "line 23: reductions.resident.free_minutes:", "not sold by time"),
        ('["wednesday"]', '["mercredi"]', "line 29: reductions.evening.days:", 'found "mercredi"'),
        ("18:00-21:00", "18h-21h", "line 30: reductions.evening.hours:", 'found "18h-21h"'),
        ("18:00-21:00", "18:00-18:00", "line 30: reductions.evening.hours:", '"00:00-24:00"'),
        ("18:00-21:00", "18:00-23:00", "line 30: reductions.evening.hours:", "overlap"),
        ("18:00-21:00", "18:00-25:00", "line 30: reductions.evening.hours:", 'found "18:00-25:00"'),
        ("percent_off = 60", "percent_off = 100", "line 31: reductions.evening.percent_off:", "write free = true"),
        ("percent_off = 60", "percent_off = true", "line 31: reductions.evening.percent_off:", "found true"),
        ("percent_off = 60", "free = true\nfirst_sunday = true", "line 29: reductions.evening.days:", "is a sunday"),
        ("percent_off = 60", "free = true\nfrom = 2027-02-30", "line 32, column", "not valid TOML"),
        ("percent_off = 60", 'free = true\nfrom = "1 July"', "line 32: reductions.evening.from:", "without quotes"),
        ("percent_off = 60", "percent_off = 40", "line 25: reductions.evening:", "because reductions.resident gives"),
        ('price = "12.00"', "price = ", "line 10, column", "not valid TOML"),
        ('price = "12.00"', 'price = "12.00"\nprice = "13.00"', "line 11, column", "stands in the file twice"),
    ],
)
def test_a_fault_is_named_with_its_place_and_what_was_expected(old: str, new: str, place: str, message: str) -> None:
    told = refusal(changed(old, new))
    assert told.startswith("tariff.toml")
    assert place in told
    assert message in told
    assert told.endswith(".")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("free_minutes", "15", "not more than those"), ("max_per_day", '"12.00"', "not lower than that")],
)
def test_a_reduction_by_time_must_give_something(key: str, value: str, message: str) -> None:
    told = refusal(changed('products = ["entry"]\nprice = "6.00"', f'products = "parking"\n{key} = {value}'))
    assert f"line 23: reductions.resident.{key}: {message} of products.parking" in told


def test_a_date_range_runs_forwards() -> None:
    told = refusal(GOOD + "from = 2027-08-31\nuntil = 2027-07-01\n")
    assert "line 33: reductions.evening.until: earlier than `from`" in told


@pytest.mark.parametrize(
    ("better", "useless"),
    [
        (('"anyone"', "percent_off = 50"), ('"resident"', "percent_off = 50")),
        (('"resident"', "percent_off = 50"), ('"under_18"', "percent_off = 40")),
        (('"resident"', "percent_off = 50"), ('"under_18"', 'price = "6.00"\nproducts = "entry"')),
        (('"resident"', "percent_off = 50"), ('"resident"', "percent_off = 50")),
        (('"resident"', "free = true"), ('"resident"', 'free = true\nhours = "10:00-11:00"')),
        (('"resident"', "percent_off = 50"), ('"resident"', 'percent_off = 50\nproducts = "parking"')),
    ],
)
def test_a_reduction_that_is_never_the_best_is_refused(better: tuple[str, str], useless: tuple[str, str]) -> None:
    top = GOOD[: GOOD.index("[reductions.resident]")]
    one, two = (
        f'[reductions.{name}]\nlabel = "x"\nwho = {who}\n{effect}\n'
        for name, (who, effect) in (("one", better), ("two", useless))
    )
    assert "reductions.two: never the best, because reductions.one gives" in refusal(top + one + two)
    assert Tariffs.loads(top + two).reductions[0].id == "two"


@pytest.mark.parametrize(
    "useful",
    [
        ('"anyone"', "percent_off = 10"),
        ('"under_18"', "percent_off = 51"),
        ('"resident"', 'free = true\nhours = "10:00-11:00"'),
        ('"under_18"', 'price = "5.99"\nproducts = "entry"'),
        ('"under_18"', 'free_minutes = 60\nproducts = "parking"'),
    ],
)
def test_a_reduction_that_is_sometimes_the_best_is_not(useful: tuple[str, str]) -> None:
    top = GOOD[: GOOD.index("[reductions.resident]")]
    common = '[reductions.one]\nlabel = "x"\nwho = "resident"\npercent_off = 50\n'
    Tariffs.loads(top + common + f'[reductions.two]\nlabel = "x"\nwho = {useful[0]}\n{useful[1]}\n')


def test_every_key_says_what_is_expected_of_it() -> None:
    keys = {key for table in (_TopTable, _ProductTable, _ReductionTable) for key in table.__struct_encode_fields__}
    assert keys <= set(EXPECTED)


def test_the_classes_of_a_tariff_are_those_that_a_card_can_carry() -> None:
    assert CARD_CLASSES == tuple(filter(None, AGE_CLASS_NAMES))


def test_every_language_has_the_same_words() -> None:
    assert set(WORDS) == set(LANGUAGES)
    assert all(spoken.keys() == WORDS["fr"].keys() and all(spoken.values()) for spoken in WORDS.values())


# Files


def test_a_file_is_named_without_its_folders(tmp_path: Path) -> None:
    with pytest.raises(TariffError, match=r"^prices\.toml: the tariff file cannot be read \(No such file"):
        Tariffs.load(tmp_path / "prices.toml")


def test_a_file_as_windows_editors_save_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tariff.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert Tariffs.load(path) == Tariffs.loads(GOOD)


def test_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "tariff.toml"
    path.write_bytes(GOOD.encode("latin-1"))
    with pytest.raises(TariffError, match=r"line 9: not UTF-8 text; save the file again"):
        Tariffs.load(path)


@pytest.mark.parametrize("content", [b"#" * (MAX_FILE_BYTES + 1), b"a = " + b"[" * 5000, b"a = " + b"9" * 5000])
def test_a_file_beyond_all_bounds_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tariff.toml"
    path.write_bytes(content)
    with pytest.raises(TariffError, match=r"^tariff\.toml"):
        Tariffs.load(path)


def test_a_tariff_error_is_one_of_ours() -> None:
    assert issubclass(TariffError, ArdenteError)


# Whatever is in the file

SNIPPETS = st.sampled_from([line for line in GOOD.splitlines() if line] + ["[", "]", "=", '"', "'''", "{", "}", "\x00"])
VALUES = st.recursive(
    st.sampled_from(['"resident"', '"12.00"', '""', "true", "nan", "inf", "-1", "9" * 30, "2027-07-01", "07:00:00"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(st.sampled_from(["fr", "x", "price"]), inner, max_size=2).map(
            lambda table: "{" + ", ".join(f"{key} = {value}" for key, value in table.items()) + "}"
        ),
    ),
    max_leaves=4,
)
ASSIGNMENTS = [number for number, line in enumerate(GOOD.splitlines()) if "=" in line]


def only_a_tariff_error(text: str) -> None:
    try:
        told = repr(Tariffs.loads(text))
    except TariffError as error:
        told = str(error)
    assert "\n" not in told


@given(st.text(max_size=200))
def test_any_text_is_a_tariff_or_a_tariff_error(text: str) -> None:
    only_a_tariff_error(text)


@given(st.lists(SNIPPETS, max_size=40).map("\n".join))
def test_any_mixture_of_lines_is_a_tariff_or_a_tariff_error(text: str) -> None:
    only_a_tariff_error(text)


@settings(max_examples=300)
@given(st.sampled_from(ASSIGNMENTS), VALUES)
def test_any_value_for_any_key_is_a_tariff_or_a_tariff_error(place: int, value: str) -> None:
    lines = GOOD.splitlines()
    lines[place] = f"{lines[place].split('=')[0]}= {value}"
    only_a_tariff_error("\n".join(lines))


@given(st.sampled_from(["products", "reductions", "age_classes", "products.entry", "reductions.resident"]), VALUES)
def test_any_value_for_a_table_is_a_tariff_or_a_tariff_error(key: str, value: str) -> None:
    header = 'currency = "EUR"\nvat_rate = 6\n'
    only_a_tariff_error(f"{header}{key} = {value}\n")
    only_a_tariff_error(f'{header}{key} = {value}\n[products.e]\nlabel = "e"\nprice = "1"\n')


@given(st.binary(max_size=200))
def test_any_bytes_are_a_tariff_or_a_tariff_error(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tariff.toml"
        path.write_bytes(content)
        with pytest.raises(TariffError):
            Tariffs.load(path)


@pytest.mark.parametrize("part", ["a.", "a . ", '"a".', "'a'.", '"\\"".', '"=".', "a-1 ."])
@pytest.mark.parametrize("place", ["{}a = 1", "[{}a]", "x = {{ {}a = 1 }}", 'name = "x"\n"y" = 1\n{}a = 1'])
def test_a_key_of_very_many_parts_is_refused_before_it_takes_the_computers_memory(part: str, place: str) -> None:
    text = place.format(part * 40)
    with pytest.raises(TariffError, match=rf"^tariff, line {text.count(chr(10)) + 1}: a key of more than 32 parts"):
        Tariffs.loads(text)


@pytest.mark.parametrize("text", ["a" * 200_000, "a " * 100_000, '"' * 200_000, "'\"" * 100_000, ". " * 100_000])
def test_a_long_file_is_refused_in_no_time(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(TariffError):
        Tariffs.loads(text)
    assert time.process_time() - begun < 5


def test_a_text_may_have_many_dots() -> None:
    dots = "." * 60
    assert Tariffs.loads(GOOD.replace('label = "Parking"', f'label = "{dots}"')).products["parking"].label
    dotted = "a." * 30
    assert Tariffs.loads(GOOD.replace('label = "Parking"', f'label = "{dotted}"')).products["parking"].label


def test_very_many_reductions_are_read_in_seconds() -> None:
    products = "".join(f'[products.p{number}]\nlabel = "x"\nprice = "5.00"\n' for number in range(200))
    reductions = "".join(
        f'[reductions.r{number}]\nlabel = "x"\nwho = "resident"\npercent_off = 5\nfrom = {2000 + number}-01-01\n'
        for number in range(200)
    )
    begun = time.process_time()
    assert len(Tariffs.loads(f'currency = "EUR"\nvat_rate = 6\n{products}{reductions}').reductions) == 200
    assert time.process_time() - begun < 5
