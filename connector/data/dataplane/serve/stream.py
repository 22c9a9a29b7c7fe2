"""`GET|HEAD <root>/data/{flow}`: a consumer's access to the bytes (Data Plane Signaling 6.2, RFC 9110, RFC 9530).

Before the first byte every failure is a clear answer; after it the connection is aborted, because an answer that ends
short of its promise must not look finished. What was sent is counted either way.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Protocol
from urllib.parse import quote

import msgspec
from aiohttp import web

from connector.data.dataplane import tokens
from connector.data.dataplane.gate import Admission, Gate, refusal
from connector.data.dataplane.streams import OpenStream, Streams
from connector.data.sources import ranges
from connector.data.sources.kinds import Sources
from connector.data.sources.model import Broken, Description, Reading
from connector.foundation.errors import Defect, HanseError, Unauthenticated
from connector.foundation.language.reasons import explained, on_the_wire

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Ledger(Protocol):
    """Books a data answer when it is over: bytes, whether it ran to the end of the data, and what broke, if anything.

    `broken`: 'source-shrank', 'source-changed', 'source-cut', 'expired', 'closed', 'slow' or 'stopping'; None without
    `complete` means a part was asked for or the peer went away. One transaction writes bytes (`flows.count_bytes`) and
    audit.
    """

    async def delivered(self, participant: str, flow: str, bytes: int, complete: bool, broken: str | None) -> None: ...


class MinimumRate(msgspec.Struct, frozen=True):
    """How slow a reader may be: at least `least` bytes in every `every_s` seconds."""

    every_s: float = 30.0
    least: int = 65_536


def serve(
    gate: Gate,
    streams: Streams,
    sources: Sources,
    ledger: Ledger,
    participant: Callable[[web.Request], str],
    patience: MinimumRate | None = None,
    flow: Callable[[web.Request], str] | None = None,
) -> Handler:
    """The handler for a route with `{flow}`; `participant` says whose root the request came in under.

    `flow` says which flow it asks for, if the router is not aiohttp's.

    Defects, and whatever fails after the first byte, are left to the application's outermost edge.
    """
    desk = _Server(gate, streams, sources, ledger, patience or MinimumRate())

    named = flow or flow_in_path

    async def handle(request: web.Request) -> web.StreamResponse:
        answer = _Answer(request, participant(request), named(request))
        try:
            return await desk.serve(answer)
        except TimeoutError:
            return answer.response or problem(refusal("dataplane.ended"))
        except HanseError as error:
            if answer.response is not None or isinstance(error, Defect):
                raise
            return problem(error)

    return handle


def flow_in_path(request: web.Request) -> str:
    return request.match_info["flow"]


def problem(error: HanseError) -> web.Response:
    """An error before the first byte as problem+json, its `reason` in German and English."""
    reason = on_the_wire(explained(error))
    body = {"type": "about:blank", "status": error.status, "code": error.code, "reason": reason}
    response = web.Response(status=error.status, body=msgspec.json.encode(body), headers={"Cache-Control": "no-store"})
    response.content_type = "application/problem+json"
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


class _Together(web.StreamResponse):
    """Its head leaves with the first chunk, in one write and one record of TLS."""

    _send_headers_immediately = False


class _Answer:
    """One request and what became of it."""

    def __init__(self, request: web.Request, participant: str, flow: str) -> None:
        self.request, self.participant, self.flow = request, participant, flow
        self.response: web.StreamResponse | None = None
        self.sent = 0
        self.whole = False
        self.broken: str | None = None

    def buffered(self) -> int:
        """Bytes given to the transport that have not left it."""
        transport = self.request.transport
        return 0 if transport is None or transport.is_closing() else transport.get_write_buffer_size()

    def flowed(self) -> int:
        return max(0, self.sent - self.buffered())

    async def begin(self, status: int, headers: dict[str, str], length: int | None, *, together: bool = False) -> None:
        """`together`: the head may wait for the first chunk."""
        response = (_Together if together else web.StreamResponse)(status=status, headers=headers)
        response.content_length = length
        await response.prepare(self.request)
        self.response = response

    async def copy(self, reading: Reading) -> None:
        """Sends every chunk; Broken if they are fewer bytes than promised."""
        assert self.response is not None
        async with aclosing(reading.chunks) as chunks:
            async for chunk in chunks:
                self.sent += len(chunk)
                await self.response.write(chunk)
        if reading.length is not None and self.sent != reading.length:
            raise Broken("source-cut")
        await self.response.write_eof()
        self.whole = True

    def abort(self) -> None:
        self.sent = self.flowed()
        transport = self.request.transport
        if transport is not None:
            transport.abort()


class _Server:
    def __init__(self, gate: Gate, streams: Streams, sources: Sources, ledger: Ledger, patience: MinimumRate) -> None:
        self._gate, self._streams, self._sources, self._ledger = gate, streams, sources, ledger
        self._patience = patience

    async def serve(self, answer: _Answer) -> web.StreamResponse:
        request = answer.request
        wanted = ranges.wanted(request.method, request.headers)
        token = tokens.bearer(request.headers.get("Authorization"))
        async with self._streams.ticket(answer.participant, answer.flow) as ticket:
            admission = await self._gate.admit(answer.participant, answer.flow, token, head=wanted.head)
            ticket.until(admission.expires_at)
            source = self._sources.readable(answer.participant, admission.source)
            async with source.open(wanted) as found:
                reading = self._gate.treated(admission, found, source.describe())
                await self._send(answer, ticket, reading, admission, source.describe())
        assert answer.response is not None
        return answer.response

    async def _send(
        self, answer: _Answer, ticket: OpenStream, reading: Reading, admission: Admission, what: Description
    ) -> None:
        headers = {**_headers(what), **reading.headers}
        bare = answer.request.method == "HEAD" or reading.status not in (200, 206)
        length = reading.length if reading.status != 304 else None
        await answer.begin(reading.status, headers, length, together=reading.ready and not bare)
        if bare:
            return
        ticket.expect(answer.flowed, lambda: answer.buffered() > 0, self._patience.every_s, self._patience.least)
        try:
            await answer.copy(reading)
        except Broken as broken:
            answer.broken = broken.code
        except ConnectionError:
            pass  # the peer has gone; it may come back for the rest
        except asyncio.CancelledError:
            answer.broken = ticket.cause()
            raise
        finally:
            if not answer.whole:
                answer.abort()
            await asyncio.shield(self._book(answer, reading, admission))

    async def _book(self, answer: _Answer, reading: Reading, admission: Admission) -> None:
        complete = answer.whole and reading.last
        await self._ledger.delivered(admission.participant, admission.flow, answer.sent, complete, answer.broken)


def _headers(what: Description) -> dict[str, str]:
    return {
        "Content-Type": what.media_type,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(what.name, safe='')}",
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
