"""schemathesis tries the service against its own OpenAPI document."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from service_process import Desk, add_shop, running

from ardente import TrustStore
from ardente.ledger import Ledger
from ardente.ledger.service import create_app
from ardente.ledger.service._limits import FailureLimit
from ardente.ledger.service._models import VOUCHER_FORMAT
from ardente.ledger.service._observe import Log
from ardente.testing import TestCity

CITY = TestCity()
EXAMPLES = 8
# The document cannot say which vouchers are good and which redemptions there are.
CONFIG = {
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", "403", "404", "409", "410", "422"]},
        "negative_data_rejection": {"expected-statuses": ["400", "404", "405", "413", "415", "422"]},
    },
    "generation": {"deterministic": True},
}

schemathesis.openapi.format(VOUCHER_FORMAT, st.integers(0, 1023).map(lambda serial: CITY.voucher_text(serial, 1000)))
# What has no input has no wrong one.
HAVE_NO_INPUT = ("/v1/campaigns", "/healthz")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Any]]:
    """A service on each engine: (address, token, document)."""
    folder = tmp_path_factory.mktemp("service")
    store = TrustStore(folder / "trust", allow_test_city=True)
    root = CITY.root()
    store.init(root, hashlib.sha256(root).hexdigest())
    store.install(CITY.bundle(iat=datetime.now(UTC)))
    url = str(folder / "ledger.db") if request.param == "sqlite" else request.getfixturevalue("module_database")
    with Ledger.open(url) as ledger:
        ledger.migrate()
        token = add_shop(ledger)[2]
        app = create_app(ledger, store, log=Log(io.StringIO()), allow_test_city=True)
        with running(app) as address:
            yield address, token, app.openapi()
        assert ledger.check() == []
    shutil.rmtree(folder)


@pytest.mark.parametrize("mode", schemathesis.GenerationMode)
def test_the_service_is_what_its_document_says(
    served: tuple[str, str, Any], mode: schemathesis.GenerationMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, token, openapi = served
    # The tool fails on purpose, and more often than a till may.
    monkeypatch.setattr(FailureLimit, "wait_s", lambda *_: 0)
    schema = schemathesis.openapi.from_dict(openapi, config=SchemathesisConfig.from_dict(CONFIG))
    schema.config.update(base_url=address, headers={"Authorization": f"Bearer {token}"})
    session = requests.Session()
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        assert operation is not None

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(mode))
        def try_out(case: schemathesis.Case) -> None:
            nonlocal tried
            case.call_and_validate(session=session)
            tried += 1

        if mode is schemathesis.GenerationMode.POSITIVE or operation.path not in HAVE_NO_INPUT:
            try_out()
    session.close()
    assert tried > EXAMPLES


def test_the_document_names_each_operation_with_its_problems(served: tuple[str, str, Any]) -> None:
    _, _, openapi = served
    assert set(openapi["paths"]) == {
        "/v1/redemptions",
        "/v1/redemptions/{redemption_id}/refunds",
        "/v1/reservations",
        "/v1/reservations/{redemption_id}/confirm",
        "/v1/reservations/{redemption_id}/void",
        "/v1/balance",
        "/v1/claims",
        "/v1/statement",
        "/v1/campaigns",
        "/healthz",
    }
    for path, operations in openapi["paths"].items():
        for operation in operations.values():
            assert operation["description"]
            for status, response in operation["responses"].items():
                (content_type,) = response["content"]
                assert content_type == ("application/json" if status < "4" else "application/problem+json")
                assert status < "4" or response["content"][content_type]["examples"]
            if path.startswith("/v1"):
                assert operation["security"]
                assert {"401", "429", "503"} <= operation["responses"].keys()


def test_a_voucher_of_the_format_is_redeemed(served: tuple[str, str, Any]) -> None:
    """Otherwise the tool would try refusals only."""
    address, token, _ = served
    with httpx.Client(base_url=address) as client:
        assert Desk(address, token, client).redeem(CITY.voucher_text(1, 500), amount=1).status_code == 201
