"""A terminal at which people type the city's commands."""

from __future__ import annotations

import os

import pytest
from city_desk import NOW_S
from click.testing import CliRunner, Result

from ardente.cli import main
from ardente_tools.city import cli

PUBLISHING, ISSUING, ROOT = "trois petits ponts", "une grande place", "sept vieux murs"


class Terminal:
    """Runs commands in one folder, at a time that stands still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOW_S
        monkeypatch.setattr(cli, "now", lambda: self.now)

    def __call__(self, *args: str, answer: str = "", passphrase: str = "", status: int = 0) -> str:
        given = [*args]
        if passphrase:
            reading, writing = os.pipe()
            os.write(writing, passphrase.encode() + b"\n")
            os.close(writing)
            given += ["--passphrase-fd", str(reading)]
        result: Result = CliRunner().invoke(main, ["city", *given], input=answer)
        assert result.exit_code == status, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        for secret in (PUBLISHING, ISSUING, ROOT):
            assert secret not in result.output
        return result.output
