"""Taking foreign catalogues in over the management surface: runs, originals, questions, answers, repairs."""

from typing import ClassVar, Literal

import msgspec
from aiohttp import web

from connector.data.approvals.imports import ImportApprovals
from connector.data.harvest import waiting
from connector.data.harvest.assemble import HarvestSlice
from connector.data.harvest.model import Answer
from connector.foundation.errors import Mistake
from connector.foundation.http import limits
from connector.foundation.http.incoming import Incoming
from connector.foundation.storage.database import Database, Tx
from connector.kernel.metadata.rdf.reading import LIMITS
from connector.surfaces.api.routes import PARTICIPANT, Query, Route, get, post, problem_codes
from connector.surfaces.views.harvest import (
    ImportChoiceView,
    ImportQuestionsView,
    ImportStartedView,
    NewRecords,
    RepairsView,
    ReportsView,
    RunView,
    SourcesView,
    question,
    repair,
    report,
    run,
    source,
)

MOST_ANSWERS = 5_000
REFUSED = ("harvest.answer", "harvest.busy", "harvest.many-answers", "harvest.not-asked")
NO_SOURCE = ("harvest.no-source",)
_SOURCE = Query("source", "Only this source: its name, or where it came from.")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A document, the first page of several (Hydra), or CKAN's `package_search`. `source` names the source.

    `new_records`: new records of the source wait for a person from now on.
    """

    url: str
    source: str | None = None
    new_records: Literal["wait"] | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Of a source, by its name: new records always wait for a person, or go out where nothing asks for one."""

    source: str
    new_records: NewRecords


class AnswerWish(msgspec.Struct, frozen=True, kw_only=True):
    """`answer`: a code or IRI of the list, a text, or `-` to leave the value out. For one `dataset` alone if given."""

    kind: str
    value: str
    answer: str
    dataset: str = ""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    answers: list[AnswerWish]
    source: str | None = None


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """`redo` takes the rule up again."""

    rule: str
    redo: bool = False
    source: str | None = None


