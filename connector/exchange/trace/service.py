"""The protocol browser: one process with its transcript, why it stands where it stands, and what can be done.

Everything is read below one participant, in one snapshot; another participant's process is not there.
"""

from collections.abc import Awaitable, Callable

import msgspec

from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.trace import events, find, preflight, store
from connector.exchange.trace.diagnosis import Asked, Attempt, Diagnosis, Queued, Reached, Situation, diagnose
from connector.exchange.trace.events import Event, Sent
from connector.exchange.trace.find import Found
from connector.exchange.trace.preflight import Fetch
from connector.exchange.trace.store import Line
from connector.exchange.transfer.model import TransferRow
from connector.exchange.transfer.service import Transfers
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Unknown
from connector.foundation.language.reasons import Reason, explained
from connector.foundation.storage.database import Database, Tx, long
from connector.identity.participants.service import Participants
from connector.kernel.protocol import transfer
from connector.kernel.protocol.process import Role


class ProcessKnowledge(msgspec.Struct, frozen=True, kw_only=True):
    """What this process of the operating system knows beside the database."""

    blocked_until: Callable[[str, str, int], int]
    on_hold: Callable[[str, str], bool]
    """Of a DID, to a participant of ours by its DID."""
    listed: Callable[[str, int], bool]
    fresh: Callable[[int], bool]


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A process; without one (`process` is None) the refused messages that named the pid."""

    process: NegotiationRow | TransferRow | None
    found: tuple[Found, ...]
    related: tuple[Found, ...]
    situation: Situation | None
    events: tuple[Event, ...]
    senders: tuple[str, ...] = ()


class Tracing:
    """Traces of all participants; every method names the participant."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        contracts: Contracts,
        transfers: Transfers,
        standing: ProcessKnowledge,
        client: Fetch,
        root: Callable[[str, str], Awaitable[str]],
    ) -> None:
        self._db, self._clock, self._participants = db, clock, participants
        self._contracts, self._transfers, self._standing = contracts, transfers, standing
        self._client, self._root = client, root

    async def trace(self, slug: str, pid: str, *, check: bool = False) -> Trace:
        """Raises Unknown. Of several processes that a peer calls so, `found` lists all and `process` is None."""
        await self._participants.get(slug)
        trace = await self._db.read(slug, self._read, slug, pid)
        if check and trace.process is not None and trace.situation is not None:
            ours = await self.reachable(slug)
            theirs = await self._peer(slug, trace.process.counterparty)
            seen = msgspec.structs.replace(trace.situation, ours=ours, theirs=theirs)
            return msgspec.structs.replace(trace, situation=seen)
        return trace

    async def reachable(self, slug: str) -> Reached:
        """Whether our own version document can be had where peers look for it."""
        participant = (await self._participants.get(slug)).participant
        return await preflight.look(self._client, participant.root, f"{participant.did}#dsp")

    async def _peer(self, slug: str, did: str) -> Reached:
        try:
            return await preflight.look(self._client, await self._root(slug, did))
        except HanseError as error:
            return Reached(url=did, code=error.code, reason=explained(error))

    @long
    def _read(self, tx: Tx, slug: str, pid: str) -> Trace:
        found = find.processes(tx, slug, pid)
        if len(found) == 1:
            return self._of(tx, slug, found[0])
        if found:
            return Trace(process=None, found=tuple(found), related=(), situation=None, events=())
        lines = store.strangers(tx, slug, pid)
        if not lines:
            raise Unknown("trace.unknown", pid=pid[:200])
        senders = tuple(dict.fromkeys(line.process.removeprefix("~") for line in lines))
        told = tuple(events.of_lines(lines))
        return Trace(process=None, found=(), related=(), situation=None, events=told, senders=senders)

    def _of(self, tx: Tx, slug: str, found: Found) -> Trace:
        negotiation = found.noun == "negotiation"
        process = self._contracts.get(tx, slug, found.id) if negotiation else self._transfers.get(tx, slug, found.id)
        rows = events.sent(tx, slug, f"{found.noun}:{slug}:{found.id}")
        lines = store.lines(tx, slug, found.id)
        agreement = process.agreement
        related = () if agreement is None else find.under(tx, slug, agreement)
        return Trace(
            process=process,
            found=(found,),
            related=tuple(one for one in related if one.id != found.id),
            situation=self._situation(tx, process, rows, lines),
            events=tuple(events.gathered(tx, slug, found.id, agreement, rows, lines, _kinds(process))),
        )

    def _situation(
        self, tx: Tx, process: NegotiationRow | TransferRow, rows: list[Sent], lines: list[Line]
    ) -> Situation:
        kernel, slug, did, now = process.kernel, process.participant, process.counterparty, self._clock.now()
        return Situation(
            noun="negotiation" if isinstance(process, NegotiationRow) else "transfer",
            role=Role(kernel.role),
            state=None if kernel.state is None else str(kernel.state),
            named=kernel.peer_pid is not None,
            pending=None if kernel.pending is None else str(kernel.pending.kind),
            ending=None if kernel.ending is None else str(kernel.ending.kind),
            doubt=isinstance(kernel, transfer.Transfer) and kernel.doubt,
            held=isinstance(process, TransferRow) and process.held is not None,
            since=process.changed_at,
            now=now,
            queue=tuple(_queued(process, row, lines) for row in rows if row.done_at is None),
            questions=_questions(tx, slug, process.id),
            refused=_refused(lines),
            blocked_until=self._standing.blocked_until(slug, did, now),
            on_hold=self._standing.on_hold(did, self._participants.held(slug).participant.did),
            listed=self._standing.listed(did, now),
            fresh=self._standing.fresh(now),
            certificate=bool(self._participants.held(slug).chain),
        )


