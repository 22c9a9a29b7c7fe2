"""Rows of an older release whose tables get another shape stay as they are, keys and references too."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from connector.foundation.storage import open_database, upgrade
from tests.testkit.releases import before

KEYED = ("transcript", "object_use", "seen_token")
ROWS = (
    "INSERT INTO participant (id, did, root, host, path, name, kind, operator, state, created_at)"
    " VALUES ('a', 'did:web:a', 'https://a.example', 'a.example', '', 'A', 'k', 'o', 'active', 1)",
    "INSERT INTO object VALUES ('a', 'hash', 'text/plain', x'00')",
    "INSERT INTO object_use VALUES ('a', 'urn:uuid:1', 'text', 'hash', 'did:web:b')",
    "INSERT INTO seen_token VALUES ('a', 'did:web:b', 'jti', 7)",
    "INSERT INTO transcript VALUES"
    " ('a', 'urn:uuid:1', 'in:1', '', 'in', 'REQUEST', 'm', 0, 200, '', '', NULL, '', 3, 1, 2),"
    " ('a', '~did:web:b', 'no:1', 'p', 'refused', 'X', '', 0, 404, 'c', '', '{}', 'b', 1, 1, 1)",
)


def filled(folder: Path) -> str:
    """A database as it was before step 0043, with rows in it."""
    older = before(folder / "older", "0043")
    url = f"sqlite://{folder / 'hanse.db'}"
    upgrade(url, folder=older)
    with closing(sqlite3.connect(folder / "hanse.db")) as old, old:
        for row in ROWS:
            old.execute(row)
    return url


def told(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(folder / "hanse.db")) as database:
        found = {table: database.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall() for table in KEYED}
    return {**found, "seen_token": [row[:3] for row in found["seen_token"]]}  # step 0055 lets them last longer


async def test_their_rows_are_the_same_afterwards(tmp_path: Path) -> None:
    url = filled(tmp_path)
    before = told(tmp_path)
    assert [len(rows) for rows in before.values()] == [2, 1, 1]
    assert "0043_pre_keys" in upgrade(url)
    assert told(tmp_path) == before
    database = open_database(url)
    await database.start()
    await database.close()


def test_keys_references_and_types_still_hold(tmp_path: Path) -> None:
    """Twice the same key, an object that is not there, and a word for a number are refused."""
    upgrade(filled(tmp_path))
    with closing(sqlite3.connect(tmp_path / "hanse.db")) as database:
        database.execute("PRAGMA foreign_keys = ON")
        for wrong in (
            "INSERT INTO seen_token VALUES ('a', 'did:web:b', 'jti', 9)",
            "INSERT INTO object_use VALUES ('a', 'urn:uuid:1', 'other', 'no such hash', 'did:web:b')",
            "INSERT INTO seen_token VALUES ('a', 'did:web:b', 'other', 'soon')",
        ):
            with pytest.raises(sqlite3.IntegrityError):
                database.execute(wrong)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
