"""The doors of an authority: its space for anybody, its lists, applications of strangers, requests of members.

None of them needs membership, and none gives anything of it: what is signed is checked by the DID document of who
signed it, and an application is shown to its applicant alone (spec/spaces.md 3.3; threats T29, T30).
"""

import msgspec
from aiohttp import web

from connector.dataspace.spaces import documents, recovery_store, store
from connector.dataspace.spaces.assemble import SpaceSlice
from connector.dataspace.spaces.keeping.hints import Hint
from connector.dataspace.spaces.keeping.memberships import listed_key
from connector.foundation.clock import Clock
from connector.foundation.errors import PeerError, Unauthenticated, Unknown
from connector.foundation.http import limits
from connector.foundation.http.pace import Pace, place
from connector.foundation.http.refusals import WrongMedia
from connector.foundation.storage.database import Database, Tx
from connector.identity.trust.did.did import Did
from connector.identity.trust.did.resolver import Resolver
from connector.identity.trust.keys import jose
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.held_lists import held_for
from connector.identity.trust.members.pin import URN
from connector.identity.trust.members.trust_list import LARGEST
from connector.surfaces.peer.identity import CACHE
from connector.surfaces.peer.routes import Call, Route


class SpaceHandlers:
    """Thirty statements at once of a DID from an address, then two a second: each may make us fetch a DID document.

    A host speaks for hundreds from one address, so what one of them sends holds up none beside it; who claims many
    names is bounded by what an address may send altogether (threat T168).
    """

    def __init__(
        self, db: Database, clock: Clock, spaces: SpaceSlice, resolver: Resolver, anchors: AnchorOfSpaces
    ) -> None:
        self._db, self._clock, self._authority, self._resolver = db, clock, spaces.authority, resolver
        self._anchors = anchors
        self._applications, self._memberships = spaces.applications, spaces.memberships
        self._groups, self._mergers, self._hints = spaces.groups, spaces.mergers, spaces.hints
        self._certificates = spaces.certificates
        self._said = _ByName(clock)
        self._asking = _ByName(clock)
        self._held = Pace(clock, burst=30, per_s=2)

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/space", self.space, public=True),
            Route("GET", "/space/list", self.newest, public=True),
            Route("GET", "/space/list/{version}", self.version, public=True),
            Route("GET", "/space/held/{key}/{version}", self.held, public=True),
            Route("POST", "/space/applications", self.apply, public=True),
            Route("GET", "/space/applications/{id}", self.state, public=True),
            Route("POST", "/space/requests", self.request, public=True),
            Route("GET", "/space/groups", self.groups, public=True),
            Route("GET", "/space/mergers", self.mergers, public=True),
            Route("GET", "/space/certificates", self.certificates, public=True),
            Route("POST", "/space/hint", self.hint, public=True),
        ]

    async def space(self, call: Call) -> web.StreamResponse:
        found = await self._authority.description(call.participant.id)
        return web.Response(body=msgspec.json.encode(found), content_type="application/json", headers=CACHE)

    async def newest(self, call: Call) -> web.StreamResponse:
        """Raises Unavailable while the authority does not know its newest list: an older one is a rollback."""
        return _list(await self._db.read(call.participant.id, _newest, call.participant.id))

    async def held(self, call: Call) -> web.StreamResponse:
        """The newest list of an authority (the thumbprint of its key) whose space this member joined, if it is newer
        than that version and names this member: an authority that was restored has nobody else to ask, and no key by
        which it would be known. So a stranger learns what the authority tells everybody; neither that somebody has
        asked to belong, nor what others of the process joined."""
        self._held.spend(place(call.request.remote))
        key, number = call.params["key"], _number(call)
        if len(key) > 64:
            raise Unknown("peer.nothing-here")
        listed = held_for(self._anchors, call.participant.did, URN + key)
        if listed is None or listed.version <= number:
            return web.Response(status=204)
        return web.Response(body=listed.jws.encode("ascii"), content_type=documents.MEDIA)

    async def version(self, call: Call) -> web.StreamResponse:
        """Any version that ever was: whoever doubts a list can see what was said before."""
        slug = call.participant.id
        return _list(await self._db.read(slug, store.version, slug, _number(call)))

    async def apply(self, call: Call) -> web.StreamResponse:
        said = await self._statement(call)
        receipt = await self._applications.apply(call.participant.id, said, place(call.request.remote))
        return web.Response(status=201, body=msgspec.json.encode(receipt), content_type="application/json")

    async def state(self, call: Call) -> web.StreamResponse:
        """To the applicant, who shows who it is by a token as a member would.

        Its keys may be others than those it applied with, which no list vouches for yet: the document that its host
        serves now is enough to read how an application stands, and once it is a member it says so itself.
        """
        said, issuer = self._token(call)
        receipt = await self._applications.state(call.participant.id, call.params["id"], issuer)
        document = await self._resolver.served(issuer)
        jose.proven(said, document.key(said.kid, "capabilityInvocation"))
        return web.Response(body=msgspec.json.encode(receipt), content_type="application/json")

    async def groups(self, call: Call) -> web.StreamResponse:
        """To a member: the groups of the space, how it stands to each, and who is in those that it keeps."""
        found = await self._groups.standing(call.participant.id, await self._member(call))
        return web.Response(body=msgspec.json.encode(found), content_type="application/json")

    async def mergers(self, call: Call) -> web.StreamResponse:
        """To a member: how those mergers stand that it is part of, whichever of the two it is."""
        found = await self._mergers.standing(call.participant.id, await self._member(call))
        return web.Response(body=msgspec.json.encode(found), content_type="application/json")

    async def certificates(self, call: Call) -> web.StreamResponse:
        """To a member: how its seal certificates above level L1 stand, at which people have to look."""
        found = await self._certificates.standing(call.participant.id, await self._member(call))
        return web.Response(body=msgspec.json.encode(found), content_type="application/json")

    async def _member(self, call: Call) -> Did:
        """Who asks, by a key that the list names."""
        said, issuer = self._token(call)
        keys = await self._memberships.listed_keys(call.participant.id, issuer)
        jose.proven(said, listed_key(await self._resolver.served(issuer), said.kid, keys))
        return issuer

    def _token(self, call: Call) -> tuple[jose.Unverified, Did]:
        """The DID that a token claims; nothing is proven yet."""
        self._asking.arrived(call)
        scheme, _, token = call.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("peer.no-token")
        self._asking.claimed(call, token)
        said = jose.read(token)
        return said, Did(jose.check(said, aud=call.participant.did, now=self._clock.now()))

    async def request(self, call: Call) -> web.StreamResponse:
        """Of a member: it shows who it is by what it signed, since the list may not know its newest key."""
        await self._memberships.receive(call.participant.id, await self._statement(call))
        return web.Response(status=204)

    async def _statement(self, call: Call) -> str:
        self._said.arrived(call)
        if call.request.content_type != documents.MEDIA:
            raise WrongMedia("http.body-media", expected=documents.MEDIA)
        body = await limits.read_body(call.request, limit=documents.LIMIT)
        try:
            text = body.decode("ascii")
        except UnicodeDecodeError as cause:
            raise Unauthenticated("trust.token-form") from cause
        self._said.claimed(call, text)
        return text

    async def hint(self, call: Call) -> web.StreamResponse:
        """There may be a newer list of a space: looked at as on any other day, only sooner."""
        try:
            said = msgspec.convert(await limits.read_json(call.request, limit=4_096), Hint)
        except msgspec.ValidationError as cause:
            raise PeerError("spaces.statement") from cause
        self._hints.heard(said.space)
        return web.Response(status=204)


