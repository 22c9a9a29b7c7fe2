"""Who may do what at a participant: invitations, roles by two persons, and who they are (spec/accounts.md 2).

Every change of a role is a record of the participant's log, under pseudonyms, in the transaction that makes it. It ends
the sessions of the person concerned: what she may do is another thing from now on (threats T30, T86).
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from msgspec import Struct

from connector.foundation.errors import Mistake, Refusal, Unauthenticated, Unknown
from connector.foundation.storage.database import PROCESS, SYSTEM, Database, Tx
from connector.identity.accounts import invitation_store, secret, session_store, sessions, store
from connector.identity.accounts import roles as rules
from connector.identity.accounts.model import ROLES, STRONG, Invitation, Member, Person, Role
from connector.identity.accounts.password import Passwords, checked
from connector.identity.accounts.signing_in import Browser, folded, shown
from connector.identity.audit import store as audit
from connector.identity.participants.lifecycle import one_after_another
from connector.identity.participants.service import Participants

RECORD = "role"
"""Type of the records that say who got or lost a role."""
INVITED_MS = 7 * 86_400_000
GROUPS = "groups"
"""Grants roles in place of a person: the groups of the identity provider."""
MOST = 200
"""Invitations of a participant that may be open."""


class AcceptedInvitation(Struct, frozen=True, kw_only=True):
    """`waiting` are the roles that a second person has to confirm; `cookie` of the new person's session."""

    person: str
    participant: str
    waiting: frozenset[Role]
    cookie: str = ""


class Departures(Protocol):
    """What ends with a role elsewhere, in the transaction that takes it. Implemented by approvals and spaces."""

    def lost_role(self, tx: Tx, slug: str, who: str, role: Role) -> None:
        """The pseudonym `who` of a participant has this role no more."""

    def removed(self, tx: Tx, slug: str, who: str) -> None:
        """Nobody will be able to say who this pseudonym is."""


