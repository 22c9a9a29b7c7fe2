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
    """>> its name, addresses in every form that needs no resolver, none << as ever, on an event loop too.

    A form that were refused here would never reach the guard against inward addresses in its tests.
    """
    for known in (
        "localhost",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "::1",
        None,
    ):
        assert socket.getaddrinfo(known, 443, type=socket.SOCK_STREAM)
    assert await asyncio.get_running_loop().getaddrinfo("localhost", 443)
