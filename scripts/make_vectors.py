#!/usr/bin/env python3
"""Write tests/vectors/vectors.json: what every reader of the city's formats has to answer (docs/format.md).

Every negative is signed by the right key unless the signature is its fault, so that nothing but the stated fault can
be why it is refused. The bytes are put together here, item by item, because `ardente.core.encode` makes no faults.
Nothing is drawn by chance and nothing is compressed by zlib: the file is the same on every machine.

    python3 scripts/make_vectors.py [FILE]
"""

from __future__ import annotations

import hashlib
import json
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ardente.core import cose, digits
from ardente.issuing import SigningKey
from ardente.testing import FakeClock, public_signing_key
from ardente.testing._city import BEGIN, END

OUTPUT = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "vectors.json"

Vector = dict[str, Any]
CITY = "test-city"
NOW = int(FakeClock()())
DAY_S = 86400
ROOT_IAT, ROOT_EXP = int(BEGIN.timestamp()), int(END.timestamp())
LATEST_EXP = int(END.timestamp())
LATEST_EXP_2 = int(datetime(2030, 1, 1, tzinfo=UTC).timestamp())
URIS = {label: f"https://test-city.example/status/{label}" for label in ("card-1", "card-2", "voucher-1")}
ENTRIES = {"card-1": 1024, "card-2": 64, "voucher-1": 1024}
REVOKED = {"card-1": [77, 512, 1000], "card-2": [5], "voucher-1": [404]}
KIDS = {"card-1": 1, "card-2": 2, "voucher-1": 9}
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493

CARD, VOUCHER = -65537, -65538


def epoch_s(year: int, month: int = 1, day: int = 1, second: int = 0) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) + second


# CBOR, item by item: `width` is the bytes of the argument where it is not the shortest.
def head(major: int, argument: int, width: int | None = None) -> bytes:
    if width is None:
        width = next(size for size in (0, 1, 2, 4, 8) if argument < (24 if size == 0 else 1 << 8 * size))
    if width == 0:
        return bytes([major << 5 | argument])
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[width]]) + argument.to_bytes(width, "big")


def num(value: int, width: int | None = None) -> bytes:
    return head(0, value, width) if value >= 0 else head(1, -1 - value, width)


def octets(content: bytes, width: int | None = None) -> bytes:
    return head(2, len(content), width) + content


def text(content: str, width: int | None = None) -> bytes:
    return head(3, len(content.encode()), width) + content.encode()


def array(*items: bytes) -> bytes:
    return head(4, len(items)) + b"".join(items)


def pairs(*items: tuple[bytes, bytes]) -> bytes:
    return head(5, len(items)) + b"".join(key + value for key, value in items)


def indefinite(item: bytes, major: int) -> bytes:
    """The array or map `item`, its head replaced by that of indefinite length."""
    return bytes([major << 5 | 31]) + item[1:] + b"\xff"


TRUE, NULL, UNDEFINED, HALF_ONE = b"\xf5", b"\xf6", b"\xf7", b"\xf9\x3c\x00"


# Tokens.
def protected_of(kid: bytes, alg: bytes = num(-19)) -> bytes:
    return pairs((num(1), alg), (num(4), octets(kid)))


def sig_structure1(protected: bytes, payload: bytes) -> bytes:
    return array(text("Signature1"), octets(protected), octets(b""), octets(payload))


def token(
    payload: bytes,
    *,
    key: str = "card-1",
    protected: bytes | None = None,
    tag: bytes = b"\xd2",
    unprotected: bytes = b"\xa0",
    wrap: Callable[[bytes, bytes, bytes, bytes], bytes] | None = None,
    forge: Callable[[bytes], bytes] = lambda signature: signature,
    tail: bytes = b"",
) -> Vector:
    """The layers of a COSE_Sign1. `wrap` joins (protected, unprotected, payload, signature) other than as an array."""
    if protected is None:
        protected = protected_of(bytes([KIDS[key]]))
    message = sig_structure1(protected, payload)
    signature = forge(public_signing_key(key).sign(message))
    body = (wrap or _plain)(protected, unprotected, payload, signature)
    data = tag + body + tail
    return {
        "token": data.hex(),
        "protected": protected.hex(),
        "payload": payload.hex(),
        "to_be_signed": message.hex(),
        "signature": signature.hex(),
    }


def _plain(protected: bytes, unprotected: bytes, payload: bytes, signature: bytes) -> bytes:
    return array(octets(protected), unprotected, octets(payload), octets(signature))


def seen(layers: Vector, reason: str) -> Vector:
    """The layers that a reader gets to: what is refused for its shape has no signature to speak of."""
    if reason in ("not_a_card", "not_a_voucher"):
        return {name: layers[name] for name in ("token", "protected", "payload")}
    return layers


def claims(exp: bytes, label: int, *claim: bytes) -> bytes:
    return pairs((num(4), exp), (num(label), array(*claim)))


def card_claims(index: int = 186, *age: int, exp: int = LATEST_EXP) -> bytes:
    return claims(num(exp), CARD, num(index), *map(num, age))


def voucher_claims(campaign: int = 1, index: int = 12, value: int = 1000, exp: int = LATEST_EXP) -> bytes:
    return claims(num(exp), VOUCHER, num(campaign), num(index), num(value))


def malleable(signature: bytes) -> bytes:
    s = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    return signature[:32] + s.to_bytes(32, "little")


def flip(signature: bytes) -> bytes:
    return bytes([signature[0] ^ 1]) + signature[1:]


def token_faults(good: bytes, label: int, key: str) -> Iterator[tuple[str, Vector]]:
    """Faults that a card and a voucher can have alike; `good` are claims without a fault."""
    kid = bytes([KIDS[key]])
    plain = protected_of(kid)
    exp, claim = num(LATEST_EXP), good[good.index(num(label)) + 5 :]
    pair_exp, pair_claim = (num(4), exp), (num(label), claim)

    def named(name: str, payload: bytes = good, **how: Any) -> tuple[str, Vector]:
        return name, token(payload, key=key, **how)

    yield named("a byte behind the token", tail=b"\x00")
    yield named("untagged", tag=b"")
    yield named("tag 61 (CWT) around tag 18", tag=b"\xd8\x3d\xd2")
    yield named("tag 18 in two bytes", tag=b"\xd8\x12")
    yield named("tag 17 (COSE_Mac0)", tag=b"\xd1")
    yield named("tag 98 (COSE_Sign)", tag=b"\xd8\x62")
    yield named("array of indefinite length", wrap=lambda *parts: indefinite(_plain(*parts), 4))
    yield named("array length in two bytes", wrap=lambda *parts: b"\x98\x04" + _plain(*parts)[1:])
    yield named("three parts", wrap=lambda p, u, c, s: array(octets(p), u, octets(c)))
    yield named("five parts", wrap=lambda p, u, c, s: array(octets(p), u, octets(c), octets(s), octets(b"")))
    yield named("no payload (detached)", wrap=lambda p, u, c, s: array(octets(p), u, NULL, octets(s)))
    yield named("payload not in a byte string", wrap=lambda p, u, c, s: array(octets(p), u, c, octets(s)))
    yield named(
        "payload length longer than needed", wrap=lambda p, u, c, s: array(octets(p), u, octets(c, 2), octets(s))
    )
    yield named("signature of 63 bytes", forge=lambda signature: signature[:63])
    yield named("signature of 65 bytes", forge=lambda signature: signature + b"\x00")
    yield named(
        "signature length longer than needed", wrap=lambda p, u, c, s: array(octets(p), u, octets(c), octets(s, 2))
    )
    yield named("signature as text", wrap=lambda p, u, c, s: array(octets(p), u, octets(c), b"\x78\x40" + s))
    yield named("protected header as a map", wrap=lambda p, u, c, s: array(p, u, octets(c), octets(s)))
    yield named("unprotected header not empty", unprotected=pairs((num(4), octets(kid))))
    yield named("unprotected header an array", unprotected=array())
    yield named("unprotected header null", unprotected=NULL)
    yield named("alg -8 (EdDSA)", protected=protected_of(kid, num(-8)))
    yield named("alg -7 (ES256)", protected=protected_of(kid, num(-7)))
    yield named("alg as text", protected=protected_of(kid, text("Ed25519")))
    yield named("alg longer than needed", protected=protected_of(kid, num(-19, 1)))
    yield named("no alg", protected=pairs((num(4), octets(kid))))
    yield named("no kid", protected=pairs((num(1), num(-19))))
    yield named("kid of no bytes", protected=protected_of(b""))
    yield named("kid of two bytes", protected=protected_of(b"\x00" + kid))
    yield named("kid a number", protected=pairs((num(1), num(-19)), (num(4), num(kid[0]))))
    yield named("header keys not in order", protected=pairs((num(4), octets(kid)), (num(1), num(-19))))
    yield named("header key doubled", protected=pairs((num(1), num(-19)), (num(1), num(-19)), (num(4), octets(kid))))
    yield named("header key 1 as true", protected=pairs((TRUE, num(-19)), (num(4), octets(kid))))
    yield named("header of indefinite length", protected=indefinite(plain, 5))
    yield named(
        "unknown crit", protected=pairs((num(1), num(-19)), (num(2), array(num(-70000))), (num(4), octets(kid)))
    )
    yield named("a content type", protected=pairs((num(1), num(-19)), (num(3), num(0)), (num(4), octets(kid))))
    yield named("a byte behind the header", protected=plain + b"\x00")
    yield named("a byte behind the claims", good + b"\x00")
    yield named("claims of indefinite length", indefinite(good, 5))
    yield named("claims not in order", pairs(pair_claim, pair_exp))
    yield named("exp doubled", pairs(pair_exp, pair_exp, pair_claim))
    yield named("claim doubled", pairs(pair_exp, pair_claim, pair_claim))
    yield named("no exp", pairs(pair_claim))
    yield named("no claim of ours", pairs(pair_exp))
    yield named("an issuer beside", pairs((num(1), text("x")), pair_exp, pair_claim))
    yield named("iat beside", pairs(pair_exp, (num(6), num(NOW)), pair_claim))
    yield named("exp under the label true", pairs((TRUE, exp), pair_claim))
    yield named("exp label as text", pairs(pair_claim, (text("exp"), exp)))
    yield named("exp in eight bytes", pairs((num(4), num(LATEST_EXP, 8)), pair_claim))
    yield named("exp a float", pairs((num(4), b"\xfb\x41\xee\x54\xc5\x78\x00\x00\x00"), pair_claim))
    yield named("exp tagged as a time", pairs((num(4), b"\xc1" + exp), pair_claim))
    yield named("exp null", pairs((num(4), NULL), pair_claim))
    yield named("exp 0", pairs((num(4), num(0)), pair_claim))
    yield named("exp below zero", pairs((num(4), num(-DAY_S)), pair_claim))
    yield named("exp one second late", pairs((num(4), num(LATEST_EXP + 1)), pair_claim))
    yield named("claim a number", pairs(pair_exp, (num(label), num(186))))
    yield named("claim of indefinite length", pairs(pair_exp, (num(label), indefinite(claim, 4))))
    yield named("claim empty", pairs(pair_exp, (num(label), array())))
    yield named("claim label longer than needed", pairs(pair_exp, (num(label, 8), claim)))
    yield named("claim label positive", pairs(pair_exp, (num(-1 - label), claim)))


