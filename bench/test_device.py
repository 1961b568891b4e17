"""The scanner's measures: RV32 instructions, counted under emulation, and frames that nobody has tuned on.

An ESP32 takes 1.2 to 1.7 cycles an instruction. Frames come from a fresh seed in every run, which the table tells;
BENCH_SEED=N takes that one again.
"""

from __future__ import annotations

import json
import random
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import frames
import nacl.signing
import pytest
import zxingcpp
from frames import Frame
from PIL import Image

from interpreters import FIRMWARE, PROJECT, micropython
from mpy import compiled, machine_code_bytes
from rv32 import Rv32Interpreter

SCRIPTS = Path(__file__).resolve().parent / "device"
BIG_INTEGERS = PROJECT / "tests" / "firmware"
MILLION = 1_000_000
KB = 1024

# Enough that luck moves the share by half a percent.
STANDARD_FRAMES = 1000
HARD_FRAMES = 200
NEGATIVE_FRAMES = 200
COUNTED_FRAMES = 30
HEAP_UNIT = "frames that need more than 110 KB beside them"
ARCHITECTURES = ["xtensawin", "rv32imc"]


@pytest.fixture(scope="module")
def verification(chip: Rv32Interpreter | None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What a verification takes, by stage; empty where nothing can be counted."""
    if chip is None:
        return {}
    generator = random.Random(20_260)
    key = nacl.signing.SigningKey(generator.randbytes(32))
    message = generator.randbytes(200)
    case = {
        "public_key": bytes(key.verify_key).hex(),
        "signature": key.sign(message).signature.hex(),
        "message": message.hex(),
    }
    file = tmp_path_factory.mktemp("verify") / "case.json"
    file.write_text(json.dumps(case))
    return chip.count(SCRIPTS / "verify.py", file, paths=[FIRMWARE, BIG_INTEGERS])


def value(told: dict[str, dict[str, Any]], name: str, field: str, unit: float) -> float | None:
    return told[name][field] / unit if told else None


def test_verify(report, verification) -> None:
    report.row("device-verify", value(verification, "verify", "instructions", MILLION), 2.0, "M instructions")
    gain = None
    if verification:
        gain = verification["big_integers"]["instructions"] / verification["verify"]["instructions"]
    report.row("device-verify-gain", gain, 4, "× fewer than big ints", at_least=True)
    report.row("device-verify-heap", value(verification, "verify", "heap_bytes", KB), 1.2, "KB a call")
    report.row("device-verify-table", value(verification, "table", "bytes", KB), 26, "KB a key")
    for stage in ("challenge", "comb", "encoding"):
        report.record(f"device-verify-{stage}", value(verification, stage, "instructions", MILLION), "M instructions")
    report.record("device-verify-garbage", value(verification, "verify", "garbage_bytes", KB), "KB a call")


def test_new_key(report, verification) -> None:
    report.row("device-new-key", value(verification, "new_key", "instructions", MILLION), 40, "M instructions")
    report.record("device-new-key-heap", value(verification, "new_key", "heap_bytes", KB), "KB")


def pack(pictures: Sequence[Frame], file: Path) -> Path:
    file.write_bytes(b"".join(picture.pixels for picture in pictures))
    return file


def answers(output: str) -> list[str | None]:
    return [json.loads(line) for line in output.splitlines() if not line.startswith("counted ")]


def in_batches(pictures: Iterator[Frame], size: int = 100) -> Iterator[list[Frame]]:
    batch = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def read(pictures: Iterator[Frame], folder: Path) -> Iterator[tuple[Frame, str | None]]:
    """Each frame with our answer, by the 64-bit interpreter, whose answers are those of the chip (the tests say)."""
    interpreter = micropython()
    for batch in in_batches(pictures):
        file = pack(batch, folder / "frames")
        size = [str(batch[0].width), str(batch[0].height)]
        output = interpreter.run(
            SCRIPTS / "read_frames.py", *size, file, "read", paths=[FIRMWARE], timeout_s=600
        ).stdout
        yield from zip(batch, answers(output), strict=True)


def read_by_zxing(picture: Frame) -> str | None:
    image = Image.frombytes("L", (picture.width, picture.height), picture.pixels)
    found = zxingcpp.read_barcode(image, formats=zxingcpp.BarcodeFormat.QRCode)
    return found.text if found else None


def test_success(report, seed: int, tmp_path: Path) -> None:
    report.record("device-qr-seed", seed, "")
    wrong = 0

    standard = list(read(frames.standard_set(seed, STANDARD_FRAMES), tmp_path))
    success = sum(text == picture.text for picture, text in standard) / len(standard)
    wrong += sum(text not in (None, picture.text) for picture, text in standard)
    report.row("device-qr-success", 100 * success, 97, "% of the standard set", at_least=True)
    theirs = sum(read_by_zxing(picture) == picture.text for picture, _ in standard) / len(standard)
    report.record("device-qr-success-zxing", 100 * theirs, "% of the standard set")

    hard = list(read(frames.hard_set(seed, HARD_FRAMES), tmp_path))
    success = sum(text == picture.text for picture, text in hard) / len(hard)
    wrong += sum(text not in (None, picture.text) for picture, text in hard)
    theirs = sum(read_by_zxing(picture) == picture.text for picture, _ in hard) / len(hard)
    report.row("device-qr-success-hard", 100 * success, 100 * theirs, "% (zxing-cpp's share)", at_least=True)

    none = list(read(frames.negatives(seed, NEGATIVE_FRAMES), tmp_path))
    wrong += sum(text is not None for _, text in none)
    report.row("device-qr-wrong", wrong, 0, f"of {len(standard) + len(hard) + len(none)} frames")


def test_work(report, chip: Rv32Interpreter | None, seed: int, tmp_path: Path) -> None:
    if chip is None:
        report.row("device-qr-work", None, 6, "M instructions, decoded, median")
        report.row("device-qr-work-none", None, 2.5, "M instructions, no code, median")
        report.row("device-qr-work-most", None, 24, "M instructions, any frame")
        report.row("device-qr-heap", None, 0, HEAP_UNIT)
        return

    def told(pictures: Sequence[Frame], what: str) -> dict[str, dict[str, Any]]:
        size = [str(pictures[0].width), str(pictures[0].height)]
        file = pack(pictures, tmp_path / "frames")
        return chip.count(SCRIPTS / "read_frames.py", *size, file, what, paths=[FIRMWARE])

    decoded = [picture for picture, text in read(frames.standard_set(seed, COUNTED_FRAMES), tmp_path) if text]
    hard = list(frames.hard_set(seed, COUNTED_FRAMES))
    none = list(frames.negatives(seed, COUNTED_FRAMES))
    grey = [Frame(320, 240, bytes([128]) * (320 * 240), None, ())]
    report.row("device-qr-heap", told([*decoded, *hard, *none], "squeeze")["frames"]["too_big"], 0, HEAP_UNIT)

    cost = told([*decoded, *hard, *none, *grey], "measure")
    costs = cost["frames"]["costs"]
    report.row("device-qr-work", median(costs[: len(decoded)]), 6, "M instructions, decoded, median")
    report.row("device-qr-work-none", median(costs[-len(none) - 1 : -1]), 2.5, "M instructions, no code, median")
    report.row("device-qr-work-most", max(row[0] for row in costs) / MILLION, 24, "M instructions, any frame")
    report.record("device-qr-work-grey", median(costs[-1:]), "M instructions, a grey frame")
    report.record("device-qr-buffers", cost["scanner"]["heap_bytes"] / KB, "KB, made once")
    report.record("device-qr-garbage", max(row[2] for row in costs) / KB, "KB a frame at most")


def median(costs: list[list[int]]) -> float:
    return statistics.median(row[0] for row in costs) / MILLION


def test_native_code(report) -> None:
    total = {
        architecture: sum(machine_code_bytes(compiled(module, architecture)) for module in FIRMWARE.glob("*.py"))
        for architecture in ARCHITECTURES
    }
    report.row("device-native-code", max(total.values()) / KB, 56, "KB, the larger of two chips'")
    for architecture, size in total.items():
        report.record(f"device-native-code-{architecture}", size / KB, "KB")
