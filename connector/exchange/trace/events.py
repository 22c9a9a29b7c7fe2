"""The transcript as events in order of time, put together from what is stored anyway and the lines of the book.

Our messages and work are rows of the outbox, questions and timers have tables of their own, the log holds decisions
about an agreement: each is read where it is kept, and said once (decision 0015). All of it is bounded.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from connector.exchange.effects import OutgoingMessage
from connector.exchange.trace import excerpt, store
from connector.exchange.trace.diagnosis import Fact
from connector.exchange.trace.store import Line
from connector.foundation.language.reasons import Reason, from_the_wire, plain
from connector.foundation.storage.database import Row, Tx

MOST_ROWS = 300
MOST_RECORDS = 200
WORKS = (
    "repair",
    "seal",
    "countersign",
    "check-countersignature",
    "countersign-late",
    "hand-in",
    "deliver-ending",
    "reconcile",
    "pull",
    "push",
    "approval-decided",
    "first-delivery",
)
"""Kinds of errands that a process may have; each has a stream of its own."""
DATA = frozenset(
    {"received", "sent", "part", "broken", "refused", "completed", "terminated", "suspended", "address-dropped"}
)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """`what` names the sentence (`trace.event.<what>`); `in` came from the peer, `out` went to it, `own` is ours.

    `rank` orders what happened in one transaction: hear, decide, say, be answered.
    """

    at: int
    what: str
    direction: Literal["in", "out", "own"]
    rank: int
    facts: dict[str, Fact] = {}
    times: int = 1
    last_at: int = 0
    message_id: str = ""
    status: int = 0
    code: str = ""
    detail: str = ""
    body: str = ""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One outbox row as it is stored; `text` is a message of ours, empty if it is sealed or work."""

    id: int
    kind: str
    message: bool
    message_id: str
    text: str
    sealed: bool
    attempts: int
    due_at: int
    created_at: int
    done_at: int | None


def sent(tx: Tx, participant: str, stream: str) -> list[Sent]:
    """The newest rows of a process, its errands included, oldest first."""
    streams = store.placed([stream, *(f"{work}:{stream}" for work in WORKS)])
    names = ", ".join(f":{name}" for name in streams)
    rows = tx.all(
        "SELECT id, kind, message_id, body, sealed, attempts, due_at, created_at, done_at FROM outbox"  # noqa: S608 constants
        f" WHERE participant = :participant AND stream IN ({names}) ORDER BY id DESC LIMIT :limit",
        participant=participant,
        limit=MOST_ROWS,
        **streams,
    )
    return [_sent(row) for row in reversed(rows)]


def _sent(row: Row) -> Sent:
    message = row["kind"] == "message"
    parcel = msgspec.json.decode(row["body"], type=OutgoingMessage) if message and not row["sealed"] else None
    return Sent(
        id=row["id"],
        kind=row["kind"] if parcel is None else parcel.kind,
        message=message,
        message_id=row["message_id"],
        text="" if parcel is None else parcel.text,
        sealed=bool(row["sealed"]),
        attempts=row["attempts"],
        due_at=row["due_at"],
        created_at=row["created_at"],
        done_at=row["done_at"],
    )


def gathered(
    tx: Tx,
    participant: str,
    process: str,
    agreement: str | None,
    rows: list[Sent],
    lines: list[Line],
    kinds: Mapping[str, str],
) -> list[Event]:
    """Everything that is known, in order. `kinds`: of unanswered messages by their ids, for sealed rows hide them."""
    found = [
        *_heard(lines),
        *_said(rows, lines, kinds),
        *_asked(tx, participant, process),
        *_timed(tx, participant, process),
        *(_logged(tx, participant, process, agreement) if agreement else ()),
    ]
    return sorted(found, key=lambda event: (event.at, event.rank))


def of_lines(lines: list[Line]) -> list[Event]:
    """Refused messages that belong to no process."""
    return sorted(_heard(lines), key=lambda event: event.at)


def _heard(lines: list[Line]) -> Iterator[Event]:
    seen: set[str] = set()
    for line in lines:
        if line.direction == "out":
            continue
        again = line.direction == "in" and line.message_id != "" and line.message_id in seen
        seen.add(line.message_id)
        what = "heard-again" if again else "heard" if line.direction == "in" else "refused"
        facts: dict[str, Fact] = {"message": line.kind or "?", "status": str(line.status), "code": line.code}
        facts |= {"reason": line.reason or {}, "pointer": line.detail}
        if line.direction == "refused":
            what = "refused-at" if line.detail else "refused"
        elif line.reason and what == "heard":
            what = "heard-why"
        yield _of_line(line, what, "in", 0, facts)


