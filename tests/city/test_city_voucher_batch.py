"""Issuing vouchers: every one that is handed out works and is in the table once, whatever is cut."""

from __future__ import annotations

import csv
import os
import sqlite3
import stat
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import pytest
from city_desk import found
from city_printed import digits_in as digits_in_picture
from city_printed import pdf_pages, pdf_text, svg_picture
from city_voucher_office import END, TWENTY, Office, digits_in, serial_of

from ardente.core import reasons
from ardente_tools.city import _campaigns, _voucher_batch
from ardente_tools.city._chunks import BatchError
from ardente_tools.city._errors import CampaignError, CityError
from ardente_tools.city._paper import SheetError
from ardente_tools.city._voucher_batch import VoucherIssuer
from ardente_tools.city._vouchers import VoucherTable


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path / "city")
    made.create()
    return made


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_voucher_batch, "_LINES_PER_CHUNK", 2)
    monkeypatch.setattr(_voucher_batch, "_FILES_PER_CHUNK", 2)


# What comes out


def test_every_voucher_of_a_batch_is_good_and_its_own(office: Office, tmp_path: Path, small_chunks: None) -> None:
    told: list[int] = []
    issued = office.batch(office.order(5), tmp_path / "out", progress=told.append)
    assert (issued.batch.number, issued.batch.done, issued.before) == (1, 5, 0)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, 5)
    vouchers = digits_in(tmp_path / "out")
    assert len({serial_of(digits) for digits in vouchers}) == 5
    assert office.reasons(vouchers) == [reasons.OK] * 5


def test_csv_says_what_is_printed_beside_the_code(office: Office, tmp_path: Path, small_chunks: None) -> None:
    office.batch(office.order(3, voucher_format="csv", value=TWENTY), tmp_path / "out")
    texts = [file.read_text() for file in sorted((tmp_path / "out").glob("*/*.csv"))]
    rows = [row for text in texts for row in csv.DictReader(text.splitlines())]
    assert {(row["value"], row["currency"], row["last_day"]) for row in rows} == {("20.50", "EUR", "2027-02-28")}
    assert office.reasons(row["voucher"] for row in rows) == [reasons.OK] * 3


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_pictures_are_read_back(office: Office, tmp_path: Path, small_chunks: None, kind: str) -> None:
    office.batch(office.order(3, voucher_format=kind), tmp_path / "out")
    files = sorted((tmp_path / "out").glob(f"*/*.{kind}"))
    assert [file.name for file in files] == [f"voucher-00000{number}.{kind}" for number in (1, 2, 3)]
    pictures = [file.read_bytes() if kind == "png" else svg_picture(file.read_bytes()) for file in files]
    assert office.reasons(map(digits_in_picture, pictures)) == [reasons.OK] * 3


def test_sheets_have_ten_vouchers_a_page_with_value_campaign_and_last_day(office: Office, tmp_path: Path) -> None:
    office.batch(office.order(12, voucher_format="pdf", value=TWENTY), tmp_path / "out")
    (file,) = (tmp_path / "out").glob("*/*.pdf")
    texts = pdf_text(file.read_bytes(), tmp_path)
    for text, count in zip(texts, (10, 2), strict=True):
        for said in ("20,50 €", "Bons de fin d’année", "28.02.2027", "Liège"):
            assert text.count(said) == count, said
    pages = pdf_pages(file.read_bytes(), tmp_path, 200)
    found_vouchers = []
    for page, count in zip(pages, (10, 2), strict=True):
        width, height = page.width // 2, page.height // 5
        for place in range(count):
            row, column = divmod(place, 2)
            box = (column * width, row * height, (column + 1) * width, (row + 1) * height)
            found_vouchers.append(digits_in_picture(page.crop(box)))
    assert len(set(found_vouchers)) == 12
    assert office.reasons(found_vouchers) == [reasons.OK] * 12


