"""Locks of several rows, always taken in the order of their ids, so that no two units wait for each other."""

from collections.abc import Collection

from connector.foundation.storage.database import Tx


def hold(tx: Tx, table: str, participant: str, ids: Collection[str]) -> None:
    """Takes the lock of these rows of a participant until the unit ends; SQLite has one writer anyway."""
    if tx.dialect == "postgres":
        names = {f"id{n}": name for n, name in enumerate(ids)}
        among = ", ".join(f":{name}" for name in names)
        tx.all(
            f"SELECT id FROM {table} WHERE participant = :participant AND id IN ({among}) ORDER BY id FOR UPDATE",  # noqa: S608 names
            participant=participant,
            **names,
        )
