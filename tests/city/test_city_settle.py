"""What the city reads from the ledger: the report on a campaign, and what merchants are owed for a day."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from city_printed import SVG
from city_voucher_office import END, TEN, TODAY, Market, Office, market
from hypothesis import given
from hypothesis import strategies as st

from ardente_tools.city import _campaigns, _settlement
from ardente_tools.city._errors import CampaignError
from ardente_tools.city._report import LEAST, Report, left_out, report
from ardente_tools.city._report_svg import _scale, draw

SHOPS = {"Librairie": "Outremeuse", "=Boulangerie": "Centre", "Fleurs <&>": "Centre", "Kiosque": "Angleur"}
# Each day, (shop, how many vouchers).
DAYS = ((("Librairie", 7), ("=Boulangerie", 6)), (("Librairie", 2), ("Fleurs <&>", 9), ("Kiosque", 3)))


class Week:
    """The shops of a market after two days."""

    def __init__(self, shops: Market, vouchers: list[str]) -> None:
        self.market = shops
        self.vouchers = vouchers
        self.ids = {name: shops.add_shop(name, district) for name, district in SHOPS.items()}
        for day in DAYS:
            for shop, count in day:
                for _ in range(count):
                    shops.redeem(shop, vouchers.pop())
            shops.next_day()

    def report(self) -> Report:
        return report(self.market.office.city, 1, self.market.ledger, self.market.now_s)


@pytest.fixture
def week(tmp_path: Path) -> Iterator[Week]:
    office = Office(tmp_path / "city")
    office.create()
    vouchers = office.issue(30)
    office.issue(8, active=False)
    office.issue(4)
    _campaigns.revoke_batch(office.city, 1, 3)
    _campaigns.revoke_voucher(office.city, 1, vouchers.pop(0))
    with market(office, tmp_path / "ledger.db") as opened:
        yield Week(opened, vouchers)


# The report


def test_the_report_counts_what_was_issued_and_redeemed(week: Week) -> None:
    found = week.report()
    assert (found.issued, found.revoked, found.not_active) == (42, 5, 8)
    assert (found.redeemed, found.redemptions, found.amount) == (27, 27, 27 * TEN)
    assert [(share.name, share.redemptions) for share in found.days] == [("2026-11-23", 13), ("2026-11-24", 14)]
    assert (found.first_day, found.last_day, found.is_over, found.expired) == (
        TODAY,
        TODAY + timedelta(days=1),
        False,
        None,
    )


def test_small_districts_are_left_out_with_what_would_tell_them(week: Week) -> None:
    districts = {share.name: (share.redemptions, share.amount) for share in week.report().districts}
    # Three in Angleur; Outremeuse's nine too, or the total would tell the three.
    assert districts == {"Angleur": (None, None), "Centre": (15, 15 * TEN), "Outremeuse": (None, None)}


def test_today_is_not_told(week: Week) -> None:
    week.market.redeem("Librairie", week.vouchers.pop())
    assert week.report().redemptions == 27


def test_what_is_left_expires_when_the_campaign_is_over(week: Week) -> None:
    week.market.now_s = END
    found = week.report()
    # 42 issued, 5 revoked, 8 never active, 27 redeemed.
    assert (found.is_over, found.expired) == (True, 2)
    assert found.last_day == date(2027, 2, 28)


def test_of_a_campaign_with_hardly_a_redemption_nothing_is_told(tmp_path: Path) -> None:
    office = Office(tmp_path / "city")
    office.create()
    vouchers = office.issue(10)
    with market(office, tmp_path / "ledger.db") as opened:
        opened.add_shop("Librairie", "Outremeuse")
        for _ in range(LEAST - 1):
            opened.redeem("Librairie", vouchers.pop())
        opened.next_day()
        found = report(office.city, 1, opened.ledger, END)
    assert (found.redeemed, found.redemptions, found.amount, found.expired) == (None, None, None, None)
    assert {share.redemptions for share in (*found.days, *found.districts)} == {None}
    assert "4" not in "".join(found.lines()[2:])


def test_another_ledger_is_not_reported_on(week: Week, tmp_path: Path) -> None:
    other = Office(tmp_path / "other")
    other.create(name="Soldes")
    with pytest.raises(CampaignError, match="does not know campaign 1"):
        report(other.city, 1, week.market.ledger, week.market.now_s)


@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.integers(1, 30), max_size=8))
def test_no_total_less_what_is_shown_tells_a_small_count(counts: dict[str, int]) -> None:
    hidden = left_out(Counter(counts))
    assert all(name in hidden for name, count in counts.items() if count < LEAST)
    if hidden and hidden != set(counts):
        assert len(hidden) > 1
        assert sum(counts[name] for name in hidden) >= LEAST
    if all(count >= LEAST for count in counts.values()):
        assert not hidden


def test_nothing_that_is_left_out_is_anywhere_in_the_files(week: Week) -> None:
    found = week.report()
    tables = found.tables()
    rows = list(csv.DictReader(tables["districts.csv"].decode().splitlines()))
    assert [row["redemptions"] for row in rows] == ["", "15", ""]
    assert [row["cents"] for row in rows] == ["", str(15 * TEN), ""]
    assert ">9<" not in draw(found, "en").decode()


def test_the_picture_is_svg_with_a_bar_for_each_count(week: Week) -> None:
    found = week.report()
    for language in ("fr", "nl", "de", "en"):
        root = ElementTree.fromstring(draw(found, language))
        assert root.get("lang") == language
        bars = [rect for rect in root.findall(f"{SVG}rect") if rect.get("rx")]
        days, districts = bars[:2], bars[2:]
        heights = [float(bar.get("height", "")) for bar in days]
        assert heights[0] / heights[1] == pytest.approx(13 / 14, abs=0.01)
        assert len(districts) == 1
        assert len(root.findall(f"{SVG}circle")) == 2


@given(st.integers(0, 10_000_000))
def test_the_axis_ends_above_what_it_shows_on_a_round_number(most: int) -> None:
    end, step = _scale(most)
    assert end >= most
    assert end % step == 0
    assert 1 <= end // step <= 5
    assert re.fullmatch("[125]0*", str(step))


# The settlement


def settle(week: Week, day: date) -> list[_settlement.Settlement]:
    week.market.ledger.close_day(None, day)
    return week.market.ledger.settlement(day)


def test_what_merchants_are_owed_adds_up_with_the_books(week: Week) -> None:
    lines = [*settle(week, TODAY), *settle(week, TODAY + timedelta(days=1))]
    paid = Counter[str]()
    for line in lines:
        paid[line.name] += line.total
    assert paid == {"Librairie": 9 * TEN, "=Boulangerie": 6 * TEN, "Fleurs <&>": 9 * TEN, "Kiosque": 3 * TEN}
    (totals,) = week.market.ledger.totals()
    assert sum(_settlement.totals(lines).values()) == totals.settled == totals.redeemed - totals.refunded == 27 * TEN
    assert totals.owed == 0
    rows = [
        row for day in (lines[:2], lines[2:]) for row in csv.DictReader(_settlement.as_csv(day).decode().split("\r\n"))
    ]
    assert sum(round(float(row["total"]) * 100) for row in rows) == totals.settled
    assert week.market.ledger.check() == []


def test_a_merchants_name_is_no_formula_and_no_markup(week: Week) -> None:
    lines = [*settle(week, TODAY), *settle(week, TODAY + timedelta(days=1))]
    rows = list(csv.DictReader(_settlement.as_csv(lines).decode().split("\r\n")))
    assert {row["merchant"] for row in rows} == {"Librairie", "'=Boulangerie", "Fleurs <&>", "Kiosque"}
    page = _settlement.as_page("Liège", TODAY, lines, "fr").decode()
    assert "Fleurs &lt;&amp;&gt;" in page
    assert "<&>" not in page


def test_the_page_says_the_total_in_each_language(week: Week) -> None:
    lines = settle(week, TODAY)
    for language, total in {"fr": "130,00 €", "nl": "€ 130,00", "de": "130,00 €", "en": "€130.00"}.items():
        page = _settlement.as_page("Liège", TODAY, lines, language).decode()
        assert total in page[page.index("<tfoot>") :].replace("\N{NO-BREAK SPACE}", " ")
        assert f'<html lang="{language}">' in page
        assert "23.11.2026" in page


def test_nothing_that_is_written_names_a_voucher(week: Week) -> None:
    found = week.report()
    said = str(found) + "".join(found.lines()) + draw(found, "fr").decode()
    said += _settlement.as_csv(settle(week, TODAY)).decode()
    for digits in week.vouchers:
        assert digits not in said
    assert not re.search(r"[0-9]{40}", said)


def test_what_a_later_day_closes_it_also_pays(week: Week) -> None:
    """A day that nobody closed is on the next one that is."""
    lines = settle(week, TODAY + timedelta(days=1))
    assert sum(line.total for line in lines) == 27 * TEN
    assert settle(week, TODAY) == []
