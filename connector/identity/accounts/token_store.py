"""SQL of keys for programs. One is found by the SHA-256 of its text, before its participant is known."""

from collections.abc import Iterable

from connector.foundation.storage.database import Row, Tx
from connector.identity.accounts import store
from connector.identity.accounts.model import ProgramKey


def add(
    tx: Tx,
    digest: str,
    key_id: str,
    participant: str | None,
    person: str,
    label: str,
    scopes: Iterable[str],
    ends_at: int,
) -> None:
    tx.run(
        "INSERT INTO api_token (digest, id, participant, person, label, scopes, created_at, ends_at)"
        " VALUES (:digest, :id, :participant, :person, :label, :scopes, :now, :ends_at)",
        digest=digest,
        id=key_id,
        participant=participant,
        person=person,
        label=label,
        scopes=" ".join(sorted(scopes)),
        now=tx.now,
        ends_at=ends_at,
    )


def by_digest(tx: Tx, digest: str) -> Row | None:
    """A key that is not over."""
    return tx.one("SELECT * FROM api_token WHERE digest = :digest AND ends_at > :now", digest=digest, now=tx.now)


def used(tx: Tx, digest: str) -> None:
    tx.run("UPDATE api_token SET used_at = :now WHERE digest = :digest", digest=digest, now=tx.now)


def of_participant(tx: Tx, participant: str) -> list[ProgramKey]:
    """All of it, also those that are over: whoever used them is told so in the list."""
    rows = tx.all(
        "SELECT t.*, p.name AS owner FROM api_token t JOIN person p ON p.id = t.person"
        " WHERE t.participant = :participant ORDER BY t.created_at DESC, t.id",
        participant=participant,
    )
    return [_key(row) for row in rows]


def of_process(tx: Tx) -> list[ProgramKey]:
    """Keys of operators, for the process."""
    rows = tx.all(
        "SELECT t.*, p.name AS owner FROM api_token t JOIN person p ON p.id = t.person"
        " WHERE t.participant IS NULL ORDER BY t.created_at DESC, t.id"
    )
    return [_key(row) for row in rows]


def one(tx: Tx, key_id: str) -> ProgramKey | None:
    row = tx.one(
        "SELECT t.*, p.name AS owner FROM api_token t JOIN person p ON p.id = t.person WHERE t.id = :id", id=key_id
    )
    return None if row is None else _key(row)


def end(tx: Tx, key_id: str) -> bool:
    owner = tx.one("SELECT person FROM api_token WHERE id = :id", id=key_id)
    if owner is not None:
        store.before_taking(tx, owner["person"])
    return bool(tx.run("DELETE FROM api_token WHERE id = :id", id=key_id))


def sweep(tx: Tx, before: int) -> int:
    """Removes keys that were over before that."""
    return tx.run("DELETE FROM api_token WHERE ends_at < :before", before=before)


def _key(row: Row) -> ProgramKey:
    return ProgramKey(
        id=row["id"],
        participant=row["participant"],
        person=row["person"],
        owner=row["owner"],
        label=row["label"],
        scopes=frozenset(row["scopes"].split()),
        created_at=row["created_at"],
        ends_at=row["ends_at"],
        used_at=row["used_at"],
    )