def _number(call: Call) -> int:
    """Of a version; raises Unknown for what no list can have."""
    text = call.params["version"]
    if not text.isascii() or not text.isdecimal() or len(text) > 16 or int(text) > LARGEST:
        raise Unknown("peer.nothing-here")
    return int(text)


def _newest(tx: Tx, slug: str) -> store.Version | None:
    recovery_store.require_settled(tx, slug)
    return store.newest_version(tx, slug, signed=True)


def _list(found: store.Version | None) -> web.StreamResponse:
    if found is None:
        raise Unknown("peer.nothing-here")
    return web.Response(body=found.jws.encode("ascii"), content_type=documents.MEDIA)


class _ByName:
    """What comes from an address, and of that what comes in one name, which nobody has proven yet: from elsewhere
    nobody uses up what is left to somebody."""

    def __init__(self, clock: Clock) -> None:
        self._each, self._all = Pace(clock, burst=30, per_s=2), Pace(clock, burst=300, per_s=10)

    def arrived(self, call: Call) -> None:
        """Before anything is read; raises TooMany."""
        self._all.spend(place(call.request.remote))

    def claimed(self, call: Call, token: str) -> None:
        """Before anything is asked or fetched; raises Unauthenticated or TooMany."""
        self._each.spend((place(call.request.remote), jose.claimed(token)))
