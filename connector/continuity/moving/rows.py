"""Rows of a participant out of one database and into another, on SQLite and PostgreSQL alike.

Reading trusts the schema, writing trusts nothing: only tables that move, only columns that are known here, only values
of their kind, and every row becomes one of the participant that arrives, whatever it was.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from connector.continuity.moving import tables
from connector.continuity.moving.frames import MOST_ROWS, Value, Values
from connector.continuity.offboarding import participant_rows
from connector.foundation.errors import Defect, Mistake
from connector.foundation.storage.database import Tx, long
from connector.identity.trust.keys.vault import Vault

PAGE: Final = MOST_ROWS
_COLUMNS = {
    "sqlite": "SELECT name, type, pk FROM pragma_table_info(:table) ORDER BY cid",
    "postgres": "SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type, coalesce(array_position("
    "(SELECT i.indkey::int2[] FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary), a.attnum) + 1, 0)"
    " AS pk"
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relname = :table AND a.attnum > 0"
    " AND c.relnamespace = current_schema::regnamespace AND NOT a.attisdropped ORDER BY a.attnum",
}
_KINDS: Final[Mapping[str, type]] = {
    "TEXT": str,
    "INTEGER": int,
    "BLOB": bytes,
    "text": str,
    "bigint": int,
    "bytea": bytes,
}


class Table(Struct, frozen=True):
    """A table that moves: its columns that do, with the kind of their values, and what orders its rows."""

    name: str
    columns: Mapping[str, type]
    order: tuple[str, ...]


def layout(tx: Tx) -> list[Table]:
    """All tables that move, each behind those that it refers to."""
    known = participant_rows.tables(tx)
    if strange := set(known) - set(tables.MOVED) - set(tables.LEFT):
        raise Defect("storage.statement", reason=f"TABLE {min(strange)}")
    last = [name for name in reversed(known) if name in tables.MOVED and name not in tables.FIRST]
    return [_table(tx, name) for name in (*tables.FIRST, *last)]


def _table(tx: Tx, name: str) -> Table:
    rows = tx.all(_COLUMNS[tx.dialect], table=name)
    key = sorted((int(row["pk"]), str(row["name"])) for row in rows if row["pk"])
    columns = {
        str(row["name"]): _KINDS[str(row["type"])]
        for row in rows
        if row["name"] != "participant"
        and (name, row["name"]) not in tables.OF_DATABASE
        and not (row["name"] == "id" and name in tables.NUMBERED)
    }
    return Table(name, columns, tuple(one for _, one in key if one != "participant") or ("participant",))


@long
def page(tx: Tx, slug: str, table: Table, after: Sequence[Value] | None) -> list[Values]:
    """The next rows in the order of their key, behind the one whose key is `after`."""
    order = ", ".join(map(_quoted, table.order))
    only = f" AND {tables.ONLY[table.name]}" if table.name in tables.ONLY else ""
    values = {f"k{number}": value for number, value in enumerate(after or ())}
    beyond = f" AND ({order}) > ({', '.join(f':{name}' for name in values)})" if values else ""
    rows = tx.all(
        f"SELECT * FROM {_quoted(table.name)} WHERE participant = :slug{only}{beyond} ORDER BY {order}"  # noqa: S608
        " LIMIT :limit",
        slug=slug,
        limit=PAGE,
        **values,
    )
    return [_plain(row) for row in rows]


def _plain(row: Mapping[str, object]) -> Values:
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}  # type: ignore[misc]


def key_of(table: Table, row: Values) -> list[Value]:
    return [row[name] for name in table.order]


def outgoing(tx: Tx, vault: Vault, slug: str, table: Table, row: Values) -> tuple[Value, ...]:
    """A row's values in the order of the columns, secrets open: the archive is closed as a whole."""
    fresh: dict[str, Value] = {**row, **tables.ANEW.get(table.name, {})}
    for (name, column), context in tables.SEALED.items():
        if name == table.name and (bound := context(slug, row)) is not None:
            fresh[column] = vault.open(bound, _bytes(row[column]))
    if table.name == "erasure":
        fresh["entry"] = _place(tx, slug, row["entry"])
    return tuple(fresh[column] for column in table.columns)


def incoming(
    tx: Tx,
    vault: Vault,
    slug: str,
    table: Table,
    columns: Sequence[str],
    row: Sequence[Value],
    people: Mapping[str, str],
) -> None:
    """Writes one row; raises Mistake for what is none of this table, or has a place that is taken."""
    values = _checked(table, columns, row)
    for (name, column), context in tables.SEALED.items():
        if name == table.name and (bound := context(slug, values)) is not None:
            values[column] = vault.seal(bound, _bytes(values[column]))
    if table.name in tables.PEOPLE:
        values["person"] = people.get(str(values["person"]))
    if table.name == "erasure":
        values["entry"] = _entry(tx, slug, values["entry"])
    names = ["participant", *values]
    try:
        tx.run(
            f"INSERT INTO {_quoted(table.name)} ({', '.join(map(_quoted, names))})"  # noqa: S608 names of the schema
            f" VALUES (:participant, {', '.join(f':{name}' for name in values)})",
            participant=slug,
            **values,
        )
    except Defect as cause:
        raise Mistake("moving.row", table=table.name) from cause


def _checked(table: Table, columns: Sequence[str], row: Sequence[Value]) -> dict[str, Value]:
    if len(set(columns)) != len(columns) or set(columns) - table.columns.keys() or len(row) != len(columns):
        raise Mistake("moving.table", table=table.name)
    values = dict(zip(columns, row, strict=True))
    for name, value in values.items():
        if value is not None and type(value) is not table.columns[name]:
            raise Mistake("moving.row", table=table.name)
    for (name, column), most in tables.PACKED.items():
        if name == table.name and not _unpacks(values.get(column), most):
            raise Mistake("moving.row", table=table.name)
    return {**values, **tables.ANEW.get(table.name, {})}  # whatever was said


def _unpacks(value: Value, most: int) -> bool:
    """Whether what is packed there is whole, and not longer than that."""
    coder = zlib.decompressobj()
    try:
        return value is None or (len(coder.decompress(_bytes(value), most + 1)) <= most and coder.eof)
    except zlib.error:
        return False


@long
def counted(tx: Tx, slug: str) -> dict[str, int]:
    """How many rows of it each table that moves has."""
    return {name: count for name, count in participant_rows.counted(tx, slug).items() if name in tables.MOVED}


def _place(tx: Tx, slug: str, entry: Value) -> int:
    row = tx.one("SELECT leaf_index FROM audit_entry WHERE participant = :slug AND id = :id", slug=slug, id=entry)
    if row is None:
        raise Defect("storage.statement", reason="ERASURE")
    return int(row["leaf_index"])


def _entry(tx: Tx, slug: str, place: Value) -> int:
    row = tx.one("SELECT id FROM audit_entry WHERE participant = :slug AND leaf_index = :place", slug=slug, place=place)
    if row is None:
        raise Mistake("moving.row", table="erasure")
    return int(row["id"])


def _bytes(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise Mistake("moving.damaged")
    return value


def _quoted(name: str) -> str:
    return f'"{name}"'


def batches(rows: Sequence[Sequence[Value]]) -> Iterator[Sequence[Sequence[Value]]]:
    """Portions that one transaction writes."""
    for first in range(0, len(rows), PAGE):
        yield rows[first : first + PAGE]
