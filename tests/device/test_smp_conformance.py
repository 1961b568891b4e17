"""Hosts that know nothing of us, unmodified smpclient and smpmgr, talk to the firmware over a line."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Coroutine
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2
import pytest
from scanner_sim import GREY, frame
from smp import header, message
from smp.error import MGMT_ERR
from smp.os_management import BootMode
from smpclient import SMPClient
from smpclient.exceptions import SMPUploadError
from smpclient.requests.file_management import FileDownload
from smpclient.requests.image_management import ImageErase, ImageStatesRead, ImageStatesWrite
from smpclient.requests.os_management import (
    BootloaderInformationRead,
    DateTimeRead,
    DateTimeWrite,
    EchoWrite,
    MCUMgrParametersRead,
    OSApplicationInfoRead,
    ResetWrite,
)
from smpclient.requests.shell_management import Execute
from smpclient.requests.statistics_management import GroupData, ListOfGroups
from smpclient.transport.serial import SMPSerialTransport

from ardente.testing import TestCity
from ardente_tools.rig import Line, SimulatedDevice

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="MicroPython's unix port is for Linux")

CITY = TestCity()
BUNDLE = CITY.bundle()
# As many lists as make a push take a while.
LARGE = CITY.bundle(2, revoked={"card-1": frozenset(range(0, 1024, 3)), "card-2": frozenset(range(0, 1024, 5))})
Make = Callable[..., SimulatedDevice]


class Provision(message.WriteRequest):
    _GROUP_ID = 70
    _COMMAND_ID = 1
    off: int
    data: bytes
    len: int | None = None
    sha: bytes | None = None


@pytest.fixture
def device(ardente_device: Make) -> SimulatedDevice:
    return ardente_device()


def talk(device: SimulatedDevice, what: Callable[[SMPClient], Coroutine[Any, Any, Any]]) -> Any:
    async def talked() -> Any:
        async with SMPClient(SMPSerialTransport(), device.port) as client:
            return await what(client)

    return asyncio.run(talked())


def provision(device: SimulatedDevice) -> None:
    document = cbor2.dumps([b'{"board": "generic"}', CITY.root()])

    async def send(client: SMPClient) -> None:
        for offset in range(0, len(document), 90):
            first = {"len": len(document), "sha": sha256(document).digest()} if not offset else {}
            piece = Provision(off=offset, data=document[offset : offset + 90], **first)
            answer = cbor2.loads((await client._transport.send_and_receive(piece.BYTES))[header.Header.SIZE :])
            assert "rc" not in answer

    talk(device, send)
    device.power_cycle()


async def push(client: SMPClient, bundle: bytes = BUNDLE, until: int | None = None) -> list[int]:
    offsets = []
    async for offset in client.upload(bundle, slot=1):
        offsets.append(offset)
        if until is not None and offset >= until:
            break
    return offsets


def test_smpclient_asks_what_the_os_group_has(device: SimulatedDevice) -> None:
    async def what(client: SMPClient) -> None:
        assert (await client.request(EchoWrite(d="héllo"))).r == "héllo"
        parameters = await client.request(MCUMgrParametersRead())
        assert (parameters.buf_size, parameters.buf_count) == (180, 1)
        assert "unix" in (await client.request(OSApplicationInfoRead(format="a"))).output
        assert (await client.request(BootloaderInformationRead())).bootloader == "ardente"
        assert (await client.request(DateTimeRead())).datetime.startswith("1970-01-01T")
        refused = await client.request(DateTimeWrite(datetime="2026-06-01T00:00:00"))
        assert (refused.rc, refused.rsn) == (MGMT_ERR.EBADSTATE, "not_provisioned")

    talk(device, what)


def test_smpclient_pushes_a_bundle_and_reads_it_back(device: SimulatedDevice) -> None:
    provision(device)

    async def what(client: SMPClient) -> Any:
        await push(client)
        return await client.request(ImageStatesRead())

    [image] = talk(device, what).images
    assert (image.image, image.slot, image.version, image.hash) == (1, 0, "1", sha256(BUNDLE).digest())
    assert image.active
    assert image.confirmed


def test_smpclient_goes_on_where_it_was_cut(device: SimulatedDevice) -> None:
    provision(device)
    half = talk(device, lambda client: push(client, until=len(BUNDLE) // 2))[-1]
    first, *rest = talk(device, push)
    assert half <= first < len(BUNDLE)
    assert rest[-1] == len(BUNDLE)


def test_smpclient_is_told_what_there_is_not(device: SimulatedDevice) -> None:
    async def what(client: SMPClient) -> None:
        for request in (Execute(argv=["rm", "/"]), FileDownload(off=0, name="/trust/root")):
            refused = await client.request(request)
            assert (refused.rc, refused.rsn) == (MGMT_ERR.ENOTSUP, "unknown_command")
        refused = await client.request(ImageErase())
        assert refused.rc == MGMT_ERR.EACCESSDENIED
        refused = await client.request(ResetWrite(boot_mode=BootMode.BOOTLOADER))
        assert refused.rc == MGMT_ERR.ENOTSUP
        refused = await client.request(ImageStatesWrite(hash=bytes(32)))
        assert refused.rc in (MGMT_ERR.ENOTSUP, MGMT_ERR.EBADSTATE)
        with pytest.raises(SMPUploadError, match="not_provisioned"):
            await push(client)

    talk(device, what)


def test_smpclient_reads_statistics_and_resets(device: SimulatedDevice) -> None:
    provision(device)

    async def what(client: SMPClient) -> None:
        assert (await client.request(ListOfGroups())).stat_list == ("today", "serial")
        assert (await client.request(GroupData(name="today"))).fields == {"accepted": 0, "refused": 0, "faults": 0}
        assert (await client.request(GroupData(name="serial"))).fields["requests"] >= 3
        await client.request(ResetWrite())

    since = len(device.events)
    talk(device, what)
    assert device.wait_for("end", since=since)["status"] == 75
    device.wait_for("stale", since=since)
    assert talk(device, lambda client: client.request(EchoWrite(d="again"))).r == "again"


def smpmgr(device: SimulatedDevice, *arguments: str) -> str:
    program = Path(sysconfig.get_path("scripts")) / "smpmgr"
    done = subprocess.run(
        [program, "--port", device.port, *arguments], capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_smpmgr_talks_to_it(device: SimulatedDevice, tmp_path: Path) -> None:
    provision(device)
    file = tmp_path / "bundle"
    file.write_bytes(BUNDLE)
    smpmgr(device, "image", "upload", str(file), "--slot", "1", "--format", "any")
    assert sha256(BUNDLE).hexdigest().upper()[:16] in smpmgr(device, "image", "state-read").replace("\n", "")
    since = len(device.events)
    smpmgr(device, "os", "reset")
    assert device.wait_for("end", since=since)["status"] == 75


@pytest.mark.slow
def test_a_card_is_answered_while_a_bundle_is_pushed(ardente_device: Make) -> None:
    with Line(baud=9600) as line:
        device = ardente_device(line=line)
        provision(device)
        line.pace(None)
        talk(device, push)
        device.show(GREY)
        line.pace(9600)

        async def what(client: SMPClient) -> list[str]:
            """Show a card on the way, and return what the gate had done when the last piece but one was taken."""
            since = -1
            done: list[str] = []
            async for offset in client.upload(LARGE, slot=1):
                if since < 0 and offset > len(LARGE) // 4:
                    since = len(device.events)
                    device.show(frame(CITY.card_text(186)))
                if offset < len(LARGE):
                    done = [event["event"] for event in device.events.since(since)] if since >= 0 else []
            return done

        assert "accepted" in talk(device, what)
