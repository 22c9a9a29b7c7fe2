"""Why a process stands where it stands, and what its operator can do: a pure function over what is known of it.

Total by construction: every situation has a cause and a next action, and the first one is the one to read. Sentences
are `trace.cause.<code>` and `trace.action.<code>` of the catalogues.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from msgspec import Struct

from connector.foundation.language.reasons import Reason
from connector.kernel.protocol import negotiation, transfer
from connector.kernel.protocol.process import Role

Fact = str | int | Reason
"""Integers are times (ms)."""
LATE_MS: Final = 15_000
"""A row that is due for so long and not taken: nobody works."""


class Attempt(Struct, frozen=True, kw_only=True):
    """How the last try of one row went, or what we refused of the peer; `status` 0: there was no answer."""

    at: int
    times: int = 1
    kind: str = ""
    status: int = 0
    code: str = ""
    reason: Reason | None = None


class Queued(Struct, frozen=True, kw_only=True):
    """An open row of the outbox: a message (`kind` as in the kernel) or work of our own. Times in ms."""

    kind: str
    message: bool
    created_at: int
    due_at: int
    attempts: int = 0
    last: Attempt | None = None


class Asked(Struct, frozen=True):
    """A question that waits for a person."""

    kind: str
    at: int


class Reached(Struct, frozen=True, kw_only=True):
    """What a look at a public version document found; `code` is empty if it was there."""

    url: str
    code: str = ""
    reason: Reason | None = None


class Situation(Struct, frozen=True, kw_only=True):
    """One process as its own side knows it at `now`; `since`: its last change. `ours`, `theirs`: if looked at.

    `named`: the peer has said under which pid it knows the process. `held`: we hold it until its policy permits it.
    """

    noun: Literal["negotiation", "transfer"]
    role: Role
    state: str | None
    named: bool = True
    pending: str | None = None
    ending: str | None = None
    doubt: bool = False
    held: bool = False
    since: int = 0
    now: int = 0
    queue: tuple[Queued, ...] = ()
    questions: tuple[Asked, ...] = ()
    refused: Attempt | None = None
    blocked_until: int = 0
    on_hold: bool = False
    listed: bool = True
    fresh: bool = True
    certificate: bool = True
    ours: Reached | None = None
    theirs: Reached | None = None


class Diagnosis(Struct, frozen=True):
    """`waits` is what is missing: nothing (it is over or runs), us, a person, the peer, or that it can be reached."""

    code: str
    waits: Literal["nothing", "us", "person", "peer", "reach"]
    facts: Mapping[str, Fact] = {}


QUESTIONS: Final = frozenset({"refused", "offered", "proposed", "undeliverable", "no-address"})
ENDS: Final = frozenset({*map(str, negotiation.TERMINAL), *map(str, transfer.TERMINAL)})


def diagnose(s: Situation) -> tuple[Diagnosis, ...]:
    """At least one, the most telling first."""
    if s.state in ENDS:
        return (Diagnosis(f"over-{str(s.state).lower()}", "nothing", {"since": s.since}), *_work(s))
    found = [*_hold(s), *_delivery(s), *_reach(s), *_questions(s), *_work(s), *_own_fault(s), *_turn(s), *_list(s)]
    return tuple(found)


def _hold(s: Situation) -> Iterator[Diagnosis]:
    if s.on_hold:
        yield Diagnosis("peer-on-hold", "person")
    elif not s.listed:
        yield Diagnosis("peer-not-listed", "peer")


def _delivery(s: Situation) -> Iterator[Diagnosis]:
    """The oldest message that is not delivered: the others wait behind it."""
    row = next((row for row in s.queue if row.message), None)
    if row is None:
        if s.pending is not None:
            yield Diagnosis("row-missing", "us", {"kind": s.pending})
        return
    facts: dict[str, Fact] = {"kind": row.kind, "since": row.created_at, "due": row.due_at, "at": row.due_at}
    if row.last is not None:
        facts |= _of_attempt(row.last)
    if s.blocked_until > s.now and row.last is not None:
        yield Diagnosis("circuit-open", "reach", {**facts, "due": s.blocked_until})
    elif row.last is None:
        yield _untried(s, row, facts)
    elif row.last.status == 0:
        yield Diagnosis("no-pid" if row.last.code == "delivery.no-pid" else "no-answer", "reach", facts)
    elif row.last.status >= 500 or row.last.status in (408, 425, 429):
        yield Diagnosis("peer-busy", "reach", facts)
    else:
        yield Diagnosis("peer-says-no", "peer", facts)


def _untried(s: Situation, row: Queued, facts: Mapping[str, Fact]) -> Diagnosis:
    if s.blocked_until > s.now:
        return Diagnosis("circuit-open-untried", "reach", {**facts, "due": s.blocked_until})
    if s.now - row.due_at > LATE_MS:
        return Diagnosis("nobody-works", "us", facts)
    return Diagnosis("being-sent", "us", facts)


def _of_attempt(last: Attempt) -> dict[str, Fact]:
    reason: Reason = last.reason or {"de": [""], "en": [""]}
    return {"at": last.at, "times": str(last.times), "status": str(last.status), "reason": reason}


def _reach(s: Situation) -> Iterator[Diagnosis]:
    """Only what was looked at just now."""
    for code, seen in (("callback-unreachable", s.ours), ("peer-unreachable", s.theirs)):
        if seen is not None and seen.code:
            reason: Reason = seen.reason or {"de": [""], "en": [""]}
            yield Diagnosis(code, "reach", {"url": seen.url, "reason": reason})


def _questions(s: Situation) -> Iterator[Diagnosis]:
    for question in s.questions:
        kind = question.kind if question.kind in QUESTIONS else "other"
        yield Diagnosis(f"question-{kind}", "person", {"since": question.at, "question": question.kind})


def _work(s: Situation) -> Iterator[Diagnosis]:
    """What we do ourselves over the network: fetch, sign, check, ask for the peer's state."""
    for row in s.queue:
        if row.message:
            continue
        facts: dict[str, Fact] = {"work": row.kind, "since": row.created_at, "due": row.due_at}
        if row.last is not None:
            no_certificate = row.last.code == "contracts.no-certificate"
            facts |= _of_attempt(row.last)
            yield Diagnosis(
                "no-certificate" if no_certificate else "work-fails", "us" if no_certificate else "reach", facts
            )
        elif s.now - row.due_at > LATE_MS and row.attempts == 0:
            yield Diagnosis("work-waits", "us", facts)
        else:
            yield Diagnosis("work-runs", "us", facts)