def card_vectors() -> Iterator[Vector]:
    def vector(name: str, layers: Vector, reason: str, age: str = "", now: int = NOW, grace: int = 0) -> Vector:
        scan = digits.encode(bytes.fromhex(layers["token"]))
        return {
            "kind": "card",
            "name": name,
            "now": now,
            "grace": grace,
            "text": scan,
            **seen(layers, reason),
            "answer": [reason, age],
        }

    def good(name: str, payload: bytes, age: str = "", **how: Any) -> Vector:
        return vector(name, token(payload, **how), "ok", age)

    for index in (0, 23, 24, 255, 256, 1023):
        yield good(f"index {index}", card_claims(index))
    for year in (2024, 2026, 2098):
        for number, age in ((1, "child"), (2, "youth")):
            yield good(f"{age} until {year}", card_claims(186, number, year), age if year >= 2026 else "")
    yield good("senior", card_claims(186, 3), "senior")
    yield good("second key", card_claims(63, exp=LATEST_EXP_2), key="card-2")
    exp = epoch_s(2026, 7)
    soon = token(card_claims(exp=exp))
    yield vector("in the last second before exp", soon, "ok", now=exp - 1)
    yield vector("at exp", soon, "expired", now=exp)
    for year, month in ((2024, 1), (2024, 4), (2024, 7), (2024, 10), (2025, 4), (2026, 4), (2000, 4), (1970, 4)):
        payload = card_claims(exp=epoch_s(year, month))
        yield vector(f"expired since {year}-{month:02}", token(payload), "expired")
    yield vector("clock before the bundle's iat", token(card_claims()), "ok", now=1)
    until = NOW + 45 * DAY_S
    yield vector("bundle in its last second", token(card_claims()), "ok", now=until - 1)
    yield vector("bundle at its exp", token(card_claims()), "stale_trust", now=until)
    yield vector("bundle within the grace", token(card_claims()), "ok", now=until, grace=DAY_S)
    yield vector("bundle past the grace", token(card_claims()), "stale_trust", now=until + DAY_S, grace=DAY_S)
    yield vector(
        "bundle past the longest grace of the city",
        token(card_claims()),
        "stale_trust",
        now=until + 30 * DAY_S,
        grace=400 * DAY_S,
    )
    yield vector("bundle stale, and the scan not a card", token(b"\xa0"), "stale_trust", now=until)
    for label, indices in (("card-1", REVOKED["card-1"]), ("card-2", REVOKED["card-2"])):
        for index in indices:
            yield vector(
                f"revoked: {label}, {index}", token(card_claims(index, exp=LATEST_EXP_2), key=label), "revoked"
            )
    yield vector("the entry beside a revoked one", token(card_claims(78)), "ok")
    yield vector("the index of a card revoked under another key", token(card_claims(5)), "ok")

    yield vector("unknown kid", token(card_claims(), protected=protected_of(b"\x63")), "unknown_key")
    yield vector("kid of a voucher key", token(card_claims(), key="voucher-1"), "unknown_key")
    yield vector("index one past the list", token(card_claims(1024)), "unknown_key")
    yield vector("index one past the list of the second key", token(card_claims(64), key="card-2"), "unknown_key")
    yield vector("index of 32 bits", token(card_claims(0xFFFFFFFF)), "unknown_key")
    later = token(card_claims(exp=epoch_s(2030, 4)), key="card-2")
    yield vector("exp past the key's latest", later, "unknown_key")
    yield vector("exp past the key's latest, the last there is", token(card_claims(exp=epoch_s(2106))), "unknown_key")
    other = protected_of(bytes([KIDS["card-2"]]))
    crossed = token(card_claims(1, exp=LATEST_EXP_2), protected=other)
    yield vector("signed by one card key, kid of the other", crossed, "bad_signature")
    forged = {
        "one bit of R changed": flip,
        "S + L for S": malleable,
        "S = L": lambda s: s[:32] + GROUP_ORDER.to_bytes(32, "little"),
        "S = 0": lambda s: s[:32] + bytes(32),
        "signature all zero": lambda s: bytes(64),
        "R of small order": lambda s: b"\x01" + bytes(31) + s[32:],
        "R not canonical": lambda s: (2**255 - 18).to_bytes(32, "little") + s[32:],
    }
    for name, forge in forged.items():
        yield vector(name, token(card_claims(), forge=forge), "bad_signature")
    borrowed = bytes.fromhex(token(card_claims(187))["signature"])
    yield vector("signature of another card", token(card_claims(), forge=lambda s: borrowed), "bad_signature")

    for name, layers in token_faults(card_claims(), CARD, "card-1"):
        yield vector(name, layers, "not_a_card")
    faults = {
        "a voucher": token(voucher_claims(), key="voucher-1"),
        "a voucher's claims under a card key": token(voucher_claims()),
        "exp not the start of a quarter": token(card_claims(exp=epoch_s(2026, 8))),
        "exp a day after the start of a quarter": token(card_claims(exp=epoch_s(2027, 1, 2))),
        "exp a day before it, in a leap year": token(card_claims(exp=epoch_s(2028, 3, 31))),
        "exp not at midnight": token(card_claims(exp=epoch_s(2027, second=3600))),
        "age class 0": token(card_claims(186, 0)),
        "age class 0 with a year": token(card_claims(186, 0, 2030)),
        "age class 4": token(card_claims(186, 4)),
        "age class 4 with a year": token(card_claims(186, 4, 2030)),
        "child without a year": token(card_claims(186, 1)),
        "youth without a year": token(card_claims(186, 2)),
        "senior with a year": token(card_claims(186, 3, 2030)),
        "odd year": token(card_claims(186, 1, 2031)),
        "year before the first": token(card_claims(186, 1, 2022)),
        "year after the last": token(card_claims(186, 1, 2100)),
        "year of one byte": token(card_claims(186, 1, 30)),
        "four elements": token(card_claims(186, 1, 2030, 0)),
        "index below zero": token(claims(num(LATEST_EXP), CARD, num(-1))),
        "index of 64 bits": token(card_claims(1 << 32)),
        "index as bytes": token(claims(num(LATEST_EXP), CARD, octets(b"\xba"))),
        "index true": token(claims(num(LATEST_EXP), CARD, TRUE)),
        "index undefined": token(claims(num(LATEST_EXP), CARD, UNDEFINED)),
        "index a half-precision float": token(claims(num(LATEST_EXP), CARD, HALF_ONE)),
        "index a bignum": token(claims(num(LATEST_EXP), CARD, b"\xc2\x41\xba")),
        "index 5 in two bytes": token(claims(num(LATEST_EXP), CARD, num(5, 1))),
        "index 186 in three bytes": token(claims(num(LATEST_EXP), CARD, num(186, 2))),
        "index 186 in five bytes": token(claims(num(LATEST_EXP), CARD, num(186, 4))),
        "index 186 in nine bytes": token(claims(num(LATEST_EXP), CARD, num(186, 8))),
        "age class in two bytes": token(claims(num(LATEST_EXP), CARD, num(186), num(3, 1))),
        "year in five bytes": token(claims(num(LATEST_EXP), CARD, num(186), num(1), num(2030, 4))),
        "year as text": token(claims(num(LATEST_EXP), CARD, num(186), num(1), text("2030"))),
    }
    for name, layers in faults.items():
        yield vector(name, layers, "not_a_card")
    yield from scan_vectors("card", "not_a_card")