def _said(rows: list[Sent], lines: list[Line], kinds: Mapping[str, str]) -> Iterator[Event]:
    """Each row of ours: decided, tried, answered."""
    results: dict[int, list[Line]] = {}
    for line in lines:
        results.setdefault(line.sent, []).append(line)
    for row in rows:
        found = results.pop(row.id, [])
        kind = row.kind
        if kind == "message":
            known = kinds.get(row.message_id, "?")
            kind = next((one.kind for one in found if one.kind != "message"), known)
        yield _decided(row, kind)
        yield from (_result(line, kind) for line in found)
        if row.done_at is not None and not any(line.slot.endswith(":end") for line in found):
            what = "by-reply" if row.message else "work-done"
            yield Event(at=row.done_at, what=what, direction="own", rank=1, facts={"message": kind, "work": kind})
    for number, found in results.items():
        yield from (_result(line, line.kind) for line in found if number)


def _decided(row: Sent, kind: str) -> Event:
    if not row.message:
        return Event(at=row.created_at, what="work", direction="own", rank=2, facts={"work": kind})
    value = excerpt.value_of(row.text)
    code, reason = excerpt.named(value, "code"), value.get("reason")
    facts: dict[str, Fact] = {"message": kind, "code": code, "reason": _reason(reason)}
    what = "said-why" if reason else "said-sealed" if row.sealed else "said"
    return Event(
        at=row.created_at,
        what=what,
        direction="out",
        rank=2,
        facts=facts,
        message_id=row.message_id,
        code=code,
        body=excerpt.of_value(value) if row.text else "",
    )


def _result(line: Line, kind: str) -> Event:
    facts: dict[str, Fact] = {
        "message": kind,
        "work": kind,
        "status": str(line.status),
        "reason": line.reason or {},
        "state": line.detail,
        "code": line.code,
    }
    end = line.slot.endswith(":end")
    what = "answer" if 200 <= line.status < 300 else "answer-no" if line.status and end else "no-answer"
    if line.kind in WORKS:
        what = "work-fails"
    elif line.status and not end:
        what = "answer-wait"
    if line.kind == "repair" and end and line.status:
        what = "repaired"
    return _of_line(line, what, "in" if line.status else "own", 3, facts)


def _of_line(line: Line, what: str, direction: Literal["in", "out", "own"], rank: int, facts: dict[str, Fact]) -> Event:
    return Event(
        at=line.at,
        what=what,
        direction=direction,
        rank=rank,
        facts=facts,
        times=line.times,
        last_at=line.last_at,
        message_id=line.message_id,
        status=line.status,
        code=line.code,
        detail=line.detail,
        body=line.body,
    )


def _asked(tx: Tx, participant: str, process: str) -> Iterator[Event]:
    rows = tx.all(
        "SELECT kind, asked_at, answered_at, answer FROM question WHERE participant = :participant"
        " AND subject = :subject ORDER BY asked_at LIMIT 100",
        participant=participant,
        subject=process,
    )
    for row in rows:
        facts: dict[str, Fact] = {"question": row["kind"]}
        yield Event(at=row["asked_at"], what="question", direction="own", rank=2, facts=facts, code=row["kind"])
        if row["answered_at"] is not None:
            yield Event(at=row["answered_at"], what="question-done", direction="own", rank=1, facts=facts)


def _timed(tx: Tx, participant: str, process: str) -> Iterator[Event]:
    """Timers that have gone off; those that have not are in the future."""
    rows = tx.all(
        "SELECT kind, due_at, done_at FROM timer WHERE participant = :participant AND subject = :subject"
        " AND done_at IS NOT NULL ORDER BY id LIMIT 100",
        participant=participant,
        subject=process,
    )
    for row in rows:
        facts: dict[str, Fact] = {"timer": row["kind"], "due": row["due_at"]}
        yield Event(at=row["done_at"], what="timer", direction="own", rank=0, facts=facts, code=row["kind"])


def _logged(tx: Tx, participant: str, process: str, agreement: str) -> Iterator[Event]:
    """What the log says of this process, among the newest records of its agreement."""
    rows = tx.all(
        "SELECT type, at, record FROM audit_entry WHERE participant = :participant AND agreement = :agreement"
        " AND record IS NOT NULL ORDER BY seq DESC LIMIT :limit",
        participant=participant,
        agreement=agreement,
        limit=MOST_RECORDS,
    )
    for row in rows:
        body = msgspec.json.decode(row["record"])["body"]
        if process in (body.get("transfer"), body.get("negotiation")):
            yield from _record(row["type"], row["at"], body)


def _record(type_: str, at: int, body: dict[str, object]) -> Iterator[Event]:
    if type_ == "decision" and isinstance(body.get("permit"), bool):
        what = "decided-yes" if body["permit"] else "decided-no"
        yield Event(at=at, what=what, direction="own", rank=1, facts={"phase": str(body.get("phase", ""))})
    elif type_ == "transfer" and body.get("event") in DATA and "by" not in body:
        facts: dict[str, Fact] = {"bytes": str(body.get("bytes", 0)), "cause": plain(str(body.get("cause", "")), 200)}
        yield Event(at=at, what=f"data-{body['event']}", direction="own", rank=1, facts=facts)
    elif type_ == "agreement":
        yield Event(at=at, what="in-force", direction="own", rank=1)


def _reason(said: object) -> Reason:
    return from_the_wire(said) if isinstance(said, list) and said else {}
