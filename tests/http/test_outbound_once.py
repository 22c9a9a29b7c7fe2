"""A request leaves once: the session below would repeat a GET by itself, and with it a token that was used up."""

import asyncio

import pytest

from connector.errors import Unavailable
from connector.http.outbound import SafeClient

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


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
