"""SQL of notifications: each is there once, whoever finds its cause; who has read it and to whom it was mailed."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from connector.foundation.storage.database import Row, Tx
from connector.foundation.storage.due import having
from connector.oversight.notifications.model import Notification

MOST = 500
KEPT_MS = 90 * 86_400_000


_MARKS = """SELECT p.id,
 (SELECT max(e.leaf_index) FROM audit_entry e WHERE e.participant = p.id AND e.leaf_index IS NOT NULL) AS sealed,
 (SELECT max(e.id) FROM audit_entry e WHERE e.participant = p.id AND e.leaf_index IS NULL) AS unsealed,
 (SELECT max(q.asked_at) FROM question q WHERE q.participant = p.id AND q.answered_at IS NULL) AS asked,
 (SELECT max(t.changed_at) FROM transfer t WHERE t.participant = p.id AND (t.outcome IN ('refused', 'broken')
   OR (t.state = 'TERMINATED' AND t.outcome IS NULL AND t.role = 'consumer'))) AS failed,
 (SELECT max(r.changed_at) FROM approval_rule r WHERE r.participant = p.id) AS ruled,
 (SELECT max(a.due_at) FROM approval a WHERE a.participant = p.id AND a.state = 'open') AS open
 FROM participant p WHERE p.state NOT IN ('deleting', 'deleted')"""


class Mark(NamedTuple):
    """What the frequent causes of a participant rest on; while an approval is `open` time alone may be a cause."""

    sealed: int | None
    unsealed: int | None
    asked: int | None
    failed: int | None
    ruled: int | None
    open: int | None


def marks(tx: Tx) -> Mapping[str, Mark]:
    """Of all participants, in the scope of the worker."""
    return {str(row["id"]): Mark(*(row[name] for name in Mark._fields)) for row in tx.all(_MARKS)}


FRESH = "EXISTS (SELECT 1 FROM notification n WHERE n.participant = p.id AND n.at > :since)"


def fresh(tx: Tx, since: int) -> list[str]:
    """Participants with notifications since then (ms), in the scope of the worker."""
    return having(tx, FRESH, since=since)


def add(tx: Tx, participant: str, one: Notification) -> bool:
    """False if it is known already."""
    return bool(
        tx.run(
            "INSERT INTO notification (participant, name, cause, subject, facts, audience, at) VALUES"
            " (:participant, :name, :cause, :subject, :facts, :audience, :at) ON CONFLICT DO NOTHING",
            participant=participant,
            name=one.name,
            cause=one.cause,
            subject=one.subject,
            facts=msgspec.json.encode(one.facts).decode(),
            audience=msgspec.json.encode(sorted(one.audience)).decode(),
            at=one.at,
        )
    )


def names(tx: Tx, participant: str) -> frozenset[str]:
    """Of all that is kept."""
    rows = tx.all("SELECT name FROM notification WHERE participant = :participant", participant=participant)
    return frozenset(str(row["name"]) for row in rows)


def newest(tx: Tx, participant: str) -> list[Notification]:
    rows = tx.all(
        "SELECT * FROM notification WHERE participant = :participant ORDER BY at DESC, name LIMIT :most",
        participant=participant,
        most=MOST,
    )
    return [_notification(row) for row in rows]


def _notification(row: Row) -> Notification:
    return Notification(
        name=row["name"],
        cause=row["cause"],
        subject=row["subject"],
        at=int(row["at"]),
        facts=msgspec.json.decode(row["facts"], type=dict[str, str]),
        audience=msgspec.json.decode(row["audience"], type=frozenset[str]),
    )


def read_by(tx: Tx, participant: str, who: str) -> frozenset[str]:
    """Names of what she has read."""
    rows = tx.all(
        "SELECT name FROM notification_read WHERE participant = :participant AND who = :who",
        participant=participant,
        who=who,
    )
    return frozenset(str(row["name"]) for row in rows)


def note_read(tx: Tx, participant: str, who: str, read: Iterable[str]) -> None:
    for name in read:
        tx.run(
            "INSERT INTO notification_read (participant, name, who, at) VALUES (:participant, :name, :who, :now)"
            " ON CONFLICT DO NOTHING",
            participant=participant,
            name=name,
            who=who,
            now=tx.now,
        )


def mailed_to(tx: Tx, participant: str, who: str) -> dict[str, int]:
    """Names of what was put into a mail to her, and when (ms)."""
    rows = tx.all(
        "SELECT name, at FROM notification_mail WHERE participant = :participant AND who = :who",
        participant=participant,
        who=who,
    )
    return {str(row["name"]): int(row["at"]) for row in rows}


def note_mailed(tx: Tx, participant: str, who: str, name: str) -> bool:
    """False if another replica has put it into a mail already."""
    return bool(
        tx.run(
            "INSERT INTO notification_mail (participant, name, who, at) VALUES (:participant, :name, :who, :now)"
            " ON CONFLICT DO NOTHING",
            participant=participant,
            name=name,
            who=who,
            now=tx.now,
        )
    )


def forget(tx: Tx, participant: str, names: Iterable[str]) -> None:
    """What is not so any more, with who has read it; a mail that went out has gone."""
    for name in names:
        for table in ("notification_read", "notification_mail", "notification"):
            tx.run(
                f"DELETE FROM {table} WHERE participant = :participant AND name = :name",  # noqa: S608 constants
                participant=participant,
                name=name,
            )


def sweep(tx: Tx, participant: str) -> None:
    """What is older than three months goes, with who has read it."""
    before = tx.now - KEPT_MS
    old = "SELECT name FROM notification WHERE participant = :participant AND at < :before"
    for table in ("notification_read", "notification_mail"):
        tx.run(
            f"DELETE FROM {table} WHERE participant = :participant AND name IN ({old})",  # noqa: S608 constants
            participant=participant,
            before=before,
        )
    tx.run(
        "DELETE FROM notification WHERE participant = :participant AND at < :before",
        participant=participant,
        before=before,
    )
