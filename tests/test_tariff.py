"""What a tariff file makes people pay."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ardente.tariff import Quote, TariffError, Tariffs
from ardente.tariff._rules import Schedule

ROOT = Path(__file__).parent.parent
BRUSSELS = ZoneInfo("Europe/Brussels")
NOON = datetime(2027, 5, 10, 12, tzinfo=BRUSSELS)  # a Monday

SHOP = """
currency = "EUR"
vat_rate = 21
[products.mug]
label = { fr = "Tasse", nl = "Mok", de = "Becher", en = "Mug" }
price = "9.95"
[products.card]
label = "Carte postale"
price = "1.00"
vat_rate = "5,5"
"""

CAR_PARK = """
currency = "EUR"
vat_rate = 21
[products.parking]
label = "Parking"
price = "2.00"
per_minutes = 60
"""


@dataclass(frozen=True)
class Card:
    """What a tariff sees of a verdict."""

    age_classes: frozenset[str] = frozenset()
    accepted: bool = True


RESIDENT = Card()


def child(*names: str) -> Card:
    return Card(frozenset(names or ("child",)))


def shop(*reductions: str) -> Tariffs:
    return Tariffs.loads(SHOP + "".join(reductions))


def rule(name: str, who: str, effect: str, more: str = "") -> str:
    return f'[reductions.{name}]\nlabel = "{name}"\nwho = {who}\n{effect}\n{more}\n'


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BRUSSELS)


def stay(tariffs: Tariffs, at: datetime = NOON, card: Card | None = None, **duration: float) -> Quote:
    return tariffs.quote("parking", card, at=at, duration=timedelta(**duration))


# Who


def test_without_a_reduction_the_base_price_holds() -> None:
    quote = shop().quote("mug", RESIDENT, at=NOON)
    assert (quote.price_cents, quote.base_cents, quote.rule, quote.rule_label()) == (995, 995, "base", "")


@pytest.mark.parametrize("card", [None, Card(accepted=False), Card(frozenset({"child"}), accepted=False)])
def test_without_an_accepted_card_only_what_is_open_to_anyone_applies(card: Card | None) -> None:
    tariffs = shop(
        rule("resident", '"resident"', "percent_off = 50"),
        rule("child", '"child"', "free = true"),
        rule("everybody", '"anyone"', "percent_off = 10"),
    )
    assert tariffs.quote("card", card, at=NOON).rule == "everybody"


def test_an_age_class_is_a_resident_too() -> None:
    tariffs = shop(rule("resident", '"resident"', "percent_off = 50"))
    assert tariffs.quote("card", child(), at=NOON).rule == "resident"


def test_the_lowest_price_wins_whatever_the_order() -> None:
    low, lower = rule("low", '"resident"', "percent_off = 10"), rule("lower", '"child"', "percent_off = 20")
    for order in ((low, lower), (lower, low)):
        assert shop(*order).quote("card", child(), at=NOON).rule == "lower"


def test_of_equal_prices_the_first_in_the_file_wins() -> None:
    first, second = rule("b", '"child"', "percent_off = 50"), rule("a", '"youth"', "percent_off = 50")
    assert shop(first, second).quote("card", child("child", "youth"), at=NOON).rule == "b"
    assert shop(second, first).quote("card", child("child", "youth"), at=NOON).rule == "a"


def test_a_reduction_touches_only_its_products() -> None:
    tariffs = shop(rule("mugs", '"resident"', 'price = "8"', 'products = "mug"'))
    assert tariffs.quote("mug", RESIDENT, at=NOON).price_cents == 800
    assert tariffs.quote("card", RESIDENT, at=NOON).rule == "base"


def test_only_age_classes_that_a_reduction_uses_are_asked_of_a_card() -> None:
    mapping = '[age_classes]\nunder_18 = ["child", "youth"]\nold = ["senior"]\n'
    tariffs = Tariffs.loads(SHOP + mapping + rule("young", '"under_18"', "free = true"))
    assert tariffs.age_classes == {"under_18": frozenset({"child", "youth"})}
    assert tariffs.quote("mug", child("old"), at=NOON).rule == "base"


def test_without_a_table_the_classes_of_the_card_are_the_classes_of_the_tariff() -> None:
    assert shop(rule("old", '"senior"', "free = true")).age_classes == {"senior": frozenset({"senior"})}
    assert shop().age_classes == {}


# Amounts


@pytest.mark.parametrize(("percent", "cents"), [(15, 845), (33, 666), (50, 497), (1, 985), (99, 9)])
def test_a_part_of_a_cent_is_dropped_in_favour_of_the_visitor(percent: int, cents: int) -> None:
    quote = shop(rule("off", '"anyone"', f"percent_off = {percent}")).quote("mug", at=NOON)
    assert quote.price_cents == cents


@pytest.mark.parametrize("written", ['"12.50"', '"12,50"'])
def test_an_amount_has_a_point_or_a_comma(written: str) -> None:
    assert Tariffs.loads(SHOP.replace('"9.95"', written)).quote("mug", at=NOON).price_cents == 1250


def test_vat_is_contained_in_the_price_and_rounded_to_the_nearest_cent() -> None:
    assert shop().quote("mug", at=NOON).vat_cents == 173  # 9.95 - 9.95 / 1.21 = 1.7268…
    postcard = shop().quote("card", at=NOON)
    assert postcard.vat_cents == 5  # 1.00 - 1.00 / 1.055 = 0.0521…
    assert str(postcard.vat_rate_percent) == "5.5"


def test_half_a_cent_of_vat_is_rounded_upwards() -> None:
    # 20 % contained in 0.03 is exactly half a cent.
    text = SHOP.replace("vat_rate = 21", "vat_rate = 20").replace('"9.95"', '"0.03"')
    assert Tariffs.loads(text).quote("mug", at=NOON).vat_cents == 1


# When


def test_hours_begin_on_the_minute_and_end_before_it() -> None:
    tariffs = shop(rule("late", '"anyone"', "free = true", 'hours = "18:00-21:00"'))
    moments = {"17:59:59": 995, "18:00:00": 0, "20:59:59": 0, "21:00:00": 995}
    for clock, cents in moments.items():
        assert tariffs.quote("mug", at=local(f"2027-05-10T{clock}")).price_cents == cents, clock


def test_hours_across_midnight_belong_to_the_day_on_which_they_begin() -> None:
    tariffs = shop(rule("night", '"anyone"', "free = true", 'hours = "22:00-02:00"\ndays = ["friday"]'))
    free = ["2027-05-14T22:00", "2027-05-14T23:59", "2027-05-15T00:00", "2027-05-15T01:59"]
    paid = ["2027-05-14T01:00", "2027-05-14T21:59", "2027-05-15T02:00", "2027-05-15T22:00"]
    assert {tariffs.quote("mug", at=local(moment)).price_cents for moment in free} == {0}
    assert {tariffs.quote("mug", at=local(moment)).price_cents for moment in paid} == {995}


def test_the_night_after_the_first_sunday_and_after_the_last_day_still_counts() -> None:
    late = 'hours = "22:00-02:00"\n'
    sunday = shop(rule("night", '"anyone"', "free = true", late + "first_sunday = true"))
    assert sunday.quote("mug", at=local("2027-07-05T01:00")).price_cents == 0
    assert sunday.quote("mug", at=local("2027-07-04T01:00")).price_cents == 995
    summer = shop(rule("night", '"anyone"', "free = true", late + "until = 2027-08-31"))
    assert summer.quote("mug", at=local("2027-09-01T01:00")).price_cents == 0


def test_several_hours_and_a_day_to_its_end() -> None:
    tariffs = shop(rule("two", '"anyone"', "free = true", 'hours = ["09:00-12:00", "22:00-24:00"]'))
    free = [hour for hour in range(24) if tariffs.quote("mug", at=NOON.replace(hour=hour)).price_cents == 0]
    assert free == [9, 10, 11, 22, 23]


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_every_month_has_one_first_sunday(day: date) -> None:
    schedule = Schedule(first_sunday=True)
    month = [day.replace(day=number) for number in range(1, 29)]
    held = [d for d in month if schedule.holds(datetime(d.year, d.month, d.day, 12, tzinfo=BRUSSELS))]
    assert held == [min(d for d in month if d.strftime("%w") == "0")]


def test_both_days_of_a_date_range_belong_to_it() -> None:
    tariffs = shop(rule("july", '"anyone"', "free = true", "from = 2027-07-01\nuntil = 2027-07-31"))
    moments = {"06-30T23:59": 995, "07-01T00:00": 0, "07-31T23:59": 0, "08-01T00:00": 995}
    for moment, cents in moments.items():
        assert tariffs.quote("mug", at=local(f"2027-{moment}")).price_cents == cents, moment


def test_hours_are_those_of_the_partner_wherever_the_clock_runs() -> None:
    tariffs = shop(rule("noon", '"anyone"', "free = true", 'hours = "12:00-13:00"'))
    assert tariffs.quote("mug", at=datetime(2027, 1, 10, 11, tzinfo=UTC)).price_cents == 0
    assert tariffs.quote("mug", at=datetime(2027, 7, 10, 10, tzinfo=UTC)).price_cents == 0
    assert tariffs.quote("mug", at=datetime(2027, 7, 10, 11, tzinfo=UTC)).price_cents == 995
    assert tariffs.quote("mug", at=datetime(2027, 7, 10, 19, tzinfo=ZoneInfo("Asia/Tokyo"))).price_cents == 0


def test_the_hour_that_comes_twice_in_autumn_counts_twice() -> None:
    tariffs = shop(rule("early", '"anyone"', "free = true", 'hours = "02:00-03:00"'))
    free = [minute for minute in range(0, 240, 30) if _price(tariffs, "2027-10-30T23:00", minute) == 0]
    assert free == [60, 90, 120, 150]  # 02:00 to 03:00 local lasts two hours from midnight UTC


def test_the_hour_that_is_missing_in_spring_is_not_charged_or_given() -> None:
    tariffs = shop(rule("early", '"anyone"', "free = true", 'hours = "02:00-03:00"'))
    assert [minute for minute in range(0, 240, 30) if _price(tariffs, "2027-03-27T23:00", minute) == 0] == []


def _price(tariffs: Tariffs, start_utc: str, minutes: int) -> int:
    at = datetime.fromisoformat(start_utc).replace(tzinfo=UTC) + timedelta(minutes=minutes)
    return tariffs.quote("mug", at=at).price_cents


# By time


@pytest.mark.parametrize(
    ("minutes", "cents"), [(0, 0), (0.01, 200), (60, 200), (60.01, 400), (150, 600), (60 * 24 * 3, 200 * 72)]
)
def test_every_step_begun_is_paid(minutes: float, cents: int) -> None:
    assert stay(Tariffs.loads(CAR_PARK), minutes=minutes).price_cents == cents


def test_free_minutes_come_first() -> None:
    tariffs = Tariffs.loads(CAR_PARK + "free_minutes = 30")
    assert [stay(tariffs, minutes=m).price_cents for m in (30, 31, 90, 91)] == [0, 200, 200, 400]


def test_a_day_of_24_hours_from_arrival_has_a_maximum() -> None:
    tariffs = Tariffs.loads(CAR_PARK + 'max_per_day = "10.00"')
    assert [stay(tariffs, hours=h).price_cents for h in (5, 6, 24, 25, 48, 50)] == [1000, 1000, 1000, 1200, 2000, 2400]


def test_a_percentage_lowers_the_maximum_as_well() -> None:
    tariffs = Tariffs.loads(CAR_PARK + 'max_per_day = "10.00"\n' + rule("half", '"resident"', "percent_off = 50"))
    assert [stay(tariffs, card=RESIDENT, hours=h).price_cents for h in (1, 24, 25)] == [100, 500, 600]


def test_a_reduction_may_have_its_own_step_price_free_minutes_and_maximum() -> None:
    effect = 'price = "1.00"\nfree_minutes = 60\nmax_per_day = "4.00"\nproducts = "parking"'
    tariffs = Tariffs.loads(CAR_PARK + 'max_per_day = "10.00"\n' + rule("own", '"resident"', effect))
    assert [stay(tariffs, card=RESIDENT, hours=h).price_cents for h in (1, 2, 3, 12)] == [0, 100, 200, 400]
    assert stay(tariffs, hours=2).price_cents == 400


def test_a_part_of_a_cent_is_dropped_from_the_sum_and_not_from_each_step() -> None:
    text = CAR_PARK.replace('"2.00"', '"0.05"') + rule("third", '"anyone"', "percent_off = 30")
    assert [stay(Tariffs.loads(text), hours=h).price_cents for h in (1, 2, 3)] == [3, 7, 10]  # 3.5, 7, 10.5


def test_free_minutes_of_a_reduction_count_if_it_holds_at_arrival() -> None:
    effect = 'free_minutes = 60\nproducts = "parking"'
    tariffs = Tariffs.loads(CAR_PARK + rule("noon", '"anyone"', effect, 'hours = "12:00-13:00"'))
    assert stay(tariffs, at=local("2027-05-10T12:59"), hours=2).price_cents == 200
    assert stay(tariffs, at=local("2027-05-10T11:59"), hours=2).price_cents == 400


def test_each_step_has_the_price_of_the_moment_at_which_it_begins() -> None:
    tariffs = Tariffs.loads(CAR_PARK + rule("evening", '"anyone"', "free = true", 'hours = "18:00-24:00"'))
    assert stay(tariffs, at=local("2027-05-10T16:30"), hours=5).price_cents == 400  # 16:30 and 17:30
    assert stay(tariffs, at=local("2027-05-10T18:00"), hours=7).price_cents == 200  # 00:00


def test_a_stay_across_the_change_of_the_clocks_is_as_long_as_it_is() -> None:
    tariffs = Tariffs.loads(CAR_PARK)
    for arrival, departure, hours in (
        ("2027-03-28T01:00", "2027-03-28T04:00", 2),
        ("2027-10-31T01:00", "2027-10-31T04:00", 4),
    ):
        length = local(departure).astimezone(UTC) - local(arrival).astimezone(UTC)
        quote = tariffs.quote("parking", at=local(arrival), duration=length)
        assert quote.price_cents == hours * 200


def test_steps_in_the_hour_that_comes_twice_are_all_reduced() -> None:
    tariffs = Tariffs.loads(CAR_PARK + rule("early", '"anyone"', "free = true", 'hours = "02:00-03:00"'))
    assert stay(tariffs, at=local("2027-10-31T01:00"), hours=4).price_cents == 400  # 01:00 and 03:00


# What a till prints


def test_a_receipt_names_product_reduction_total_and_vat_in_four_languages() -> None:
    tariffs = shop(
        '[reductions.resident]\nlabel = { fr = "Habitant", nl = "Inwoner" }\nwho = "resident"\npercent_off = 20\n'
    )
    quote = tariffs.quote("mug", RESIDENT, at=NOON)
    assert quote.text("fr", width=24).splitlines() == [
        "Tasse             9,95 €",
        "Habitant         -1,99 €",
        "Total             7,96 €",
        "dont TVA 21 %     1,38 €",
    ]
    assert quote.text("nl", width=24).splitlines()[:2] == ["Mok               € 9,95", "Inwoner          € -1,99"]
    assert [line.label for line in quote.lines("de")] == ["Becher", "Habitant", "Summe", "davon MwSt. 21 %"]
    assert quote.text("en", width=24).splitlines()[-1] == "of which VAT 21%   €1.38"


def test_the_lines_add_up() -> None:
    quote = shop(rule("off", '"anyone"', "percent_off = 33")).quote("mug", at=NOON)
    amounts = {line.kind: line.amount_cents for line in quote.lines()}
    assert amounts["product"] + amounts["reduction"] == amounts["total"] == quote.price_cents


def test_no_language_goes_unanswered_but_an_unknown_one() -> None:
    with pytest.raises(TariffError, match="fr, nl, de, en"):
        shop().quote("mug", at=NOON).lines("it")


def test_a_quote_travels_as_json() -> None:
    quote = stay(Tariffs.loads(CAR_PARK), minutes=90)
    told = json.loads(json.dumps(quote.to_dict("en")))
    assert told["price_cents"] == 400
    assert told["product_label"] == "Parking, 1 h 30 min"
    assert told["at"] == "2027-05-10T10:00:00+00:00"
    assert told["duration_s"] == 5400
    assert [line["kind"] for line in told["lines"]] == ["product", "total", "vat"]


# What cannot be answered


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"product": "tea"}, "use one of mug, card"),
        ({"product": "mug", "at": datetime(2027, 1, 1)}, "time zone"),
        ({"product": "mug", "at": NOON, "duration": timedelta(hours=1)}, "not sold by time"),
        ({"product": "mug", "at": datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo"))}, "check the clock"),
    ],
)
def test_a_senseless_question_gets_one_sentence(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(TariffError, match=message):
        shop().quote(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("duration", [None, timedelta(seconds=-1), timedelta(days=367)])
def test_a_stay_has_a_length(duration: timedelta | None) -> None:
    with pytest.raises(TariffError, match=r"duration|stay"):
        Tariffs.loads(CAR_PARK).quote("parking", at=NOON, duration=duration)


# Whatever the tariff

MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.timezones())
STAYS = st.timedeltas(timedelta(0), timedelta(days=9))
CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
HOURS = st.tuples(CLOCKS, CLOCKS).filter(lambda pair: pair[0] != pair[1]).map("-".join)
DAYS = st.lists(st.sampled_from(["monday", "wednesday", "sunday"]), min_size=1).map(lambda d: [*d, "sunday"])


@st.composite
def reductions(draw: st.DrawFn, index: int) -> str:
    who = draw(st.sampled_from(['"anyone"', '"resident"', '["child", "senior"]']))
    effect = draw(
        st.one_of(
            st.just("free = true"),
            st.integers(1, 99).map("percent_off = {}".format),
            st.integers(0, 99).map('price = "0.{:02}"\nproducts = ["entry", "parking"]'.format),
            st.integers(31, 90).map('free_minutes = {}\nproducts = ["parking"]'.format),
        )
    )
    more = draw(
        st.fixed_dictionaries(
            {}, optional={"hours": HOURS, "days": DAYS, "first_sunday": st.booleans(), "from": st.dates()}
        )
    )
    lines = [f"{key} = {value if key == 'from' else json.dumps(value)}" for key, value in more.items()]
    return rule(f"r{index}", who, effect, "\n".join(lines))


@st.composite
def tariff_files(draw: st.DrawFn) -> Tariffs:
    top = CAR_PARK + 'free_minutes = 30\nmax_per_day = "7.00"\n[products.entry]\nlabel = "Entry"\nprice = "12.34"\n'
    rules = {f"r{index}": draw(reductions(index)) for index in range(draw(st.integers(0, 5)))}
    while True:
        try:
            return Tariffs.loads(top + "".join(rules.values()))
        except TariffError as error:
            useless = re.search(r"reductions\.(r\d): never the best", str(error))
            if useless is None:
                raise
            del rules[useless[1]]


@given(tariff_files(), MOMENTS, STAYS, st.sampled_from(["entry", "parking"]))
def test_a_resident_never_pays_more_than_a_visitor_and_nobody_gets_money(
    tariffs: Tariffs, at: datetime, length: timedelta, product: str
) -> None:
    duration = length if product == "parking" else None
    visitor, resident, young = (
        tariffs.quote(product, card, at=at, duration=duration) for card in (None, RESIDENT, child())
    )
    assert 0 <= young.price_cents <= resident.price_cents <= visitor.price_cents <= visitor.base_cents
    assert 0 <= young.vat_cents <= young.price_cents
    assert (young.rule == "base") == (young.price_cents == young.base_cents)


@given(tariff_files(), MOMENTS, STAYS, STAYS)
def test_at_the_base_price_a_longer_stay_never_costs_less(
    tariffs: Tariffs, at: datetime, one: timedelta, other: timedelta
) -> None:
    short, long = (tariffs.quote("parking", at=at, duration=d).base_cents for d in sorted((one, other)))
    assert short <= long


# The package


def test_the_sample_tariffs_are_right() -> None:
    museum = Tariffs.load(ROOT / "examples/museum_gate/tariff.toml")
    pool = Tariffs.load(ROOT / "examples/pool_turnstile/tariff.toml")
    assert museum.quote("entry", RESIDENT, at=NOON).price_cents == 600
    assert pool.quote("swim", RESIDENT, at=NOON).price_cents == 300


def test_many_files_can_be_read_in_one_process() -> None:
    """msgspec releases some types wrongly (see ONE_OR_SEVERAL); the debugging allocator would end the process."""
    program = f"""
import gc
from ardente.tariff import Tariffs
for _ in range(200):
    Tariffs.load({str(ROOT / "examples/pool_turnstile/tariff.toml")!r})
gc.collect()
"""
    environment = {**os.environ, "PYTHONMALLOC": "debug", "PYTHONPATH": str(ROOT / "sdk")}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0
