"""Puts a backup back, into an empty data folder and an empty database only.

A mark (`restore.partial`) lies in the folder from before the first file until after the last check: with it no server
starts. The same command again begins anew; what it has made itself is all that it removes. Everything here blocks.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from connector.audit import beside
from connector.backup import checking, copying
from connector.backup.checking import Examined, Opened, Told
from connector.backup.content import BESIDE, LARGEST, master
from connector.backup.keys import Held
from connector.backup.making import POSTGRES, SQLITE
from connector.errors import Mistake
from connector.participants import opened
from connector.settings import Settings, database_url, load
from connector.storage import belonging, migrate, postgres_dump, snapshot, sqlite_path
from connector.storage.belonging import HALF
from connector.storage.database import Dialect
from connector.storage.folders import content, replaced, synced
from connector.trust.vault import Vault
from connector.verify.checkpoint import Checkpoint

MASTER = "trust/master.key"


class Mark(msgspec.Struct, frozen=True):
    """Which backup is being put back, and whether its database was begun: until then the database was empty."""

    name: str
    database: bool = False


class Restored(NamedTuple):
    """`outside` are files that lay elsewhere, now in the folder `outside/`, for somebody to put where they belong."""

    settings: Settings
    outside: tuple[str, ...]
    missing: tuple[str, ...]
    examined: Examined


def restore(
    backup: Opened, held: Held, folder: Path, environ: Mapping[str, str], told: Told, old: Path | None = None
) -> Restored:
    """The backup is whole and its keys are open; raises Mistake if a place is not empty or does not fit.

    `old` is the data folder of before, where it still can be read: what it knows to be signed is taken along.
    """
    migrate.refuse_newer(backup.manifest.database.schema, _dialect(backup))
    mark = _begun(backup, folder)
    _state(backup, held, folder)
    _heads(folder, old)
    outside = _outside(backup, held, folder)
    settings = load(folder, environ)
    _fits(backup, settings)
    _database(backup, settings, folder, mark, told)
    for name, target in (("files", settings.data.files), ("received", settings.data.received)):
        _files(backup, name, target, folder, told)
    belonging.claim(folder, backup.manifest.database.id)
    examined = _examined(backup, settings, told)
    copying.durable(folder)
    (folder / HALF).unlink()
    synced(folder)
    return Restored(settings, outside, backup.manifest.missing, examined)


def _dialect(backup: Opened) -> Dialect:
    return "sqlite" if backup.manifest.database.kind == "sqlite" else "postgres"


def _begun(backup: Opened, folder: Path) -> Mark:
    """The mark is in the folder; what an attempt before this one made of the same backup is removed."""
    with copying.room(folder):
        copying.private(folder)
        there = {path.name for path in folder.iterdir()}
        if not there:
            replaced(folder / HALF, msgspec.json.encode(mark := Mark(backup.manifest.name)))
            return mark
        if HALF not in there:
            raise Mistake("backup.not-empty", folder=folder)
        mark = _mark(folder)
        if mark.name != backup.manifest.name:
            raise Mistake("backup.another-half", folder=folder, name=mark.name)
        for path in folder.iterdir():
            if path.name != HALF:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        return mark


def _mark(folder: Path) -> Mark:
    try:
        return msgspec.json.decode(content(folder / HALF, 4_096), type=Mark)
    except (OSError, ValueError, msgspec.MsgspecError) as problem:
        raise Mistake("backup.another-half", folder=folder, name="?") from problem


def _state(backup: Opened, held: Held, folder: Path) -> None:
    """Settings, trust, certificates, marks and keys, each at its place."""
    for path in _paths(backup, "data/"):
        if not path.startswith("outside/"):
            _put(copying.small(backup.folder / "data" / path, LARGEST), folder, path, 0o644)
    for path, data in held.files.items():
        _put(data, folder, path, 0o600)
    if not (folder / MASTER).exists():
        _put(f"{held.master.hex()}\n".encode("ascii"), folder, MASTER, 0o600)


def _outside(backup: Opened, held: Held, folder: Path) -> tuple[str, ...]:
    found = {path for path in _paths(backup, "data/") if path.startswith("outside/")}
    for path in found:
        _put(copying.small(backup.folder / "data" / path, LARGEST), folder, path, 0o644)
    for setting, data in held.elsewhere.items():
        _put(data, folder, f"outside/{setting}", 0o600)
    return tuple(sorted({*found, *(f"outside/{setting}" for setting in held.elsewhere)}))


def _heads(folder: Path, old: Path | None) -> None:
    """Of each log the newer of two marks: what was signed behind the backup must not be signed in another way."""
    for name in BESIDE if old is not None else ():
        assert old is not None
        for path in copying.files(old / name):
            theirs, ours = beside.read(old / name / path), beside.read(folder / name / path)
            if theirs is not None and (ours is None or _later(theirs[1].origin, theirs[1].size, ours[1])):
                _put(theirs[0].encode(), folder, f"{name}/{path.as_posix()}", 0o600)


def _later(origin: str, size: int, other: Checkpoint) -> bool:
    return (_epoch(origin), size) > (_epoch(other.origin), other.size)


def _epoch(origin: str) -> int:
    number = origin.rpartition("/")[2]
    return int(number) if number.isdecimal() else 0


def _fits(backup: Opened, settings: Settings) -> None:
    """The settings of the new place name a database of the same kind, and places that are empty."""
    url = database_url(settings)
    kind = "sqlite" if url.startswith("sqlite:") else "postgres"
    if kind != backup.manifest.database.kind:
        raise Mistake("backup.other-kind", has=backup.manifest.database.kind, wanted=kind)
    if kind == "postgres" and not settings.database.owner_url:
        raise Mistake("backup.no-owner")
    for place in (settings.data.files, settings.data.received):
        if place.is_dir() and not place.is_relative_to(settings.folder) and any(place.iterdir()):
            raise Mistake("backup.not-empty", folder=place)


def _database(backup: Opened, settings: Settings, folder: Path, mark: Mark, told: Told) -> None:
    if backup.manifest.database.kind == "sqlite":
        _sqlite(backup, sqlite_path(database_url(settings)), mark, folder, told)
        return
    owner = settings.database.owner_url.reveal()
    if not postgres_dump.empty(owner):
        if not mark.database or migrate.identity(owner) != backup.manifest.database.id:
            raise Mistake("backup.database-not-empty")
    else:
        _note(folder, msgspec.structs.replace(mark, database=True))
        told("database", 0, 0)
        postgres_dump.restore(owner, backup.folder / POSTGRES)
    postgres_dump.unsealed_anew(owner)


def _sqlite(backup: Opened, path: Path, mark: Mark, folder: Path, told: Told) -> None:
    """Nothing may lie there, least of all the log of a database of before."""
    there = [one for one in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))) if one.exists()]
    if there and not mark.database:
        raise Mistake("backup.not-empty", folder=there[0])
    _note(folder, msgspec.structs.replace(mark, database=True))
    for one in there:
        one.unlink()
    _copy(backup, SQLITE, path, lambda done, of: told("database", done, of))
    snapshot.sound(path)


def _note(folder: Path, mark: Mark) -> None:
    with copying.room(folder):
        replaced(folder / HALF, msgspec.json.encode(mark))


def _files(backup: Opened, name: str, target: Path, folder: Path, told: Told) -> None:
    for path in _paths(backup, f"{name}/"):
        _copy(backup, f"{name}/{path}", target / path, lambda done, of: told(name, done, of))
    if not target.is_relative_to(folder) and target.is_dir():
        copying.durable(target)


def _examined(backup: Opened, settings: Settings, told: Told) -> Examined:
    """The keys open under the master key that the new place uses, and everything signed holds."""
    vault = Vault(master(settings))
    if backup.manifest.database.kind == "sqlite":
        with snapshot.reading(sqlite_path(database_url(settings))) as tx:
            shut, found = opened.shut(tx, vault), checking.examined(tx, told)
    else:
        with postgres_dump.moment(settings.database.owner_url.reveal()) as seen:
            shut, found = opened.shut(seen.tx, vault), checking.examined(seen.tx, told)
    if shut:
        raise Mistake("backup.other-master-key")
    return found


def _paths(backup: Opened, prefix: str) -> list[str]:
    return [item.path.removeprefix(prefix) for item in backup.manifest.files if item.path.startswith(prefix)]


def _copy(backup: Opened, path: str, target: Path, told: snapshot.Told) -> None:
    """Copied and compared on the way: what was whole when it was checked may have changed since."""
    item, done = backup.items[path], 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        told(done, item.size)

    if copying.copied(backup.folder / path, target, path, count) != item:
        raise Mistake("backup.damaged", file=path)


def _put(data: bytes, folder: Path, path: str, mode: int) -> None:
    target = folder / path
    if not target.resolve().is_relative_to(folder.resolve()):
        raise Mistake("backup.damaged", file=path)
    copying.put(data, target, path)
    with copying.room(target):
        os.chmod(target, mode)
