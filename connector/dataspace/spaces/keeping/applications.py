"""Applications to a space: taken from whom a DID document names, looked at by people, and decided.

A pending applicant has a row and nothing else (spec/spaces.md 3; threats T29, T30, T102).
"""

from collections.abc import Hashable, Iterable, Sequence
from hashlib import sha256

from cryptography import x509
from msgspec.structs import replace

from connector.data.approvals import decide as ballots
from connector.data.approvals.decide import NotYours
from connector.data.approvals.model import Ballot
from connector.dataspace.spaces import application_store, documents, group_store, member_store, store
from connector.dataspace.spaces.decision import member_keys, membership, next_list, sealing
from connector.dataspace.spaces.documents import ApplicationClaims, Receipt
from connector.dataspace.spaces.keeping import listing
from connector.dataspace.spaces.keeping.authority import SpaceAuthority, record
from connector.dataspace.spaces.model import (
    APPLICATION_MS,
    MOST_TRIES,
    OVER,
    TRIES,
    TRIES_MS,
    Application,
    Attachment,
    Check,
    Invitation,
    Member,
    Rules,
    Space,
)
from connector.foundation.clock import Clock
from connector.foundation.errors import Mistake, PeerError, Unavailable, Unknown
from connector.foundation.http.pace import Pace
from connector.foundation.http.refusals import TooMany
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Database, Tx
from connector.identity.accounts import secret
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.did import did as dids
from connector.identity.trust.did.did import Did
from connector.identity.trust.did.documents import DidDocument
from connector.identity.trust.did.resolver import Resolver
from connector.identity.trust.keys.jwk import decode
from connector.verify.formats import names


