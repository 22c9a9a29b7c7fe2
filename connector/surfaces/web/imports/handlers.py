"""Foreign catalogues that a participant takes in: what became of each run, what waits, and the choice for each source.

Taking in is begun on the command line or by a program; here people see where their yes is asked for.
"""

from collections.abc import Mapping
from typing import ClassVar

from aiohttp import web
from msgspec import Struct

from connector.data.approvals.imports import ImportApprovals
from connector.data.harvest import waiting
from connector.data.harvest.model import Run, Source
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Database, Tx
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import TOWN, Route, get, post

LONGEST = 200
"""Characters of a name or address that are shown."""


class SourceLine(Struct, frozen=True, kw_only=True):
    """A source; `approval` is where people agree to what waits, `asked`: they are asked now. `wait`: new records always
    wait; `choice` says so."""

    id: str
    name: str
    location: str
    imported_at: int
    published: int
    waiting: int
    held: int
    approval: str
    asked: bool
    wait: bool
    choice: str


class RunLine(Struct, frozen=True):
    """A run: when it began, what was taken in, what became of it, and the approval of what waited then."""

    began_at: int
    name: str
    said: str
    approval: str


class ImportPages:
    def __init__(self, db: Database, imports: ImportApprovals) -> None:
        self._db, self._imports = db, imports

    async def all(self, call: Call) -> web.StreamResponse:
        def look(tx: Tx) -> tuple[list[SourceLine], list[Run]]:
            return [self._source(tx, call, *one) for one in waiting.sources(tx, call.slug)], waiting.runs(tx, call.slug)

        sources, runs = await self._db.read(call.slug, look)
        return await page(
            call,
            "imports/list.html",
            title=call.say("web.imports.title"),
            sources=sources,
            runs=[_run(call, one) for one in runs],
            steward="steward" in call.roles,
            writes=not call.roles.isdisjoint({"steward", "publisher"}),
            crumbs=[(call.say("web.datasets.title"), call.at("datasets"))],
        )

    async def choose(self, call: Call) -> web.StreamResponse:
        """Whether new records of a source always wait; that fewer wait may have to be agreed to."""
        name, choice = call.form.text("source"), call.form.text("choice")
        if choice not in ("wait", "publish"):
            raise Mistake("web.field", pointer="choice")
        if choice == "wait":
            await self._db.write(call.slug, self._imports.wait, call.slug, name)
            return to(call.at("imports"))
        asked = await self._db.write(call.slug, self._imports.let_go, call.slug, name, steward=True)
        return to(call.at("imports") if asked is None else call.at("approvals", asked.id))

    async def again(self, call: Call) -> web.StreamResponse:
        """Asks once more about what was refused by mistake, or not agreed in time."""
        asked = await self._db.write(call.slug, self._imports.again, call.slug, call.form.text("source"))
        return to(call.at("approvals", asked))

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/imports", all, "steward", "publisher", "auditor", "protection"),
        post(f"{TOWN}/imports/choice", choose, "steward"),
        post(f"{TOWN}/imports/again", again, "steward", "publisher"),
    )

    def _source(self, tx: Tx, call: Call, one: Source, counts: Mapping[str, int]) -> SourceLine:
        wait = one.wait_since > 0
        return SourceLine(
            id=one.id,
            name=plain(one.id, LONGEST),
            location=plain(one.location, LONGEST),
            imported_at=one.imported_at,
            published=counts.get("published", 0),
            waiting=counts["waiting"],
            held=counts.get("held", 0),
            approval=one.approval if counts["waiting"] else "",
            asked=self._imports.asked(tx, call.slug, one),
            wait=wait,
            choice=call.say(f"web.imports.choice-{'wait' if wait else 'publish'}"),
        )


def _run(call: Call, one: Run) -> RunLine:
    name = plain(one.source or one.location, LONGEST)
    if one.error:
        return RunLine(one.began_at, name, call.explain(HanseError(one.error, **one.facts)), "")
    if one.report is None:
        return RunLine(one.began_at, name, call.say("web.imports.under-way"), "")
    found = one.report
    facts = {"released": found.released, "waiting": found.waiting, "unchanged": found.unchanged}
    said = [call.say("web.imports.outcome", **facts)]
    if found.refused:
        said.append(call.say("web.imports.refused"))
    if found.held:
        said.append(call.say("web.imports.held", held=found.held))
    return RunLine(one.began_at, name, " ".join(said), found.approval)
