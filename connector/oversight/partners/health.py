"""How the connection with a member is, in one word: pure. The worst that is known speaks."""

from typing import Literal

from msgspec import Struct

Health = Literal["suspended", "keys-changed", "paused", "silent", "clock", "unread", "good"]


class Signs(Struct, frozen=True, kw_only=True):
    """What is known of a connection. Times in ms.

    `admitted`: the trust list says that it belongs now. `on_hold`: its keys changed without overlap. `paused_until`: no
    message is tried before (0: none is held). `silent_since`: its catalogue could not be read. `read_at`: it was last
    read to its end. `skew_ms`: by how much our clock is ahead of its.
    """

    admitted: bool
    on_hold: bool
    paused_until: int = 0
    silent_since: int | None = None
    read_at: int | None = None
    skew_ms: int | None = None


def health(signs: Signs) -> Health:
    """From what stops everything to what is well."""
    if not signs.admitted:
        return "suspended"
    if signs.on_hold:
        return "keys-changed"
    if signs.paused_until:
        return "paused"
    if signs.silent_since is not None:
        return "silent"
    if signs.skew_ms is not None:
        return "clock"
    return "unread" if signs.read_at is None else "good"
