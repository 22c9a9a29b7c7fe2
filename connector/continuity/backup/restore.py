"""Puts a backup back, into an empty data folder and an empty database only.

A mark (`restore.partial`) lies in the folder from before the first file until after the last check: with it no server
starts. The same command again begins anew; what it has made itself is all that it removes. Everything here blocks.
"""

import os
import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from connector.continuity.backup import copies, examine, manifest
from connector.continuity.backup.content import BESIDE, LARGEST, master
from connector.continuity.backup.create import POSTGRES, SQLITE
from connector.continuity.backup.examine import Examined, Opened, Told
from connector.continuity.backup.keys import SecretKeys
from connector.dataspace.spaces import recovery_store
from connector.dataspace.witness import note_files
from connector.foundation.errors import Mistake
from connector.foundation.settings.load import Settings, database_place, database_url, load
from connector.foundation.small_files import content, replaced, synced
from connector.foundation.storage import folder_identity, migrate, schema, sqlite_path
from connector.foundation.storage.database import Dialect
from connector.foundation.storage.folder_identity import HALF
from connector.foundation.storage.postgres import dump
from connector.foundation.storage.sqlite import integrity, snapshot
from connector.identity.participants import master_key
from connector.identity.trust.keys.vault import Vault
from connector.verify.formats.checkpoint import Checkpoint

MASTER, LOCK, DRAFTS = "trust/master.key", ".restore.lock", f".{HALF}-"
"""Drafts of the mark: whoever was killed while it was written has put nothing else into the folder."""


class Mark(msgspec.Struct, frozen=True):
    """Which backup is being put back, and the places (database, folders) that were found empty and then begun."""

    name: str
    begun: tuple[str, ...] = ()


class Restored(NamedTuple):
    """`outside` are files that lay elsewhere, now in the folder `outside/`, for somebody to put where they belong."""

    settings: Settings
    outside: tuple[str, ...]
    missing: tuple[str, ...]
    examined: Examined


def restore(
    backup: Opened, held: SecretKeys, folder: Path, environ: Mapping[str, str], told: Told, old: Path | None = None
) -> Restored:
    """The backup is whole and its keys are open; raises Mistake if a place is not empty or does not fit.

    `old` is the data folder of before, where it still can be read: what it knows to be signed is taken along.
    """
    schema.refuse_newer(backup.manifest.database.schema, schema.steps(_dialect(backup)))
    with copies.room(folder):
        copies.private(folder)
    _present(folder)
    with copies.alone(folder / LOCK):
        return _restored(backup, held, folder, environ, told, old)


def _restored(
    backup: Opened, held: SecretKeys, folder: Path, environ: Mapping[str, str], told: Told, old: Path | None
) -> Restored:
    mark = _begun(backup, folder)
    _state(backup, held, folder)
    _heads(folder, old)
    outside = _outside(backup, held, folder)
    settings = load(folder, environ)
    _fits(backup, settings)
    _claimed(settings, folder, mark)
    _database(backup, settings, told)
    for name, target in (("files", settings.data.files), ("received", settings.data.received)):
        _files(backup, name, target, folder, told)
    folder_identity.claim(folder, backup.manifest.database.id)
    examined = _examined(backup, settings, told)
    (folder / LOCK).unlink()
    copies.durable(folder)
    (folder / HALF).unlink()
    synced(folder)
    return Restored(settings, outside, backup.manifest.missing, examined)


def _dialect(backup: Opened) -> Dialect:
    return "sqlite" if backup.manifest.database.kind == "sqlite" else "postgres"


def _begun(backup: Opened, folder: Path) -> Mark:
    """The mark is in the folder; what an attempt before this one made of the same backup is removed."""
    with copies.room(folder):
        for draft in folder.glob(f"{DRAFTS}*"):
            draft.unlink()
        if not _present(folder):
            replaced(folder / HALF, msgspec.json.encode(mark := Mark(backup.manifest.name)))
            return mark
        mark = _mark(folder)
        if mark.name != backup.manifest.name:
            raise Mistake("backup.another-half", folder=folder, name=mark.name)
        for path in folder.iterdir():
            if path.name not in (HALF, LOCK):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        return mark


def _present(folder: Path) -> set[str]:
    """Nothing, or what an attempt before this one left; raises Mistake if it is anybody else's."""
    there = {path.name for path in folder.iterdir() if not path.name.startswith(DRAFTS)} - {LOCK}
    if there and HALF not in there:
        raise Mistake("backup.not-empty", folder=folder)
    return there


def _mark(folder: Path) -> Mark:
    try:
        return msgspec.json.decode(content(folder / HALF, 4_096), type=Mark)
    except (OSError, ValueError, msgspec.MsgspecError) as problem:
        raise Mistake("backup.another-half", folder=folder, name="?") from problem


def _state(backup: Opened, held: SecretKeys, folder: Path) -> None:
    """Settings, trust, certificates, marks and keys, each at its place."""
    for path in _paths(backup, "data/"):
        if not manifest.goes_to(path).startswith("outside/"):
            _put(_small(backup, f"data/{path}"), folder, path, 0o644)
    for path, data in held.files.items():
        if not manifest.goes_to(path).startswith("outside/"):
            _put(data, folder, path, 0o600)
    if not (folder / MASTER).exists():
        _put(f"{held.master.hex()}\n".encode("ascii"), folder, MASTER, 0o600)


