"""Who calls: a fresh ES256 token on every request, whose key the caller's DID document names (trust.md 3.2).

Cheap checks first, the key late, and the token's id is remembered only after its signature held, in the request's own
transaction: otherwise anybody could burn a victim's token (threat T05).
"""

from collections.abc import Awaitable, Callable

import msgspec

from connector.clock import Clock
from connector.errors import Unauthenticated
from connector.participants.model import Participant
from connector.peer.claims import seeker
from connector.policy.judge import Seeker
from connector.storage.database import Tx
from connector.trust import jose
from connector.trust.anchors import Anchor, Entry
from connector.trust.resolver import Resolver

LIFE_S = 300


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated member of the data space; `root` is where its connector lives: by its DID document, else as an
    operator entered it; None if nobody says."""

    did: str
    entry: Entry
    root: str | None
    jti: str
    expires_at: int

    @property
    def seeker(self) -> Seeker:
        return seeker(self.entry)


class Gatekeeper:
    """Authenticates requests to a participant's public surface; `entered` is what its operator entered for a DID."""

    def __init__(
        self, clock: Clock, resolver: Resolver, anchor: Anchor, entered: Callable[[str, str], Awaitable[str | None]]
    ) -> None:
        self._clock, self._resolver, self._anchor, self._entered = clock, resolver, anchor, entered

    async def __call__(self, participant: Participant, authorization: str) -> Caller:
        """Raises Unauthenticated; PeerError or Unavailable if the caller's DID document cannot be had."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("peer.no-token")
        now = self._clock.now()
        unverified = jose.read(token)
        issuer = jose.check(unverified, aud=participant.did, now=now)
        entry = self._anchor.member(issuer, now)
        document = await self._resolver.document(issuer)
        jwk = document.key(unverified.kid, "capabilityInvocation")
        claims = jose.proven(unverified, jwk)
        expires = int(claims["exp"] * 1000) + jose.LEEWAY_S * 1000
        root = document.root or await self._entered(participant.id, issuer)
        return Caller(did=issuer, entry=entry, root=root, jti=str(claims["jti"]), expires_at=expires)


def remember(tx: Tx, participant: str, caller: Caller) -> None:
    """What the request's transaction begins with: raises Unauthenticated if the token was used before."""
    fresh = tx.run(
        "INSERT INTO seen_token (participant, issuer, jti, expires_at)"
        " VALUES (:participant, :issuer, :jti, :expires_at) ON CONFLICT DO NOTHING",
        participant=participant,
        issuer=caller.did,
        jti=caller.jti,
        expires_at=caller.expires_at,
    )
    if not fresh:
        raise Unauthenticated("peer.replay")
