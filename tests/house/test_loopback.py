"""No test asks another machine for a name, let alone for more."""

import asyncio
import socket

import pytest


@pytest.mark.parametrize(
    "name", ["hanse.example", "m1.example.", b"hanse.example", "127.0.0.1.example", "localhost.example"]
)
def test_bug_a_made_up_name_was_looked_for_outside(name: str | bytes) -> None:
    """>> a name that this machine does not have << unknown, at once: one test waited fifteen seconds for a resolver."""
    with pytest.raises(socket.gaierror, match="nobody outside"):
        socket.getaddrinfo(name, 443)


async def test_this_machine_is_found() -> None:
    """>> its name, addresses, none << as ever, on an event loop too."""
    for known in ("localhost", "127.0.0.1", "::1", "fe80::1%1", None):
        assert socket.getaddrinfo(known, 443, type=socket.SOCK_STREAM)
    assert await asyncio.get_running_loop().getaddrinfo("localhost", 443)
