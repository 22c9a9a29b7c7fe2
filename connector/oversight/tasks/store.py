"""SQL of what waits for people, and of how far each has looked. Reads of other slices' tables change nothing."""

from collections.abc import Collection

import msgspec

from connector.foundation.storage.database import Row, Tx

MOST = 200
"""Rows of each kind that are looked at, the oldest or the nearest."""
MOST_NEWS = 300
NEWS = ("termination", "transfer", "alarm", "decision")
_MONTH_MS = 30 * 86_400_000


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A negotiation or transfer that somebody is asked about."""

    id: str
    counterparty: str
    agreement: str | None
    title: str
    role: str


def questions(tx: Tx, participant: str) -> list[Row]:
    """Those that nobody has answered, the oldest first: subject, kind, asked_at."""
    return tx.all(
        "SELECT subject, kind, asked_at FROM question WHERE participant = :participant AND answered_at IS NULL"
        " ORDER BY asked_at, id LIMIT :most",
        participant=participant,
        most=MOST,
    )


def processes(tx: Tx, participant: str, ids: Collection[str]) -> dict[str, Process]:
    """By id, those of these that are negotiations or transfers."""
    if not ids:
        return {}
    marks = {f"id{number}": one for number, one in enumerate(sorted(ids))}
    listed = ", ".join(f":{name}" for name in marks)
    sql = (
        "SELECT id, counterparty, agreement, title, role FROM negotiation"  # noqa: S608 marks
        f" WHERE participant = :participant AND id IN ({listed})"
        " UNION ALL SELECT t.id, t.counterparty, t.agreement, '' AS title, t.role FROM transfer t"
        f" WHERE t.participant = :participant AND t.id IN ({listed})"
    )
    return {row["id"]: msgspec.convert(row, Process) for row in tx.all(sql, participant=participant, **marks)}


def ending(tx: Tx, participant: str) -> list[Row]:
    """Contracts under which we get data, in force, that run out within a month: id, counterparty, expires_at."""
    return tx.all(
        "SELECT id, counterparty, expires_at, finalized_at FROM agreement WHERE participant = :participant"
        " AND role = 'consumer' AND state IN ('finalized', 'one-sided') AND expires_at > :now AND expires_at <= :month"
        " ORDER BY expires_at, id LIMIT :most",
        participant=participant,
        now=tx.now,
        month=tx.now + _MONTH_MS,
        most=MOST,
    )


def differing(tx: Tx, participant: str, states: Collection[str]) -> list[Row]:
    """Contracts about which our log and the partner's differ: agreement, counterparty, at."""
    marks = {f"state{number}": one for number, one in enumerate(sorted(states))}
    listed = ", ".join(f":{name}" for name in marks)
    return tx.all(
        "SELECT agreement, counterparty, at FROM reconciliation WHERE participant = :participant"  # noqa: S608 marks
        f" AND state IN ({listed}) ORDER BY at, agreement LIMIT :most",
        participant=participant,
        most=MOST,
        **marks,
    )


def concluded(tx: Tx, participant: str) -> list[Row]:
    """Contracts under which we may owe something, the newest: id, counterparty and the document."""
    return tx.all(
        "SELECT id, counterparty, document FROM agreement WHERE participant = :participant AND role = 'consumer'"
        " AND state IN ('finalized', 'one-sided', 'ended') ORDER BY created_at DESC, id LIMIT :most",
        participant=participant,
        most=MOST // 2,
    )


def news(tx: Tx, participant: str, since: int) -> list[Row]:
    """Entries of the log since then (ms) that may say that something ended, the newest first: id, at, record."""
    marks = {f"type{number}": one for number, one in enumerate(NEWS)}
    listed = ", ".join(f":{name}" for name in marks)
    return tx.all(
        "SELECT id, at, record FROM audit_entry WHERE participant = :participant AND record IS NOT NULL AND at > :since"  # noqa: S608 marks
        f" AND type IN ({listed}) ORDER BY id DESC LIMIT :most",
        participant=participant,
        since=since,
        most=MOST_NEWS,
        **marks,
    )


def seen(tx: Tx, participant: str, person: str) -> int | None:
    """Until when (ms) she has seen what happened; None if she never said so."""
    row = tx.one(
        "SELECT seen_at FROM desk_seen WHERE participant = :participant AND person = :person",
        participant=participant,
        person=person,
    )
    return None if row is None else int(row["seen_at"])


def mark(tx: Tx, participant: str, person: str, until: int) -> None:
    """Moves forward only: an older page sent again takes nothing back."""
    tx.run(
        "INSERT INTO desk_seen (participant, person, seen_at) VALUES (:participant, :person, :until)"
        " ON CONFLICT (participant, person) DO UPDATE SET seen_at = CASE WHEN excluded.seen_at > desk_seen.seen_at"
        " THEN excluded.seen_at ELSE desk_seen.seen_at END",
        participant=participant,
        person=person,
        until=until,
    )
