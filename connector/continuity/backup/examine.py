"""Whether a backup, or the database that came back from one, is what it says: every file, every seal, the whole log."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from connector.continuity.backup import copies, keys, manifest
from connector.continuity.backup.keys import SecretKeys
from connector.continuity.backup.manifest import Item, Keys, Manifest
from connector.exchange.contracts.evidence import integrity as contracts
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Tx
from connector.identity.audit import integrity as logs
from connector.identity.trust.keys.vault import Vault

Told = Callable[[str, int, int], None]
"""(what is being worked on, how much is done, of how much: 0 if nobody knows); from the thread that works."""


class Wrong(NamedTuple):
    """`what` is an agreement or a size of the log of this participant, `why` a word of the verifier."""

    participant: str
    what: str
    why: str


class Examined(NamedTuple):
    """How many contracts and signed states of logs were judged, and which do not hold."""

    agreements: int
    states: int
    wrong: tuple[Wrong, ...]


class Opened(NamedTuple):
    """A backup whose manifest is whole, as it was read."""

    folder: Path
    manifest: Manifest
    body: bytes
    seal: bytes
    items: Mapping[str, Item]


def read(folder: Path) -> Opened:
    """Raises Mistake if this is no backup, a half one, or one whose manifest is not whole."""
    if not folder.is_dir():
        raise Mistake("backup.none", place=folder)
    if not (folder / manifest.SEAL).exists():
        raise Mistake("backup.half" if (folder / "database").exists() else "backup.none", place=folder)
    body = copies.small(folder / manifest.FILE, manifest.MOST_BYTES)
    seal = copies.small(folder / manifest.SEAL, 4_096)
    found = manifest.read(body, seal)
    return Opened(folder, found, body, seal, {item.path: item for item in found.files})


def whole(backup: Opened, told: Told) -> None:
    """Every file is there as it was written, and no other; raises Mistake that names the first that is not."""
    wanted = backup.items
    lying = {manifest.lies_at(name) for name in wanted}
    own = {manifest.FILE, manifest.SEAL, backup.manifest.keys.file}
    done, of = 0, sum(item.size for item in wanted.values())

    def count(more: int) -> None:
        nonlocal done
        done += more
        told("check", done, of)

    for path in backup.folder.rglob("*"):
        name = path.relative_to(backup.folder).as_posix()
        if name not in own and not path.is_dir() and name not in lying:
            raise Mistake("backup.stranger", file=path)
    for name, item in wanted.items():
        if copies.item_of(backup.folder / manifest.lies_at(name), name, count) != item:
            raise Mistake("backup.damaged", file=name)


def opened(backup: Opened, named: Path | None, passphrase: str | None) -> tuple[Path, SecretKeys]:
    """The half with the keys, and proof that its master key wrote the manifest; raises Mistake."""
    place = _half(backup, named)
    held = keys.opened(copies.small(place, keys.MOST_BYTES), backup.manifest.keys, backup.manifest.name, passphrase)
    manifest.proven(backup.body, backup.seal, mac_key(held.master))
    return place, held


def beside(to: Path) -> Path:
    """Where the half with the keys of backups in this folder lies unless somebody says otherwise."""
    return to.with_name(f"{to.name.removesuffix('-backups')}-backup-keys")


def mac_key(master: bytes) -> bytes:
    """What the manifest is proven with."""
    return Vault(master).derive("backup")


def examined(tx: Tx, told: Told) -> Examined:
    """All contracts and logs of all participants, in a unit that sees their rows."""
    agreements, states, wrong = 0, 0, []
    for row in tx.all("SELECT id FROM participant ORDER BY id"):
        slug = str(row["id"])
        for name, why in contracts.examined(tx, slug):
            agreements += 1
            told("agreements", agreements, 0)
            if why is not None:
                wrong.append(Wrong(slug, name, why))
        for size, why in logs.examined(tx, slug):
            states += 1
            told("log", states, 0)
            if why is not None:
                wrong.append(Wrong(slug, str(size), why))
    return Examined(agreements, states, tuple(wrong))


def _half(backup: Opened, named: Path | None) -> Path:
    how: Keys = backup.manifest.keys
    if named is not None:
        return named / how.file if named.is_dir() else named
    places = (backup.folder / how.file, beside(backup.folder.parent) / how.file)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise Mistake("backup.keys-missing", file=how.file, places=", ".join(str(place.parent) for place in places))
    return found
