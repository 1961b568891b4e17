"""Judge texts as the scanner does: reading, rule book, its own signatures, and the bits in its flash.

Arguments: files with a root and a bundle, and a folder for a flash. Without one, as on the emulated chip, which has no
file system, the bits are in RAM. Standard input has lines of JSON, [text, now, grace]; for each a line [reason, age
class] comes out.
"""

import gc
import io
import json
import sys

if hasattr(gc, "threshold"):
    # Collect early, so that what stays is not strewn over the whole of a small heap.
    gc.threshold(64 * 1024)

from core import trust
from core.keys import USE_CARD
from core.reader import BytesReader
from core.status import inflate
from core.verdict import Judge
from ed25519 import make_table
from reading import reading
from signatures import Signatures


def judge_from_flash(root, bundle, folder):
    from app import App
    from board_sim import SimBoard, install
    from config import Config

    app = App(SimBoard(folder, Config(), lambda event: None, True))
    event = install(app, root, bundle)
    assert event["event"] == "installed", event
    return app.store.judge(app._verify)


def judge_from_ram(root, bundle):
    with open(root, "rb") as file:
        root = file.read()
    with open(bundle, "rb") as file:
        bundle = file.read()
    verify = Signatures()
    reader = BytesReader(bundle)
    installed = trust.open_root(root, verify, True)
    offer = trust.open_bundle(reader, len(bundle), installed, 0, verify, False, True)
    lookups = {}
    for span in offer.lists:
        trust.check_list(reader, offer, span)
        lookups[span.uri] = _lookup(bundle, span)
    keys = [key.public_key for key in offer.manifest.keys.tokens.values() if key.use == USE_CARD]
    verify.keep(keys, {key: make_table(key) for key in keys})
    return Judge(offer.manifest, verify, lookups)


def _lookup(bundle, span):
    bits = bytearray()
    stream = io.BytesIO(bundle)
    stream.seek(span.lst_offset)
    inflate(stream, span.lst_length, span.entries // 8, bits.extend)
    return lambda index: bits[index >> 3] >> (index & 7) & 1


judge = judge_from_flash(*sys.argv[1:]) if len(sys.argv) > 3 else judge_from_ram(*sys.argv[1:])
for line in sys.stdin:
    text, now, grace = json.loads(line)
    judgement = judge.card(reading(text, 0)[0], now, grace)
    print(json.dumps([judgement.reason, judgement.age_class]))
