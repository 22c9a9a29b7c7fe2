"""The list of contracts, one contract with all that is known of it, its text and duties, and evidence to check."""

from itertools import chain, count, islice, takewhile
from typing import ClassVar

from aiohttp import web
from msgspec import Struct

from connector.data.approvals.service import Approvals
from connector.exchange.contracts.evidence.service import Evidence
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.transfer.duties import Done, Duties
from connector.exchange.transfer.service import Transfers
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.http.limits import PAGE
from connector.foundation.storage.database import Database, Tx
from connector.identity.accounts.directory import Directory
from connector.kernel.policy.engine import PolicyEngine
from connector.surfaces.views.agreement import Agreements, AgreementView
from connector.surfaces.views.termination import LifeView, Lives
from connector.surfaces.web.call import Call
from connector.surfaces.web.contracts import view
from connector.surfaces.web.contracts.checking import Checking, ReportView
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import TOWN, Route, get, post
from connector.surfaces.web.session import READERS

ONE = f"{TOWN}/contracts/{{id}}"
PER_PAGE = 50
BATCH = 200
SHOWN = 50
"""Deliveries of a contract on its page; the page of deliveries has all."""


class _Known(Struct, frozen=True, kw_only=True):
    """All that one page shows, as of one moment."""

    agreement: Agreement
    shown: AgreementView
    life: LifeView
    terms: list[view.Clause]
    approved: list[str]
    approved_there: str
    acted: list[tuple[str, str]]
    deliveries: list[view.Delivery]
    duties: list[view.Owed]
    signable: bool