def diagnosed(trace: Trace) -> tuple[Diagnosis, ...]:
    """Of a process what `diagnose` says; of a pid that only refused messages name, that it never began."""
    if trace.situation is not None:
        return diagnose(trace.situation)
    if trace.found:
        return (Diagnosis("several", "person", {"count": str(len(trace.found))}),)
    last = trace.events[-1]
    reason = last.facts.get("reason")
    shown: Reason = reason if isinstance(reason, dict) else {}
    return (Diagnosis("never-began", "peer", {"at": last.last_at, "reason": shown, "sender": trace.senders[-1]}),)


def _kinds(process: NegotiationRow | TransferRow) -> dict[str, str]:
    """A sealed row does not say its kind; of an unanswered message the kernel knows it."""
    waiting = (process.kernel.pending, process.kernel.ending)
    return {one.sent_id: str(one.kind) for one in waiting if one is not None}


def _queued(process: NegotiationRow | TransferRow, row: Sent, lines: list[Line]) -> Queued:
    tries = [line for line in lines if line.sent == row.id]
    newest = max(tries, key=lambda line: line.last_at, default=None)
    return Queued(
        kind=_kinds(process).get(row.message_id, row.kind),
        message=row.message,
        created_at=row.created_at,
        due_at=row.due_at,
        attempts=row.attempts,
        last=None if newest is None else _attempt(newest, sum(line.times for line in tries)),
    )


def _attempt(line: Line, times: int) -> Attempt:
    return Attempt(at=line.last_at, times=times, kind=line.kind, status=line.status, code=line.code, reason=line.reason)


def _refused(lines: list[Line]) -> Attempt | None:
    told = [line for line in lines if line.direction == "refused"]
    newest = max(told, key=lambda line: line.last_at, default=None)
    return None if newest is None else _attempt(newest, newest.times)


def _questions(tx: Tx, slug: str, process: str) -> tuple[Asked, ...]:
    rows = tx.all(
        "SELECT kind, asked_at FROM question WHERE participant = :participant AND subject = :subject"
        " AND answered_at IS NULL ORDER BY asked_at LIMIT 20",
        participant=slug,
        subject=process,
    )
    return tuple(Asked(row["kind"], row["asked_at"]) for row in rows)
