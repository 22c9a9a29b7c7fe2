"""The page of seal certificates above level L1, for who keeps a space: what each says of itself, what people decide.

A certificate in the list is the authority's word that its people looked. Stewards alone agree or refuse, each once; the
others read (spec/spaces.md 3.4).
"""

from collections.abc import Awaitable
from typing import ClassVar

from aiohttp import web
from msgspec import Struct

from connector.dataspace.spaces.assemble import SpaceSlice
from connector.dataspace.spaces.keeping.authority import ROLE
from connector.dataspace.spaces.keeping.certificates import WaitingCertificate
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.language import local_day
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Database
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import TOWN, Route, get, post
from connector.surfaces.web.session import READERS
from connector.surfaces.web.spaces import view

PIECE = 16
"""Characters of a digest that people compare at a time."""


class Shown(Struct, frozen=True, kw_only=True):
    """A certificate as its card: `facts` are names and values to be read, `agreed` if who looks has said yes."""

    did: str
    sha256: str
    name: str
    facts: list[tuple[str, str]]
    bare: bool
    missing: int
    agreed: bool


class CertificatePages:
    def __init__(self, db: Database, spaces: SpaceSlice) -> None:
        self._db, self._authority, self._certificates = db, spaces.authority, spaces.certificates

    async def all(self, call: Call) -> web.StreamResponse:
        return await self._page(call)

    async def approve(self, call: Call) -> web.StreamResponse:
        """That very certificate, by its digest."""
        did, sha256 = call.form.text("did"), call.form.text("sha256")
        return await self._decided(call, self._certificates.approve(call.slug, did, sha256))

    async def refuse(self, call: Call) -> web.StreamResponse:
        """The member is told the reason."""
        did, sha256, reason = call.form.text("did"), call.form.text("sha256"), call.form.text("reason")
        if len(reason) < 3:
            return await self._page(call, Mistake("spaces.reason"))
        return await self._decided(call, self._certificates.refuse(call.slug, did, sha256, reason=reason[:500]))

    async def _decided(self, call: Call, step: Awaitable[None]) -> web.StreamResponse:
        try:
            await step
        except HanseError as problem:
            if problem.status >= 500:
                raise
            return await self._page(call, problem)
        return to(call.at("space", "certificates"))

    async def _page(self, call: Call, problem: HanseError | None = None) -> web.StreamResponse:
        found = await self._certificates.all(call.slug)
        space = await self._db.read(call.slug, self._authority.held, call.slug)
        return await page(
            call,
            "spaces/certificates.html",
            200 if problem is None else 422,
            title=call.say("web.spaces.certificates"),
            crumbs=[
                (call.say("web.spaces.title"), call.at("spaces")),
                (plain(space.name, view.LONGEST), call.at("space")),
            ],
            seals=[_shown(call, one) for one in found],
            may=ROLE in call.roles,
            errors=[] if problem is None else [("", call.explain(problem))],
        )

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/space/certificates", all, *READERS),
        post(f"{TOWN}/space/certificates/approve", approve, ROLE),
        post(f"{TOWN}/space/certificates/refuse", refuse, ROLE),
    )


def _shown(call: Call, one: WaitingCertificate) -> Shown:
    asked, said = one.asked, one.asked.shown
    facts = [("member", f"{plain(one.member.name, view.LONGEST)} ({one.member.did})")]
    if said is not None:
        level = "l3" if said.qualified else "l2"
        period = call.say("web.spaces.seal-period", begins=_day(call, said.begins), ends=_day(call, said.ends))
        facts += [
            ("subject", said.subject),
            ("issuer", said.issuer),
            ("period", period),
            ("level", call.say(f"web.spaces.seal-{level}")),
        ]
    facts += [
        ("sha256", " ".join(asked.sha256[at : at + PIECE] for at in range(0, len(asked.sha256), PIECE))),
        ("asked", _day(call, asked.at)),
    ]
    return Shown(
        did=one.member.did,
        sha256=asked.sha256,
        name=plain(one.member.name, view.LONGEST),
        facts=[(call.say(f"web.spaces.seal-fact.{name}"), value) for name, value in facts],
        bare=said is None,
        missing=one.missing,
        agreed=any(vote.who == call.voter.who for vote in asked.votes),
    )


def _day(call: Call, at: int) -> str:
    return local_day(at, call.lang)
