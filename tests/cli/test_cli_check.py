"""`ardente check`: one card, from a picture, a pipe or a keyboard; or one a line for a till."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import jsonschema
import pytest
import segno
from desk import PROJECT, TARIFF, assert_no_card
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ardente import PartnerKey, TrustStore, _texts
from ardente.testing import TEST_CARDS

ACCEPTED, REFUSED = _texts.ACCEPTED, _texts.REFUSED


@pytest.fixture(scope="module")
def schema() -> jsonschema.protocols.Validator:
    page = (PROJECT / "docs" / "check-protocol.md").read_text(encoding="utf-8")
    found = json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL).group(1))
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def picture(folder: Path, *texts: str) -> Path:
    """Photograph cards: one picture with the code of each."""
    from PIL import Image

    codes = []
    for text in texts:
        file = BytesIO()
        segno.make(text, error="m", micro=False).save(file, kind="png", scale=4, border=4)
        codes.append(Image.open(file).convert("L"))
    sheet = Image.new("L", (sum(code.width for code in codes) or 200, 300), "white")
    left = 0
    for code in codes:
        sheet.paste(code, (left, 0))
        left += code.width
    path = folder / "card.png"
    sheet.save(path)
    return path


# One card.


def test_a_good_card_in_a_picture_is_accepted(ardente, cards, tmp_path) -> None:
    result = ardente("check", picture(tmp_path, cards.good))
    assert (result.exit_code, result.stdout) == (0, f"{ACCEPTED}\n")


@pytest.mark.parametrize("name", ["revoked", "expired", "altered"])
def test_every_refusal_reads_the_same_to_the_queue(ardente, cards, name) -> None:
    result = ardente("check", "-", input=getattr(cards, name))
    assert (result.exit_code, result.stdout, result.stderr) == (1, f"{REFUSED}\n", "")


@pytest.mark.parametrize(
    ("name", "reason"), [("revoked", "revoked"), ("expired", "expired"), ("altered", "bad_signature"), ("good", "ok")]
)
def test_staff_may_read_the_reason(ardente, cards, name, reason) -> None:
    result = ardente("check", "--staff", input=getattr(cards, name))
    assert result.stdout.splitlines()[1] == _texts.CARD_TEXTS[reason]


@pytest.mark.parametrize(("language", "text"), [("fr", "Carte acceptée"), ("nl", "Kaart aanvaard"), ("de", "Karte")])
def test_it_speaks_the_language_that_was_asked_for(ardente, cards, language, text) -> None:
    assert text in ardente("check", "--language", language, input=cards.good).stdout
    assert text in ardente("--language", language, "check", input=cards.good).stdout
    assert text in ardente("check", input=cards.good, env={"ARDENTE_LANGUAGE": language}).stdout
    system = {"ARDENTE_LANGUAGE": "", "LC_ALL": "", "LC_MESSAGES": "", "LANG": f"{language}_BE.UTF-8"}
    assert text in ardente("check", input=cards.good, env=system).stdout


@pytest.mark.parametrize("locale", ["", "C.UTF-8", "it_IT.UTF-8"])
def test_in_another_language_it_speaks_french(ardente, cards, locale) -> None:
    system = {"ARDENTE_LANGUAGE": "", "LC_ALL": "", "LC_MESSAGES": "", "LANG": locale}
    assert "Carte acceptée" in ardente("check", input=cards.good, env=system).stdout


def test_a_picture_without_a_code_or_with_two_asks_for_another(ardente, cards, tmp_path) -> None:
    for texts, problem in (((), "no_code"), ((cards.good, cards.senior), "several_codes")):
        result = ardente("check", picture(tmp_path, *texts))
        assert (result.exit_code, result.stdout) == (1, f"{_texts.SCAN_TEXTS[problem]}\n")


def test_a_file_that_is_no_picture_is_not_checked(ardente, tmp_path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a picture")
    result = ardente("check", path)
    assert result.exit_code == 2
    assert "not a picture" in result.stderr
    assert ardente("check", tmp_path / "none.png").exit_code == 2


def test_half_a_scan_asks_for_a_scan_and_refuses_nobody(ardente, cards) -> None:
    result = ardente("check", input=cards.good[:-9])
    assert (result.exit_code, result.stdout) == (1, f"{_texts.SCAN_TEXTS['torn']}\n")


def test_no_scan_at_all_is_said(ardente) -> None:
    result = ardente("check", input="")
    assert result.exit_code == 2
    assert "No scan came" in result.stderr


def test_a_scan_that_a_belgian_keyboard_garbled_is_read(ardente, cards) -> None:
    typed = cards.good.translate(str.maketrans("0123456789", "à&é\"'(§è!ç"))
    assert ardente("check", input=typed).exit_code == 0


# What does not belong in a command.


@pytest.mark.parametrize(
    "args",
    [
        ("check", "{}"),
        ("check", "x.png", "{}"),
        ("{}",),
        ("check", "--", "{}"),
        ("check", "--product={}"),
        ("trust", "{}"),
    ],
)
def test_a_card_in_a_command_is_refused_without_repeating_it(ardente, cards, args) -> None:
    result = ardente(*[arg.format(cards.good) for arg in args])
    assert result.exit_code == 2
    assert "shell" in result.stderr
    assert cards.good[:17] not in result.output


@pytest.mark.parametrize("form", [["--test-city", "{}"], ["--test-city={}"]])
def test_the_test_citys_cards_may_stand_in_a_command(ardente, form) -> None:
    good = next(card for card in TEST_CARDS if card.name == "resident")
    revoked = next(card for card in TEST_CARDS if card.name == "revoked")
    assert ardente("check", *[part.format(good.text) for part in form]).exit_code == 0
    assert ardente("check", *[part.format(revoked.text) for part in form]).exit_code == 1


def test_the_test_citys_cards_are_good_there_only(ardente, cards) -> None:
    good = next(card for card in TEST_CARDS if card.name == "resident")
    assert ardente("check", input=good.text).exit_code == 1
    assert ardente("check", "--test-city", cards.good).exit_code == 1


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_real_card_behind_test_city_is_to_be_deleted_from_the_history(ardente, cards, form) -> None:
    for text in (cards.good, cards.good[:100]):
        result = ardente("check", *form, "--test-city", text)
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1
        assert "shell's history" in result.stderr


def test_the_test_citys_cards_may_stay_in_the_history(ardente) -> None:
    for card in TEST_CARDS:
        assert "history" not in ardente("check", "--test-city", card.text).stderr


# The price.


def test_the_price_follows_the_verdict(ardente, cards) -> None:
    price = ("check", "--json", "--tariff", TARIFF, "--product", "exhibition")
    lines = ardente(*price, input=f"{cards.good}\n{cards.revoked}\n").stdout.splitlines()
    resident, visitor = (json.loads(line)["quote"] for line in lines)
    assert visitor["price_cents"] == 1700
    assert visitor["rule"] == "base"
    assert resident["price_cents"] < visitor["price_cents"]


def test_the_price_stands_below_the_sentence(ardente, cards) -> None:
    result = ardente("check", "--tariff", TARIFF, "--product", "audio_guide", input=cards.good)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{ACCEPTED}\n\nAudio guide")
    assert "€4.00" in result.stdout


def test_the_age_classes_are_those_of_the_tariff(ardente, cards) -> None:
    plain = json.loads(ardente("check", "--json", "-", input=f"{cards.senior}\n").stdout)
    priced = json.loads(
        ardente("check", "--json", "--tariff", TARIFF, "--product", "entry", input=f"{cards.senior}\n").stdout
    )
    assert plain["age_classes"] == []
    assert priced["age_classes"] == ["over_65"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--product", "entry"], "--tariff"),
        (["--minutes", "30"], "--tariff"),
        (["--tariff", TARIFF], "entry, exhibition, audio_guide"),
        (["--tariff", TARIFF, "--product", "lunch"], "no product 'lunch'"),
        (["--tariff", "nowhere.toml", "--product", "entry"], "nowhere.toml"),
        (["--tariff", TARIFF, "--product", "entry", "--minutes", "30"], "not sold by time"),
        (["--grace", "-1"], "--grace"),
        (["--language", "it"], "'it'"),
    ],
)
def test_what_cannot_be_priced_is_said_before_a_card_is_shown(ardente, cards, args, said) -> None:
    result = ardente("check", *args, input=cards.good)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_stay_is_priced_by_its_length(ardente, cards, tmp_path) -> None:
    tariff = tmp_path / "parking.toml"
    tariff.write_text(
        'currency = "EUR"\nvat_rate = 21\n[products.parking]\nlabel = "Parking"\nprice = "2.00"\nper_minutes = 60\n'
    )
    result = ardente("check", "--tariff", tariff, "--minutes", "61", "--staff", input=cards.good)
    assert "€4.00" in result.stdout


# The age of what it judges by.


@pytest.fixture
def aged(city, root_sha256, tmp_path):
    """A trust folder whose bundle is so many days old."""

    def folder(days: float) -> Path:
        path = tmp_path / "aged"
        then = datetime.now(UTC) - timedelta(days=days)
        store = TrustStore(path, clock=then.timestamp)
        store.init(city.root(), root_sha256)
        store.install(city.bundle(iat=then))
        return path

    return folder


def test_staff_are_warned_that_newer_data_are_due(ardente, cards, aged) -> None:
    result = ardente("check", "--trust", aged(10), input=cards.good)
    assert (result.exit_code, result.stdout) == (0, f"{ACCEPTED}\n")
    assert "bundle 1, 10 days old" in result.stderr


@pytest.mark.parametrize(("grace", "status"), [("14", 0), ("3", 1), ("0", 1)])
def test_expired_data_are_accepted_within_the_grace(ardente, cards, aged, grace, status) -> None:
    assert ardente("check", "--trust", aged(50), "--grace", grace, input=cards.good).exit_code == status


def test_a_desk_has_a_grace_of_fourteen_days(ardente, cards, aged) -> None:
    answer = json.loads(ardente("check", "--json", "--trust", aged(50), input=cards.good).stdout)
    assert answer["freshness"]["state"] == "stale-accepted"


def test_without_a_trust_folder_it_says_what_to_do(ardente, cards, tmp_path) -> None:
    result = ardente("check", "--trust", tmp_path / "none", input=cards.good)
    assert result.exit_code == 2
    assert "ardente trust init" in result.stderr


# Tags.


def test_a_tag_is_given_only_to_who_has_a_key(ardente, cards, tmp_path) -> None:
    key = tmp_path / "tag.key"
    PartnerKey.new().save(key)
    scans = f"{cards.good}\n{cards.good}\n{cards.senior}\n{cards.revoked}\n"
    plain = [json.loads(line) for line in ardente("check", "--json", input=scans).stdout.splitlines()]
    assert not any("tag" in answer for answer in plain)
    tagged = ardente("check", "--json", "--tag-key", key, input=scans).stdout.splitlines()
    first, again, other, refused = (json.loads(line).get("tag") for line in tagged)
    assert first == again
    assert first != other
    assert refused is None


# A till: one line, one answer, for as long as it runs.


def test_each_answer_follows_the_published_schema(ardente, cards, schema, tmp_path) -> None:
    key = tmp_path / "tag.key"
    PartnerKey.new().save(key)
    lines = [*cards.all(), cards.good[:-9], cards.good * 2, "https://example.org/", "", "à&é", "1" * 5000]
    reasons, problems = set(), set()
    for extra in ([], ["--tariff", TARIFF, "--product", "entry", "--tag-key", key]):
        answers = ardente("check", "-", "--json", *extra, input="\n".join(lines)).stdout.splitlines()
        assert len(answers) == len(lines)
        for answer in map(json.loads, answers):
            schema.validate(answer)
            reasons.add(answer["reason"])
            problems.add(answer["problem"])
    assert reasons >= {"ok", "revoked", "expired", "bad_signature", "not_a_card"}
    assert problems == {None, "torn", "glued", "too_long"}


@pytest.mark.parametrize("language", _texts.LANGUAGES)
def test_a_scan_that_failed_asks_the_holder_for_the_card_again(ardente, cards, language) -> None:
    lines = f"{cards.good[:-9]}\n{cards.revoked}\n"
    answers = ardente("check", "--json", "--language", language, input=lines).stdout.splitlines()
    torn, refused = (json.loads(answer)["holder_text"] for answer in answers)
    assert torn == _texts.scan_holder_text(language)
    assert refused == _texts.holder_text(False, language)
    assert torn != refused


def test_the_schema_refuses_what_must_not_be(ardente, cards, schema) -> None:
    good = json.loads(ardente("check", "--json", input=cards.good).stdout)
    refused = json.loads(ardente("check", "--json", input=cards.revoked).stdout)
    for wrong in (
        {**good, "reason": "revoked"},
        {**good, "problem": "torn"},
        {**refused, "tag": "0" * 32},
        {**refused, "age_classes": ["child"]},
        {**refused, "reason": "other"},
        {key: value for key, value in good.items() if key != "freshness"},
    ):
        assert not schema.is_valid(wrong)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"", None),
        (b"\xff\xfe\x00", "garbled"),
        (b"\x00", None),
        (b"9" * 20_000, "too_long"),
        (b"\xe2\x82\xac" * 6_000, "too_long"),
        (b"x" * 3_000_000, "too_long"),
        ("é".encode() * 4096, None),
        (b'{"text": "1"}', None),
        (b"\x1b[2J", None),
    ],
)
def test_a_bad_line_gets_one_answer_and_the_next_card_is_read(ardente, cards, line, problem) -> None:
    answers = ardente("check", "--json", input=line + b"\r\n" + cards.good.encode() + b"\n").stdout.splitlines()
    bad, good = map(json.loads, answers)
    assert (bad["accepted"], bad["reason"], bad["problem"]) == (False, "not_a_card", problem)
    assert good["accepted"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=300).map(lambda line: line.replace(b"\n", b" ")), max_size=5))
def test_whatever_comes_each_line_has_its_answer(ardente, schema, lines: list[bytes]) -> None:
    answers = ardente("check", "--json", input=b"".join(line + b"\n" for line in lines)).stdout.splitlines()
    assert len(answers) == len(lines)
    for answer in answers:
        schema.validate(json.loads(answer))


def test_a_last_line_without_an_end_is_answered(ardente, cards) -> None:
    first, last = ardente("check", "--json", input=f"\ufeff{cards.good}\n{cards.good[:80]}").stdout.splitlines()
    assert json.loads(first)["accepted"]
    assert json.loads(last)["problem"] == "torn"


def test_the_exit_status_at_the_end_is_0_whatever_was_refused(ardente, cards) -> None:
    assert ardente("check", "-", "--json", input=f"{cards.revoked}\n").exit_code == 0
    assert ardente("check", "-", "--json", input="").exit_code == 0


def test_a_till_gets_each_answer_at_once(process, cards) -> None:
    with process("check", "-", "--json") as till:
        for card, accepted in ((cards.good, True), (cards.revoked, False), (cards.good, True)):
            till.stdin.write(f"{card}\n")
            till.stdin.flush()
            assert json.loads(till.stdout.readline())["accepted"] is accepted
        assert till.communicate(timeout=20) == ("", "")
        assert till.returncode == 0


def test_new_revocations_reach_a_running_till(process, cards, city, trust_folder) -> None:
    with process("check", "-", "--json") as till:

        def answer() -> dict[str, object]:
            till.stdin.write(f"{cards.good}\n")
            till.stdin.flush()
            return json.loads(till.stdout.readline())

        assert answer()["accepted"]
        TrustStore(trust_folder).install(
            city.bundle(2, iat=datetime.now(UTC) + timedelta(seconds=1), revoked={"card-1": frozenset({186})})
        )
        deadline = datetime.now(UTC) + timedelta(seconds=30)
        while answer()["reason"] != "revoked":
            assert datetime.now(UTC) < deadline
        till.communicate(timeout=20)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C another way")
def test_ctrl_c_ends_it_cleanly(process, cards) -> None:
    with process("check", "-", "--json") as till:
        till.stdin.write(f"{cards.good}\n")
        till.stdin.flush()
        till.stdout.readline()
        till.send_signal(signal.SIGINT)
        assert till.wait(timeout=20) == 0
        assert till.stderr.read() == ""


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end another way there")
def test_a_till_that_goes_away_is_not_an_error_to_print(process, cards) -> None:
    with process("check", "-", "--json") as till:
        till.stdout.close()
        till.stdin.write(f"{cards.good}\n" * 50)
        till.stdin.close()
        assert till.wait(timeout=20) == 2
        assert till.stderr.read() == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")
def test_a_scan_typed_into_a_terminal_does_not_show(process, cards) -> None:
    from ardente.testing.scanner import FakeKeyboardScanner

    with FakeKeyboardScanner(layout="be") as scanner, process("check", stdin=scanner.terminal) as desk:
        assert desk.stderr.readline() == "Scan a card.\n"
        scanner.scan(cards.good)
        assert desk.wait(timeout=20) == 0
        assert desk.stdout.read() == f"{ACCEPTED}\n"
        assert_no_card(scanner.screen(), cards)
        assert os.isatty(scanner.terminal)