def _own_fault(s: Situation) -> Iterator[Diagnosis]:
    """The peer did say something, and we did not take it."""
    if s.refused is not None and s.refused.at >= s.since:
        yield Diagnosis("we-refused", "peer", {**_of_attempt(s.refused), "kind": s.refused.kind})


def _turn(s: Situation) -> Iterator[Diagnosis]:
    """Nothing of ours is under way: whose word is it?"""
    if s.pending is not None or s.queue:
        return
    facts: dict[str, Fact] = {"since": s.since, "state": str(s.state)}
    theirs = _may_say(s, s.role.other)
    if s.noun == "transfer" and s.state == "STARTED":
        yield Diagnosis("data-may-flow", "nothing", facts)
    elif s.noun == "transfer" and s.state == "SUSPENDED":
        yield Diagnosis("held" if s.held else "suspended", "person", facts)
    elif theirs:
        yield Diagnosis("peer-silent" if s.named else "peer-nameless", "peer", {**facts, "expected": ", ".join(theirs)})
    elif not s.questions:
        ours = _may_say(s, s.role)
        unsigned = not s.certificate and {"AGREE", "VERIFY"} & set(ours)
        code = "no-certificate-yet" if unsigned else "we-are-silent"
        yield Diagnosis(code, "us", {**facts, "expected": ", ".join(ours)})


def _may_say(s: Situation, role: Role) -> list[str]:
    """What may follow here from this side, TERMINATE apart: that may always."""
    steps: Mapping[tuple[Role, str | None, str], str] = {
        (who, None if state is None else str(state), str(kind)): str(after)
        for (who, state, kind), after in (
            negotiation.STEPS.items() if s.noun == "negotiation" else transfer.STEPS.items()
        )
    }
    return [kind for who, state, kind in steps if who is role and state == s.state and kind != "TERMINATE"]


def _list(s: Situation) -> Iterator[Diagnosis]:
    if not s.fresh:
        yield Diagnosis("list-stale", "us")
