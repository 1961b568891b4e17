"""The city's exceptions, each with one sentence for who sits at the desk. None names a card."""

from ardente.core.errors import ArdenteError


class CityError(ArdenteError):
    """A command of the city cannot do what it was asked; nothing has changed."""


class KeyFileError(CityError):
    """A key file is missing, damaged, of another role, or its passphrase is wrong."""


class CeremonyError(CityError):
    """A root, proposal or signature does not fit the others."""


class CardError(CityError):
    """A card or slip is not one of this city's, or its state does not allow the change."""


class ListFullError(CityError):
    """A status list has no room for as many cards or vouchers."""


class CampaignError(CityError):
    """A campaign cannot be made as ordered, or its state does not allow the change."""


class PublishError(CityError):
    """Nothing was published; what was published before stays."""
