"""How the official kit sits on the wire: a callback server with one-shot handlers, and a client that repeats.

As spec/protocol.md 6.2 has it: an unknown path is 404 with a body, success is 200 without Content-Type, what
fits nowhere gets no answer at all, and our 4xx is tried twice more unless an error was expected.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

import aiohttp

NOBODY = b"No handler registered on this endpoint"
CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
RETRIES = (0.2, 0.4)
HEADERS = {"Content-Type": "application/json; charset=utf-8", "Authorization": "Bearer tck"}


class Target(Protocol):
    """The connector under test."""

    @property
    def root(self) -> str: ...
    @property
    def base(self) -> str: ...
    @property
    def did(self) -> str: ...
    @property
    def negotiation_trigger(self) -> str: ...
    @property
    def transfer_trigger(self) -> str: ...


class Silence(Exception):
    """No answer: the connection stays open until the other side gives up."""


class HangUp(Exception):
    """No answer: the connection is closed."""


class Reply(NamedTuple):
    """What a handler answers; `None` is the empty body, sent as zero chunks."""

    status: int
    body: Any = None

    def raw(self) -> bytes:
        head = f"HTTP/1.1 {self.status} Whatever\r\n".encode()
        if self.body is None:
            return head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


Handler = Callable[[dict[str, Any]], Reply]


class Callbacks:
    """The kit's HTTP server: `once` registers a handler for the next message to a path."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}
        self._connections: set[asyncio.StreamWriter] = set()
        self.unheard: list[str] = []
        self.url = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://localhost:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()
        for writer in self._connections:
            writer.transport.abort()
        await asyncio.sleep(0)

    def once(self, path: str, handler: Handler) -> None:
        self._handlers[path] = handler

    def forget(self) -> None:
        """Between two cases; nobody may answer for the next."""
        self._handlers.clear()
        self.unheard.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, HangUp):
                while True:
                    await self._one(reader, writer)
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"(?im)^content-length: *(\d+)", head)
        body = await reader.readexactly(int(length[1]) if length else 0)
        method, path, _ = head.split(" ", 2)
        try:
            writer.write(self._answer(method, path.rstrip("/"), body).raw())
        except Silence:
            await reader.read(1)
            raise HangUp from None
        await writer.drain()

    def _answer(self, method: str, path: str, body: bytes) -> Reply:
        handler = self._handlers.pop(path, None) if method == "POST" else None
        if handler is None:
            self.unheard.append(f"{method} {path}")
            return Reply(404, NOBODY)
        return handler(json.loads(body))


class Client:
    """The kit's way of calling us."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def post(self, url: str, message: object) -> Any:
        """A message that should succeed: 4xx is tried twice more, 404 and 5xx are final."""
        for wait in (*RETRIES, None):
            status, body = await self._call("POST", url, message)
            assert status != 404, f"unexpected 404: {url} {body}"
            assert status < 500, f"unexpected {status}: {url} {body}"
            if status < 300:
                return json.loads(body) if body else None
            assert wait is not None, f"{status} three times: {url} {body}"
            await asyncio.sleep(wait)

    async def refused(self, url: str, message: object) -> Any:
        """A message that must be refused: 4xx, but neither 404 nor 5xx."""
        status, body = await self._call("POST", url, message)
        assert 400 <= status < 500, f"{status} where a refusal was due: {url} {body}"
        assert status != 404, url
        return json.loads(body)

    async def get(self, url: str, *, expect: int = 200) -> Any:
        """Never repeated."""
        status, body = await self._call("GET", url)
        assert status == expect, f"{status}: {url} {body}"
        return json.loads(body)

    async def _call(self, method: str, url: str, message: object = None) -> tuple[int, str]:
        data = None if message is None else json.dumps(message).encode()
        async with self._session.request(method, url, data=data, headers=HEADERS, allow_redirects=False) as answer:
            return answer.status, await answer.text()


Step = Callable[[], Awaitable[None]]
