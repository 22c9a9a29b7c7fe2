"""A space as its authority keeps it: begun once, its rules, and who of its people may decide.

Nothing here signs: what a list has to say anew is counted in the transaction that changes it, and `issuing` makes the
next version. Who is invited, applies and belongs is said by the neighbours (spec/spaces.md 1).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from msgspec.structs import replace

from connector.data.approvals import decide as ballots
from connector.data.approvals.decide import NotYours
from connector.data.approvals.model import Voter
from connector.dataspace.spaces import application_store, documents, member_store, store
from connector.dataspace.spaces.decision import member_keys, rule_change, sealing
from connector.dataspace.spaces.documents import Description
from connector.dataspace.spaces.keeping import authority_key
from connector.dataspace.spaces.model import (
    SKEW_MS,
    Keys,
    Member,
    Rules,
    Space,
)
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.storage.database import SYSTEM, Database, Tx
from connector.identity.audit import store as audit
from connector.identity.participants.model import checked_name
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.keys.signing import Vault
from connector.identity.trust.members import pins
from connector.identity.trust.members.pin import URN, Pin
from connector.identity.trust.signers.port import Place

RECORD = "space"
"""Type of the log's records about a space."""
ROLE: Final = "steward"
OwnKeys = Callable[[Hosted], Awaitable[Keys]]
"""What a list has to say of the keys of a participant of ours."""


class People(Protocol):
    """Who may decide. Implemented by the directory of the accounts."""

    def signed_in(self, tx: Tx, slug: str, login: str) -> tuple[str, frozenset[str]] | None:
        """Pseudonym and roles of who signs in with that name."""

    def roles(self, tx: Tx, slug: str, pseudonym: str) -> frozenset[str]:
        """What somebody may do."""


class SpaceAuthority:
    """Of all participants of this process that have a space."""

    def __init__(
        self, db: Database, vault: Vault, participants: Participants, people: People, own_keys: OwnKeys
    ) -> None:
        self._db, self._vault, self._participants = db, vault, participants
        self._people, self._own_keys = people, own_keys

    async def create(
        self, slug: str, name: str, rules: Rules, place: Place | None = None, public_pem: str = ""
    ) -> Space:
        """A participant becomes the authority of a space, and its first member; the same again if it is one already.

        Raises Mistake if it is the authority of another, for a key that cannot sign lists, or for rules that nobody who
        applies could read.
        """
        hosted = await self._participants.get(slug)
        called, own = checked_name(name.strip()), member_keys.held_here(await self._own_keys(hosted))
        if not called:
            raise Mistake("spaces.name")
        made = (
            authority_key.generated(self._vault, slug)
            if place is None
            else authority_key.kept(self._vault, slug, place, public_pem)
        )
        return await self._db.write(slug, self._create, hosted, called, rules, made, own)

    def _create(self, tx: Tx, hosted: Hosted, name: str, rules: Rules, made: authority_key.Made, own: Keys) -> Space:
        slug, one = hosted.participant.id, hosted.participant
        known = store.space(tx, slug, lock=True)
        if known is not None:
            if (known.name, known.rules) != (name, rules):
                raise Mistake("spaces.is-authority", name=known.name)
            return known
        kid, jwk, kept = made
        space = Space(
            participant=slug,
            space=one.root + documents.PATH,
            name=name,
            authority=URN + jwk["kid"],
            kid=kid,
            jwk=jwk,
            rules=rules,
            changes=1,
            listed=0,
            next_update=0,
            created_at=tx.now,
        )
        said = documents.require_readable(documents.description(space, one.root, one.did))
        store.insert_space(tx, space, kept)
        first = Member(
            participant=slug,
            did=one.did,
            name=one.name,
            operator=one.operator,
            kind=one.kind,
            ars=one.publisher.ars or "",
            admin_level="",
            keys=own,
            succeeds=(),
            state="active",
            since=tx.now - SKEW_MS,
            until=None,
            suspended_since=None,
            reason="",
            application="",
            changed_at=tx.now,
            version=0,
        )
        member_store.put_member(tx, first)
        pins.pin(tx, one.did, pin_of(said))
        record(tx, hosted, "created", space=space.space, authority=space.authority)
        return space

    async def change_rules(self, slug: str, rules: Rules) -> Space:
        """Rules for whoever applies from now on; memberships stay as they are.

        Raises Mistake, as `create` does, and for what would let in with less somebody who waits.
        """
        hosted = await self._participants.get(slug)
        one = hosted.participant

        def unit(tx: Tx) -> Space:
            space = self.held(tx, slug, lock=True)
            if space.rules == rules:
                return space
            rule_change.require_nothing_opened(space.rules, rules, *_waiting(tx, slug))
            after = replace(space, rules=rules)
            documents.require_readable(documents.description(after, one.root, one.did))
            record(tx, hosted, "rules", tx.actor, approvals=str(rules.approvals), checklist=", ".join(rules.checklist))
            return store.save_space(tx, after)

        return await self._db.write(slug, unit)

    async def description(self, slug: str) -> Description:
        """What anybody may read of a space; raises Unknown."""
        hosted = await self._participants.get(slug)
        space = await self._db.read(slug, self.held, slug)
        return documents.description(space, hosted.participant.root, hosted.participant.did)

    def held(self, tx: Tx, slug: str, *, lock: bool = False) -> Space:
        """Raises Unknown for a participant without a space."""
        found = store.space(tx, slug, lock=lock)
        if found is None:
            raise Unknown("spaces.none", slug=slug[:80])
        return found

    def voter(self, tx: Tx, slug: str, login: str) -> Voter:
        """Who acts: the person of the session or key; on the operator's command line the one that it names.

        Raises NotYours if nobody is named or she may not; a name beside a session has to be her own.
        """
        named = self._people.signed_in(tx, slug, login) if login else None
        if tx.actor != SYSTEM:
            if login and (named is None or named[0] != tx.actor):
                raise NotYours("spaces.who")
            named = (tx.actor, self._people.roles(tx, slug, tx.actor))
        if named is None or ROLE not in named[1] or not named[0]:
            raise NotYours("spaces.who")
        return Voter(*named)


def _waiting(tx: Tx, slug: str) -> tuple[int, int]:
    """How many applications and seal certificates people have to decide on."""
    pending = application_store.applications(tx, slug, "pending")
    certificates = sum(len(sealing.waiting(one)) for one in member_store.members(tx, slug))
    return sum(ballots.expire(one.ballot, tx.now).state == "open" for one in pending), certificates


def record(tx: Tx, hosted: Hosted, event: str, who: str = SYSTEM, /, **facts: str) -> None:
    """Puts what happened to a space into the log of its authority, or of a member."""
    one = hosted.participant
    body: Mapping[str, object] = {"event": event, **facts}
    audit.append(tx, one.id, RECORD, None, who, body, did=one.did)


def pin_of(said: Description) -> Pin:
    return Pin(
        authority=said.authority, space=said.space, name=said.name, jwk=said.key, list_url=said.list, did=said.did
    )
