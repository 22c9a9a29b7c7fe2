"""SQL of links to received files; every function is part of a unit in the scope of the participant."""

from typing import Final

import msgspec
from msgspec import Struct

from connector.foundation.storage.database import Row, Tx

_COLUMNS: Final = "participant, id, transfer, agreement, made_by, created_at, expires_at, revoked_at, uses, used_at"


class LinkRow(Struct, frozen=True, kw_only=True):
    """One row of `data_link` without its key; times in ms."""

    participant: str
    id: str
    transfer: str
    agreement: str
    made_by: str
    created_at: int
    expires_at: int
    revoked_at: int | None
    uses: int
    used_at: int | None

    def holds(self, now: int) -> bool:
        """Whether it opens anything at this instant, as far as the link goes."""
        return self.revoked_at is None and now < self.expires_at


def insert(tx: Tx, row: LinkRow, key: str) -> None:
    """`key` is a SHA-256 in hex."""
    tx.run(
        "INSERT INTO data_link (participant, id, key, transfer, agreement, made_by, created_at, expires_at, uses)"
        " VALUES (:participant, :id, :key, :transfer, :agreement, :made_by, :created_at, :expires_at, 0)",
        key=key,
        **{
            name: value
            for name, value in msgspec.structs.asdict(row).items()
            if name not in ("revoked_at", "uses", "used_at")
        },
    )


def by_key(tx: Tx, participant: str, key: str) -> LinkRow | None:
    return _one(
        tx.one(
            f"SELECT {_COLUMNS} FROM data_link WHERE participant = :p AND key = :key",  # noqa: S608
            p=participant,
            key=key,
        )
    )


def by_id(tx: Tx, participant: str, link_id: str) -> LinkRow | None:
    return _one(
        tx.one(
            f"SELECT {_COLUMNS} FROM data_link WHERE participant = :p AND id = :id",  # noqa: S608
            p=participant,
            id=link_id,
        )
    )


def of_transfer(tx: Tx, participant: str, transfer: str) -> list[LinkRow]:
    """The youngest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM data_link WHERE participant = :p AND transfer = :t"  # noqa: S608
        " ORDER BY created_at DESC, id",
        p=participant,
        t=transfer,
    )
    return [msgspec.convert(dict(row), LinkRow) for row in rows]


def standing(tx: Tx, participant: str) -> int:
    """How many links of the participant open something now."""
    row = tx.one(
        "SELECT count(*) AS n FROM data_link WHERE participant = :p AND revoked_at IS NULL AND expires_at > :now",
        p=participant,
        now=tx.now,
    )
    return 0 if row is None else int(row["n"])


def revoke(tx: Tx, participant: str, link_id: str) -> bool:
    """False if it was revoked before, or is not there."""
    return (
        tx.run(
            "UPDATE data_link SET revoked_at = :now WHERE participant = :p AND id = :id AND revoked_at IS NULL",
            now=tx.now,
            p=participant,
            id=link_id,
        )
        == 1
    )


def used(tx: Tx, participant: str, link_id: str) -> None:
    tx.run(
        "UPDATE data_link SET uses = uses + 1, used_at = :now WHERE participant = :p AND id = :id",
        now=tx.now,
        p=participant,
        id=link_id,
    )


def sweep(tx: Tx, before: int) -> int:
    """Forgets links that ended before that (ms)."""
    return tx.run("DELETE FROM data_link WHERE participant = :p AND expires_at < :before", p=tx.scope, before=before)


def _one(row: Row | None) -> LinkRow | None:
    return None if row is None else msgspec.convert(dict(row), LinkRow)
