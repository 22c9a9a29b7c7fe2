"""What becomes of a membership: suspended, resumed, ended by the authority or by the member, with other keys.

A member asks by a statement that a key signs which the list names already: whoever took over its domain has none of
those, and one stolen key is withdrawn by the other (spec/spaces.md 4.3, 4.4; threat T105).
"""

from collections.abc import Sequence
from typing import Final

from cryptography import x509
from msgspec.structs import replace

from connector.dataspace.spaces import documents, group_store, member_store, store
from connector.dataspace.spaces.decision import member_keys, membership, next_list, sealing
from connector.dataspace.spaces.documents import Description, RequestClaims
from connector.dataspace.spaces.keeping import listing
from connector.dataspace.spaces.keeping.applications import Applications
from connector.dataspace.spaces.keeping.authority import SpaceAuthority, pin_of, record
from connector.dataspace.spaces.keeping.groups import SpaceGroups
from connector.dataspace.spaces.keeping.mergers import Mergers, fall
from connector.dataspace.spaces.model import (
    BARE_BYTES,
    GROUP_REQUESTS,
    OVER,
    REQUESTS,
    TRIES_MS,
    WITHDRAWALS,
    Keys,
    Member,
    MemberState,
    RecognisedAuthority,
)
from connector.foundation.clock import Clock
from connector.foundation.errors import Mistake, PeerError, Unauthenticated, Unknown
from connector.foundation.http.refusals import TooMany
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants import handover
from connector.identity.participants.handover import Handover
from connector.identity.participants.service import Hosted, Participants
from connector.identity.participants.withdrawal_code import code_digest
from connector.identity.trust.did import did as dids
from connector.identity.trust.did.documents import DidDocument
from connector.identity.trust.did.resolver import Resolver
from connector.identity.trust.keys import jose
from connector.identity.trust.keys.jwk import Jwk, thumbprint
from connector.identity.trust.keys.signing import AGENT

_MOST: Final = {"keys": REQUESTS, "merge": REQUESTS, "merge-withdraw": WITHDRAWALS, "group": GROUP_REQUESTS}
"""Requests of one order that are taken of a member in an hour, before one of this kind."""


