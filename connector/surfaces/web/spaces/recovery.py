"""The page of an authority that serves no list: what members hold that its database does not know, and the decision.

Until one person has read it, no list is made and no change is taken. Stewards alone decide, and what they agree to is
the very number that they were shown; the others read (spec/spaces.md 4.8).
"""

from typing import ClassVar

from aiohttp import web

from connector.dataspace.spaces.assemble import SpaceSlice
from connector.dataspace.spaces.keeping.authority import ROLE
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.language import local_day
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Database
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import TOWN, Route, get, post
from connector.surfaces.web.session import READERS
from connector.surfaces.web.spaces import view

MOST = 200
"""Changes that are shown; the others are counted."""
DIGITS = 16
"""Of the number of a list."""


class RecoveryPages:
    def __init__(self, db: Database, spaces: SpaceSlice) -> None:
        self._db, self._authority, self._recovery = db, spaces.authority, spaces.recovery

    async def show(self, call: Call) -> web.StreamResponse:
        return await self._page(call)

    async def settle(self, call: Call) -> web.StreamResponse:
        """Takes back what that very list says (0: none was found)."""
        number = call.form.text("list")
        if call.form.text("read") != "yes":
            return await self._page(call, Mistake("spaces.recovery-unread"), "read")
        if not (number.isascii() and number.isdecimal() and len(number) <= DIGITS):
            raise Mistake("web.field", pointer="list")
        try:
            await self._recovery.settle(call.slug, int(number), incomplete=call.form.text("incomplete") == "yes")
        except HanseError as problem:
            if problem.status >= 500:
                raise
            return await self._page(call, problem, "incomplete" if problem.code == "spaces.recovery-away" else "")
        return to(call.at("space", "recovery"))

    async def _page(self, call: Call, problem: HanseError | None = None, field: str = "") -> web.StreamResponse:
        found = await self._recovery.state(call.slug)
        space = await self._db.read(call.slug, self._authority.held, call.slug)
        errors = [] if problem is None else [(field, call.explain(problem))]
        row = found.recovery
        return await page(
            call,
            "spaces/recovery.html",
            200 if problem is None else 422,
            title=call.say("web.spaces.recovery"),
            crumbs=[
                (call.say("web.spaces.title"), call.at("spaces")),
                (plain(space.name, view.LONGEST), call.at("space")),
            ],
            row=row,
            since="" if row is None else local_day(row.began_at, call.lang),
            away=() if row is None else [plain(one, view.LONGEST) for one in row.asked.away],
            changes=[
                (plain(one.name, view.LONGEST), one.did, call.say(f"web.spaces.recovery-change.{one.what}"))
                for one in found.changes[:MOST]
            ],
            more=max(0, len(found.changes) - MOST),
            may=ROLE in call.roles,
            errors=errors,
            wrong=dict(errors),
        )

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/space/recovery", show, *READERS),
        post(f"{TOWN}/space/recovery", settle, ROLE),
    )