class ContractPages:
    def __init__(
        self,
        db: Database,
        contracts: Contracts,
        transfers: Transfers,
        duties: Duties,
        approvals: Approvals,
        evidence: Evidence,
        engine: PolicyEngine,
        agreements: Agreements,
        lives: Lives,
        people: Directory,
        checking: Checking,
    ) -> None:
        self._db, self._contracts, self._transfers, self._duties = db, contracts, transfers, duties
        self._approvals, self._evidence, self._engine = approvals, evidence, engine
        self._agreements, self._lives, self._people, self._checking = agreements, lives, people, checking

    async def all(self, call: Call) -> web.StreamResponse:
        """Those of both roles, the youngest first, a page of them; `state=over` shows what has ended, `state=unchecked`
        what runs without a yes of data protection."""
        chosen = next((one for one in ("over", "unchecked") if one == call.query("state")), "running")
        asked = call.query("page", "0")
        number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) <= 4 else 0

        def look(tx: Tx) -> tuple[list[view.Row], bool]:
            found = self._listed(tx, call.slug, chosen, number * PER_PAGE)
            shown = self._agreements.these(tx, call.slug, found[:PER_PAGE])
            return [view.row(call, one, self._by(tx, call, one.negotiation)) for one in shown], len(found) > PER_PAGE

        rows, more = await self._db.read(call.slug, look)
        here = f"{call.at('contracts')}?state={chosen}&page="
        if number and not rows:
            return to(f"{here}0")
        return await page(
            call,
            "contracts/list.html",
            title=call.say("web.contracts.title"),
            rows=rows,
            chosen=chosen,
            earlier=f"{here}{number - 1}" if number else "",
            later=f"{here}{number + 1}" if more else "",
        )

    async def one(self, call: Call) -> web.StreamResponse:
        return await self._page(call)

    async def text(self, call: Call) -> web.StreamResponse:
        """The text as it was sealed: its own page, in which nothing runs or leads away."""
        agreement = await self._db.read(call.slug, self._named, call)
        html = await self._db.read(call.slug, self._contracts.agreements.text, call.slug, agreement)
        return web.Response(
            body=html, content_type="text/html", charset="utf-8", headers={"Content-Security-Policy": PAGE}
        )

    async def evidence(self, call: Call) -> web.StreamResponse:
        """The evidence, to keep and to hand on."""
        agreement = await self._db.read(call.slug, self._named, call)
        body = await self._evidence.bundle(call.slug, agreement.id)
        name = f"nachweis-{agreement.uuid[:8]}.zip" if agreement.uuid[:8].isalnum() else "nachweis.zip"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(body=body, content_type="application/zip", headers=headers)

    async def done(self, call: Call) -> web.StreamResponse:
        """A duty of ours is done."""
        form = call.form
        told = Done(action=form.text("action"), rule=form.text("rule"), at=form.text("at"))

        def unit(tx: Tx) -> None:
            agreement = self._named(tx, call)
            who = call.person.pseudonyms.get(call.slug, "") or "steward"
            self._duties.done(tx, call.slug, agreement.id, told, who)

        try:
            await self._db.write(call.slug, unit)
        except Mistake as problem:
            return await self._page(call, problem)
        return to(call.at("contracts", call.param("id")))

    async def check(self, call: Call) -> web.StreamResponse:
        return await self._check(call, None)

    async def checked(self, call: Call) -> web.StreamResponse:
        """The verdict on what was dropped, as sentences."""
        try:
            report = await self._checking.check(call.upload.pieces(), call.lang, call.slug)
        except Mistake as problem:
            return await self._check(call, None, problem)
        return await self._check(call, report)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/contracts", all, *READERS),
        get(f"{TOWN}/contracts/check", check, *READERS),
        post(f"{TOWN}/contracts/check", checked, *READERS, once=False, takes_file=True),
        get(ONE, one, *READERS),
        get(f"{ONE}/text", text, *READERS),
        get(f"{ONE}/evidence", evidence, *READERS),
        post(f"{ONE}/duties", done, "steward"),
    )

    async def _page(self, call: Call, problem: HanseError | None = None) -> web.StreamResponse:
        found = await self._db.read(call.slug, self._look, call)
        life, shown = found.life, found.shown
        errors = [] if problem is None else [("", call.explain(problem))]
        return await page(
            call,
            "contracts/one.html",
            200 if problem is None else 422,
            title=shown.title or call.say("web.contracts.untitled"),
            one=shown,
            found=found,
            errors=errors,
            row=view.row(call, shown, ""),
            id=call.param("id"),
            endings=[(view.ending(call, one), view.delivered(call, one)) for one in life.endings],
            before=life.predecessor and view.bare(life.predecessor.agreement),
            after=life.successor and view.bare(life.successor.agreement),
            step=call.say(f"web.contracts.step.{life.countersigning.step}"),
            sign_until=life.countersigning.until,
            final=found.agreement.concluded,
            part_of=view.part_of(call, life),
            crumbs=[(call.say("web.contracts.title"), call.at("contracts"))],
        )

    def _look(self, tx: Tx, call: Call) -> _Known:
        agreement = self._named(tx, call)
        case = self._contracts.get(tx, call.slug, agreement.negotiation)
        life = self._lives.one(tx, call.slug, agreement.id)
        return _Known(
            agreement=agreement,
            shown=self._agreements.one(tx, call.slug, agreement),
            life=life,
            terms=view.terms(call, self._engine, agreement),
            approved=view.approved_by(tx, call, self._approvals, self._people, case),
            approved_there=view.approved_there(tx, call, agreement),
            acted=view.acted(tx, call, agreement),
            deliveries=[view.delivery(call, one) for one in self._transfers.all(tx, call.slug, agreement.id)[:SHOWN]],
            duties=[view.owed(call, self._engine, one) for one in self._duties.standing(tx, call.slug, agreement.id)],
            signable=life.countersigning.step in view.SIGNABLE,
        )

    def _listed(self, tx: Tx, slug: str, chosen: str, offset: int) -> list[Agreement]:
        """A page of them and one more. Without a yes of data protection: sought among all, for none may be missing
        where the page says that there is none."""
        listed = self._contracts.agreements.listed
        if chosen != "unchecked":
            return listed(tx, slug, over=chosen == "over", limit=PER_PAGE + 1, offset=offset)
        running = chain.from_iterable(
            takewhile(bool, (listed(tx, slug, over=False, limit=BATCH, offset=start) for start in count(0, BATCH)))
        )
        open_ones = (one for one in running if not self._approvals.protected(tx, slug, one.negotiation))
        return list(islice(open_ones, offset, offset + PER_PAGE + 1))

    def _named(self, tx: Tx, call: Call) -> Agreement:
        return self._contracts.agreements.named(tx, call.slug, call.param("id"))

    def _by(self, tx: Tx, call: Call, negotiation: str) -> str:
        case = self._contracts.get(tx, call.slug, negotiation)
        return " ".join(view.approved_by(tx, call, self._approvals, self._people, case))

    async def _check(
        self, call: Call, report: ReportView | None, problem: HanseError | None = None
    ) -> web.StreamResponse:
        errors = [] if problem is None else [("file", call.explain(problem))]
        return await page(
            call,
            "contracts/check.html",
            200 if problem is None else 422,
            title=call.say("web.contracts.check"),
            report=report,
            errors=errors,
            crumbs=[(call.say("web.contracts.title"), call.at("contracts"))],
        )
