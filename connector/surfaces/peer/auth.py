"""Who calls: a fresh ES256 token on every request, whose key the caller's DID document names (spec/trust.md 3).

Cheap checks first, the key late, and the token's id is remembered only after its signature held (`tokens.py`):
otherwise anybody could burn a victim's token (threat T05).
"""

from collections.abc import Awaitable, Callable

import msgspec
import structlog

from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Unauthenticated, Untimely
from connector.foundation.http.address import under_root
from connector.identity.participants.model import Participant
from connector.identity.trust.clock_skew import Skews
from connector.identity.trust.did.resolver import Resolver
from connector.identity.trust.keys import jose
from connector.identity.trust.members.claims import NO_GROUPS, OwnGroups, requester
from connector.identity.trust.members.trust_list import Anchor, Entry
from connector.kernel.policy.engine import Requester
from connector.surfaces.peer.addresses import needless

LIFE_S = 300

log = structlog.get_logger("peer")


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated member of the data space; `root` is where its connector lives: by its DID document, else as an
    operator entered it; None if nobody says."""

    did: str
    entry: Entry
    root: str | None
    jti: str
    second: int
    """The whole part of the token's `iat`."""
    entered: bool = True
    """Whether its root is what an operator entered, or nobody's word is needed: else the place has to prove itself."""

    groups: OwnGroups = NO_GROUPS
    """Groups that the called participant keeps."""
    before: tuple[str, ...] = ()
    """Whose place it has taken: what these began with whom it calls goes on with it."""

    @property
    def requester(self) -> Requester:
        return requester(self.entry, self.groups)


class Gatekeeper:
    """Authenticates requests to a participant's public surface; `entered` is what its operator entered for a DID."""

    def __init__(
        self,
        clock: Clock,
        resolver: Resolver,
        anchor: Anchor,
        entered: Callable[[str, str], Awaitable[str | None]],
        skews: Skews | None = None,
        groups: Callable[[str], OwnGroups] = lambda own: NO_GROUPS,
    ) -> None:
        """`groups` are those that a participant of ours (a DID) keeps itself."""
        self._groups = groups
        self._clock, self._resolver, self._anchor, self._entered = clock, resolver, anchor, entered
        self._skews = skews or Skews(clock)

    async def __call__(self, participant: Participant, authorization: str) -> Caller:
        """Raises Unauthenticated; PeerError or Unavailable if the caller's DID document cannot be had."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("peer.no-token")
        now = self._clock.now()
        unverified = jose.read(token)
        try:
            issuer = jose.check(unverified, aud=participant.did, now=now)
        except Untimely as untimely:
            await self._noted(unverified, untimely, participant.did, now)
            raise
        entry = self._anchor.between(participant.did, issuer, now)
        line = self._anchor.line_for(participant.did)
        if line.successor(issuer, now) is not None:
            raise Unauthenticated("peer.succeeded")
        kid = unverified.kid
        document = await self._resolver.of_caller(issuer, kid, participant.did)
        jwk = document.key(kid, "capabilityInvocation")
        claims = jose.proven(unverified, jwk)
        self._skews.agreed(issuer)
        said, root = document.root, document.root
        if said is None or not needless(issuer, said):
            entered = await self._entered(participant.id, issuer)
            root = said or entered
            trusted = entered is not None and root is not None and under_root(root, entered)
        else:
            trusted = True
        return Caller(
            did=issuer,
            entry=entry,
            root=root,
            jti=str(claims["jti"]),
            second=int(claims["iat"]),
            entered=trusted,
            groups=self._groups(participant.did),
            before=line.predecessors(issuer, now),
        )

    async def _noted(self, token: jose.Unverified, untimely: Untimely, own: str, now: int) -> None:
        """A member's clock differs from ours: told to the operator, once the signature shows that it is the member."""
        issuer = token.claims.get("iss")
        try:
            if not isinstance(issuer, str) or token.claims.get("sub") != issuer:
                return
            self._anchor.between(own, issuer, now)
            document = await self._resolver.document(issuer, own)
            jose.proven(token, document.key(token.kid, "capabilityInvocation"))
        except HanseError:
            return
        self._skews.note(issuer, -untimely.ms)
        log.warning("peer.clock", did=issuer, seconds=-untimely.ms // 1000)
