"""Invitations of an authority: a code for one town, shown once, of which only the hash is kept.

It is bound to a name, and where the authority says so to a seat, a kind and a domain (spec/spaces.md 2; threat T30).
"""

from collections.abc import Sequence
from typing import NamedTuple

from connector.dataspace.spaces import application_store, documents
from connector.dataspace.spaces.decision import membership
from connector.dataspace.spaces.keeping.authority import SpaceAuthority, record
from connector.dataspace.spaces.model import INVITED_MS, MOST_OPEN, Invitation
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Database, Tx
from connector.identity.accounts import secret
from connector.identity.participants.model import checked_name
from connector.identity.participants.service import Participants
from connector.identity.trust.did import did as dids


class NewInvitation(NamedTuple):
    """`code` is shown once; `link` carries it behind `#`, which no request sends."""

    invitation: Invitation
    code: str
    link: str


class Invitations:
    """Invitations to all spaces that participants of this process keep."""

    def __init__(self, db: Database, participants: Participants, authority: SpaceAuthority) -> None:
        self._db, self._participants, self._authority = db, participants, authority

    async def invite(self, slug: str, name: str, *, ars: str = "", kind: str = "", domain: str = "") -> NewInvitation:
        """An invitation for one town, of which only the hash of the code is kept."""
        hosted = await self._participants.get(slug)
        called, place = checked_name(name.strip()), domain.strip().lower()
        if not called:
            raise Mistake("spaces.name")
        if place and dids.host(place) is None:
            raise Mistake("spaces.domain", domain=place[:200])
        code = secret.fresh()

        def unit(tx: Tx) -> Invitation:
            space = self._authority.held(tx, slug, lock=True)
            if application_store.open_invitations(tx, slug) >= MOST_OPEN:
                raise Mistake("spaces.many", most=MOST_OPEN)
            if kind:
                membership.require_kind(kind, space.rules)
            made = Invitation(
                participant=slug,
                id=new_uuid(),
                code_hash=secret.digest(code),
                name=called,
                ars=ars,
                kind=kind,
                domain=place,
                state="open",
                made_by=tx.actor,
                made_at=tx.now,
                until=tx.now + INVITED_MS,
            )
            application_store.insert_invitation(tx, made)
            record(tx, hosted, "invited", invitation=made.id, name=called)
            return made

        invitation = await self._db.write(slug, unit)
        return NewInvitation(invitation, code, f"{hosted.participant.root}{documents.PATH}#{code}")

    async def withdraw(self, slug: str, id: str) -> None:
        """The code of the invitation opens nothing any more; raises Unknown."""
        hosted = await self._participants.get(slug)

        def unit(tx: Tx) -> None:
            found = application_store.invitation(tx, slug, id)
            if found is None:
                raise Unknown("spaces.no-invitation", id=id[:80])
            if found.state == "open":
                application_store.end_invitation(tx, found, "withdrawn")
                record(tx, hosted, "invitation withdrawn", invitation=id)

        await self._db.write(slug, unit)

    async def all(self, slug: str) -> Sequence[Invitation]:
        """The newest first; raises Unknown without a space."""
        await self._participants.get(slug)
        await self._db.read(slug, self._authority.held, slug)
        return await self._db.read(slug, application_store.invitations, slug)

    async def name_of(self, slug: str, id: str) -> str:
        """Under which name somebody was invited."""
        found = await self._db.read(slug, application_store.invitation, slug, id)
        return "" if found is None else found.name