def test_a_name_that_cannot_be_printed_is_said_before_anything_is_made(tmp_path: Path) -> None:
    office = Office(tmp_path / "city")
    office.create(name="Bons \N{FULLWIDTH LATIN CAPITAL LETTER A}")
    with pytest.raises(SheetError, match="Latin letters"):
        office.batch(office.order(1, voucher_format="pdf"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name != "posix", reason="there are no modes")
def test_nobody_else_may_read_them(office: Office, tmp_path: Path) -> None:
    office.batch(office.order(2), tmp_path / "out")
    for path in (tmp_path / "out", *(tmp_path / "out").rglob("*"), office.city.path / "vouchers.sqlite"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


# What is not kept


def test_no_order_leads_from_a_serial_to_a_line(office: Office) -> None:
    vouchers = [serial_of(digits) for digits in office.issue(300)]
    assert vouchers != sorted(vouchers)
    ascending = sum(first < second for first, second in pairwise(vouchers))
    # Out of 299 pairs of a random order; six standard deviations.
    assert abs(ascending - 149.5) < 31


def test_the_table_keeps_the_order_of_serials_alone(office: Office) -> None:
    vouchers = office.issue(40)
    with sqlite3.connect(office.city.path / "vouchers.sqlite") as db:
        columns = [column[1] for column in db.execute("PRAGMA table_info(voucher)")]
        kept = [serial for (serial,) in db.execute("SELECT number FROM voucher")]
    db.close()
    assert columns == ["list", "number", "status", "exp", "batch"]
    assert kept == sorted(serial_of(digits) for digits in vouchers)
    # As VACUUM leaves it: nothing but what a fresh file with the same rows has.
    data = (office.city.path / "vouchers.sqlite").read_bytes()
    with sqlite3.connect(office.city.path / "vouchers.sqlite") as db:
        db.execute("VACUUM")
    db.close()
    changed = [at for at in range(len(data)) if data[at] != (office.city.path / "vouchers.sqlite").read_bytes()[at]]
    # The change counter and the version that it is valid for, in the file's header.
    assert all(at < 100 for at in changed)


# What is refused


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"value": 999}, "no vouchers of this value"),
        ({"exp": END + 86400}, "nor outside its campaign"),
        ({"exp": END - 200 * 86400}, "nor outside its campaign"),
        ({"vouchers": 0}, "1 to 999,999 vouchers"),
        ({"campaign": 2}, "no campaign 2"),
    ],
)
def test_what_cannot_be_issued_is_refused_before_a_passphrase_is_asked_for(
    office: Office, tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    def asked(campaign: object) -> NoReturn:
        raise AssertionError("The passphrase of the voucher key was asked for.")

    with office.city.vouchers() as table:
        issuer = VoucherIssuer(office.city, table, asked, lambda: office.now_s)
        with pytest.raises(CityError, match=sentence):
            issuer.batch(office.order(1)._replace(**changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_left_alone(office: Office, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("Monsieur,")
    with pytest.raises(BatchError, match="exists and is not empty"):
        office.batch(office.order(1), tmp_path / "out")
    assert os.listdir(tmp_path / "out") == ["letter.txt"]


def test_another_order_does_not_go_on_in_the_folder(office: Office, tmp_path: Path) -> None:
    office.batch(office.order(3), tmp_path / "out")
    for changes in ({"vouchers": 4}, {"value": TWENTY}, {"active": False}, {"voucher_format": "csv"}):
        with pytest.raises(BatchError, match="vouchers of another order"):
            office.batch(office.order(3)._replace(**changes), tmp_path / "out")


# What is cut


def cut_after(monkeypatch: pytest.MonkeyPatch, chunks: int) -> None:
    chunk = VoucherIssuer._chunk

    def cut(*args: Any) -> int:
        nonlocal chunks
        if not chunks:
            raise KeyboardInterrupt
        chunks -= 1
        return chunk(*args)

    monkeypatch.setattr(VoucherIssuer, "_chunk", cut)


def test_a_cut_batch_goes_on_where_it_stopped(
    office: Office, tmp_path: Path, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        cut_after(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            office.batch(office.order(5, active=False), tmp_path / "out")
    first = digits_in(tmp_path / "out")
    assert len(first) == 2
    with pytest.raises(CampaignError, match="Batch 1 is not finished"):
        _campaigns.activate_batch(office.city, 1, 1, office.now_s)
    assert office.batch(office.order(5, active=False), tmp_path / "out").before == 2
    assert digits_in(tmp_path / "out")[:2] == first
    _campaigns.activate_batch(office.city, 1, 1, office.now_s)
    assert office.reasons(digits_in(tmp_path / "out")) == [reasons.OK] * 5
    assert office.batch(office.order(5, active=False), tmp_path / "out").before == 5


@pytest.mark.parametrize("what", ["batch revoked", "campaign closed"])
def test_nothing_more_is_issued_once_it_is_revoked_or_closed(
    office: Office, tmp_path: Path, small_chunks: None, what: str
) -> None:
    # Between two chunks the city's folder is free; 2 is told there, and again within the next chunk.
    stops = iter([what])

    def progress(done: int) -> None:
        stop = next(stops, "") if done == 2 else ""
        if stop == "batch revoked":
            _campaigns.revoke_batch(office.city, 1, 1)
        elif stop:
            _campaigns.close(office.city, 1, office.now_s)

    with pytest.raises(BatchError, match="revoked, or its campaign closed"):
        office.batch(office.order(5), tmp_path / "out", progress=progress)
    vouchers = digits_in(tmp_path / "out")
    assert len(vouchers) == 2
    assert reasons.OK not in office.reasons(vouchers)


def test_vouchers_of_an_old_backup_are_not_handed_out(office: Office, tmp_path: Path, small_chunks: None) -> None:
    backup = None

    def copy(done: int) -> None:
        nonlocal backup
        if done == 2 and backup is None:
            backup = (office.city.path / "vouchers.sqlite").read_bytes()

    office.batch(office.order(5), tmp_path / "out", progress=copy)
    assert backup
    (office.city.path / "vouchers.sqlite").write_bytes(backup)
    with pytest.raises(BatchError, match="restored from an old backup"):
        office.batch(office.order(5), tmp_path / "out")


def test_a_full_disk_loses_nothing(
    office: Office, tmp_path: Path, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(VoucherTable, "set_done", _no_space)
        with pytest.raises(OSError, match="No space left"):
            office.batch(office.order(3), tmp_path / "out")
    assert digits_in(tmp_path / "out") == []
    office.batch(office.order(3), tmp_path / "out")
    assert office.reasons(digits_in(tmp_path / "out")) == [reasons.OK] * 3
    assert not list((tmp_path / "out").glob(".*"))


def _no_space(*_: object) -> NoReturn:
    raise OSError(28, "No space left on device")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_a_kill_at_any_operation_loses_nothing(tmp_path: Path) -> None:
    template = found(tmp_path / "template", 1024).path
    script = Path(__file__).with_name("city_kill_walk.py")
    run = subprocess.run(
        [sys.executable, script, "vouchers", template, tmp_path],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert int(run.stdout.split()[-1]) >= 40, "the walk saw too few operations"
