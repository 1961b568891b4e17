"""Readers that we did not write take our cards and lists, and ours takes what the drafts publish."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import zlib

import cbor2
import cwt
import pytest
from pycose.algorithms import CoseAlgorithm, EdDSA
from pycose.headers import KID, Algorithm
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.messages import Sign1Message

from ardente import issuing
from ardente._ed25519 import verify
from ardente.core import cose, digits
from ardente.core.errors import FormatError
from ardente.core.keys import USE_CARD, KeySet, StatusKey, TokenKey
from ardente.core.status import inflate, verify_list
from ardente.core.token import CHILD, parse_card
from ardente.testing import TEST_CARDS, TestCity, public_signing_key

CITY = TestCity()
CARD = CITY.card(186, age_class=CHILD, until_year=2098)
VOUCHER = CITY.voucher(12, 1000)
CARD_KEY = public_signing_key("card-1").public_key
# Others read the clock of this machine: from 2025 to 2099.
IAT, EXP = 1735689600, 4070908800
CLAIMS = {4: EXP, -65537: [186, 1, 2098]}
ED25519_ALG = -19


@CoseAlgorithm.register_attribute()
class FullySpecifiedEd25519(EdDSA):
    """RFC 9864 in pycose, which knows only the older number for the same algorithm."""

    identifier = ED25519_ALG
    fullname = "ED25519"


@pytest.fixture
def cwt_key() -> object:
    return cwt.COSEKey.new({1: 1, 2: b"\x01", 3: ED25519_ALG, -1: 6, -2: CARD_KEY})


def test_python_cwt_verifies_our_card(cwt_key: object) -> None:
    assert cwt.decode(CARD, cwt_key) == CLAIMS


def test_python_cwt_refuses_a_card_with_one_bit_changed(cwt_key: object) -> None:
    with pytest.raises(cwt.VerifyError):
        cwt.decode(CARD[:-1] + bytes([CARD[-1] ^ 1]), cwt_key)


def test_pycose_verifies_our_card() -> None:
    message = Sign1Message.decode(CARD)
    message.key = OKPKey(crv=Ed25519, x=CARD_KEY)
    assert message.verify_signature()
    assert cbor2.loads(message.payload) == CLAIMS
    message.payload += b"\x00"
    assert not message.verify_signature()


def test_what_pycose_signs_is_our_card_byte_for_byte() -> None:
    seed = hashlib.sha256(b"public test city, key card-1").digest()
    payload = cbor2.dumps(CLAIMS, canonical=True)
    message = Sign1Message(phdr={Algorithm: FullySpecifiedEd25519, KID: b"\x01"}, uhdr={}, payload=payload)
    message.key = OKPKey(crv=Ed25519, x=CARD_KEY, d=seed)
    assert message.encode() == CARD


NODE_SCRIPT = """
const crypto = require('crypto');
const question = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const bytes = (hex) => Buffer.from(hex, 'hex');
// The key as SubjectPublicKeyInfo (RFC 8410), which is what OpenSSL takes.
const key = crypto.createPublicKey({
  key: Buffer.concat([bytes('302a300506032b6570032100'), bytes(question.publicKey)]), format: 'der', type: 'spki',
});
// What the signature covers (RFC 9052, section 4.4), put together from the card's own bytes.
const card = bytes(question.card);
const header = card.subarray(2, 9);
const payload = card.subarray(10, card.length - 66);
const message = Buffer.concat([bytes('846a5369676e617475726531'), header, bytes('40'), payload]);
const signature = card.subarray(card.length - 64);
const altered = Buffer.from(message);
altered[20] ^= 1;
console.log(JSON.stringify([message, altered].map((m) => crypto.verify(null, m, key, signature))));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_node_verifies_our_card() -> None:
    question = json.dumps({"card": CARD.hex(), "publicKey": CARD_KEY.hex()})
    result = subprocess.run(
        ["node", "-e", NODE_SCRIPT], input=question, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(result.stdout) == [True, False]


@pytest.mark.parametrize("token", [CARD, VOUCHER], ids=["card", "voucher"])
def test_cbor2_reads_a_token(token: bytes) -> None:
    envelope = cbor2.loads(token)
    protected, unprotected, payload, signature = envelope.value
    assert envelope.tag == 18
    assert cbor2.loads(protected)[1] == ED25519_ALG
    assert unprotected == {}
    assert len(signature) == 64
    assert cbor2.loads(payload)[4] == EXP
    assert cbor2.dumps(envelope, canonical=True) == token


def test_cbor2_reads_a_bundle_as_a_sequence() -> None:
    """RFC 8742: the manifest, the chain of roots, the lists, one after the other."""
    stream = io.BytesIO(CITY.bundle())
    items = [cbor2.load(stream) for _ in range(5)]
    assert stream.read() == b""
    assert [item.tag for item in items] == [98, 98, 18, 18, 18]
    assert [cbor2.loads(item.value[0])[16] for item in items] == [
        "application/ardente-bundle+cbor",
        "application/ardente-root+cbor",
        *["application/statuslist+cwt"] * 3,
    ]


# Status lists. The indices are those that draft-ietf-oauth-status-list sets in its list of 2^20 entries (C.1).
DRAFT_INDICES = (0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345)
DRAFT_ENTRIES = 1 << 20
URI = "https://example.com/statuslists/1"


def bits_of(indices: tuple[int, ...], entries: int) -> bytes:
    bits = bytearray(entries // 8)
    for index in indices:
        bits[index // 8] |= 1 << index % 8
    return bytes(bits)


def our_list(bits: bytes) -> tuple[bytes, KeySet]:
    key = public_signing_key("status-1")
    keys = KeySet(
        {1: TokenKey(1, USE_CARD, CARD_KEY, EXP, URI, len(bits) * 8)}, [StatusKey(key.key_id, key.public_key, [URI])]
    )
    return issuing.status_list(key, URI, IAT, EXP, 43200, bits), keys


def inflated(lst: bytes, size: int) -> bytes:
    bits = bytearray()
    inflate(io.BytesIO(lst), len(lst), size, bits.extend)
    return bytes(bits)


def test_strangers_read_our_status_list_as_the_draft_says() -> None:
    token, _ = our_list(bits_of(DRAFT_INDICES, DRAFT_ENTRIES))
    key = public_signing_key("status-1")
    stranger = cwt.COSEKey.new({1: 1, 2: key.key_id, 3: ED25519_ALG, -1: 6, -2: key.public_key})
    claims = cwt.decode(token, stranger)
    assert (claims[2], claims[6], claims[4], claims[65534]) == (URI, IAT, EXP, 43200)
    assert claims[65533]["bits"] == 1
    assert cbor2.loads(cbor2.loads(token).value[0])[16] == "application/statuslist+cwt"
    bits = zlib.decompress(claims[65533]["lst"])
    assert [index for index in range(DRAFT_ENTRIES) if bits[index // 8] >> index % 8 & 1] == list(DRAFT_INDICES)


def test_we_read_the_drafts_list_of_a_million_entries() -> None:
    bits = bits_of(DRAFT_INDICES, DRAFT_ENTRIES)
    token, keys = our_list(bits)
    head = verify_list(token, keys, verify)
    assert (head.uri, head.iat, head.exp) == (URI, IAT, EXP)
    assert inflated(token[head.lst_offset : head.lst_offset + head.lst_length], DRAFT_ENTRIES // 8) == bits


# The draft's list of 16 entries: statuses as printed there, the bytes b9 a3, and its CBOR.
DRAFT_STATUSES = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
DRAFT_CBOR = bytes.fromhex("a2646269747301636c73744a78dadbb918000217015d")


def test_we_count_bits_as_the_draft_does() -> None:
    bits = zlib.decompress(cbor2.loads(DRAFT_CBOR)["lst"])
    assert bits.hex() == "b9a3"
    assert [bits[index >> 3] >> (index & 7) & 1 for index in range(16)] == DRAFT_STATUSES
    token, keys = our_list(bits)
    head = verify_list(token, keys, verify)
    assert inflated(token[head.lst_offset : head.lst_offset + head.lst_length], 2) == bits


def test_we_inflate_the_drafts_own_stream_where_its_window_is_ours() -> None:
    """Its example announces a window of 32 KB, which no scanner has. The deflate data behind the header is the same."""
    stream = cbor2.loads(DRAFT_CBOR)["lst"]
    with pytest.raises(FormatError, match="window"):
        inflated(stream, 2)
    header = 0x48 << 8
    header += 31 - header % 31
    assert inflated(header.to_bytes(2, "big") + stream[2:], 2).hex() == "b9a3"


def test_a_list_in_another_order_of_keys_is_refused() -> None:
    """The draft prints `bits` before `lst`, which is not deterministic CBOR; a city writes them in order."""
    key = public_signing_key("status-1")
    token, keys = our_list(bytes.fromhex("b9a3"))
    payload = cbor2.loads(token).value[2]
    lst = cbor2.loads(payload)[65533]["lst"]
    ours = b"\xa2\x63lst" + cbor2.dumps(lst) + b"\x64bits\x01"
    theirs = b"\xa2\x64bits\x01\x63lst" + cbor2.dumps(lst)
    assert ours in payload
    swapped = payload.replace(ours, theirs)
    protected = cbor2.loads(token).value[0]
    signature = key.sign(cose.sign1_message(protected, swapped))
    other = b"\xd2" + cbor2.dumps([protected, {}, swapped, signature])
    assert cbor2.loads(cbor2.loads(other).value[2]) == cbor2.loads(payload)
    with pytest.raises(FormatError):
        verify_list(other, keys, verify)


def test_python_cwt_takes_faults_that_we_refuse(cwt_key: object) -> None:
    """Why the rule book has a decoder of its own."""
    long_exp = cbor2.dumps(CLAIMS, canonical=True).replace(b"\x04\x1a", b"\x04\x1b\x00\x00\x00\x00")
    protected = CARD[3:9]
    signature = public_signing_key("card-1").sign(cose.sign1_message(protected, long_exp))
    faults = [
        CARD + b"\x00",
        b"\xd8\x3d" + CARD,
        b"\xd2" + cbor2.dumps([protected, {}, long_exp, signature]),
    ]
    assert [cwt.decode(token, cwt_key) for token in faults] == [CLAIMS] * 3
    assert [parse_card(token) for token in faults] == [None] * 3


def test_digits_are_decimal_digits_of_the_same_bytes() -> None:
    resident = next(card for card in TEST_CARDS if card.name == "resident")
    assert digits.decode(resident.text) == CITY.card(186)
