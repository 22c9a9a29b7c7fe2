"""SQL of sessions and of secrets that are used once: `DELETE` answers who came first, over all replicas."""

from typing import Literal

from connector.foundation.storage.database import Row, Tx
from connector.identity.accounts import store
from connector.identity.accounts.model import Session

Kind = Literal["link", "second", "external", "browser"]
SHOWN = 16
"""Characters of the digest that name a session to its owner."""


# Sessions


def open_session(tx: Tx, digest: str, person: str, agent: str, ends_at: int, *, strong: bool) -> None:
    tx.run(
        "INSERT INTO desk_session (digest, person, strong, agent, created_at, touched_at, ends_at)"
        " VALUES (:digest, :person, :strong, :agent, :now, :now, :ends_at)",
        digest=digest,
        person=person,
        strong=int(strong),
        agent=agent,
        now=tx.now,
        ends_at=ends_at,
    )


def session(tx: Tx, digest: str, idle_ms: int) -> Row | None:
    """A session that is neither over nor idle for longer than that."""
    return tx.one(
        "SELECT * FROM desk_session WHERE digest = :digest AND ends_at > :now AND touched_at > :since",
        digest=digest,
        now=tx.now,
        since=tx.now - idle_ms,
    )


def held(tx: Tx, digest: str) -> Row | None:
    """One that is not over. However long it was idle: a request is under way."""
    return tx.one("SELECT * FROM desk_session WHERE digest = :digest AND ends_at > :now", digest=digest, now=tx.now)


def touch(tx: Tx, digest: str) -> None:
    tx.run("UPDATE desk_session SET touched_at = :now WHERE digest = :digest", digest=digest, now=tx.now)


def sessions(tx: Tx, person: str, idle_ms: int) -> list[Session]:
    """Newest first."""
    rows = tx.all(
        "SELECT * FROM desk_session WHERE person = :person AND ends_at > :now AND touched_at > :since"
        " ORDER BY touched_at DESC, digest",
        person=person,
        now=tx.now,
        since=tx.now - idle_ms,
    )
    return [
        Session(
            id=row["digest"][:SHOWN],
            agent=row["agent"],
            created_at=row["created_at"],
            touched_at=row["touched_at"],
            ends_at=row["ends_at"],
        )
        for row in rows
    ]


def end(tx: Tx, person: str, shown: str) -> bool:
    """Ends one of the person's own, by the name that it is shown under."""
    store.before_taking(tx, person)
    return bool(
        tx.run(
            "DELETE FROM desk_session WHERE person = :person AND substr(digest, 1, :length) = :shown",
            person=person,
            length=SHOWN,
            shown=shown,
        )
    )


def end_all(tx: Tx, person: str, *, but: str = "") -> int:
    """`but`: the digest of one that stays."""
    store.before_taking(tx, person)
    return tx.run("DELETE FROM desk_session WHERE person = :person AND digest <> :but", person=person, but=but)


# Secrets that are used once


def keep(
    tx: Tx, digest: str, kind: Kind, ends_at: int, *, person: str | None = None, facts: bytes | None = None
) -> None:
    tx.run(
        "INSERT INTO one_time_secret (digest, kind, person, facts, ends_at)"
        " VALUES (:digest, :kind, :person, :facts, :ends_at)",
        digest=digest,
        kind=kind,
        person=person,
        facts=facts,
        ends_at=ends_at,
    )


def mark(tx: Tx, digest: str, kind: Kind, ends_at: int) -> bool:
    """Remembers something that counts once; False if it did already."""
    return bool(
        tx.run(
            "INSERT INTO one_time_secret (digest, kind, ends_at) VALUES (:digest, :kind, :ends_at)"
            " ON CONFLICT DO NOTHING",
            digest=digest,
            kind=kind,
            ends_at=ends_at,
        )
    )


def look(tx: Tx, digest: str, kind: Kind) -> Row | None:
    """`person` and `facts`, without using it."""
    return tx.one(
        "SELECT person, facts FROM one_time_secret WHERE digest = :digest AND kind = :kind AND ends_at > :now",
        digest=digest,
        kind=kind,
        now=tx.now,
    )


def use(tx: Tx, digest: str, kind: Kind) -> Row | None:
    """`person` and `facts` for whoever comes first."""
    found = look(tx, digest, kind)
    gone = tx.run("DELETE FROM one_time_secret WHERE digest = :digest AND kind = :kind", digest=digest, kind=kind)
    return found if gone else None


def forget(tx: Tx, person: str, kind: Kind) -> int:
    """All of a kind that a person has."""
    return tx.run("DELETE FROM one_time_secret WHERE person = :person AND kind = :kind", person=person, kind=kind)


def sweep(tx: Tx, attempts_before: int) -> int:
    """What is over; how many rows."""
    return (
        tx.run("DELETE FROM desk_session WHERE ends_at <= :now", now=tx.now)
        + tx.run("DELETE FROM one_time_secret WHERE ends_at <= :now", now=tx.now)
        + tx.run("DELETE FROM sign_in_attempt WHERE last_at < :before", before=attempts_before)
        + tx.run("DELETE FROM invitation WHERE ends_at <= :now", now=tx.now)
    )
