"""Participants over the management surface: add, list, rotate a key, enter the address of a peer without one."""

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from connector.api import body
from connector.catalogue import rules
from connector.errors import Mistake
from connector.participants.service import Hosted, Participants
from connector.trust.keys import PURPOSES, Purpose

Enlist = Callable[[], Awaitable[None]]
"""In a development space: the authority lists our participants anew. Elsewhere nothing."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    slug: str
    name: str
    kind: str
    operator: str = ""
    root: str | None = None


class PeerWish(msgspec.Struct, frozen=True, kw_only=True):
    did: str
    root: str


class ParticipantHandlers:
    def __init__(self, participants: Participants, enlist: Enlist) -> None:
        self._participants, self._enlist = participants, enlist

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/v1/participants", self.all),
            web.post("/api/v1/participants", self.add),
            web.get("/api/v1/participants/{p}", self.one),
            web.post("/api/v1/participants/{p}/keys/{purpose}/rotate", self.rotate),
            web.post("/api/v1/participants/{p}/peers", self.enter_peer),
        ]

    async def all(self, request: web.Request) -> web.StreamResponse:
        return body.answer({"participants": [_shown(hosted) for hosted in await self._participants.all()]})

    async def add(self, request: web.Request) -> web.StreamResponse:
        wish = await body.read(request, Wish)
        kinds = {concept.iri for concept in rules.vocabulary().scheme("participantKindScheme").values()}
        if wish.kind not in kinds:
            raise Mistake("participants.kind", kind=wish.kind[:200])
        hosted = await self._participants.add(wish.slug, wish.name, wish.kind, wish.operator, wish.root)
        await self._enlist()
        return body.answer(_shown(hosted), 201)

    async def one(self, request: web.Request) -> web.StreamResponse:
        return body.answer(_shown(await self._participants.get(request.match_info["p"])))

    async def rotate(self, request: web.Request) -> web.StreamResponse:
        purpose = request.match_info["purpose"]
        if purpose not in PURPOSES:
            raise Mistake("participants.purpose", purpose=purpose[:40])
        hosted = await self._participants.rotate(request.match_info["p"], msgspec.convert(purpose, Purpose))
        await self._enlist()
        return body.answer(_shown(hosted))

    async def enter_peer(self, request: web.Request) -> web.StreamResponse:
        wish = await body.read(request, PeerWish)
        await self._participants.get(request.match_info["p"])
        await self._participants.enter_peer(request.match_info["p"], wish.did, wish.root)
        return body.answer({"did": wish.did, "root": wish.root}, 201)


def _shown(hosted: Hosted) -> dict[str, object]:
    participant = hosted.participant
    return {
        "slug": participant.id,
        "did": participant.did,
        "root": participant.root,
        "name": participant.name,
        "kind": participant.kind,
        "operator": participant.operator,
        "state": participant.state,
        "keys": [{"kid": key.kid, "purpose": key.purpose, "state": key.state} for key in hosted.keys],
    }
