"""`POST|PUT <root>/data/in/{flow}`: a provider brings the bytes of a flow that we asked to be sent (decision 0016).

The key opens one flow only, one sender at a time writes, and nothing but the agreed bytes gets its name. A body that
breaks off leaves nothing behind: the sender begins again (threat T38).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol

import msgspec
from aiohttp import web

from connector.data.dataplane import flows, tokens
from connector.data.dataplane.digests import stated
from connector.data.dataplane.flows import Flow
from connector.data.dataplane.gate import refusal
from connector.data.dataplane.serve.stream import Handler, MinimumRate, flow_in_path, problem
from connector.data.dataplane.sinks.attempts import Attempt
from connector.data.dataplane.sinks.fill import fill
from connector.data.dataplane.streams import OpenStream, Streams
from connector.foundation.errors import Defect, HanseError, PeerError, Unauthenticated, Unavailable
from connector.foundation.http.incoming import BodyTime
from connector.foundation.http.refusals import TooLarge, TooSlow, WrongMedia
from connector.foundation.ids import new_uuid
from connector.foundation.storage import lease
from connector.foundation.storage.database import PROCESS, Database, Tx

LEASE_MS = 10_000
RENEW_S = 3.0
QUIET_S = 20.0
"""The longest pause between two bytes."""


_Ours = Callable[[Tx], bool]
"""Whether the right to write is still ours; it stays so until the transaction ends."""


class Expected(msgspec.Struct, frozen=True):
    """What is still waited for: so many `bytes` (None: not known)."""

    bytes: int | None = None


class Intake(Protocol):
    """Whoever knows what the bytes are for; each call is one transaction."""

    async def wanted(self, participant: str, flow: str) -> Expected | None:
        """None once they are here: then they are not needed again."""

    async def received(
        self, participant: str, flow: str, bytes: int, sha256: str, settle: Callable[[Tx], None]
    ) -> bool:
        """Books them; False if they are not wanted any more.

        `settle` is the last act of the transaction that books them, and of no other; it raises if it is not to be.
        """

    async def broken(self, participant: str, flow: str, error: HanseError) -> None:
        """What came is whole, but not what was agreed."""


class Inbound(msgspec.Struct, frozen=True, kw_only=True):
    """Where received bytes go: at most `limit` of them into the folder that `place` names, `free` of the disk stay."""

    place: Callable[[str, str], Path]
    limit: int
    patience: MinimumRate = MinimumRate()
    free: int = 0


def receive(
    database: Database,
    streams: Streams,
    intake: Intake,
    hall: Inbound,
    participant: Callable[[web.Request], str],
    flow: Callable[[web.Request], str] | None = None,
) -> Handler:
    """The handler for a route with `{flow}`; `participant` says whose root the request came in under, `flow` which flow
    it is for, if the router is not aiohttp's."""
    desk, named = _Upload(database, streams, intake, hall), flow or flow_in_path

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return _answer(await desk.serve(request, participant(request), named(request)))
        except HanseError as error:
            if isinstance(error, Defect):
                raise
            return _closing(problem(error))

    return handle


