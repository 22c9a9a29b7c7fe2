"""Makes a backup: database as of one moment, the files it names, settings, and the keys in a half of their own.

Files are copied before the database and once more behind it, so whatever happens meanwhile, each file that the copy of
the database names is in it, and none that it has forgotten. The folder bears the ending `.partial` until all of it is
on the disk; the manifest is written last. Everything here blocks.
"""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

from connector.continuity.backup import content, copies, examine, keys, manifest
from connector.continuity.backup.examine import Examined, Told
from connector.continuity.backup.manifest import Item, Manifest, Source
from connector.foundation.errors import Mistake
from connector.foundation.resources import release
from connector.foundation.settings.load import Settings, database_url
from connector.foundation.small_files import synced
from connector.foundation.storage import folder_identity, sqlite_path
from connector.foundation.storage.database import Tx
from connector.foundation.storage.postgres import dump
from connector.foundation.storage.sqlite import snapshot
from connector.foundation.storage.sqlite.lock import only_process
from connector.identity.participants import master_key
from connector.identity.trust.keys.vault import Vault

SQLITE, POSTGRES = "database/hanse.db", "database/hanse.pgdump"
PARTIAL = ".partial"
Copy = Callable[[Path, Told], None]
"""Fills the empty file with the SQLite database as of one moment."""


class Wish(NamedTuple):
    """Where to: `keys_to` None puts the keys into the backup itself, which needs a passphrase."""

    to: Path
    keys_to: Path | None
    passphrase: str | None
    received: bool = True
    check: bool = False


class Made(NamedTuple):
    """The folder of the backup, its half with the keys, and what was found."""

    folder: Path
    keys: Path
    manifest: Manifest
    examined: Examined | None


class _Facts(NamedTuple):
    source: Source
    files: dict[str, str]
    """Path below `files/` -> SHA-256, as the database names them."""
    examined: Examined | None


def make(settings: Settings, wish: Wish, copy: Copy, told: Told) -> Made:
    """Raises Mistake for a place or a passphrase that cannot be, Unavailable when the disk is full or fails."""
    _checked(settings, wish)
    with copies.room(wish.to):
        copies.own(wish.to)
        if wish.keys_to is not None:
            copies.own(wish.keys_to)
    with copies.alone(wish.to / ".lock"):
        _cleared(wish.to)
        name = _name(wish.to)
        draft = wish.to / (name + PARTIAL)
        try:
            made = _made(settings, wish, copy, told, draft, name)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return made


def offline(settings: Settings) -> Copy:
    """The copy where no server runs: none may start meanwhile. Raises Mistake `storage.locked`."""
    path = sqlite_path(database_url(settings))

    def copy(target: Path, told: Told) -> None:
        if not path.exists():
            raise Mistake("backup.no-database", path=path)
        with only_process(path):
            snapshot.copy(path, target, lambda done, of: told("database", done, of))

    return copy


def _made(settings: Settings, wish: Wish, copy: Copy, told: Told, draft: Path, name: str) -> Made:
    with copies.room(draft):
        copies.private(draft / "database")
    items = _files(settings.data.files, draft, "files", told, {})
    facts = _database(settings, wish, copy, told, draft)
    items = _files(settings.data.files, draft, "files", told, items)
    for path in sorted(items.keys() - {f"files/{path}" for path in facts.files}):
        (draft / path).unlink()  # of participants that were deleted before the copy, or of no dataset yet
        del items[path]
    missing = tuple(path for path, sha256 in facts.files.items() if _amiss(items.get(f"files/{path}"), sha256))
    if wish.received:
        items |= _files(settings.data.received, draft, "received", told, {})
    everything = content.gathered(settings)
    for path, data in everything.shown.items():
        items[f"data/{path}"] = copies.put(data, draft / "data" / path, f"data/{path}")
    database = SQLITE if facts.source.kind == "sqlite" else POSTGRES
    items[database] = copies.item_of(draft / database, database)
    # Its own name also where several installations give their halves to one folder in the same second.
    how, sealed = keys.sealed(everything.held, name, f"{name}-{token_hex(4)}.keys", wish.passphrase)
    place = (draft if wish.keys_to is None else wish.keys_to) / how.file
    copies.put(sealed, place.with_name(place.name + copies.PARTS[0]), how.file)
    with copies.room(place):
        place.with_name(place.name + copies.PARTS[0]).replace(place)
        synced(place.parent)
    found = Manifest(
        v=manifest.FORM,
        name=name,
        made_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        product=release(),
        database=facts.source,
        keys=how,
        files=tuple(items[path] for path in sorted(items)),
        missing=missing,
    )
    _finish(draft, wish.to / name, found, examine.mac_key(everything.held.master))
    inside = wish.to / name / how.file if wish.keys_to is None else place
    return Made(wish.to / name, inside, found, facts.examined)


