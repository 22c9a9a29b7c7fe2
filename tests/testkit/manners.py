"""Ways to answer a request that no decent peer has: each is a `Manner`, to be put into `NastyPeer.manners`.

A manner writes on the connection what it likes, byte by byte; the request has been read, what a decent peer would say
is at hand, and when the manner returns the connection is closed. Whoever calls may hang up at any time: then `send`
raises ConnectionResetError, which ends the manner.
"""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Final

from aiohttp import web

PIECE: Final = 65_536
GIGABYTE: Final = 1 << 30
_BREATH_S: Final = 0.001
"""Between the pieces of what has no end, so that the test around it goes on."""
_AHEAD: Final = 262_144
"""Bytes written before the other side has taken the first of them: a giant answer must not fill our own memory."""


class Line:
    """One connection with one request on it. `status` and `body` are a decent peer's answer."""

    def __init__(self, request: web.Request, status: int, body: bytes) -> None:
        assert request.transport is not None
        self._transport = request.transport
        self.status, self.body = status, body
        self.sent = 0

    async def send(self, data: bytes) -> None:
        """Returns when not much waits to be taken; raises ConnectionResetError when nobody takes it any more."""
        while self._transport.get_write_buffer_size() > _AHEAD and not self._transport.is_closing():
            await asyncio.sleep(0.01)
        if self._transport.is_closing():
            raise ConnectionResetError("they hung up")
        self._transport.write(data)
        self.sent += len(data)

    async def gone(self) -> None:
        """Waits until the other side hangs up."""
        while not self._transport.is_closing():
            await asyncio.sleep(0.01)

    async def answer(self, headers: Mapping[str, str] | None = None) -> None:
        """The decent answer, whole."""
        await self.send(head(self.status, {"Content-Length": str(len(self.body)), **(headers or {})}) + self.body)

    def reset(self) -> None:
        self._transport.abort()


Manner = Callable[[Line], Awaitable[None]]


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """A status line and headers, JSON unless they say otherwise."""
    fields = {"Content-Type": "application/json", **headers}
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode()


# What is said


