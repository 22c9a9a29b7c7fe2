"""The protocol browser: one process with its events, why it stands where it stands, and what can be done."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.trace import words
from connector.exchange.trace.diagnosis import Diagnosis, Fact, Reached
from connector.exchange.trace.events import Event
from connector.exchange.trace.find import Found, Noun
from connector.exchange.trace.service import Trace, diagnosed
from connector.exchange.transfer.model import TransferRow
from connector.foundation.clock import rfc3339
from connector.surfaces.views.fields import Sentences, Time, optional_sentences
from connector.surfaces.views.members import Members


class TracedProcessView(msgspec.Struct, frozen=True, kw_only=True):
    """`peer_pid` is what the partner calls it. Times with `_at` are milliseconds."""

    noun: Noun
    id: str
    role: str
    state: str
    counterparty: str
    partner: str
    peer_pid: str | None
    agreement: str | None
    created_at: int
    changed_at: int
    created: Time
    changed: Time
    reason: Sentences | None


class ProcessRefView(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a process as tells it from others."""

    noun: Noun
    id: str
    role: str
    state: str
    counterparty: str
    partner: str


class DiagnosisView(msgspec.Struct, frozen=True, kw_only=True):
    """`waits` is what is missing: nothing, us, a person, the peer, or that it can be reached."""

    code: str
    waits: str
    facts: Mapping[str, Fact]
    cause: Sentences
    action: Sentences


class ReachedView(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at a public version document found; `code` is empty if it was there."""

    url: str
    ok: bool
    code: str
    reason: Sentences | None


class ReachView(msgspec.Struct, frozen=True, kw_only=True):
    """Whether both addresses can be reached."""

    ours: ReachedView
    theirs: ReachedView


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """`in` came from the peer, `out` went to it, `own` is ours. `body` is a bounded copy without secrets.

    `time` is `at`, in milliseconds; what happened several `times` did so until `last_at`.
    """

    at: int
    last_at: int
    time: Time
    times: int
    direction: Literal["in", "out", "own"]
    event: str
    text: Sentences
    message_id: str
    status: int
    code: str
    detail: str
    body: str


class TraceView(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the `total` events; `next` is where the next one begins. Without `process` there are `matches`."""

    pid: str
    process: TracedProcessView | None
    matches: list[ProcessRefView]
    related: list[ProcessRefView]
    diagnosis: list[DiagnosisView]
    check: ReachView | None
    events: list[EventView]
    total: int
    next: int | None


def trace(members: Members, slug: str, pid: str, found: Trace, page: slice) -> TraceView:
    events, process = found.events[page], found.process
    following = page.start + len(events)
    return TraceView(
        pid=pid,
        process=None if process is None else _process(members, process),
        matches=[_ref(members, one) for one in found.found] if process is None else [],
        related=[_ref(members, one) for one in found.related],
        diagnosis=[_diagnosis(one, _common(slug, found)) for one in diagnosed(found)],
        check=_check(found),
        events=[_event(one) for one in events],
        total=len(found.events),
        next=following if following < len(found.events) else None,
    )


def reached(seen: Reached) -> ReachedView:
    return ReachedView(url=seen.url, ok=not seen.code, code=seen.code, reason=optional_sentences(seen.reason))


def _process(members: Members, row: NegotiationRow | TransferRow) -> TracedProcessView:
    return TracedProcessView(
        noun="negotiation" if isinstance(row, NegotiationRow) else "transfer",
        id=row.id,
        role=str(row.kernel.role),
        state=row.shown,
        counterparty=row.counterparty,
        partner=members.name(row.counterparty),
        peer_pid=row.kernel.peer_pid,
        agreement=row.agreement,
        created_at=row.created_at,
        changed_at=row.changed_at,
        created=rfc3339(row.created_at),
        changed=rfc3339(row.changed_at),
        reason=optional_sentences(row.reason),
    )


def _ref(members: Members, found: Found) -> ProcessRefView:
    return ProcessRefView(
        noun=found.noun,
        id=found.id,
        role=found.role,
        state=found.state,
        counterparty=found.counterparty,
        partner=members.name(found.counterparty),
    )


def _common(slug: str, found: Trace) -> dict[str, Fact]:
    """What every sentence may name; among it the commands that act on this process."""
    if found.process is None:
        return {"participant": slug}
    id_ = found.process.id
    end = "decline" if isinstance(found.process, NegotiationRow) else "stop"
    commands = {name: f"hanse {name} {id_} --as {slug}" for name in ("accept", "resume", end)}
    return {
        "participant": slug,
        "id": id_,
        "counterparty": found.process.counterparty,
        **commands,
        "end": commands[end] + (" --reason …" if end == "decline" else ""),
    }


def _diagnosis(found: Diagnosis, common: Mapping[str, Fact]) -> DiagnosisView:
    cause, action = words.of_cause(found, common), words.of_action(found, common)
    return DiagnosisView(code=found.code, waits=found.waits, facts=found.facts, cause=cause, action=action)


def _event(event: Event) -> EventView:
    return EventView(
        at=event.at,
        last_at=event.last_at or event.at,
        time=rfc3339(event.at),
        times=event.times,
        direction=event.direction,
        event=event.what,
        text=words.of_event(event),
        message_id=event.message_id,
        status=event.status,
        code=event.code,
        detail=event.detail,
        body=event.body,
    )


def _check(found: Trace) -> ReachView | None:
    if found.situation is None or found.situation.ours is None or found.situation.theirs is None:
        return None
    return ReachView(ours=reached(found.situation.ours), theirs=reached(found.situation.theirs))