def scan_vectors(kind: str, reason: str, names: Sequence[str] = ()) -> Iterator[Vector]:
    """Scans that are not the digits of a token, those of `names` alone if given; the text is all there is of them."""
    data = bytes.fromhex(token(card_claims(256))["token"])
    scan = digits.encode(data)
    too_big = "9" * 17
    texts = {
        "empty": "",
        "one digit": "1",
        "a URL": "https://test-city.example/card",
        "an EAN-13": "5410041001204",
        "256 digits": "1" * 256,
        "a digit behind": scan + "0",
        "a space before": " " + scan,
        "a line end behind": scan + "\n",
        "an underscore inside": scan[:17] + "_" + scan[17:],
        "a plus sign": "+" + scan[1:],
        "a minus sign": "-" + scan[1:],
        "a digit lost": scan[:-1],
        "a digit lost in the middle": scan[:40] + scan[41:],
        "two digits swapped": scan[:18] + scan[19] + scan[18] + scan[20:],
        "Arabic digits": "".join(chr(0x660 + int(digit)) for digit in scan),
        "one full-width digit": chr(0xFF10 + int(scan[0])) + scan[1:],
        "one superscript digit": "²" + scan[1:],
        "a chunk that does not fit seven bytes": too_big + scan[17:],
        "a tail that does not fit its bytes": scan[: len(scan) // 17 * 17] + "9" * (len(scan) % 17),
        "the scan twice": scan + scan,
        "hexadecimal": data.hex(),
        "a zero byte": scan[:-1] + "\x00",
    }
    for name in names or texts:
        content = texts[name]
        yield {
            "kind": kind,
            "name": f"scan: {name}",
            "now": NOW,
            "grace": 0,
            "text": content,
            "answer": [reason, "" if kind == "card" else [0, 0, 0]],
        }


def voucher_vectors() -> Iterator[Vector]:
    def vector(name: str, layers: Vector, reason: str, told: Sequence[int] = (0, 0, 0), now: int = NOW) -> Vector:
        scan = digits.encode(bytes.fromhex(layers["token"]))
        return {
            "kind": "voucher",
            "name": name,
            "now": now,
            "grace": 0,
            "text": scan,
            **seen(layers, reason),
            "answer": [reason, list(told)],
        }

    def of(*parts: int, key: str = "voucher-1", **how: Any) -> Vector:
        return token(voucher_claims(*parts, **how), key=key)

    for index, value in ((12, 1000), (0, 500), (1023, 2000)):
        yield vector(f"serial {index}, {value} cents", of(1, index, value), "ok", [1, index, value])
    exp = epoch_s(2026, 6, 2)
    soon = of(1, 12, 1000, exp=exp)
    yield vector("exp any midnight, in the last second", soon, "ok", [1, 12, 1000], now=exp - 1)
    yield vector("at exp", soon, "expired", now=exp)
    yield vector("revoked", of(1, 404, 1000), "revoked")
    yield vector("before its campaign", of(2, 12, 1000), "not_yet_valid")
    yield vector("after its campaign", of(3, 12, 1000), "campaign_closed")
    yield vector("after its campaign, and expired", of(3, 12, 1000, exp=epoch_s(2025)), "campaign_closed")
    yield vector("no such campaign", of(99, 12, 1000), "unknown_campaign")
    yield vector("a value that the campaign has not", of(1, 12, 750), "unknown_campaign")
    yield vector("bundle at its exp", of(1, 12, 1000), "stale_trust", now=NOW + 45 * DAY_S)
    yield vector("unknown kid", token(voucher_claims(), key="voucher-1", protected=protected_of(b"c")), "unknown_key")
    yield vector("kid of a card key", token(voucher_claims(), key="card-1"), "unknown_key")
    yield vector("serial one past the list", of(1, 1024, 1000), "unknown_key")
    yield vector("exp past the key's latest", of(1, 12, 1000, exp=LATEST_EXP + DAY_S), "unknown_key")
    yield vector("largest campaign, serial and value", of(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF), "unknown_key")
    for name, forge in (("one bit of R changed", flip), ("S + L for S", malleable)):
        yield vector(name, token(voucher_claims(), key="voucher-1", forge=forge), "bad_signature")
    wrong = token(voucher_claims(), key="card-1", protected=protected_of(bytes([KIDS["voucher-1"]])))
    yield vector("signed by a card key under the voucher key's kid", wrong, "bad_signature")

    for name, layers in token_faults(voucher_claims(), VOUCHER, "voucher-1"):
        yield vector(name, layers, "not_a_voucher")
    exp_item = num(LATEST_EXP)
    faults = {
        "a card": token(card_claims()),
        "a card's claims under a voucher key": token(card_claims(), key="voucher-1"),
        "exp not at midnight": of(1, 12, 1000, exp=epoch_s(2027, second=1)),
        "campaign 0": of(0, 12, 1000),
        "campaign of 17 bits": of(0x10000, 12, 1000),
        "value 0": of(1, 12, 0),
        "value below zero": token(claims(exp_item, VOUCHER, num(1), num(12), num(-5)), key="voucher-1"),
        "value of 64 bits": of(1, 12, 1 << 32),
        "value a float": token(claims(exp_item, VOUCHER, num(1), num(12), b"\xfa\x41\x20\x00\x00"), key="voucher-1"),
        "serial of 64 bits": of(1, 1 << 32, 1000),
        "serial longer than needed": token(claims(exp_item, VOUCHER, num(1), num(12, 1), num(1000)), key="voucher-1"),
        "two elements": token(claims(exp_item, VOUCHER, num(1), num(12)), key="voucher-1"),
        "four elements": token(claims(exp_item, VOUCHER, num(1), num(12), num(9), num(9)), key="voucher-1"),
    }
    for name, layers in faults.items():
        yield vector(name, layers, "not_a_voucher")
    yield from scan_vectors("voucher", "not_a_voucher", ("empty", "a digit behind", "a digit lost", "Arabic digits"))


def digit_vectors() -> Iterator[Vector]:
    samples = [
        b"\x00",
        b"\xff",
        b"hello world",
        *(bytes(range(200, 200 + size)) for size in range(1, 16)),
        b"\xff" * 105,
    ]
    for data in samples:
        code = digits.encode(data)
        answer = [data.hex(), code]
        yield {"kind": "digits", "name": f"{len(data)} bytes, {data[:4].hex()}…", "text": code, "answer": answer}
    for tail, size in ((3, 1), (5, 2), (8, 3), (10, 4), (13, 5), (15, 6), (17, 7)):
        largest = (1 << 8 * size) - 1
        fits, not_fits = f"{largest:0{tail}}", f"{largest + 1:0{tail}}"
        yield {
            "kind": "digits",
            "name": f"largest tail of {tail} digits",
            "text": fits,
            "answer": ["ff" * size, fits],
        }
        yield {"kind": "digits", "name": f"one more than {tail} digits hold", "text": not_fits, "answer": None}
    for length in (1, 2, 4, 6, 7, 9, 11, 12, 14, 16):
        yield {"kind": "digits", "name": f"a tail of {length} digits", "text": "0" * length, "answer": None}
    for name, content in (("empty", ""), ("letters", "abc"), ("underscore", "0_0"), ("sign", "+00"), ("space", "00 ")):
        yield {"kind": "digits", "name": name, "text": content, "answer": None}


def cbor_vectors() -> Iterator[Vector]:
    """Items that a strict decoder of ours takes, or refuses; most refused ones are of RFC 8949, appendix F."""
    good = (
        "00 17 1818 18ff 190100 1a00010000 1b0000000100000000 1bffffffffffffffff 20 37 3818 3bffffffffffffffff "
        "40 4401020304 60 6161 80 83010203 8301820203820405 a0 a201020304 a26161016162820203 a1206161 8181818181818100"
    )
    for item in good.split():
        yield {"kind": "cbor", "name": f"taken: {item}", "bytes": item, "answer": True}
    bad = {
        "empty": "",
        "trailing byte": "0000",
        "cut head": "18",
        "cut bytes": "4401",
        "cut text": "6261",
        "cut array": "8201",
        "cut map": "a1",
        "map without value": "a101",
        "number 23 in one byte more": "1817",
        "255 in two bytes": "1900ff",
        "65535 in four": "1a0000ffff",
        "2^32-1 in eight": "1b00000000ffffffff",
        "-24 in one byte more": "3817",
        "length 1 in one byte more": "580100",
        "reserved 28": "1c",
        "reserved 30": "1e",
        "indefinite bytes": "5f4100ff",
        "indefinite text": "7f6161ff",
        "indefinite array": "9fff",
        "indefinite map": "bfff",
        "break alone": "ff",
        "false": "f4",
        "true": "f5",
        "null": "f6",
        "undefined": "f7",
        "simple 16": "f0",
        "simple 32": "f820",
        "half float": "f93c00",
        "float": "fa3f800000",
        "double": "fb3ff0000000000000",
        "tag 0": "c06161",
        "bignum": "c24101",
        "self-described": "d9d9f700",
        "doubled key": "a201000100",
        "unsorted keys": "a202000100",
        "text key before number key": "a26161010100",
        "negative before positive": "a220000100",
        "byte string key": "a1410100",
        "array key": "a1800000",
        "map key": "a1a000",
        "boolean key": "a1f500",
        "text with a control character": "610a",
        "text with DEL": "617f",
        "text of two bytes, e acute": "62c3a9",
        "text, overlong NUL": "62c080",
        "text, surrogate": "63eda080",
        "text, lone byte": "6180",
        "nested nine deep": "818181818181818100",
        "array of 2^32 elements": "9a00010000",
        "bytes of 2^64": "5bffffffffffffffff",
    }
    for name, item in bad.items():
        yield {"kind": "cbor", "name": f"refused: {name}", "bytes": item, "answer": False}


# zlib streams (RFC 1950) made by hand, so that they are the same everywhere.
def adler(data: bytes) -> bytes:
    return zlib.adler32(data).to_bytes(4, "big")


def stored(data: bytes, header: bytes = b"\x48\x0d", check: bytes | None = None) -> bytes:
    """One stored block behind a header that announces a window of 4 KB."""
    size = len(data).to_bytes(2, "little")
    complement = (len(data) ^ 0xFFFF).to_bytes(2, "little")
    return header + b"\x01" + size + complement + data + (adler(data) if check is None else check)


def fixed_codes(bits: str) -> bytes:
    """One last block of fixed Huffman codes, its codes given as bits in the order of RFC 1951."""
    bits = "1" + "10" + bits + "0000000"
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


LITERAL_0, LENGTH_7, LENGTH_258, DISTANCE_1 = "00110000", "0000101", "11000101", "00000"


def zeros(runs: int) -> bytes:
    """1 + 258 × `runs` zero bytes."""
    return b"\x48\x0d" + fixed_codes(LITERAL_0 + (LENGTH_258 + DISTANCE_1) * runs) + adler(bytes(1 + 258 * runs))


def eight_zeros() -> bytes:
    return b"\x48\x0d" + fixed_codes(LITERAL_0 + LENGTH_7 + DISTANCE_1) + adler(bytes(8))


def bits_of(label: str) -> bytes:
    bits = bytearray(ENTRIES[label] // 8)
    for index in REVOKED[label]:
        bits[index >> 3] |= 1 << (index & 7)
    return bytes(bits)


TYP = "application/statuslist+cwt"


def list_protected(key: SigningKey, typ: bytes | None = None, alg: int = -19, kid: bytes | None = None) -> bytes:
    return pairs((num(1), num(alg)), (num(4), octets(key.key_id if kid is None else kid)), (num(16), typ or text(TYP)))


def list_claims(uri: str, lst: bytes, iat: int = NOW, exp: int = NOW + 45 * DAY_S) -> list[tuple[bytes, bytes]]:
    return [
        (num(2), text(uri)),
        (num(4), num(exp)),
        (num(6), num(iat)),
        (num(65533), pairs((text("lst"), octets(lst)), (text("bits"), num(1)))),
        (num(65534), num(DAY_S)),
    ]


def list_token(
    payload: bytes,
    *,
    key: SigningKey | None = None,
    protected: bytes | None = None,
    unprotected: bytes = b"\xa0",
    tag: bytes = b"\xd2",
    forge: Callable[[bytes], bytes] = lambda signature: signature,
    tail: bytes = b"",
) -> Vector:
    signer = key or public_signing_key("status-1")
    header = list_protected(signer) if protected is None else protected
    message = sig_structure1(header, payload)
    signature = forge(signer.sign(message))
    data = tag + array(octets(header), unprotected, octets(payload), octets(signature)) + tail
    return {
        "bytes": data.hex(),
        "protected": header.hex(),
        "payload": payload.hex(),
        "to_be_signed": message.hex(),
        "signature": signature.hex(),
    }


def status_list(label: str) -> bytes:
    return bytes.fromhex(list_token(pairs(*list_claims(URIS[label], stored(bits_of(label)))))["bytes"])


def status_list_vectors() -> Iterator[Vector]:
    uri = URIS["card-2"]
    bits = bits_of("card-2")
    lst = stored(bits)

    def vector(name: str, layers: Vector, indices: list[int] | None = None) -> Vector:
        if indices is None:
            return {"kind": "status_list", "name": name, "bytes": layers["bytes"], "answer": "not_a_status_list"}
        return {"kind": "status_list", "name": name, **layers, "answer": ["ok", indices]}

    def with_lst(content: bytes) -> Vector:
        return list_token(pairs(*list_claims(uri, content)))

    def with_claims(*changes: tuple[int, tuple[bytes, bytes] | None]) -> Vector:
        items: list[tuple[bytes, bytes] | None] = list(list_claims(uri, lst))
        for at, item in changes:
            items[at] = item
        return list_token(pairs(*[item for item in items if item]))

    def with_list(*items: tuple[bytes, bytes]) -> Vector:
        return with_claims((3, (num(65533), pairs(*items))))

    pair_lst, pair_bits = (text("lst"), octets(lst)), (text("bits"), num(1))
    yield vector("positive, stored block", with_lst(lst), [5])
    yield vector(
        "positive, 1024 entries",
        list_token(pairs(*list_claims(URIS["card-1"], stored(bits_of("card-1"))))),
        [77, 512, 1000],
    )
    yield vector("positive, fixed codes", with_lst(eight_zeros()), [])
    small = stored(bits, b"\x08\x1d")
    yield vector("positive, window of 256 bytes", with_lst(small), [5])
    yield vector("ttl 0", with_claims((4, (num(65534), num(0)))), [5])

    yield vector("one bit of the signature changed", list_token(pairs(*list_claims(uri, lst)), forge=flip))
    stranger = public_signing_key("status-2")
    yield vector("signed by a key that the key set has not", list_token(pairs(*list_claims(uri, lst)), key=stranger))
    card_key = public_signing_key("card-2")
    yield vector("signed by the card key itself", list_token(pairs(*list_claims(uri, lst)), key=card_key))
    yield vector(
        "kid of the status key, signed by another",
        list_token(
            pairs(*list_claims(uri, lst)), key=stranger, protected=list_protected(public_signing_key("status-1"))
        ),
    )
    yield vector("sub a list that no key has", list_token(pairs(*list_claims(uri + "x", lst))))
    yield vector("sub the list of another key, with its own size", list_token(pairs(*list_claims(URIS["card-1"], lst))))
    status = public_signing_key("status-1")
    headers = {
        "other typ": list_protected(status, text("application/statuslist+jwt")),
        "typ a number": list_protected(status, num(16)),
        "alg -8": list_protected(status, alg=-8),
        "kid of one byte": list_protected(status, kid=b"\x01"),
        "no typ": pairs((num(1), num(-19)), (num(4), octets(status.key_id))),
        "no kid": pairs((num(1), num(-19)), (num(16), text(TYP))),
        "crit": pairs(
            (num(1), num(-19)), (num(2), array(num(9))), (num(4), octets(status.key_id)), (num(16), text(TYP))
        ),
        "header not in order": pairs((num(4), octets(status.key_id)), (num(1), num(-19)), (num(16), text(TYP))),
        "header of indefinite length": indefinite(list_protected(status), 5),
        "byte behind the header": list_protected(status) + b"\x00",
    }
    for name, header in headers.items():
        yield vector(name, list_token(pairs(*list_claims(uri, lst)), protected=header))
    good = pairs(*list_claims(uri, lst))
    yield vector("untagged", list_token(good, tag=b""))
    yield vector("tag 61 around", list_token(good, tag=b"\xd8\x3d\xd2"))
    yield vector("unprotected header not empty", list_token(good, unprotected=pairs((num(4), octets(status.key_id)))))
    yield vector("a byte behind the token", list_token(good, tail=b"\x00"))
    yield vector("a byte behind the claims", list_token(good + b"\x00"))
    yield vector("claims of indefinite length", list_token(indefinite(good, 5)))
    yield vector("signature of 63 bytes", list_token(good, forge=lambda signature: signature[:63]))
    yield vector("a card", {"bytes": token(card_claims())["token"]})
    for at, name in enumerate(("sub", "exp", "iat", "list", "ttl")):
        yield vector(f"no {name}", with_claims((at, None)))
    yield vector("exp before iat", with_claims((1, (num(4), num(NOW - 1)))))
    yield vector("exp equal to iat", with_claims((1, (num(4), num(NOW)))))
    yield vector("iat 0", with_claims((2, (num(6), num(0)))))
    yield vector("iat in eight bytes", with_claims((2, (num(6), num(NOW, 8)))))
    yield vector("exp of 64 bits", with_claims((1, (num(4), num(1 << 32)))))
    yield vector("sub empty", with_claims((0, (num(2), text("")))))
    yield vector("sub of 97 characters", with_claims((0, (num(2), text(uri + "x" * (97 - len(uri)))))))
    yield vector("sub with an accent", with_claims((0, (num(2), text("https://liège.example/1")))))
    yield vector("sub as bytes", with_claims((0, (num(2), octets(uri.encode())))))
    yield vector("an issuer beside", list_token(pairs((num(1), text("x")), *list_claims(uri, lst))))
    yield vector("ttl a string", with_claims((4, (num(65534), text("a")))))
    yield vector("ttl of 64 bits", with_claims((4, (num(65534), num(1 << 32)))))
    yield vector("bits 2", with_list(pair_lst, (text("bits"), num(2))))
    yield vector("bits 8", with_list(pair_lst, (text("bits"), num(8))))
    yield vector("bits 1 in one byte more", with_list(pair_lst, (text("bits"), num(1, 1))))
    yield vector("bits true", with_list(pair_lst, (text("bits"), TRUE)))
    yield vector("no bits", with_list(pair_lst))
    yield vector("no lst", with_list(pair_bits))
    yield vector("bits before lst", with_list(pair_bits, pair_lst))
    yield vector("an aggregation URI", with_list(pair_lst, pair_bits, (text("aggregation_uri"), text("https://x"))))
    yield vector("lst as text", with_list((text("lst"), text("x")), pair_bits))
    yield vector("lst length longer than needed", with_list((text("lst"), octets(lst, 2)), pair_bits))
    yield vector("lst of indefinite length", with_list((text("lst"), b"\x5f" + octets(lst) + b"\xff"), pair_bits))
    streams = {
        "lst empty": b"",
        "window of 8 KB": stored(bits, b"\x58\x09"),
        "window of 32 KB": stored(bits, b"\x78\x01"),
        "not deflate": stored(bits, b"\x49\x0c"),
        "header check wrong": stored(bits, b"\x48\x0e"),
        "preset dictionary": b"\x48\x2c" + bytes(4) + stored(bits)[2:],
        "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + stored(bits)[2:],
        "raw deflate": stored(bits)[2:-4],
        "one byte too short": stored(bits[:-1]),
        "one byte too long": stored(bits + b"\x00"),
        "no bits at all": stored(b""),
        "inflates to 16 KB": zeros(64),
        "cut short": lst[:-6],
        "without its Adler-32": lst[:-4],
        "a byte behind": lst + b"\x00",
        "two streams": lst + lst,
        "wrong Adler-32": stored(bits, check=b"\x00\x00\x00\x01"),
        "block type 3": b"\x48\x0d\x07" + lst[3:],
        "stored length and complement differ": lst[:5] + b"\x00\x00" + lst[7:],
        "match before the first byte": b"\x48\x0d" + fixed_codes(LENGTH_7 + DISTANCE_1) + adler(bits),
    }
    for name, stream in streams.items():
        yield vector(f"zlib: {name}", with_lst(stream))


# Documents signed by roles.
def document(typ: str, payload: bytes, signers: Sequence[str], **how: Any) -> bytes:
    """A COSE_Sign. `how`: see `sign_parts`."""
    return sign_parts(typ, payload, [(public_signing_key(label), None) for label in signers], **how)


def sig_structure(body: bytes, signer: bytes, payload: bytes) -> bytes:
    return array(text("Signature"), octets(body), octets(signer), octets(b""), octets(payload))


def sign_parts(
    typ: str,
    payload: bytes,
    signers: Sequence[tuple[SigningKey, bytes | None]],
    *,
    body: bytes | None = None,
    tag: bytes = b"\xd8\x62",
    unprotected: bytes = b"\xa0",
    signer_unprotected: bytes = b"\xa0",
    alg: int = -19,
    sort: bool = True,
    forge: Callable[[bytes], bytes] = lambda signature: signature,
    tail: bytes = b"",
) -> bytes:
    protected = pairs((num(16), text(typ))) if body is None else body
    entries = []
    for key, kid in signers:
        header = pairs((num(1), num(alg)), (num(4), octets(key.key_id if kid is None else kid)))
        signature = forge(key.sign(sig_structure(protected, header, payload)))
        entries.append(array(octets(header), signer_unprotected, octets(signature)))
    if sort:
        entries.sort()
    return tag + array(octets(protected), unprotected, octets(payload), array(*entries)) + tail


def public(label: str) -> bytes:
    return public_signing_key(label).public_key


def role(threshold: int, *labels: str, sort: bool = True) -> bytes:
    keys = [public(label) for label in labels]
    return array(num(threshold), array(*map(octets, sorted(keys) if sort else keys)))


ROOT_KEYS, BUNDLE_KEYS, FIRMWARE_KEYS = ("root-1", "root-2", "root-3"), ("bundle-1", "bundle-2"), ("firmware-1",)


def root_items(
    version: int = 1,
    *,
    city: str = CITY,
    iat: int = ROOT_IAT,
    exp: int = ROOT_EXP,
    root: bytes | None = None,
    bundle: bytes | None = None,
    firmware: bytes | None = None,
) -> list[tuple[bytes, bytes]]:
    roles = pairs(
        (num(1), root or role(2, *ROOT_KEYS)),
        (num(2), bundle or role(1, *BUNDLE_KEYS)),
        (num(3), firmware or role(1, *FIRMWARE_KEYS)),
    )
    return [(num(1), text(city)), (num(4), num(exp)), (num(6), num(iat)), (num(-1), num(version)), (num(-2), roles)]


def root_vectors() -> Iterator[Vector]:
    typ = cose.TYP_ROOT
    two = ("root-1", "root-2")

    def vector(name: str, data: bytes, reason: str = "not_a_root", payload: bytes | None = None, **more: Any) -> Vector:
        layers = {"payload": payload.hex()} if payload is not None else {}
        return {
            "kind": "root",
            "name": name,
            "allow_test_city": True,
            "bytes": data.hex(),
            **layers,
            **more,
            "answer": reason,
        }

    def of(items: list[tuple[bytes, bytes]], signers: Sequence[str] = two, **how: Any) -> bytes:
        return document(typ, pairs(*items), signers, **how)

    payload = pairs(*root_items())
    good = of(root_items())
    body = pairs((num(16), text(typ)))
    to_be_signed = [
        {
            "kid": public_signing_key(label).key_id.hex(),
            "to_be_signed": sig_structure(
                body, pairs((num(1), num(-19)), (num(4), octets(public_signing_key(label).key_id))), payload
            ).hex(),
        }
        for label in two
    ]
    yield vector("positive, two of three", good, "ok", payload, signatures=to_be_signed)
    yield vector("positive, three of three", of(root_items(), ROOT_KEYS), "ok")
    yield vector("positive, and a signature of a key that the role has not", of(root_items(), (*two, "bundle-1")), "ok")
    yield vector("positive, version 65535", of(root_items(0xFFFF)), "ok")
    refused = vector("the test city, and nobody said that it may be", good, "test_city")
    yield {**refused, "allow_test_city": False}
    yield vector("one signature", of(root_items(), ("root-1",)), "too_few_signatures")
    yield vector("signed by the bundle role", of(root_items(), BUNDLE_KEYS), "too_few_signatures")
    yield vector("signatures broken", of(root_items(), forge=flip), "too_few_signatures")
    yield vector("S + L for S", of(root_items(), forge=malleable), "too_few_signatures")
    keys = [public_signing_key(label) for label in two]
    twice = sign_parts(typ, payload, [(keys[0], None), (keys[0], b"\xff" * 8)])
    yield vector("one key twice, under two names", twice, "too_few_signatures")
    yield vector(
        "one key under the name of another",
        sign_parts(typ, payload, [(keys[0], None), (keys[0], keys[1].key_id)]),
        "too_few_signatures",
    )
    yield vector("one signature twice", sign_parts(typ, payload, [(keys[0], None), (keys[0], None)]))
    entries = sorted([(keys[0], None), (keys[1], None)], key=lambda entry: entry[0].key_id)
    yield vector("signers not in order", sign_parts(typ, payload, entries[::-1], sort=False))
    yield vector("signed as a bundle", document(cose.TYP_BUNDLE, payload, two))
    yield vector("signed as an application", document(cose.TYP_APPLICATION, payload, two))
    yield vector("no signature", of(root_items(), ()))
    yield vector("17 signatures", sign_parts(typ, payload, [(keys[0], bytes([n]) * 8) for n in range(17)]))
    yield vector(
        "16 signatures, two of them of its keys",
        sign_parts(typ, payload, [*entries, *((keys[0], bytes([n]) * 8) for n in range(14))]),
        "ok",
    )
    yield vector("kid of four bytes", sign_parts(typ, payload, [(keys[0], b"abcd"), (keys[1], b"bcde")]))
    yield vector("alg -8 in a signer", of(root_items(), alg=-8))
    yield vector(
        "signer's unprotected header not empty", of(root_items(), signer_unprotected=pairs((num(4), octets(b"x"))))
    )
    yield vector("unprotected header not empty", of(root_items(), unprotected=pairs((num(4), octets(b"x")))))
    yield vector("untagged", of(root_items(), tag=b""))
    yield vector("tag 18", of(root_items(), tag=b"\xd2"))
    yield vector("header with alg beside typ", of(root_items(), body=pairs((num(1), num(-19)), (num(16), text(typ)))))
    yield vector("header without typ", of(root_items(), body=pairs()))
    yield vector("typ of another case", of(root_items(), body=pairs((num(16), text(typ.upper())))))
    yield vector("a byte behind", of(root_items(), tail=b"\x00"))
    yield vector("cut short by a byte", good[:-1])
    yield vector("empty", b"")
    yield vector("payload not a map", document(typ, array(), two))
    yield vector("payload with a byte behind", document(typ, payload + b"\x00", two))
    yield vector("payload keys not in order", document(typ, pairs(*root_items()[::-1]), two))
    yield vector("payload of indefinite length", document(typ, indefinite(payload, 5), two))
    for at, label in enumerate(("city", "exp", "iat", "version", "roles")):
        items = root_items()
        del items[at]
        yield vector(f"no {label}", of(items))
    yield vector("one label more", of([*root_items(), (num(-3), num(0))]))
    yield vector("version 0", of(root_items(0)))
    yield vector("version of 17 bits", of(root_items(0x10000)))
    yield vector("exp equal to iat", of(root_items(exp=ROOT_IAT)))
    yield vector("exp of 64 bits", of(root_items(exp=1 << 32)))
    for city in ("", "Test-City", "test city", "test_city", "liège", "x" * 33):
        yield vector(f"city {city!r}", of(root_items(city=city)))
    roles = {
        "threshold 0": role(0, *ROOT_KEYS),
        "threshold above its keys": role(4, *ROOT_KEYS),
        "threshold below zero": array(num(-1), array(octets(public("root-1")))),
        "threshold true": array(TRUE, array(octets(public("root-1")))),
        "no keys": array(num(1), array()),
        "a key twice": role(2, "root-1", "root-2", "root-2"),
        "keys not in order": array(num(2), array(*map(octets, sorted(map(public, ROOT_KEYS), reverse=True)))),
        "a key of 31 bytes": array(num(2), array(octets(b"\x00" * 31), *map(octets, sorted(map(public, ROOT_KEYS))))),
        "a key as text": array(num(1), array(text("k" * 32))),
        "a role a map": pairs(),
        "17 keys": array(num(2), array(*(octets(bytes([n]) * 32) for n in range(17)))),
    }
    for name, item in roles.items():
        yield vector(name, of(root_items(root=item)))
    yield vector("threshold 0 of the bundle role", of(root_items(bundle=role(0, *BUNDLE_KEYS))))
    yield vector("threshold 0 of the firmware role", of(root_items(firmware=role(0, *FIRMWARE_KEYS))))
    yield vector("one key root and bundle", of(root_items(bundle=role(1, "root-1"))))
    yield vector("one key bundle and firmware", of(root_items(firmware=role(1, "bundle-1"))))
    only_two = [*root_items()[:4], (num(-2), pairs((num(1), role(2, *ROOT_KEYS)), (num(2), role(1, *BUNDLE_KEYS))))]
    yield vector("two roles", of(only_two))
    four = (num(-2), pairs(*((num(n), role(1, f"root-{n}")) for n in range(1, 5))))
    yield vector("four roles", of([*root_items()[:4], four], ("root-1",)))


def key_item(label: str, use: int, *more: tuple[bytes, bytes], kid: bytes | None = None, **how: bytes) -> bytes:
    key = public_signing_key(label)
    items = [
        (num(1), how.get("kty", num(1))),
        (num(2), octets(key.key_id if kid is None else kid)),
        (num(3), how.get("alg", num(-19))),
        (num(-1), how.get("crv", num(6))),
        (num(-2), how.get("x", octets(key.public_key))),
        (num(-65539), num(use)),
        *more,
    ]
    return pairs(*items)


def token_key(label: str, use: int, *, exp: int = LATEST_EXP, uri: str = "", entries: int = 0, **how: Any) -> bytes:
    more = (
        (num(-65540), num(exp)),
        (num(-65541), text(uri or URIS[label])),
        (num(-65542), num(entries or ENTRIES[label])),
    )
    return key_item(label, use, *more, kid=how.pop("kid", bytes([KIDS[label]])), **how)


def status_key(label: str = "status-1", uris: Sequence[str] | None = None, **how: Any) -> bytes:
    listed = sorted(URIS.values()) if uris is None else uris
    return key_item(label, 3, (num(-65543), array(*map(text, listed))), **how)


def key_items() -> list[bytes]:
    return [
        token_key("card-1", 1),
        token_key("card-2", 1, exp=LATEST_EXP_2),
        token_key("voucher-1", 2),
        status_key(),
    ]


def key_set_vectors() -> Iterator[Vector]:
    def vector(name: str, items: Sequence[bytes] | bytes, answer: str = "not_a_bundle") -> Vector:
        data = items if isinstance(items, bytes) else array(*items)
        return {"kind": "key_set", "name": name, "bytes": data.hex(), "answer": answer}

    one, two, nine, status = key_items()
    yield vector("positive", key_items(), "ok")
    yield vector("positive, one card key and no status key", [one], "ok")
    both = sorted([status_key(), status_key("status-2", [URIS["card-1"]])], key=lambda item: item[4:14])
    yield vector("positive, two status keys for one list", [one, two, nine, *both], "ok")
    yield vector("positive, largest list", [token_key("card-1", 1, entries=1 << 24)], "ok")
    yield vector("empty", [])
    yield vector("not an array", pairs())
    yield vector("keys not in order", [two, one, nine, status])
    yield vector("status key before the others", [status, one, two, nine])
    yield vector("a kid twice", [one, token_key("card-2", 1, kid=b"\x01")])
    yield vector("a public key twice", [one, token_key("card-2", 1, x=octets(public("card-1")))])
    yield vector(
        "a card key that is the status key", [token_key("card-1", 1, x=octets(public("status-1"))), two, nine, status]
    )
    yield vector("two keys, one list", [one, token_key("card-2", 1, uri=URIS["card-1"])])
    yield vector("a status key for a list of no key", [one, status_key(uris=[URIS["card-1"], URIS["card-2"]])])
    yield vector("status URIs not in order", [one, two, nine, status_key(uris=sorted(URIS.values(), reverse=True))])
    yield vector("a status URI twice", [one, status_key(uris=[URIS["card-1"]] * 2)])
    yield vector("a status key without URIs", [one, status_key(uris=[])])
    yield vector("kid of the status key not that of its key", [one, status_key(uris=[URIS["card-1"]], kid=b"\x01" * 8)])
    yield vector("kid of a card key of two bytes", [token_key("card-1", 1, kid=b"\x00\x01")])
    yield vector("kid of a card key of no bytes", [token_key("card-1", 1, kid=b"")])
    yield vector("use 0", [token_key("card-1", 0)])
    yield vector("use 4", [token_key("card-1", 4)])
    yield vector(
        "a card key in the form of a status key",
        [key_item("card-1", 1, (num(-65543), array(text(URIS["card-1"]))), kid=b"\x01")],
    )
    yield vector(
        "a status key in the form of a card key", [token_key("card-1", 3, kid=public_signing_key("card-1").key_id)]
    )
    yield vector("kty 2 (EC2)", [token_key("card-1", 1, kty=num(2))])
    yield vector("alg -8", [token_key("card-1", 1, alg=num(-8))])
    yield vector("crv 4 (X25519)", [token_key("card-1", 1, crv=num(4))])
    yield vector("x of 31 bytes", [token_key("card-1", 1, x=octets(bytes(31)))])
    yield vector(
        "entries 0",
        [
            key_item(
                "card-1",
                1,
                (num(-65540), num(LATEST_EXP)),
                (num(-65541), text(URIS["card-1"])),
                (num(-65542), num(0)),
                kid=b"\x01",
            )
        ],
    )
    yield vector("entries not a multiple of eight", [token_key("card-1", 1, entries=1025)])
    yield vector("entries above 2^24", [token_key("card-1", 1, entries=(1 << 24) + 8)])
    yield vector("latest exp of 64 bits", [token_key("card-1", 1, exp=1 << 32)])
    yield vector("list URI of 97 characters", [token_key("card-1", 1, uri="x" * 97)])
    private = key_item("card-1", 1, (num(-4), octets(bytes(32))), (num(-65540), num(LATEST_EXP)), kid=b"\x01")
    yield vector("a private key (d) beside", [private])
    yield vector("a key an array", [array()])


def campaign_item(number: int, start: int, end: int, **how: bytes) -> bytes:
    items = {
        1: num(number),
        2: text("Test vouchers"),
        3: text("EUR"),
        4: array(num(500), num(1000), num(2000)),
        5: num(start),
        6: num(end),
        7: num(1),
        8: num(1),
        9: array(),
        10: array(num(20), num(20000), num(DAY_S)),
        11: num(KIDS["voucher-1"]),
    }
    items.update({int(label[1:]): item for label, item in how.items()})
    return pairs(*((num(label), items[label]) for label in sorted(items)))


def campaign_items() -> list[bytes]:
    return [
        campaign_item(1, ROOT_IAT, ROOT_EXP),
        campaign_item(2, epoch_s(2098), ROOT_EXP),
        campaign_item(3, epoch_s(2024), ROOT_IAT),
    ]


def list_entry(label: str, **how: bytes) -> bytes:
    data = status_list(label)
    return array(
        how.get("uri", text(URIS[label])),
        how.get("length", num(len(data))),
        how.get("sha256", octets(hashlib.sha256(data).digest())),
    )


def manifest_items(version: int = 7, *, iat: int = NOW, **how: Any) -> list[tuple[bytes, bytes]]:
    return [
        (num(1), text(how.get("city", CITY))),
        (num(4), num(how.get("exp", iat + 45 * DAY_S))),
        (num(6), num(iat)),
        (num(-1), num(version)),
        (num(-2), array(*how.get("keys", key_items()))),
        (num(-3), array(*how.get("campaigns", campaign_items()))),
        (num(-4), how.get("policy", pairs((num(1), num(7 * DAY_S)), (num(2), num(30 * DAY_S))))),
        (num(-5), array(*how.get("lists", map(list_entry, URIS)))),
        (num(-6), num(how.get("root", 1))),
    ]


class Blobs(dict[str, str]):
    """The documents that bundles are joined from, by name."""

    def keep(self, name: str, data: bytes) -> str:
        self[name] = data.hex()
        return name


def bundle_vectors(blobs: Blobs) -> Iterator[Vector]:
    root1 = blobs.keep("root 1", document(cose.TYP_ROOT, pairs(*root_items()), ("root-1", "root-2")))
    lists = [blobs.keep(f"list {label}", status_list(label)) for label in URIS]
    plain = {"keys": [token_key("card-2", 1)], "campaigns": [], "lists": [list_entry("card-2")]}
    list2 = [lists[1]]

    def vector(name: str, parts: Sequence[str], answer: Any, **more: Any) -> Vector:
        base = {"first": root1, "installed": [], "has_clock": True, "now": NOW}
        return {"kind": "bundle", "name": name, **base, **more, "parts": list(parts), "answer": answer}

    def signed(name: str, items: list[tuple[bytes, bytes]], signers: Sequence[str] = ("bundle-1",), **how: Any) -> str:
        return blobs.keep(f"manifest {name}", document(cose.TYP_BUNDLE, pairs(*items), signers, **how))

    full = signed("full", manifest_items())
    yield vector("positive", [full, root1, *lists], ["ok", ""])
    yield vector("a byte behind the lists", [full, root1, *lists, blobs.keep("zero byte", b"\x00")], "list_unknown")
    yield vector("a list missing at the end", [full, root1, *lists[:2]], "list_missing")
    yield vector("a list doubled", [full, root1, *lists, lists[2]], "list_unknown")
    yield vector("two lists swapped", [full, root1, lists[2], lists[1], lists[0]], "list_changed")
    yield vector("no root", [full, *lists], "older_root")
    yield vector("root doubled", [full, root1, root1, *lists], "root_skipped")
    yield vector("root before the manifest", [root1, full, *lists], "not_a_bundle")
    yield vector("the manifest alone", [full], "older_root")
    yield vector("nothing", [], "not_a_bundle")
    yield vector("a root", [root1], "not_a_bundle")

    small = {**plain, "keys": [token_key("card-2", 1), status_key(uris=[URIS["card-2"]])]}
    minimal = signed("small", manifest_items(**small))
    yield vector("positive, one key, no campaign", [minimal, root1, *list2], ["ok", ""])
    yield vector(
        "the same again",
        [minimal, root1, *list2],
        ["ok", "unchanged"],
        installed=[{"parts": [minimal, root1, *list2], "now": NOW}],
    )
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "no status key for a list": (plain, "list_unknown"),
        "a list of no key": ({**small, "lists": [list_entry("card-1"), list_entry("card-2")]}, "list_unknown"),
        "no list for a key": ({**small, "lists": []}, "list_missing"),
        "a list entry doubled": ({**small, "lists": [list_entry("card-2")] * 2}, "list_unknown"),
        "hash of another list": ({**small, "lists": [list_entry("card-2", sha256=octets(bytes(32)))]}, "list_changed"),
        "list length 0": ({**small, "lists": [list_entry("card-2", length=num(0))]}, "not_a_bundle"),
        "list of more than 4 MB": (
            {**small, "lists": [list_entry("card-2", length=num((4 << 20) + 1))]},
            "not_a_bundle",
        ),
        "city of another name": ({**small, "city": "other-city"}, "wrong_city"),
        "exp equal to iat": ({**small, "exp": NOW}, "not_a_bundle"),
        "iat 24 h ahead": ({**small, "iat": NOW + DAY_S}, ["ok", ""]),
        "iat a second more ahead": ({**small, "iat": NOW + DAY_S + 1}, "from_the_future"),
        "iat before the root's": ({**small, "iat": ROOT_IAT - 1}, "older_than_root"),
        "names root 2": ({**small, "root": 2}, "root_skipped"),
        "names root 0": ({**small, "root": 0}, "not_a_bundle"),
        "version 0": ({**small, "version": 0}, "not_a_bundle"),
        "version of 64 bits": ({**small, "version": 1 << 32}, "not_a_bundle"),
        "policy without a grace": ({**small, "policy": pairs((num(1), num(1)))}, "not_a_bundle"),
        "refresh after 0 s": ({**small, "policy": pairs((num(1), num(0)), (num(2), num(0)))}, "not_a_bundle"),
        "refresh after more than 30 days": (
            {**small, "policy": pairs((num(1), num(30 * 86400 + 1)), (num(2), num(0)))},
            "not_a_bundle",
        ),
        "grace of 401 days": ({**small, "policy": pairs((num(1), num(1)), (num(2), num(401 * DAY_S)))}, "not_a_bundle"),
    }
    for name, (how, answer) in cases.items():
        yield vector(name, [signed(name, manifest_items(**how)), root1, *list2], answer)
    for at, label in enumerate(
        ("city", "exp", "iat", "version", "keys", "campaigns", "policy", "lists", "root version")
    ):
        items = manifest_items(**small)
        del items[at]
        yield vector(f"no {label}", [signed(f"without {label}", items), root1, *list2], "not_a_bundle")
    more = signed("with a label more", [*manifest_items(**small), (num(-7), num(0))])
    yield vector("one label more", [more, root1, *list2], "not_a_bundle")
    items = manifest_items(**small)
    yield vector("signed by a root key", [signed("by root-1", items, ("root-1",)), root1, *list2], "too_few_signatures")
    yield vector(
        "signed by nobody known", [signed("by bundle-3", items, ("bundle-3",)), root1, *list2], "too_few_signatures"
    )
    yield vector("signature broken", [signed("broken", items, forge=flip), root1, *list2], "too_few_signatures")
    as_root = blobs.keep("manifest as root", document(cose.TYP_ROOT, pairs(*items), ("bundle-1",)))
    yield vector("manifest under the type of a root", [as_root, root1, *list2], "not_a_bundle")
    fat = signed("of more than 8 KB", [*items, (num(-7), octets(bytes(8192)))])
    blobs[fat] = blobs[fat][:200]
    yield vector("claims 8 KB and has less", [fat, root1, *list2], "not_a_bundle")

    start, end = ROOT_IAT, ROOT_EXP
    campaigns = {
        "campaign 0": campaign_item(0, start, end),
        "campaign of 17 bits": campaign_item(0x10000, start, end),
        "campaign ends as it begins": campaign_item(1, start, start),
        "campaign without a name": campaign_item(1, start, end, _2=text("")),
        "currency of two letters": campaign_item(1, start, end, _3=text("EU")),
        "currency in lower case": campaign_item(1, start, end, _3=text("eur")),
        "no values": campaign_item(1, start, end, _4=array()),
        "values not in order": campaign_item(1, start, end, _4=array(num(1000), num(500))),
        "a value of 0": campaign_item(1, start, end, _4=array(num(0))),
        "partial neither 0 nor 1": campaign_item(1, start, end, _7=num(2)),
        "bearer 3": campaign_item(1, start, end, _8=num(3)),
        "merchant groups doubled": campaign_item(1, start, end, _9=array(text("a"), text("a"))),
        "offline of two numbers": campaign_item(1, start, end, _10=array(num(1), num(1))),
        "kid of two bytes": campaign_item(1, start, end, _11=num(256)),
        "a label more": campaign_item(1, start, end, _12=num(0)),
    }
    for name, item in campaigns.items():
        manifest = signed(name, manifest_items(**{**small, "campaigns": [item]}))
        yield vector(name, [manifest, root1, *list2], "not_a_bundle")
    doubled = [campaign_item(1, start, end)] * 2
    yield vector(
        "campaign doubled",
        [signed("campaign doubled", manifest_items(**{**small, "campaigns": doubled})), root1, *list2],
        "not_a_bundle",
    )


def application_vectors() -> Iterator[Vector]:
    parts = {"app.mpy": b"first part", "lib/qr.mpy": b"second"}

    def part(path: str, data: bytes) -> bytes:
        return array(text(path), num(len(data)), octets(hashlib.sha256(data).digest()))

    def items(version: int = 3, **how: Any) -> list[tuple[bytes, bytes]]:
        listed = how.get("parts", [part(path, parts[path]) for path in sorted(parts)])
        return [
            (num(1), text(how.get("city", CITY))),
            (num(6), num(how.get("iat", NOW))),
            (num(-1), num(version)),
            (num(-2), text(how.get("board", "esp32-cam"))),
            (num(-3), num(how.get("size", 16))),
            (num(-4), array(*listed)),
        ]

    def vector(
        name: str,
        manifest: list[tuple[bytes, bytes]],
        answer: Any = "not_an_application",
        signers: Sequence[str] = ("firmware-1",),
        typ: str = cose.TYP_APPLICATION,
        **more: Any,
    ) -> Vector:
        payload = pairs(*manifest)
        data = document(typ, payload, signers) + b"".join(parts[path] for path in sorted(parts))
        base = {"board": "esp32-cam", "floor": 3}
        layers = {"payload": payload.hex()} if isinstance(answer, list) else {}
        return {"kind": "application", "name": name, **base, **more, "bytes": data.hex(), **layers, "answer": answer}

    yield vector("positive", items(), ["ok", [3, 16]])
    yield vector("positive, newer", items(4), ["ok", [4, 16]])
    yield vector("older than the floor", items(2), "older_application")
    yield vector("for another board", items(), "wrong_board", board="xiao-s3")
    yield vector("of another city", items(city="other-city"), "wrong_city")
    yield vector("signed by a bundle key", items(), "too_few_signatures", ("bundle-1",))
    yield vector("signed by a root key", items(), "too_few_signatures", ("root-1",))
    yield vector("under the type of a bundle", items(), "not_an_application", typ=cose.TYP_BUNDLE)
    yield vector("size not that of its parts", items(size=17))
    yield vector("no parts", items(parts=[], size=1))
    yield vector("version 0", items(0))
    yield vector("iat 0", items(iat=0))
    yield vector("a part twice", items(parts=[part("app.mpy", b"12345678")] * 2))
    yield vector("parts not in order", items(parts=[part("b", b"12345678"), part("a", b"12345678")]))
    for path in (
        "../boot.py",
        "/boot.py",
        "lib/../boot.py",
        "..",
        ".",
        "./app.mpy",
        "lib//qr.mpy",
        "lib/",
        "Lib/qr",
        "a b",
        "é",
        "a\\b",
    ):
        yield vector(f"path {path}", items(parts=[part(path, bytes(16))]))
    for path, inside in (("lib", "lib/qr.mpy"), ("lib", "lib/a/b.mpy")):
        nested = [part(path, bytes(8)), part(inside, bytes(8))]
        yield vector(f"part {path} and part {inside}", items(parts=nested))
    yield vector("path of 65 characters", items(parts=[part("a" * 65, bytes(16))]))
    yield vector("a part without bytes", items(parts=[part("a", b""), part("b", bytes(16))]))
    yield vector("one label more", [*items(), (num(-5), num(0))])
    yield vector("no board", [item for item in items() if item[0] != num(-2)])


ABOUT = (
    "What every reader of the formats in docs/format.md has to answer. Written by scripts/make_vectors.py; all bytes "
    "in hexadecimal, times in epoch seconds. The keys are those of the public test city. 'reader' is what the cards, "
    "vouchers, status lists and applications are judged by. A bundle is its 'parts', joined, each named in 'blobs'; "
    "'installed' are the bundles taken before it."
)


def make() -> dict[str, Any]:
    blobs = Blobs()
    vectors = [
        *digit_vectors(),
        *cbor_vectors(),
        *card_vectors(),
        *voucher_vectors(),
        *status_list_vectors(),
        *key_set_vectors(),
        *root_vectors(),
        *bundle_vectors(blobs),
        *application_vectors(),
    ]
    labels = (
        "root-1",
        "root-2",
        "root-3",
        "bundle-1",
        "bundle-2",
        "firmware-1",
        "card-1",
        "card-2",
        "voucher-1",
        "status-1",
    )
    reader = {"root": "root 1", "parts": ["manifest full", "root 1", *(f"list {label}" for label in URIS)], "now": NOW}
    return {
        "about": ABOUT,
        "keys": {label: public(label).hex() for label in labels},
        "reader": reader,
        "blobs": blobs,
        "vectors": vectors,
    }


def as_text(content: dict[str, Any]) -> str:
    """JSON with a line for each key, blob and vector, so that a change shows as the lines it is."""
    lines = []
    for name, value in content.items():
        if isinstance(value, list):
            inner = ",\n".join(json.dumps(item, separators=(",", ":")) for item in value)
            lines.append(f"{json.dumps(name)}: [\n{inner}\n]")
        elif isinstance(value, dict) and name != "reader":
            inner = ",\n".join(f"{json.dumps(key)}: {json.dumps(item)}" for key, item in value.items())
            lines.append(f"{json.dumps(name)}: {{\n{inner}\n}}")
        else:
            lines.append(f"{json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    output.write_text(as_text(make()), encoding="ascii")
    print(f"{output}: {len(json.loads(output.read_text())['vectors'])} vectors, {output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
