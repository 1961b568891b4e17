from ardente.core.errors import ArdenteError


class ScanError(ArdenteError):
    """A scanner cannot be opened or a picture cannot be read. Never carries the text of a scan."""
