"""`ardente city campaign` and `settle` as people type them."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest
from city_desk import NOW_S
from city_partner import DAY_S, Partner
from city_printed import digits_in as digits_in_picture
from city_terminal import Terminal
from city_voucher_office import digits_in

from ardente._ed25519 import verify
from ardente.core.verdict import Judge
from ardente.ledger import Ledger
from ardente_tools.city._folder import City

CREATE = (
    "campaign",
    "create",
    "--name",
    "Bons de Noël",
    "--value",
    "10",
    "--from",
    "2026-11-23",
    "--until",
    "2027-01-31",
)


def pasted(said: str, after: str) -> list[str]:
    """The command that a message says to give next."""
    (line,) = (line for line in said.splitlines() if line.startswith(after))
    return shlex.split(line.removeprefix(after))[2:]


def test_a_campaign_from_the_first_day_to_the_settlement(terminal: Terminal, demo: City) -> None:
    said = terminal(*CREATE, "--value", "20,50", "--offline", "20", "200", "24", "--merchants", "food")
    assert said.splitlines()[0] == "Campaign 1 is made: Bons de Noël, until 31.01.2027."
    said = terminal("campaign", "issue", "1", "--count", "12", "--value", "10", "--format", "digits", "-o", "out")
    assert said.splitlines()[:2] == [
        "12 vouchers of 10.00 EUR are in out.",
        "They are batch 1, valid until 31.01.2027.",
    ]
    said = terminal(*pasted(said, "When they have arrived: "))
    assert said.splitlines()[0] == "Batch 1 is active: 12 vouchers."
    terminal(*pasted(said, "Shops know from the next bundle on: "))
    said = terminal(*pasted(said, "Bring the ledger: "))
    assert said.startswith("campaign-1.json is what the ledger imports of campaign 1")

    with Ledger.open("ledger.db", clock=lambda: NOW_S) as ledger:
        partner = Partner(demo)
        manifest = partner.install(NOW_S).manifest
        bits = {
            uri: (lambda index, list_=list_: list_[index >> 3] >> (index & 7) & 1)
            for uri, list_ in partner.bits.items()
        }
        judge = Judge(manifest, verify, bits)
        ledger.migrate()
        ledger.load_campaigns(manifest)
        ledger.load_issued("campaign-1.json")
        shop = ledger.add_merchant("Librairie", "Outremeuse", ["food"])
        till = ledger.till(ledger.add_till(shop, "Till")[1])
        for number, digits in enumerate(digits_in(Path("out"))[:7]):
            ledger.redeem(till, judge.voucher(digits, NOW_S), key=f"key-{number}")
    terminal.now += DAY_S
    settle = ("settle", "--ledger", "ledger.db", "-o", "paid")
    assert terminal(*settle, answer="n\n", status=2).endswith("Nothing was closed.\n")
    said = terminal(*settle, answer="y\n")
    assert "2026-11-23 is closed: 70.00 EUR for 1 merchant." in said
    first = {path.name: path.read_bytes() for path in Path("paid").iterdir()}
    assert sorted(first) == ["settlement-2026-11-23.csv", "settlement-2026-11-23.html"]
    terminal(*settle, "--yes")
    assert {path.name: path.read_bytes() for path in Path("paid").iterdir()} == first
    said = terminal("settle", "--ledger", "ledger.db", "-o", "paid", "--day", "2026-11-24", "--yes", status=2)
    assert "A day is closed when it is over" in said

    said = terminal("campaign", "report", "1", "--ledger", "ledger.db", "-o", "report")
    assert "Redeemed: 7, 70.00 EUR" in said
    assert sorted(os.listdir("report")) == ["days.csv", "districts.csv", "report.svg"]
    found = json.loads(terminal("campaign", "report", "1", "--ledger", "ledger.db", "--json"))
    assert (found["issued"], found["redeemed"], found["last_day"]) == (12, 7, "2026-11-23")
    assert found["districts"] == [{"name": "Outremeuse", "redemptions": 7, "amount": 7000}]


def test_what_there_is_is_shown(terminal: Terminal, demo: City) -> None:
    terminal(*CREATE)
    terminal("campaign", "issue", "1", "--count", "3", "--format", "csv", "-o", "out")
    said = terminal("show")
    assert "Campaign 1 (Bons de Noël): over from 2027-02-01" in said
    assert "  batch 1 (inactive): 3 vouchers of 10.00 EUR" in said
    assert json.loads(terminal("show", "--json"))["campaigns"][0]["batches"][0]["vouchers"] == 3


def test_one_voucher_is_revoked_by_its_picture(terminal: Terminal, demo: City) -> None:
    terminal(*CREATE)
    terminal("campaign", "issue", "1", "--count", "1", "--format", "png", "--active", "-o", "out")
    (picture,) = Path("out").glob("*/*.png")
    said = terminal("campaign", "revoke", "1", str(picture))
    assert said.startswith("Revoked.\n")
    again = terminal("campaign", "revoke", "1", "-", answer=f"{digits_in_picture(picture.read_bytes())}\n")
    assert again == "This voucher was revoked already.\n"
    assert not re.search(r"[0-9]{8}", said + again)


def test_what_cannot_be_taken_back_is_asked(terminal: Terminal, demo: City) -> None:
    terminal(*CREATE)
    terminal("campaign", "issue", "1", "--count", "2", "--format", "digits", "--active", "-o", "out")
    said = terminal("campaign", "revoke", "1", "--batch", "1", answer="n\n", status=2)
    assert "Revoke the 2 vouchers of batch 1 for good?" in said
    assert said.endswith("Nothing was revoked.\n")
    assert "Batch 1 is revoked: 2 vouchers." in terminal("campaign", "revoke", "1", "--batch", "1", answer="y\n")
    assert terminal("campaign", "close", "1", answer="n\n", status=2).endswith("Nothing was closed.\n")
    assert "is closed, and its key deleted" in terminal("campaign", "close", "1", "--yes")
    assert terminal("campaign", "close", "1", "--yes") == "This campaign was over already.\n"


def test_a_citys_voucher_key_has_a_passphrase(terminal: Terminal) -> None:
    passphrase = "une grande place"
    terminal(
        *("--folder", "liege", "init", "--id", "liege", "--name", "Liège", "--lists", "https://liege.example/status"),
        answer=f"{passphrase}\n" * 4,
    )
    terminal("--folder", "liege", *CREATE, passphrase=passphrase)
    issue = ("--folder", "liege", "campaign", "issue", "1", "--count", "1", "--format", "digits", "-o", "out")
    assert "passphrase" in terminal(*issue, passphrase="un petit pont", status=2)
    assert not Path("out").exists()
    terminal(*issue, passphrase=passphrase)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("create", *CREATE[2:], "--value", "dix"), "an amount is written as 10 or 10.50"),
        (("create", *CREATE[2:], "--value", "-5"), "an amount is written as 10 or 10.50"),
        (("create", *CREATE[2:], "--value", "10.5"), "an amount is written as 10 or 10.50"),
        (("create", *CREATE[2:], "--until", "31/01/2027"), "does not match the format"),
        (("issue", "1", "--count", "1", "-o", "out"), "Say with --value which of the campaign's values: 10.00, 20.00"),
        (("issue", "1", "--count", "1", "--value", "15", "-o", "out"), "has no vouchers of this value"),
        (("issue", "7", "--count", "1", "-o", "out"), "This city has no campaign 7; see: ardente city show"),
        (("activate", "1"), "Say with --batch"),
        (("activate", "1", "--batch", "3"), "has no batch 3"),
        (("revoke", "1"), "Name one of the two"),
        (("revoke", "1", "-", "--batch", "1"), "Name one of the two"),
        (("revoke", "1", "none.png"), "There is no such file"),
        (("export", "7", "-o", "out"), "no campaign 7"),
        (("report", "1", "--ledger", "mysql://nowhere"), "This database address is not understood"),
    ],
)
def test_wrong_use_is_a_sentence_and_status_2(
    terminal: Terminal,
    demo: City,
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    terminal(*CREATE, "--value", "20")
    said = terminal("campaign", *arguments, status=2)
    assert sentence in said
    assert "Traceback" not in said
    assert not Path("out").exists()