class Applications:
    """Applications to all spaces that participants of this process keep."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        resolver: Resolver,
        authority: SpaceAuthority,
        roots: Sequence[x509.Certificate],
    ) -> None:
        self._db, self._clock, self._participants = db, clock, participants
        self._resolver, self._authority, self._roots = resolver, authority, roots
        self._wrong = Pace(_Hours(clock), burst=TRIES, per_s=TRIES)

    async def apply(self, slug: str, statement: str, caller: Hashable = None) -> Receipt:
        """Takes a signed application: from whom its DID document says, for a code that was made for such a place.

        A code that nobody made lets nobody make us fetch a document; `caller` may try five an hour.

        Raises Unauthenticated, WrongCode, TooMany, PeerError or Unavailable; nothing is kept of what is not signed.
        """
        hosted = await self._participants.get(slug)
        issuer, said = documents.read(statement, hosted.participant.did, self._clock.now(), documents.APPLICATION)
        did = dids.parse(issuer)
        if not await self._db.read(slug, self._known_code, slug, said.claims.get("code")):
            self._wrong.spend(caller)
            raise membership.WrongCode("spaces.code")
        document, expected = await self._document(did)
        claims = documents.application_of(said, document.key(said.kid, "capabilityInvocation"))
        keys = member_keys.checked_keys(
            claims.keys,
            claims.agent,
            document,
            dids.host_of(did),
            member_keys.SealAnchors(self._roots, None, claims.space, claims.witness_proof, claims.certificates),
            self._clock.now(),
        )
        claims = replace(claims, keys=keys)
        taken = await self._db.write(slug, self._apply, hosted, did, claims, statement, expected)
        if isinstance(taken, PeerError):
            raise taken
        return receipt(taken)

    async def _document(self, did: Did) -> tuple[DidDocument, bool]:
        """That of an applicant, and whether its keys follow those that were known here.

        Who lost all its keys comes back by an application: people decide whether it is the town, and see this.
        """
        try:
            return await self._resolver.document(did), True
        except Unavailable as held:
            if held.code != "trust.key-change":
                raise
            return await self._resolver.served(did), False

    def _known_code(self, tx: Tx, slug: str, code: object) -> bool:
        self._authority.held(tx, slug)
        return isinstance(code, str) and application_store.known_code(tx, slug, secret.digest(code))

    def _apply(
        self, tx: Tx, hosted: Hosted, did: Did, claims: ApplicationClaims, statement: str, expected: bool
    ) -> Application | PeerError:
        """A wrong code is noted, therefore it is no error inside the transaction."""
        slug, host = hosted.participant.id, dids.host_of(did)
        space = self._authority.held(tx, slug, lock=True)
        if claims.space != space.space:
            raise PeerError("spaces.statement")
        found = application_store.invitation_of(tx, slug, secret.digest(claims.code))
        if found is not None and found.application is not None:
            before = application_store.application(tx, slug, found.application)
            if before is not None and before.did == did:
                return before
        own, altogether = application_store.tries(tx, slug, did)
        if own >= TRIES:
            return TooMany("spaces.tries")
        if (refused := _refusal(found, host, claims, tx.now)) is not None:
            if altogether >= MOST_TRIES:  # of names that somebody makes up; whose code is right is held up by none
                return TooMany("spaces.tries")
            application_store.note_try(tx, slug, did, host)
            record(tx, hosted, "wrong code", did=did)
            return refused
        assert found is not None
        expire(tx, hosted)
        former = self._require_new(tx, slug, did)
        known = member_store.names(tx, slug, did)
        membership.require_own_operator(claims.operator, (operator for _, operator in known))
        membership.require_shown(claims.name)
        kept = self._attachments(tx, slug, claims, space.rules)
        if not found.kind:
            membership.require_kind(claims.kind, space.rules)
        made = Application(
            participant=slug,
            id=new_uuid(),
            did=did,
            invitation=found.id,
            name=claims.name,
            operator=claims.operator,
            kind=claims.kind,
            ars=claims.ars,
            document=statement,
            keys=claims.keys,
            checks=(*_found_out(found, claims, host, tx.now, expected), *_alike(known, found.name, claims, tx.now)),
            attachments=kept,
            asked_at=tx.now,
            ballot=Ballot(stewards=space.rules.approvals, protection=0, drafter="", due_at=tx.now + APPLICATION_MS),
        )
        next_list.require_listable(membership.admitted(made, found, space.rules, tx.now, former), tx.now)
        application_store.insert_application(tx, made)
        application_store.end_invitation(tx, found, "used", made.id)
        record(tx, hosted, "applied", application=made.id, did=did, statement=sha256(statement.encode()).hexdigest())
        return made

    def _require_new(self, tx: Tx, slug: str, did: str) -> Member | None:
        """The member that it was before."""
        member = member_store.member(tx, slug, did)
        if member is not None and member.state in ("active", "suspended"):
            raise PeerError("spaces.member-already", did=did)
        if application_store.open_application(tx, slug, did) is not None:
            raise PeerError("spaces.applied-already", did=did)
        return member

    def _attachments(self, tx: Tx, slug: str, claims: ApplicationClaims, rules: Rules) -> tuple[Attachment, ...]:
        """Keeps what came by its digest; raises PeerError if the rules ask for more."""
        missing = set(rules.documents) - {one.name for one in claims.documents}
        if missing:
            raise PeerError("spaces.documents", missing=", ".join(sorted(missing)))
        kept = []
        for one in claims.documents:
            try:
                body = decode(one.content)
            except ValueError as cause:
                raise PeerError("spaces.statement") from cause
            digest = sha256(body).hexdigest()
            application_store.keep_evidence(tx, slug, digest, one.media_type, body)
            kept.append(Attachment(name=one.name, media_type=one.media_type, sha256=digest, size=len(body)))
        return tuple(kept)

    async def waiting(self, slug: str, did: str) -> bool:
        """Whether an application of that DID is open."""
        return await self._db.read(slug, application_store.open_application, slug, did) is not None

    def take_back(self, tx: Tx, hosted: Hosted, did: str) -> bool:
        """The applicant does not want to be a member any more; False if nothing of it is open."""
        found = application_store.open_application(tx, hosted.participant.id, did)
        if found is None:
            return False
        application_store.save_application(tx, replace(found, ballot=ballots.withdraw(found.ballot), decided_at=tx.now))
        record(tx, hosted, "withdrawn", application=found.id, did=did)
        return True

    async def state(self, slug: str, id: str, did: str) -> Receipt:
        """How an application stands, for the applicant alone; raises Unknown for everybody else."""
        found = await self._db.read(slug, application_store.application, slug, id)
        if found is None or found.did != did:
            raise Unknown("spaces.no-application", id=id[:80])
        return receipt(found)

    async def all(self, slug: str, state: str = "") -> Sequence[Application]:
        """The newest first; `state`: only those. Raises Unknown without a space."""
        await self._participants.get(slug)
        await self._db.read(slug, self._authority.held, slug)
        return await self._db.read(slug, application_store.applications, slug, state)

    async def get(self, slug: str, id: str) -> Application:
        """Raises Unknown."""
        await self._participants.get(slug)
        found = await self._db.read(slug, application_store.application, slug, id)
        if found is None:
            raise Unknown("spaces.no-application", id=id[:80])
        return found

    def shown(self, tx: Tx, slug: str, id: str) -> tuple[Application, str]:
        """An application, and under which name its sender was invited; raises Unknown."""
        found = application_store.application(tx, slug, id)
        if found is None:
            raise Unknown("spaces.no-application", id=id[:80])
        invitation = application_store.invitation(tx, slug, found.invitation)
        return found, "" if invitation is None else invitation.name

    async def evidence(self, slug: str, sha256: str) -> tuple[str, bytes]:
        """Media type and content of a document that came with an application; raises Unknown."""
        await self._participants.get(slug)
        found = await self._db.read(slug, application_store.evidence, slug, sha256)
        if found is None:
            raise Unknown("spaces.no-application", id=sha256[:80])
        return found

    # What people decide

    async def note(self, slug: str, id: str, name: str, *, good: bool, note: str, login: str = "") -> Application:
        """A point of the checklist as a steward found it, with how she knows; what was noted before is in the log."""
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> Application:
            voter, found = self._authority.voter(tx, slug, login), self._open(tx, slug, id)
            check = Check(name=name, good=good, note=note, by=voter.who, at=tx.now)
            others = tuple(one for one in found.checks if one.name != name or not one.by)
            record(tx, hosted, "checked", voter.who, application=id, name=name, found="good" if good else "bad")
            return application_store.save_application(tx, replace(found, checks=(*others, check)))

        return await self._db.write(slug, unit)

    async def approve(self, slug: str, id: str, login: str = "") -> Application:
        """A person agrees; with the last one that is needed the applicant is a member.

        Raises Mistake while the checklist is open, and NotYours for who has no part in it or has agreed already.
        """
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> Application:
            voter, found = self._authority.voter(tx, slug, login), self._open(tx, slug, id)
            space = self._authority.held(tx, slug)
            if any(vote.who == voter.who for vote in found.votes):
                raise NotYours("spaces.twice")
            _require_checked(found, space.rules)
            saved = application_store.save_application(
                tx, replace(found, ballot=ballots.yes(found.ballot, voter, "steward", tx.now))
            )
            record(tx, hosted, "approved", voter.who, application=id, state=saved.state)
            if saved.state != "approved":
                return saved
            self._admit(tx, hosted, saved, space)
            return application_store.save_application(tx, replace(saved, decided_by=voter.who, decided_at=tx.now))

        return await self._db.write(slug, unit)

    async def refuse(self, slug: str, id: str, reason: str, login: str = "") -> Application:
        """One no ends it; the applicant is told the reason."""
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> Application:
            voter, found = self._authority.voter(tx, slug, login), self._open(tx, slug, id)
            ballot = ballots.no(found.ballot, voter, tx.now)
            ended = replace(found, ballot=ballot, reason=reason, decided_by=voter.who, decided_at=tx.now)
            record(tx, hosted, "refused", voter.who, application=id)
            return application_store.save_application(tx, ended)

        return await self._db.write(slug, unit)

    def _admit(self, tx: Tx, hosted: Hosted, application: Application, space: Space) -> None:
        slug = hosted.participant.id
        invitation = application_store.invitation(tx, slug, application.invitation)
        assert invitation is not None
        before = member_store.member(tx, slug, application.did)
        if before is not None and before.state not in OVER:  # it took a member's place while people decided
            raise Mistake("spaces.member-already", did=application.did)
        known = (operator for _, operator in member_store.names(tx, slug, application.did))
        membership.require_own_operator(application.operator, known)  # another one may have come first
        group_store.end(tx, slug, did=application.did)
        member_store.put_member(tx, membership.admitted(application, invitation, space.rules, tx.now, before))
        store.changed(tx, slug)
        listing.require_room(tx, slug)
        record(tx, hosted, "admitted", did=application.did, application=application.id)

    def _open(self, tx: Tx, slug: str, id: str) -> Application:
        found = application_store.application(tx, slug, id, lock=True)
        if found is None:
            raise Unknown("spaces.no-application", id=id[:80])
        ballots.require_open(found.ballot, tx.now)
        return found


def expire(tx: Tx, hosted: Hosted) -> None:
    """Applications on which nobody decided in time are over: whoever is still wanted applies anew."""
    for one in application_store.overdue(tx, hosted.participant.id):
        ended = replace(one, ballot=ballots.expire(one.ballot, tx.now), decided_at=tx.now)
        application_store.save_application(tx, ended)
        record(tx, hosted, "expired", application=one.id, did=one.did)


class _Hours:
    """A clock on which an hour is a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> int:
        return self._clock.now() * 1000 // TRIES_MS

    def steady(self) -> int:
        return self._clock.steady() * 1000 // TRIES_MS


