"""The way from a file to an offer: hand over, describe, choose a rule, check, publish, take back.

Every step saves the draft and leads to the next; whoever comes back finds it where she left it (spec/desk.md 7).
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from connector.data.catalogue.search.find import Index, SearchRequest
from connector.data.drafts.model import Draft, Said
from connector.data.drafts.service import Drafts, Outdated
from connector.data.sources.kinds import Sources
from connector.data.sources.model import Source
from connector.foundation.errors import HanseError, Mistake, PeerError, Unknown
from connector.foundation.language import local_time
from connector.foundation.storage.database import Database, Tx
from connector.foundation.zone import local
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.policy.odrl.model import PolicyError
from connector.surfaces.views.dataset import title_of
from connector.surfaces.views.members import Members
from connector.surfaces.views.template import TemplateView
from connector.surfaces.web.call import Call
from connector.surfaces.web.publish import terms, view
from connector.surfaces.web.publish.source_form import form_of
from connector.surfaces.web.publish.terms import OPEN, Rules
from connector.surfaces.web.render import STOP_POLLING, page, to
from connector.surfaces.web.routes import TOWN, Route, get, post

STEPS = ("file", "description", "rule", "check")
PATIENCE_S = 4.0
"""Most files have been read by then, so that nobody sees a page that only waits."""
ALIKE = 5
YEARS = 2


class PublishHandlers:
    def __init__(
        self, db: Database, drafts: Drafts, sources: Sources, rules: Rules, index: Index, anchor: Anchor
    ) -> None:
        self._db, self._drafts, self._sources, self._rules, self._index = db, drafts, sources, rules, index
        self._members = Members(anchor)

    # The file

    async def start(self, call: Call) -> web.StreamResponse:
        """What is being prepared, and a new file or address."""
        return await self._start(call)

    async def _start(
        self,
        call: Call,
        problem: str = "",
        status: int = 200,
        *,
        kind: str = "",
        given: Mapping[str, str] | None = None,
        wrong: str = "",
    ) -> web.StreamResponse:
        """`problem` is of what was `given` for a source of this `kind` (`wrong`: its parameter), else of a file."""
        found, sources = await self._db.read(call.slug, self._before, call.slug)
        known = [
            (one.id, call.say("web.publish.known.one", name=one.name, at=local_time(one.created_at, call.lang)))
            for one in sources
        ]
        return await page(
            call,
            "publish/start.html",
            status,
            title=call.say("web.publish.title"),
            intro=call.say("web.publish.intro"),
            drafts=found,
            steps=self._steps(call),
            problem=problem,
            kinds=[
                form_of(call, one, (given or {}) if one.name == kind else {}, wrong) for one in self._sources.asked()
            ],
            asked=kind,
            known=known,
        )

    def _before(self, tx: Tx, slug: str) -> tuple[list[Draft], list[Source]]:
        """What is being prepared, and what was handed in and is in no draft."""
        return self._drafts.open_ones(tx, slug), self._drafts.unused(tx, slug)[:100]

    async def known(self, call: Call) -> web.StreamResponse:
        """With a file or a live source that was handed in before."""
        try:
            made = await self._drafts.begin_with(call.slug, call.voter.who, call.form.text("source"))
        except Mistake as problem:
            return await self._start(call, call.explain(problem), 422)
        await self._drafts.read_within(call.slug, made.id, PATIENCE_S)
        return to(call.at("publish", made.id))

    async def file(self, call: Call) -> web.StreamResponse:
        """A file is handed over."""
        try:
            upload = call.upload
            if not upload.name:
                raise Mistake("web.no-file")
            made = await self._drafts.begin(call.slug, call.voter.who, upload.name, upload)
        except Mistake as problem:
            return await self._start(call, call.explain(problem), 422)
        await self._drafts.read_within(call.slug, made.id, PATIENCE_S)
        return to(call.at("publish", made.id))

    async def source(self, call: Call) -> web.StreamResponse:
        """The data lie elsewhere."""
        kind = next((one for one in self._sources.asked() if one.name == call.param("kind")), None)
        if kind is None:
            raise Unknown("http.nothing-here")
        given = {one.name: call.form.text(one.field) for one in form_of(call, kind, {}).fields}
        try:
            live = call.form.text("how") == "live"
            made = await self._drafts.begin_at(call.slug, call.voter.who, kind.name, given, live=live)
        except HanseError as problem:
            if problem.status >= 500 and problem.status != 503:
                raise
            wrong = str(problem.facts.get("name", ""))
            return await self._start(call, call.explain(problem), 422, kind=kind.name, given=given, wrong=wrong)
        await self._drafts.read_within(call.slug, made.id, PATIENCE_S)
        return to(call.at("publish", made.id))

    async def draft(self, call: Call) -> web.StreamResponse:
        """Where it goes on."""
        one = await self._draft(call)
        match one.state:
            case "reading":
                return await page(
                    call,
                    "publish/reading.html",
                    title=call.say("web.publish.reading"),
                    draft=one,
                    steps=self._steps(call),
                )
            case "submitted" | "published":
                return to(call.at("publish", one.id, "done"))
            case "discarded":
                return to(call.at("publish"))
        return to(call.at("publish", one.id, "description"))

    async def reading(self, call: Call) -> web.StreamResponse:
        """A part that is asked for every two seconds until the file has been read."""
        one = await self._draft(call)
        status = 200 if one.state == "reading" else STOP_POLLING
        return await page(call, "publish/reading_part.html", status, draft=one)

    # The description

    async def description(self, call: Call) -> web.StreamResponse:
        one = await self._draft(call)
        return await self._described(call, one) if one.state == "open" else self._goes_on(call, one)

    async def _described(
        self,
        call: Call,
        one: Draft,
        said: Said | None = None,
        errors: list[tuple[str, str]] | None = None,
        status: int = 200,
    ) -> web.StreamResponse:
        reading = one.reading
        unread = "" if one.problem is None else call.explain(Mistake(one.problem.code, **one.problem.facts))
        return await page(
            call,
            "publish/description.html",
            status,
            title=call.say("web.publish.step.description"),
            crumbs=self._crumbs(call),
            steps=self._steps(call),
            ways=self._ways(call, one),
            draft=one,
            said=said or one.said,
            unread=unread,
            facts=view.facts(call, one),
            remarks=[] if reading is None else view.remarks(call, reading),
            hints=view.hints(call, one),
            answers=view.answer_options(call),
            errors=errors or [],
            frequencies=view.frequencies(call, (said or one.said).frequency),
            themes=view.themes(call),
            tables=view.tables(call, one.reading),
            asks_zone=view.asks_zone(reading),
        )

    async def zone(self, call: Call) -> web.StreamResponse:
        """Somebody knows in which zone the places are: the file is read once more."""
        version, zone = call.form.text("version"), call.form.text("zone")
        if not all(text.isascii() and text.isdigit() and len(text) < 10 for text in (version, zone)):
            raise Mistake("web.field", pointer="zone")
        await self._drafts.read_in_zone(call.slug, call.param("draft"), int(version), int(zone), call.voter)
        await self._drafts.read_within(call.slug, call.param("draft"), PATIENCE_S)
        return to(call.at("publish", call.param("draft")))

    async def describe(self, call: Call) -> web.StreamResponse:
        """What was answered is saved, complete or not."""
        one, form = await self._open(call), call.form
        personal = {hint.key: form.text(f"hint-{at}") for at, hint in enumerate(one.hints)}
        changed: dict[str, Any] = {"personal": {key: each for key, each in personal.items() if each in view.ANSWERS}}
        if one.kind == "new":
            changed |= {name: form.text(name) for name in ("title", "description", "frequency", "theme")}
        else:
            changed["notes"] = form.text("notes")
        errors = []
        if one.kind == "new" and not changed["title"]:
            errors.append(("title", call.say("web.publish.no-title")))
        if len(changed["personal"]) < len(one.hints):
            errors.append(("hint-0", call.say("web.publish.no-answer")))
        saved = await self._save(call, one, changed)
        if isinstance(saved, list):
            fresh = await self._open(call)
            return await self._described(call, fresh, _with(fresh.said, changed), saved, 422)
        if errors:
            return await self._described(call, saved, errors=errors, status=422)
        return to(call.at("publish", one.id, "rule" if one.kind == "new" else "check"))

    # The rule

    async def rule(self, call: Call) -> web.StreamResponse:
        one = await self._draft(call)
        return await self._ruled(call, one) if one.state == "open" else self._goes_on(call, one)

    async def _ruled(self, call: Call, one: Draft, error: str = "", status: int = 200) -> web.StreamResponse:
        return await page(
            call,
            "publish/rule.html",
            status,
            title=call.say("web.publish.step.rule"),
            crumbs=self._crumbs(call),
            steps=self._steps(call),
            ways=self._ways(call, one),
            draft=one,
            rules=self._rules.offered(),
            first=terms.FIRST,
            open_rule=OPEN,
            chosen=OPEN if one.said.open_data else one.said.rule,
            error=error,
        )

    async def choose(self, call: Call) -> web.StreamResponse:
        one, rule = await self._open(call), call.form.text("rule")
        if not rule:
            return await self._ruled(call, one, call.say("web.publish.no-rule"), 422)
        changed: dict[str, Any] = {"open_data": True, "rule": "", "slots": {}}
        if rule == OPEN:
            changed["licence"] = one.said.licence or view.OPEN_LICENCES[0]
        else:
            found = self._rules.named(rule)
            slots = one.said.slots if one.said.rule == rule else _first_slots(call, found)
            changed = {"open_data": False, "licence": "", "rule": rule, "slots": slots}
        saved = await self._save(call, one, changed)
        if isinstance(saved, list):
            return await self._ruled(call, await self._open(call), saved[0][1], 422)
        return to(call.at("publish", one.id, "terms"))

    async def terms(self, call: Call) -> web.StreamResponse:
        one = await self._draft(call)
        if one.state != "open":
            return self._goes_on(call, one)
        if not one.said.open_data and not one.said.rule:
            return to(call.at("publish", one.id, "rule"))
        return await self._termed(call, one, one.said.slots)

    async def _termed(
        self,
        call: Call,
        one: Draft,
        slots: Mapping[str, str],
        errors: list[tuple[str, str]] | None = None,
        status: int = 200,
    ) -> web.StreamResponse:
        open_data = one.said.open_data
        rule = None if open_data else self._rules.named(one.said.rule)
        return await page(
            call,
            "publish/terms.html",
            status,
            title=call.say("web.publish.step.terms"),
            crumbs=self._crumbs(call),
            steps=self._steps(call),
            ways=self._ways(call, one),
            draft=one,
            said=one.said,
            rule=rule,
            fields=[] if rule is None else self._rules.fields(call, rule, slots),
            effect=None if rule is None else self._rules.effect(call, rule.id, slots),
            licences=view.licences(call, one.said.licence),
            errors=errors or [],
        )

    async def preview(self, call: Call) -> web.StreamResponse:
        """What the rule would say and whom it would let in, with what is typed just now."""
        one = await self._open(call)
        rule = self._rules.named(one.said.rule)
        given = {name: call.request.query.getall(name)[:100] for name in set(call.request.query.keys())}
        effect = self._rules.effect(call, rule.id, terms.read(call, rule, given))
        return await page(call, "publish/effect_part.html", effect=effect)

    async def agree(self, call: Call) -> web.StreamResponse:
        one, form = await self._open(call), call.form
        changed: dict[str, Any] = {}
        if one.said.open_data:
            changed["licence"] = form.text("licence")
        else:
            rule = self._rules.named(one.said.rule)
            slots = terms.read(call, rule, {name: form.all(name) for name, _ in form.fields})
            effect = self._rules.effect(call, rule.id, slots)
            if effect.problem:
                return await self._termed(call, one, slots, [("", effect.problem)], 422)
            changed |= {"slots": slots, "visibility": "eligible" if form.has("hidden") else "members"}
        saved = await self._save(call, one, changed)
        if isinstance(saved, list):
            return await self._termed(call, await self._open(call), changed.get("slots", {}), saved, 422)
        return to(call.at("publish", one.id, "check"))

    # Checking and publishing

    async def check(self, call: Call) -> web.StreamResponse:
        one = await self._draft(call)
        return await self._checked(call, one) if one.state == "open" else self._goes_on(call, one)

    async def _checked(self, call: Call, one: Draft, problem: str = "", status: int = 200) -> web.StreamResponse:
        said = one.said
        if one.kind == "new" and not said.open_data and not said.rule:
            return to(call.at("publish", one.id, "rule"))
        found = problem or await self._problem(call, one)
        effect = self._rules.effect(call, said.rule, said.slots) if said.rule else None
        alike = [] if one.kind == "version" else await self._db.read(call.slug, self._alike, call.slug, said)
        return await page(
            call,
            "publish/check.html",
            status,
            title=call.say("web.publish.step.check"),
            crumbs=self._crumbs(call),
            steps=self._steps(call),
            ways=self._ways(call, one),
            draft=one,
            said=said,
            facts=view.facts(call, one),
            effect=effect,
            problem=found,
            hints=view.hints(call, one),
            tables=view.tables(call, one.reading),
            alike=alike,
            theme=dict(view.themes(call)).get(said.theme, ""),
            frequency=dict(view.frequencies(call, said.frequency)).get(said.frequency, ""),
            licence=dict(view.licences(call, said.licence)).get(said.licence, ""),
            rule=self._rules.named(said.rule) if said.rule else None,
            alone="steward" in call.roles,
        )

    async def _problem(self, call: Call, one: Draft) -> str:
        """What the rules of descriptions, and of this rule, say against it; tried, and undone."""
        try:
            problem = await self._db.write(call.slug, self._drafts.tried, call.slug, one)
        except PolicyError as error:
            return terms.error_sentence(call, error, one.said.rule)
        return "" if problem is None else terms.error_sentence(call, problem, one.said.rule)

    async def publish(self, call: Call) -> web.StreamResponse:
        one = await self._draft(call)
        if one.state != "open":
            return self._goes_on(call, one)
        try:
            seen = int(call.form.text("version", "0"))
            await self._db.write(call.slug, self._drafts.submit, call.slug, one.id, seen, call.voter)
        except (Mistake, PolicyError, ValueError) as problem:
            if isinstance(problem, ValueError):
                raise Mistake("web.field", pointer="version") from problem
            one = await self._draft(call)
            if one.state != "open":  # another window was quicker
                return self._goes_on(call, one)
            return await self._checked(call, one, terms.error_sentence(call, problem, one.said.rule), 422)
        return to(call.at("publish", one.id, "done"))

    async def done(self, call: Call) -> web.StreamResponse:
        one = await self._draft(call)
        if one.state not in ("submitted", "published"):
            return to(call.at("publish", one.id))
        left = 60 - (call.desk.clock.now() - (one.published_at or 0)) // 1000
        return await page(
            call,
            "publish/done.html",
            title=call.say(f"web.publish.done.{one.state}"),
            crumbs=self._crumbs(call),
            draft=one,
            undoable=one.undoable(call.desk.clock.now()) and "steward" in call.roles,
            left=left,
            dataset=call.at("datasets", one.dataset.rsplit("/", 1)[-1]) if one.state == "published" else "",
            approval=call.at("approvals", one.approval) if one.approval else "",
        )

    async def undo(self, call: Call) -> web.StreamResponse:
        one = await self._draft(call)
        await self._db.write(call.slug, self._drafts.undo, call.slug, one.id)
        return to(call.at("publish", one.id, "check"))

    async def discard(self, call: Call) -> web.StreamResponse:
        await self._db.write(call.slug, self._drafts.discard, call.slug, call.param("draft"))
        return to(call.at("publish"))

    async def map(self, call: Call) -> web.StreamResponse:
        """The objects of the preview, as GeoJSON."""
        one = await self._draft(call)
        drawn = next((table.map for table in (one.reading.tables if one.reading else ()) if view.has_map(table)), None)
        features = [] if drawn is None else drawn.features
        body = msgspec.json.encode({"type": "FeatureCollection", "features": features})
        return web.Response(body=body, content_type="application/geo+json")

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/publish", start, "steward", "publisher"),
        post(f"{TOWN}/publish/file", file, "steward", "publisher", takes_file=True),
        post(f"{TOWN}/publish/source/{{kind}}", source, "steward", "publisher"),
        post(f"{TOWN}/publish/known", known, "steward", "publisher"),
        get(f"{TOWN}/publish/{{draft}}", draft, "steward", "publisher"),
        get(f"{TOWN}/publish/{{draft}}/reading", reading, "steward", "publisher"),
        get(f"{TOWN}/publish/{{draft}}/description", description, "steward", "publisher"),
        post(f"{TOWN}/publish/{{draft}}/description", describe, "steward", "publisher"),
        post(f"{TOWN}/publish/{{draft}}/zone", zone, "steward", "publisher"),
        get(f"{TOWN}/publish/{{draft}}/rule", rule, "steward", "publisher"),
        post(f"{TOWN}/publish/{{draft}}/rule", choose, "steward", "publisher"),
        get(f"{TOWN}/publish/{{draft}}/terms", terms, "steward", "publisher"),
        post(f"{TOWN}/publish/{{draft}}/terms", agree, "steward", "publisher"),
        get(f"{TOWN}/publish/{{draft}}/preview", preview, "steward", "publisher"),
        get(f"{TOWN}/publish/{{draft}}/check", check, "steward", "publisher"),
        post(f"{TOWN}/publish/{{draft}}/publish", publish, "steward", "publisher"),
        get(f"{TOWN}/publish/{{draft}}/done", done, "steward", "publisher"),
        post(f"{TOWN}/publish/{{draft}}/undo", undo, "steward"),
        post(f"{TOWN}/publish/{{draft}}/discard", discard, "steward", "publisher"),
        get(f"{TOWN}/publish/{{draft}}/map", map, "steward", "publisher"),
    )

    async def _draft(self, call: Call) -> Draft:
        return await self._drafts.look(call.slug, call.param("draft"))

    def _goes_on(self, call: Call, one: Draft) -> web.StreamResponse:
        """Whoever goes back in the browser, or has another window, is shown what became of it: nothing went wrong."""
        return to(call.at("publish", one.id))

    async def _open(self, call: Call) -> Draft:
        """Raises Mistake for one that is not open any more."""
        one = await self._draft(call)
        if one.state != "open":
            raise Mistake("drafts.closed")
        return one

    async def _save(self, call: Call, one: Draft, changed: Mapping[str, Any]) -> Draft | list[tuple[str, str]]:
        """The draft with these answers, or what is wrong with them."""
        try:
            seen = int(call.form.text("version", "0"))
            return await self._db.write(call.slug, self._drafts.answer, call.slug, one.id, seen, changed, call.voter)
        except (Mistake, Outdated) as problem:
            return [("", call.explain(problem))]
        except ValueError as problem:
            raise Mistake("web.field", pointer="version") from problem

    def _alike(self, tx: Tx, slug: str, said: Said) -> list[tuple[str, str, str]]:
        """Title, owner and where to look of what others have that is like it, from copies of their catalogues."""
        wanted = SearchRequest(text=f"{said.title} {said.description}", like=True)
        try:
            answer, _ = self._index.find(
                tx, slug, wanted, among=tuple(sorted(self._index.members(tx, slug))), limit=ALIKE
            )
        except (Mistake, PeerError):
            return []
        entries = [(hit.provider, msgspec.json.decode(hit.entry)) for hit in answer.hits]
        return [
            (title_of(entry), self._members.name(provider), urlencode({"provider": provider, "dataset": entry["@id"]}))
            for provider, entry in entries
        ]

    def _steps(self, call: Call) -> list[str]:
        return [call.say(f"web.publish.step.{name}") for name in STEPS]

    def _ways(self, call: Call, one: Draft) -> list[str]:
        """Where she may go from here: to what is filled in, and one further."""
        described = bool(one.said.title) or one.kind == "version"
        ruled = one.said.open_data or bool(one.said.rule) or one.kind == "version"
        names = ("description", "rule" if described and one.kind == "new" else "", "check" if ruled else "")
        return [call.at("publish"), *(call.at("publish", one.id, name) if name else "" for name in names)]

    def _crumbs(self, call: Call) -> list[tuple[str, str]]:
        return [(call.say("web.publish.title"), call.at("publish"))]


def _with(said: Said, changed: Mapping[str, Any]) -> Said:
    """What was typed, so that it is not lost when somebody else was faster."""
    return msgspec.structs.replace(said, **changed)


def _first_slots(call: Call, rule: TemplateView) -> dict[str, str]:
    """What is proposed: the participant itself as whom to name, from today, to the end of the year after next."""
    today = local(call.desk.clock.now())
    year = YEARS + (today.year if today is not None else 2000)
    proposed = {"first-day": "" if today is None else today.date().isoformat(), "last-day": f"{year}-12-31"}
    slots = {
        one.name: proposed[one.type]
        for one in rule.slots
        if one.type in proposed and not one.optional and not one.default
    }
    return slots | {one.name: call.town.name for one in rule.slots if one.name == "source" and one.type == "text"}
