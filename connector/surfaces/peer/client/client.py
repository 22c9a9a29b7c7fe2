"""Requests to other connectors in the name of a participant: each with a fresh token, only below the peer's root."""

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
import structlog

from connector.data.catalogue.search import filters
from connector.data.federation.model import CataloguePage
from connector.exchange.contracts.document.second_seal import HEADER
from connector.exchange.contracts.partner import Partner
from connector.foundation.clock import Clock
from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http.address import under_root
from connector.foundation.http.outbound import Answer, SafeClient
from connector.foundation.storage.database import Database
from connector.identity.participants import succession
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust import clock_skew as skews
from connector.identity.trust.clock_skew import Skews
from connector.identity.trust.did import did as dids
from connector.identity.trust.did.did import Did
from connector.identity.trust.did.resolver import Resolver
from connector.identity.trust.keys.jose import sign_text
from connector.identity.trust.keys.jwk import encode
from connector.identity.trust.members.claims import requester
from connector.identity.trust.members.successors import Successors
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.protocol import codec, versions
from connector.kernel.protocol import messages as m
from connector.kernel.protocol.inventory import INVENTORY
from connector.surfaces.peer.addresses import Addresses, needless
from connector.surfaces.peer.auth import LIFE_S
from connector.surfaces.peer.client import listing
from connector.surfaces.peer.client.discovery import Discovery
from connector.surfaces.peer.client.listing import PeerCatalogue

log = structlog.get_logger("peer")
_PROCESS = re.compile(r"/(?:negotiations|transfers)/[^/?#]+(?:/[^?#]*)?$")
"""What of the address of a message is the same wherever the protocol is served."""
_SOON = "1"
"""`Retry-After` of who answers 503 and is worth waiting for."""
MESSAGE_S = 8.0
PAGES = 50
MOST_BYTES = 8 << 20
MOST_NODES = 300_000
"""What we read and hold of one catalogue; the page that goes beyond it is the last."""
AT_ONCE = 65_536
"""Bytes of a dataset in the plain form that are read on the event loop: a thread would cost more than reading them."""