def receipt(one: Application) -> Receipt:
    return Receipt(id=one.id, state=one.state, reason=one.reason)


def _refusal(found: Invitation | None, host: str, claims: ApplicationClaims, now: int) -> PeerError | None:
    """The same words whatever is wrong with a code; that it is for another town is told, for its holder has it."""
    try:
        invitation = membership.require_usable(found, host, now)
    except membership.WrongCode as wrong:
        return wrong
    if (invitation.ars and claims.ars != invitation.ars) or (invitation.kind and claims.kind != invitation.kind):
        return PeerError("spaces.other-town")
    return None


def _found_out(
    invitation: Invitation, claims: ApplicationClaims, host: str, now: int, expected: bool
) -> tuple[Check, ...]:
    """What the authority's machine saw itself: the document came over TLS from the place that the DID names."""
    return (
        Check(name="did", good=True, note=host, at=now),
        Check(name="keys", good=expected, at=now),
        Check(name="domain", good=bool(invitation.domain), note=invitation.domain or host, at=now),
        Check(name="ars", good=bool(invitation.ars), note=claims.ars, at=now),
        Check(name="name", good=claims.name == invitation.name, note=claims.name, at=now),
        *(Check(name="certificates", good=False, note=one, at=now) for one in _shown(claims)),
    )


def _shown(claims: ApplicationClaims) -> tuple[str, ...]:
    """Seal certificates above level L1, at which nobody but people can look."""
    found = sealing.certificates(claims.keys)
    return (found,) if found else ()


def _alike(known: Iterable[tuple[str, str]], invited: str, claims: ApplicationClaims, now: int) -> tuple[Check, ...]:
    """Two towns may have one name; people are told, for a stranger may have taken it."""
    name = names.seen(invited or claims.name)
    found = ", ".join(other for other in dict(known) if names.seen(other) == name)
    return (Check(name="alike", good=False, note=found[:500], at=now),) if found else ()


def _require_checked(found: Application, rules: Rules) -> None:
    noted = {one.name: one.good for one in found.checks if one.by}
    missing = [name for name in rules.checklist if not noted.get(name)]
    if missing:
        raise Mistake("spaces.checklist", missing=", ".join(missing))
