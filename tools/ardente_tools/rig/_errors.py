from ardente.core.errors import ArdenteError


class RigError(ArdenteError):
    """The simulated line, device or board cannot be run."""
