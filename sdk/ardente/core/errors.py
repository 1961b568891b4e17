"""The exceptions of the rule book. Input from outside never raises past `verdict`; documents raise `TrustError`."""


class ArdenteError(Exception):
    """Base of every exception that this project raises on purpose."""


class FormatError(ArdenteError):
    """The bytes are not what they should be: another format, or this one encoded in a way that is not allowed."""


class TrustError(ArdenteError):
    """A root, bundle, status list or application is refused; what was installed stays.

    ``reason`` is a code of `reasons`. The text is the sentence for people where the caller gave one, else the code.
    """

    def __init__(self, reason: str, sentence: str = "") -> None:
        super().__init__(sentence or reason)
        self.reason = reason
