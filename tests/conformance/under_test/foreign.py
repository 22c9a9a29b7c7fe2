"""A connector among others that know neither did:web nor our tokens: fixed peers, plain http, loopback.

Everything else is the real thing: codec, kernel, outbox, worker, policy, seals, data plane.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from msgspec.structs import replace

from connector.app.ports import More, Ports
from connector.foundation.clock import Clock
from connector.foundation.errors import PeerError, Unauthenticated
from connector.foundation.http.outbound import Answer, SafeClient
from connector.identity.infra import Infra
from connector.identity.participants.model import Participant
from connector.identity.participants.service import Participants
from connector.identity.trust.assemble import TrustSlice
from connector.identity.trust.did import did as dids
from connector.identity.trust.keys.jwk import Jwk
from connector.identity.trust.members.trust_list import Anchor, Entry, TrustList
from connector.surfaces.peer.addresses import Addresses
from connector.surfaces.peer.auth import Caller
from connector.surfaces.peer.client.client import PeerClient
from tests.conformance.under_test.tape import Tape
from tests.testkit.cities import MUNICIPALITY

LOOPBACK = ("127.0.0.0/8", "::1/128")
SINCE = "2020-01-01T00:00:00Z"


@dataclass(frozen=True)
class Peer:
    """A peer as the test says that it is: `base` is its DSP base, `root` what its callbacks must lie below."""

    did: str
    root: str
    base: str
    kind: str = MUNICIPALITY
    groups: tuple[str, ...] = ()

    @property
    def entry(self) -> Entry:
        return Entry(
            did=self.did,
            name=self.did,
            operator=self.did,
            kind=self.kind,
            groups=self.groups,
            state="active",
            valid_from=SINCE,
        )


@dataclass(frozen=True)
class Foreign:
    """Who is there, and how one says who one is.

    `knows` gives the DID that an `Authorization` header stands for (None: nobody), `says` what we say at an address.
    """

    peers: Sequence[Peer]
    knows: Callable[[str], str | None]
    says: Callable[[Participant, Peer, str], str]
    tape: Tape = field(default_factory=Tape)
    timeout_s: float = 3.0

    def peer(self, did: str) -> Peer:
        for peer in self.peers:
            if peer.did == did:
                return peer
        raise PeerError("peer.no-address", did=did)


def participant_at(slug: str, root: str) -> Participant:
    """A participant whose root is plain http, which no management surface would let it have."""
    place = urlsplit(root)
    return Participant(
        id=slug,
        did=dids.of_root(root.replace("http://", "https://", 1)),
        root=root,
        host=place.netloc,
        path=place.path,
        name=slug,
        kind=MUNICIPALITY,
        operator=slug,
        state="active",
    )


def mock_identity(participant: Participant, peer: Peer, url: str) -> str:
    """What the mock identity of Eclipse EDC says and believes (spec/protocol.md 6.1)."""
    return json.dumps({"region": "eu", "audience": peer.base, "clientId": participant.did})


def mock_client(authorization: str) -> str | None:
    try:
        value = json.loads(authorization)
    except ValueError:
        return None
    return value.get("clientId") if isinstance(value, dict) else None


class FixedAnchor(Anchor):
    """A trust list that also names the foreign peers, and is always fresh."""

    def __init__(self, authority: Jwk, entries: Mapping[str, Entry]) -> None:
        super().__init__(authority)
        self._fixed = entries

    @property
    def current(self) -> TrustList:
        listed = super().current
        return replace(listed, participants=(*listed.participants, *self._fixed.values()))

    @property
    def entries(self) -> Mapping[str, Entry]:
        return {**super().entries, **self._fixed}

    def entry(self, did: str) -> Entry | None:
        return self.entries.get(did)

    def member(self, did: str, now: int) -> Entry:
        return self._fixed[did] if did in self._fixed else super().member(did, now)

    def fresh(self, now: int) -> bool:
        return True


class FixedGate:
    """Believes what the header says."""

    def __init__(self, foreign: Foreign, clock: Clock) -> None:
        self._foreign, self._clock = foreign, clock

    async def __call__(self, participant: Participant, authorization: str) -> Caller:
        did = self._foreign.knows(authorization)
        if did is None:
            raise Unauthenticated("peer.no-token")
        peer = self._foreign.peer(did)
        second = self._clock.now() // 1000
        return Caller(did=did, entry=peer.entry, root=peer.root, jti=secrets.token_hex(8), second=second)


class ForeignClient(PeerClient):
    """Calls the fixed peers, and puts what was said on the tape."""

    def __init__(
        self, foreign: Foreign, infra: Infra, participants: Participants, trust: TrustSlice, addresses: Addresses
    ) -> None:
        super().__init__(infra.db, infra.clock, infra.http, participants, trust.resolver, trust.anchor, None, addresses)
        self._foreign, self._hosts, self._out = foreign, participants, infra.http

    async def root(self, slug: str, did: str) -> str:
        return self._foreign.peer(did).root

    async def base(self, slug: str, did: str) -> str:
        return self._foreign.peer(did).base

    async def document(self, did: str, own: str = "") -> Mapping[str, object]:
        """These peers have no DID document; what is known of one stands in for it."""
        return self._standing_in(did) or await super().document(did)

    def known_document(self, did: str) -> Mapping[str, object] | None:
        return self._standing_in(did) or super().known_document(did)

    def _standing_in(self, did: str) -> Mapping[str, object] | None:
        return {"id": did} if any(did == peer.did for peer in self._foreign.peers) else None

    async def post(self, slug: str, did: str, url: str, body: bytes, limit: int | None = None) -> Answer:
        headers = {**self._says(slug, did, url), "Content-Type": "application/json"}
        with self._foreign.tape.out("POST", url, body) as note:
            return note(await self._out.post(url, body, headers=headers, limit=limit, total_s=self._foreign.timeout_s))

    async def get(
        self, slug: str, did: str, url: str, limit: int | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        headers = {**self._says(slug, did, url), **(headers or {})}
        with self._foreign.tape.out("GET", url, b"") as note:
            return note(await self._out.get(url, headers=headers, limit=limit, total_s=self._foreign.timeout_s))

    def _says(self, slug: str, did: str, url: str) -> dict[str, str]:
        participant = self._hosts.held(slug).participant
        return {"Authorization": self._foreign.says(participant, self._foreign.peer(did), url)}


def among(foreign: Foreign) -> Ports:
    """The ports of a connector among these peers; what it decides is its own."""
    return Ports(
        outbound=lambda settings: SafeClient(allow=LOOPBACK, insecure=True, total_s=foreign.timeout_s),
        tls=lambda settings: None,
        anchor=lambda authority: FixedAnchor(authority, {peer.did: peer.entry for peer in foreign.peers}),
        peer=partial(ForeignClient, foreign),
        authenticate=lambda infra, participants, trust: FixedGate(foreign, infra.clock),
        more=lambda *slices: More(middlewares=(foreign.tape.middleware(),)),
    )
