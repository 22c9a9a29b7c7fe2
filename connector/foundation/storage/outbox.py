"""Nothing is sent before it is a row here: in order per process (`stream`), fenced leases (spec/architecture.md 3.2).

Delivery is at-least-once and in order within a stream. On SQLite a row just put goes to the worker in memory (topic
`outbox`, the row as value), so leases serve only the sweep there; on PostgreSQL the signal says no more than "look",
and only where a worker runs here: others find in their sweeps what this one has no room for, or died with.
All functions run inside the caller's transaction; times are milliseconds of `tx.now`.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from connector.foundation.errors import Defect
from connector.foundation.storage.database import Tx

TOPIC = "outbox"
LONGEST_WAIT_MS = 3_600_000
"""No row waits longer before it is tried again, whatever the clock did when it was put off (decision 0048)."""
SLACK_MS = 60_000
"""A lease that ends so much later than it is long was not taken by a clock that can be believed."""


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row to deliver. `fence` proves the claim: a row that came through memory was never claimed and has 0."""

    id: int
    participant: str
    stream: str
    kind: str
    body: bytes
    sealed: bool
    attempts: int
    fence: int
    due_at: int
    created_at: int


class Settled(msgspec.Struct, frozen=True):
    """Signal in this process (SQLite): the peer's next message has settled that row, whose answer may yet come."""

    id: int
    stream: str


_COLUMNS = "id, participant, stream, kind, body, sealed, attempts, fence, due_at, created_at"

_PUT = """
INSERT INTO outbox (participant, stream, kind, message_id, body, sealed, due_at, created_at)
VALUES (:participant, :stream, :kind, :message_id, :body, :sealed, :due_at, :now) RETURNING id"""

_CLAIM = """
WITH picked AS MATERIALIZED (
  SELECT o.id FROM outbox o
   WHERE o.done_at IS NULL AND o.due_at <= :now
     AND (o.lease_until <= :now OR o.lease_until > :latest) {only}
     AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.stream = o.stream AND e.id < o.id AND e.done_at IS NULL)
     AND NOT EXISTS (SELECT 1 FROM participant p
                      WHERE p.id = o.participant AND p.state IN ('moving', 'moved', 'arriving'))
   ORDER BY o.due_at, o.id LIMIT :n {skip})
UPDATE outbox SET lease_owner = :me, lease_until = :until, fence = fence + 1, attempts = attempts + 1
 WHERE id IN (SELECT id FROM picked) RETURNING {columns}"""


def put(
    tx: Tx,
    *,
    participant: str,
    stream: str,
    kind: str,
    body: bytes,
    sealed: bool = False,
    message_id: str = "",
    due_at: int | None = None,
) -> int:
    """Add a row at the end of its stream and wake the worker after COMMIT; due at once unless `due_at` is given."""
    due_at = tx.now if due_at is None else due_at
    made = tx.one(
        _PUT,
        participant=participant,
        stream=stream,
        kind=kind,
        message_id=message_id,
        body=body,
        sealed=int(sealed),
        due_at=due_at,
        now=tx.now,
    )
    if made is None:
        raise Defect("storage.statement", reason="RETURNING")
    row = OutboxRow(
        id=made["id"],
        participant=participant,
        stream=stream,
        kind=kind,
        body=body,
        sealed=sealed,
        attempts=0,
        fence=0,
        due_at=due_at,
        created_at=tx.now,
    )
    if tx.dialect == "sqlite":
        tx.signal(TOPIC, row)
    elif row.due_at <= tx.now:  # what is due later the sweep finds: a look now would be in vain
        tx.signal(TOPIC, row.id, here=True)
    return row.id


def claim(tx: Tx, me: str, limit: int, lease_ms: int, stream: str | None = None) -> list[OutboxRow]:
    """Lease up to `limit` due rows, at most the oldest open one of each stream, ordered by due time.

    `stream` narrows it to one process.
    """
    values: dict[str, object] = {"now": tx.now, "n": limit, "me": me}
    values["until"], values["latest"] = tx.now + lease_ms, tx.now + lease_ms + SLACK_MS
    if stream is not None:
        values["stream"] = stream
    statement = _CLAIM.format(
        columns=_COLUMNS,
        only="" if stream is None else "AND o.stream = :stream",
        skip="FOR UPDATE OF o SKIP LOCKED" if tx.dialect == "postgres" else "",
    )
    rows = tx.all(statement, **values)
    claimed = [msgspec.convert(row, OutboxRow, strict=False) for row in rows]
    return sorted(claimed, key=lambda row: (row.due_at, row.id))


