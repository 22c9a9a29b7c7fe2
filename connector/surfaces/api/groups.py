"""A participant's own groups over the management surface: begin, fill and end one (spec/spaces.md 8)."""

from typing import Annotated, ClassVar, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.oversight.partners.groups import PartnerGroups
from connector.surfaces.api.routes import PARTICIPANT, Problems, Route, get, post, problem_codes
from connector.surfaces.views import group as views

NONE: Problems = {404: ("participants.no-group",)}


class OwnGroupRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`name` ends its IRI, `label` is what people read."""

    name: Annotated[str, Meta(max_length=63)]
    label: Annotated[dict[Literal["de", "en"], Annotated[str, Meta(max_length=200)]], Meta(min_length=1)]


class OwnMemberRequest(msgspec.Struct, frozen=True, kw_only=True):
    did: Annotated[str, Meta(max_length=512)]


class GroupHandlers:
    def __init__(self, groups: PartnerGroups) -> None:
        self._groups = groups

    async def all(self, request: web.Request) -> views.GroupsView:
        """Groups that the participant keeps itself, ended ones too, with everybody who is or was in them."""
        return views.GroupsView([views.group(one) for one in await self._groups.all(request.match_info["p"])])

    @problem_codes(NONE)
    async def show(self, request: web.Request) -> views.GroupView:
        """One of them."""
        return views.group(await self._groups.get(request.match_info["p"], request.match_info["id"]))

    @problem_codes(
        {
            400: (
                "participants.group-ended",
                "participants.group-label",
                "participants.group-name",
                "participants.groups-many",
                "participants.name",
            )
        }
    )
    async def begin(self, request: web.Request, wish: OwnGroupRequest) -> views.GroupView:
        """A group without members, or another name for one; the same again is the same."""
        label = {str(lang): said for lang, said in wish.label.items()}
        return views.group(await self._groups.begin(request.match_info["p"], wish.name, label))

    @problem_codes(NONE)
    async def end(self, request: web.Request) -> views.GroupView:
        """Nobody is in it any more, and its IRI never names another one."""
        return views.group(await self._groups.end(request.match_info["p"], request.match_info["id"]))

    @problem_codes(
        {
            400: ("participants.group-ended", "participants.group-widens", "participants.groups-many", "trust.did"),
            **NONE,
        }
    )
    async def add(self, request: web.Request, wish: OwnMemberRequest) -> views.GroupView:
        """A participant is in it from now on: what a rule gives the group it may have at once.

        Where more people have to agree to such a rule, it is refused."""
        return views.group(await self._groups.add(request.match_info["p"], request.match_info["id"], wish.did))

    @problem_codes({400: ("trust.did",), **NONE})
    async def remove(self, request: web.Request, wish: OwnMemberRequest) -> views.GroupView:
        """A participant is in it no more: what runs with it is judged anew at once."""
        return views.group(await self._groups.remove(request.match_info["p"], request.match_info["id"], wish.did))

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/groups", all),
        post(f"{PARTICIPANT}/groups", begin),
        get(f"{PARTICIPANT}/groups/{{id}}", show),
        post(f"{PARTICIPANT}/groups/{{id}}/end", end),
        post(f"{PARTICIPANT}/groups/{{id}}/members", add),
        post(f"{PARTICIPANT}/groups/{{id}}/members/end", remove),
    )
