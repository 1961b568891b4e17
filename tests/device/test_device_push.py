"""Bringing scanners what the city published: the real firmware, through cuts, restarts and noise."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from workbench import Town

from ardente_tools.device._client import Status
from ardente_tools.device._errors import DeviceError, NoAnswerError, OtherDeviceError, PortError
from ardente_tools.device._journal import Journal
from ardente_tools.device._payload import read_payload
from ardente_tools.device._ports import Port
from ardente_tools.device._push import Target, Watcher, push


def test_a_bundle_is_pushed_read_back_and_kept_in_the_journal(run, make_device, town: Town, journal_file: Path) -> None:
    device = make_device()
    result = run("push", device.port, town.new)
    assert result.exit_code == 0, result.output
    assert result.stdout == "pool-1 has bundle 2 now.\n"
    (record,) = Journal(journal_file).records()
    assert (record.action, record.device, record.result) == ("push", "pool-1", "installed")
    assert (record.was.bundle, record.now.bundle) == (1, 2)
    assert record.now.bundle_sha == record.file_sha256
    assert record.now.city == "bench-town"

    again = json.loads(run("push", device.port, town.new, "--json").stdout)
    assert again["result"] == "unchanged"
    assert again["sent_bytes"] < 200


def test_without_a_file_it_is_the_bundle_of_the_trust_folder(run, make_device, town: Town, tmp_path: Path) -> None:
    device = make_device()
    missing = run("push", device.port)
    assert missing.exit_code == 2
    assert "has no bundle: name the file, or fetch it first" in missing.stderr
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust" / "bundle.cbor").write_bytes(town.new.read_bytes())
    assert run("push", device.port).stdout == "pool-1 has bundle 2 now.\n"


@pytest.fixture
def refused(run, make_device, town: Town, tmp_path: Path) -> Callable[[str, bytes], str]:
    """Push a file of these bytes, which must be refused and change nothing; return the sentence."""

    def push_file(name: str, data: bytes) -> str:
        device = make_device(name)
        before = files(device.folder / "trust")
        file = tmp_path / name
        file.write_bytes(data)
        result = run("push", device.port, file, "--json")
        assert result.exit_code == 2
        answer = json.loads(result.stdout)
        assert answer["text"] in result.stderr
        assert files(device.folder / "trust") == before
        sentence: str = answer["text"]
        return sentence

    return push_file


def files(folder: Path) -> dict[str, bytes]:
    """What of a store decides: all but what an upload on its way has left."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name in ("pointer", "root", "current")
    }


def test_files_that_are_no_good_are_refused_before_a_byte_is_sent(refused, town: Town) -> None:
    new = town.new.read_bytes()
    assert "neither a bundle nor an application" in refused("garbage", b"hello")
    assert "neither a bundle nor an application" in refused("root", town.root.read_bytes())
    assert "not a bundle of a city, or it is damaged" in refused("cut", new[:200])
    assert "is not the one the city signed" in refused("short", new[:-1])
    assert "is not the one the city signed" in refused("changed", new[:-1] + bytes([new[-1] ^ 1]))


def test_a_bundle_of_another_city_is_refused(refused) -> None:
    from ardente.testing import TestCity

    assert refused("foreign", TestCity("other-town").bundle(9)) == (
        "The file comes from another city: get that of your own city."
    )


def test_what_the_scanner_itself_refuses_has_a_sentence_too(refused, town: Town) -> None:
    from datetime import UTC, datetime, timedelta

    older = town.city.bundle(1, iat=datetime.now(UTC) - timedelta(days=9))
    assert refused("older", older) == "The bundle is older than the one installed: get the newest bundle."
    forged = town.city.bundle(7, iat=datetime.now(UTC), signers=["root-1"])
    assert "lacks valid signatures of the city" in refused("unsigned", forged)


def test_a_scanner_that_was_not_meant_is_left_alone(run, make_device, town: Town) -> None:
    device = make_device("pool-2")
    result = run("push", device.port, town.new, "--label", "pool-1")
    assert result.exit_code == 2
    assert "is pool-2, not pool-1: plug in the right one" in result.stderr
    assert json.loads(run("status", device.port, "--json").stdout)["bundle"] == 1


