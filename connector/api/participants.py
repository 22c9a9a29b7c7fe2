"""Participants over the management surface: add, list, change or revoke a key, say who seals, enter a peer."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Annotated, Literal

import msgspec
from aiohttp import web
from cryptography import x509
from msgspec import Meta

from connector.api import body
from connector.catalogue.templates import templates
from connector.errors import Mistake
from connector.participants.service import Hosted, Participants
from connector.trust.keys.signing import PURPOSES, Purpose
from connector.trust.members.trust_list import millis
from connector.trust.signers.port import Kind, Place
from connector.verify.formats import key_binding
from connector.verify.formats.faults import Fault

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


class AllowanceWish(msgspec.Struct, frozen=True, kw_only=True):
    """`times` the usual quota for this peer."""

    did: Annotated[str, Meta(max_length=512)]
    times: Annotated[int, Meta(ge=1, le=1000)]


class SealWish(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate chain (PEM, leaf first) of the key that seals from now on, and who keeps that key."""

    certificate: Annotated[str, Meta(max_length=32_768)]
    signer: Kind | Literal["file"] = "file"
    key: Annotated[str, Meta(max_length=256)] = ""
    token: Annotated[str, Meta(max_length=256)] = ""


class RevokeWish(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """From when on (RFC 3339 with a zone) a key is no longer ours, and why; `key` is its id if it is not in use."""

    since: Annotated[str, Meta(max_length=40)]
    reason: Annotated[str, Meta(min_length=3, max_length=500)]
    key: Annotated[str, Meta(max_length=600)] | None = None


class ParticipantHandlers:
    """`catch_up` lists only who is not on the list yet; `listed` are the SHA-256 of the certificates that the list
    names for a DID."""

    def __init__(
        self, participants: Participants, enlist: Enlist, catch_up: Enlist, listed: Callable[[str], Sequence[str]]
    ) -> None:
        self._participants, self._enlist, self._catch_up, self._listed = participants, enlist, catch_up, listed

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/v1/participants", self.all),
            web.post("/api/v1/participants", self.add),
            web.get("/api/v1/participants/{p}", self.one),
            web.post("/api/v1/participants/{p}/keys/{purpose}/rotate", self.rotate),
            web.post("/api/v1/participants/{p}/keys/{purpose}/revoke", self.revoke),
            web.post("/api/v1/participants/{p}/seal", self.seal),
            web.post("/api/v1/participants/{p}/seal/request", self.seal_request),
            web.post("/api/v1/participants/{p}/peers", self.enter_peer),
            web.post("/api/v1/participants/{p}/allowances", self.allow),
        ]

    async def all(self, request: web.Request) -> web.StreamResponse:
        return body.answer({"participants": [self._shown(hosted) for hosted in await self._participants.all()]})

    async def add(self, request: web.Request) -> web.StreamResponse:
        """201; 200 if the participant was here already, just as it is described."""
        wish = await body.read(request, Wish)
        kinds = {concept.iri for concept in templates.vocabulary().scheme("participantKindScheme").values()}
        if wish.kind not in kinds:
            raise Mistake("participants.kind", kind=wish.kind[:200])
        known = {hosted.participant.id for hosted in await self._participants.all()}
        hosted = await self._participants.add(wish.slug, wish.name, wish.kind, wish.operator, wish.root)
        await (self._catch_up() if wish.slug in known else self._enlist())
        return body.answer(self._shown(hosted), 200 if wish.slug in known else 201)

    async def one(self, request: web.Request) -> web.StreamResponse:
        return body.answer(self._shown(await self._participants.get(request.match_info["p"])))

    async def rotate(self, request: web.Request) -> web.StreamResponse:
        hosted = await self._participants.rotate(request.match_info["p"], _purpose(request))
        await self._enlist()
        return body.answer(self._shown(hosted))

    async def revoke(self, request: web.Request) -> web.StreamResponse:
        wish = await body.read(request, RevokeWish)
        since, purpose = _moment(wish.since), _purpose(request)
        hosted = await self._participants.revoke(request.match_info["p"], purpose, since, wish.reason, wish.key)
        await self._enlist()
        return body.answer(self._shown(hosted))

    async def seal_request(self, request: web.Request) -> web.StreamResponse:
        slug = request.match_info["p"]
        return body.answer({"request": await self._participants.certificate_request(slug)})

    async def seal(self, request: web.Request) -> web.StreamResponse:
        wish = await body.read(request, SealWish)
        place = None if wish.signer == "file" else Place(signer=wish.signer, key=wish.key, token=wish.token)
        hosted = await self._participants.adopt(request.match_info["p"], wish.certificate, place)
        await self._enlist()
        return body.answer(self._shown(hosted))

    async def enter_peer(self, request: web.Request) -> web.StreamResponse:
        wish = await body.read(request, PeerWish)
        await self._participants.get(request.match_info["p"])
        await self._participants.enter_peer(request.match_info["p"], wish.did, wish.root)
        return body.answer({"did": wish.did, "root": wish.root}, 201)

    async def allow(self, request: web.Request) -> web.StreamResponse:
        """A larger quota for one peer; 1 is the usual one. What it had used up no longer waits for a person."""
        wish = await body.read(request, AllowanceWish)
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        await self._participants.allow(slug, wish.did, wish.times)
        return body.answer({"did": wish.did, "times": wish.times}, 201)

    def _shown(self, hosted: Hosted) -> dict[str, object]:
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
            "seal": self._seal(hosted),
        }

    def _seal(self, hosted: Hosted) -> dict[str, object]:
        """Who seals, how, at which level (spec/contracts.md 2.4; None: nobody would believe it yet) and until when."""
        shown: dict[str, object] = {"signer": hosted.signer, "kid": hosted.seal.kid, "alg": hosted.seal.alg}
        if not hosted.chain:
            return {**shown, "level": None, "until": None}
        leaf, did = x509.load_der_x509_certificate(hosted.chain[0]), hosted.participant.did
        level: str | None = None
        with suppress(Fault):
            level = key_binding.check(
                leaf, hosted.seal.kid, did=did, document=hosted.document, listed=self._listed(did)
            )
        return {**shown, "level": level, "until": leaf.not_valid_after_utc.isoformat()}


def _purpose(request: web.Request) -> Purpose:
    purpose = request.match_info["purpose"]
    if purpose not in PURPOSES:
        raise Mistake("participants.purpose", purpose=purpose[:40])
    found: Purpose = msgspec.convert(purpose, Purpose)
    return found


def _moment(text: str) -> int:
    """Milliseconds, in whole seconds: as exact as the log writes it."""
    try:
        return millis(text) // 1000 * 1000
    except (ValueError, OverflowError) as cause:
        raise Mistake("participants.since", since=text[:40]) from cause
