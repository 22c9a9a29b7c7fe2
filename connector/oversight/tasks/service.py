"""Gathers what waits for somebody and what happened, in one transaction that changes nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.contracts.evidence import attention
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.signing.progress import Step, progress
from connector.exchange.reconciliation.compare import ALARMING
from connector.exchange.transfer.duties import Duties
from connector.foundation.storage.database import Tx
from connector.oversight.tasks import store
from connector.oversight.tasks.model import Kind, News, Task, Viewer
from connector.oversight.tasks.news import Entry, Written, told
from connector.oversight.tasks.order import merged, ordered, theirs

Supplier = Callable[[Tx, str, Viewer], Iterable[Task]]
"""What waits in another slice: the participant's slug and who looks."""
FIRST_LOOK_MS = 30 * 86_400_000
"""So far back goes what somebody sees who never said that she has seen it."""
DUTIES_MS = 30 * 86_400_000
DONE: frozenset[Step] = frozenset({"given", "over", "automatic", "late"})
"""Steps of a countersignature at which its deadline asks nobody for anything."""
OURS: frozenset[Step] = frozenset({"open", "refused", "failed", "unconfirmed"})
"""Steps at which a person of ours may sign."""
QUESTIONS: Mapping[str, Kind] = {
    "offered": "answer-offer",
    "proposed": "answer-offer",
    "countersign": "read-and-sign",
    "countersign-failed": "countersign-trouble",
    "countersign-refused": "countersign-trouble",
    "countersign-undelivered": "countersign-trouble",
    "seal": "seal-missing",
    "ending-undelivered": "end-undelivered",
    "ending-refused": "end-refused",
    "undeliverable": "undeliverable",
    "refused": "refused",
    "no-address": "no-address",
    "quota": "quota",
}
"""What a question to a person asks her to do."""
_DUTY_WORDS = (b"duty", b"obligation")
_READ = msgspec.json.Decoder(Written)


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """A countersignature that is waited for, and before when (ms) it is taken."""

    agreement: Agreement
    step: Step
    until: int


def deadlines(tx: Tx, agreements: Agreements, slug: str) -> list[Deadline]:
    """In the order in which they end."""
    found = []
    for agreement in attention.unfinished(tx, slug):
        step, until = progress(tx, agreements, agreement)
        if until is not None and step not in DONE:
            found.append(Deadline(agreement=agreement, step=step, until=until))
    return sorted(found, key=lambda one: (one.until, one.agreement.id))


class Tasks:
    """`suppliers` are those slices that know of more: approvals, imports, drafts."""

    def __init__(self, contracts: Contracts, duties: Duties, suppliers: Sequence[Supplier] = ()) -> None:
        self._contracts, self._duties, self._suppliers = contracts, duties, suppliers

    def waiting(self, tx: Tx, slug: str, viewer: Viewer) -> list[Task]:
        """What the viewer can do something about, the most urgent first."""
        found = [
            *self._asked(tx, slug),
            *self._signatures(tx, slug),
            *self._ending(tx, slug),
            *self._owed(tx, slug),
            *self._differing(tx, slug),
            *(task for supplier in self._suppliers for task in supplier(tx, slug, viewer)),
        ]
        chosen = ordered(theirs(merged(found), viewer.roles), tx.now)
        titles = self._contracts.titles(tx, slug, {one.agreement for one in chosen if one.agreement and not one.title})
        return [replace(one, title=one.title or titles.get(one.agreement, "")) for one in chosen]

    def news(self, tx: Tx, slug: str, viewer: Viewer) -> tuple[list[News], int]:
        """What ended, failed or was refused since she last said that she has seen it (that instant in ms too)."""
        since = store.seen(tx, slug, viewer.person)
        since = tx.now - FIRST_LOOK_MS if since is None else since
        rows = store.news(tx, slug, since)
        entries = [Entry(id=row["id"], at=row["at"], said=_READ.decode(row["record"])) for row in rows]
        found = told(entries, viewer.pseudonym)
        known = store.processes(tx, slug, [one.subject for one in found if one.noun in ("negotiation", "transfer")])
        told_now = [_completed(one, known.get(one.subject)) for one in found]
        titles = self._contracts.titles(tx, slug, {one.agreement for one in told_now if one.agreement})
        return [replace(one, title=one.title or titles.get(one.agreement, "")) for one in told_now], since

    def seen(self, tx: Tx, slug: str, viewer: Viewer, until: int) -> None:
        """She has seen everything until then (ms); what is yet to come cannot have been seen."""
        store.mark(tx, slug, viewer.person, min(until, tx.now))

    def _asked(self, tx: Tx, slug: str) -> Iterator[Task]:
        rows = store.questions(tx, slug)
        known = store.processes(tx, slug, {row["subject"] for row in rows})
        for row in rows:
            kind, subject = QUESTIONS.get(row["kind"]), row["subject"]
            if kind is None:
                continue
            process = known.get(subject)
            partner = subject if process is None and subject.startswith("did:") else ""
            yield Task(
                kind=kind,
                subject=subject,
                since=row["asked_at"],
                agreement="" if process is None else process.agreement or "",
                partner=partner if process is None else process.counterparty,
                title="" if process is None else process.title,
                ours=process is None or process.role == "consumer",
            )

    def _signatures(self, tx: Tx, slug: str) -> Iterator[Task]:
        for one in deadlines(tx, self._contracts.agreements, slug):
            if one.agreement.role == "consumer" and one.step in OURS:
                yield Task(
                    kind="countersign",
                    subject=one.agreement.id,
                    agreement=one.agreement.id,
                    partner=one.agreement.counterparty,
                    since=one.agreement.created_at,
                    due=one.until,
                )

    def _ending(self, tx: Tx, slug: str) -> Iterator[Task]:
        for row in store.ending(tx, slug):
            yield Task(
                kind="contract-ends",
                subject=row["id"],
                agreement=row["id"],
                partner=row["counterparty"],
                since=row["finalized_at"] or 0,
                due=row["expires_at"],
            )

    def _differing(self, tx: Tx, slug: str) -> Iterator[Task]:
        for row in store.differing(tx, slug, ALARMING):
            yield Task(
                kind="difference",
                subject=row["agreement"],
                agreement=row["agreement"],
                partner=row["counterparty"],
                since=row["at"],
            )

    def _owed(self, tx: Tx, slug: str) -> Iterator[Task]:
        """Duties of ours that block us, or whose day is near or past."""
        for row in store.concluded(tx, slug):
            if not any(word in bytes(row["document"]) for word in _DUTY_WORDS):
                continue
            for duty in self._duties.standing(tx, slug, row["id"]):
                near = duty.due_at is not None and duty.due_at <= tx.now + DUTIES_MS
                if duty.owed and duty.active and duty.state in ("not-set", "violated") and (near or duty.blocks):
                    yield Task(
                        kind="duty",
                        subject=row["id"],
                        agreement=row["id"],
                        partner=row["counterparty"],
                        since=0,
                        due=duty.due_at,
                        action=duty.action,
                    )


def _completed(one: News, process: store.Process | None) -> News:
    if process is None:
        return one
    return replace(
        one,
        partner=process.counterparty,
        title=process.title,
        agreement=one.agreement or process.agreement or "",
        ours=process.role == "consumer",
    )
