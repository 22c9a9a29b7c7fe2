"""Requests to other connectors in the name of a participant: each with a fresh token, only below the peer's root."""

import secrets

from connector.clock import Clock
from connector.contracts.partner import Partner
from connector.errors import PeerError, Unavailable
from connector.http import strict
from connector.http.address import under_root
from connector.http.outbound import Answer, SafeClient
from connector.participants.service import Hosted, Participants
from connector.peer.auth import LIFE_S, seeker
from connector.protocol import codec
from connector.protocol import messages as m
from connector.storage.database import Database
from connector.trust.anchors import Anchor
from connector.trust.jose import sign_jwt
from connector.trust.resolver import Resolver

CATALOGUE_LIMIT = 1_048_576
CATALOGUE_NODES = 100_000
MESSAGE_S = 8.0
PAGES = 50


class PeerClient:
    """Implements the ports `Post` of delivery and `Fetch` of the signing desk."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        http: SafeClient,
        participants: Participants,
        resolver: Resolver,
        anchor: Anchor,
    ) -> None:
        self._db, self._clock, self._http, self._participants = db, clock, http, participants
        self._resolver, self._anchor = resolver, anchor

    async def partner(self, slug: str, did: str) -> Partner:
        """A member of the data space and its root; raises Unauthenticated, PeerError or Unavailable."""
        entry = self._anchor.member(did, self._clock.now())
        root = await self.root(slug, did)
        return Partner(did=did, name=entry.name, seeker=seeker(entry), root=root, base=await self.base(slug, did))

    async def base(self, slug: str, did: str) -> str:
        """Where the peer speaks DSP 2025-1."""
        return f"{await self.root(slug, did)}/2025-1"

    async def root(self, slug: str, did: str) -> str:
        """From the DID document's DataService, else what an operator entered (architecture.md 3a)."""
        document = await self._resolver.document(did)
        root = document.root or await self._participants.entered_root(slug, did)
        if root is None:
            raise PeerError("peer.no-address", did=did)
        return root

    async def post(self, slug: str, did: str, url: str, body: bytes, limit: int | None = None) -> Answer:
        await self._below(slug, did, url)
        headers = {**await self._token(slug, did), "Content-Type": "application/json"}
        return await self._http.post(url, body, headers=headers, limit=limit, total_s=MESSAGE_S)

    async def get(self, slug: str, did: str, url: str, limit: int | None = None) -> Answer:
        """A connection that breaks is tried once more, with a token of its own: the first may have been used up."""
        await self._below(slug, did, url)
        try:
            return await self._http.get(url, headers=await self._token(slug, did), limit=limit, total_s=MESSAGE_S)
        except Unavailable as broken:
            if broken.code != "http.unreachable":
                raise
        return await self._http.get(url, headers=await self._token(slug, did), limit=limit, total_s=MESSAGE_S)

    async def fetch(self, hosted: Hosted, did: str, url: str) -> bytes:
        """The bytes of a signed object; raises PeerError if the peer does not give them."""
        answer = await self.get(hosted.participant.id, did, url)
        if answer.status >= 500 or answer.status == 429:
            raise Unavailable("peer.busy", status=answer.status)
        if answer.status != 200:
            raise PeerError("peer.no-object", status=answer.status)
        return answer.body

    async def catalogue(self, slug: str, did: str) -> list[m.Plain]:
        """All datasets that the peer shows us, page by page."""
        url: str | None = f"{await self.root(slug, did)}/2025-1/catalog/request"
        body = codec.encode(m.CatalogRequestMessage())
        found: list[m.Plain] = []
        for _ in range(PAGES):
            if url is None:
                break
            answer = await self.post(slug, did, url, body, limit=CATALOGUE_LIMIT)
            if answer.status != 200:
                raise Unavailable("peer.no-catalogue", status=answer.status)
            found += _catalogue(answer).dataset or []
            url = _following(answer.headers.get("Link", ""))
        return found

    async def dataset(self, slug: str, did: str, dataset: str) -> m.Plain:
        """One dataset with its offers as the peer shows them now; raises PeerError if it shows none."""
        url = f"{await self.root(slug, did)}/2025-1/catalog/datasets/{dataset.rsplit('/', 1)[-1]}"
        answer = await self.get(slug, did, url, limit=CATALOGUE_LIMIT)
        if answer.status != 200:
            raise PeerError("peer.no-dataset", status=answer.status)
        try:
            found = codec.decode(m.Dataset, strict.loads(answer.body, limit=CATALOGUE_LIMIT, nodes=CATALOGUE_NODES))
        except codec.Malformed as fault:
            raise PeerError("peer.answer", pointer=fault.pointer) from fault
        return codec.plain(found)

    async def _below(self, slug: str, did: str, url: str) -> None:
        """Our token goes nowhere but to the peer it is for (threat T01)."""
        if not under_root(url, await self.root(slug, did)):
            raise PeerError("peer.foreign-address")

    async def _token(self, slug: str, did: str) -> dict[str, str]:
        hosted = await self._participants.get(slug)
        now = self._clock.now() // 1000
        claims = {
            "iss": hosted.participant.did, "sub": hosted.participant.did, "aud": did, "iat": now, "exp": now + LIFE_S,
            "jti": secrets.token_urlsafe(18),
        }  # fmt: skip
        return {"Authorization": f"Bearer {sign_jwt(claims, hosted.signers['peer'])}"}


def _catalogue(answer: Answer) -> m.Catalog:
    try:
        return codec.decode(m.Catalog, strict.loads(answer.body, limit=CATALOGUE_LIMIT, nodes=CATALOGUE_NODES))
    except codec.Malformed as fault:
        raise PeerError("peer.answer", pointer=fault.pointer) from fault


def _following(link: str) -> str | None:
    """The address of `rel="next"` (RFC 8288); it must lie below the peer's root like any other."""
    for part in link.split(","):
        target, _, parameters = part.strip().partition(">")
        if target.startswith("<") and 'rel="next"' in parameters:
            return target[1:]
    return None
