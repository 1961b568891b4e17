"""docs/merchant.md shows a till in twenty lines; it is one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from service_process import CITY, Service, add_shop, trust_folder

from ardente import _texts
from ardente.core import reasons
from ardente.ledger import Ledger
from interpreters import PROJECT

PAGE = PROJECT / "docs" / "merchant.md"


def test_the_till_on_the_page_redeems_with_and_without_a_connection(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len([line for line in program.splitlines() if line]) <= 20
    url = str(tmp_path / "ledger.db")
    with Ledger.open(url) as ledger:
        ledger.migrate()
        token = add_shop(ledger)[2]
    (tmp_path / "token").write_text(token)
    service = Service(url, trust_folder(tmp_path / "trust"))

    def run(*serials: int) -> list[str]:
        environment = {
            **os.environ,
            "ARDENTE_SERVICE": service.address,
            "ARDENTE_TILL_TOKEN": "token",
            "PYTHONIOENCODING": "utf-8",
        }
        scans = "".join(f"{CITY.voucher_text(serial, 1000)}\n" for serial in serials)
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env=environment,
            input=scans,
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    try:
        paid, again, total = run(1, 1)
        assert paid.startswith("DÉFINITIF ")
        assert again.endswith(_texts.voucher_text(reasons.ALREADY_USED, "fr"))
        assert total == "Total(final=1000, provisional=0, currency='EUR')"
    finally:
        service.stop()
    taken, cut, total = run(2)
    assert taken.startswith("PROVISOIRE ")
    assert cut == _texts.voucher_text(reasons.UNAVAILABLE, "fr")
    assert total == "Total(final=1000, provisional=1000, currency='EUR')"
