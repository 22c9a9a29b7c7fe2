"""One request and its answer on a connection that is open already, by the parser and the pool of aiohttp's session.

What the session makes for each request beside these two (a request, a writer with a task, a response, middlewares) is
left out. Opening a connection, and with it the look at where an address leads, stays the session's (spec/trust.md 5.1).
"""

import re
from collections.abc import Mapping
from typing import Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader
from multidict import CIMultiDictProxy

from connector.foundation.errors import PeerError
from connector.foundation.http.address import Target
from connector.foundation.http.deadline import Deadline

CHUNK: Final = 65_536
_LENGTH: Final = 20
"""Digits of a length; Python refuses to read a number of thousands, be it all zeros."""
LINE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
"""What may stand in one line of a head and leaves no doubt where it ends."""


def request(method: str, there: Target, body: bytes | None, headers: Mapping[str, str]) -> bytes | None:
    """The whole request; None if a header is not plain enough to be written as it stands. In an address that was judged
    nothing can end a line."""
    named = {"Host": _host(there), **headers}
    if body is not None:
        named["Content-Length"] = str(len(body))
    if not all(map(LINE.fullmatch, (*named, *named.values()))):
        return None
    where = f"{there.path or '/'}?{there.query}" if there.query else there.path or "/"
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"{method} {where} HTTP/1.1\r\n{lines}\r\n".encode("ascii") + (body or b"")


def _host(there: Target) -> str:
    host = f"[{there.host}]" if ":" in there.host else there.host
    return host if there.port == (443 if there.scheme == "https" else 80) else f"{host}:{there.port}"


async def answer(
    connection: Connection, request: bytes, limit: int, patience: Deadline, buffer: int
) -> tuple[int, CIMultiDictProxy[str], bytes]:
    """Status, headers and body of at most `limit` bytes, which is not inflated. Raises PeerError for more or for an
    encoded one, and what aiohttp raises for what breaks; then the connection is torn down, and so is one whose peer has
    answered what it has not read: what is said next would wait behind that, and more and more with it."""
    try:
        with patience.within():
            found = await _exchanged(connection, request, limit, buffer)
    except HttpProcessingError as cause:
        connection.close()
        raise aiohttp.ClientPayloadError(cause.message) from cause
    except BaseException:
        connection.close()
        raise
    transport = connection.transport
    if transport is None or transport.get_write_buffer_size():
        connection.close()
    else:
        connection.release()
    return found


async def _exchanged(
    connection: Connection, request: bytes, limit: int, buffer: int
) -> tuple[int, CIMultiDictProxy[str], bytes]:
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None:
        raise aiohttp.ServerDisconnectedError
    protocol.set_response_params(read_until_eof=True, auto_decompress=False, read_bufsize=buffer)
    transport.write(request)
    status, headers, content = await _begun(protocol)
    plain(headers)
    return status, headers, await whole(content, headers.get("Content-Length", ""), limit)


async def _begun(protocol: ResponseHandler) -> tuple[int, CIMultiDictProxy[str], StreamReader]:
    """The head of the answer, behind any interim ones."""
    while True:
        message, content = await protocol.read()
        if not 100 <= message.code < 200 or message.code == 101:
            return message.code, message.headers, content


def plain(headers: Mapping[str, str]) -> None:
    """Raises PeerError for an answer that would have to be inflated."""
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise PeerError("http.answer-encoded")


async def whole(content: StreamReader, length: str, limit: int) -> bytes:
    """A body whose head says this `length`, or nothing; PeerError if it is longer than `limit` bytes."""
    if length.isdecimal() and (len(length) > _LENGTH or int(length) > limit):
        raise PeerError("http.answer-size", limit=limit)
    first = await content.readany()
    if content.at_eof():
        return _capped(first, limit)
    parts, size = [first], len(first)
    async for part in content.iter_chunked(CHUNK):
        parts.append(part)
        size += len(part)
        if size > limit:
            raise PeerError("http.answer-size", limit=limit)
    return _capped(b"".join(parts), limit)


def _capped(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise PeerError("http.answer-size", limit=limit)
    return body
