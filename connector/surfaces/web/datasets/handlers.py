"""A participant's own datasets: the list, what others see of each, change, new version, withdrawal, history.

Every change goes through the approvals: it is done, or it waits for somebody else. Who changes says which revision
she saw.
"""

from typing import Any, ClassVar
from urllib.parse import urlencode

from aiohttp import web

from connector.data.approvals.publications import ChangedDataset, PublicationApprovals
from connector.data.catalogue.describe import credit_licence
from connector.data.catalogue.life import DatasetChange
from connector.data.catalogue.model import Dataset, Listed
from connector.data.catalogue.public import Withdrawn
from connector.data.catalogue.restore import answers_of
from connector.data.catalogue.service import PAGE, Catalogue
from connector.data.catalogue.templates.templates import templates
from connector.data.drafts.service import Drafts
from connector.data.harvest import waiting
from connector.exchange.contracts.negotiation.service import Contracts
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.storage.database import Database, Tx
from connector.identity.accounts.model import Role
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.model import PolicyError
from connector.surfaces.views import dataset_life
from connector.surfaces.views.members import Members
from connector.surfaces.views.terms import clauses
from connector.surfaces.web.call import Call
from connector.surfaces.web.datasets import view
from connector.surfaces.web.publish import terms
from connector.surfaces.web.publish import view as publish_view
from connector.surfaces.web.publish.handlers import PATIENCE_S
from connector.surfaces.web.publish.terms import Rules
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import TOWN, Route, get, post

READERS: tuple[Role, ...] = ("steward", "publisher", "auditor", "protection")


