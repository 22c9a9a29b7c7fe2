"""Work that waits as rows: errands of our own, timers, and questions to people.

Each is written in the transaction that changes the state, so that nothing is begun before it is saved
(spec/architecture.md 3.1).
"""

from typing import Literal

import msgspec

from connector.foundation.ids import new_uuid
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Tx

Noun = Literal["negotiation", "transfer"]
COUNTERSIGN = "countersign"
"""Timer of a negotiation: the instant before which a required countersignature has to be here."""
REVIEW = "review"
"""Timer of an agreement: an instant at which time alone may change what is permitted under it."""


class ProcessRef(msgspec.Struct, frozen=True, kw_only=True):
    """Whose effects these are. `asked`: whether a question about the process may wait for a person."""

    participant: str
    noun: Noun
    id: str
    to: str
    asked: bool = True

    @property
    def stream(self) -> str:
        """Rows of one process leave in order; two participants of this process never share a stream."""
        return f"{self.noun}:{self.participant}:{self.id}"


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an outbox row that is work with I/O of our own: sign, check, open or close a flow."""

    process: str
    noun: Noun
    work: str
    to: str = ""
    facts: dict[str, str] = {}


def errand(
    tx: Tx, process: ProcessRef, work: str, *, stream: str = "", due_at: int | None = None, **facts: str
) -> None:
    """Work of our own as a row, in a stream of its own: it must not hold up the messages of the process."""
    body = Errand(process=process.id, noun=process.noun, work=work, to=process.to, facts=facts)
    outbox.put(
        tx,
        participant=process.participant,
        stream=stream or f"{work}:{process.stream}",
        kind=work,
        body=msgspec.json.encode(body),
        due_at=due_at,
    )


def errand_once(tx: Tx, process: ProcessRef, work: str) -> None:
    """The same, unless one is open: that one looks at how things stand when it acts, and that is now.

    It must not be finished for lack of work but under the lock of the process that the caller holds here; else what
    begins just then would find it open and be forgotten with it.
    """
    stream = f"{work}:{process.stream}"
    if outbox.waits(tx, process.participant, stream):
        outbox.hurry(tx, process.participant, stream)
    else:
        errand(tx, process, work)


def timer(tx: Tx, participant: str, kind: str, subject: str, due_at: int) -> None:
    tx.run(
        "INSERT INTO timer (participant, kind, subject, due_at) VALUES (:participant, :kind, :subject, :due_at)",
        participant=participant,
        kind=kind,
        subject=subject,
        due_at=due_at,
    )


def review(tx: Tx, participant: str, agreement: str, due_at: int) -> None:
    """Have what runs under an agreement judged anew at `due_at` (ms); one review waits, at the earlier instant."""
    tx.run(
        "INSERT INTO timer (participant, kind, subject, due_at) VALUES (:participant, 'review', :subject, :due_at)"
        " ON CONFLICT (participant, subject) WHERE kind = 'review' AND done_at IS NULL DO UPDATE"
        " SET due_at = CASE WHEN excluded.due_at < timer.due_at THEN excluded.due_at ELSE timer.due_at END",
        participant=participant,
        subject=agreement,
        due_at=due_at,
    )


def ask(tx: Tx, participant: str, subject: str, kind: str, **facts: str) -> None:
    """A question to a person; it waits in the database until somebody answers."""
    tx.run(
        "INSERT INTO question (participant, id, subject, kind, facts, asked_at)"
        " VALUES (:participant, :id, :subject, :kind, :facts, :now)",
        participant=participant,
        id=new_uuid(),
        subject=subject,
        kind=kind,
        facts=msgspec.json.encode(facts).decode(),
        now=tx.now,
    )


def ask_once(tx: Tx, participant: str, subject: str, kind: str, **facts: str) -> None:
    """The same, unless it has been asked and nobody has answered; the caller holds the lock of the process."""
    waits = tx.one(
        "SELECT 1 FROM question WHERE participant = :participant AND subject = :subject AND kind = :kind"
        " AND answered_at IS NULL LIMIT 1",
        participant=participant,
        subject=subject,
        kind=kind,
    )
    if waits is None:
        ask(tx, participant, subject, kind, **facts)


def answered(tx: Tx, participant: str, subject: str) -> None:
    """The process went on: nothing that was asked about it waits any more."""
    tx.run(
        "UPDATE question SET answered_at = :now, answer = 'went-on' WHERE participant = :participant"
        " AND subject = :subject AND answered_at IS NULL",
        participant=participant,
        subject=subject,
        now=tx.now,
    )


def questions(tx: Tx, participant: str) -> list[dict[str, object]]:
    """What waits for a person, newest first: id, subject (a process), kind, facts and when it was asked (ms)."""
    rows = tx.all(
        "SELECT id, subject, kind, facts, asked_at FROM question"
        " WHERE participant = :participant AND answered_at IS NULL ORDER BY asked_at DESC, id LIMIT 200",
        participant=participant,
    )
    return [{**row, "facts": msgspec.json.decode(row["facts"])} for row in rows]
