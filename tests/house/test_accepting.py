"""A server that closes leaves no connection behind that it had just taken."""

import asyncio
import gc
import socket
from collections.abc import Coroutine
from typing import Any

from tests.testkit.patience import PATIENCE_S


async def test_bug_a_later_test_failed_by_a_connection_of_a_server_that_had_closed() -> None:
    """>> a server closes between taking a connection and knowing it << the client sees the end, nothing stays open."""
    loop, closed = asyncio.get_running_loop(), asyncio.Event()
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)

    def closing(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **how: Any) -> Any:
        """The first step of what takes the connection comes after this."""
        server.close()
        closed.set()
        return asyncio.Task(work, loop=loop, **how)

    with socket.create_connection(server.sockets[0].getsockname()) as client:
        client.setblocking(False)
        loop.set_task_factory(closing)
        async with asyncio.timeout(PATIENCE_S):
            await closed.wait()
            loop.set_task_factory(None)
            assert await loop.sock_recv(client, 1) == b""
    gc.collect()
