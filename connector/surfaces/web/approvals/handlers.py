"""What waits for a decision, one of them with all that it takes to decide it, and who has to decide what."""

from typing import ClassVar

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from connector.data.approvals.assemble import ApprovalSlice
from connector.data.approvals.imports import ImportedDatasets, import_draft
from connector.data.approvals.model import SUBJECTS, ApprovalRow, ApprovalRule, Part, PendingChange, People, Subject
from connector.data.approvals.service import CODES, TermsBack
from connector.data.catalogue.model import Dataset, Offer
from connector.data.catalogue.service import Catalogue
from connector.data.catalogue.templates.templates import templates
from connector.data.drafts.service import Drafts
from connector.data.harvest import waiting
from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.contracts.negotiation import narrowed
from connector.exchange.contracts.negotiation.service import Contracts
from connector.foundation.errors import HanseError, Mistake, Unknown
from connector.foundation.storage.database import Database, Tx, long
from connector.foundation.storage.nested import nested
from connector.identity.accounts.directory import Directory
from connector.identity.accounts.model import Member, unconfirmed
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.policy.engine import PolicyEngine
from connector.surfaces.views.approval import ApprovalView, ApprovalViews
from connector.surfaces.web.approvals import view
from connector.surfaces.web.approvals.view import About
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import TOWN, Route, get, post
from connector.surfaces.web.session import READERS

DECIDING = ("steward", "protection")
ONE = f"{TOWN}/approvals/{{id}}"


class RuleForm(Struct, frozen=True, kw_only=True):
    """As it is filled in."""

    subject: Subject
    template: str = ""
    people: People
    protection: bool = False
    days: int
    responsible: str = ""
    deputy: str = ""


class _Shown(Struct, frozen=True):
    approval: ApprovalView
    about: About | None
    problem: str = ""
    version: str = ""
    lacks: Part | None = None
    other_terms: str = ""


