from ardente.core.errors import ArdenteError


class SimulatorError(ArdenteError):
    """The simulated scanner cannot be run, or cannot be shown what it should see."""