class People:
    """`by` is the person who asks, or empty: the operator's command line. Whether she is an admin judges the door."""

    def __init__(self, db: Database, participants: Participants, passwords: Passwords, *departures: Departures) -> None:
        self._db, self._participants, self._passwords = db, participants, passwords
        self._departures = departures

    # Persons of the process

    async def all(self) -> list[tuple[Person, dict[str, frozenset[Role]]]]:
        """With their roles by participant."""
        return await self._db.read(PROCESS, lambda tx: [(one, store.roles(tx, one.id)) for one in store.persons(tx)])

    async def known(self, login: str) -> Person:
        """Raises Mistake if nobody signs in with that name."""
        name = folded(login)
        found = await self._db.read(PROCESS, store.by_login, name)
        if found is None:
            raise Mistake("accounts.unknown-login", login=name[:80])
        return found

    async def add(self, login: str, name: str, *, operator: bool = False) -> Person:
        """A person without a password: she comes in by a sign-in link, and chooses one."""
        plain, shown_as = folded(login), shown(name)
        made = await self._db.write(PROCESS, lambda tx: store.add(tx, plain, shown_as, operator=operator))
        return await self._db.read(PROCESS, store.person, made)

    async def make_operator(self, person: str, *, operator: bool) -> None:
        """On the operator's command line alone."""

        def unit(tx: Tx) -> None:
            store.set_operator(tx, store.person(tx, person).id, operator)
            session_store.end_all(tx, person)

        await self._db.write(PROCESS, unit)

    async def remove(self, person: str) -> None:
        """With all that belongs to her; logs keep a pseudonym that names nobody any more."""
        for slug in await self._db.read(PROCESS, store.roles, person):
            for role in sorted(await self._db.read(PROCESS, store.roles_at, slug, person)):
                await self._revoke(slug, "", person, role, last=True)
        for slug, who in (await self._db.read(PROCESS, store.pseudonyms_here, person)).items():
            for one in self._departures:
                await self._db.write(slug, one.removed, slug, who)
        await self._db.write(PROCESS, store.remove, person)

    def forgotten(self, tx: Tx, slug: str, who: str) -> None:
        """This pseudonym is about to be erased, whoever bears it and whatever roles she keeps: she is another one from
        now on, so what the pseudonym said ends as with its roles. Waits for what she has under way."""
        person = store.called(tx, slug, who)
        if person is not None:
            store.before_taking(tx, person.id)
        for one in self._departures:
            for role in ROLES:
                one.lost_role(tx, slug, who, role)
            one.removed(tx, slug, who)

    # Invitations

    async def members(self, slug: str) -> tuple[list[Member], list[Invitation]]:
        """Persons with a role at the participant, and whom it has invited."""
        await self._participants.get(slug)
        return await self._db.read(slug, lambda tx: (store.members(tx, slug), invitation_store.invitations(tx, slug)))

    async def invite(self, slug: str, by: str, name: str, roles: Iterable[str]) -> str:
        """The secret of the link, shown once. `name` tells the list for whom it is."""
        await self._participants.get(slug)
        wanted, whom, fresh = rules.checked(roles), shown(name), secret.fresh()

        await self._db.write(slug, self._invited, slug, by, secret.digest(fresh), whom, wanted)
        return fresh

    async def invite_first(self, slug: str, operator: str, name: str, roles: Iterable[str]) -> str:
        """By the operator at the desk, who cannot accept it herself. What her word counts is judged on acceptance:
        where nobody grants roles yet as on the command line, or a new participant would never have anybody."""
        return await self.invite(slug, operator, name, roles)

    async def take_back(self, slug: str, invitation: str) -> None:
        """Raises Unknown if it was used or taken back meanwhile."""
        if not await self._db.write(slug, invitation_store.end_invitation, slug, invitation):
            raise Unknown("accounts.invitation")

    async def invitation(self, link: str) -> Invitation:
        """What the link invites to; raises Unauthenticated if it does not count (any more)."""
        found = (
            await self._db.read(PROCESS, invitation_store.invitation, secret.digest(link))
            if secret.shaped(link)
            else None
        )
        if found is None:
            raise Unauthenticated("accounts.invitation")
        return found

    async def accept(self, link: str, login: str, name: str, password: str, browser: Browser) -> AcceptedInvitation:
        """Makes a local account and signs it in; raises Unauthenticated, Mistake."""
        invitation = await self.invitation(link)
        plain, shown_as = folded(login), shown(name)
        encoded = await self._passwords.hashed(checked(password, plain), invitation.id)

        def unit(tx: Tx) -> AcceptedInvitation:
            self._used(tx, invitation)
            person = store.add(tx, plain, shown_as, password=encoded)
            waiting = self._joined(tx, invitation, person)
            cookie = sessions.opened(tx, person, browser.agent, strong=False)
            return AcceptedInvitation(person=person, participant=invitation.participant, waiting=waiting, cookie=cookie)

        return await self._db.write(invitation.participant, unit)

    async def accept_signed(self, link: str, person: str) -> AcceptedInvitation:
        """For somebody who is known already; raises Unauthenticated, Refusal if she invited herself."""
        invitation = await self.invitation(link)
        if invitation.invited_by == person:
            raise Refusal("accounts.own-role")

        def unit(tx: Tx) -> AcceptedInvitation:
            self._used(tx, invitation)
            waiting = self._joined(tx, invitation, person)
            return AcceptedInvitation(person=person, participant=invitation.participant, waiting=waiting)

        return await self._db.write(invitation.participant, unit)

    # Roles

    async def grant(self, slug: str, by: str, person: str, role: str) -> bool:
        """Whether it counts now; False: it waits for a second person. Raises Refusal, Unknown, Mistake."""
        await self._participants.get(slug)
        (wanted,) = rules.checked([role])
        if by == person:
            raise Refusal("accounts.own-role")

        def unit(tx: Tx) -> bool:
            return self._granted(tx, slug, by, store.person(tx, person).id, wanted)

        return await self._db.write(slug, unit)

    async def confirm(self, slug: str, by: str, person: str, role: str) -> None:
        """The second person's word; raises Refusal if it is one of the two that it is about, Unknown."""
        (wanted,) = rules.checked([role])

        def unit(tx: Tx) -> None:
            proposed_by = store.proposed_by(tx, slug, person, wanted)
            if proposed_by is None or not store.grants(tx, slug, proposed_by):
                raise Unknown("accounts.no-proposal")
            if by and by in (proposed_by, person):
                raise Refusal("accounts.same-person")
            store.grant(tx, slug, person, wanted, by)
            self._record(tx, slug, by, person, wanted, "confirmed")
            session_store.end_all(tx, person)

        await self._db.write(slug, unit)

    async def confirm_name(self, slug: str, by: str, person: str, name: str) -> None:
        """The word of another admin that the person is called so, as long as she does not change it.

        `name` is what was shown. Raises Refusal for one's own, Unknown for who has no role here, Mistake if she is
        called otherwise by now.
        """
        if by == person:
            raise Refusal("accounts.own-name")

        def unit(tx: Tx) -> None:
            found = next((one for one in store.members(tx, slug) if one.person.id == person), None)
            if found is None:
                raise Unknown("accounts.no-person")
            if found.person.name != name:
                raise Mistake("accounts.name-changed")
            said = store.pseudonym(tx, slug, by)
            body = {"person": store.pseudonym(tx, slug, person), "change": "name-confirmed", "by": said}
            store.confirm_name(tx, slug, person, name, said)
            audit.append(tx, slug, RECORD, None, SYSTEM, body, did=self._participants.held(slug).participant.did)

        await self._db.write(slug, unit)

    async def confirmed(self, people: Iterable[Person]) -> dict[str, list[str]]:
        """By person: participants at which somebody has confirmed the name that she has now."""
        return await self._db.read(PROCESS, lambda tx: {one.id: store.confirmed_at(tx, one.id) for one in people})

    async def revoke(self, slug: str, by: str, person: str, role: str) -> None:
        """At once, also one's own and one that is only proposed; raises Refusal for the last admin, Unknown."""
        await self._participants.get(slug)
        (wanted,) = rules.checked([role])
        await self._revoke(slug, by, person, wanted)

    async def decide(self, person: str, slug: str | None, role: str, *, take: bool) -> frozenset[str]:
        """The operator's word; what the person may do there afterwards. Without a participant: `operator`."""
        if (slug is None) != (role == rules.OPERATOR):
            raise Mistake("accounts.where")
        if slug is None:
            await self.make_operator(person, operator=not take)
            return frozenset() if take else frozenset({rules.OPERATOR})
        await (self.revoke(slug, "", person, role) if take else self.grant(slug, "", person, role))
        return await self._db.read(slug, store.roles_at, slug, person)

    async def by_groups(self, person: str, wanted: Mapping[str, frozenset[Role]]) -> None:
        """Roles that groups of the identity provider give: what they no longer give goes, what the desk granted stays.

        Whoever decides who is in a group is the second person; a participant that is not here is passed over.
        """
        here = {one.participant.id for one in await self._participants.all()}
        given = await self._db.read(PROCESS, store.granted_by, person, GROUPS)
        for slug in sorted((wanted.keys() | given.keys()) & here):
            before, now = given.get(slug, frozenset()), wanted.get(slug, frozenset())
            if before != now:
                await self._db.write(slug, self._regrouped, slug, person, before, now)

    async def name_of(self, slug: str, pseudonym: str) -> str | None:
        """Who a pseudonym of the participant's log is, for who may read it; None once nobody knows any more."""
        found = await self._db.read(slug, store.called, slug, pseudonym)
        return None if found is None else found.name

    # Units

    def _invited(self, tx: Tx, slug: str, by: str, digest: str, whom: str, wanted: frozenset[Role]) -> None:
        if len(invitation_store.invitations(tx, slug)) >= MOST:
            raise Mistake("accounts.many-invitations", most=MOST)
        invitation_store.invite(tx, slug, digest, whom, wanted, by, tx.now + INVITED_MS)

    async def _revoke(self, slug: str, by: str, person: str, role: Role, *, last: bool = False) -> None:
        def unit(tx: Tx) -> None:
            proposal = store.withdraw_proposal(tx, slug, person, role)
            if role == "admin" and by and not last and store.holders(tx, slug, "admin") == [person]:
                raise Refusal("accounts.last-admin")
            had = store.revoke(tx, slug, person, role)  # waits for what rests on it (`store.hold_rights`)
            if role == "admin":
                invitation_store.end_invitations_of(tx, slug, person)
            if had:
                self._taken(tx, slug, by, person, role)
                session_store.end_all(tx, person)
            elif not proposal:
                raise Unknown("accounts.no-proposal")

        await self._db.write(slug, unit)

    def _granted(self, tx: Tx, slug: str, by: str, person: str, role: Role) -> bool:
        if role not in rules.at_once(frozenset({role}), by):
            if role not in store.roles_at(tx, slug, person):
                store.propose(tx, slug, person, role, by)
                self._record(tx, slug, by, person, role, "proposed")
            return role in store.roles_at(tx, slug, person)
        if store.grant(tx, slug, person, role, by):
            self._record(tx, slug, by, person, role, "granted")
            session_store.end_all(tx, person)
        return True

    def _regrouped(self, tx: Tx, slug: str, person: str, before: frozenset[Role], now: frozenset[Role]) -> None:
        for role in sorted(before - now):
            had = store.revoke(tx, slug, person, role)
            if role == "admin":
                invitation_store.end_invitations_of(tx, slug, person)
            if had:
                self._taken(tx, slug, GROUPS, person, role)
        for role in sorted(now - before):
            if store.grant(tx, slug, person, role, GROUPS):
                self._record(tx, slug, GROUPS, person, role, "granted")
        session_store.end_all(tx, person)

    def _used(self, tx: Tx, invitation: Invitation) -> None:
        slug, by = invitation.participant, invitation.invited_by
        if (by and not store.grants(tx, slug, by)) or not invitation_store.end_invitation(tx, slug, invitation.id):
            raise Unauthenticated("accounts.invitation")

    def _joined(self, tx: Tx, invitation: Invitation, person: str) -> frozenset[Role]:
        """The roles of the invitation that wait: who invited stands behind them, and is one person.

        The first of all who could bind the participant, or grant, waits for nobody: who should confirm that?
        """
        slug, by = invitation.participant, invitation.invited_by
        if by and store.is_operator(tx, by):
            one_after_another(tx, slug)  # of two who come at once one is first
            if not any(store.holders(tx, slug, role) for role in STRONG):
                by = ""
        return frozenset(role for role in sorted(invitation.roles) if not self._granted(tx, slug, by, person, role))

    def _taken(self, tx: Tx, slug: str, by: str, person: str, role: Role) -> None:
        """After the role is gone: whatever she did with it is on the disk by then, on each replica; so is what others
        decide just now by a yes of hers.
        """
        one_after_another(tx, slug)
        self._record(tx, slug, by, person, role, "taken")
        for one in self._departures:
            one.lost_role(tx, slug, store.pseudonym(tx, slug, person), role)

    def _record(self, tx: Tx, slug: str, by: str, person: str, role: Role, change: str) -> None:
        """`by` is a pseudonym like `person`, or says that it was the operator, or groups."""
        said = GROUPS if by == GROUPS else store.pseudonym(tx, slug, by) if by else rules.OPERATOR
        body = {"person": store.pseudonym(tx, slug, person), "role": role, "change": change, "by": said}
        audit.append(tx, slug, RECORD, None, SYSTEM, body, did=self._participants.held(slug).participant.did)
