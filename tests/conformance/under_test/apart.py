"""Keeps a connector for tests away from real ones: nothing of an operator's settings reaches it, and it does not start
on a database that holds participants of another kind than its own.

Looked at before anything is written: no migration, no settings file, no worker.
"""

import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path

from connector.foundation.errors import Mistake
from connector.foundation.settings import load as conf
from connector.foundation.storage import sqlite_path

PLAIN = "http://localhost:"
"""How the root of a participant for tests begins; the management surface gives only https."""
_LOGINS = ("HANSE_DATABASE__WORKER_URL", "HANSE_DATABASE__OWNER_URL")


def surroundings(
    environ: Mapping[str, str], *, database: str = "", socket: str = "", reuse_port: bool = False, sinks: str = ""
) -> dict[str, str]:
    """What a process of the kit has for an environment: of settings only those that its command line names.

    The other two logins to the database hold passwords as well and come by the environment, but only beside `database`.
    """
    own = {key: value for key, value in environ.items() if not key.startswith("HANSE_")}
    named = {
        "HANSE_DATABASE__URL": database,
        **({key: environ.get(key, "") for key in _LOGINS} if database else {}),
        "HANSE_API__SOCKET": socket,
        "HANSE_PEER__REUSE_PORT": "true" if reuse_port else "",
        "HANSE_DATA__DESTINATIONS": sinks,
    }
    return {**own, **{key: value for key, value in named.items() if value}, "HANSE_PEER__HOST": "127.0.0.1"}


def check(data: Path, environ: Mapping[str, str], slugs: Collection[str]) -> None:
    """Mistake if the database that would be used holds a participant that is not one of `slugs` made by a kit."""
    for slug, root in _participants(conf.database_url(conf.load(data, environ))):
        if slug not in slugs or not root.startswith(PLAIN):
            raise Mistake("conformance.real-database", slug=slug, root=root)


def _participants(url: str) -> list[tuple[str, str]]:
    """Id and root of each; none if there is no such database or table yet."""
    return _of_file(sqlite_path(url)) if url.startswith("sqlite:") else _of_server(url)


def _of_file(path: Path) -> list[tuple[str, str]]:
    if not path.is_file():
        return []
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as found:
        if found.execute("SELECT 1 FROM sqlite_master WHERE name = 'participant'").fetchone() is None:
            return []
        return found.execute("SELECT id, root FROM participant ORDER BY id").fetchall()


def _of_server(url: str) -> list[tuple[str, str]]:
    import psycopg  # loaded only where it is used

    with psycopg.connect(url) as found:
        if found.execute("SELECT to_regclass('participant')").fetchone() == (None,):
            return []
        return found.execute("SELECT id, root FROM participant ORDER BY id").fetchall()
