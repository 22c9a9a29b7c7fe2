"""Seal certificates above level L1, and stolen keys, over the management surface of an authority (spec/spaces.md 3.4).

`who` names the person who decides where nobody is signed in, which is on the operator's socket.
"""

from typing import Annotated, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.dataspace.spaces.assemble import SpaceSlice
from connector.foundation.errors import Mistake
from connector.identity.trust.members.trust_list import Sha256, millis
from connector.surfaces.api.routes import PARTICIPANT, Problems, Route, get, post, problem_codes
from connector.surfaces.api.spaces import NOT_YOURS, Did, Who
from connector.surfaces.views import space_certificates as views

_DECIDED: Problems = {
    400: ("spaces.no-certificate",),
    403: NOT_YOURS,
    404: ("spaces.no-member", "spaces.none"),
    409: ("approvals.approved", "approvals.refused"),
}


class CertificateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate of a member by its SHA-256 (hex), compared with what the member's people have in hand."""

    did: Did
    sha256: Sha256
    who: Who = ""


class CertificateRefusal(CertificateRequest, frozen=True, kw_only=True):
    """`reason` is told to the member."""

    reason: Annotated[str, Meta(max_length=500)] = ""


class StrikeOffRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`key`: the SHA-256 (hex) of a listed certificate, or the thumbprint of a key of the member's witness; it counts
    no more from `since` (RFC 3339) on."""

    did: Did
    key: Annotated[str, Meta(max_length=64)]
    since: Annotated[str, Meta(max_length=40)]
    who: Who = ""


class CertificateHandlers:
    def __init__(self, spaces: SpaceSlice) -> None:
        self._certificates = spaces.certificates

    @problem_codes({404: ("spaces.none",)})
    async def all(self, request: web.Request) -> views.WaitingCertificatesView:
        """Seal certificates above level L1 that members say are theirs, and that nobody counts before people agree."""
        return views.certificates(await self._certificates.all(request.match_info["p"]))

    @problem_codes(_DECIDED)
    async def approve(self, request: web.Request, wish: CertificateRequest) -> views.WaitingCertificatesView:
        """A person agrees; with the last one that is needed the list names the certificate from then on."""
        await self._certificates.approve(request.match_info["p"], wish.did, wish.sha256, wish.who)
        return await self.all(request)

    @problem_codes(_DECIDED)
    async def refuse(self, request: web.Request, wish: CertificateRefusal) -> views.WaitingCertificatesView:
        """One no ends it."""
        slug = request.match_info["p"]
        await self._certificates.refuse(slug, wish.did, wish.sha256, wish.who, wish.reason)
        return await self.all(request)

    @problem_codes(
        {
            400: ("spaces.strike", "spaces.strike-time", "spaces.strikes"),
            403: NOT_YOURS,
            404: ("spaces.no-member", "spaces.none"),
        }
    )
    async def strike(self, request: web.Request, wish: StrikeOffRequest) -> views.WaitingCertificatesView:
        """Strikes off a stolen key: what it sealed or vouched for from that time on counts no more, for anybody."""
        try:
            since = millis(wish.since)
        except ValueError as cause:
            raise Mistake("spaces.strike-time") from cause
        await self._certificates.strike(request.match_info["p"], wish.did, wish.key, since, wish.who)
        return await self.all(request)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/space/certificates", all),
        post(f"{PARTICIPANT}/space/certificates/approve", approve),
        post(f"{PARTICIPANT}/space/certificates/refuse", refuse),
        post(f"{PARTICIPANT}/space/certificates/strike", strike),
    )
