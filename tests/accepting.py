"""A connection that is taken while its server closes is closed with it, in these tests as in production.

asyncio's own event loop takes a connection in one step and gives it to the server in the next. If the server closes in
between, socket and transport stay open (python/cpython#109564, open in 2026): a later test then finds them and fails.
The product runs on uvloop, which has no such gap; cities within a test run on asyncio.
"""

import socket
from asyncio.selector_events import BaseSelectorEventLoop
from typing import Any

_given = BaseSelectorEventLoop._accept_connection2  # type: ignore[attr-defined]


def close_with_server() -> None:
    """From now on, in this process."""
    BaseSelectorEventLoop._accept_connection2 = _given_or_closed  # type: ignore[attr-defined]


async def _given_or_closed(
    loop: Any, make: Any, taken: socket.socket, extra: Any, tls: Any = None, server: Any = None, *more: Any, **how: Any
) -> None:
    if server is not None and server._sockets is None:
        taken.close()
    else:
        await _given(loop, make, taken, extra, tls, server, *more, **how)
