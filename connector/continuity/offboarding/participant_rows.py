"""Everything that the database holds of one participant, found by the schema itself: nothing can be forgotten.

A table belongs to participants if it has a column `participant`. Rows that others refer to go after those.
"""

from collections.abc import Mapping

from connector.foundation.errors import Defect
from connector.foundation.storage.database import Tx, long

_TABLES = {
    "sqlite": "SELECT m.name AS name FROM sqlite_master m JOIN pragma_table_info(m.name) c"
    " WHERE m.type = 'table' AND c.name = 'participant' ORDER BY m.name",
    "postgres": "SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
    " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema::regnamespace"
    " AND a.attname = 'participant' AND NOT a.attisdropped ORDER BY c.relname",
}
_REFERS = {
    "sqlite": 'SELECT DISTINCT m.name AS child, f."table" AS parent FROM sqlite_master m'
    " JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
    "postgres": "SELECT DISTINCT k.relname AS child, r.relname AS parent FROM pg_constraint x"
    " JOIN pg_class k ON k.oid = x.conrelid JOIN pg_class r ON r.oid = x.confrelid"
    " WHERE x.contype = 'f' AND k.relnamespace = current_schema::regnamespace",
}
_ROWS = {
    "sqlite": "({key}) IN (SELECT {key} FROM {table} WHERE participant = :participant LIMIT :limit)",
    "postgres": "ctid = ANY (ARRAY (SELECT ctid FROM {table} WHERE participant = :participant LIMIT :limit))",
}


def tables(tx: Tx) -> list[str]:
    """Names of all tables with rows of participants, each before those that it refers to."""
    left = {str(row["name"]) for row in tx.all(_TABLES[tx.dialect])}
    refers = [(str(row["child"]), str(row["parent"])) for row in tx.all(_REFERS[tx.dialect])]
    ordered: list[str] = []
    while left:
        free = sorted(left - {parent for child, parent in refers if child in left and child != parent})
        if not free:
            raise Defect("storage.statement", reason="CYCLE")
        ordered += free
        left -= set(free)
    return ordered


@long
def counted(tx: Tx, participant: str) -> Mapping[str, int]:
    """How many rows of the participant each table has."""
    return {table: _count(tx, table, participant) for table in tables(tx)}


@long
def held(tx: Tx, participant: str) -> bool:
    """Whether any table still has a row of the participant."""
    return any(_any(tx, table, participant) for table in tables(tx))


@long
def erase(tx: Tx, participant: str, limit: int) -> int:
    """Deletes up to `limit` rows of the participant; how many. On SQLite what is deleted is overwritten too."""
    if tx.dialect != "sqlite":
        return _erase(tx, participant, limit)
    usual = tx.one("PRAGMA secure_delete") or {}
    tx.one("PRAGMA secure_delete = ON")
    try:
        return _erase(tx, participant, limit)
    finally:
        tx.one(f"PRAGMA secure_delete = {int(usual.get('secure_delete', 0))}")


def _erase(tx: Tx, participant: str, limit: int) -> int:
    erased = 0
    for table in tables(tx):
        if erased >= limit:
            break
        where = _ROWS[tx.dialect].format(table=_quoted(table), key=_key(tx, table))
        erased += tx.run(
            f"DELETE FROM {_quoted(table)} WHERE participant = :participant AND {where}",  # noqa: S608 of the schema
            participant=participant,
            limit=limit - erased,
        )
    return erased


def _key(tx: Tx, table: str) -> str:
    """What names a row on SQLite: some tables have no other name for it than their primary key (decision 0088)."""
    if tx.dialect != "sqlite":
        return ""
    found = tx.all("SELECT name FROM pragma_table_info(:table) WHERE pk > 0 ORDER BY pk", table=table)
    return ", ".join(_quoted(str(row["name"])) for row in found) or "rowid"


def _count(tx: Tx, table: str, participant: str) -> int:
    statement = f"SELECT count(*) AS n FROM {_quoted(table)} WHERE participant = :participant"  # noqa: S608 of the schema
    row = tx.one(statement, participant=participant)
    return 0 if row is None else int(row["n"])


def _any(tx: Tx, table: str, participant: str) -> bool:
    statement = f"SELECT 1 FROM {_quoted(table)} WHERE participant = :participant LIMIT 1"  # noqa: S608 of the schema
    return tx.one(statement, participant=participant) is not None


def _quoted(table: str) -> str:
    """`key` and `object` are words of SQL; no table of ours has a quote in its name."""
    return f'"{table}"'