class _Upload:
    def __init__(self, database: Database, streams: Streams, intake: Intake, hall: Inbound) -> None:
        self._database, self._streams, self._intake, self._hall = database, streams, intake, hall
        self._taken: set[str] = set()

    async def serve(self, request: web.Request, slug: str, flow_id: str) -> int:
        token = tokens.bearer(request.headers.get("Authorization"))
        ticket: OpenStream | None = None
        try:
            async with self._streams.ticket(slug, flow_id) as ticket:
                flow = await self._admitted(slug, flow_id, token)
                ticket.until(flow.expires_at)
                _acceptable(request)
                return await self._take(request, flow, ticket)
        except TimeoutError as cut:
            raise _cut(ticket) from cut

    async def _admitted(self, slug: str, flow_id: str, token: str | None) -> Flow:
        """Unauthenticated for a key that is not this flow's; Refusal if it has ended or rests."""
        if token is None:
            raise Unauthenticated("dataplane.token")
        flow = await self._database.read(slug, flows.incoming, slug, flow_id, tokens.hashed(token))
        if flow is None:
            raise Unauthenticated("dataplane.token")
        if flow.state == "SUSPENDED":
            raise refusal("dataplane.suspended")
        if flow.state not in ("PREPARED", "STARTED"):
            raise refusal("dataplane.ended")
        return flow

    async def _take(self, request: web.Request, flow: Flow, ticket: OpenStream) -> int:
        body = _Body(request)
        patience = self._hall.patience
        ticket.expect(lambda: body.size, lambda: True, patience.every_s, patience.least)
        wanted = await self._intake.wanted(flow.participant, flow.id)
        limit = _limit(request, self._hall.limit, None if wanted is None else wanted.bytes)
        if wanted is None:
            return await body.swallow(limit)
        async with self._alone(flow, ticket) as ours:
            attempt = Attempt(self._hall.place(flow.participant, flow.id), flow.sink or "data", limit, self._hall.free)
            opening = asyncio.ensure_future(asyncio.to_thread(attempt.open))
            try:
                await asyncio.shield(opening)
                await fill(attempt.sink, body.chunk, _ignore)
                return await self._examine(attempt, flow, flow.expected_sha256 or stated(request.headers), ours)
            finally:
                await asyncio.shield(_drop(attempt, opening))

    async def _examine(self, attempt: Attempt, flow: Flow, expected: str | None, ours: _Ours) -> int:
        """The bytes get their name in the transaction that books them, and only while the right to write is held until
        it ends: whoever lost it touches nothing that another one has brought."""
        sink = attempt.sink
        if expected not in (None, sink.digest()):
            error = PeerError("dataplane.digest", expected=expected, found=sink.digest())
            await self._intake.broken(flow.participant, flow.id, error)
            raise error
        await asyncio.to_thread(attempt.keep)

        def settle(tx: Tx) -> None:
            if not ours(tx):
                raise Unavailable("dataplane.cut")
            attempt.move()

        if not await self._intake.received(flow.participant, flow.id, sink.size, sink.digest(), settle):
            raise refusal("dataplane.ended")
        return sink.size

    @asynccontextmanager
    async def _alone(self, flow: Flow, ticket: OpenStream) -> AsyncIterator[_Ours]:
        """One sender per flow in all processes: Unavailable for a second one, who may come back."""
        name = f"in:{flow.participant}:{flow.id}"
        if name in self._taken:
            raise Unavailable("dataplane.occupied")
        self._taken.add(name)
        try:
            async with self._leased(name, ticket) as ours:
                yield ours
        finally:
            self._taken.discard(name)

    @asynccontextmanager
    async def _leased(self, name: str, ticket: OpenStream) -> AsyncIterator[_Ours]:
        """Among replicas the right to write is a lease; whoever loses it is cut. SQLite has one process."""
        if self._database.dialect == "sqlite":
            yield lambda tx: True
            return
        me = new_uuid()
        fence = await self._database.write(PROCESS, lease.take, name, me, LEASE_MS)
        if fence is None:
            raise Unavailable("dataplane.occupied")
        renewing = asyncio.create_task(self._renew(name, me, fence, ticket))
        try:
            yield lambda tx: lease.holds(tx, name, me, fence)
        finally:
            renewing.cancel()
            await asyncio.shield(self._database.write(PROCESS, lease.forget, name, me, fence))

    async def _renew(self, name: str, me: str, fence: int, ticket: OpenStream) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            with suppress(Unavailable):
                if await self._database.write(PROCESS, lease.take, name, me, LEASE_MS) != fence:
                    ticket.cut("lost")


async def _drop(attempt: Attempt, opening: asyncio.Future[None]) -> None:
    """Not before it is open: a cut in between would leave behind what is opened afterwards."""
    await asyncio.gather(opening, return_exceptions=True)
    await asyncio.to_thread(attempt.drop)


class _Body:
    """The request's body as it comes in; `size` counts what came."""

    def __init__(self, request: web.Request) -> None:
        self._request, self._time = request, BodyTime()

    @property
    def size(self) -> int:
        """Bytes that have come."""
        return self._time.size

    async def swallow(self, limit: int) -> int:
        while await self.chunk():
            if self.size > limit:
                raise TooLarge("dataplane.too-large", limit=limit)
        return self.size

    async def chunk(self) -> bytes:
        """Empty at the end of a whole body; PeerError if it breaks off, TooSlow if nothing comes, or too late."""
        return await self._time.piece(self._soon)

    async def _soon(self) -> bytes:
        try:
            async with asyncio.timeout(QUIET_S) as quiet:
                return await self._request.content.readany()
        except TimeoutError as cause:
            if not quiet.expired():
                raise
            raise TooSlow("http.body-slow") from cause


def _acceptable(request: web.Request) -> None:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise WrongMedia("http.body-encoded")
    if "Content-Range" in request.headers:
        raise PeerError("dataplane.no-parts")


def _limit(request: web.Request, most: int, agreed: int | None) -> int:
    """How many bytes are taken; TooLarge if the request says beforehand that it has more."""
    limit = most if agreed is None else min(most, agreed)
    if (request.content_length or 0) > limit:
        raise TooLarge("dataplane.too-large", limit=limit)
    return limit


def _cut(ticket: OpenStream | None) -> HanseError:
    match None if ticket is None else ticket.cause():
        case "slow":
            return TooSlow("http.body-slow")
        case "stopping" | "lost":
            return Unavailable("dataplane.cut")
        case _:
            return refusal("dataplane.ended")


def _ignore(size: int) -> None:
    pass


def _answer(size: int) -> web.Response:
    return web.Response(body=msgspec.json.encode({"bytes": size}), content_type="application/json")


def _closing(response: web.Response) -> web.Response:
    """What is left of the body is not worth reading."""
    response.force_close()
    return response