def _finish(draft: Path, place: Path, found: Manifest, key: bytes) -> None:
    """Manifest and seal last; then the name, once all of it is on the disk."""
    body, seal = manifest.written(found, key)
    copies.put(body, draft / manifest.FILE, manifest.FILE)
    copies.put(seal, draft / manifest.SEAL, manifest.SEAL)
    copies.durable(draft)
    with copies.room(place):
        draft.rename(place)
        synced(place.parent)


def _database(settings: Settings, wish: Wish, copy: Copy, told: Told, draft: Path) -> _Facts:
    url = database_url(settings)
    if url.startswith("sqlite:"):
        target = draft / SQLITE
        with copies.room(target):
            target.touch(mode=0o600)
        copy(target, told)
        snapshot.sound(target)
        with snapshot.reading(target) as tx:
            return _facts(settings, tx, wish, told)
    owner = settings.database.owner_url.reveal()
    if not owner:
        raise Mistake("backup.no-owner")
    told("database", 0, 0)
    with dump.moment(owner) as seen:
        dump.dump(owner, draft / POSTGRES, seen)
        (draft / POSTGRES).chmod(0o600)
        return _facts(settings, seen.tx, wish, told)


def _facts(settings: Settings, tx: Tx, wish: Wish, told: Told) -> _Facts:
    """What the copy holds; raises Mistake if the master key at hand is another one's."""
    if master_key.unopened(tx, Vault(content.master(settings))):
        raise Mistake("backup.other-master-key")
    schema = tuple((str(row["name"]), str(row["phase"])) for row in tx.all("SELECT name, phase FROM schema_version"))
    source = Source(kind=tx.dialect, id=folder_identity.identity(tx), schema=schema)
    rows = tx.all("SELECT participant, location, sha256 FROM source WHERE kind = 'file'")
    files = {f"{row['participant']}/{row['location']}": str(row["sha256"]) for row in rows}
    return _Facts(source, files, examine.examined(tx, told) if wish.check else None)


def _files(folder: Path, draft: Path, name: str, told: Told, have: dict[str, Item]) -> dict[str, Item]:
    """What is there and not yet copied, by its path in the backup; files never change under their name."""
    found, copied = dict(have), 0

    def count(more: int) -> None:
        nonlocal copied
        copied += more
        told(name, copied, 0)

    for path in copies.files(folder):
        place = f"{name}/{path.as_posix()}"
        if place not in found:
            item = copies.copied(folder / path, draft / place, place, count)
            if item is not None:
                found[place] = item
    return found


def _amiss(item: Item | None, sha256: str) -> bool:
    return item is None or item.sha256 != sha256


def _checked(settings: Settings, wish: Wish) -> None:
    """Before anything is written."""
    for place in (wish.to, wish.keys_to):
        for folder in (settings.folder, settings.data.files, settings.data.received):
            if place is not None and place.resolve().is_relative_to(folder.resolve()):
                raise Mistake("backup.inside", place=place, folder=folder)
    inside = wish.keys_to is None or wish.keys_to.resolve().is_relative_to(wish.to.resolve())
    if inside and wish.passphrase is None:  # the two halves would lie together, and open everything
        raise Mistake("backup.keys-where")
    if wish.passphrase is not None and len(wish.passphrase) < keys.SHORTEST:
        raise Mistake("backup.passphrase-short", least=keys.SHORTEST)
    needed, there = _needed(settings, wish), _existing(wish.to)
    if (free := shutil.disk_usage(there).free) < needed:
        raise Mistake("backup.no-room", place=wish.to, needed=_mib(needed), free=_mib(free))


def _needed(settings: Settings, wish: Wish) -> int:
    folders = [settings.data.files, *([settings.data.received] if wish.received else [])]
    sizes = [_size(folder / path) for folder in folders for path in copies.files(folder)]
    url = database_url(settings)
    return sum(sizes) + (_size(sqlite_path(url)) if url.startswith("sqlite:") else 0)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _mib(count: int) -> int:
    return -(-count // (1 << 20))


def _existing(place: Path) -> Path:
    return next(one for one in (place, *place.absolute().parents) if one.is_dir())


def _name(to: Path) -> str:
    base = datetime.now(UTC).strftime("hanse-%Y%m%dT%H%M%SZ")
    names = [base, *(f"{base}-{number}" for number in range(2, 100))]
    return next(name for name in names if not (to / name).exists())


def _cleared(to: Path) -> None:
    """What an earlier backup left half done is removed; the lock says that none is under way."""
    for left in to.glob(f"hanse-*{PARTIAL}"):
        shutil.rmtree(left, ignore_errors=True)
