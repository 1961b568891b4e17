"""A till that redeems a list of vouchers and prints each answer, to be killed at any moment and started again.

python till_walk.py URL TOKEN TRUST JOURNAL: the vouchers are lines of standard input, the answers of standard output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ardente import TrustStore
from ardente.ledger import LedgerError
from ardente.vouchers import VoucherClient


def main(url: str, token: str, trust: str, journal: str) -> None:
    with VoucherClient(url, token, TrustStore(Path(trust)), journal) as till:
        for number, line in enumerate(sys.stdin):
            answer = till.redeem(line)
            print(json.dumps([number, answer.outcome, answer.reason]), flush=True)
            if answer.final and till.unsent:
                try:
                    till.send()
                except LedgerError:
                    continue


if __name__ == "__main__":
    main(*sys.argv[1:])