def says(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Manner:
    """Another answer than the decent one."""

    async def manner(line: Line) -> None:
        await line.send(head(status, {"Content-Length": str(len(body)), **(headers or {})}) + body)

    return manner


def redirect(to: str, status: int = 307) -> Manner:
    return says(status, b"", {"Location": to})


def media(type_: str) -> Manner:
    """The decent answer under another media type ("" for none)."""

    async def manner(line: Line) -> None:
        named = f"Content-Type: {type_}\r\n" if type_ else ""
        first = f"HTTP/1.1 {line.status} X\r\n{named}Content-Length: {len(line.body)}\r\n\r\n"
        await line.send(first.encode() + line.body)

    return manner


def busy(status: int = 503, retry_after: str = "315360000") -> Manner:
    """Not now; ten years from now, perhaps."""
    return says(status, b"", {"Retry-After": retry_after})


def changed(**members: object) -> Manner:
    """The decent answer with other members; None removes one."""

    async def manner(line: Line) -> None:
        if line.body.startswith(b"{"):
            value = {**json.loads(line.body), **members}
            line.body = json.dumps({name: item for name, item in value.items() if item is not None}).encode()
        await line.answer()

    return manner


async def twice(line: Line) -> None:
    """The decent answer, and a moment later the same again, which nobody asked for."""
    await line.answer()
    await asyncio.sleep(0.02)
    await line.answer()
    await asyncio.sleep(0.05)


# How it is said


def late(seconds: float) -> Manner:
    """The decent answer, but not soon."""

    async def manner(line: Line) -> None:
        await asyncio.sleep(seconds)
        await line.answer()

    return manner


async def silent(line: Line) -> None:
    """The request is taken and never answered."""
    await line.gone()


async def hang_up(line: Line) -> None:
    """Closed without a word."""


async def reset(line: Line) -> None:
    """Half the answer, then the connection is torn down."""
    await line.send(head(line.status, {"Content-Length": "1000"}) + line.body[:5])
    await asyncio.sleep(0.02)
    line.reset()


async def half(line: Line) -> None:
    """Fewer bytes than were announced, then closed in good order."""
    await line.send(head(line.status, {"Content-Length": str(len(line.body) + 100)}) + line.body)


async def half_chunk(line: Line) -> None:
    """A chunk that is shorter than it says, then closed."""
    await line.send(head(line.status, {"Transfer-Encoding": "chunked"}) + b"ffff\r\n" + line.body)


def dripping(pause_s: float = 0.05) -> Manner:
    """One byte at a time, of an answer that would take days."""

    async def manner(line: Line) -> None:
        await line.send(head(line.status, {"Content-Length": "10000000"}))
        while True:
            await line.send(b" ")
            await asyncio.sleep(pause_s)

    return manner


async def gigabyte(line: Line) -> None:
    """A gigabyte, announced and sent as long as it is taken."""
    await line.send(head(line.status, {"Content-Length": str(GIGABYTE)}))
    while line.sent < GIGABYTE:
        await line.send(b" " * PIECE)
        await asyncio.sleep(_BREATH_S)


async def endless(line: Line) -> None:
    """Chunks without end, and no word of how many."""
    await line.send(head(line.status, {"Transfer-Encoding": "chunked"}))
    while True:
        await line.send(f"{PIECE:x}\r\n".encode() + b" " * PIECE + b"\r\n")
        await asyncio.sleep(_BREATH_S)


@cache
def _packed() -> bytes:
    return gzip.compress(b" " * 50_000_000)


async def bomb(line: Line) -> None:
    """A packed body that unpacks to fifty megabytes."""
    body = await asyncio.to_thread(_packed)
    await line.send(head(line.status, {"Content-Encoding": "gzip", "Content-Length": str(len(body))}) + body)


def continues(times: int = 5) -> Manner:
    """`100 Continue` and `103 Early Hints` over and over, then the decent answer; -1 never comes to that."""

    async def manner(line: Line) -> None:
        while times < 0 or line.sent < times * 60:
            await line.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
            await asyncio.sleep(0.001)
        await line.answer()

    return manner


async def endless_headers(line: Line) -> None:
    """Header after header, and never a body."""
    await line.send(f"HTTP/1.1 {line.status} X\r\n".encode())
    while True:
        await line.send(b"".join(b"X-%d: y\r\n" % number for number in range(1000)))
        await asyncio.sleep(_BREATH_S)


async def long_header(line: Line) -> None:
    """One header that does not end."""
    await line.send(f"HTTP/1.1 {line.status} X\r\nX-Long: ".encode())
    while True:
        await line.send(b"y" * PIECE)
        await asyncio.sleep(_BREATH_S)


async def trailers(line: Line) -> None:
    """A whole chunked body, and then trailers without end."""
    body = f"{len(line.body):x}\r\n".encode() + line.body + b"\r\n0\r\n"
    await line.send(head(line.status, {"Transfer-Encoding": "chunked", "Trailer": "X-0"}) + body)
    while True:
        await line.send(b"".join(b"X-%d: y\r\n" % number for number in range(1000)))
        await asyncio.sleep(_BREATH_S)


def raw(data: bytes) -> Manner:
    """Bytes that need not be HTTP at all."""

    async def manner(line: Line) -> None:
        await line.send(data)
        await asyncio.sleep(0.05)

    return manner


EVERY: Final[Mapping[str, Manner]] = {
    "silent": silent,
    "late": late(0.3),
    "twice": twice,
    "hangs up": hang_up,
    "resets": reset,
    "half a body": half,
    "half a chunk": half_chunk,
    "drips": dripping(),
    "a gigabyte": gigabyte,
    "endless": endless,
    "bomb": bomb,
    "100 then an answer": continues(),
    "100 for ever": continues(-1),
    "endless headers": endless_headers,
    "a long header": long_header,
    "endless trailers": trailers,
    "redirect": redirect("https://localhost:1/elsewhere"),
    "redirect inward": redirect("https://169.254.169.254/latest/meta-data", 302),
    "permanent redirect": redirect("/", 308),
    "html": says(200, b"<html><body>Login</body></html>", {"Content-Type": "text/html"}),
    "no media type": media(""),
    "an odd media type": media("image/png; charset=utf-7"),
    "an empty 200": says(200),
    "204": raw(b"HTTP/1.1 204 X\r\n\r\n"),
    "an array": says(200, b"[]"),
    "no JSON": says(200, b"\x00\xff{"),
    "deep JSON": says(200, b"[" * 50_000 + b"]" * 50_000),
    "numbers for pids": changed(providerPid=7, consumerPid=[], state={}),
    "busy for years": busy(503),
    "too many, for years": busy(429, "Fri, 31 Dec 9999 23:59:59 GMT"),
    "busy, oddly": busy(503, "-1e999\u00a0soon"),
    "500": says(500, b"<pre>java.lang.NullPointerException</pre>", {"Content-Type": "text/html"}),
    "status 999": raw(b"HTTP/1.1 999 X\r\nContent-Length: 2\r\n\r\n{}"),
    "status 0": raw(b"HTTP/1.1 000 X\r\nContent-Length: 2\r\n\r\n{}"),
    "not modified": raw(b"HTTP/1.1 304 X\r\n\r\n"),
    "an upgrade": raw(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello"),
    "two lengths": raw(b"HTTP/1.1 200 X\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x"),
    "no HTTP": raw(b"\x15\x03\x01\x00\x02\x02\x46SSH-2.0-OpenSSH\r\n"),
}
"""By name, for tests that want them all. Most answer within a moment; the others go on until they are left alone."""
