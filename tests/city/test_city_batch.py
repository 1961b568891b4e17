"""Issuing: every card that is handed out works, has its slip, and is in the table once, whatever is cut."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from city_desk import NOW, NOW_S, Desk, card_digits, found, index_of, outputs, slip_code, slip_codes
from city_printed import digits_in, pdf_pages, pdf_text, svg_picture

from ardente.core import reasons
from ardente_tools.city import _batch, _card_keys
from ardente_tools.city._batch import Issuer, cards_missing, close, read_plan
from ardente_tools.city._cards import REPLACED, VALID, CardKey, CardTable
from ardente_tools.city._chunks import BatchError
from ardente_tools.city._errors import KeyFileError, ListFullError
from ardente_tools.city._orders import OrderError, Validity, read_orders
from ardente_tools.city._overview import overview
from ardente_tools.city._revocation import reinstate, revoke
from ardente_tools.city._slips import Slip, slip_sha256


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return found(tmp_path_factory.mktemp("template") / "city").path


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Iterator[Desk]:
    from ardente_tools.city._folder import City

    shutil.copytree(template, tmp_path / "city")
    made = Desk(City(tmp_path / "city"))
    yield made
    made.table.close()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_batch, "CARDS_PER_CHUNK", 2)


def csv_file(tmp_path: Path, *lines: str, header: str = "age,quarters,replaces") -> Path:
    path = tmp_path / "orders.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


FIVE = (",,", "child 2033,8,", "youth 2030,,", "senior,1,", ",21,")
FIVE_CLASSES = {2: "", 3: "child", 4: "youth", 5: "senior", 6: ""}


def check_batch(desk: Desk, cards: dict[int, str], slips: dict[int, str]) -> None:
    """Each line has one card of its own; its slip is that of the same card."""
    rows = {number: desk.row(digits) for number, digits in cards.items()}
    assert len({index_of(digits) for digits in cards.values()}) == len(cards)
    for number, row in rows.items():
        assert row is not None
        assert desk.table.card_of_slip(slip_sha256(slips[number])) == row


# What comes out


def test_every_card_of_a_batch_is_accepted_with_its_age_class(desk: Desk, tmp_path: Path, small_chunks: None) -> None:
    assert desk.batch(csv_file(tmp_path, *FIVE), tmp_path / "out") == 0
    cards, slips = card_digits(tmp_path / "out"), slip_codes(tmp_path / "out")
    assert list(cards) == list(slips) == [2, 3, 4, 5, 6]
    check_batch(desk, cards, slips)
    for number, digits in cards.items():
        judgement = desk.judge(digits)
        assert (judgement.reason, judgement.age_class) == (reasons.OK, FIVE_CLASSES[number])


def test_pictures_are_read_back_and_accepted(desk: Desk, tmp_path: Path) -> None:
    path = csv_file(tmp_path, *FIVE[:2])
    desk.batch(path, tmp_path / "png", "png")
    path.write_text(path.read_text() + "senior,,\n")
    desk.batch(path, tmp_path / "svg", "svg")
    texts = [digits_in(file.read_bytes()) for file in outputs(tmp_path / "png", "card", "png").values()]
    texts += [digits_in(svg_picture(file.read_bytes())) for file in outputs(tmp_path / "svg", "card", "svg").values()]
    assert len(texts) == 5
    assert {desk.judge(text).reason for text in texts} == {reasons.OK}


def test_sheets_are_read_back_and_accepted_page_by_page(desk: Desk, tmp_path: Path, small_chunks: None) -> None:
    desk.batch(csv_file(tmp_path, *FIVE[:3]), tmp_path / "out", "pdf", "pdf")
    assert sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.pdf")) == [
        "000002-000003/cards-000002-000003.pdf",
        "000002-000003/slips-000002-000003.pdf",
        "000004-000004/cards-000004-000004.pdf",
        "000004-000004/slips-000004-000004.pdf",
    ]
    first = tmp_path / "out" / "000002-000003"
    cards = [digits_in(page) for page in pdf_pages((first / "cards-000002-000003.pdf").read_bytes(), tmp_path)]
    slips = [slip_code(text) for text in pdf_text((first / "slips-000002-000003.pdf").read_bytes(), tmp_path)]
    check_batch(desk, dict(enumerate(cards, 2)), dict(enumerate(slips, 2)))
    assert [desk.judge(text).age_class for text in cards] == ["", "child"]


def test_a_cut_card_goes_to_its_own_folder_and_strangers_files_stay(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("ardente_tools.city._outgoing.name_folder", _no_space)
        with pytest.raises(OSError, match="No space left"):
            desk.issuer.single(desk.order("senior"), tmp_path / "card.late", "digits", "text")
    (tmp_path / ".card.draft.part").write_text("a stranger's")
    (tmp_path / ".card.notes.part").mkdir()
    assert desk.issuer.single(desk.order(), tmp_path / "card", "digits", "text")
    shown = overview(desk.city, NOW_S)
    assert (shown.cards_waiting, shown.cards_cut) == ([str(tmp_path / "card.late")], [])
    assert f"ardente city issue -o {tmp_path / 'card.late'}" in "\n".join(shown.lines("ardente city"))
    assert not desk.issuer.single(desk.order(), tmp_path / "card.late", "digits", "text")
    assert desk.judge((tmp_path / "card.late" / "card.txt").read_text().strip()).age_class == "senior"
    assert overview(desk.city, NOW_S).cards_waiting == []
    assert sorted(path.name for path in tmp_path.glob(".*")) == [".card.draft.part", ".card.notes.part"]


@pytest.mark.parametrize("command", ["single", "batch", "done"])
def test_a_signed_card_that_was_not_entered_is_shown_and_then_deleted(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    desk.issuer.single(desk.order(), tmp_path / "old", "digits", "text")
    with monkeypatch.context() as patch:
        patch.setattr(CardTable, "add_cards", _no_space)
        with pytest.raises(OSError, match="No space left"):
            desk.issuer.single(desk.order(), tmp_path / "elsewhere" / "card", "digits", "text")
    (cut,) = overview(desk.city, NOW_S).cards_cut
    assert (Path(cut) / "card.txt").is_file()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    if command == "single":
        desk.issuer.single(desk.order(), tmp_path / "card", "digits", "text")
    elif command == "batch":
        desk.batch(csv_file(tmp_path, *FIVE), tmp_path / "out")
    else:
        close(desk.city, desk.table, "", tmp_path / "old")
    assert not Path(cut).exists()
    assert overview(desk.city, NOW_S).cards_cut == []


def _no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_single_card_has_a_folder_of_its_own(desk: Desk, tmp_path: Path) -> None:
    assert desk.issuer.single(desk.order("senior"), tmp_path / "card", "png", "text")
    assert sorted(os.listdir(tmp_path / "card")) == ["batch.json", "card.png", "slip.txt"]
    digits = digits_in((tmp_path / "card" / "card.png").read_bytes())
    check_batch(desk, {0: digits}, {0: slip_code((tmp_path / "card" / "slip.txt").read_text())})
    assert desk.judge(digits).age_class == "senior"
    assert desk.table.batches() == []
    with pytest.raises(BatchError, match="exists already"):
        desk.issuer.single(desk.order(), tmp_path / "card", "png", "text")


@pytest.mark.skipif(os.name != "posix", reason="Windows has no file modes")
def test_outputs_are_for_their_owner_only(desk: Desk, tmp_path: Path) -> None:
    desk.batch(csv_file(tmp_path, *FIVE[:1]), tmp_path / "out")
    desk.issuer.single(desk.order(), tmp_path / "card", "digits", "pdf")
    for folder in (tmp_path / "out", tmp_path / "card"):
        for path in [folder, *folder.rglob("*")]:
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


# What the city keeps


def test_the_table_keeps_nothing_that_follows_the_lines(desk: Desk, tmp_path: Path) -> None:
    desk.batch(csv_file(tmp_path, *FIVE), tmp_path / "out")
    cards, slips = card_digits(tmp_path / "out"), slip_codes(tmp_path / "out")
    raw = (desk.city.path / "cards.sqlite").read_bytes()
    for text in (*cards.values(), *slips.values()):
        assert text.encode() not in raw
    db = sqlite3.connect(desk.city.path / "cards.sqlite")
    (batch,) = db.execute("SELECT * FROM batch").fetchall()
    db.close()
    plan = read_plan(tmp_path / "out")
    assert plan is not None
    assert (batch[0], batch[2]) == (plan.id, 5)
    assert len(batch) == 3


def test_the_pages_of_the_table_keep_no_order_of_issue(desk: Desk, tmp_path: Path) -> None:
    """They are those of a table that is written in the order of the random indices."""
    path = desk.city.path / "cards.sqlite"

    def pages() -> bytes:
        # The header counts transactions.
        return path.read_bytes()[100:]

    desk.batch(csv_file(tmp_path, *[",,"] * 300), tmp_path / "out")
    after_batch = pages()
    desk.table.forget_order()
    assert after_batch == pages()
    desk.issuer.single(desk.order(), tmp_path / "card", "digits", "text")
    after_single = pages()
    desk.table.forget_order()
    assert after_single == pages()


def test_batch_ids_are_random(desk: Desk, tmp_path: Path) -> None:
    ids = set()
    for at in range(8):
        desk.batch(csv_file(tmp_path, *FIVE[: at % 3 + 1], f",{at + 1},"), tmp_path / f"out{at}")
        plan = read_plan(tmp_path / f"out{at}")
        assert plan is not None
        ids.add(plan.id)
    assert len(ids) == 8


# Replacing


def test_a_replaced_card_is_revoked_with_the_issue_of_the_new_one(desk: Desk, tmp_path: Path) -> None:
    desk.issuer.single(desk.order("senior"), tmp_path / "old", "digits", "text")
    old = (tmp_path / "old" / "card.txt").read_text().strip()
    slip = slip_code((tmp_path / "old" / "slip.txt").read_text())
    desk.issuer.single(desk.order("senior", replaces=slip.lower()), tmp_path / "new", "digits", "text")
    new = (tmp_path / "new" / "card.txt").read_text().strip()
    assert desk.judge(old).reason == reasons.REVOKED
    assert desk.judge(new).reason == reasons.OK
    with pytest.raises(BatchError, match="was replaced already"):
        desk.issuer.single(desk.order(replaces=slip), tmp_path / "again", "digits", "text")


def test_the_card_itself_stands_for_its_slip(desk: Desk, tmp_path: Path) -> None:
    desk.issuer.single(desk.order(), tmp_path / "old", "digits", "text")
    old = (tmp_path / "old" / "card.txt").read_text()
    desk.issuer.single(desk.order(replaces=old), tmp_path / "new", "digits", "text")
    row = desk.row(old.strip())
    assert row is not None
    assert row.status == REPLACED


def test_a_lost_card_that_was_revoked_can_still_be_replaced(desk: Desk, tmp_path: Path) -> None:
    desk.issuer.single(desk.order(), tmp_path / "old", "digits", "text")
    slip = slip_code((tmp_path / "old" / "slip.txt").read_text())
    revoke(desk.city, slip)
    desk.issuer.single(desk.order(replaces=slip), tmp_path / "new", "digits", "text")
    with pytest.raises(Exception, match="replaced by a new one"):
        reinstate(desk.city, slip)


def test_a_batch_replaces_cards_by_their_slips(desk: Desk, tmp_path: Path, small_chunks: None) -> None:
    desk.batch(csv_file(tmp_path, *FIVE), tmp_path / "first")
    slips = slip_codes(tmp_path / "first")
    desk.batch(csv_file(tmp_path, *(f",,{code}" for code in slips.values())), tmp_path / "second")
    assert desk.table.count_cards(REPLACED, NOW_S) == 5
    assert desk.table.count_cards(VALID, NOW_S) == 5


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([",,", ",,{slip}", ",,{slip}"], "Line 4 replaces a card that a line above replaces"),
        ([",,", ",,000000-000000-000000"], "by line 3: This card or slip is not in the card table"),
        ([",,", ",,000000-000000-000001"], "by line 3: The slip code has a typing error"),
    ],
)
def test_a_wrong_slip_anywhere_stops_the_batch_before_its_first_card(
    desk: Desk, tmp_path: Path, small_chunks: None, lines: list[str], sentence: str
) -> None:
    desk.issuer.single(desk.order(), tmp_path / "old", "digits", "text")
    slip = slip_code((tmp_path / "old" / "slip.txt").read_text())
    with pytest.raises(BatchError, match=sentence) as refusal:
        desk.batch(csv_file(tmp_path, *(line.format(slip=slip) for line in lines)), tmp_path / "out")
    assert slip not in str(refusal.value)
    assert desk.table.count_cards(VALID, NOW_S) == 1
    assert card_digits(tmp_path / "out") == {}


# Going on


class Cut(Exception):
    pass


@pytest.mark.parametrize("at", range(6))
def test_a_cut_batch_goes_on_where_it_stopped(desk: Desk, tmp_path: Path, small_chunks: None, at: int) -> None:
    path = csv_file(tmp_path, *FIVE)

    def cut(done: int) -> None:
        if done == at:
            raise Cut

    with pytest.raises(Cut):
        desk.batch(path, tmp_path / "out", progress=cut)
    before = card_digits(tmp_path / "out") if (tmp_path / "out").exists() else {}
    assert desk.batch(path, tmp_path / "out") == at // 2 * 2 if at < 5 else 5
    after = card_digits(tmp_path / "out")
    assert list(after) == [2, 3, 4, 5, 6]
    assert before.items() <= after.items()
    assert desk.table.count_cards(VALID, NOW_S) == 5
    check_batch(desk, after, slip_codes(tmp_path / "out"))


def cut_after_two(done: int) -> None:
    if done == 2:
        raise Cut


def test_a_batch_that_goes_on_in_a_later_quarter_orders_what_it_ordered(
    desk: Desk, tmp_path: Path, small_chunks: None
) -> None:
    """Validities still count from the quarter in which it was begun, and an age class of that year is still good."""
    path = csv_file(tmp_path, ",,", ",8,", ",,", "child 2026,2,")
    with pytest.raises(Cut):
        desk.batch(path, tmp_path / "out", progress=cut_after_two)
    desk.turn_to(NOW + timedelta(days=60))
    with pytest.raises(OrderError, match="past"):
        desk.batch(path, tmp_path / "another")
    assert desk.batch(path, tmp_path / "out") == 2
    rows = {number: desk.row(digits) for number, digits in card_digits(tmp_path / "out").items()}
    expected = {2: "", 3: "8", 4: "", 5: "2"}
    begun = Validity(NOW, desk.city.config.periods.longest_card_quarters)
    assert {number: row.exp for number, row in rows.items() if row} == {
        number: begun.exp(quarters) for number, quarters in expected.items()
    }


def test_a_batch_that_goes_on_issues_no_card_that_has_expired(desk: Desk, tmp_path: Path, small_chunks: None) -> None:
    path = csv_file(tmp_path, ",,", ",,", ",,", ",1,")
    with pytest.raises(Cut):
        desk.batch(path, tmp_path / "out", progress=cut_after_two)
    desk.turn_to(NOW + timedelta(days=60))
    with pytest.raises(BatchError, match="line 5 would have expired"):
        desk.batch(path, tmp_path / "out")
    assert list(card_digits(tmp_path / "out")) == [2, 3]


def test_a_finished_batch_issues_nothing_more(desk: Desk, tmp_path: Path) -> None:
    path = csv_file(tmp_path, *FIVE)
    desk.batch(path, tmp_path / "out")
    cards = card_digits(tmp_path / "out")
    assert desk.batch(path, tmp_path / "out") == 5
    assert card_digits(tmp_path / "out") == cards
    assert desk.table.count_cards(VALID, NOW_S) == 5


def test_the_same_file_into_another_folder_is_refused_until_the_batch_is_closed(desk: Desk, tmp_path: Path) -> None:
    path = csv_file(tmp_path, *FIVE)
    desk.batch(path, tmp_path / "out")
    with pytest.raises(BatchError, match="this very CSV file are issued already"):
        desk.batch(path, tmp_path / "twice")
    assert not (tmp_path / "twice").exists()
    plan = read_plan(tmp_path / "out")
    assert plan is not None
    close(desk.city, desk.table, plan.id, tmp_path / "out")
    desk.batch(path, tmp_path / "twice")
    assert desk.table.count_cards(VALID, NOW_S) == 10


def test_what_does_not_fit_the_batch_is_refused(desk: Desk, tmp_path: Path) -> None:
    path = csv_file(tmp_path, *FIVE)
    desk.batch(path, tmp_path / "out")
    with pytest.raises(BatchError, match="begun with --format digits --slips text; keep"):
        desk.batch(path, tmp_path / "out", "png")
    with pytest.raises(BatchError, match="begun with --format digits --slips text; keep"):
        desk.batch(path, tmp_path / "out", quarters="8")
    path.write_text(path.read_text() + ",,\n")
    with pytest.raises(BatchError, match="before it was changed"):
        desk.batch(path, tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("to keep")
    with pytest.raises(BatchError, match="not empty"):
        desk.batch(path, tmp_path / "full")
    assert desk.table.count_cards(VALID, NOW_S) == 5


def test_a_table_older_than_the_outputs_is_noticed(desk: Desk, tmp_path: Path, small_chunks: None) -> None:
    path = csv_file(tmp_path, *FIVE)

    def cut(done: int) -> None:
        if done == 2:
            raise Cut

    backup = tmp_path / "backup.sqlite"
    with pytest.raises(Cut):
        desk.batch(path, tmp_path / "out", progress=cut)
    shutil.copy(desk.city.path / "cards.sqlite", backup)
    desk.batch(path, tmp_path / "out")
    desk.table.close()
    shutil.copy(backup, desk.city.path / "cards.sqlite")
    desk.table = desk.city.cards()
    with pytest.raises(BatchError, match="restored from an old backup"):
        desk.batch(path, tmp_path / "out")


def test_other_commands_find_the_folder_free_between_chunks(desk: Desk, tmp_path: Path, small_chunks: None) -> None:
    desk.issuer.single(desk.order(), tmp_path / "lost", "digits", "text")
    slip = slip_code((tmp_path / "lost" / "slip.txt").read_text())
    seen = []

    def other_command(done: int) -> None:
        lock = desk.city.path / ".lock"
        if done in (2, 4) and done not in seen:
            seen.append(done)
            assert lock.exists()
            revoke(desk.city, slip) if done == 2 else reinstate(desk.city, slip)

    desk.batch(csv_file(tmp_path, *FIVE), tmp_path / "out", progress=other_command)
    assert seen == [2, 4]
    assert len(card_digits(tmp_path / "out")) == 5


def test_a_key_that_changes_under_a_batch_stops_it_and_it_goes_on_with_the_new(
    desk: Desk, tmp_path: Path, small_chunks: None
) -> None:
    path = csv_file(tmp_path, *FIVE)

    def rotate(done: int) -> None:
        if done == 2:
            _card_keys.announce_key(desk.city, None, NOW_S, at_once=True)

    with pytest.raises(BatchError, match="card key was changed"):
        desk.batch(path, tmp_path / "out", progress=rotate)
    desk.batch(path, tmp_path / "out")
    assert list(card_digits(tmp_path / "out")) == [2, 3, 4, 5, 6]
    assert {desk.judge(digits).reason for digits in card_digits(tmp_path / "out").values()} == {reasons.OK}


def test_a_list_without_room_is_said_before_the_first_card(tmp_path: Path) -> None:
    desk = Desk(found(tmp_path / "city", entries=1024))
    path = csv_file(tmp_path, *[",,"] * 1025)
    with pytest.raises(ListFullError, match="no room for 1025 cards"):
        desk.batch(path, tmp_path / "out")
    assert desk.table.count_cards(VALID, NOW_S) == 0
    desk.table.close()


def test_a_validity_that_partners_do_not_know_yet_is_refused(desk: Desk, tmp_path: Path) -> None:
    desk.validity = Validity(NOW + timedelta(days=60), desk.city.config.periods.longest_card_quarters)
    with pytest.raises(BatchError, match="run first: ardente city publish"):
        desk.batch(csv_file(tmp_path, *FIVE), tmp_path / "out")
    assert desk.table.count_cards(VALID, NOW_S) == 0


def test_a_folder_may_have_any_name(desk: Desk, tmp_path: Path) -> None:
    desk.issuer.single(desk.order(), tmp_path / "carte [1] *", "digits", "text")
    with pytest.raises(BatchError, match="exists already"):
        desk.issuer.single(desk.order(), tmp_path / "sub" / "..", "digits", "text")


# Closing


def test_done_deletes_the_outputs_and_the_record_and_nothing_else(
    desk: Desk, tmp_path: Path, small_chunks: None
) -> None:
    desk.batch(csv_file(tmp_path, *FIVE), tmp_path / "out", "svg", "pdf")
    letter = tmp_path / "out" / "000002-000003" / "letter.txt"
    letter.write_text("Dear holder")
    plan = read_plan(tmp_path / "out")
    assert plan is not None
    assert cards_missing(desk.table, plan) == 0
    assert close(desk.city, desk.table, plan.id, tmp_path / "out") == (True, 1)
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [letter]
    assert desk.table.batches() == []
    assert desk.table.count_cards(VALID, NOW_S) == 5


def test_done_leaves_no_folder_where_nothing_else_was_in_it(desk: Desk, tmp_path: Path) -> None:
    desk.batch(csv_file(tmp_path, *FIVE), tmp_path / "out", "pdf", "pdf")
    desk.issuer.single(desk.order(), tmp_path / "card", "svg", "text")
    for folder in (tmp_path / "out", tmp_path / "card"):
        plan = read_plan(folder)
        assert plan is not None
        assert close(desk.city, desk.table, plan.id, folder).files_left == 0
        assert not folder.exists()


def test_a_link_in_the_folder_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    desk.batch(csv_file(tmp_path, *FIVE), tmp_path / "out")
    other = tmp_path / "other"
    other.mkdir()
    (other / "card-000001.txt").write_text("to keep")
    (tmp_path / "out" / "000007-000008").symlink_to(other)
    plan = read_plan(tmp_path / "out")
    assert plan is not None
    close(desk.city, desk.table, plan.id, tmp_path / "out")
    assert (other / "card-000001.txt").exists()


def test_a_damaged_plan_is_a_sentence(tmp_path: Path) -> None:
    for text in ("{", "[]", json.dumps({"ardente": "batch-1"}), json.dumps({"ardente": "batch-2", "id": ""})):
        (tmp_path / "batch.json").write_text(text)
        with pytest.raises(BatchError, match="is damaged"):
            read_plan(tmp_path)


# Power cuts


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
@pytest.mark.parametrize("what", ["batch", "single", "done"])
def test_a_kill_at_any_operation_loses_nothing(template: Path, tmp_path: Path, what: str) -> None:
    script = Path(__file__).with_name("city_kill_walk.py")
    run = subprocess.run(
        [sys.executable, script, what, template, tmp_path], capture_output=True, text=True, timeout=110, check=False
    )
    assert run.returncode == 0, run.stderr[-4000:]
    kills = int(run.stdout.split()[-1])
    assert kills >= {"batch": 60, "single": 25, "done": 12}[what], "the walk saw too few operations"


def test_what_cannot_be_issued_is_refused_before_a_passphrase_is_asked_for(desk: Desk, tmp_path: Path) -> None:
    def asked(key: CardKey) -> NoReturn:
        raise AssertionError("The passphrase of the card key was asked for.")

    issuer = Issuer(desk.city, desk.table, asked, lambda: desk.now_s)

    def batch(path: Path, folder: str) -> int:
        return issuer.batch(read_orders(path, desk.validity), tmp_path / folder, "digits", "text")

    path = csv_file(tmp_path, *FIVE)
    desk.batch(path, tmp_path / "out")
    with pytest.raises(BatchError, match="exists already"):
        issuer.single(desk.order(), tmp_path / "out", "digits", "text")
    with pytest.raises(BatchError, match="The card to be replaced: "):
        issuer.single(desk.order(replaces=Slip.new().text), tmp_path / "new", "digits", "text")
    with pytest.raises(BatchError, match="issued already, as batch"):
        batch(path, "again")
    path = csv_file(tmp_path, "senior,,")
    with pytest.raises(BatchError, match="of another CSV file"):
        batch(path, "out")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("kept")
    with pytest.raises(BatchError, match="is not empty"):
        batch(path, "taken")
    with pytest.raises(BatchError, match="replaced by line 2: "):
        batch(csv_file(tmp_path, f",,{Slip.new().text}"), "new")
    assert not (tmp_path / "new").exists()


def test_a_wrong_passphrase_begins_nothing(desk: Desk, tmp_path: Path) -> None:
    def refused(key: CardKey) -> NoReturn:
        raise KeyFileError("The passphrase is wrong.")

    issuer = Issuer(desk.city, desk.table, refused, lambda: desk.now_s)
    with pytest.raises(KeyFileError):
        issuer.single(desk.order(), tmp_path / "one", "digits", "text")
    with pytest.raises(KeyFileError):
        issuer.batch(read_orders(csv_file(tmp_path, *FIVE), desk.validity), tmp_path / "out", "digits", "text")
    assert desk.table.batches() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["city", "orders.csv"]
