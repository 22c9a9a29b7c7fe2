"""Fills the SQLite database of a stopped city with datasets: copies of its one dataset and offer under other ids."""

import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

BATCH = 5_000
NEEDLE = "einhorn"
"""A word that only the dataset in the middle has."""


def fill(place: Path, count: int) -> None:
    """`count` more datasets, each published a millisecond after the one before."""
    with closing(sqlite3.connect(place, isolation_level=None)) as database:
        database.row_factory = sqlite3.Row
        dataset = dict(database.execute("SELECT * FROM dataset LIMIT 1").fetchone())
        offer = dict(database.execute("SELECT * FROM offer WHERE dataset = ?", (dataset["id"],)).fetchone())
        for begin in range(0, count, BATCH):
            database.execute("BEGIN")
            for number in range(begin, min(begin + BATCH, count)):
                words = f"{dataset['words']} {NEEDLE if number == count // 2 else ''}"
                made = dataset | {
                    "id": f"{str(dataset['id']).rpartition('/')[0]}/{uuid.uuid4()}",
                    "title": f"Bäume {number}",
                    "words": words,
                    "created_at": dataset["created_at"] + number,
                }
                _insert(database, "dataset", made)
                more = {"id": f"{made['id']}/offers/{uuid.uuid4()}", "dataset": made["id"]}
                _insert(database, "offer", offer | more)
            database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def fill_others(place: Path, model: str, towns: Sequence[str]) -> None:
    """Each of these towns has the datasets of the model, under its own name in every id and address."""
    with closing(sqlite3.connect(place, isolation_level=None)) as database:
        database.row_factory = sqlite3.Row
        rows = {
            table: [dict(row) for row in database.execute(f"SELECT * FROM {table} WHERE participant = ?", (model,))]
            for table in ("source", "dataset", "offer")
        }
        for town in towns:
            database.execute("BEGIN")
            for table, models in rows.items():
                for row in models:
                    named = {
                        name: value.replace(model, town) if isinstance(value, str) else value
                        for name, value in row.items()
                    }
                    _insert(database, table, named)
            database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _insert(database: sqlite3.Connection, table: str, row: Mapping[str, object]) -> None:
    database.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values())
    )
