"""Fills the SQLite database of a stopped city with old negotiations: copies of a finished one under other ids."""

import hashlib
import os
import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

BATCH = 2_000
SEALED_S = 120.0
TABLES = ("negotiation", "agreement", "object_use", "outbox", "audit_entry")
_OLDER_MS = 30 * 86_400_000


def fill(place: Path, count: int) -> None:
    """`count` more finished negotiations with all that belongs to them, each object text of its own size."""
    with closing(sqlite3.connect(place, isolation_level=None)) as database:
        database.row_factory = sqlite3.Row
        found = database.execute("SELECT * FROM negotiation WHERE state = 'FINALIZED' LIMIT 1").fetchone()
        models = {table: _rows(database, table, found) for table in TABLES}
        text = database.execute(
            "SELECT o.* FROM object o JOIN object_use u ON u.sha256 = o.sha256 WHERE u.negotiation = ? AND u.name LIKE"
            " 'text%'",
            (found["id"],),
        ).fetchone()
        for begin in range(0, count, BATCH):
            database.execute("BEGIN")
            for table, rows in _copies(models, dict(text), found, min(BATCH, count - begin)):
                names = [name for name in rows[0] if name != "id" or table not in ("outbox", "audit_entry")]
                database.executemany(
                    f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
                    [[row[name] for name in names] for row in rows],
                )
            database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _rows(database: sqlite3.Connection, table: str, found: sqlite3.Row) -> list[dict[str, object]]:
    column, value = {
        "negotiation": ("id", found["id"]),
        "agreement": ("negotiation", found["id"]),
        "object_use": ("negotiation", found["id"]),
        "outbox": ("stream", f"negotiation:{found['participant']}:{found['id']}"),
        "audit_entry": ("agreement", found["agreement"]),
    }[table]
    return [dict(row) for row in database.execute(f"SELECT * FROM {table} WHERE {column} = ?", (value,))]


def _copies(
    models: dict[str, list[dict[str, object]]], text: dict[str, object], found: sqlite3.Row, count: int
) -> Iterator[tuple[str, Sequence[dict[str, object]]]]:
    made: dict[str, list[dict[str, object]]] = {name: [] for name in ("object", *TABLES)}
    for _ in range(count):
        body = bytes(text["body"]) + os.urandom(16).hex().encode()  # type: ignore[call-overload]
        sha256 = hashlib.sha256(body).hexdigest()
        made["object"].append({**text, "body": body, "sha256": sha256})
        fresh = {str(found["id"]): _urn(), str(found["agreement"]): _urn(), str(found["peer_pid"]): _urn()}
        fresh[str(text["sha256"])] = sha256
        for table in TABLES:
            made[table] += [_copy(row, fresh) for row in models[table]]
    yield from made.items()


def _copy(row: dict[str, object], fresh: dict[str, str]) -> dict[str, object]:
    copy = {name: _renamed(value, fresh) for name, value in row.items()}
    for name in ("at", "created_at", "changed_at", "finalized_at", "done_at"):
        if isinstance(value := copy.get(name), int):
            copy[name] = value - _OLDER_MS
    if "leaf" in copy:
        copy |= {"leaf": os.urandom(32), "leaf_index": None}
    if "message_id" in copy:
        copy["message_id"] = _urn()
    return copy


def _renamed(value: object, fresh: dict[str, str]) -> object:
    if not isinstance(value, str):
        return value
    for old, new in fresh.items():
        value = value.replace(old, new)
    return value


def _urn() -> str:
    return f"urn:uuid:{uuid.uuid4()}"


def sealed(place: Path) -> None:
    """Returns once the running process has sealed its whole log."""
    end = time.monotonic() + SEALED_S
    with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as database:
        while database.execute("SELECT 1 FROM audit_entry WHERE leaf_index IS NULL LIMIT 1").fetchone():
            if time.monotonic() > end:
                raise TimeoutError(str(place))
            time.sleep(0.5)
