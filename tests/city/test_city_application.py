"""Signing the scanners' application: what is in the image, and whose keys count."""

from __future__ import annotations

from pathlib import Path

import pytest
from city_desk import NOW_S, found
from city_partner import no_passphrase

from ardente._ed25519 import verify
from ardente.core import reasons
from ardente.core.errors import TrustError
from ardente.core.trust import Installed, open_application
from ardente.issuing import SigningKey
from ardente_tools.city._application import sign_application
from ardente_tools.city._errors import CityError
from ardente_tools.city._folder import City


@pytest.fixture
def city(tmp_path: Path) -> City:
    return found(tmp_path / "city", 1024)


@pytest.fixture
def application(tmp_path: Path) -> Path:
    folder = tmp_path / "application"
    (folder / "core").mkdir(parents=True)
    (folder / "main.mpy").write_bytes(b"main")
    (folder / "core" / "verdict.mpy").write_bytes(b"verdict")
    (folder / "core-2.mpy").write_bytes(b"dash")
    return folder


def firmware_keys(city: City) -> list[SigningKey]:
    return [city.read_key(public, no_passphrase) for public in city.public_keys("firmware")]


def sign(city: City, folder: Path, version: int = 3) -> bytes:
    return sign_application(
        folder, city.newest_root(), firmware_keys(city), board="esp32s3", version=version, now=NOW_S
    )


def test_a_scanner_opens_the_image_and_finds_its_parts_in_order(city: City, application: Path) -> None:
    image = sign(city, application)
    manifest, at = open_application(image, Installed(city.newest_root()), "esp32s3", 3, verify)
    assert (manifest.city, manifest.version, manifest.board) == ("demo", 3, "esp32s3")
    assert [part.path for part in manifest.parts] == ["core-2.mpy", "core/verdict.mpy", "main.mpy"]
    assert image[at:] == b"dashverdictmain"


@pytest.mark.parametrize(
    ("board", "floor", "reason"),
    [("esp32", 3, reasons.WRONG_BOARD), ("esp32s3", 4, reasons.OLDER_APPLICATION)],
)
def test_it_is_for_one_board_and_goes_never_back(
    city: City, application: Path, board: str, floor: int, reason: str
) -> None:
    with pytest.raises(TrustError) as refused:
        open_application(sign(city, application), Installed(city.newest_root()), board, floor, verify)
    assert refused.value.reason == reason


def test_a_key_that_the_root_does_not_list_for_firmware_signs_nothing(city: City, application: Path) -> None:
    root_key = city.read_key(city.public_keys("root")[0], no_passphrase)
    for key in (root_key, SigningKey(bytes(32))):
        with pytest.raises(CityError, match="Root 1 asks for 1 of its 1 firmware keys"):
            sign_application(application, city.newest_root(), [key], board="esp32s3", version=1, now=NOW_S)


def test_what_no_scanner_could_store_is_refused_in_a_sentence(city: City, application: Path, tmp_path: Path) -> None:
    (application / "link.mpy").symlink_to(application / "main.mpy")
    with pytest.raises(CityError, match=r"link\.mpy is a link"):
        sign(city, application)
    (application / "link.mpy").unlink()
    for name, content in (("Main.mpy", b"x"), ("é.mpy", b"x"), ("empty.mpy", b""), ("a b.mpy", b"x")):
        (application / name).write_bytes(content)
        with pytest.raises(CityError, match="makes no application: "):
            sign(city, application)
        (application / name).unlink()
    (application / "big.mpy").write_bytes(bytes((2 << 20) + 1))
    with pytest.raises(CityError, match="more than 2 MB"):
        sign(city, application)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(CityError, match="makes no application"):
        sign(city, empty)
