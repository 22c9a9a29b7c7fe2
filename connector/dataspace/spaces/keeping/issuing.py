"""Makes the versions of a space's list: many changes within a second are one version, and none is shown unsigned.

First the version is written with what it says, then it is signed, then the signature is written: whatever dies in
between, the next round signs the same bytes, so there are never two contents of one version. Each version is a record
of the authority's log, which witnesses vouch for (spec/spaces.md 4.1; threat T103).
"""

from hashlib import sha256

import structlog
from msgspec.structs import replace

from connector.dataspace.spaces import documents, member_store, recovery_store, store
from connector.dataspace.spaces.decision import membership, next_list
from connector.dataspace.spaces.keeping import authority_key, listing
from connector.dataspace.spaces.keeping.applications import expire
from connector.dataspace.spaces.keeping.authority import RECORD, OwnKeys
from connector.dataspace.spaces.keeping.hints import Hints
from connector.dataspace.spaces.keeping.memberships import Memberships, over
from connector.dataspace.spaces.keeping.recovery import ListRecovery
from connector.dataspace.spaces.model import DAY_MS, OVER, Member
from connector.foundation.errors import HanseError, PeerError
from connector.foundation.storage.database import Database, Tx
from connector.identity.audit import store as audit
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.keys.signing import Vault
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.source import TrustListSource
from connector.identity.trust.members.trust_list import TYP, millis, require_distinct, require_form
from connector.identity.trust.signers.port import SealKey
from connector.identity.trust.signers.registry import SignerRegistry

log = structlog.get_logger("spaces")
LOOK_S = 1.0


class ListIssuer:
    """For all spaces of this process; one replica at a time runs it."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        participants: Participants,
        elsewhere: SignerRegistry,
        anchors: AnchorOfSpaces,
        listing: TrustListSource,
        memberships: Memberships,
        own_keys: OwnKeys,
        hints: Hints,
        recovery: ListRecovery,
    ) -> None:
        self._db, self._vault, self._participants, self._elsewhere = db, vault, participants, elsewhere
        self._anchors, self._listing, self._memberships = anchors, listing, memberships
        self._own_keys, self._hints, self._recovery = own_keys, hints, recovery
        self._seen: dict[str, object] = {}

    async def work(self) -> None:
        """A round: what is due at each space of ours. What fails at one does not hold up the others."""
        found = await self._authorities()
        await self._recovery.first(found)
        for hosted in found:
            try:
                await self.issue(hosted)
            except HanseError as error:
                log.warning("spaces.list", participant=hosted.participant.id, why=str(error))

    async def issue(self, hosted: Hosted) -> bool:
        """Whether a version was made or signed; raises Unavailable while the keeper of the key cannot be reached."""
        slug = hosted.participant.id
        if not await self._recovery.settled(hosted):
            return False
        if self._seen.get(slug) is not hosted.keys:
            await self._memberships.own_keys(slug, await self._own_keys(hosted))
            self._seen[slug] = hosted.keys
        made = await self._db.write(slug, self._make, hosted)
        unsigned = await self._db.read(slug, store.newest_version, slug, signed=False)
        if unsigned is None or unsigned.jws:
            return made
        key = await self._db.read(slug, self._key, slug)
        jws = await documents.signed(unsigned.claims.encode(), key, TYP)
        await self._db.write(slug, self._signed, hosted, unsigned, jws)
        space = await self._db.read(slug, store.space, slug)
        if space is not None:
            await self._listing.look(space.authority)
            self._hints.tell(slug, space.space)
        return True

    async def newest(self, authority: str) -> str | None:
        """The newest signed list of an authority that this process hosts."""
        dids = {pin.did for pin in self._anchors.joined if pin.authority == authority}
        if not dids:
            return None
        for hosted in await self._participants.all():
            slug = hosted.participant.id
            space = await self._db.read(slug, store.space, slug) if hosted.participant.did in dids else None
            if space is None or space.authority != authority:  # a pin names anybody as its keeper
                continue
            if await self._db.read(slug, recovery_store.unsettled, slug):
                return None
            found = await self._db.read(slug, store.newest_version, slug, signed=True)
            return None if found is None else found.jws
        return None

    async def _authorities(self) -> list[Hosted]:
        """By the pins of this process: a space is pinned where it is begun."""
        own = {pin.did for pin in self._anchors.joined}
        return [one for one in await self._participants.all() if one.participant.did in own]

    def _key(self, tx: Tx, slug: str) -> SealKey:
        space = store.space(tx, slug)
        assert space is not None
        made = (space.kid, dict(space.jwk), store.secret(tx, slug))
        return authority_key.opened(self._vault, self._elsewhere, slug, made)

    def _make(self, tx: Tx, hosted: Hosted) -> bool:
        """Writes the next version, unsigned; False if nothing is due, or one waits for its signature."""
        slug = hosted.participant.id
        space = store.space(tx, slug, lock=True)
        newest = store.newest_version(tx, slug, signed=False)
        if space is None or (newest is not None and not newest.jws) or recovery_store.unsettled(tx, slug):
            return False
        expire(tx, hosted)
        if self._terms(tx, hosted):
            space = replace(space, changes=space.changes + 1)
        if not next_list.due(space, tx.now):
            return False
        following = listing.following(tx, space, newest)
        require_form(following)
        require_distinct(following)
        claims = listing.claims_of(following)
        listing.require_readable(claims)
        digest = sha256(claims.encode()).hexdigest()
        store.insert_version(tx, slug, following.version, claims, digest)
        store.save_space(tx, replace(space, listed=space.changes, next_update=millis(following.next_update)))
        body = {"event": "list", "space": space.space, "version": following.version, "claims": digest}
        audit.append(tx, slug, RECORD, None, "system", body, did=hosted.participant.did)
        return True

    def _terms(self, tx: Tx, hosted: Hosted) -> bool:
        """Renews what renews itself, and books what has ended; whether anything changed."""
        slug = hosted.participant.id
        space = store.space(tx, slug)
        assert space is not None
        changed, gone = False, list[str]()
        for one in member_store.ending(tx, slug, tx.now + space.rules.renew_days * DAY_MS):
            after = self._after(one, tx.now, membership.renewed(one, space.rules, tx.now))
            if after is not None:
                member_store.put_member(tx, after)
                if after.state in OVER:
                    gone.append(one.did)
                event = "renewed" if after.state == one.state else after.state
                body = {"event": event, "did": one.did}
                audit.append(tx, slug, RECORD, None, "system", body, did=hosted.participant.did)
                changed = True
        if gone:  # only now: it changes rows of others, which may be among these
            over(tx, hosted, *gone)
        return changed

    def _after(self, one: Member, now: int, renewed: Member | None) -> Member | None:
        return membership.step(one, "ended", now) if membership.lapsed(one, now) else renewed

    def _signed(self, tx: Tx, hosted: Hosted, version: store.Version, jws: str) -> None:
        slug = hosted.participant.id
        if sha256(version.claims.encode()).hexdigest() != version.sha256:
            raise PeerError("trust.list-form")
        store.space(tx, slug, lock=True)
        recovery_store.require_settled(tx, slug)
        if store.sign_version(tx, slug, version.version, jws):
            log.info("spaces.list", participant=slug, version=version.version)