class Memberships:
    """Memberships of all spaces that participants of this process keep."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        resolver: Resolver,
        authority: SpaceAuthority,
        applications: Applications,
        groups: SpaceGroups,
        mergers: Mergers,
        roots: Sequence[x509.Certificate],
    ) -> None:
        self._db, self._clock, self._participants = db, clock, participants
        self._resolver, self._authority = resolver, authority
        self._applications, self._groups, self._mergers, self._roots = applications, groups, mergers, roots

    async def all(self, slug: str) -> Sequence[Member]:
        """Everybody who ever was a member, by name; raises Unknown without a space."""
        await self._participants.get(slug)
        await self._db.read(slug, self._authority.held, slug)
        return await self._db.read(slug, member_store.members, slug)

    async def listed_keys(self, slug: str, did: str) -> Keys:
        """Keys of a member; raises Unauthenticated for a DID that is no member now."""
        found = await self._db.read(slug, member_store.known, slug, did)
        if found is None or found.state in OVER:
            raise Unauthenticated("trust.not-listed")
        return found.keys

    async def change(self, slug: str, did: str, state: MemberState, reason: str, login: str = "") -> Member:
        """Suspends, resumes or expels a member, by the word of a person; raises Unknown, Mistake or NotYours.

        Whose keys were struck comes back once its DID document names none of them.
        """
        hosted = await self._participants.get(slug)
        if state == "active":
            await self._require_clean(slug, did)

        def unit(tx: Tx) -> Member:
            self._authority.held(tx, slug, lock=state in OVER)  # else somebody says to be part of it meanwhile, unseen
            voter, found = self._authority.voter(tx, slug, login), self._member(tx, slug, did)
            if did == hosted.participant.did:
                raise Mistake("spaces.oneself")
            if found.state == state:
                return found
            saved = member_store.put_member(tx, membership.step(found, state, tx.now, reason))
            if saved.state in OVER:
                over(tx, hosted, did)
            store.changed(tx, slug)
            record(tx, hosted, state, voter.who, did=did, reason=reason)
            return saved

        return await self._db.write(slug, unit)

    async def renew(self, slug: str, did: str, login: str = "") -> Member:
        """A new term from now on, by the word of a person; raises Unknown, Mistake or NotYours."""
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> Member:
            space = self._authority.held(tx, slug)
            voter, found = self._authority.voter(tx, slug, login), self._member(tx, slug, did)
            if did == hosted.participant.did:
                raise Mistake("spaces.oneself")
            after = membership.extended(found, space.rules, tx.now)
            if after == found:
                return found
            saved = member_store.put_member(tx, after)
            store.changed(tx, slug)
            record(tx, hosted, "renewed", voter.who, did=did)
            return saved

        return await self._db.write(slug, unit)

    async def _require_clean(self, slug: str, did: str) -> None:
        """Raises Mistake while somebody whose mandate was ended could sign, Unavailable if that cannot be seen."""
        found = await self._db.read(slug, member_store.known, slug, did)
        if found is not None and found.keys.struck:
            if not found.keys.keys:
                raise Mistake("spaces.keyless", did=did[:200])
            shown = (await self._resolver.served(did)).thumbprints()
            if frozenset().union(*shown.values()) & set(found.keys.struck):
                raise Mistake("spaces.struck-key", did=did[:200])

    async def strike(self, slug: str, did: str, code: str, login: str = "") -> Member:
        """Ends a mandate of a member by the code that its town kept (spec/mandates.md 5.2); again: the same.

        Raises Unknown, Mistake for a code that is none of this member's, NotYours.
        """
        hosted, digest = await self._participants.get(slug), code_digest(code)

        def unit(tx: Tx) -> Member:
            self._authority.held(tx, slug)
            voter, found = self._authority.voter(tx, slug, login), self._member(tx, slug, did)
            after = membership.struck(found, digest, tx.now)
            if after == found:
                return found
            saved = member_store.put_member(tx, after)
            store.changed(tx, slug)
            record(tx, hosted, "mandate ended", voter.who, did=did, code=digest)
            return saved

        return await self._db.write(slug, unit)

    async def own_keys(self, slug: str, keys: Keys) -> None:
        """The list names these keys of the authority itself from now on."""
        hosted = await self._participants.get(slug)
        said = replace(member_keys.held_here(keys), asked=sealing.brought(sealing.own(hosted.keys, keys)))

        def unit(tx: Tx) -> None:
            found = self._member(tx, slug, hosted.participant.did)
            self._keys(tx, hosted, found, said)

        await self._db.write(slug, unit)

    async def receive(self, slug: str, statement: str) -> None:
        """A request that a member signed; raises Unauthenticated, PeerError or Unavailable."""
        hosted = await self._participants.get(slug)
        issuer, said = documents.read(statement, hosted.participant.did, self._clock.now(), documents.REQUEST)
        did = dids.parse(issuer)
        await self._db.read(slug, self._authority.held, slug)
        before = await self._db.read(slug, member_store.known, slug, did)
        if said.claims.get("request") == "move":
            return await self._receive_move(hosted, did, said, statement)
        if before is None or before.state not in ("active", "suspended"):
            return await self._take_back(hosted, did, said, statement)
        document = await self._resolver.served(did)
        claims = documents.request_of(said, listed_key(document, said.kid, before.keys))
        if claims.request == "keys":
            claims = self._with_checked_keys(claims, document, before.keys)
        return await self._db.write(slug, self._receive_listed, hosted, did, claims, said, statement)

    async def _take_back(self, hosted: Hosted, did: dids.Did, said: jose.Unverified, statement: str) -> None:
        """An applicant leaves before it is a member, or just when it becomes one; whoever has not applied makes us
        fetch nothing."""
        slug = hosted.participant.id
        if not await self._applications.waiting(slug, did):
            raise Unauthenticated("trust.not-listed")
        document = await self._resolver.served(did)
        claims = documents.request_of(said, _own_key(document, said.kid))
        if claims.request != "leave":
            raise Unauthenticated("trust.not-listed")

        def unit(tx: Tx) -> bool:
            if claims.space != self._authority.held(tx, slug).space:
                raise PeerError("spaces.statement")
            return self._applications.take_back(tx, hosted, did)

        if not await self._db.write(slug, unit):
            await self.receive(slug, statement)

    async def _receive_move(self, hosted: Hosted, did: dids.Did, said: jose.Unverified, statement: str) -> None:
        """Two keys say it: one of the member that the list names, in its statement, and one of the new DID. Nothing is
        fetched from where the new DID lies before the member was heard."""
        slug, told = hosted.participant.id, str(said.claims.get("statement", ""))
        try:
            old, kid = handover.signer_of(told)
        except Mistake as cause:
            raise PeerError("spaces.statement") from cause
        before = await self._db.read(slug, member_store.known, slug, old)
        if before is None:
            raise Unauthenticated("trust.not-listed")
        word = await self._read_handover(dids.parse(old), did, told, kid, before)
        document = await self._resolver.served(did)
        claims = documents.request_of(said, document.key(said.kid, "capabilityInvocation"))
        claims = self._with_checked_keys(claims, document, before.keys)
        return await self._db.write(slug, self._move, hosted, did, kid, claims, word)

    def _with_checked_keys(self, claims: RequestClaims, document: DidDocument, before: Keys) -> RequestClaims:
        """With what may be believed of the keys that it says; raises PeerError."""
        believed = member_keys.SealAnchors(self._roots, before, claims.space, claims.witness_proof, claims.certificates)
        keys = member_keys.checked_keys(
            claims.keys, claims.agent, document, dids.host_of(document.did), believed, self._clock.now()
        )
        return replace(claims, keys=keys)

    async def _read_handover(self, old: dids.Did, did: str, told: str, kid: str, before: Member) -> Handover:
        """What the member said of its move; Unauthenticated unless it is about this DID, by a key that is listed."""
        jwk = left_key(await self._resolver.served(old), kid, before.keys, did)
        try:
            word = handover.read(told, jwk)
        except Mistake as cause:
            raise Unauthenticated("spaces.unlisted-key") from cause
        if (word.word, word.origin, word.to) != ("handed", old, did):
            raise Unauthenticated("spaces.unlisted-key")
        return word

    def _move(self, tx: Tx, hosted: Hosted, did: str, kid: str, claims: RequestClaims, word: Handover) -> None:
        """The member has left, and the new DID stands in its place from the same moment on; again is the same."""
        slug = hosted.participant.id
        space = self._authority.held(tx, slug, lock=True)  # else somebody says to be part of it meanwhile, unseen
        found = self._member(tx, slug, word.origin)
        if claims.space != space.space:
            raise PeerError("spaces.statement")
        known = member_store.member(tx, slug, did)
        if known is not None and any(before == word.origin for before, _ in known.succeeds):
            return
        if found.state in OVER or known is not None:
            raise Unauthenticated("trust.not-listed")
        listed_again(kid, found.keys)
        operators = (one for _, one in member_store.names(tx, slug, did))
        operator = membership.operator_of(claims.operator, operators)
        after = membership.moved(found, did, claims.keys or Keys(), operator, tx.now)
        next_list.require_listable(after, tx.now)
        member_store.put_member(tx, membership.step(found, "left", tx.now))
        member_store.put_member(tx, after)
        group_store.hand_on(tx, slug, found.did, did)
        self._mergers.moved(tx, hosted, found, after)
        store.changed(tx, slug)
        listing.require_room(tx, slug)
        record(tx, hosted, "moved", did=found.did, to=did)

    def _receive_listed(
        self, tx: Tx, hosted: Hosted, did: str, claims: RequestClaims, said: jose.Unverified, statement: str
    ) -> None:
        slug, asked_at = hosted.participant.id, int(said.claims["iat"] * 1000)
        # Before the member, as who decides does.
        space = self._authority.held(tx, slug, lock=claims.order in ("merge", "leave"))
        found = self._member(tx, slug, did)
        if claims.space != space.space:
            raise PeerError("spaces.statement")
        if claims.request != "keys" and len(statement) > BARE_BYTES:
            raise PeerError("spaces.statement")
        listed_again(said.kid, found.keys)
        newest = member_store.newest_request(tx, slug, did, claims.order)
        most = _MOST.get(claims.request) or _MOST.get(claims.order)
        taken = member_store.taken_requests(tx, slug, did, claims.order, tx.now - TRIES_MS)
        if not member_store.take_request(tx, slug, did, str(said.claims["jti"]), claims.order, statement, asked_at):
            return
        if asked_at < newest:
            raise PeerError("spaces.old-request")
        if most is not None and taken >= most:
            raise TooMany("spaces.requests")
        if claims.request == "keys":
            self._keys(tx, hosted, found, claims.keys or Keys())
        elif claims.order == "group":
            self._groups.receive(tx, hosted, found, claims)
        elif claims.order == "merge":
            self._mergers.receive(tx, hosted, found, claims)
        else:
            member_store.put_member(tx, membership.step(found, "left", tx.now))
            over(tx, hosted, did)
            store.changed(tx, slug)
            record(tx, hosted, "left", did=did)

    def _keys(self, tx: Tx, hosted: Hosted, found: Member, keys: Keys) -> None:
        after = member_keys.with_keys(found, keys, tx.now)
        if after.keys == found.keys:
            return
        next_list.require_listable(after, tx.now)
        member_store.put_member(tx, after)
        store.changed(tx, hosted.participant.id)
        if found.did != hosted.participant.did:  # its own the authority always says
            listing.require_room(tx, hosted.participant.id, replaces=not member_keys.more_keys(found.keys, after.keys))
        record(tx, hosted, "keys", did=found.did, keys=documents.digest_of(replace(keys, asked=())))

    def _member(self, tx: Tx, slug: str, did: str) -> Member:
        found = member_store.member(tx, slug, did)
        if found is None:
            raise Unknown("spaces.no-member", did=did[:200])
        return found

    # Recognition

    async def recognise(self, slug: str, said: Description, kinds: Sequence[str], login: str = "") -> None:
        """Members of another space count as members here; whoever asks has compared its fingerprint."""
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> None:
            space, voter = self._authority.held(tx, slug), self._authority.voter(tx, slug, login)
            if said.authority == space.authority:
                raise Mistake("spaces.oneself")
            pin = pin_of(said)
            member_store.put_recognised(
                tx,
                RecognisedAuthority(
                    participant=slug,
                    authority=pin.authority,
                    space=pin.space,
                    name=pin.name,
                    did=pin.did,
                    jwk=pin.jwk,
                    list_url=pin.list_url,
                    kinds=tuple(kinds),
                    since=tx.now,
                ),
            )
            store.changed(tx, slug)
            listing.require_room(tx, slug)
            record(tx, hosted, "recognised", voter.who, space=said.space, authority=said.authority)

        await self._db.write(slug, unit)

    async def forget(self, slug: str, authority: str, login: str = "") -> None:
        """Makes members of that authority strangers again; raises Unknown."""
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> None:
            voter = self._authority.voter(tx, slug, login)
            if not member_store.drop_recognised(tx, slug, authority):
                raise Unknown("spaces.no-member", did=authority[:200])
            store.changed(tx, slug)
            record(tx, hosted, "recognised no more", voter.who, authority=authority)

        await self._db.write(slug, unit)

    async def recognised(self, slug: str) -> Sequence[RecognisedAuthority]:
        return await self._db.read(slug, member_store.recognised, slug)


def over(tx: Tx, hosted: Hosted, *dids: str) -> None:
    """Whose membership is over is in no group any more, and nobody becomes part of it."""
    for did in dids:
        group_store.end(tx, hosted.participant.id, did=did)
    fall(tx, hosted, dids)


def listed_key(document: DidDocument, kid: str | None, keys: Keys) -> Jwk:
    """The key of a statement, if the list names it already; Unauthenticated otherwise."""
    for relation in ("capabilityInvocation", "assertionMethod"):
        jwk = document.keys.get(relation, {}).get(kid or "")
        if jwk is not None and thumbprint(jwk) in keys.keys:
            return jwk
    raise Unauthenticated("spaces.unlisted-key")


def _own_key(document: DidDocument, kid: str | None) -> Jwk:
    """Of an applicant, whom no list names yet: the key of its seals counts too, for under a mandate the town has no
    other, and its agent does not speak for it (spec/mandates.md 4)."""
    if kid is not None and document.names(kid, "assertionMethod"):
        return document.key(kid, "assertionMethod")
    return document.key(kid, "capabilityInvocation")


def left_key(document: DidDocument, kid: str, keys: Keys, heir: str) -> Jwk:
    """The same of a member that has moved: its document names the heir, and signs no tokens any more."""
    methods, others = (document.raw.get(name) for name in ("verificationMethod", "alsoKnownAs"))
    if isinstance(methods, list) and isinstance(others, list) and heir in others:
        for one in methods:
            jwk = one.get("publicKeyJwk") if isinstance(one, dict) and one.get("id") == kid else None
            if isinstance(jwk, dict) and thumbprint(jwk) in keys.keys:
                return jwk
    raise Unauthenticated("spaces.unlisted-key")


def listed_again(kid: str | None, keys: Keys) -> None:
    """The same inside the transaction: another request may have taken that key off the list meanwhile."""
    if (kid or "").rpartition("#")[2].removeprefix(AGENT) not in keys.keys:
        raise Unauthenticated("spaces.unlisted-key")