def _outside(backup: Opened, held: SecretKeys, folder: Path) -> tuple[str, ...]:
    """Keys last, so that none lies open where two files go to one place."""
    shown = {to: path for path in _paths(backup, "data/") if (to := manifest.goes_to(path)).startswith("outside/")}
    kept = {to: data for path, data in held.files.items() if (to := manifest.goes_to(path)).startswith("outside/")}
    kept |= {f"outside/{setting}": data for setting, data in held.elsewhere.items()}
    for to, path in shown.items():
        _put(_small(backup, f"data/{path}"), folder, to, 0o644)
    for to, data in kept.items():
        _put(data, folder, to, 0o600)
    return tuple(sorted({*shown, *kept}))


def _heads(folder: Path, old: Path | None) -> None:
    """Of each log the newer of two marks: what was signed behind the backup must not be signed in another way."""
    for name in BESIDE if old is not None else ():
        assert old is not None
        for path in copies.files(old / name):
            theirs, ours = note_files.read(old / name / path), note_files.read(folder / name / path)
            if theirs is not None and (ours is None or _later(theirs[1].origin, theirs[1].size, ours[1])):
                _put(theirs[0].encode(), folder, f"{name}/{path.as_posix()}", 0o600)


def _later(origin: str, size: int, other: Checkpoint) -> bool:
    return (_epoch(origin), size) > (_epoch(other.origin), other.size)


def _epoch(origin: str) -> int:
    number = origin.rpartition("/")[2]
    return int(number) if number.isdecimal() else 0


def _fits(backup: Opened, settings: Settings) -> None:
    """The settings of the new place name a database of the same kind."""
    url = database_url(settings)
    kind = "sqlite" if url.startswith("sqlite:") else "postgres"
    if kind != backup.manifest.database.kind:
        raise Mistake("backup.other-kind", has=backup.manifest.database.kind, wanted=kind)
    if kind == "postgres" and not settings.database.owner_url:
        raise Mistake("backup.no-owner")


def _claimed(settings: Settings, folder: Path, mark: Mark) -> None:
    """Places that were not begun by us are empty; from now on they are noted as begun, before anything is put there."""
    url, outside = settings.database.owner_url.reveal() or database_url(settings), []
    if database_url(settings).startswith("sqlite:"):
        url = database_url(settings)
        there = next((one for one in _sqlite_files(sqlite_path(url)) if one.exists()), None)
    else:
        there = None
        if database_place(url) not in mark.begun and not dump.empty(url):
            raise Mistake("backup.database-not-empty")
    if there is not None and database_place(url) not in mark.begun:
        raise Mistake("backup.not-empty", folder=there)
    for place in (settings.data.files, settings.data.received):
        if place.is_dir() and str(place) not in mark.begun and any(place.iterdir()):
            raise Mistake("backup.not-empty", folder=place)
        outside.append(str(place))
    with copies.room(folder):
        replaced(folder / HALF, msgspec.json.encode(Mark(mark.name, (database_place(url), *outside))))


def _sqlite_files(path: Path) -> list[Path]:
    """Least of all may the log of a database of before lie there: it would be played back into the copy."""
    logs = [path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal")]
    return [path, *logs, *(integrity.notes(path) if path.parent.is_dir() else ())]


def _database(backup: Opened, settings: Settings, told: Told) -> None:
    if backup.manifest.database.kind == "sqlite":
        path = sqlite_path(database_url(settings))
        for one in _sqlite_files(path):
            one.unlink(missing_ok=True)  # of the attempt before this one
        _copy(backup, SQLITE, path, lambda done, of: told("database", done, of))
        snapshot.sound(path)
        with snapshot.writing(path) as tx:
            recovery_store.put_back(tx)
        return
    owner = settings.database.owner_url.reveal()
    if dump.empty(owner):
        told("database", 0, 0)
        dump.restore(owner, backup.folder / POSTGRES)
    elif migrate.identity(owner) != backup.manifest.database.id:
        raise Mistake("backup.database-not-empty")
    dump.unsealed_anew(owner)
    with dump.writing(owner, "space", "space_version", "space_recovery") as unit:
        recovery_store.put_back(unit)


def _files(backup: Opened, name: str, target: Path, folder: Path, told: Told) -> None:
    for path in _paths(backup, f"{name}/"):
        _copy(backup, f"{name}/{path}", target / path, lambda done, of: told(name, done, of))
    if not target.is_relative_to(folder) and target.is_dir():
        copies.durable(target)


def _examined(backup: Opened, settings: Settings, told: Told) -> Examined:
    """The keys open under the master key that the new place uses, and everything signed holds."""
    vault = Vault(master(settings))
    if backup.manifest.database.kind == "sqlite":
        with snapshot.reading(sqlite_path(database_url(settings))) as tx:
            shut, found = master_key.unopened(tx, vault), examine.examined(tx, told)
    else:
        with dump.moment(settings.database.owner_url.reveal()) as seen:
            shut, found = master_key.unopened(seen.tx, vault), examine.examined(seen.tx, told)
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

    if copies.copied(backup.folder / path, target, path, count) != item:
        raise Mistake("backup.damaged", file=path)


def _small(backup: Opened, path: str) -> bytes:
    data = copies.small(backup.folder / manifest.lies_at(path), LARGEST)
    if sha256(data).hexdigest() != backup.items[path].sha256:
        raise Mistake("backup.damaged", file=path)
    return data


def _put(data: bytes, folder: Path, path: str, mode: int) -> None:
    target = folder / path
    if not target.resolve().is_relative_to(folder.resolve()):
        raise Mistake("backup.damaged", file=path)
    copies.put(data, target, path)
    with copies.room(target):
        os.chmod(target, mode)
