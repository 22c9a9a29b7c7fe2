"""Peer errors whose HTTP status is fixed by what was wrong with the request itself (RFC 9110, 15.5)."""

from connector.errors import PeerError


class TooLarge(PeerError):
    """The body is larger than this route takes: 413."""

    status = 413


class WrongMedia(PeerError):
    """The body has a coding or media type that this route does not read: 415."""

    status = 415


class TooSlow(PeerError):
    """The body did not arrive before the deadline: 408."""

    status = 408
