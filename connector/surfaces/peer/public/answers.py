"""How public documents are answered: conditions, coding, bodies in pieces to whoever reads fast enough (threat T82).

A body is shared by all who read it and leaves in pieces; a reader that does not take one in time is cut off, and only
so many bodies are on their way at once, from one address and altogether.
"""

import asyncio
import zlib
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from email.utils import formatdate, parsedate_to_datetime
from typing import Final

import msgspec
from aiohttp import web

from connector.data.sources.model import Broken
from connector.foundation.errors import Unavailable
from connector.foundation.http import limits
from connector.foundation.http.pace import place
from connector.foundation.http.refusals import TooMany
from connector.surfaces.peer.public import forms
from connector.surfaces.peer.public.forms import Shown

PIECE: Final = 1 << 16
PIECE_S: Final = 30.0
"""Within which a reader has to take a piece: at least 2 kB a second."""
FROM_ONE: Final = 100
ALTOGETHER: Final = 500
PROFILE: Final = '<https://www.dcat-ap.de/def/dcatde/3.0/>; rel="profile"'
FRESH: Final = "public, max-age=60"
CURRENT: Final = "public, no-cache"
"""Kept, but asked for anew each time: what is withdrawn is gone at once."""

Make = Callable[[bool], Awaitable[bytes]]
Pieces = AsyncGenerator[bytes, None]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a body before it: `tag` names its content, `changed_at` (ms) its last change.

    0 where that is not known of all of it: a dataset also changes with its publisher.
    """

    form: Shown
    tag: str
    changed_at: int
    cache: str = FRESH
    status: int = 200
    vary: tuple[str, ...] = ()
    headers: dict[str, str] = {}


class Answers:
    """Bodies on their way, by address."""

    def __init__(self, piece_s: float = PIECE_S) -> None:
        self._piece_s = piece_s
        self._open: Counter[str] = Counter()

    def count(self) -> int:
        """Bodies on their way now."""
        return self._open.total()

    async def send(self, request: web.Request, about: Document, make: Make) -> web.StreamResponse:
        """The body that is made in time, or 304 without one; HEAD gets the same header fields and nothing else.

        `make` is told whether it is to be gzip; what it raises is raised. Raises Unavailable for one that takes long.
        """
        zipped = packed(request)
        about = _coded(about, zipped)
        if about.status == 200 and unchanged(request, about):
            return web.Response(status=304, headers=_headers(about))
        try:
            async with asyncio.timeout(limits.TOTAL_S) as timer:
                body = await make(zipped)
        except TimeoutError as cause:
            if not timer.expired():
                raise
            raise Unavailable("http.request-too-long") from cause
        return await self._answer(request, about, _pieces(body), len(body))

    async def stream(self, request: web.Request, about: Document, pieces: Pieces) -> web.StreamResponse:
        """A body of unknown length, or 304."""
        zipped = packed(request)
        about = _coded(about, zipped)
        if unchanged(request, about):
            return web.Response(status=304, headers=_headers(about))
        return await self._answer(request, about, _zipped(pieces) if zipped else pieces, None)

    async def _answer(
        self, request: web.Request, about: Document, pieces: Pieces, length: int | None
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=about.status, headers=_headers(about))
        response.headers["Content-Type"] = forms.content_type(about.form)
        response.content_length = length
        if request.method == "HEAD":
            return await self.deliver(request, response, pieces)
        with self.turn(request):
            return await self.deliver(request, response, pieces)

    async def deliver(self, request: web.Request, response: web.StreamResponse, pieces: Pieces) -> web.StreamResponse:
        """Sends the head and, but for HEAD, the body, in a turn of the caller's.

        A body that cannot be sent to its end aborts the connection, for what ends short must not look finished.
        """
        async with aclosing(pieces):
            if request.method == "HEAD":
                await response.prepare(request)
                return response
            await response.prepare(request)
            try:
                await self._write(response, pieces)
            except BaseException as failure:
                if request.transport is not None:
                    request.transport.abort()
                if not isinstance(failure, TimeoutError | ConnectionError | Broken):
                    raise
        return response

    async def _write(self, response: web.StreamResponse, pieces: Pieces) -> None:
        async for piece in pieces:
            for start in range(0, len(piece), PIECE):
                async with asyncio.timeout(self._piece_s):
                    await response.write(piece[start : start + PIECE])
        async with asyncio.timeout(self._piece_s):
            await response.write_eof()

    @contextmanager
    def turn(self, request: web.Request) -> Iterator[None]:
        """A place among those whom something is sent to; raises TooMany and Unavailable."""
        address = place(request.remote)
        if self._open[address] >= FROM_ONE:
            raise TooMany("public.too-many-at-once")
        if self._open.total() >= ALTOGETHER:
            raise Unavailable("public.busy")
        self._open[address] += 1
        try:
            yield
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]


def packed(request: web.Request) -> bool:
    """Whether the reader takes gzip."""
    coding = request.headers.get("Accept-Encoding", "").lower()[: forms.LONGEST]
    return any(
        part.partition(";")[0].strip() == "gzip" and "q=0" not in part.replace("q=0.", "").replace(" ", "")
        for part in coding.split(",")
    )


def _coded(about: Document, zipped: bool) -> Document:
    """Other bytes have another tag."""
    if not zipped:
        return about
    return msgspec.structs.replace(
        about, tag=f"{about.tag}-gzip", headers={**about.headers, "Content-Encoding": "gzip"}
    )


def unchanged(request: web.Request, about: Document) -> bool:
    """RFC 9110, 13.1: a tag decides where one is given, else the instant."""
    given = request.headers.get("If-None-Match")
    if given is not None:
        tags = [each.strip().removeprefix("W/") for each in given.split(",")]
        return "*" in tags or f'"{about.tag}"' in tags
    try:
        since = parsedate_to_datetime(request.headers.get("If-Modified-Since", ""))
        return 0 < about.changed_at // 1000 <= since.timestamp()
    except (ValueError, OverflowError, TypeError):
        return False


def _headers(about: Document) -> dict[str, str]:
    return {
        "ETag": f'"{about.tag}"',
        **({"Last-Modified": formatdate(about.changed_at // 1000, usegmt=True)} if about.changed_at else {}),
        "Cache-Control": about.cache,
        "Vary": ", ".join((*about.vary, "Accept-Encoding")),
        **about.headers,
    }


async def _pieces(body: bytes) -> Pieces:
    yield body


async def _zipped(pieces: Pieces) -> Pieces:
    coder = zlib.compressobj(6, wbits=31)
    async for piece in pieces:
        yield await asyncio.to_thread(coder.compress, piece)
    yield coder.flush()
