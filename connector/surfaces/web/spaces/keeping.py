"""Pages of who keeps a space: all of it at a glance, its members, and an invitation, whose link is shown once.

Each page reads a fixed number of statements, however many members there are. Steward alone invites, suspends, renews
and expels; the others read, and are told so (spec/desk.md 6.3).
"""

from collections.abc import Sequence
from typing import ClassVar

from aiohttp import web
from msgspec import Struct

from connector.data.catalogue import concepts
from connector.dataspace.spaces import recovery_store
from connector.dataspace.spaces.assemble import SpaceSlice
from connector.dataspace.spaces.keeping import overview
from connector.dataspace.spaces.keeping.authority import ROLE
from connector.dataspace.spaces.keeping.invitations import NewInvitation
from connector.dataspace.spaces.keeping.overview import ApplicationLine, InvitationLine, MemberLine
from connector.dataspace.spaces.model import MemberState, Space, fingerprint
from connector.foundation.errors import HanseError, Mistake, Unknown
from connector.foundation.language import local_end
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Database, Tx
from connector.identity.accounts.directory import Directory
from connector.surfaces.web.account import qr
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import TOWN, Route, get, post
from connector.surfaces.web.session import READERS
from connector.surfaces.web.spaces import view


class InviteForm(Struct, frozen=True, kw_only=True):
    """As it is filled in; `kind` is the short name of one."""

    name: str = ""
    ars: str = ""
    kind: str = ""
    domain: str = ""


class SpacePage(Struct, frozen=True, kw_only=True):
    """A space as one transaction has it; `stewards` are how many people may decide."""

    space: Space
    members: Sequence[MemberLine]
    invitations: Sequence[InvitationLine]
    waiting: Sequence[ApplicationLine]
    stewards: int
    now: int
    stands: bool
    """Whether lists stand still until a person has settled what a restore lost."""


