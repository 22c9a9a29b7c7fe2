"""A participant leaves, over the management surface: how it stands, close it, take its evidence along, delete it."""

from typing import Annotated, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.continuity.offboarding.close import Closing
from connector.continuity.offboarding.delete import Deletion
from connector.identity.trust.members.trust_list import Anchor
from connector.surfaces.api.routes import NO_AGREEMENT, PARTICIPANT, Query, Route, get, post, problem_codes
from connector.surfaces.views.members import Members
from connector.surfaces.views.offboarding import (
    BareAgreementView,
    EvidencePageView,
    HandedView,
    OffboardingView,
    evidence,
    offboarding,
)


class CloseRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the participant leaves; its partners read it."""

    reason: Annotated[str, Meta(max_length=2_000)]


class DeleteRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`abandon`: also if partners have not been told everything; `despite_retention`: also while periods run."""

    abandon: bool = False
    despite_retention: bool = False


class Handed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The evidence of this agreement is on the caller's disk, as a file with this SHA-256 (hex).

    `records`: as the list said before the evidence was fetched. If there are more by the time of the deletion, it has
    to be fetched again.
    """

    agreement: Annotated[str, Meta(max_length=2_000)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    records: Annotated[int, Meta(ge=0, le=2**53)]


class OffboardingHandlers:
    def __init__(self, leaving: Closing, deleting: Deletion, anchor: Anchor) -> None:
        self._leaving, self._deleting, self._members = leaving, deleting, Members(anchor)

    async def look(self, request: web.Request) -> OffboardingView:
        """What is open, who has not been told, what forbids deletion."""
        return offboarding(self._members, await self._leaving.look(request.match_info["p"]))

    @problem_codes({400: ("leaving.gone", "leaving.reason")})
    async def close(self, request: web.Request, wish: CloseRequest) -> OffboardingView:
        """Begins, or goes on; `state` is `closing` while something is still open."""
        return offboarding(self._members, await self._leaving.close(request.match_info["p"], wish.reason))

    @problem_codes({400: ("leaving.not-closed",)})
    async def evidence(self, request: web.Request) -> EvidencePageView:
        """A page of agreements, with the SHA-256 of what was taken along already."""
        return evidence(await self._deleting.evidence(request.match_info["p"], request.query.get("after", "")))

    @problem_codes({400: ("leaving.not-closed",), **NO_AGREEMENT})
    async def handed(self, request: web.Request, wish: Handed) -> HandedView:
        """The evidence of an agreement is on the operator's disk."""
        await self._deleting.handed(request.match_info["p"], wish.agreement, wish.sha256, wish.records)
        return HandedView(wish.agreement)

    @problem_codes({400: ("leaving.not-closed",), **NO_AGREEMENT})
    async def bare(self, request: web.Request) -> BareAgreementView:
        """What there is of an agreement of which no bundle can be made."""
        found = await self._deleting.bare(request.match_info["p"], request.match_info["id"])
        return msgspec.convert(found, BareAgreementView)

    @problem_codes(
        {
            400: (
                "leaving.doubted",
                "leaving.held",
                "leaving.not-closed",
                "leaving.retained",
                "leaving.unhanded",
                "leaving.untold",
                "moving.answered",
            ),
            503: ("leaving.files",),
        }
    )
    async def delete(self, request: web.Request, wish: DeleteRequest) -> OffboardingView:
        """`state` is `deleting` while rows are left: another process, or this one, goes on by itself."""
        slug, despite = request.match_info["p"], wish.despite_retention
        return offboarding(self._members, await self._deleting.delete(slug, abandon=wish.abandon, despite=despite))

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/leaving", look),
        post(f"{PARTICIPANT}/close", close),
        get(f"{PARTICIPANT}/leaving/evidence", evidence, Query("after", "The last id of the page before.")),
        post(f"{PARTICIPANT}/leaving/evidence", handed),
        get(f"{PARTICIPANT}/leaving/agreements/{{id}}", bare),
        post(f"{PARTICIPANT}/delete", delete),
    )
