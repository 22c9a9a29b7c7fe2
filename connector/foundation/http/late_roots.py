"""The two TLS contexts that aiohttp makes for itself read the system's roots when somebody uses them (decision 0118).

Every session of ours brings a context of its own (`outbound.py`), so those two hold 144 certificates each for nobody.
Whoever uses aiohttp without one, a plug-in for instance, is verified against the same roots as before.
"""

import ssl
from typing import Any, Final

from aiohttp import connector

_ALPN: Final = ("http/1.1",)


class LateRoots(ssl.SSLContext):
    """A client's context without roots until its first connection; whatever it verifies before that is refused."""

    _read: bool

    @classmethod
    def like(cls, other: ssl.SSLContext) -> "LateRoots":
        """With the same demands on a server."""
        made = cls(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = other.check_hostname
        made.verify_mode = other.verify_mode
        made.verify_flags = other.verify_flags
        made.options = other.options
        made.minimum_version = other.minimum_version
        made.set_alpn_protocols(_ALPN)
        made._read = False
        return made

    def wrap_bio(self, *wanted: Any, **named: Any) -> ssl.SSLObject:
        """How an event loop begins TLS."""
        if not self._read:
            self.load_default_certs()
            self._read = True
        return super().wrap_bio(*wanted, **named)


def in_aiohttp() -> None:
    """Twice is as once."""
    for name in ("_SSL_CONTEXT_VERIFIED", "_SSL_CONTEXT_UNVERIFIED"):
        made = getattr(connector, name)
        if not isinstance(made, LateRoots):
            setattr(connector, name, LateRoots.like(made))
