"""Spaces over the management surface: keep one, invite, decide on applications, change members; join those of others.

`who` names the person who decides where nobody is signed in, which is on the operator's socket (spec/spaces.md 3.3).
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.data.catalogue import concepts
from connector.dataspace.spaces.assemble import SpaceSlice
from connector.dataspace.spaces.decision import grouping
from connector.dataspace.spaces.documents import Document, GroupAct, RequestClaims
from connector.dataspace.spaces.model import Application, Rules, same_fingerprint
from connector.foundation.clock import Clock
from connector.foundation.errors import Mistake
from connector.identity.trust.members.trust_list import Anchor
from connector.identity.trust.signers.port import Kind, Place
from connector.surfaces.api.routes import PARTICIPANT, Problems, Route, get, post, problem_codes
from connector.surfaces.views import space as views
from connector.surfaces.views.members import Members

Name = Annotated[str, Meta(max_length=200)]
Word = Annotated[str, Meta(max_length=500)]
Who = Annotated[str, Meta(max_length=400)]
Link = Annotated[str, Meta(max_length=600)]
Did = Annotated[str, Meta(max_length=512)]

NO_SPACE: Problems = {404: ("spaces.none",)}
NO_APPLICATION = ("spaces.no-application",)
DECIDED = ("approvals.approved", "approvals.expired", "approvals.refused", "approvals.withdrawn")
NOT_YOURS = ("spaces.twice", "spaces.who")
AWAY = ("http.unreachable", "peer.busy")
NO_GROUP = ("spaces.no-group", "spaces.none")
_WISHES: Final[Mapping[str, GroupAct]] = {
    "add": "group-add",
    "remove": "group-remove",
    "agree": "group-agree",
    "leave": "group-leave",
}


class SpaceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`public_key` (PEM) and `key` where the key that signs lists lies with a keeper; else it is made here."""

    name: Name
    rules: Rules = Rules()
    signer: Kind | Literal["file"] = "file"
    key: Annotated[str, Meta(max_length=256)] = ""
    token: Annotated[str, Meta(max_length=256)] = ""
    public_key: Annotated[str, Meta(max_length=8_192)] = ""


class InviteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """For one town: under which name it is listed, its regional key, its kind, and on which domain its DID lies."""

    name: Name
    ars: Annotated[str, Meta(max_length=20)] = ""
    kind: Annotated[str, Meta(max_length=300)] = ""
    domain: Annotated[str, Meta(max_length=253)] = ""


class CheckRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A point of the checklist as somebody found it; `note` says how she knows."""

    name: Name
    good: bool = True
    note: Word = ""
    who: Who = ""


class YesRequest(msgspec.Struct, frozen=True, kw_only=True):
    who: Who = ""


class NoRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The applicant reads the reason."""

    reason: Annotated[str, Meta(min_length=3, max_length=500)]
    who: Who = ""


class StateRequest(msgspec.Struct, frozen=True, kw_only=True):
    did: Did
    state: Literal["active", "suspended", "expelled"]
    reason: Word = ""
    who: Who = ""


class RenewRequest(msgspec.Struct, frozen=True, kw_only=True):
    did: Did
    who: Who = ""


class StrikeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The code that the town of this member kept when it gave its mandate."""

    did: Did
    code: Annotated[str, Meta(max_length=100)]
    who: Who = ""


class RecogniseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Another space by its address, with the fingerprint that its authority read out; of which kinds members count."""

    space: Link
    fingerprint: Name
    kinds: Annotated[tuple[Annotated[str, Meta(max_length=300)], ...], Meta(max_length=50)] = ()
    who: Who = ""


class ForgetRequest(msgspec.Struct, frozen=True, kw_only=True):
    authority: Name
    who: Who = ""


class GroupRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A group of the space: `name` ends its IRI, `label` is what people read, `keeper` (DID) who fills it."""

    name: Annotated[str, Meta(max_length=63)]
    label: Annotated[dict[Literal["de", "en"], Name], Meta(min_length=1)]
    keeper: Did = ""
    who: Who = ""


class GroupedRequest(msgspec.Struct, frozen=True, kw_only=True):
    did: Did
    who: Who = ""


class GroupWish(msgspec.Struct, frozen=True, kw_only=True):
    """What a member asks for about a group (`group` is its IRI): who keeps it adds or removes another (`did`)."""

    group: Link
    wish: Literal["add", "remove", "agree", "leave"]
    did: Did = ""


class LookRequest(msgspec.Struct, frozen=True, kw_only=True):
    link: Link


class JoinRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The link of an invitation, the fingerprint as it was read out, and what the rules ask for."""

    link: Link
    fingerprint: Name
    documents: Annotated[tuple[Document, ...], Meta(max_length=20)] = ()


class JoinedRequest(msgspec.Struct, frozen=True, kw_only=True):
    space: Link


class SpaceHandlers:
    def __init__(self, clock: Clock, spaces: SpaceSlice, anchor: Anchor) -> None:
        self._clock, self._authority, self._name = clock, spaces.authority, Members(anchor).name
        self._invitations, self._applications = spaces.invitations, spaces.applications
        self._memberships, self._joining = spaces.memberships, spaces.joining
        self._groups, self._elsewhere = spaces.groups, spaces.elsewhere

    # The authority

    @problem_codes(
        {
            400: (
                "participants.name",
                "signers.place",
                "spaces.authority-key",
                "spaces.is-authority",
                "spaces.name",
                "spaces.rules",
            )
        }
    )
    async def create(self, request: web.Request, wish: SpaceRequest) -> views.SpaceView:
        """A participant becomes the authority of a space; the same again is the same."""
        slug = request.match_info["p"]
        place = None if wish.signer == "file" else Place(signer=wish.signer, key=wish.key, token=wish.token)
        await self._authority.create(slug, wish.name, wish.rules, place, wish.public_key)
        return views.space(await self._authority.description(slug))

    @problem_codes(NO_SPACE)
    async def show(self, request: web.Request) -> views.SpaceView:
        """The space that a participant keeps."""
        return views.space(await self._authority.description(request.match_info["p"]))

    @problem_codes({400: ("spaces.rules", "spaces.rules-waiting"), **NO_SPACE})
    async def change(self, request: web.Request, wish: Rules) -> views.SpaceView:
        """Rules for whoever applies from now on."""
        slug = request.match_info["p"]
        await self._authority.change_rules(slug, wish)
        return views.space(await self._authority.description(slug))

    @problem_codes(
        {
            400: (
                "participants.kind",
                "participants.name",
                "spaces.domain",
                "spaces.kind",
                "spaces.many",
                "spaces.name",
            ),
            **NO_SPACE,
        }
    )
    async def invite(self, request: web.Request, wish: InviteRequest) -> views.InvitedView:
        """A link for one town, of one use, for two weeks."""
        kind = concepts.kind(wish.kind).iri if wish.kind else ""
        made = await self._invitations.invite(
            request.match_info["p"], wish.name, ars=wish.ars, kind=kind, domain=wish.domain
        )
        return views.invited(made)

    @problem_codes(NO_SPACE)
    async def invitations(self, request: web.Request) -> views.InvitationsView:
        """The newest first; codes are not kept."""
        found = await self._invitations.all(request.match_info["p"])
        return views.InvitationsView([views.invitation(one, self._clock.now()) for one in found])

    @problem_codes({404: ("spaces.no-invitation",)})
    async def withdraw(self, request: web.Request) -> views.InvitationsView:
        """The code opens nothing any more."""
        await self._invitations.withdraw(request.match_info["p"], request.match_info["id"])
        return await self.invitations(request)

    @problem_codes(NO_SPACE)
    async def applications(self, request: web.Request) -> views.ApplicationsView:
        """The newest first."""
        slug = request.match_info["p"]
        found = await self._applications.all(slug)
        return views.ApplicationsView([await self._shown(slug, one) for one in found])

    @problem_codes({404: ("spaces.no-application", "spaces.none")})
    async def application(self, request: web.Request) -> views.ApplicationView:
        """With what was found out, what people noted, and who approved."""
        slug = request.match_info["p"]
        return await self._shown(slug, await self._applications.get(slug, request.match_info["id"]))

    @problem_codes({404: NO_APPLICATION})
    async def document(self, request: web.Request) -> web.Response:
        """A document that came with an application, by its SHA-256."""
        _, body = await self._applications.evidence(request.match_info["p"], request.match_info["id"])
        return web.Response(body=body, content_type="application/octet-stream")

    @problem_codes({403: NOT_YOURS, 404: ("spaces.no-application", "spaces.none"), 409: DECIDED})
    async def check(self, request: web.Request, wish: CheckRequest) -> views.ApplicationView:
        """Notes a point of the checklist."""
        slug = request.match_info["p"]
        found = await self._applications.note(
            slug, request.match_info["id"], wish.name, good=wish.good, note=wish.note, login=wish.who
        )
        return await self._shown(slug, found)

    @problem_codes(
        {
            400: ("spaces.checklist", "spaces.member-already"),
            403: NOT_YOURS,
            404: ("spaces.no-application", "spaces.none"),
            409: DECIDED,
        }
    )
    async def approve(self, request: web.Request, wish: YesRequest) -> views.ApplicationView:
        """A person agrees; with the last one that is needed the applicant is a member."""
        slug = request.match_info["p"]
        return await self._shown(slug, await self._applications.approve(slug, request.match_info["id"], wish.who))

    @problem_codes({403: NOT_YOURS, 404: ("spaces.no-application", "spaces.none"), 409: DECIDED})
    async def refuse(self, request: web.Request, wish: NoRequest) -> views.ApplicationView:
        """One no ends it."""
        slug = request.match_info["p"]
        found = await self._applications.refuse(slug, request.match_info["id"], wish.reason, wish.who)
        return await self._shown(slug, found)

    @problem_codes(NO_SPACE)
    async def members(self, request: web.Request) -> views.SpaceMembersView:
        """Everybody who ever was one, by name."""
        found = await self._memberships.all(request.match_info["p"])
        return views.SpaceMembersView([views.member(one) for one in found])

    @problem_codes(
        {
            400: ("spaces.keyless", "spaces.oneself", "spaces.step", "spaces.struck-key"),
            403: NOT_YOURS,
            404: ("spaces.no-member", "spaces.none"),
        }
    )
    async def state(self, request: web.Request, wish: StateRequest) -> views.SpaceMemberView:
        """Suspends, resumes or expels a member; in force with the next list, within a second or two."""
        found = await self._memberships.change(request.match_info["p"], wish.did, wish.state, wish.reason, wish.who)
        return views.member(found)

    @problem_codes({400: ("spaces.oneself", "spaces.step"), 403: NOT_YOURS, 404: ("spaces.no-member", "spaces.none")})
    async def renew(self, request: web.Request, wish: RenewRequest) -> views.SpaceMemberView:
        """A new term for a member from now on; nobody's end comes sooner by that."""
        return views.member(await self._memberships.renew(request.match_info["p"], wish.did, wish.who))

    @problem_codes(
        {
            400: ("mandates.code-form", "spaces.step", "spaces.withdrawal-code"),
            403: NOT_YOURS,
            404: ("spaces.no-member", "spaces.none"),
        }
    )
    async def strike(self, request: web.Request, wish: StrikeRequest) -> views.SpaceMemberView:
        """Ends a mandate that a member gave, by the code that its town kept: suspended, the agent's keys struck."""
        found = await self._memberships.strike(request.match_info["p"], wish.did, wish.code, wish.who)
        return views.member(found)

    async def recognised(self, request: web.Request) -> views.RecognisedSpacesView:
        """Authorities whose members count as members here."""
        return views.recognised(await self._memberships.recognised(request.match_info["p"]))

    @problem_codes(
        {
            400: ("spaces.description", "spaces.fingerprint", "spaces.link", "spaces.no-space", "spaces.oneself"),
            403: NOT_YOURS,
            404: ("spaces.none",),
            503: AWAY,
        }
    )
    async def recognise(self, request: web.Request, wish: RecogniseRequest) -> views.RecognisedSpacesView:
        """Members of another space count as members here."""
        said = await self._joining.describe(wish.space)
        if not same_fingerprint(wish.fingerprint, said.authority):
            raise Mistake("spaces.fingerprint")
        await self._memberships.recognise(request.match_info["p"], said, wish.kinds, wish.who)
        return await self.recognised(request)

    @problem_codes({403: NOT_YOURS, 404: ("spaces.no-member",)})
    async def forget(self, request: web.Request, wish: ForgetRequest) -> views.RecognisedSpacesView:
        """Its members are strangers again."""
        await self._memberships.forget(request.match_info["p"], wish.authority, wish.who)
        return await self.recognised(request)

    # Groups

    @problem_codes(NO_SPACE)
    async def groups(self, request: web.Request) -> views.SpaceGroupsView:
        """Groups of the space, ended ones too, with everybody who was asked, is in one, or was."""
        found = await self._groups.all(request.match_info["p"])
        return views.SpaceGroupsView([views.group(one) for one in found])

    @problem_codes(
        {
            400: (
                "participants.name",
                "spaces.group-ended",
                "spaces.group-name",
                "spaces.group-widens",
                "spaces.groups-many",
                "spaces.name",
            ),
            403: ("spaces.who",),
            404: ("spaces.no-member", "spaces.none"),
        }
    )
    async def put_group(self, request: web.Request, wish: GroupRequest) -> views.SpaceGroupView:
        """Begins a group, or gives it another name or keeper."""
        label = {str(lang): said for lang, said in wish.label.items()}
        return views.group(await self._groups.put(request.match_info["p"], wish.name, label, wish.keeper, wish.who))

    @problem_codes({403: ("spaces.who",), 404: NO_GROUP})
    async def end_group(self, request: web.Request, wish: YesRequest) -> views.SpaceGroupView:
        """Nobody is in it any more, and its IRI never names another one."""
        return views.group(await self._groups.end(request.match_info["p"], request.match_info["id"], wish.who))

    @problem_codes(
        {
            400: ("spaces.group-ended", "spaces.group-widens", "spaces.groups-many"),
            403: ("spaces.who",),
            404: ("spaces.no-member", *NO_GROUP),
        }
    )
    async def ask(self, request: web.Request, wish: GroupedRequest) -> views.SpaceGroupView:
        """Asks a member to be in a group; it is once it agrees, the authority itself at once."""
        slug, name = request.match_info["p"], request.match_info["id"]
        return views.group(await self._groups.ask(slug, name, wish.did, wish.who))

    @problem_codes({400: ("trust.did",), 403: ("spaces.who",), 404: NO_GROUP})
    async def remove(self, request: web.Request, wish: GroupedRequest) -> views.SpaceGroupView:
        """A member is in it no more, with the next list."""
        slug, name = request.match_info["p"], request.match_info["id"]
        return views.group(await self._groups.remove(slug, name, wish.did, wish.who))

    async def standings(self, request: web.Request) -> views.GroupStandingsView:
        """Groups of the spaces that the participant belongs to, and how it stands to each, asked of them now."""
        return views.standings(await self._elsewhere.all(request.match_info["p"]))

    @problem_codes(
        {
            400: (
                "spaces.group-closed",
                "spaces.group-ended",
                "spaces.group-not-asked",
                "spaces.group-widens",
                "spaces.groups-many",
            ),
            403: ("spaces.not-keeper",),
            404: ("spaces.no-group", "spaces.no-member", "spaces.not-joined"),
            503: AWAY,
        }
    )
    async def wish(self, request: web.Request, wish: GroupWish) -> views.GroupStandingsView:
        """Agrees to be in a group, leaves it, or fills one that the participant keeps."""
        slug = request.match_info["p"]
        await self._elsewhere.ask(
            slug,
            RequestClaims(
                space=grouping.space_of(wish.group), request=_WISHES[wish.wish], group=wish.group, member=wish.did
            ),
        )
        return await self.standings(request)

    # Joining

    async def joined(self, request: web.Request) -> views.JoinedSpacesView:
        """Spaces that the participant belongs to or asks to belong to."""
        found = await self._joining.all(request.match_info["p"])
        return views.JoinedSpacesView([views.joined(one, self._name) for one in found])

    @problem_codes({400: ("spaces.description", "spaces.link", "spaces.no-space"), 503: AWAY})
    async def look(self, request: web.Request, wish: LookRequest) -> views.SpaceView:
        """Whose space a link leads to; nothing is sent, and nothing of it believed."""
        return views.space(await self._joining.look(wish.link))

    @problem_codes(
        {
            400: (
                "spaces.description",
                "spaces.documents",
                "spaces.fingerprint",
                "spaces.large",
                "spaces.link",
                "spaces.no-space",
                "spaces.other-key",
            ),
            503: AWAY,
        }
    )
    async def join(self, request: web.Request, wish: JoinRequest) -> views.JoinedView:
        """Asks for membership; the same again goes on where it stopped."""
        slug = request.match_info["p"]
        return views.joined(await self._joining.apply(slug, wish.link, wish.fingerprint, wish.documents), self._name)

    @problem_codes({404: ("spaces.not-joined",)})
    async def progress(self, request: web.Request, wish: JoinedRequest) -> views.JoinedView:
        """How an application stands, asked of the authority now."""
        return views.joined(await self._joining.progress(request.match_info["p"], wish.space), self._name)

    @problem_codes({404: ("spaces.not-joined",), 503: AWAY})
    async def leave(self, request: web.Request, wish: JoinedRequest) -> views.JoinedView:
        """Ends the membership by the participant's own word."""
        return views.joined(await self._joining.leave(request.match_info["p"], wish.space), self._name)

    async def _shown(self, slug: str, one: Application) -> views.ApplicationView:
        description = await self._authority.description(slug)
        invited_as = await self._invitations.name_of(slug, one.invitation)
        return views.application(one, description.rules, invited_as)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/space", show),
        post(f"{PARTICIPANT}/space", create),
        post(f"{PARTICIPANT}/space/rules", change),
        get(f"{PARTICIPANT}/space/invitations", invitations),
        post(f"{PARTICIPANT}/space/invitations", invite, 201),
        post(f"{PARTICIPANT}/space/invitations/{{id}}/withdraw", withdraw),
        get(f"{PARTICIPANT}/space/applications", applications),
        get(f"{PARTICIPANT}/space/applications/{{id}}", application),
        post(f"{PARTICIPANT}/space/applications/{{id}}/check", check),
        post(f"{PARTICIPANT}/space/applications/{{id}}/approve", approve),
        post(f"{PARTICIPANT}/space/applications/{{id}}/refuse", refuse),
        get(f"{PARTICIPANT}/space/documents/{{id}}", document, media="application/octet-stream"),
        get(f"{PARTICIPANT}/space/members", members),
        post(f"{PARTICIPANT}/space/members", state),
        post(f"{PARTICIPANT}/space/members/renew", renew),
        post(f"{PARTICIPANT}/space/members/strike", strike),
        get(f"{PARTICIPANT}/space/recognised", recognised),
        post(f"{PARTICIPANT}/space/recognised", recognise),
        post(f"{PARTICIPANT}/space/recognised/end", forget),
        get(f"{PARTICIPANT}/space/groups", groups),
        post(f"{PARTICIPANT}/space/groups", put_group),
        post(f"{PARTICIPANT}/space/groups/{{id}}/end", end_group),
        post(f"{PARTICIPANT}/space/groups/{{id}}/members", ask),
        post(f"{PARTICIPANT}/space/groups/{{id}}/members/end", remove),
        get(f"{PARTICIPANT}/spaces/groups", standings),
        post(f"{PARTICIPANT}/spaces/groups", wish),
        get(f"{PARTICIPANT}/spaces", joined),
        post(f"{PARTICIPANT}/spaces", join),
        post(f"{PARTICIPANT}/spaces/look", look),
        post(f"{PARTICIPANT}/spaces/progress", progress),
        post(f"{PARTICIPANT}/spaces/leave", leave),
    )