class ApprovalPages:
    def __init__(
        self,
        db: Database,
        approvals: ApprovalSlice,
        catalogue: Catalogue,
        contracts: Contracts,
        engine: PolicyEngine,
        anchor: Anchor,
        people: Directory,
        drafts: Drafts,
    ) -> None:
        self._db, self._approvals, self._drafts = db, approvals.service, approvals.publications
        self._catalogue, self._contracts, self._engine, self._anchor = catalogue, contracts, engine, anchor
        self._people, self._views, self._begun = people, ApprovalViews(people, anchor), drafts

    async def all(self, call: Call) -> web.StreamResponse:
        """By urgency: what she can decide, what waits for others, what was decided."""
        voter = call.voter

        def look(tx: Tx) -> tuple[list[ApprovalView], list[ApprovalView]]:
            waiting = [self._views.one(tx, row, voter) for row in self._approvals.waiting(tx, call.slug)]
            ended = self._approvals.ended(tx, call.slug, 20)
            return waiting, [self._views.one(tx, row, voter) for row in ended]

        waiting, ended = await self._db.read(call.slug, look)
        mine = [one for one in waiting if one.part is not None]
        return await page(
            call,
            "approvals/list.html",
            title=call.say("web.approvals.title"),
            mine=mine,
            others=[one for one in waiting if one.part is None],
            ended=ended,
        )

    async def one(self, call: Call) -> web.StreamResponse:
        return await self._page(call)

    async def agree(self, call: Call) -> web.StreamResponse:
        """Her yes to what she was shown; what was published by it is shown at once."""
        part: Part | None = next((one for one in DECIDING if one == call.form.text("part")), None)  # type: ignore[misc]
        voter, name, seen = call.voter, call.param("id"), call.form.text("seen")

        @long
        def unit(tx: Tx) -> str:
            row, _ = self._drafts.yes(tx, call.slug, name, voter, part)
            if self._version(tx, row) != seen:
                raise Mistake("approvals.changed" if import_draft(row) is None else "harvest.waiting-changed")
            return row.id

        return to(call.at("approvals", await self._db.write(call.slug, unit)))

    async def revoke(self, call: Call) -> web.StreamResponse:
        name = call.param("id")
        await self._db.write(call.slug, self._approvals.revoke, call.slug, name, call.voter)
        return to(call.at("approvals", name))

    async def refuse(self, call: Call) -> web.StreamResponse:
        """A no with its reason; without one the page comes back and says so."""
        name, code, reason = call.param("id"), call.form.text("code"), call.form.text("reason")
        try:
            await self._db.write(call.slug, self._approvals.no, call.slug, name, call.voter, code, reason)
        except Mistake as problem:
            if problem.code != "approvals.reason":
                raise
            return await self._page(call, "code", problem)
        return to(call.at("approvals", name))

    async def counter(self, call: Call) -> web.StreamResponse:
        """The same terms for a shorter time."""
        name, day = call.param("id"), call.form.text("until")

        def unit(tx: Tx) -> None:
            row = self._approvals.get(tx, call.slug, name)
            case = self._contracts.get(tx, call.slug, row.process)
            policy = narrowed.until(tx, self._engine, case.policy, day)
            terms = TermsBack(policy, self._engine.digest(policy))
            self._approvals.counter(tx, call.slug, name, call.voter, terms)

        try:
            await self._db.write(call.slug, unit)
        except Mistake as problem:
            if not problem.code.startswith("approvals.counter-"):
                raise
            return await self._page(call, "until", problem)
        return to(call.at("approvals", name))

    async def take_back(self, call: Call) -> web.StreamResponse:
        name = call.param("id")
        await self._db.write(call.slug, self._approvals.take_back, call.slug, name, call.voter.who)
        return to(call.at("approvals", name))

    async def rules(self, call: Call) -> web.StreamResponse:
        """Who has to agree to what, in sentences; an administrator can change it."""
        return await self._rules(call)

    async def put_rule(self, call: Call) -> web.StreamResponse:
        wish = call.form.read(RuleForm)
        rule = ApprovalRule(
            subject=wish.subject,
            template=wish.template,
            people=wish.people,
            protection=wish.protection,
            days=wish.days,
            responsible=wish.responsible,
            deputy=wish.deputy,
        )
        try:
            await self._db.write(call.slug, self._put, call.slug, rule, call.voter.who)
        except Mistake as problem:
            return await self._rules(call, problem)
        return to(call.at("approvals", "rules"))

    async def drop_rule(self, call: Call) -> web.StreamResponse:
        """From now on what holds without it."""
        subject = next((one for one in SUBJECTS if one == call.form.text("subject")), None)
        if subject is None:
            raise Mistake("web.field", pointer="subject")
        drop, by = self._approvals.rules.drop, call.voter.who
        await self._db.write(call.slug, drop, call.slug, subject, call.form.text("template"), by)
        return to(call.at("approvals", "rules"))

    async def agree_rule(self, call: Call) -> web.StreamResponse:
        """Her yes to a change that would loosen a rule."""
        agree = self._approvals.rules.agree
        await self._db.write(call.slug, agree, call.slug, call.form.text("change"), call.voter)
        return to(call.at("approvals", "rules"))

    async def refuse_rule(self, call: Call) -> web.StreamResponse:
        """It stays as it is."""
        refuse = self._approvals.rules.refuse
        await self._db.write(call.slug, refuse, call.slug, call.form.text("change"), call.voter)
        return to(call.at("approvals", "rules"))

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/approvals", all, *READERS),
        get(f"{TOWN}/approvals/rules", rules, *READERS),
        post(f"{TOWN}/approvals/rules", put_rule, "admin"),
        post(f"{TOWN}/approvals/rules/drop", drop_rule, "admin"),
        post(f"{TOWN}/approvals/rules/yes", agree_rule, "admin", "protection"),
        post(f"{TOWN}/approvals/rules/no", refuse_rule, "admin", "protection"),
        get(ONE, one, *READERS),
        post(f"{ONE}/yes", agree, "steward", "protection"),
        post(f"{ONE}/revoke", revoke, "steward", "protection"),
        post(f"{ONE}/no", refuse, "steward", "protection"),
        post(f"{ONE}/counter", counter, "steward"),
        post(f"{ONE}/withdraw", take_back, "steward", "publisher"),
    )

    async def _page(self, call: Call, field: str = "", problem: HanseError | None = None) -> web.StreamResponse:
        found = await self._db.read(call.slug, self._look, call)
        if found.approval.part is not None and found.about is not None:
            other = await self._db.write(call.slug, self._drafts.other_terms, call.slug, call.param("id"))
            found = replace(found, other_terms=call.explain(other) if other is not None else "")
        errors = [] if problem is None else [(field, call.explain(problem))]
        one = found.approval
        return await page(
            call,
            "approvals/one.html",
            200 if problem is None else 422,
            title=one.title or call.say(f"web.approvals.about.{one.subject}"),
            one=one,
            about=found.about,
            unreadable=found.problem,
            other_terms=found.other_terms,
            seen=found.version,
            lacks=found.lacks,
            codes=[(code, call.say(f"web.approvals.code.{code}")) for code in CODES],
            errors=errors,
            wrong=dict(errors),
            crumbs=[(call.say("web.approvals.title"), call.at("approvals"))],
            reason=call.form.text("reason"),
            code=call.form.text("code"),
            until=call.form.text("until"),
            template_title=view.template_title(call, one.template),
        )

    def _look(self, tx: Tx, call: Call) -> _Shown:
        row = self._approvals.get(tx, call.slug, call.param("id"))
        shown = self._views.one(tx, row, call.voter)
        lacks = self._approvals.lacking(tx, call.slug, row.ballot) if shown.state == "open" else None
        about = nested(tx, self._about, call, row)
        if isinstance(about, HanseError):  # the draft does not fit what is published now
            return _Shown(shown, None, problem=call.explain(about), lacks=lacks)
        return _Shown(shown, about, version=self._version(tx, row), lacks=lacks)

    def _version(self, tx: Tx, row: ApprovalRow) -> str:
        """Of the data that a contract gives, and of what waits of an import: others may come while people decide.
        Drafts and terms stay as they are."""
        imported = import_draft(row)
        if imported is not None:
            return imported.digest if isinstance(imported, ImportedDatasets) else str(imported.since)
        if row.subject != "contract":
            return ""
        dataset, _ = self._published(tx, row.participant, self._contracts.get(tx, row.participant, row.process))
        return "" if dataset is None else dataset.version

    def _about(self, tx: Tx, call: Call, row: ApprovalRow) -> About:
        imported = import_draft(row)
        if imported is not None:
            is_open = row.ballot.state == "open"
            found = waiting.of(tx, call.slug, imported.source) if is_open else None
            shown = waiting.shown(tx, call.slug, imported.source, call.query("after")) if is_open else []
            return view.imported(call, row, imported, found, shown)
        if row.subject == "publication":
            begun = self._begun.of_approval(tx, call.slug, row.id)
            return view.publication(call, self._engine, row, self._drafts.comparison(tx, call.slug, row), begun)
        case = self._contracts.one(tx, call.slug, row.process)
        if row.subject == "offer":
            described = self._contracts.described(tx, case)
            return view.offer(
                call, self._engine, self._anchor, case, "" if described is None else described.description, tx.now
            )
        dataset, offers = self._published(tx, call.slug, case)
        return view.contract(call, self._engine, self._anchor, case, dataset, offers, tx.now)

    def _published(self, tx: Tx, slug: str, case: NegotiationRow) -> tuple[Dataset | None, list[Offer]]:
        try:
            dataset, _, offers = self._catalogue.life.show(tx, slug, case.dataset)
        except Unknown:
            return None, []
        return dataset, offers

    def _put(self, tx: Tx, slug: str, rule: ApprovalRule, by: str) -> None:
        stewards = self._people.holding(tx, slug, "steward")
        if not {rule.responsible, rule.deputy} <= stewards | {""}:
            raise Mistake("web.field", pointer="responsible")
        self._approvals.rules.put(tx, slug, rule, by)

    async def _rules(self, call: Call, problem: Mistake | None = None) -> web.StreamResponse:
        def look(tx: Tx) -> tuple[list[ApprovalRule], list[PendingChange], list[Member]]:
            rules = self._approvals.rules
            return rules.all(tx, call.slug), rules.pending(tx, call.slug), self._people.members(tx, call.slug)

        rules, pending, members = await self._db.read(call.slug, look)
        stewards = [(one.pseudonym, one.person.name) for one in members if "steward" in one.roles]
        names = {one.pseudonym: one.person.name for one in members}
        errors = [] if problem is None else [("", call.explain(problem))]
        return await page(
            call,
            "approvals/rules.html",
            200 if problem is None else 422,
            title=call.say("web.approvals.rules"),
            rules=[
                (rule, view.sentence(call, rule), names.get(rule.responsible, ""), names.get(rule.deputy, ""))
                for rule in rules
            ],
            pending=[view.pending(call, one, names) for one in pending],
            alone=view.alone(members),
            unconfirmed=unconfirmed(members, view.named(rules, pending)),
            subjects=view.subjects(call),
            stewards=stewards,
            errors=errors,
            form=call.form,
            templates=[(one.id, one.title[call.lang]) for one in templates()],
            crumbs=[(call.say("web.approvals.title"), call.at("approvals"))],
        )
