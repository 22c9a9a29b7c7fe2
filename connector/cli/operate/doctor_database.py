"""Lines of `hanse doctor` about the database: of the server that runs, whatever the environment of this call says.

Only where no server answers is the database looked at that our own settings name; nothing is written there.
"""

import sqlite3
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from connector.cli.frame.client import Api, Problem
from connector.foundation.errors import HanseError
from connector.foundation.language import decimal, say
from connector.foundation.settings.load import FILE, Settings, database_place, database_url, documented, told, value_of

LOOK_S = 20.0
"""Seconds that the look for damage may take."""
MASTER_KEY = "trust.master_key"
MOST = 10
"""Settings that are named one by one."""
Line = tuple[Literal["ok", "warn", "bad"], str, dict[str, object]]


def lines(settings: Settings, lang: str) -> Iterator[Line]:
    """State, message under `cli.doctor`, and its facts."""
    from connector.foundation.storage.folder_identity import HALF

    if (settings.folder / HALF).exists():
        yield "bad", "half-restored", {"folder": settings.folder}
    serves = _asked(settings)
    if serves is None:
        yield from _own(settings, lang)
        return
    database = serves["database"]
    yield "ok", "database-served", {"kind": database["kind"], "place": database["place"], "id": database["id"]}
    yield from _differences(settings, serves)
    if database["kind"] == "sqlite":
        yield from _sound(Path(database["place"]), lang)


def _asked(settings: Settings) -> Mapping[str, Any] | None:
    """What the running server says of itself; None without one (or one of an earlier release)."""
    try:
        found: Mapping[str, Any] = Api(settings.api.socket).get("process")
    except (Problem, HanseError):
        return None
    return found


def _differences(settings: Settings, serves: Mapping[str, Any]) -> Iterator[Line]:
    """Where this call's environment says something else than the server's: then its other lines may mislead."""
    here, there = database_place(database_url(settings)), str(serves["database"]["place"])
    if here != there:
        yield "warn", "database-elsewhere", {"place": there, "here": here}
    theirs = serves["settings"]
    other = [
        one.key
        for one in documented()
        if one.key in theirs
        and theirs[one.key]["value"] != told(value_of(settings, one.key))
        and not (one.key == MASTER_KEY and _made_by_the_start(theirs[one.key], settings))
    ]
    if other:
        yield "warn", "settings-differ", {"keys": ", ".join(other[:MOST]), "count": len(other), "file": FILE}


def _made_by_the_start(theirs: Mapping[str, Any], settings: Settings) -> bool:
    """The first start of a folder finds no master key and makes the file in which it lies from then on."""
    return bool(theirs["origin"] == "default" and settings.origins[MASTER_KEY] == str(settings.trust.master_key_file))


def _own(settings: Settings, lang: str) -> Iterator[Line]:
    from connector.foundation.storage import sqlite_path

    url = database_url(settings)
    if url.startswith("sqlite:"):
        yield from _sqlite(sqlite_path(url), lang)
        return
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            yield "ok", "postgres", {"version": connection.info.server_version // 10000}
    except psycopg.Error as problem:
        yield "bad", "no-postgres", {"problem": str(problem).partition("\n")[0]}


def _sqlite(path: Path, lang: str) -> Iterator[Line]:
    from connector.foundation.storage.sqlite import integrity

    if not path.exists():
        yield "ok", "sqlite-new", {"path": path}
        return
    try:
        integrity.own_log(path)
    except HanseError as error:
        yield "bad", "database-unsound", {"reason": say(f"error.{error.code}", lang, **error.facts)}
        return
    yield from _sound(path, lang)


def _sound(path: Path, lang: str) -> Iterator[Line]:
    from connector.foundation.storage.sqlite import integrity

    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield "bad", "open-database", {"path": path}
    try:
        whole = integrity.quick(path, LOOK_S, read_only=True)
    except HanseError as error:
        yield "bad", "database-unsound", {"reason": say(f"error.{error.code}", lang, **error.facts)}
        return
    if whole:
        yield "ok", "sqlite", {"path": path, "version": sqlite3.sqlite_version}
    else:
        yield "warn", "sqlite-large", {"path": path, "seconds": decimal(LOOK_S, lang, 0)}
