"""A request leaves once: the session below would repeat a GET by itself, and with it a token that was used up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from connector.foundation.errors import Unavailable
from connector.foundation.http.outbound import SafeClient
from tests.testkit.patience import eventually

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def served(peer: Callable[..., Any]) -> AsyncIterator[tuple[SafeClient, str]]:
    """A client, and the address of a peer that speaks as it likes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await peer(reader, writer)
        except asyncio.IncompleteReadError:
            pass  # they hung up
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    client = SafeClient(allow=["127.0.0.0/8"], insecure=True)
    try:
        yield client, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        await client.close()
        server.close()
        await server.wait_closed()


@pytest.mark.threat("T05")
async def test_a_get_is_not_repeated_when_a_kept_connection_breaks() -> None:
    """>> GET, GET on the same connection << 200, then the end of the connection: the peer has seen two, not three."""
    seen: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (OK, b""):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    client = SafeClient(allow=["127.0.0.0/8"], insecure=True)
    try:
        assert (await client.get(url, headers={"Authorization": "Bearer one"})).body == b"ok"
        with pytest.raises(Unavailable):
            await client.get(url, headers={"Authorization": "Bearer two"})
    finally:
        await client.close()
        server.close()
        await server.wait_closed()
    assert len(seen) == 2


async def test_what_is_open_to_everybody_is_asked_once_more() -> None:
    """>> the same without a token << the connection that broke is not held against the peer."""
    seen: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        if len(seen) == 1:
            await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with served(peer) as (client, url):
        for _ in range(2):
            assert (await client.get(url)).body == b"ok"
    assert len(seen) == 2


@pytest.mark.threat("T33")
async def test_an_answer_that_nobody_asked_for_answers_nothing() -> None:
    """>> two answers to the first request << the second request gets its own, on a connection of its own."""
    seen, at_rest = list[bytes](), asyncio.Event()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            seen.append(head)
            writer.write(OK)
            if len(seen) == 1:
                await at_rest.wait()
                writer.write(OK.replace(b"ok", b"no"))

    async with served(peer) as (client, url):
        assert (await client.get(url)).body == b"ok"
        at_rest.set()
        await eventually(lambda: _spoken_to_unasked(client))
        assert (await client.get(url)).body == b"ok"
    assert len(seen) == 2


def _spoken_to_unasked(client: SafeClient) -> bool:
    """Whether something has come on a connection at rest."""
    assert client._pool is not None
    return any(kept.should_close for row in client._pool._conns.values() for kept, _ in row)
