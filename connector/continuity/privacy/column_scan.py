"""SQL that looks for a pseudonym in every table of a participant, found by the schema itself, and takes it out.

Log and signed objects are looked through elsewhere (`retention_store`, `privacy.person_in_objects`): `SEARCHED`. Rows
are walked by primary key, so that a portion goes on where the one before ended, whatever changed between them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, NamedTuple

import msgspec

from connector.foundation.storage.database import Row, Tx, for_update

Type = Literal["text", "bytes", "int"]
Key = tuple[str | int, ...]

SEARCHED = frozenset({"audit_entry", "object"})
_VERSIONED = frozenset({"negotiation", "transfer"})
"""Whoever read such a row before and saves it whole must find that it has changed."""
_TYPES: Mapping[str, Type] = {
    "TEXT": "text",
    "text": "text",
    "BLOB": "bytes",
    "bytea": "bytes",
    "INTEGER": "int",
    "bigint": "int",
}
_SCHEMA = {
    "sqlite": "SELECT m.name AS place, c.name AS name, c.type AS type, c.pk AS pk FROM sqlite_master m"
    " JOIN pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid",
    "postgres": "SELECT c.relname AS place, a.attname AS name, format_type(a.atttypid, NULL) AS type,"
    " coalesce(array_position(string_to_array(i.indkey::text, ' ')::int[], a.attnum::int), 0) AS pk"
    " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
    " LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary"
    " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema::regnamespace AND a.attnum > 0"
    " AND NOT a.attisdropped ORDER BY c.relname, a.attnum",
}


class Column(NamedTuple):
    name: str
    type: Type


class Table(NamedTuple):
    """A table with rows of participants. `owner` names whose a row is, `key` is the rest of its primary key."""

    name: str
    owner: str
    key: tuple[Column, ...]
    columns: tuple[Column, ...]

    def place(self, row: Row) -> Key:
        """Where a row stands."""
        return tuple(row[column.name] for column in self.key)


class AgreementOfRow(NamedTuple):
    """Which agreement a row is about. `known` is False where that cannot be said; `open`: work on it goes on."""

    agreement: str | None = None
    known: bool = True
    open: bool = False


def tables(tx: Tx) -> dict[str, Table]:
    """All tables of participants but those that are looked through elsewhere, by name, in the order of the walk."""
    columns: dict[str, list[Row]] = {}
    for row in tx.all(_SCHEMA[tx.dialect]):
        columns.setdefault(str(row["place"]), []).append(row)
    found = (_table(name, rows) for name, rows in sorted(columns.items()) if name not in SEARCHED)
    return {table.name: table for table in found if table is not None}


def _table(name: str, rows: Sequence[Row]) -> Table | None:
    owner = "id" if name == "participant" else "participant"
    if owner not in [row["name"] for row in rows]:
        return None
    typed = [(Column(row["name"], _TYPES.get(row["type"], "int")), int(row["pk"])) for row in rows]
    key = sorted((pk, column) for column, pk in typed if pk and column.name != owner)
    searched = tuple(column for column, _ in typed if column.type != "int" and column.name != owner)
    return Table(name, owner, tuple(column for _, column in key), searched)


def holding(tx: Tx, participant: str, table: Table, text: str, after: Key, limit: int) -> list[Row]:
    """Whole rows in which any column holds this text, by primary key behind `after` (empty: from the first)."""
    if not table.columns:
        return []
    held = " OR ".join(_holds(tx, column) for column in table.columns)
    names = [_quoted(column.name) for column in table.key]
    values = {f"k{number}": value for number, value in enumerate(after)}
    behind = f" AND ({', '.join(names)}) > ({', '.join(f':{name}' for name in values)})" if after else ""
    types = {"text": text, "bytes": text.encode()}
    return tx.all(
        f"SELECT * FROM {_quoted(table.name)} WHERE {_quoted(table.owner)} = :participant AND ({held}){behind}"  # noqa: S608 of the schema
        + (f" ORDER BY {', '.join(names)}" if names else "")
        + " LIMIT :limit",
        participant=participant,
        limit=limit,
        **{name: value for name, value in types.items() if name in {column.type for column in table.columns}},
        **values,
    )


def one(tx: Tx, participant: str, table: Table, key: Key, *, lock: bool = False) -> Row | None:
    """The row of that key; `lock` before it is changed."""
    where, values = _where(table, key)
    return tx.one(
        f"SELECT * FROM {_quoted(table.name)} WHERE {where}" + (for_update(tx) if lock else ""),  # noqa: S608 of the schema
        participant=participant,
        **values,
    )


def put(tx: Tx, participant: str, table: Table, key: Key, values: Mapping[str, object]) -> None:
    """Writes these columns of a row."""
    where, of_key = _where(table, key)
    sets = [f"{_quoted(name)} = :v_{name}" for name in values]
    if table.name in _VERSIONED:
        sets.append("version = version + 1")
    tx.run(
        f"UPDATE {_quoted(table.name)} SET {', '.join(sets)} WHERE {where}",  # noqa: S608 of the schema
        participant=participant,
        **of_key,
        **{f"v_{name}": value for name, value in values.items()},
    )


def drop(tx: Tx, participant: str, table: Table, key: Key) -> None:
    """Deletes a row."""
    where, values = _where(table, key)
    tx.run(f"DELETE FROM {_quoted(table.name)} WHERE {where}", participant=participant, **values)  # noqa: S608 of the schema


def about(tx: Tx, participant: str, table: str, row: Row) -> AgreementOfRow:
    """Which agreement that row is about, as far as it can be said."""
    match table:
        case "agreement":
            return AgreementOfRow(row["id"])
        case "negotiation":
            return AgreementOfRow(row["agreement"], open=not row["settled"])
        case "outbox":
            return _of(tx, participant, _process(row))._replace(open=row["done_at"] is None)
        case "transcript":
            return _of(tx, participant, row["process"])
        case "question" | "timer":
            return _of(tx, participant, row["subject"])
        case "object_use":
            return _of(tx, participant, row["negotiation"])
        case _:
            return AgreementOfRow(row.get("agreement"))


@contextmanager
def overwriting(tx: Tx) -> Iterator[None]:
    """What is deleted meanwhile is overwritten in the file too; only SQLite leaves it there otherwise."""
    if tx.dialect != "sqlite":
        yield
        return
    usual = tx.one("PRAGMA secure_delete") or {}
    tx.one("PRAGMA secure_delete = ON")
    try:
        yield
    finally:
        tx.one(f"PRAGMA secure_delete = {int(usual.get('secure_delete', 0))}")


def _of(tx: Tx, participant: str, named: str) -> AgreementOfRow:
    """By the id of an agreement, or of a process."""
    if named.startswith("~"):  # messages about no process of ours
        return AgreementOfRow()
    statements = (
        "SELECT id AS agreement FROM agreement WHERE participant = :participant AND id = :id",
        "SELECT agreement FROM negotiation WHERE participant = :participant AND id = :id",
        "SELECT agreement FROM transfer WHERE participant = :participant AND id = :id",
    )
    for statement in statements:
        row = tx.one(statement, participant=participant, id=named)
        if row is not None:
            return AgreementOfRow(row["agreement"])
    return AgreementOfRow(known=False)


class _Place(msgspec.Struct):
    process: str


def _process(row: Row) -> str:
    """A sealed message hides its process, but its stream names it; work names it in its body."""
    if row["kind"] == "message":
        return str(row["stream"]).split(":", 2)[-1]
    try:
        return msgspec.json.decode(bytes(row["body"]), type=_Place).process
    except msgspec.DecodeError:
        return ""


def _holds(tx: Tx, column: Column) -> str:
    name, text = _quoted(column.name), f":{column.type}"
    return f"instr({name}, {text}) > 0" if tx.dialect == "sqlite" else f"position({text} IN {name}) > 0"


def _where(table: Table, key: Key) -> tuple[str, dict[str, object]]:
    values: dict[str, object] = {f"k{number}": value for number, value in enumerate(key)}
    parts = [f"{_quoted(column.name)} = :k{number}" for number, column in enumerate(table.key)]
    return " AND ".join([f"{_quoted(table.owner)} = :participant", *parts]), values


def _quoted(name: str) -> str:
    """Some names are words of SQL; none of ours has a quote in it."""
    return f'"{name}"'
