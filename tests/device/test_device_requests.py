"""What a scanner says of itself is read with care: the one on the port may be anything."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ardente_tools.device._requests import StatusResponse

STATUS: dict[str, Any] = {
    "protocol": 1,
    "provisioned": True,
    "label": "pool-1",
    "board": "generic",
    "family": "unix",
    "level": "L0",
    "state": "ready",
}


@pytest.mark.parametrize("said", [{"iat": 1 << 60}, {"exp": -1}, {"now": 1 << 60}, {"bundle": 1 << 64}])
def test_a_number_that_no_calendar_and_no_journal_takes_is_no_answer(said: dict[str, Any]) -> None:
    assert StatusResponse(**STATUS, iat=1, exp=2, now=3, bundle=4).bundle == 4
    with pytest.raises(ValidationError):
        StatusResponse(**STATUS, **said)