def renew(tx: Tx, me: str, rows: Sequence[OutboxRow], lease_ms: int) -> None:
    """Prolong the leases on `rows` that are still ours; a lost one stays lost and shows at `finish`.

    PostgreSQL passes by a row that another unit has locked, which is being finished: two that wait for each other's
    rows would hold each other up. The next time comes long before the lease is over.
    """
    for first in range(0, len(rows), PORTION):
        some = rows[first : first + PORTION]
        of_rows = {f"{name}_{n}": getattr(row, name) for n, row in enumerate(some) for name in ("id", "fence")}
        ours = f"({_claimed(len(some))}) AND lease_owner = :me AND done_at IS NULL"
        unlocked = f"id IN (SELECT id FROM outbox WHERE {ours} FOR UPDATE SKIP LOCKED)"  # noqa: S608 names
        free = unlocked if tx.dialect == "postgres" else ours
        tx.run(f"UPDATE outbox SET lease_until = :until WHERE {free}", until=tx.now + lease_ms, me=me, **of_rows)  # noqa: S608 names


def finish(tx: Tx, row: OutboxRow) -> bool:
    """Mark the row delivered. False: the lease was lost or the peer's reply already counted, so drop the result."""
    changed = tx.run(
        "UPDATE outbox SET done_at = :now, lease_owner = '', lease_until = 0"
        " WHERE id = :id AND fence = :fence AND done_at IS NULL",
        now=tx.now,
        id=row.id,
        fence=row.fence,
    )
    return changed == 1


def finish_all(tx: Tx, rows: Sequence[OutboxRow]) -> frozenset[int]:
    """As `finish` for several different ones; the ids of those that it marked."""
    done = set[int]()
    for first in range(0, len(rows), PORTION):
        some = rows[first : first + PORTION]
        of_rows = {f"{name}_{n}": getattr(row, name) for n, row in enumerate(some) for name in ("id", "fence")}
        marked = tx.all(
            "UPDATE outbox SET done_at = :now, lease_owner = '', lease_until = 0"  # noqa: S608 names
            f" WHERE ({_claimed(len(some))}) AND done_at IS NULL RETURNING id",
            now=tx.now,
            **of_rows,
        )
        done |= {int(row["id"]) for row in marked}
    return frozenset(done)


PORTION: Final = 16
"""Rows of one statement."""


@lru_cache(maxsize=PORTION)
def _claimed(count: int) -> str:
    return " OR ".join(f"(id = :id_{n} AND fence = :fence_{n})" for n in range(count))


def postpone(tx: Tx, row: OutboxRow, due_at: int) -> bool:
    """Try again at `due_at`: frees the lease and keeps the attempts. False: the lease was lost.

    A row that came through memory counts its attempts in its own `attempts`; the larger number is kept. Not before now,
    and not later than `LONGEST_WAIT_MS` from now, by the database's time.
    """
    changed = tx.run(
        "UPDATE outbox SET due_at = :due_at, lease_owner = '', lease_until = 0,"
        " attempts = CASE WHEN attempts < :attempts THEN :attempts ELSE attempts END"
        " WHERE id = :id AND fence = :fence AND done_at IS NULL",
        due_at=min(max(due_at, tx.now), tx.now + LONGEST_WAIT_MS),
        attempts=row.attempts,
        id=row.id,
        fence=row.fence,
    )
    return changed == 1


def pull_in(tx: Tx, longest_ms: int) -> int:
    """Rows that are due later than that from now are due now; none is younger than now."""
    changed = tx.run(
        "UPDATE outbox SET due_at = :now, created_at = CASE WHEN created_at > :now THEN :now ELSE created_at END"
        " WHERE done_at IS NULL AND due_at > :latest",
        now=tx.now,
        latest=tx.now + longest_ms,
    )
    if changed:
        tx.signal(TOPIC)
    return changed


