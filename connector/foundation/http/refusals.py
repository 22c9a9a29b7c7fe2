"""Peer errors whose HTTP status is fixed by what was wrong with the request itself (RFC 9110, 15.5)."""

from collections.abc import Iterable

from aiohttp import web

from connector.foundation.errors import HanseError, PeerError, Unknown


class TooLarge(PeerError):
    """The body is larger than this route takes: 413."""

    status = 413


class WrongMedia(PeerError):
    """The body has a coding or media type that this route does not read: 415."""

    status = 415


class TooSlow(PeerError):
    """The body did not arrive before the deadline: 408."""

    status = 408


class TooMany(PeerError):
    """The caller asks faster than this route answers: 429, `Retry-After` `retry_s` seconds."""

    status = 429
    retry_s = 1


class WrongMethod(PeerError):
    """The address is there, but not for this method: 405; `allowed` belongs into the header `Allow`."""

    status = 405

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__("http.method", method=method, allowed=self.allowed)


def of_router(error: web.HTTPException) -> HanseError:
    """What aiohttp's own router says, as an error of ours, so that a surface can put it in its own form."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        return WrongMethod(error.method, error.allowed_methods)
    if isinstance(error, web.HTTPNotFound):
        return Unknown("http.nothing-here")
    raise error
