"""The card table: what it knows, and that its file tells nothing else."""

from __future__ import annotations

import secrets
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from ardente_tools.city._cards import (
    CURRENT,
    DECOY,
    REPLACED,
    REVOKED,
    SPENT_DECOY,
    VALID,
    CardKey,
    CardTable,
    NewCard,
)
from ardente_tools.city._errors import CityError, ListFullError

KEY = CardKey(1, bytes(32), "https://liege.example/status/1", 4096, 2_000_000_000, 0, CURRENT)
EXP = 1_806_537_600


@pytest.fixture
def path(tmp_path: Path) -> Path:
    CardTable.create(tmp_path / "cards.sqlite")
    return tmp_path / "cards.sqlite"


def new_cards(table: CardTable, count: int, exp: int = EXP) -> list[NewCard]:
    return [NewCard(index, exp, secrets.token_bytes(32)) for index in table.free_indices(KEY, count)]


def add(table: CardTable, cards: list[NewCard]) -> None:
    with table.transaction():
        table.add_cards(KEY, cards)


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def test_the_table_has_no_place_for_a_name_an_age_or_a_time_of_issue(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        columns = {
            table: [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]
            for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        }
        rowids = db.execute("SELECT name, wr FROM pragma_table_list WHERE name IN ('card', 'batch')").fetchall()
    assert columns == {
        "card": ["list", "number", "status", "exp", "slip"],
        "batch": ["id", "source", "lines_done"],
        # A key and a publication are public; their times are those of no card.
        "card_key": ["kid", "public_key", "list_uri", "entries", "latest_exp", "announced_at", "state"],
        "publication": ["only", "version"],
    }
    # A rowid would be the order of issue.
    assert sorted(rowids) == [("batch", 1), ("card", 1)]


def test_the_file_is_the_same_in_whatever_order_cards_were_issued(tmp_path: Path) -> None:
    files = []
    cards: list[NewCard] = []
    for name, order in (("a", 1), ("b", -1)):
        path = tmp_path / name
        CardTable.create(path)
        with CardTable(path) as table:
            cards = cards or new_cards(table, 500)
            for start in range(0, 500, 100):
                add(table, cards[::order][start : start + 100])
            revoked = table.card(1, cards[7].index)
            assert revoked
            with table.transaction():
                table.set_status(revoked, REVOKED)
            table.forget_order()
        files.append(path.read_bytes())
        assert sorted(left.name for left in tmp_path.glob(f"{name}*")) == [name]
    assert dump(tmp_path / "a") == dump(tmp_path / "b")
    assert files[0] == files[1]


def test_before_the_order_is_forgotten_it_could_be_read(tmp_path: Path) -> None:
    # The reason for forget_order: a page keeps its rows in the order in which they came.
    files = []
    cards: list[NewCard] = []
    for order in (1, -1):
        path = tmp_path / str(order)
        CardTable.create(path)
        with CardTable(path) as table:
            cards = cards or new_cards(table, 50)
            add(table, cards[::order])
        files.append(path.read_bytes())
    assert files[0] != files[1]


def test_a_replaced_card_and_its_successor_have_nothing_in_common(path: Path) -> None:
    with CardTable(path) as table:
        old, new = new_cards(table, 2)
        add(table, [old])
        row = table.card(1, old.index)
        assert row
        with table.transaction():
            table.set_status(row, REPLACED)
            table.add_cards(KEY, [new])
        table.forget_order()
    with closing(sqlite3.connect(path)) as db:
        rows = {row[1]: row for row in db.execute("SELECT * FROM card")}
    assert rows == {
        old.index: (1, old.index, REPLACED, EXP, old.slip_sha256),
        new.index: (1, new.index, VALID, EXP, new.slip_sha256),
    }


def test_what_was_purged_is_not_in_the_file(path: Path) -> None:
    with CardTable(path) as table:
        gone, stays = new_cards(table, 1, EXP), new_cards(table, 1, EXP + 1)
        add(table, gone + stays)
        assert gone[0].slip_sha256 in path.read_bytes()
        assert table.purge(EXP) == 1
        assert gone[0].slip_sha256 not in path.read_bytes()
        assert stays[0].slip_sha256 in path.read_bytes()
        assert table.card_of_slip(gone[0].slip_sha256) is None
        assert gone[0].index in table.free_indices(KEY, KEY.entries - 1)


def test_indices_are_unique_random_and_never_those_of_cards_or_decoys(path: Path) -> None:
    with CardTable(path) as table:
        first = new_cards(table, 2000)
        add(table, first)
        decoys = table.free_indices(KEY, 1000)
        with table.transaction():
            table.add_decoys(1, [(index, EXP) for index in decoys])
            table.spend_decoys(1, decoys[:500])
        rest = table.free_indices(KEY, KEY.entries - 3000)
        taken = {card.index for card in first} | set(decoys)
        assert len(taken) == 3000
        assert set(rest) == set(range(KEY.entries)) - taken
        assert rest != sorted(rest)
        with pytest.raises(ListFullError, match="rotate-keys"):
            table.free_indices(KEY, KEY.entries - 2999)


def test_an_index_or_slip_that_is_taken_is_refused_and_nothing_else_is_kept(path: Path) -> None:
    with CardTable(path) as table:
        card, other = new_cards(table, 2)
        add(table, [card])
        before = dump(path)
        for clash in (NewCard(card.index, EXP, other.slip_sha256), NewCard(other.index, EXP, card.slip_sha256)):
            with pytest.raises(sqlite3.IntegrityError):
                begin_batch_and_add(table, clash)
        assert dump(path) == before


def begin_batch_and_add(table: CardTable, card: NewCard) -> None:
    with table.transaction():
        table.begin_batch(bytes(32))
        table.add_cards(KEY, [card])


def test_a_full_disk_is_one_sentence_and_loses_nothing(path: Path) -> None:
    with CardTable(path) as table:
        add(table, new_cards(table, 10))
    before = dump(path)
    with pytest.raises(CityError, match=r"cannot be used \(database or disk is full\)"):
        add_to_a_full_disk(path)
    assert dump(path) == before


def add_to_a_full_disk(path: Path) -> None:
    with CardTable(path) as table:
        table._db.execute("PRAGMA max_page_count = 1")
        add(table, new_cards(table, 2000))


def test_a_decoy_is_no_card(path: Path) -> None:
    with CardTable(path) as table:
        with table.transaction():
            table.add_decoys(1, [(3, EXP), (4, EXP)])
            table.spend_decoys(1, [4])
        assert table.card(1, 3) is None
        assert table.card(1, 4) is None
        assert list(table.set_bits(1, EXP - 1)) == [3]
        assert table.decoys(1, EXP - 1) == [3]
        assert [table.count_cards(status, 0) for status in (DECOY, SPENT_DECOY)] == [1, 1]


def test_bits_are_set_until_their_quarter_ends(path: Path) -> None:
    with CardTable(path) as table:
        cards = new_cards(table, 3)
        add(table, cards)
        for card, status in zip(cards, (REVOKED, REPLACED, VALID), strict=True):
            row = table.card(1, card.index)
            assert row
            with table.transaction():
                table.set_status(row, status)
        assert set(table.set_bits(1, EXP - 1)) == {card.index for card in cards[:2]}
        assert list(table.set_bits(1, EXP)) == []
        assert table.is_cleared(1, cards[2].index, EXP - 1)
        assert not table.is_cleared(1, cards[0].index, EXP - 1)
        assert not table.is_cleared(1, cards[2].index, EXP)


def test_rows_do_not_show_their_index(path: Path) -> None:
    with CardTable(path) as table:
        (card,) = new_cards(table, 1)
        add(table, [card])
        row = table.card(1, card.index)
        assert repr(card).startswith("<ardente_tools.city._cards.NewCard object at")
        assert repr(row).startswith("<ardente_tools.city._cards.CardRow object at")


def test_the_file_is_for_its_owner_and_leaves_no_journal(path: Path) -> None:
    with CardTable(path) as table:
        add(table, new_cards(table, 100))
        assert [left.name for left in path.parent.iterdir()] == ["cards.sqlite"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"noise" * 1000, b"SQLite format 3\x00" + bytes(4080)])
def test_a_file_that_is_no_card_table_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cards.sqlite"
    with pytest.raises(CityError, match="is missing"):
        CardTable(path)
    path.write_bytes(content)
    with pytest.raises(CityError, match="is no card table of this version"):
        CardTable(path)
    assert path.read_bytes() == content
