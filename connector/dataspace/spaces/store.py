"""SQL of a space as its authority keeps it: the row itself and every version of its list.

A row changes only if its version is still the one that was read; else the whole unit runs again.
"""

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connector.dataspace.spaces import recovery_store
from connector.dataspace.spaces.model import Rules, Space
from connector.dataspace.spaces.rows import insert, struct, text
from connector.foundation.storage.database import Conflict, Tx, for_update


class Version(Struct, frozen=True, kw_only=True):
    """A version of a list: `claims` are what is signed (JSON); `jws` is empty until it is signed."""

    version: int
    claims: str
    sha256: str
    jws: str
    made_at: int
    signed_at: int | None


# The space


def insert_space(tx: Tx, space: Space, secret: bytes) -> None:
    values = {**msgspec.structs.asdict(space), "rules": text(space.rules), "jwk": text(space.jwk), "secret": secret}
    insert(tx, "space", values)


def space(tx: Tx, participant: str, *, lock: bool = False) -> Space | None:
    row = tx.one(
        "SELECT * FROM space WHERE participant = :participant" + (for_update(tx) if lock else ""),  # noqa: S608
        participant=participant,
    )
    if row is None:
        return None
    rules = msgspec.json.decode(row["rules"], type=Rules)
    return struct(row, Space, rules=rules, jwk=msgspec.json.decode(row["jwk"]))


def secret(tx: Tx, participant: str) -> bytes:
    row = tx.one("SELECT secret FROM space WHERE participant = :participant", participant=participant)
    assert row is not None
    return bytes(row["secret"])


def save_space(tx: Tx, one: Space) -> Space:
    changed = tx.run(
        "UPDATE space SET name = :name, rules = :rules, changes = :changes, listed = :listed,"
        " next_update = :next_update, version = version + 1 WHERE participant = :participant AND version = :version",
        participant=one.participant,
        name=one.name,
        rules=text(one.rules),
        changes=one.changes,
        listed=one.listed,
        next_update=one.next_update,
        version=one.version,
    )
    if not changed:
        raise Conflict("space")
    return replace(one, version=one.version + 1)


def changed(tx: Tx, participant: str) -> None:
    """The list has something to say anew; raises Unavailable while nobody knows what the newest one said."""
    tx.run(
        "UPDATE space SET changes = changes + 1, version = version + 1 WHERE participant = :participant",
        participant=participant,
    )
    recovery_store.require_settled(tx, participant)


# Versions of the list


def insert_version(tx: Tx, participant: str, version: int, claims: str, sha256: str) -> None:
    insert(
        tx,
        "space_version",
        {
            "participant": participant,
            "version": version,
            "claims": claims,
            "sha256": sha256,
            "jws": "",
            "made_at": tx.now,
            "signed_at": None,
        },
    )


def drop_unsigned(tx: Tx, participant: str) -> None:
    """What waits for its signature is not signed any more."""
    tx.run("DELETE FROM space_version WHERE participant = :participant AND jws = ''", participant=participant)


def adopt_version(tx: Tx, participant: str, version: int, claims: str, sha256: str, jws: str) -> None:
    """A version that was signed here before a restore."""
    insert(
        tx,
        "space_version",
        {
            "participant": participant,
            "version": version,
            "claims": claims,
            "sha256": sha256,
            "jws": jws,
            "made_at": tx.now,
            "signed_at": tx.now,
        },
    )


def sign_version(tx: Tx, participant: str, version: int, jws: str) -> bool:
    """Whether it was still unsigned: a version is signed once, whoever is faster."""
    return bool(
        tx.run(
            "UPDATE space_version SET jws = :jws, signed_at = :now WHERE participant = :participant"
            " AND version = :version AND jws = ''",
            jws=jws,
            now=tx.now,
            participant=participant,
            version=version,
        )
    )


def newest_version(tx: Tx, participant: str, *, signed: bool) -> Version | None:
    """The newest; `signed`: of those that may be shown."""
    row = tx.one(
        "SELECT * FROM space_version WHERE participant = :participant"  # noqa: S608 constants
        f"{' AND jws <> :empty' if signed else ''} ORDER BY version DESC LIMIT 1",
        participant=participant,
        **({"empty": ""} if signed else {}),
    )
    return None if row is None else struct(row, Version)


def version(tx: Tx, participant: str, number: int) -> Version | None:
    row = tx.one(
        "SELECT * FROM space_version WHERE participant = :participant AND version = :number AND jws <> ''",
        participant=participant,
        number=number,
    )
    return None if row is None else struct(row, Version)


def versions(tx: Tx, participant: str, limit: int = 100) -> list[Version]:
    """Signed versions of the list, the newest first."""
    rows = tx.all(
        "SELECT participant, version, '' AS claims, sha256, '' AS jws, made_at, signed_at FROM space_version"
        " WHERE participant = :participant AND jws <> '' ORDER BY version DESC LIMIT :limit",
        participant=participant,
        limit=limit,
    )
    return [struct(row, Version) for row in rows]
