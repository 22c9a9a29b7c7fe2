"""Mergers of members over the management surface: both say so, and people of the authority decide.

`who` names the person who decides where nobody is signed in, which is on the operator's socket (spec/spaces.md 4.7).
"""

from typing import Annotated, ClassVar, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.dataspace.spaces.assemble import SpaceSlice
from connector.dataspace.spaces.decision.merging import ShownMerger
from connector.foundation.clock import Clock
from connector.foundation.errors import Mistake
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.policy.odrl.days import midnight, read_day
from connector.surfaces.api.routes import AWAY, PARTICIPANT, Problems, Route, get, post, problem_codes
from connector.surfaces.api.spaces import NOT_YOURS, Did, Link, Who
from connector.surfaces.views import merger as views
from connector.surfaces.views.members import Members
from connector.surfaces.views.space import JoinedView, joined

NAMED: Final = ("api.members-alike", "api.nobody-called")
DECIDED: Final = (
    "spaces.merger-approved",
    "spaces.merger-expired",
    "spaces.merger-lapsed",
    "spaces.merger-refused",
    "spaces.merger-withdrawn",
)
IMPOSSIBLE: Final = ("spaces.merger-circle", "spaces.merger-early", "spaces.merger-state")
LATER: Final = (*AWAY, "spaces.too-often")
NO_MEMBER: Final[Problems] = {404: ("spaces.no-member", "spaces.none")}


class MergeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`member` is part of `into` by law since that day (YYYY-MM-DD), each by DID or by the name that the list has for
    it; empty: the participant that says so."""

    space: Link
    since: Annotated[str, Meta(max_length=20)]
    member: Did = ""
    into: Did = ""


class MergeWithdrawRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`member` by DID or name, of whom the participant said something; empty: what it said of itself."""

    space: Link
    member: Did = ""


class MergerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The member that is part of another one."""

    did: Did
    who: Who = ""


class MergerYesRequest(MergerRequest, frozen=True, kw_only=True):
    """`into` and `since` (YYYY-MM-DD), where they are named, are what the member has to say now."""

    into: Did = ""
    since: Annotated[str, Meta(max_length=20)] = ""


class NoMergerRequest(msgspec.Struct, frozen=True, kw_only=True):
    did: Did
    reason: Annotated[str, Meta(min_length=3, max_length=500)]
    who: Who = ""


class MergerHandlers:
    def __init__(self, clock: Clock, spaces: SpaceSlice, anchor: Anchor) -> None:
        self._clock, self._mergers, self._own = clock, spaces.mergers, spaces.own_mergers
        self._members = Members(anchor)

    @problem_codes({404: ("spaces.none",)})
    async def all(self, request: web.Request) -> views.MergersView:
        """Members that are part of another one by law, or say so: whether both do, and who has agreed."""
        return views.mergers(await self._mergers.all(request.match_info["p"]), self._clock.now())

    @problem_codes(
        {
            400: (
                *IMPOSSIBLE,
                "spaces.list-full",
                "spaces.merger-changed",
                "spaces.merger-unagreed",
                "spaces.no-merger",
            ),
            403: NOT_YOURS,
            409: DECIDED,
            **NO_MEMBER,
        }
    )
    async def approve(self, request: web.Request, wish: MergerYesRequest) -> views.MergersView:
        """A person agrees; with the last one that is needed the list says it."""
        seen = ShownMerger(wish.into, wish.since)
        await self._mergers.approve(request.match_info["p"], wish.did, wish.who, seen)
        return await self.all(request)

    @problem_codes({400: ("spaces.no-merger",), 403: NOT_YOURS, 409: DECIDED, **NO_MEMBER})
    async def refuse(self, request: web.Request, wish: NoMergerRequest) -> views.MergersView:
        """One no ends it."""
        await self._mergers.refuse(request.match_info["p"], wish.did, wish.reason, wish.who)
        return await self.all(request)

    @problem_codes(
        {
            400: (
                *IMPOSSIBLE,
                *NAMED,
                "spaces.merged-already",
                "spaces.merger-day",
                "spaces.merger-unsaid",
                "spaces.merger-whose",
            ),
            404: ("spaces.not-joined",),
            503: LATER,
        }
    )
    async def say(self, request: web.Request, wish: MergeRequest) -> views.MergerSaidView:
        """Tells the authority of a space that one of two members is part of the other by law; both have to."""
        day = read_day(wish.since)
        if day is None:
            raise Mistake("spaces.merger-day", text=wish.since[:20])
        since = int(midnight(day).timestamp() * 1000)
        member, into = self._did(wish.member), self._did(wish.into)
        said = await self._own.say(request.match_info["p"], wish.space, member, into, since)
        return views.said(said)

    @problem_codes(
        {400: (*NAMED, "spaces.merger-decided", "spaces.merger-not-said"), 404: ("spaces.not-joined",), 503: LATER}
    )
    async def withdraw(self, request: web.Request, wish: MergeWithdrawRequest) -> JoinedView:
        """Takes back what the participant said of a merger, as long as nobody has decided it."""
        member = self._did(wish.member)
        found = await self._own.withdraw(request.match_info["p"], wish.space, member)
        return joined(found, self._members.name)

    def _did(self, named: str) -> str:
        """Whom a person means; nobody if she names nobody. Raises Mistake."""
        return self._members.did(named) if named else ""

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/space/mergers", all),
        post(f"{PARTICIPANT}/space/mergers/approve", approve),
        post(f"{PARTICIPANT}/space/mergers/refuse", refuse),
        post(f"{PARTICIPANT}/spaces/merge", say),
        post(f"{PARTICIPANT}/spaces/merge/withdraw", withdraw),
    )
