"""Fills the copies of one participant in bulk: what the crawler writes one by one, straight into the tables."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from _cities import progress

from connector.data.catalogue.search.copies import Copy, copy_of
from connector.data.catalogue.search.store import facets_of

BATCH = 5_000
PROVIDER = "did:web:daten.example"
AT = 1_790_000_000_000


def _copies(entries: Iterable[dict[str, Any]]) -> Iterator[tuple[int, Copy]]:
    for number, entry in enumerate(entries, 1):
        if number % 100_000 == 0:
            progress(f"  {number}")
        yield number, copy_of(entry)


def _content(number: int, one: Copy) -> tuple[object, ...]:
    return number, one.hash, one.edition, facets_of(one), one.modified


def _entry(town: str, number: int, one: Copy) -> tuple[object, ...]:
    return town, PROVIDER, one.dataset, number, one.modified or 0, AT, AT, AT


_CONTENT = "id, hash, edition, facets, modified, words"
_ENTRY = "participant, provider, dataset, content, modified, first_seen, changed_at, seen_at"


def fill_sqlite(path: Path, town: str, entries: Iterable[dict[str, Any]]) -> None:
    with closing(sqlite3.connect(path)) as database:
        for number, one in _copies(entries):
            database.execute(
                f"INSERT INTO copy_content ({_CONTENT}) VALUES (?, ?, ?, ?, ?, ?)",
                (*_content(number, one), " ".join(one.words)),
            )
            database.execute("INSERT INTO copy_document (content, entry) VALUES (?, ?)", (number, one.entry))
            database.execute(
                f"INSERT INTO copy_entry ({_ENTRY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _entry(town, number, one)
            )
            if number % BATCH == 0:
                database.commit()
        database.commit()
        database.execute("INSERT INTO copy_word (copy_word) VALUES ('optimize')")
        database.execute("ANALYZE")
        database.commit()


def fill_postgres(admin: str, town: str, entries: Iterable[dict[str, Any]]) -> None:
    """As superuser, without triggers; the index of words is made once, at the end."""
    with psycopg.connect(admin) as database:
        database.execute("SET session_replication_role = replica")
        database.execute("DROP INDEX copy_content_words")
        batch: list[tuple[int, Copy]] = []
        for pair in _copies(entries):
            batch.append(pair)
            if len(batch) == BATCH:
                _copied(database, town, batch)
                batch.clear()
        _copied(database, town, batch)
        progress("  making the index")
        database.execute("SET maintenance_work_mem = '512MB'")
        database.execute("CREATE INDEX copy_content_words ON copy_content USING gin (words)")
        database.commit()
        database.autocommit = True
        database.execute("VACUUM ANALYZE copy_content")
        database.execute("VACUUM ANALYZE copy_entry")


def _copied(database: "psycopg.Connection[Any]", town: str, batch: list[tuple[int, Copy]]) -> None:
    with database.cursor() as cursor:
        with cursor.copy(f"COPY copy_content ({_CONTENT}, uses) FROM STDIN") as rows:
            for number, one in batch:
                rows.write_row((*_content(number, one), _vector(one), 1))
        with cursor.copy("COPY copy_document (content, entry) FROM STDIN") as rows:
            for number, one in batch:
                rows.write_row((number, one.entry))
        with cursor.copy(f"COPY copy_entry ({_ENTRY}) FROM STDIN") as rows:
            for number, one in batch:
                rows.write_row(_entry(town, number, one))


def _vector(one: Copy) -> str:
    return " ".join(f"'{word}'" for word in one.words)
