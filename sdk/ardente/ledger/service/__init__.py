"""The ledger over HTTP: what `ardente ledger serve` runs (docs/ledger.md)."""

from ._app import create_app
from ._server import serve

__all__ = ["create_app", "serve"]
