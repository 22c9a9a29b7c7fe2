"""PostgreSQL copied and put back by its own programs, `pg_dump` and `pg_restore`, as the owner (decision 0051).

The copy and every question about it see the same moment: one transaction exports its snapshot. Passwords reach the
programs in their environment, never in the list of processes. Everything here blocks.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from connector.foundation.clock import SystemClock
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.storage.database import PROCESS
from connector.foundation.storage.postgres.tx import Connection, PostgresTx
from connector.foundation.storage.schema import SESSIONS

_ALL = "-c hanse.backup=on"
_BARE = """
SELECT relname AS name FROM pg_class c WHERE relforcerowsecurity AND relnamespace = current_schema::regnamespace
 AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'backup') ORDER BY relname"""
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


class Moment(NamedTuple):
    """An open transaction that sees the rows of all participants as of one moment, and its name for `dump`."""

    tx: PostgresTx
    snapshot: str
    version: int
    """Major version of the server."""


@contextmanager
def moment(url: str) -> Iterator[Moment]:
    """The database of this owner; raises Mistake if a table would be left out, Unavailable if it cannot be reached."""
    try:
        with _connect(url) as connection:
            if bare := connection.execute(_BARE).fetchone():
                raise Mistake("storage.backup-policy", table=bare["name"])
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            row = connection.execute("SELECT pg_export_snapshot() AS name").fetchone() or {}
            version = connection.info.server_version // 10_000
            yield Moment(PostgresTx(connection, PROCESS, 0), str(row["name"]), version)
    except psycopg.Error as error:
        raise Unavailable("storage.unreachable", reason=error.sqlstate or type(error).__name__) from error


def dump(url: str, target: Path, seen: Moment) -> None:
    """Fills the file with the database as of that moment, in PostgreSQL's custom format; nobody is signed in there."""
    flags = ["--format=custom", "--no-owner", "--enable-row-security", f"--snapshot={seen.snapshot}"]
    flags += [f"--exclude-table-data={table}" for table in sorted(SESSIONS)]
    _run("pg_dump", url, [*flags, f"--file={target}"], seen.version)


def readable(archive: Path) -> None:
    """Raises Mistake if `pg_restore` finds no table of contents in it."""
    _run("pg_restore", "", ["--list", str(archive)], 0)


def restore(url: str, archive: Path) -> None:
    """All of the archive in one transaction, or nothing of it."""
    with _connect(url) as connection:
        version = connection.info.server_version // 10_000
    flags = ["--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={connection_facts(url)['PGDATABASE']}"]
    _run("pg_restore", url, [*flags, str(archive)], version)


def unsealed_anew(url: str) -> None:
    """Entries that wait for the sealer belong to this transaction from now on.

    A cluster counts its transactions itself: numbers of another one may lie far ahead, and no entry that bears one
    would ever be sealed (`storage.horizon`).
    """
    with _connect(url) as connection, connection.transaction():
        connection.execute("ALTER TABLE audit_entry NO FORCE ROW LEVEL SECURITY")
        connection.execute("UPDATE audit_entry SET tx = pg_current_xact_id() WHERE leaf_index IS NULL")
        connection.execute("ALTER TABLE audit_entry FORCE ROW LEVEL SECURITY")


@contextmanager
def writing(url: str, *tables: str) -> Iterator[PostgresTx]:
    """A unit of the owner that sees the rows of all participants in these tables."""
    with _connect(url) as connection, connection.transaction():
        for table in tables:
            connection.execute(SQL("ALTER TABLE IF EXISTS {} NO FORCE ROW LEVEL SECURITY").format(Identifier(table)))
        yield PostgresTx(connection, PROCESS, SystemClock().now())
        for table in tables:
            connection.execute(SQL("ALTER TABLE IF EXISTS {} FORCE ROW LEVEL SECURITY").format(Identifier(table)))


def empty(url: str) -> bool:
    """Whether the database has no table yet; raises Unavailable, and Mistake where a role is missing."""
    try:
        with _connect(url) as connection:
            there = connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = current_schema LIMIT 1").fetchone()
            roles = connection.execute("SELECT count(*) AS n FROM pg_roles WHERE rolname IN ('hanse', 'hanse_worker')")
            if (roles.fetchone() or {"n": 0})["n"] != 2:
                raise Mistake("storage.roles-missing", roles="hanse, hanse_worker")
            return there is None
    except psycopg.Error as error:
        raise Unavailable("storage.unreachable", reason=error.sqlstate or type(error).__name__) from error


def connection_facts(url: str) -> Mapping[str, str]:
    """What the address says, as the variables that PostgreSQL's programs read."""
    names = {one.keyword.decode(): one.envvar.decode() for one in psycopg.pq.Conninfo.get_defaults() if one.envvar}
    given = conninfo_to_dict(url)
    found = {names[key]: str(value) for key, value in given.items() if key in names and value is not None}
    found.setdefault("PGDATABASE", found.get("PGUSER", ""))
    return found


def _connect(url: str) -> Connection:
    return psycopg.connect(url, autocommit=True, row_factory=dict_row, options=_options(url), connect_timeout=10)


def _options(url: str) -> str:
    return f"{conninfo_to_dict(url).get('options') or ''} {_ALL}".strip()


def _run(program: str, url: str, flags: list[str], server: int) -> None:
    """Raises Mistake if the program is missing, older than the server or fails; its words are told."""
    place = shutil.which(program)
    if place is None:
        raise Mistake("storage.no-program", program=program)
    found = _VERSION.search(subprocess.run([place, "--version"], capture_output=True, text=True).stdout)  # noqa: S603
    if found is None or int(found[1]) < server:
        raise Mistake("storage.old-program", program=program, has=found[1] if found else "?", needs=server)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if url:
        environ |= {**connection_facts(url), "PGOPTIONS": _options(url)}
    ended = subprocess.run([place, *flags], env=environ, capture_output=True, text=True, errors="replace")  # noqa: S603
    if ended.returncode:
        raise Mistake("storage.program-failed", program=program, why=ended.stderr.strip().partition("\n")[0][:300])
