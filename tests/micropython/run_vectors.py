"""Judge vectors with `core`: one JSON object a line on standard input, one answer a line on standard output.

An answer is JSON too: the reason code, or [reason, more]. `tests/vectors/vectors.json` says what the kinds mean; the
host expands names into bytes before it sends them.
"""

import gc
import io
import json
import sys
from binascii import hexlify, unhexlify

if hasattr(gc, "threshold"):
    # Collect early, so that what stays is not strewn over the whole of a small heap.
    gc.threshold(64 * 1024)

from core import cbor, digits, reasons, trust
from core.errors import FormatError, TrustError
from core.keys import parse_key_set
from core.reader import BytesReader
from core.status import inflate, verify_list
from core.verdict import Judge
from remembered_verify import verify


def bits_of(data, offset, length, entries):
    bits = bytearray()
    stream = io.BytesIO(data)
    stream.seek(offset)
    inflate(stream, length, entries // 8, bits.extend)
    return bits


def install(data, installed, now, has_clock):
    """Take a bundle through all steps; return its offer and the bits of each list by URI."""
    reader = BytesReader(data)
    offer = trust.open_bundle(reader, len(data), installed, now, verify, has_clock, True)
    lists = {}
    for span in offer.lists:
        trust.check_list(reader, offer, span)
        lists[span.uri] = bits_of(data, span.lst_offset, span.lst_length, span.entries)
    return offer, lists


def lookup(bits):
    return lambda index: bits[index >> 3] >> (index & 7) & 1


def reader(vector):
    """Make the reader that judges the cards and vouchers of the following lines."""
    installed = trust.open_root(unhexlify(vector["root"]), verify, True)
    offer, lists = install(unhexlify(vector["bytes"]), installed, vector["now"], True)
    lookups = {}
    for uri, bits in lists.items():
        lookups[uri] = lookup(bits)
    Answers.installed = offer.installed
    # The desk's and the scanner's.
    Answers.judges = [Judge(offer.manifest, verify, lookups, decode) for decode in (digits.decode, digits.decode_small)]
    return reasons.OK


def card(vector):
    judgement, on_scanner = [judge.card(vector["text"], vector["now"], vector["grace"]) for judge in Answers.judges]
    if on_scanner.reason != judgement.reason or on_scanner.age_class != judgement.age_class:
        return "the scanner judges otherwise"
    return [judgement.reason, judgement.age_class]


def voucher(vector):
    judgement = Answers.judges[0].voucher(vector["text"], vector["now"], vector["grace"])
    if judgement.reason != reasons.OK:
        return [judgement.reason, [0, 0, 0]]
    return [judgement.reason, [judgement.campaign.campaign, judgement.index, judgement.value]]


def digit_code(vector):
    data = digits.decode(vector["text"])
    if digits.decode_small(vector["text"]) != data:
        return "small numbers decode something else"
    if data is None:
        return None
    return [hexlify(data).decode(), digits.encode(data)]


def cbor_item(vector):
    data = unhexlify(vector["bytes"])
    return cbor.encode(cbor.decode(data)) == data


def key_set(vector):
    parse_key_set(cbor.decode(unhexlify(vector["bytes"])))
    return reasons.OK


def root(vector):
    trust.open_root(unhexlify(vector["bytes"]), verify, vector["allow_test_city"])
    return reasons.OK


def status_list(vector):
    data = unhexlify(vector["bytes"])
    keys = Answers.installed.manifest.keys
    head = verify_list(data, keys, verify)
    key = keys.by_list(head.uri)
    bits = bits_of(data, head.lst_offset, head.lst_length, key.entries)
    return [reasons.OK, [index for index in range(key.entries) if lookup(bits)(index)]]


def bundle(vector):
    first = trust.open_root(unhexlify(vector["first"]), verify, True)
    installed = first
    for step in vector["installed"]:
        installed = install(unhexlify(step["bytes"]), installed, step["now"], vector["has_clock"])[0].installed
    data = unhexlify(vector["bytes"])
    offer = install(data, installed, vector["now"], vector["has_clock"])[0]
    # What was installed opens again from the root that was believed first.
    trust.reopen_bundle(BytesReader(data), len(data), first, verify, True)
    if offer.unchanged:
        return [reasons.OK, "unchanged"]
    return [reasons.OK, "recovered" if offer.recovered else ""]


def application(vector):
    data = unhexlify(vector["bytes"])
    manifest, offset = trust.open_application(data, Answers.installed, vector["board"], vector["floor"], verify)
    return [reasons.OK, [manifest.version, len(data) - offset]]


class Answers:
    kinds = {
        "reader": reader,
        "card": card,
        "voucher": voucher,
        "digits": digit_code,
        "cbor": cbor_item,
        "key_set": key_set,
        "root": root,
        "status_list": status_list,
        "bundle": bundle,
        "application": application,
    }
    refusals = {
        "cbor": False,
        "key_set": reasons.NOT_A_BUNDLE,
        "status_list": reasons.NOT_A_STATUS_LIST,
        "bundle": reasons.NOT_A_STATUS_LIST,
    }
    judges = None
    installed = None


def answer(vector):
    try:
        return Answers.kinds[vector["kind"]](vector)
    except TrustError as error:
        return error.reason
    except FormatError:
        return Answers.refusals[vector["kind"]]


for line in sys.stdin:
    gc.collect()
    print(json.dumps(answer(json.loads(line))))
