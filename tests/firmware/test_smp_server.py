"""What the scanner answers on its serial line, byte for byte, with its own store behind."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2
import pytest
from smp_host import (
    APPLICATION,
    BUNDLE,
    IMAGE,
    OS,
    PROVISION,
    READ,
    SCANNER,
    STATISTICS,
    WRITE,
    Wire,
    answers_in,
    framed,
    pieces,
    request,
)

from ardente.core import reasons
from ardente.testing import TestCity
from ardente.testing._clock import START

CITY, OTHER = TestCity(), TestCity("other-city")
FIRST, SECOND = CITY.bundle(), CITY.bundle(2, iat=START + timedelta(days=1))
SIGNED = sha256(SECOND).digest()
CARDS = {
    "good": CITY.card_text(186),
    "revoked": CITY.card_text(77),
    "expired": CITY.card_text(593, exp=START.replace(year=2025, month=4, day=1, hour=0, minute=0, second=0)),
    "of another city": OTHER.card_text(186, key="card-3"),
    "no card": "1" * 230,
}
VERDICTS = {name: ["refused"] for name in CARDS} | {"good": ["relay", "accepted"]}


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def verdicts(wire: Wire) -> dict[str, list[str]]:
    return {name: wire.scan(text) for name, text in CARDS.items()}


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    with Wire(tmp_path / "flash") as wire:
        yield wire


@pytest.fixture
def provisioned(wire: Wire) -> Wire:
    assert wire.provision(CITY.root(), label="pool").body["match"] is True
    wire.step("start")
    assert wire.push(SECOND).body == {"off": len(SECOND), "match": True}
    return wire


def test_echoes_with_the_number_and_the_version_of_the_request(wire: Wire) -> None:
    for version in (0, 1):
        answer = wire.ask(OS, 0, WRITE, {"d": "Grüße"}, sequence=201, version=version)
        assert (answer.op, answer.version, answer.sequence, answer.command) == (3, version, 201, 0)
        assert answer.body == {"r": "Grüße"}


def test_a_newer_version_is_told_so_in_the_newest_that_is_known(wire: Wire) -> None:
    answer = wire.ask(OS, 0, WRITE, {"d": "x"}, version=2)
    assert (answer.version, answer.body) == (1, {"rc": 13, "rsn": "bad_request"})


def test_says_what_it_is(wire: Wire) -> None:
    assert wire.ask(OS, 6).body == {"buf_size": 180, "buf_count": 1}
    assert wire.ask(OS, 7).body == {"output": "ardente"}
    assert wire.ask(OS, 7, body={"format": "ma"}).body["output"].startswith("ardente 1.")
    assert wire.ask(OS, 8).body == {"bootloader": "ardente"}
    assert wire.ask(OS, 7, body={"format": "z"}).body == {"rc": 3, "rsn": "bad_request"}


def test_is_provisioned_once(wire: Wire) -> None:
    assert wire.status()["state"] == "no_root"
    assert wire.provision(CITY.root(), label="pool").body["match"] is True
    status = wire.status()
    assert (status["state"], status["provisioned"], status["city"]) == ("no_bundle", True, "test-city")
    assert status["root_sha"] == sha256(CITY.root()).digest()
    before = files(wire.flash)
    for root in (CITY.root(), OTHER.root()):
        assert wire.provision(root, label="mine").body == {"rc": 6, "rsn": "already_provisioned"}
    assert files(wire.flash) == before
    assert json.loads((wire.flash / "config.json").read_bytes())["label"] == "pool"
    wire.step("start")
    assert wire.status()["label"] == "pool"


REFUSED_DOCUMENTS: dict[str, tuple[Any, str]] = {
    "no array": ({"a": 1}, "bad_request"),
    "one part": ([b"{}"], "bad_request"),
    "text": (["{}", CITY.root()], "bad_request"),
    "configuration that is no JSON": ([b"{", CITY.root()], "bad_request"),
    "configuration with an unknown key": ([b'{"colour": 1}', CITY.root()], "bad_request"),
    "a large configuration": ([b"{}" + b" " * 2047, CITY.root()], "too_large"),
    "root that is none": ([b"{}", b"root"], "not_a_root"),
    "root that is cut": ([b"{}", CITY.root()[:-1]], "not_a_root"),
    "root with too few signatures": ([b"{}", CITY.root(signers=("root-1",))], "too_few_signatures"),
    "too much": ([b"{}", bytes(7000)], "too_large"),
}


def test_provisioning_that_is_refused_leaves_nothing(wire: Wire) -> None:
    before = files(wire.flash)
    for name, (document, reason) in REFUSED_DOCUMENTS.items():
        answer = wire.upload(pieces(cbor2.dumps(document), None), SCANNER)
        assert answer.reason == reason, name
        assert files(wire.flash) == before, name
        assert wire.status()["provisioned"] is False
    assert wire.provision(CITY.root()).body["match"] is True


def test_a_configuration_for_another_chip_is_refused(tmp_path: Path) -> None:
    with Wire(tmp_path / "flash", family="esp32s3") as wire:
        answer = wire.provision(CITY.root(), board="ai_thinker")
        assert answer.body == {"rc": 3, "rsn": "wrong_board"}
        assert wire.provision(CITY.root(), board="xiao_s3_sense").body["match"] is True


def test_a_pushed_bundle_is_in_force_at_once(wire: Wire) -> None:
    wire.provision(CITY.root())
    wire.step("start")
    assert wire.scan(CARDS["good"]) == ["refused"]
    wire.push(FIRST)
    assert wire.scan(CARDS["good"]) == ["relay", "accepted"]
    wire.push(CITY.bundle(2, iat=START + timedelta(days=1), revoked={"card-1": frozenset([77, 186])}))
    assert wire.scan(CARDS["good"]) == ["refused"]


def test_says_what_it_believes(provisioned: Wire) -> None:
    status = provisioned.status()
    assert (status["state"], status["bundle"], status["bundle_sha"]) == ("ready", 2, SIGNED)
    assert [uri for uri, _, _ in status["lists"]] == [CITY.list_uri(key) for key in ("card-1", "card-2", "voucher-1")]
    assert status["refresh_due"] is False
    assert status["now"] >= status["iat"]
    [image] = provisioned.ask(IMAGE, 0).body["images"]
    assert (image["image"], image["slot"], image["version"], image["hash"]) == (1, 0, "2", SIGNED)


def test_an_upload_goes_on_where_it_was_cut(wire: Wire) -> None:
    wire.provision(CITY.root())
    [first, *rest] = pieces(FIRST, BUNDLE)
    assert wire.ask(IMAGE, 1, WRITE, first).body == {"off": 90}
    assert wire.ask(IMAGE, 1, WRITE, rest[0]).body == {"off": 180}
    # Twice, too far, and from the beginning again: each is answered with where to go on.
    for piece in (rest[0], rest[2], first):
        assert wire.ask(IMAGE, 1, WRITE, piece).body == {"off": 180}
    assert wire.upload(rest[1:]).body == {"off": len(FIRST), "match": True}
    # The answer to the last piece was lost.
    assert wire.ask(IMAGE, 1, WRITE, rest[-1]).body == {"off": len(FIRST), "match": True}
    assert wire.ask(IMAGE, 1, WRITE, first).body == {"off": len(FIRST), "match": True}
    assert wire.ask(IMAGE, 1, WRITE, rest[0]).body == {"rc": 6, "rsn": "no_upload"}


def test_another_file_takes_the_place_of_one_on_its_way(wire: Wire) -> None:
    wire.provision(CITY.root())
    [first, second, *_] = pieces(FIRST, BUNDLE)
    wire.ask(IMAGE, 1, WRITE, first)
    assert wire.push(SECOND).body["match"] is True
    assert wire.ask(IMAGE, 1, WRITE, second).body == {"rc": 6, "rsn": "no_upload"}
    assert wire.status()["bundle"] == 2


def changed(bundle: bytes, at: int) -> bytes:
    altered = bytearray(bundle)
    altered[at] ^= 1
    return bytes(altered)


def test_a_bundle_that_is_refused_changes_nothing_and_says_why(provisioned: Wire) -> None:
    before = files(provisioned.flash)
    offers = {
        "older_bundle": FIRST,
        "wrong_city": OTHER.bundle(3),
        "not_a_bundle": b"\xd8\x62" + bytes(300),
        "list_changed": changed(CITY.bundle(3, iat=START + timedelta(days=2)), -1),
        "too_few_signatures": CITY.bundle(3, iat=START + timedelta(days=2), signers=("root-1",)),
    }
    for reason, offer in offers.items():
        answer = provisioned.push(offer)
        assert answer.body == {"rc": 11, "rsn": reason}
        assert provisioned.status()["bundle_sha"] == SIGNED
    kept = {name: data for name, data in files(provisioned.flash).items() if not name.startswith("trust/0/")}
    assert kept == {name: data for name, data in before.items() if not name.startswith("trust/0/")}


def test_a_file_that_is_not_the_announced_one_is_refused(provisioned: Wire) -> None:
    newer = CITY.bundle(3, iat=START + timedelta(days=2))
    requests = list(pieces(newer, BUNDLE))
    requests[0]["sha"] = bytes(32)
    assert provisioned.upload(requests).body == {"rc": 3, "rsn": "bad_request"}
    assert provisioned.status()["bundle"] == 2
    assert provisioned.push(newer).body["match"] is True


@pytest.mark.parametrize("missing", ["sha", "len", "data", "off"])
def test_a_first_piece_says_all(provisioned: Wire, missing: str) -> None:
    [first, *_] = pieces(FIRST, BUNDLE)
    del first[missing]
    assert provisioned.ask(IMAGE, 1, WRITE, first).body == {"rc": 3, "rsn": "bad_request"}


def test_without_a_root_no_file_is_taken(wire: Wire) -> None:
    for image in (APPLICATION, BUNDLE):
        [first, *_] = pieces(FIRST, image)
        assert wire.ask(IMAGE, 1, WRITE, first).body == {"rc": 6, "rsn": "not_provisioned"}


def test_a_host_gives_a_hint_of_the_time_and_no_more(provisioned: Wire) -> None:
    assert provisioned.ask(OS, 4).body["datetime"].startswith("2026-06-02T")
    assert provisioned.ask(OS, 4, WRITE, {"datetime": "2026-06-05T12:00:00Z"}).body == {}
    assert provisioned.ask(OS, 4).body == {"datetime": "2026-06-05T12:00:00Z"}
    provisioned.ask(OS, 4, WRITE, {"datetime": "2099-01-01T00:00:00Z"})
    assert provisioned.ask(OS, 4).body["datetime"] < "2026-09"
    assert provisioned.status()["state"] == "ready"
    assert verdicts(provisioned) == VERDICTS
    assert provisioned.ask(OS, 4, WRITE, {"datetime": "tomorrow"}).body == {"rc": 3, "rsn": "bad_request"}


def test_counts_and_remembers_nothing_of_a_card(provisioned: Wire) -> None:
    verdicts(provisioned)
    assert provisioned.ask(STATISTICS, 1).body == {"stat_list": ["today", "serial"]}
    today = provisioned.ask(STATISTICS, 0, body={"name": "today"}).body
    assert today == {"name": "today", "fields": {"accepted": 1, "refused": 4, "faults": 0}}
    serial = provisioned.ask(STATISTICS, 0, body={"name": "serial"}).body["fields"]
    assert serial["frames"] == serial["requests"] > 25
    assert (serial["bad_frames"], serial["errors"]) == (0, 0)
    counters = provisioned.ask(SCANNER, 3).body
    assert list(counters["days"].values()) == [[1, 4, 0]]
    assert counters["reasons"] == dict.fromkeys(["revoked", "expired", "unknown_key", "not_a_card"], "<5")
    lines: list[str] = []
    following = 0
    while (page := provisioned.ask(SCANNER, 5, body={"from": following}).body)["lines"]:
        lines += page["lines"]
        following = page["next"]
    words = [line.split(" s: ", 1)[1] for line in lines]
    assert words == ["The state is stale.", "Bundle 2 is in force.", "The state is ready."]
    everything = json.dumps([counters, lines, provisioned.status(), serial], default=str)
    for text in CARDS.values():
        assert text not in everything
    for index in (186, 77, 593):
        assert str(index) not in json.dumps([counters, lines])


def test_blinks_for_a_technician(provisioned: Wire) -> None:
    assert provisioned.ask(SCANNER, 4, WRITE, {"seconds": 2}).body == {}
    for seconds in (0, 61, -1, True, "2", None):
        assert provisioned.ask(SCANNER, 4, WRITE, {"seconds": seconds}).reason == "bad_request", seconds


def test_a_self_test_is_run_when_asked_for(provisioned: Wire) -> None:
    assert provisioned.ask(SCANNER, 2).body == {"ok": True, "camera": True, "card": True, "bundle": True}


def test_answers_a_reset_before_it_happens(provisioned: Wire) -> None:
    provisioned.step("pass_s", 5)
    assert provisioned.status()["uptime_s"] >= 5
    for body in ({}, {"force": 1}, {"boot_mode": 0}):
        assert provisioned.ask(OS, 5, WRITE, body).body == {}
        assert provisioned.status()["uptime_s"] == 0
    assert provisioned.ask(OS, 5, WRITE, {"boot_mode": 1}).body == {"rc": 8, "rsn": "unknown_command"}
    assert provisioned.status()["bundle"] == 2


def test_bad_requests_are_answered_and_answers_are_not(wire: Wire) -> None:
    for body in (b"", b"\x01", b"\xa0\x00", b"\xbf\xff", bytes(40)):
        assert wire.ask(OS, 0, WRITE, body).body == {"rc": 3, "rsn": "bad_request"}
    wrong_length = bytearray(request(OS, 0, WRITE, {"d": "x"}))
    wrong_length[3] += 1
    [answer] = answers_in(wire.raw(framed(bytes(wrong_length))))
    assert answer.body == {"rc": 3, "rsn": "bad_request"}
    for packet in (b"\x08", bytes(7), request(OS, 0, 1), request(OS, 0, 3, {"r": "x"}), request(OS, 0, 6)):
        assert wire.raw(framed(packet)) == b""


def test_several_requests_in_one_read_are_each_answered(wire: Wire) -> None:
    stream = b"".join(framed(request(OS, 0, WRITE, {"d": str(n)}, sequence=n)) for n in range(20))
    assert [answer.body["r"] for answer in answers_in(wire.raw(stream))] == [str(n) for n in range(20)]


CLOSED_LIST = {
    *reasons.TRUST_REASONS,
    *("unknown_command", "bad_request", "already_provisioned", "not_provisioned", "flash_full", "no_upload"),
    *("too_large", "busy"),
}


def public_requests() -> Iterator[tuple[int, int, Any]]:
    """What a host with nothing but public files may write: (group, command, body)."""
    generator = random.Random(20_260)
    for group in (*range(13), 63, 64, 69, 70, 71, 255, 256, 0x4600, 0xFFFF):
        for command in (*range(10), *generator.sample(range(10, 256), 4), 255):
            for body in ({}, {"off": 0, "len": 9, "sha": bytes(32), "data": b"123456789"}):
                yield group, command, body
    for date in ("1970-01-01T00:00:00Z", "2026-06-02T00:00:00Z", "2099-12-31T23:59:59Z"):
        yield OS, 4, {"datetime": date}
    for body in ({"hash": SIGNED}, {"hash": SIGNED, "confirm": True}, {"confirm": True}, {"hash": bytes(32)}):
        yield IMAGE, 0, body
    yield from ((IMAGE, 5, {"slot": slot}) for slot in range(3))
    yield 8, 0, {"name": "/trust/root", "off": 0, "len": 4, "data": b"root"}
    yield 9, 0, {"argv": ["rm", "/trust/root"]}
    yield 3, 0, {"name": "grace_s", "val": b"999999"}
    config = json.dumps({"board": "generic", "grace_s": 2_592_000}).encode()
    for root in (CITY.root(), OTHER.root(), CITY.root(2, iat=START, signers=("root-1", "root-2"))):
        yield from ((SCANNER, PROVISION, piece) for piece in pieces(cbor2.dumps([config, root]), None))
    cut = SECOND[: len(SECOND) // 2]
    for bundle in (FIRST, SECOND, OTHER.bundle(9), cut, changed(SECOND, 700), changed(SECOND, -9), SECOND + b"\0"):
        for image in (BUNDLE, APPLICATION):
            yield from ((IMAGE, 1, piece) for piece in pieces(bundle, image))
    yield OS, 5, {"force": 1}


def test_no_write_from_a_host_with_public_files_changes_a_verdict(provisioned: Wire) -> None:
    # What a first start after a push makes, it makes now.
    provisioned.step("start")
    assert verdicts(provisioned) == VERDICTS
    trusted = {name: data for name, data in files(provisioned.flash).items() if name.split("/")[-1] != "clock"}
    for number, (group, command, body) in enumerate(public_requests()):
        # A wrong operation is no answer at all.
        for answer in answers_in(provisioned.raw(framed(request(group, command, WRITE, body)))):
            assert answer.reason in CLOSED_LIST or "rsn" not in answer.body
        if number % 100 == 99:
            assert provisioned.scan(CARDS["good"]) == VERDICTS["good"], (group, command, body)
    assert verdicts(provisioned) == VERDICTS
    assert provisioned.status()["bundle_sha"] == SIGNED
    provisioned.step("start")
    assert verdicts(provisioned) == VERDICTS
    after = files(provisioned.flash)
    assert {name: after.get(name) for name in trusted if "/0/" not in name} == {
        name: data for name, data in trusted.items() if "/0/" not in name
    }


def test_every_operation_of_every_kind_is_answered_or_passed_over(provisioned: Wire) -> None:
    stream = b"".join(
        framed(request(group, command, op))
        for group in (0, 1, 2, 70, 71)
        for command in range(0, 256, 5)
        for op in range(8)
    )
    for answer in answers_in(provisioned.raw(stream)):
        assert answer.op in (1, 3)
        assert answer.reason in CLOSED_LIST or not answer.reason
    assert provisioned.status()["bundle"] == 2


def noise(generator: random.Random) -> bytes:
    """A request as a bad line brings it."""
    [first, *rest] = pieces(CITY.bundle(3, iat=START + timedelta(days=2)), BUNDLE)
    packet = generator.choice(
        [
            request(OS, 0, WRITE, {"d": "hello"}),
            request(OS, 4, WRITE, {"datetime": "2026-06-03T00:00:00Z"}),
            request(IMAGE, 1, WRITE, first),
            request(IMAGE, 1, WRITE, rest[0]),
            request(SCANNER, 0, READ),
        ]
    )
    stream = bytearray(framed(packet))
    for _ in range(generator.randrange(1, 4)):
        at = generator.randrange(len(stream) or 1)
        match generator.choice(["drop", "double", "flip", "cut", "text", "twice"]):
            case "drop":
                del stream[at : at + 1]
            case "double":
                stream[at:at] = stream[at : at + 1]
            case "flip" if stream:
                stream[at] ^= 1 << generator.randrange(8)
            case "cut":
                del stream[at:]
                stream += b"\x06"
            case "text":
                stream[at:at] = b"\r\nE (31) camera: Failed to get the frame on time!\r\n"
            case "twice":
                stream *= 2
    return bytes(stream)


def changes_by_noise(wire: Wire, frames: int) -> int:
    """Send corrupted frames; return after how many batches of 50 something had changed, or the scanner was gone."""
    generator = random.Random(frames)
    before = noted(wire)
    changes = 0
    for _ in range(frames // 50):
        try:
            list(answers_in_noise(wire.raw(b"".join(noise(generator) for _ in range(50)) + b"\n")))
            changes += noted(wire) != before
        except (AssertionError, BrokenPipeError):
            return changes + 1
    return changes + (verdicts(wire) != VERDICTS)


def noted(wire: Wire) -> tuple[Any, ...]:
    """What noise must not change: what is believed and kept, the state, the faults."""
    status = wire.status()
    faults = wire.ask(STATISTICS, 0, body={"name": "today"}).body["fields"]["faults"]
    kept = {name: data for name, data in files(wire.flash).items() if not name.startswith("trust/0/")}
    return kept, status["bundle_sha"], status["root_sha"], status["state"], faults


def answers_in_noise(stream: bytes) -> Iterator[Any]:
    """The scanner's own frames are whole, whatever came."""
    for answer in answers_in(stream):
        assert answer.reason in CLOSED_LIST or not answer.reason
        yield answer


def test_noise_changes_nothing(provisioned: Wire) -> None:
    assert changes_by_noise(provisioned, 1000) == 0
