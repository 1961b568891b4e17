from ..core.errors import ArdenteError


class TariffError(ArdenteError):
    """A tariff file is wrong, or a price was asked for that it cannot give."""