class HarvestHandlers:
    def __init__(self, harvest: HarvestSlice, db: Database, imports: ImportApprovals) -> None:
        self._harvest, self._db, self._imports = harvest, db, imports

    @problem_codes({400: ("harvest.busy", "harvest.new-records", "harvest.no-name", "rdf.too-large")})
    @limits.streaming
    async def take(self, request: web.Request) -> ImportStartedView:
        """Begins to take in a document in RDF: RDF/XML, Turtle, JSON-LD or N-Triples."""
        name = request.query.get("name", "").rsplit("/", 1)[-1][:200]
        if not name or not name.isprintable():
            raise Mistake("harvest.no-name")
        wait = request.query.get("new_records", "")
        if wait not in ("", "wait"):
            raise Mistake("harvest.new-records")
        content = bytearray()
        async for part in Incoming(request).pieces(1 << 20):
            content += part
            if len(content) > LIMITS.bytes:
                raise Mistake("rdf.too-large", limit=LIMITS.bytes)
        wanted = request.query.get("source") or None
        harvest = await self._harvest.service()
        started = await harvest.start(
            request.match_info["p"], bytes(content), name=name, media_type=None, source=wanted, wait=wait == "wait"
        )
        return ImportStartedView(started)

    @problem_codes({400: ("harvest.address", "harvest.busy")})
    async def fetch(self, request: web.Request, wish: Address) -> ImportStartedView:
        """Begins to take in what lies at an https address."""
        harvest = await self._harvest.service()
        wait = wish.new_records == "wait"
        slug = request.match_info["p"]
        return ImportStartedView(await harvest.start_url(slug, wish.url, source=wish.source, wait=wait))

    @problem_codes({404: ("harvest.no-run",)})
    async def run(self, request: web.Request) -> RunView:
        """How a run stands."""
        harvest = await self._harvest.service()
        return run(await harvest.run(request.match_info["p"], request.match_info["run"]))

    async def sources(self, request: web.Request) -> SourcesView:
        """Where imported datasets come from."""
        harvest = await self._harvest.service()
        return SourcesView([source(*each) for each in await harvest.sources(request.match_info["p"])])

    @problem_codes({404: NO_SOURCE})
    async def choose(self, request: web.Request, wish: Choice) -> ImportChoiceView:
        """Chooses for a source whether new records always wait for a person. That fewer wait needs the people that a
        publication needs; until they have agreed it stays as it is."""
        slug = request.match_info["p"]

        def unit(tx: Tx) -> ImportChoiceView:
            asked = None
            if wish.new_records == "wait":
                self._imports.wait(tx, slug, wish.source)
            else:
                asked = self._imports.let_go(tx, slug, wish.source, steward=False)
            found = next(each for each in waiting.sources(tx, slug) if each[0].id == wish.source)
            return ImportChoiceView(source=source(*found), asked=None if asked is None else asked.id)

        return await self._db.write(slug, unit)

    @problem_codes({404: NO_SOURCE})
    @limits.streaming
    async def original(self, request: web.Request) -> web.Response:
        """Every triple of the last delivery, those under no dataset too, as N-Triples."""
        harvest = await self._harvest.service()
        content = await harvest.original(request.match_info["p"], request.query.get("source"))
        return web.Response(body=content, content_type="application/n-triples")

    @problem_codes({404: NO_SOURCE})
    async def questions(self, request: web.Request) -> ImportQuestionsView:
        """What only people know, one question for each value."""
        harvest = await self._harvest.service()
        found = await harvest.questions(request.match_info["p"], request.query.get("source"))
        return ImportQuestionsView([question(*each) for each in found])

    @problem_codes(
        {
            400: (
                "harvest.answer",
                "harvest.busy",
                "harvest.not-asked",
                "harvest.many-answers",
            ),
            404: NO_SOURCE,
        }
    )
    @limits.streaming
    async def answer(self, request: web.Request, wish: Answers) -> ReportsView:
        """Takes answers; the datasets that waited for them go out if nothing else is missing."""
        if len(wish.answers) > MOST_ANSWERS:
            raise Mistake("harvest.many-answers", most=MOST_ANSWERS)
        given = [Answer(kind=a.kind, value=a.value, dataset=a.dataset, answer=a.answer) for a in wish.answers]
        harvest = await self._harvest.service()
        done = await harvest.answer(request.match_info["p"], given, wish.source)
        return ReportsView([report(one) for one in done.reports], done.unasked)

    @problem_codes({404: NO_SOURCE})
    async def repairs(self, request: web.Request) -> RepairsView:
        """Which rules were used, how often, and what each replaced by what."""
        slug, wanted = request.match_info["p"], request.query.get("source")
        harvest = await self._harvest.service()
        found = await harvest.repairs(slug, wanted)
        undone = {one.id: sorted(one.undone) for one, _ in await harvest.sources(slug) if one.undone}
        return RepairsView([repair(rule, count, uses) for rule, (count, uses) in found.items()], undone)

    @problem_codes({400: ("harvest.busy", "harvest.no-rule"), 404: NO_SOURCE})
    @limits.streaming
    async def undo(self, request: web.Request, wish: Undo) -> ReportsView:
        """Leaves a rule of repair out from now on, or takes it up again."""
        harvest = await self._harvest.service()
        done = await harvest.undo(request.match_info["p"], wish.rule, wish.source, redo=wish.redo)
        return ReportsView([report(one) for one in done])

    routes: ClassVar[tuple[Route, ...]] = (
        post(
            f"{PARTICIPANT}/imports",
            take,
            202,
            Query("name", "What the file is called."),
            _SOURCE,
            Query("new_records", "`wait`: new records of the source wait for a person from now on."),
            takes="application/octet-stream",
        ),
        get(f"{PARTICIPANT}/imports", sources),
        post(f"{PARTICIPANT}/imports/choice", choose),
        post(f"{PARTICIPANT}/imports/address", fetch, 202),
        get(f"{PARTICIPANT}/imports/runs/{{run}}", run),
        get(f"{PARTICIPANT}/imports/original", original, _SOURCE, media="application/n-triples"),
        get(f"{PARTICIPANT}/imports/questions", questions, _SOURCE),
        post(f"{PARTICIPANT}/imports/answers", answer),
        get(f"{PARTICIPANT}/imports/repairs", repairs, _SOURCE),
        post(f"{PARTICIPANT}/imports/undo", undo),
    )