class _Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What each of our tokens says, in the order of its names."""

    aud: str
    exp: int
    iat: int
    iss: str
    jti: str
    sub: str


class PeerClient:
    """Implements the ports `Post` of delivery, and `Fetch` of the signing desk and of the crawler."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        http: SafeClient,
        participants: Participants,
        resolver: Resolver,
        anchor: Anchor,
        skews: Skews | None = None,
        addresses: Addresses | None = None,
    ) -> None:
        self._addresses = addresses or Addresses(http, clock)
        self._skews = skews or Skews(clock)
        self._db, self._clock, self._http, self._participants = db, clock, http, participants
        self._resolver, self._anchor = resolver, anchor
        self._discovery = Discovery(http, clock)

    async def partner(self, slug: str, did: str) -> Partner:
        """A member of a space that both belong to, and its root; raises Unauthenticated, PeerError or Unavailable.

        Who has given its place to another is that other one.
        """
        own, did = (await self._participants.get(slug)).participant.did, await self._acting(slug, did)
        entry = self._anchor.between(own, did, self._clock.now())
        root = await self.root(slug, did)
        seen = requester(entry, self._participants.groups(own))
        return Partner(did=did, name=entry.name, requester=seen, root=root, base=await self.base(slug, did))

    async def base(self, slug: str, did: str) -> str:
        """Where the peer speaks DSP 2025-1: its version document says so; whom we host ourselves we need not ask."""
        did = await self._acting(slug, did)
        return await self._base(slug, did, await self._root(slug, did))

    async def _base(self, slug: str, did: str, root: str) -> str:
        if self._participants.document(Did(did)) is not None:
            return root + versions.PATH
        await self._proven(slug, did, root)
        return await self._discovery.base(root)

    async def root(self, slug: str, did: str) -> str:
        """From the DID document's DataService, else what an operator entered (spec/protocol.md 1.4)."""
        return await self._root(slug, await self._acting(slug, did))

    async def _root(self, slug: str, did: str) -> str:
        """The root of a DID whose place nobody has taken."""
        own = (await self._participants.get(slug)).participant.did
        document = await self._resolver.document(did, own)
        root = document.root or await self._participants.entered_root(slug, did)
        if root is None:
            raise PeerError("peer.no-address", did=did)
        return root

    async def post(self, slug: str, did: str, url: str, body: bytes, limit: int | None = None) -> Answer:
        return await self._post(slug, did, url, body, "application/json", limit)

    async def hand_in(
        self, slug: str, did: str, url: str, seal: bytes, second: str = "", limit: int | None = None
    ) -> Answer:
        """A countersignature or another compact JWS as it is; `second`: the digest under which its second seal lies."""
        return await self._post(
            slug, did, url, seal, "application/jose", limit, more={HEADER: second} if second else {}
        )

    async def _post(
        self,
        slug: str,
        did: str,
        url: str,
        body: bytes,
        media: str,
        limit: int | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Answer:
        did, url = await self._reached(slug, did, url)
        headers = {**await self._token(slug, did), "Content-Type": media, **(more or {})}
        return self._in_time(did, await self._http.post(url, body, headers=headers, limit=limit, total_s=MESSAGE_S))

    async def get(
        self, slug: str, did: str, url: str, limit: int | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A connection that breaks is tried once more, with a token of its own: the first may have been used up. So is
        a peer that has just come back and wants a token of a later second."""
        did, url = await self._reached(slug, did, url)
        try:
            answer = await self._got(slug, did, url, limit, headers or {})
            if answer.status != 503 or answer.headers.get("Retry-After") != _SOON:
                return answer
            await asyncio.sleep(int(_SOON))
        except Unavailable as broken:
            if broken.code != "http.unreachable":
                raise
        return await self._got(slug, did, url, limit, headers or {})

    async def _got(self, slug: str, did: str, url: str, limit: int | None, more: Mapping[str, str]) -> Answer:
        headers = {**await self._token(slug, did), **more}
        return self._in_time(did, await self._http.get(url, headers=headers, limit=limit, total_s=MESSAGE_S))

    def _in_time(self, did: str, answer: Answer) -> Answer:
        """The answer, unless it is a 401 for the time in our token: then Unavailable, for the clock will be mended.

        A peer that does not say why (RFC 6750) still says what its clock shows, in `Date`.
        """
        if answer.status != 401:
            if answer.status < 300:
                self._skews.agreed(did)
            return answer
        off = skews.of_answer(answer, self._clock.now())
        if off is None and "token-time" not in answer.headers.get("WWW-Authenticate", ""):
            return answer
        self._skews.note(did, off or 0)
        log.warning("peer.clock", did=did, seconds=(off or 0) // 1000)
        raise Unavailable("peer.clock-behind" if (off or 0) < 0 else "peer.clock-ahead", seconds=abs(off or 0) // 1000)

    async def fetch(self, hosted: Hosted, did: str, url: str) -> bytes:
        """The bytes of a signed object; raises PeerError if the peer does not give them."""
        answer = await self.get(hosted.participant.id, did, url)
        _present(answer)
        if answer.status != 200:
            raise PeerError("peer.no-object", status=answer.status)
        return answer.body

    async def document(self, did: str, own: str = "") -> Mapping[str, object]:
        """The peer's DID document as it is now, to a participant of ours; raises PeerError or Unavailable."""
        return (await self._resolver.document(did, own)).raw

    def known_document(self, did: str) -> Mapping[str, object] | None:
        """The same if it is here and may be used; nobody is called."""
        known = self._resolver.known(did)
        return None if known is None else known.raw

    async def catalogue(self, slug: str, did: str, words: Sequence[str] = ()) -> PeerCatalogue:
        """All datasets that the peer shows us, page by page, as far as our bounds go.

        `words` ask for less, of peers who know our filter; others refuse or overlook it, so the result may hold more.
        """
        return await self._leafed(slug, did, filters.containing(words))

    async def _leafed(self, slug: str, did: str, filter: list[Any] | None) -> PeerCatalogue:
        url = f"{await self.base(slug, did)}/catalog/request"
        body = codec.encode(m.CatalogRequestMessage(filter=filter))
        answer = await self.post(slug, did, url, body, limit=listing.LIMIT)
        if filter and answer.status != 200:
            body = codec.encode(m.CatalogRequestMessage())
            answer = await self.post(slug, did, url, body, limit=listing.LIMIT)
        found, seen, read, held = list[m.Plain](), {url}, 0, 0
        while True:
            entries, nodes = await _page(answer, did)
            found += entries
            read, held = read + len(answer.body), held + nodes
            following = listing.following(answer.field("Link"), url)
            if following is None or following in seen:
                return PeerCatalogue(found, complete=True)
            if len(seen) >= PAGES or read >= MOST_BYTES or held >= MOST_NODES:
                return PeerCatalogue(found, complete=False)
            url = following
            seen.add(url)
            answer = await self.post(slug, did, url, body, limit=listing.LIMIT)

    async def page(self, slug: str, did: str, url: str | None, offset: int = 0) -> CataloguePage:
        """One page of the peer's catalogue, None: the first; what cannot be read is told beside the rest.

        `offset`: what lies behind so many entries, as Eclipse EDC has it, which names no next page; who does not know
        that query shows nothing more.
        """
        url = url or f"{await self.base(slug, did)}/catalog/request"
        body = codec.encode(m.CatalogRequestMessage(filter=filters.behind(offset) if offset else None))
        answer = await self.post(slug, did, url, body, limit=listing.LIMIT)
        if offset and 400 <= answer.status < 500 and answer.status != 429:
            return CataloguePage(entries=(), unread=(), following=None, url=url)
        if answer.status != 200:
            raise Unavailable("peer.no-catalogue", status=answer.status)
        return await asyncio.to_thread(listing.page, answer, did, url)

    async def inventory(self, slug: str, did: str) -> str | None:
        """Where the peer has an inventory, as its version document says; None if it says nothing of one."""
        did = await self._acting(slug, did)
        root = await self.root(slug, did)
        if self._participants.document(Did(did)) is not None:
            return root + INVENTORY
        await self._proven(slug, did, root)
        return (await self._discovery.doors(root)).inventory

    async def dataset(self, slug: str, did: str, dataset: str) -> m.Plain:
        """One dataset with its offers as the peer shows them now; raises PeerError if it shows none.

        An IRI below the peer's root, or below that of its DID, goes by its last segment. Any other name with a slash in
        it would not survive as one segment of a path: it is looked for in the catalogue.
        """
        base = await self.base(slug, did)
        own = own_places(await self.root(slug, did), did)
        name = dataset.rsplit("/", 1)[-1] if dataset.startswith(own) else dataset
        if "/" in name:
            return await self._listed(slug, did, name)
        answer = await self.get(slug, did, f"{base}/catalog/datasets/{quote(name, safe='')}", limit=listing.LIMIT)
        _present(answer)
        if answer.status != 200:
            raise PeerError("peer.no-dataset", status=answer.status)
        if len(answer.body) <= AT_ONCE and (plain := listing.plain_dataset(answer)) is not None:
            return plain
        return await asyncio.to_thread(listing.dataset, answer)

    async def _listed(self, slug: str, did: str, dataset: str) -> m.Plain:
        """Asked for alone first. Who overlooks our filter shows it all the same; who misreads it may show nothing."""
        filter = filters.about(dataset)
        found = await self._leafed(slug, did, filter)
        if filter and not found.datasets:
            found = await self._leafed(slug, did, None)
        for entry in found.datasets:
            if entry["@id"] == dataset:
                return entry
        raise PeerError("peer.no-dataset", status=404)

    async def _acting(self, slug: str, did: str) -> str:
        """Who acts for that DID now: whoever has taken its place by the trust list, else itself."""
        return (await self._line(slug)).successor(did, self._clock.now()) or did

    async def _line(self, slug: str) -> Successors:
        return self._anchor.line_for((await self._participants.get(slug)).participant.did)

    async def _reached(self, slug: str, did: str, url: str) -> tuple[str, str]:
        """Whom a message to `did` reaches now, and at which address: the same one below the root of its successor, or
        its own, where the address was named by whose place it has taken.

        Otherwise both are as they were. Our token goes nowhere but to the peer it is for (threat T01); a query leads
        nowhere else. Raises PeerError for an address that is not, and was never, below its root.
        """
        acting = await self._acting(slug, did)
        root = await self._root(slug, acting)
        if not under_root(url.partition("?")[0], root):
            url = await self._followed(slug, did, url, acting, root)
        await self._proven(slug, acting, root)
        return acting, url

    async def _followed(self, slug: str, did: str, url: str, acting: str, root: str) -> str:
        """The address below the root of who acts in the place of `did`, or has taken that of others by itself."""
        line = await self._line(slug)
        before = (did,) if acting != did else line.predecessors(did, self._clock.now())
        named = (place for place in map(_named_root, before) if place and under_root(url.partition("?")[0], place))
        if before and (process := _PROCESS.search(url)) is not None:
            followed = await self._base(slug, acting, root) + process[0]
        elif (there := next(named, None)) is not None:
            followed = root + url[len(there) :]
        else:
            raise PeerError("peer.foreign-address")
        if not under_root(followed.partition("?")[0], root):
            raise PeerError("peer.foreign-address")
        return followed

    async def _proven(self, slug: str, did: str, root: str) -> None:
        """The place is the peer's by its DID, by an operator's word, or because it says so itself (threat T72)."""
        if needless(did, root):
            return
        entered = await self._participants.entered_root(slug, did)
        if entered is None or not under_root(root, entered):
            await self._addresses.prove(did, root)

    async def _token(self, slug: str, did: str) -> dict[str, str]:
        hosted = await self._participants.get(slug)
        moment = self._clock.now()
        succession.require_here(hosted.participant, moment)
        own = hosted.participant.did
        succession.require_own_place(hosted.participant, self._anchor.line_for(own).successor(own, moment))
        hosted.require("", moment)
        now = moment // 1000
        claims = _Claims(
            aud=did,
            exp=now + LIFE_S,
            iat=now,
            iss=own,
            sub=own,
            jti=f"{moment:012x}{encode(os.urandom(12))}",  # in the order of time, for whoever notes it
        )
        token = sign_text(msgspec.json.encode(claims), hosted.signers["peer"], "JWT")
        return {"Authorization": f"Bearer {token}"}


def own_places(root: str, did: str) -> tuple[str, ...]:
    """What IRIs of a peer's own datasets may begin with: its root, and that of its DID if that is a did:web."""
    try:
        return f"{root}/", f"{dids.root_of(Did(did))}/"
    except PeerError:
        return (f"{root}/",)


def _named_root(did: str) -> str:
    """The place that a did:web names; empty for a DID that names none which we would call."""
    try:
        return dids.root_of(Did(did))
    except PeerError:
        return ""


def _present(answer: Answer) -> None:
    """Raises Unavailable if the peer cannot answer now: that is no word on what was asked for."""
    if answer.status >= 500 or answer.status in (408, 425, 429):
        raise Unavailable("peer.busy", status=answer.status)


async def _page(answer: Answer, did: str) -> tuple[list[m.Plain], int]:
    """Its datasets and their nodes, read beside the event loop: a page may be large, or in a form that takes long."""
    if answer.status != 200:
        raise Unavailable("peer.no-catalogue", status=answer.status)
    return await asyncio.to_thread(_read, answer, did)


def _read(answer: Answer, did: str) -> tuple[list[m.Plain], int]:
    found = listing.datasets(answer, did)
    return found, listing.nodes(found)