def target(device, **options) -> Target:
    return Target(Port(device.port), wait_s=20.0, **options)


def at_half(device, act: Callable[[], None]) -> Watcher:
    """Do something once when half of the file has arrived."""
    done = threading.Event()

    def progress(there: int, total: int) -> None:
        if there * 2 >= total and not done.is_set():
            done.set()
            act()

    return Watcher(progress=progress)


def test_a_pulled_cable_is_waited_for_and_the_push_goes_on(make_device, town: Town) -> None:
    device = make_device()
    payload = read_payload(town.large)

    def pull() -> None:
        device.line.cut()
        threading.Timer(1.0, device.line.mend).start()

    pushed = push(target(device, watcher=at_half(device, pull)), payload)
    assert pushed.now.bundle_sha == payload.sha256
    assert pushed.sent_bytes < 2 * len(payload.data)


def test_a_restart_of_the_scanner_is_waited_for(make_device, town: Town) -> None:
    device = make_device()
    payload = read_payload(town.large)
    pushed = push(target(device, watcher=at_half(device, device.power_cycle)), payload)
    assert pushed.now.bundle_sha == payload.sha256


def test_a_line_that_loses_and_flips_bytes_makes_it_slow_and_not_wrong(make_device, town: Town) -> None:
    device = make_device()
    device.line.noise(drop=0.0002, flip=0.0002, double=0.0002)
    payload = read_payload(town.new)
    pushed = push(target(device), payload)
    assert pushed.now.bundle_sha == payload.sha256


def test_a_push_that_was_given_up_goes_on_where_it_stopped(make_device, town: Town) -> None:
    device = make_device()
    payload = read_payload(town.large)
    device.line.cut(after_bytes=12_000)
    with pytest.raises(DeviceError, match=r"check the cable|plug the cable in"):
        push(Target(Port(device.port), wait_s=0.5), payload)
    device.line.mend()
    before: list[Status] = []
    pushed = push(target(device), payload, before.append)
    assert before[0].bundle == 1
    assert pushed.now.bundle_sha == payload.sha256
    assert pushed.sent_bytes < 0.8 * 1.65 * len(payload.data)


def test_another_scanner_in_its_place_gets_nothing(make_device, town: Town) -> None:
    first = make_device("pool-1")
    second = make_device("pool-2")

    def swap() -> None:
        first.stop()
        first.line.cut()
        path = Path(first.port)
        path.symlink_to(Path(second.port).resolve())

    with pytest.raises(OtherDeviceError, match="pool-2 in place of pool-1: plug the first one in"):
        push(target(first, watcher=at_half(first, swap)), read_payload(town.large))


@pytest.mark.slow
def test_uploads_cut_at_random_bytes_end_identical(make_device, town: Town) -> None:
    """The measure `push-resume` does this 200 times."""
    device = make_device()
    payload = read_payload(town.large)
    sent = 0
    chance = random.Random(5)
    for _ in range(5):
        device.line.cut(after_bytes=chance.randrange(1000, 15_000))
        try:
            push(Target(Port(device.port), wait_s=0.0), payload)
        except DeviceError:
            pass
        device.line.mend()
        pushed = push(target(device), payload)
        sent += pushed.sent_bytes
        assert pushed.now.bundle_sha == payload.sha256


@pytest.mark.slow
def test_a_scanner_that_restarts_again_and_again_is_given_up(make_device, town: Town) -> None:
    device = make_device()
    restarts = []

    def progress(there: int, total: int) -> None:
        if there * 2 >= total:
            restarts.append(there)
            assert len(restarts) < 30, "it goes on for ever"
            device.power_cycle()

    with pytest.raises((NoAnswerError, PortError)):
        push(Target(Port(device.port), wait_s=4.0, watcher=Watcher(progress=progress)), read_payload(town.new))
    assert len(restarts) > 1
