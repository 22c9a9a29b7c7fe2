"""The page of mergers, for who keeps a space: which members say to be part of another one, and what people decide.

Stewards alone agree or refuse, each once; the others read (spec/spaces.md 4.7).
"""

from collections.abc import Awaitable
from typing import ClassVar

from aiohttp import web
from msgspec import Struct

from connector.dataspace.spaces.assemble import SpaceSlice
from connector.dataspace.spaces.decision.merging import ShownMerger
from connector.dataspace.spaces.keeping.authority import ROLE
from connector.dataspace.spaces.keeping.mergers import MemberMerger
from connector.dataspace.spaces.model import Member
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.language import local_day
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Database
from connector.surfaces.views.fields import day
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import TOWN, Route, get, post
from connector.surfaces.web.session import READERS
from connector.surfaces.web.spaces import view

TONES = {
    "asked": "info",
    "said": "warning",
    "approved": "success",
    "refused": "danger",
    "expired": "info",
    "withdrawn": "info",
    "lapsed": "info",
}


class Shown(Struct, frozen=True, kw_only=True):
    """A merger as its card: `open` while people may decide, `agreed` if who looks has said yes."""

    did: str
    into: str
    since: str
    name: str
    said: str
    state: str
    tone: str
    reason: str
    missing: int
    open: bool
    agreed: bool


class MergerPages:
    def __init__(self, db: Database, spaces: SpaceSlice) -> None:
        self._db, self._authority, self._mergers = db, spaces.authority, spaces.mergers

    async def all(self, call: Call) -> web.StreamResponse:
        return await self._page(call)

    async def approve(self, call: Call) -> web.StreamResponse:
        """What the page had shown her, and nothing that was said in its place since."""
        seen = ShownMerger(call.form.text("into"), call.form.text("since"))
        return await self._decided(call, self._mergers.approve(call.slug, call.form.text("did"), seen=seen))

    async def refuse(self, call: Call) -> web.StreamResponse:
        """The reason stays in the log."""
        reason = call.form.text("reason")
        if len(reason) < 3:
            return await self._page(call, Mistake("spaces.reason"))
        return await self._decided(call, self._mergers.refuse(call.slug, call.form.text("did"), reason[:500]))

    async def _decided(self, call: Call, step: Awaitable[Member]) -> web.StreamResponse:
        try:
            await step
        except HanseError as problem:
            if problem.status >= 500:
                raise
            return await self._page(call, problem)
        return to(call.at("space", "mergers"))

    async def _page(self, call: Call, problem: HanseError | None = None) -> web.StreamResponse:
        found = await self._mergers.all(call.slug)
        space = await self._db.read(call.slug, self._authority.held, call.slug)
        now, who = call.desk.clock.now(), call.voter.who
        return await page(
            call,
            "spaces/mergers.html",
            200 if problem is None else 422,
            title=call.say("web.spaces.mergers"),
            crumbs=[
                (call.say("web.spaces.title"), call.at("spaces")),
                (plain(space.name, view.LONGEST), call.at("space")),
            ],
            mergers=[_shown(call, one, who, now) for one in found],
            may=ROLE in call.roles,
            errors=[] if problem is None else [("", call.explain(problem))],
        )

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/space/mergers", all, *READERS),
        post(f"{TOWN}/space/mergers/approve", approve, ROLE),
        post(f"{TOWN}/space/mergers/refuse", refuse, ROLE),
    )


def _shown(call: Call, one: MemberMerger, who: str, now: int) -> Shown:
    name, state = plain(one.member.name, view.LONGEST), one.state(now)
    whole = plain(one.into_name or one.merger.into, view.LONGEST)
    return Shown(
        did=one.member.did,
        into=one.merger.into,
        since=day(one.merger.since),
        name=name,
        state=call.say(f"web.spaces.merger.{state}"),
        tone=TONES[state],
        said=call.say("web.spaces.merger-said", name=name, whole=whole, day=local_day(one.merger.since, call.lang)),
        reason=plain(one.merger.reason, view.LONGEST),
        missing=one.missing(now),
        open=state == "said",
        agreed=any(vote.who == who for vote in one.merger.ballot.votes),
    )
