"""Participants over the management surface: add, list, change or revoke a key, say who seals, enter a peer."""

from collections.abc import Awaitable, Callable
from typing import Annotated, ClassVar, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.data.catalogue import concepts
from connector.foundation.errors import Mistake
from connector.identity.participants.model import by_look
from connector.identity.participants.publisher_details import PublisherChange
from connector.identity.participants.service import NOTHING_SAID, Hosted, Participants
from connector.identity.trust.keys.signing import PURPOSES, Purpose
from connector.identity.trust.members.trust_list import millis
from connector.identity.trust.signers.port import Kind, Place
from connector.surfaces.api.routes import PARTICIPANT, PREFIX, Route, get, post, problem_codes
from connector.surfaces.views.participant import (
    AllowanceView,
    CertificateRequestView,
    Listed,
    ParticipantsView,
    ParticipantView,
    PeerView,
    participant,
)
from connector.verify.formats.names import seen

Enlist = Callable[[str], Awaitable[None]]
"""In a development space: the authority lists this participant anew. Elsewhere nothing."""


PUBLISHER = (
    "participants.address",
    "participants.ars",
    "participants.ars-county",
    "participants.box",
    "participants.contact-email",
    "participants.contact-last",
    "participants.contact-telephone",
    "participants.contributor",
)
"""What may be wrong with what a participant says of itself."""


class ParticipantRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` by its IRI, short name or label."""

    slug: str
    name: str
    kind: str
    operator: str = ""
    root: str | None = None
    publisher: PublisherChange = NOTHING_SAID


class PeerRequest(msgspec.Struct, frozen=True, kw_only=True):
    did: str
    root: str


class AllowanceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`times` the usual quota for this peer."""

    did: Annotated[str, Meta(max_length=512)]
    times: Annotated[int, Meta(ge=1, le=1000)]


class SealRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate chain (PEM, leaf first) of the key that seals from now on, and who keeps that key."""

    certificate: Annotated[str, Meta(max_length=32_768)]
    signer: Kind | Literal["file"] = "file"
    key: Annotated[str, Meta(max_length=256)] = ""
    token: Annotated[str, Meta(max_length=256)] = ""


class Revocation(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """From when on (RFC 3339 with a zone) a key is no longer ours, and why; `key` is its id if it is not in use."""

    since: Annotated[str, Meta(max_length=40)]
    reason: Annotated[str, Meta(min_length=3, max_length=500)]
    key: Annotated[str, Meta(max_length=600)] | None = None


class ParticipantHandlers:
    """`enlist` waits for the list, `soon` not always, `catch_up` lists only who is not on it yet; `listed` are the
    SHA-256 of the certificates that the list names for a DID."""

    def __init__(
        self, participants: Participants, enlist: Enlist, soon: Enlist, catch_up: Enlist, listed: Listed
    ) -> None:
        self._participants, self._enlist, self._soon = participants, enlist, soon
        self._catch_up, self._listed = catch_up, listed

    async def all(self, request: web.Request) -> ParticipantsView:
        """All of this process."""
        everyone = await self._participants.everyone()
        looks = by_look(one.participant for one in everyone)
        return ParticipantsView(
            [
                participant(hosted, self._listed, [one for one in looks.get(seen(mine.name), ()) if one.id != mine.id])
                for hosted in everyone
                for mine in (hosted.participant,)
            ]
        )

    @problem_codes(
        {
            400: (
                "leaving.taken",
                "participants.kind",
                "participants.name",
                "participants.other-publisher",
                "participants.root",
                "participants.slug",
                "participants.taken",
                *PUBLISHER,
            )
        }
    )
    async def add(self, request: web.Request, wish: ParticipantRequest) -> tuple[ParticipantView, int]:
        """201; 200 if the participant was here already, just as it is described."""
        kind = concepts.kind(wish.kind).iri
        known = bool(await self._participants.here([wish.slug]))
        hosted = await self._participants.add(wish.slug, wish.name, kind, wish.operator, wish.root, wish.publisher)
        await (self._catch_up if known else self._soon)(wish.slug)
        return await self._shown(hosted), 200 if known else 201

    async def one(self, request: web.Request) -> ParticipantView:
        """With its keys, and who seals for it."""
        return await self._shown(await self._participants.get(request.match_info["p"]))

    @problem_codes({400: ("participants.name", *PUBLISHER)})
    async def change(self, request: web.Request, wish: PublisherChange) -> ParticipantView:
        """Place, contact and contributor that all its datasets name; what is not said stays."""
        return await self._shown(await self._participants.change(request.match_info["p"], wish))

    @problem_codes({400: ("participants.purpose", "signers.no-pq", "signers.rotate-there", "mandates.no-own-key")})
    async def rotate(self, request: web.Request) -> ParticipantView:
        """A new key for this purpose; the old one still verifies."""
        hosted = await self._participants.rotate(request.match_info["p"], _purpose(request))
        await self._enlist(hosted.participant.id)
        return await self._shown(hosted)

    @problem_codes(
        {
            400: (
                "participants.key-younger",
                "participants.no-key",
                "participants.purpose",
                "participants.since",
                "participants.since-when",
                "signers.no-pq",
            )
        }
    )
    async def revoke(self, request: web.Request, wish: Revocation) -> ParticipantView:
        """From a moment on a key was no longer ours: stolen or lost. A new one takes its place."""
        since, purpose = _moment(wish.since), _purpose(request)
        hosted = await self._participants.revoke(request.match_info["p"], purpose, since, wish.reason, wish.key)
        await self._enlist(hosted.participant.id)
        return await self._shown(hosted)

    async def seal_request(self, request: web.Request) -> CertificateRequestView:
        """A certificate request for the seal key in use."""
        slug = request.match_info["p"]
        return CertificateRequestView(await self._participants.certificate_request(slug))

    @problem_codes({400: ("signers.certificate", "signers.other-key", "signers.retired-key")})
    async def seal(self, request: web.Request, wish: SealRequest) -> ParticipantView:
        """Seals with this certificate, and the key that belongs to it, from now on."""
        place = None if wish.signer == "file" else Place(signer=wish.signer, key=wish.key, token=wish.token)
        hosted = await self._participants.adopt(request.match_info["p"], wish.certificate, place)
        await self._enlist(hosted.participant.id)
        return await self._shown(hosted)

    @problem_codes({400: ("participants.root", "trust.did")})
    async def enter_peer(self, request: web.Request, wish: PeerRequest) -> PeerView:
        """Where a peer's connector begins whose DID document does not say so."""
        await self._participants.get(request.match_info["p"])
        await self._participants.enter_peer(request.match_info["p"], wish.did, wish.root)
        return PeerView(wish.did, wish.root)

    @problem_codes({400: ("trust.did",)})
    async def allow(self, request: web.Request, wish: AllowanceRequest) -> AllowanceView:
        """A larger quota for one peer; 1 is the usual one. What it had used up no longer waits for a person."""
        slug = (await self._participants.get(request.match_info["p"])).participant.id
        await self._participants.allow(slug, wish.did, wish.times)
        return AllowanceView(wish.did, wish.times)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PREFIX}/participants", all),
        post(f"{PREFIX}/participants", add, 201, also=(200,)),
        get(PARTICIPANT, one),
        post(f"{PARTICIPANT}/publisher", change),
        post(f"{PARTICIPANT}/keys/{{purpose}}/rotate", rotate),
        post(f"{PARTICIPANT}/keys/{{purpose}}/revoke", revoke),
        post(f"{PARTICIPANT}/seal", seal),
        post(f"{PARTICIPANT}/seal/request", seal_request),
        post(f"{PARTICIPANT}/peers", enter_peer, 201),
        post(f"{PARTICIPANT}/allowances", allow, 201),
    )

    async def _shown(self, hosted: Hosted) -> ParticipantView:
        one = hosted.participant
        return participant(hosted, self._listed, await self._participants.alike(one.id, one.name))


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
