"""The public surface of some towns without a socket: requests are values, callers are who the test says they are.

Everything behind the socket and the token is the real thing (routes, strict reading, transactions, error bodies), so
that a hundred thousand odd messages can be told to it in minutes. Nothing is delivered: what is to be sent lies in the
outbox. The data route is missing: it has no messages.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.streams import StreamReader
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from connector.foundation.errors import Unauthenticated
from connector.foundation.http import strict
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Database
from connector.identity.participants.model import Participant
from connector.identity.trust.members.trust_list import Entry
from connector.surfaces.peer.auth import Caller
from connector.surfaces.peer.dsp.catalogue import CatalogueHandlers
from connector.surfaces.peer.dsp.exchange import Exchange
from connector.surfaces.peer.dsp.negotiations import NegotiationHandlers
from connector.surfaces.peer.dsp.transfers import TransferHandlers
from connector.surfaces.peer.foreign_messages import Foreign
from connector.surfaces.peer.identity import IdentityHandlers
from connector.surfaces.peer.problems import problems
from connector.surfaces.peer.routes import Surface
from connector.surfaces.peer.tokens import SeenTokens
from tests.testkit.nasty import Reply
from tests.testkit.towns import BASE, Towns

HOST = BASE.removeprefix("https://")


class Freshness:
    """Stands for the trust list where only its age is asked for: it is always current."""

    def fresh_between(self, own: str, did: str, now: int) -> bool:
        return True


class Rushing:
    """A clock that is ten minutes on whenever it is asked: nobody is ever too fast for it."""

    def __init__(self) -> None:
        self._now = 0

    def now(self) -> int:
        self._now += 600_000
        return self._now

    def steady(self) -> int:
        return self.now()


class Door:
    """`db` may stand before the towns' own database: it sees every transaction of a request."""

    def __init__(self, towns: Towns, db: Database | None = None) -> None:
        self._towns = towns
        db = db or towns.db
        self.exchange = exchange = Exchange(db, SeenTokens(db, towns.clock), _nothing, _nothing)
        anchor: Any = Freshness()
        table = [
            *IdentityHandlers(towns.participants).routes(),
            *CatalogueHandlers(exchange, towns.catalogue, Rushing()).routes(),
            *NegotiationHandlers(exchange, towns.contracts, anchor, towns.clock).routes(),
            *TransferHandlers(exchange, towns.transfers).routes(),
        ]
        self.routes = table
        self._surface = Surface(table, towns.participants, self._caller, exchange.refused, towns.clock)
        self._surface._foreign = Foreign(Rushing())
        self._answer: Callable[[web.Request], Awaitable[web.StreamResponse]] = self._surface.answer

    async def call(
        self, method: str, caller: str | None, slug: str, path: str, body: bytes = b"", media: str = "application/json"
    ) -> Reply:
        """What the town `slug` answers to `caller` (a slug, None for nobody); `path` is relative to its root."""
        request = requested(method, f"/{slug}{path}", caller, body, media)
        answered = await problems(request, self._answer)
        assert isinstance(answered, web.Response)
        assert isinstance(answered.body, bytes)
        return Reply(answered.status, answered.headers, answered.body)

    async def post(self, caller: str, slug: str, path: str, body: bytes) -> Reply:
        return await self.call("POST", caller, slug, path, body)

    async def get(self, caller: str, slug: str, path: str) -> Reply:
        return await self.call("GET", caller, slug, path)

    async def _caller(self, participant: Participant, authorization: str) -> Caller:
        if not authorization:
            raise Unauthenticated("peer.no-token")
        who = self._towns.participants.held(authorization).participant
        entry = Entry(
            did=who.did,
            name=who.name,
            operator=who.operator,
            kind=who.kind,
            groups=(),
            state="active",
            valid_from="1970-01-01T00:00:00Z",
        )
        now = self._towns.clock.now()
        before = self._towns.line.predecessors(who.did, now)
        return Caller(did=who.did, entry=entry, root=who.root, jti=new_uuid(), second=now // 1000, before=before)


def _nothing(slug: str, did: str) -> None:
    """Nobody notes who was heard, and everybody belongs."""


def requested(method: str, path: str, caller: str | None, body: bytes, media: str) -> web.Request:
    """As the server would build it, but for a connection: the handlers of messages never look at that."""
    fields = CIMultiDict({"Host": HOST, "Content-Type": media, "Content-Length": str(len(body))})
    if caller is not None:
        fields["Authorization"] = caller
    raw = tuple((name.encode(), value.encode()) for name, value in fields.items())
    head = RawRequestMessage(
        method, path, HttpVersion11, CIMultiDictProxy(fields), raw, False, None, False, False, URL(path, encoded=True)
    )
    loop = asyncio.get_running_loop()
    payload = StreamReader(BaseProtocol(loop), limit=len(body) + 1, loop=loop)
    payload.feed_data(body)
    payload.feed_eof()
    nothing: Any = _NoConnection()
    return web.Request(head, payload, nothing, nothing, nothing, loop, client_max_size=strict.LIMIT)


class _NoConnection:
    """What aiohttp asks of a connection while it makes a request."""

    transport = peername = sockname = None
    ssl_context = None