class SpacePages:
    def __init__(self, db: Database, spaces: SpaceSlice, people: Directory) -> None:
        self._db, self._people = db, people
        self._authority, self._invitations, self._memberships = spaces.authority, spaces.invitations, spaces.memberships

    async def space(self, call: Call) -> web.StreamResponse:
        """At a glance: what waits, who is invited, how many belong, what people read aloud, and the rules."""
        seen = await self._db.read(call.slug, self._seen, call.slug)
        space, who = seen.space, call.voter.who
        return await page(
            call,
            "spaces/space.html",
            title=space.name,
            crumbs=_crumbs(call),
            space=space,
            fingerprint=fingerprint(space.authority),
            waiting=[(one, one.agreed(who)) for one in seen.waiting],
            invitations=seen.invitations,
            counts=_counts(seen.members),
            ending=overview.ending(space, seen.members, seen.now),
            rules=view.rules(call, space.rules),
            few=seen.stewards < space.rules.approvals,
            stewards=seen.stewards,
            may=ROLE in call.roles,
            stands=seen.stands,
        )

    async def members(self, call: Call) -> web.StreamResponse:
        """Everybody who belongs, and those who did."""
        space, found = await self._db.read(call.slug, self._members, call.slug)
        lines = [(one, view.kind(call, one.kind), view.BADGES[one.state], _member_at(call, one)) for one in found]
        return await page(
            call,
            "spaces/members.html",
            title=call.say("web.spaces.members"),
            crumbs=_crumbs(call, space),
            current=[line for line in lines if not view.over(line[0])],
            former=[line for line in lines if view.over(line[0])],
        )

    async def groups(self, call: Call) -> web.StreamResponse:
        """Which groups the space has, who keeps each, and who is in it."""

        def look(tx: Tx) -> tuple[Space, list[overview.GroupLine]]:
            return self._authority.held(tx, call.slug), overview.groups(tx, call.slug)

        space, found = await self._db.read(call.slug, look)
        lines = [(plain(one.label.get(call.lang) or one.name, view.LONGEST), one) for one in found]
        return await page(
            call, "spaces/groups.html", title=call.say("web.spaces.groups"), crumbs=_crumbs(call, space), groups=lines
        )

    async def member(self, call: Call) -> web.StreamResponse:
        return await self._member(call, call.query("did"))

    async def change(self, call: Call) -> web.StreamResponse:
        """Suspends, resumes, expels or renews, with the reason that stays in the log."""
        did, wanted, reason = call.form.text("did"), call.form.text("state"), call.form.text("reason")
        if wanted != "renew" and len(reason) < 3:
            return await self._member(call, did, Mistake("spaces.reason"))
        if wanted == "renew":
            await self._memberships.renew(call.slug, did)
        else:
            await self._memberships.change(call.slug, did, _state(wanted), reason[:500])
        return to(f"{call.at('space', 'member')}?{view.query(did=did)}")

    async def invite(self, call: Call) -> web.StreamResponse:
        return await self._invite(call, InviteForm())

    async def make(self, call: Call) -> web.StreamResponse:
        """The invitation, shown with its link this once: it is in no address and no log."""
        wish = call.form.read(InviteForm)
        try:
            kind = concepts.kind(wish.kind).iri if wish.kind else ""
            made = await self._invitations.invite(
                call.slug, wish.name, ars=wish.ars[:20], kind=kind, domain=wish.domain[:253]
            )
        except HanseError as problem:
            if problem.status >= 500:
                raise
            return await self._invite(call, wish, problem)
        return await self._shown_once(call, made)

    async def withdraw(self, call: Call) -> web.StreamResponse:
        await self._invitations.withdraw(call.slug, call.form.text("id"))
        return to(call.at("space"))

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/space", space, *READERS),
        get(f"{TOWN}/space/members", members, *READERS),
        get(f"{TOWN}/space/groups", groups, *READERS),
        get(f"{TOWN}/space/member", member, *READERS),
        post(f"{TOWN}/space/member", change, ROLE),
        get(f"{TOWN}/space/invite", invite, ROLE),
        post(f"{TOWN}/space/invite", make, ROLE),
        post(f"{TOWN}/space/withdraw", withdraw, ROLE),
    )

    def _seen(self, tx: Tx, slug: str) -> SpacePage:
        return SpacePage(
            space=self._authority.held(tx, slug),
            members=overview.members(tx, slug),
            invitations=overview.invitations(tx, slug),
            waiting=overview.waiting(tx, slug),
            stewards=len(self._people.holding(tx, slug, ROLE)),
            now=tx.now,
            stands=recovery_store.unsettled(tx, slug),
        )

    def _members(self, tx: Tx, slug: str) -> tuple[Space, list[MemberLine]]:
        return self._authority.held(tx, slug), overview.members(tx, slug)

    async def _member(self, call: Call, did: str, problem: Mistake | None = None) -> web.StreamResponse:
        def look(tx: Tx) -> tuple[Space, MemberLine | None]:
            return self._authority.held(tx, call.slug), overview.member(tx, call.slug, did)

        space, one = await self._db.read(call.slug, look)
        if one is None:
            raise Unknown("spaces.no-member", did=did[:200])
        errors = [] if problem is None else [("reason", call.explain(problem))]
        return await page(
            call,
            "spaces/member.html",
            200 if problem is None else 422,
            title=plain(one.name, view.LONGEST),
            one=one,
            crumbs=[*_crumbs(call, space), (call.say("web.spaces.members"), call.at("space", "members"))],
            badge=view.BADGES[one.state],
            host=view.host(one.did),
            kind=view.kind(call, one.kind),
            steps=view.steps(one),
            own=did == call.town.did,
            may=ROLE in call.roles,
            errors=errors,
            wrong=dict(errors),
            chosen=call.form.text("state"),
            renewable=not view.over(one) and one.until is not None,
        )

    async def _invite(self, call: Call, wish: InviteForm, problem: HanseError | None = None) -> web.StreamResponse:
        space = await self._db.read(call.slug, self._authority.held, call.slug)
        field = "" if problem is None else FIELDS.get(problem.code, "")
        errors = [] if problem is None else [(field, call.explain(problem))]
        return await page(
            call,
            "spaces/invite.html",
            200 if problem is None else 422,
            title=call.say("web.spaces.invite"),
            crumbs=_crumbs(call, space),
            wish=wish,
            kinds=view.kinds(call, space.rules),
            errors=errors,
            wrong=dict(errors),
        )

    async def _shown_once(self, call: Call, made: NewInvitation) -> web.StreamResponse:
        space = await self._db.read(call.slug, self._authority.held, call.slug)
        until = local_end(made.invitation.until, call.lang)
        return await page(
            call,
            "spaces/invited.html",
            title=call.say("web.spaces.invited", name=made.invitation.name),
            crumbs=_crumbs(call, space),
            link=made.link,
            until=until,
            picture=qr.svg(made.link, call.say("web.spaces.invited-qr", name=made.invitation.name)),
            letter=call.say("web.spaces.letter", space=space.name, keeper=call.town.name, link=made.link, until=until),
        )


FIELDS = {
    "spaces.name": "name",
    "participants.name": "name",
    "participants.kind": "kind",
    "spaces.kind": "kind",
    "spaces.domain": "domain",
}
"""Which field of an invitation an error is about."""


def _counts(found: Sequence[MemberLine]) -> tuple[int, int, int]:
    """Members, those that are suspended, and former ones."""
    states = [one.state for one in found]
    current = states.count("active") + states.count("suspended")
    return current, states.count("suspended"), len(states) - current


def _crumbs(call: Call, space: Space | None = None) -> list[tuple[str, str]]:
    own = [] if space is None else [(plain(space.name, view.LONGEST), call.at("space"))]
    return [(call.say("web.spaces.title"), call.at("spaces")), *own]


def _member_at(call: Call, one: MemberLine) -> str:
    return f"{call.at('space', 'member')}?{view.query(did=one.did)}"


def _state(wanted: str) -> MemberState:
    """Raises Mistake for what no person may choose."""
    found = next((one for steps in view.STEPS.values() for one in steps if one == wanted), None)
    if found is None:
        raise Mistake("web.field", pointer="state")
    return found
