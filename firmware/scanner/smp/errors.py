"""Why a request is not done: a code of SMP (MGMT_ERR) for every host, and a reason from a closed list for ours."""

from core.errors import ArdenteError

ENOMEM = 2
EINVAL = 3
EBADSTATE = 6
ENOTSUP = 8
EBUSY = 10
EACCESSDENIED = 11
UNSUPPORTED_TOO_NEW = 13

# Beside the reasons of `core.reasons`, by which a signed document is refused.
UNKNOWN_COMMAND = "unknown_command"
BAD_REQUEST = "bad_request"
ALREADY_PROVISIONED = "already_provisioned"
NOT_PROVISIONED = "not_provisioned"
FLASH_FULL = "flash_full"
NO_UPLOAD = "no_upload"
TOO_LARGE = "too_large"
BUSY = "busy"


class RequestError(ArdenteError):
    """A request is not done; nothing has changed. `rc` and `reason` go to the host."""

    def __init__(self, rc: int, reason: str) -> None:
        super().__init__("The request is not done: %s." % reason)
        self.rc = rc
        self.reason = reason


def bad_request() -> RequestError:
    return RequestError(EINVAL, BAD_REQUEST)


def unknown_command() -> RequestError:
    return RequestError(ENOTSUP, UNKNOWN_COMMAND)
