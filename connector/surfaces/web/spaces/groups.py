"""Groups of the spaces that a participant belongs to, as their authorities say now: it agrees, declines, or leaves.

Nobody is put into a group without her word (spec/spaces.md 7.2). An authority that is away is said, and costs no page.
"""

from typing import ClassVar

from aiohttp import web
from msgspec import Struct

from connector.dataspace.spaces.assemble import SpaceSlice
from connector.dataspace.spaces.decision import grouping
from connector.dataspace.spaces.documents import GroupStanding, RequestClaims
from connector.dataspace.spaces.keeping.authority import ROLE
from connector.foundation.errors import HanseError, Mistake, PeerError, Unavailable
from connector.foundation.language.reasons import plain
from connector.surfaces.views.members import Members
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import TOWN, Route, get, post
from connector.surfaces.web.session import READERS
from connector.surfaces.web.spaces import view

WISHES = {"asked": ("agree", "decline"), "member": ("leave",)}
BADGES = {"asked": "warning", "member": "success", "": "info"}


class Line(Struct, frozen=True, kw_only=True):
    """A group; `within` are names of who is in it, said to its keeper alone. `wishes` are what may be asked for."""

    group: str
    name: str
    keeper: str
    state: str
    badge: str
    within: str
    wishes: tuple[str, ...]


class GroupPages:
    def __init__(self, spaces: SpaceSlice, members: Members) -> None:
        self._elsewhere, self._members = spaces.elsewhere, members

    async def all(self, call: Call) -> web.StreamResponse:
        return await self._page(call)

    async def ask(self, call: Call) -> web.StreamResponse:
        """Agrees to be in a group, declines, or leaves it."""
        group, wish = call.form.text("group")[:600], call.form.text("wish")
        try:
            if wish == "agree":
                claims = RequestClaims(space=grouping.space_of(group), request="group-agree", group=group)
            elif wish in ("leave", "decline"):
                claims = RequestClaims(space=grouping.space_of(group), request="group-leave", group=group)
            else:
                raise Mistake("web.field", pointer="wish")
            await self._elsewhere.ask(call.slug, claims)
        except (PeerError, Unavailable) as problem:
            return await self._page(call, problem)
        return to(call.at("spaces", "groups"))

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/spaces/groups", all, *READERS),
        post(f"{TOWN}/spaces/groups", ask, ROLE),
    )

    async def _page(self, call: Call, problem: HanseError | None = None) -> web.StreamResponse:
        found = await self._elsewhere.all(call.slug)
        away = ", ".join(plain(one.name, view.LONGEST) for one in found.away)
        return await page(
            call,
            "spaces/my_groups.html",
            200 if problem is None else 422,
            title=call.say("web.spaces.my-groups"),
            crumbs=[(call.say("web.spaces.title"), call.at("spaces"))],
            may=ROLE in call.roles,
            away=away,
            groups=[self._line(call, one) for one in found.groups],
            errors=[] if problem is None else [("", view.error_sentence(call, problem))],
        )

    def _line(self, call: Call, one: GroupStanding) -> Line:
        name = one.name.get(call.lang) or next(iter(one.name.values()), one.group)
        return Line(
            group=one.group,
            name=plain(name, view.LONGEST),
            keeper=self._members.called(one.keeper),
            state=call.say(f"web.spaces.in-group.{one.state or 'out'}"),
            badge=BADGES.get(one.state, "info"),
            within=", ".join(sorted(map(self._members.called, one.members))),
            wishes=WISHES.get(one.state, ()),
        )