class DatasetHandlers:
    def __init__(
        self,
        db: Database,
        catalogue: Catalogue,
        drafts: Drafts,
        publications: PublicationApprovals,
        contracts: Contracts,
        engine: PolicyEngine,
        anchor: Anchor,
        rules: Rules,
    ) -> None:
        self._db, self._catalogue, self._drafts, self._publications = db, catalogue, drafts, publications
        self._agreements, self._engine, self._members, self._rules = (
            contracts.agreements,
            engine,
            Members(anchor),
            rules,
        )

    async def own(self, call: Call) -> web.StreamResponse:
        """Everything that was published, the newest first, a page at a time."""
        word, before = call.query("q"), _place(call.query("before"))
        found, imports = await self._db.read(call.slug, self._listed, call.slug, word, before)
        later = "" if len(found) <= PAGE else urlencode({"q": word, "before": "{}:{}".format(*found[PAGE - 1].place)})
        titles = {one.id: one.title[call.lang] for one in templates()}
        return await page(
            call,
            "datasets/list.html",
            title=call.say("web.datasets.title"),
            datasets=found[:PAGE],
            wanted=word,
            rules=lambda one: ", ".join(dict.fromkeys(titles.get(rule, rule) for rule in one.rules)),
            later=f"{call.at('datasets')}?{later}" if later else "",
            imports=imports,
        )

    def _listed(self, tx: Tx, slug: str, word: str, before: tuple[int, str] | None) -> tuple[list[Listed], bool]:
        return self._catalogue.listed(tx, slug, word, before), waiting.some(tx, slug)

    async def show(self, call: Call) -> web.StreamResponse:
        return await self._shown(call)

    async def _shown(self, call: Call, told: str = "") -> web.StreamResponse:
        one, details, offers, said = await self._db.read(call.slug, self._read, call.slug, call.param("uuid"))
        return await page(
            call,
            "datasets/dataset.html",
            title=one.title,
            crumbs=self._crumbs(call),
            one=details,
            uuid=one.uuid,
            record=view.record(call, one.record),
            offers=offers,
            told=told,
            tables=[] if not said else publish_view.tables(call, said[0].reading),
            steward="steward" in call.roles,
            drafting=bool({"steward", "publisher"} & call.roles),
        )

    def _read(self, tx: Tx, slug: str, name: str) -> tuple[Dataset, Any, list[Any], list[Any]]:
        one, source, offers = self._catalogue.life.show(tx, slug, name)
        running = self._agreements.running_on(tx, slug, one.id)
        details = dataset_life.details(self._catalogue.life.whose(slug), one, source, offers, running, self._members)
        ruled = [
            (terms_of, clauses(self._engine, offer.policy))
            for terms_of, offer in zip(details.terms, offers, strict=True)
        ]
        return one, details, ruled, self._drafts.of_dataset(tx, slug, one.id)

    async def history(self, call: Call) -> web.StreamResponse:
        """Every revision, the newest first, with what it changed, and what was answered about persons."""
        one, revisions = await self._db.read(call.slug, self._catalogue.life.history, call.slug, call.param("uuid"))
        told = dataset_life.history(one, revisions)
        drafts = await self._db.read(call.slug, self._drafts.of_dataset, call.slug, one.id)
        return await page(
            call,
            "datasets/history.html",
            title=call.say("web.datasets.history.title", title=one.title),
            crumbs=self._crumbs(call, one),
            uuid=one.uuid,
            revisions=view.revisions(call, told, revisions),
            persons=[(draft.published_at, publish_view.hints(call, draft)) for draft in drafts if draft.hints],
            newest=one.revision,
            steward="steward" in call.roles and one.state == "published",
        )

    # Changing

    async def change(self, call: Call) -> web.StreamResponse:
        one = await self._current(call)
        return await self._changing(call, one, view.answers(one.record))

    async def _changing(
        self, call: Call, one: Dataset, said: dict[str, str], problem: str = "", status: int = 200
    ) -> web.StreamResponse:
        return await page(
            call,
            "datasets/change.html",
            status,
            title=call.say("web.datasets.change.title"),
            crumbs=self._crumbs(call, one),
            uuid=one.uuid,
            said=said,
            revision=one.revision,
            frequencies=publish_view.frequencies(call, said.get("frequency", "")),
            themes=publish_view.themes(call),
            errors=[("", problem)] if problem else [],
        )

    async def save(self, call: Call) -> web.StreamResponse:
        form, one = call.form, await self._current(call)
        said = {name: form.text(name) for name in ("title", "description", "keywords", "frequency", "theme", "notes")}
        before = view.answers(one.record)
        changed: dict[str, Any] = {name: text for name, text in said.items() if text != before.get(name, "")}
        if "keywords" in changed:
            changed["keywords"] = [word.strip() for word in said["keywords"].split(",") if word.strip()]
        if "theme" in changed:
            changed["themes"] = [text] if (text := changed.pop("theme")) else []
        return await self._submit(call, one, changed, said)

    async def _submit(
        self, call: Call, one: Dataset, changed: dict[str, Any], said: dict[str, str]
    ) -> web.StreamResponse:
        """Done, or handed to those who have to agree; what is wrong with it is shown with what was typed."""
        try:
            wish = DatasetChange(revision=_revision(call), **changed)
            return await self._submitted(call, one, wish)
        except (Mistake, PolicyError) as problem:
            return await self._changing(call, await self._current(call), said, terms.error_sentence(call, problem), 422)

    async def _submitted(self, call: Call, one: Dataset, wish: DatasetChange) -> web.StreamResponse:
        draft = ChangedDataset(one.id, wish)
        made = await self._db.write(call.slug, self._publications.submit, call.slug, call.voter, draft)
        if made.approval is not None:
            return to(call.at("approvals", made.approval.id))
        return to(call.at("datasets", one.uuid))

    async def restore(self, call: Call) -> web.StreamResponse:
        """What was said of it at an earlier revision is said again; the bytes stay."""
        one = await self._current(call)
        _, revisions = await self._db.read(call.slug, self._catalogue.life.history, call.slug, one.uuid)
        earlier = next((each for each in revisions if str(each.number) == call.param("number")), None)
        if earlier is None:
            raise Unknown("http.nothing-here")
        return await self._submitted(call, one, answers_of(earlier.record, one.record, _revision(call)))

    # Another rule

    async def rule(self, call: Call) -> web.StreamResponse:
        return await self._ruling(call, await self._current(call), call.query("rule"))

    async def _ruling(
        self,
        call: Call,
        one: Dataset,
        rule: str,
        slots: dict[str, str] | None = None,
        problem: str = "",
        status: int = 200,
    ) -> web.StreamResponse:
        chosen = self._rules.named(rule) if rule else None
        given = {"licence": credit_licence(one.record)} if slots is None else slots
        return await page(
            call,
            "datasets/rule.html",
            status,
            title=call.say("web.datasets.rule.title"),
            crumbs=self._crumbs(call, one),
            uuid=one.uuid,
            revision=one.revision,
            rules=self._rules.offered(),
            chosen=chosen,
            fields=[] if chosen is None else self._rules.fields(call, chosen, given),
            errors=[("", problem)] if problem else [],
        )

    async def give(self, call: Call) -> web.StreamResponse:
        one, form = await self._current(call), call.form
        rule = self._rules.named(form.text("rule"))
        slots = terms.read(call, rule, {name: form.all(name) for name, _ in form.fields})
        try:
            wish = DatasetChange(revision=_revision(call), rule=rule.id, slots=slots)
            return await self._submitted(call, one, wish)
        except (Mistake, PolicyError) as problem:
            said = terms.error_sentence(call, problem, rule.id)
            return await self._ruling(call, one, rule.id, slots, said, 422)

    # A new version, and the end

    async def version(self, call: Call) -> web.StreamResponse:
        return await self._versioned(call)

    async def _versioned(self, call: Call, problem: str = "", status: int = 200) -> web.StreamResponse:
        one = await self._current(call)
        return await page(
            call,
            "datasets/version.html",
            status,
            title=call.say("web.datasets.version.title"),
            crumbs=self._crumbs(call, one),
            uuid=one.uuid,
            problem=problem,
        )

    async def replace(self, call: Call) -> web.StreamResponse:
        """A new file, which is read as the first one was."""
        try:
            upload = call.upload
            if not upload.name:
                raise Mistake("web.no-file")
            made = await self._drafts.begin(call.slug, call.voter.who, upload.name, upload, dataset=call.param("uuid"))
        except Mistake as problem:
            return await self._versioned(call, call.explain(problem), 422)
        await self._drafts.read_within(call.slug, made.id, PATIENCE_S)
        return to(call.at("publish", made.id))

    async def withdrawing(self, call: Call) -> web.StreamResponse:
        """What happens then, and to whom."""
        one, details, _, _ = await self._db.read(call.slug, self._read, call.slug, call.param("uuid"))
        return await page(
            call,
            "datasets/withdraw.html",
            title=call.say("web.datasets.withdraw.title"),
            crumbs=self._crumbs(call, one),
            uuid=one.uuid,
            one=details,
        )

    async def withdraw(self, call: Call) -> web.StreamResponse:
        await self._db.write(call.slug, self._catalogue.life.withdraw, call.slug, call.param("uuid"), _revision(call))
        return to(call.at("datasets", call.param("uuid")))

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/datasets", own, *READERS),
        get(f"{TOWN}/datasets/{{uuid}}", show, *READERS),
        get(f"{TOWN}/datasets/{{uuid}}/history", history, *READERS),
        post(f"{TOWN}/datasets/{{uuid}}/history/{{number}}", restore, "steward"),
        get(f"{TOWN}/datasets/{{uuid}}/change", change, "steward", "publisher"),
        post(f"{TOWN}/datasets/{{uuid}}/change", save, "steward", "publisher"),
        get(f"{TOWN}/datasets/{{uuid}}/rule", rule, "steward", "publisher"),
        post(f"{TOWN}/datasets/{{uuid}}/rule", give, "steward", "publisher"),
        get(f"{TOWN}/datasets/{{uuid}}/version", version, "steward", "publisher"),
        post(f"{TOWN}/datasets/{{uuid}}/version", replace, "steward", "publisher", takes_file=True),
        get(f"{TOWN}/datasets/{{uuid}}/withdraw", withdrawing, "steward"),
        post(f"{TOWN}/datasets/{{uuid}}/withdraw", withdraw, "steward"),
    )

    async def _current(self, call: Call) -> Dataset:
        """Raises Unknown, and Mistake for one that was withdrawn."""
        one, _, _ = await self._db.read(call.slug, self._catalogue.life.show, call.slug, call.param("uuid"))
        if one.state == "withdrawn":
            raise Withdrawn("catalogue.withdrawn")
        return one

    def _crumbs(self, call: Call, one: Dataset | None = None) -> list[tuple[str, str]]:
        found = [(call.say("web.datasets.title"), call.at("datasets"))]
        return found if one is None else [*found, (one.title, call.at("datasets", one.uuid))]


def _place(text: str) -> tuple[int, str] | None:
    """Where a page goes on; what is none begins anew."""
    at, _, name = text.partition(":")
    return (int(at), name) if at.isascii() and at.isdigit() and len(at) < 16 else None


def _revision(call: Call) -> int | None:
    """The one that was seen; raises Mistake."""
    text = call.form.text("revision")
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Mistake("web.field", pointer="revision")
    return int(text)