def hurry(tx: Tx, participant: str, stream: str) -> None:
    """What was tried in vain in this stream is due now, with short pauses again: why it was may be over."""
    changed = tx.run(
        "UPDATE outbox SET due_at = :now, attempts = 0"
        " WHERE participant = :participant AND stream = :stream AND done_at IS NULL AND attempts > 0 AND due_at > :now",
        now=tx.now,
        participant=participant,
        stream=stream,
    )
    if changed:
        tx.signal(TOPIC)


def put_off(tx: Tx, participant: str) -> list[str]:
    """Streams of the participant where something waits that was tried in vain; by the index of what is open, as most
    rows are done."""
    rows = tx.all(
        "SELECT DISTINCT stream FROM outbox WHERE participant || '' = :participant AND done_at IS NULL AND attempts > 0"
        " AND due_at > :now ORDER BY stream",
        participant=participant,
        now=tx.now,
    )
    return [str(row["stream"]) for row in rows]


def hand_back(tx: Tx, me: str) -> int:
    """At a graceful stop: free every lease of `me`, so that another replica need not wait for it to run out."""
    changed = tx.run(
        "UPDATE outbox SET lease_owner = '', lease_until = 0, fence = fence + 1"
        " WHERE lease_owner = :me AND done_at IS NULL",
        me=me,
    )
    if changed and tx.dialect == "postgres":  # SQLite has no other worker to wake
        tx.signal(TOPIC)
    return changed


def free_all(tx: Tx) -> int:
    """At the start of SQLite's only process: every lease belongs to a dead one."""
    return tx.run(
        "UPDATE outbox SET lease_owner = '', lease_until = 0, fence = fence + 1"
        " WHERE lease_owner <> '' AND done_at IS NULL"
    )


def waits(tx: Tx, participant: str, stream: str) -> bool:
    """Whether a row of this stream is not done yet."""
    statement = "SELECT 1 FROM outbox WHERE participant = :participant AND stream = :stream AND done_at IS NULL LIMIT 1"
    return tx.one(statement, participant=participant, stream=stream) is not None


def open_bodies(tx: Tx, participant: str, stream: str) -> list[bytes]:
    """Bodies of the rows of this stream that are not done yet, the oldest first."""
    statement = "SELECT body FROM outbox WHERE participant = :participant AND stream = :stream AND done_at IS NULL"
    return [bytes(row["body"]) for row in tx.all(f"{statement} ORDER BY id", participant=participant, stream=stream)]


def undelivered(tx: Tx, participant: str, without: frozenset[str], limit: int) -> list[OutboxRow]:
    """Rows of the participant that are not done, the oldest first; none of the kinds `without`."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM outbox WHERE participant = :participant AND done_at IS NULL ORDER BY id",  # noqa: S608 constants
        participant=participant,
    )
    found = [msgspec.convert(row, OutboxRow, strict=False) for row in rows if row["kind"] not in without]
    return found[:limit]


def abandon(tx: Tx, participant: str) -> int:
    """Nothing of the participant is delivered any more; what runs loses its lease."""
    return tx.run(
        "UPDATE outbox SET done_at = :now, lease_owner = '', lease_until = 0, fence = fence + 1"
        " WHERE participant = :participant AND done_at IS NULL",
        now=tx.now,
        participant=participant,
    )


def done_by_reply(tx: Tx, participant: str, stream: str, message_id: str) -> int:
    """The peer's next message acknowledges ours, whatever becomes of the HTTP answer (spec/protocol.md 4.5)."""
    done = tx.all(
        "UPDATE outbox SET done_at = :now, lease_owner = '', lease_until = 0"
        " WHERE participant = :participant AND stream = :stream AND message_id = :message_id AND done_at IS NULL"
        " RETURNING id",
        now=tx.now,
        participant=participant,
        stream=stream,
        message_id=message_id,
    )
    if tx.dialect == "sqlite":
        for row in done:
            tx.signal(TOPIC, Settled(id=row["id"], stream=stream))
    return len(done)
