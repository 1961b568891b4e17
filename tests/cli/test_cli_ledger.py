"""`ardente ledger` and `ardente merchant`: from an empty folder to a shop that sees what it is owed."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(PROJECT / "tests" / "ledger"))

from service_process import Service  # noqa: E402

from ardente import _texts  # noqa: E402
from ardente.core import reasons  # noqa: E402

VALUE = 1000


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def environment(environment: dict[str, str], database: Path, tmp_path: Path) -> dict[str, str]:
    return {**environment, "ARDENTE_LEDGER": str(database), "ARDENTE_TILL_JOURNAL": str(tmp_path / "till")}


@pytest.fixture
def token(ardente, tmp_path: Path) -> Path:
    """A shop's token file, its till made by the commands."""
    ardente("ledger", "migrate")
    merchant_id = ardente("ledger", "merchant", "add", "Librairie", "--district", "Centre", "--group", "books").stdout
    made = ardente("ledger", "till", "add", merchant_id.strip(), "Till 1")
    assert "this once" in made.stderr
    path = tmp_path / "token"
    path.write_text(re.search(r"token (\S+)", made.stdout)[1] + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def service(token: Path, database: Path, trust_folder: Path) -> Iterator[Service]:
    service = Service(str(database), trust_folder, "--metrics-token", str(database.parent / "metrics"))
    yield service
    service.stop()


@pytest.fixture
def merchant(ardente, service: Service, token: Path) -> Callable:
    def run(command: str, *args: str, **options: object):
        return ardente("merchant", command, "--service", service.address, "--token", token, *args, **options)

    return run


def test_a_shop_redeems_through_a_cut_and_sees_what_it_is_owed(
    merchant: Callable, ardente, service: Service, city
) -> None:
    first, second = (city.voucher_text(serial, VALUE) for serial in (1, 2))
    online = merchant("redeem", input=f"{first}\n{first}\nhello\n")
    assert online.exit_code == 0
    for said in ("F I N A L", "N O T   R E D E E M E D", "Today: €10.00", "redeemed already", "not a voucher"):
        assert said in online.stdout

    service.stop()
    offline = merchant("redeem", input=f"{second}\n")
    for said in ("P R O V I S I O N A L", "Today: €20.00 (of which provisional: €10.00)"):
        assert said in offline.stdout
    assert "not decided yet: 1" in offline.stderr
    cut = merchant("send")
    assert (cut.exit_code, cut.stderr) == (2, f"Error: {_texts.voucher_text(reasons.UNAVAILABLE, 'en')}\n")

    service.start()
    sent = merchant("send")
    assert "PROVISIONAL" in sent.stdout
    statement = merchant("statement").stdout.splitlines()
    assert [re.sub(r"\s+", " ", line)[11:] for line in statement] == ["€10.00 1 redeemed", "€10.00 3 not decided yet"]
    books = ardente("ledger", "check")
    assert books.exit_code == 0
    assert "Test vouchers: 1 redemptions, €10.00; still owed €10.00\n" in books.stdout
    assert "The books add up." in books.stdout
    assert "Nothing was to be decided." in ardente("ledger", "decide").stdout
    for text in (first, second):
        assert text[20:40] not in online.output + offline.output + sent.output + "".join(statement + service.lines)


@pytest.mark.parametrize("language", _texts.LANGUAGES)
def test_the_words_are_in_the_cashiers_language(merchant: Callable, city, language: str) -> None:
    result = merchant("redeem", "--language", language, input=city.voucher_text(3, VALUE))
    assert " ".join(_texts.redemption_heading("redeemed", language)) in result.stdout
    assert _texts.redemption_text("redeemed", VALUE, "EUR", language) in result.stdout


def test_scans_that_failed_are_said_and_cost_nothing(merchant: Callable, city) -> None:
    text = city.voucher_text(4, VALUE)
    result = merchant("redeem", input=f"{text[:-9]}\n{text}{text}\n{'7' * 20000}\n{text}\n")
    assert result.stdout.count("F I N A L") == 1
    assert "Today: €10.00" in result.stdout


def test_a_till_that_is_revoked_is_told(merchant: Callable, ardente, city, service: Service) -> None:
    merchant("redeem", input=city.voucher_text(5, VALUE))
    service.stop()
    till_id = re.search(r'"till": "(\w{32})"', "".join(service.lines))[1]
    assert ardente("ledger", "till", "revoke", till_id).exit_code == 0
    service.start()
    assert "does not know this till" in merchant("redeem", input=city.voucher_text(6, VALUE)).stdout


def test_the_log_is_json_and_the_only_output(merchant: Callable, service: Service, city) -> None:
    merchant("redeem", input=city.voucher_text(7, VALUE))
    service.stop()
    assert [json.loads(line) for line in service.lines]
    assert all(city.voucher_text(7, VALUE)[17:34] not in line for line in service.lines)


def test_files_are_their_owners(service: Service, database: Path) -> None:
    for path in (database, database.parent / "metrics"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_ledger_without_a_name_is_in_the_users_data_folder(ardente, tmp_path: Path, environment) -> None:
    del environment["ARDENTE_LEDGER"]
    home = {"XDG_DATA_HOME": str(tmp_path / "share"), "HOME": str(tmp_path), "ARDENTE_LEDGER": ""}
    assert ardente("ledger", "migrate", env=home).exit_code == 0
    (made,) = tmp_path.rglob("ledger.db")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["ledger", "serve", "--host", "0.0.0.0"], "in the clear"),
        (["ledger", "serve", "--certificate", "x"], "go together"),
        (["ledger", "till", "add", "0" * 32, "Till"], "No such merchant"),
        (["ledger", "till", "revoke", "0" * 32], "does not know this till"),
        (["ledger", "import", "nowhere.json"], "nowhere.json"),
        (["ledger", "check", "--database", "mysql://x/y"], "not understood"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(ardente, args: list[str], said: str) -> None:
    ardente("ledger", "migrate")
    result = ardente(*args)
    assert result.exit_code == 2
    assert said in result.stderr.splitlines()[-1]


def test_only_what_the_city_issued_and_activated_is_redeemed(merchant: Callable, ardente, city, tmp_path: Path) -> None:
    from ardente.ledger._registry import issued_export

    export = tmp_path / "issued.json"
    for state, heading in (("inactive", "N O T"), ("active", "F I N A L")):
        export.write_bytes(issued_export(city.name, 1, [("spring", VALUE, state, bytes([0, 0b10]))]))
        taken_in = ardente("ledger", "import", export)
        assert f"3 campaigns of {city.name}, 1 exports" in taken_in.stdout
        for serial, said in ((9, heading), (10, "N O T")):
            assert said in merchant("redeem", input=city.voucher_text(serial, VALUE)).stdout


def test_the_service_speaks_tls(ardente, token: Path, database: Path, trust_folder: Path, city, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("There is no openssl here to make a certificate with.")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    command = ["openssl", *made.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    service = Service(str(database), trust_folder, "--certificate", str(certificate), "--key", str(key))
    try:
        assert service.address.startswith("https://")
        options = ("merchant", "redeem", "--service", service.address, "--token", token)
        trusted = {"SSL_CERT_FILE": str(certificate)}
        assert "F I N A L" in ardente(*options, input=city.voucher_text(11, VALUE), env=trusted).stdout
        # A stranger's certificate is no connection.
        assert "P R O V I S I O N A L" in ardente(*options, input=city.voucher_text(12, VALUE)).stdout
    finally:
        service.stop()


def test_a_token_is_read_by_its_owner_only(merchant: Callable, token: Path, city) -> None:
    token.chmod(0o644)
    assert "open to other users" in merchant("redeem", input="").stderr
    token.chmod(0o600)
    token.write_text("two words\n")
    assert "holds no till's token" in merchant("redeem", input="").stderr


def test_a_token_does_not_go_out_in_the_clear(ardente, token: Path) -> None:
    result = ardente("merchant", "send", "--service", "http://vouchers.example", "--token", token)
    assert (result.exit_code, "https://" in result.stderr) == (2, True)


def test_books_that_do_not_add_up_are_status_1(ardente, merchant: Callable, city, database: Path) -> None:
    import sqlite3

    merchant("redeem", input=city.voucher_text(8, VALUE))
    connection = sqlite3.connect(database)
    connection.execute("UPDATE redemption SET refunded = 5")
    connection.commit()
    connection.close()
    result = ardente("ledger", "check")
    assert (result.exit_code, "do not add up" in result.stderr) == (1, True)


def test_statements_need_days(merchant: Callable) -> None:
    assert "Nothing was redeemed" in merchant("statement", "--from", "2026-01-01", "--to", "2026-01-02").stdout
    assert merchant("statement", "--from", "1.1.2026").exit_code == 2
