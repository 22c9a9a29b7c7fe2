"""What a steward does about a contract: end it after a question, renew or replace it, read and sign it."""

import asyncio
from typing import ClassVar

from aiohttp import web
from msgspec import Struct

from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document import clause_diff
from connector.exchange.contracts.document.clause_diff import Row
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.signing.progress import progress
from connector.exchange.contracts.signing.review import Gathered, Readings
from connector.exchange.contracts.termination import statement
from connector.exchange.contracts.termination.delivery import TerminationDelivery
from connector.foundation.clock import Clock, rfc3339
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.service import Hosted, Participants
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.days import read_day
from connector.surfaces.requests.service import Requests
from connector.surfaces.requests.terms import NegotiationRequest
from connector.surfaces.views.agreement import Agreements, AgreementView
from connector.surfaces.views.negotiation import TermsView
from connector.surfaces.web.call import Call
from connector.surfaces.web.contracts import view
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import TOWN, Route, get, post

ONE = f"{TOWN}/contracts/{{id}}"


class _Step(Struct, frozen=True):
    agreement: Agreement
    shown: AgreementView
    purpose: str | None
    acting: str
    signable: bool


class ContractSteps:
    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        contracts: Contracts,
        delivery: TerminationDelivery,
        requests: Requests,
        engine: PolicyEngine,
        readings: Readings,
        agreements: Agreements,
    ) -> None:
        self._db, self._clock, self._participants, self._contracts = db, clock, participants, contracts
        self._delivery, self._requests, self._engine = delivery, requests, engine
        self._readings, self._agreements = readings, agreements

    # The end

    async def end(self, call: Call) -> web.StreamResponse:
        return await self._end(call)

    async def ask_end(self, call: Call) -> web.StreamResponse:
        """The question before: what will be stated, and from when on."""
        found = await self._db.read(call.slug, self._step, call)
        reason, last_day = call.form.text("reason"), call.form.text("notice")
        try:
            notice = self._notice(last_day)
            await self._db.read(call.slug, self._drafted, call, reason, notice)
        except Mistake as problem:
            return await self._end(call, problem)
        effective = "" if notice is None else rfc3339(notice)
        return await page(
            call,
            "contracts/confirm.html",
            title=call.say("web.contracts.end-title"),
            one=found.shown,
            reason=reason,
            notice=last_day,
            effective=effective,
            id=call.param("id"),
            crumbs=self._crumbs(call, found),
        )

    async def ended(self, call: Call) -> web.StreamResponse:
        """Stated, sealed, and on its way to the partner."""
        said = call.form.text("reason")
        try:
            found = await self._db.read(call.slug, self._step, call)
            reason = {"de": [said], "en": [said]}
            await self._delivery.end(call.slug, found.agreement.id, reason, self._notice(call.form.text("notice")))
        except Mistake as problem:
            return await self._end(call, problem)
        return to(call.at("contracts", call.param("id")))

    # Another one in its place

    async def renew(self, call: Call) -> web.StreamResponse:
        """What the provider offers now, beside what was agreed."""
        return await self._renew(call)

    async def renewed(self, call: Call) -> web.StreamResponse:
        """Asked for, bindingly; the old one ends when the new one comes into force."""
        found = await self._db.read(call.slug, self._step, call)
        form, who = call.form, call.person.pseudonyms.get(call.slug, "")
        wish = NegotiationRequest(
            provider=found.acting,
            dataset=found.agreement.dataset,
            offer=form.text("offer") or None,
            terms=form.text("terms"),
            data=form.text("data") or None,
            purpose=found.purpose,
            approval=Approval(role="steward", pseudonym=who),
            replaces=found.agreement.id,
        )
        try:
            row = await self._requests.ask(call.town, wish, sure=True)
        except HanseError as problem:
            if problem.status >= 500:
                raise
            return await self._renew(call, problem)
        return to(call.at("requests", view.bare(row.id)))

    # Our signature

    async def read(self, call: Call) -> web.StreamResponse:
        """All that the partner sealed, where it is not what we would have written."""
        return await self._sign(call)

    async def signed(self, call: Call) -> web.StreamResponse:
        """Just what was read is signed; where others have to agree by now, she sees whom it waits for."""
        by = Approval(role="steward", pseudonym=call.person.pseudonyms.get(call.slug, ""))

        def unit(tx: Tx) -> str:
            agreement = self._named(tx, call)
            order = self._contracts.countersigning.order
            order(tx, call.slug, agreement.id, by, call.form.text("digest"))
            held = self._contracts.approvals.of_process(tx, call.slug, agreement.negotiation)
            return held.id if held is not None and held.ballot.state == "open" else ""

        try:
            waits = await self._db.write(call.slug, unit)
        except Mistake as problem:
            return await self._sign(call, problem)
        return to(call.at("approvals", waits) if waits else call.at("contracts", call.param("id")))

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{ONE}/end", end, "steward"),
        post(f"{ONE}/end/question", ask_end, "steward", once=False),
        post(f"{ONE}/end", ended, "steward"),
        get(f"{ONE}/renew", renew, "steward"),
        post(f"{ONE}/renew", renewed, "steward"),
        get(f"{ONE}/sign", read, "steward"),
        post(f"{ONE}/sign", signed, "steward"),
    )

    async def _end(self, call: Call, problem: HanseError | None = None) -> web.StreamResponse:
        found = await self._db.read(call.slug, self._step, call)
        field = "notice" if problem is not None and problem.code == "endings.notice" else "reason"
        errors = _field_errors(call, field, problem)
        return await page(
            call,
            "contracts/end.html",
            200 if problem is None else 422,
            title=call.say("web.contracts.end-title"),
            one=found.shown,
            id=call.param("id"),
            errors=errors,
            wrong=dict(errors),
            reason=call.form.text("reason"),
            notice=call.form.text("notice"),
            crumbs=self._crumbs(call, found),
        )

    async def _renew(self, call: Call, problem: HanseError | None = None) -> web.StreamResponse:
        found = await self._db.read(call.slug, self._step, call)
        offered: TermsView | None = None
        rows: list[Row] = []
        if found.agreement.role == "consumer":
            try:
                wish = NegotiationRequest(provider=found.acting, dataset=found.agreement.dataset)
                offered = await self._requests.terms(call.town, wish)
                old, new = (clause_diff.clauses(self._engine, one) for one in (found.agreement.policy, offered.policy))
                rows = clause_diff.compare(old, new)
            except HanseError as away:
                problem = problem or away
        errors = _field_errors(call, "", problem)
        return await page(
            call,
            "contracts/renew.html",
            200 if problem is None else 422,
            title=call.say("web.contracts.renew-title"),
            one=found.shown,
            id=call.param("id"),
            errors=errors,
            offered=offered,
            crumbs=self._crumbs(call, found),
            rows=[(row.change, _said(call, row), row) for row in rows],
            same=bool(rows) and all(row.change == "kept" for row in rows),
        )

    async def _sign(self, call: Call, problem: HanseError | None = None) -> web.StreamResponse:
        hosted = await self._participants.get(call.slug)
        found, gathered = await self._db.read(call.slug, self._gathered, call, hosted)
        reading = await asyncio.to_thread(self._readings.read, gathered)
        return await page(
            call,
            "contracts/sign.html",
            200 if problem is None else 422,
            title=call.say("web.contracts.sign-title"),
            one=found.shown,
            signable=found.signable,
            id=call.param("id"),
            errors=_field_errors(call, "", problem),
            reading=reading,
            crumbs=self._crumbs(call, found),
        )

    def _gathered(self, tx: Tx, call: Call, hosted: Hosted) -> tuple[_Step, Gathered]:
        found = self._step(tx, call)
        return found, self._readings.gather(tx, hosted, found.agreement)

    def _step(self, tx: Tx, call: Call) -> _Step:
        agreement = self._named(tx, call)
        case = self._contracts.get(tx, call.slug, agreement.negotiation)
        acting = self._contracts.agreements.acting(tx, agreement)
        step = progress(tx, self._contracts.agreements, agreement).step
        shown = self._agreements.one(tx, call.slug, agreement)
        return _Step(agreement, shown, case.purpose, acting, step in view.SIGNABLE)

    def _drafted(self, tx: Tx, call: Call, reason: str, notice: int | None) -> None:
        """Raises Mistake for what could not be stated."""
        said = {"de": [reason], "en": [reason]}
        self._delivery.terminations.draft(tx, call.slug, self._named(tx, call).id, said, notice)

    def _named(self, tx: Tx, call: Call) -> Agreement:
        return self._contracts.agreements.named(tx, call.slug, call.param("id"))

    def _notice(self, text: str) -> int | None:
        """The end of the day; None for at once."""
        if text and read_day(text) is None:
            raise Mistake("endings.notice", value=text[:40])
        return statement.day_of_notice(text, self._clock.now()) if text else None

    def _crumbs(self, call: Call, found: _Step) -> list[tuple[str, str]]:
        title = found.shown.title or call.say("web.contracts.untitled")
        return [
            (call.say("web.contracts.title"), call.at("contracts")),
            (title, call.at("contracts", call.param("id"))),
        ]


def _field_errors(call: Call, field: str, problem: HanseError | None) -> list[tuple[str, str]]:
    return [] if problem is None else [(field, call.explain(problem))]


def _said(call: Call, row: Row) -> str:
    one = row.after or row.before
    return "" if one is None else (one.de if call.lang == "de" else one.en)
