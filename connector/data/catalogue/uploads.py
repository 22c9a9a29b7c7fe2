"""Files that a steward hands over: streamed to disk, hashed on the way, kept by hash in the participant's folder.

Nothing is registered before its bytes are safely on disk; the name is kept as a label and never used as a path. Who
writes a draft holds a lock on it, which goes with the process however it ends: a draft without one is nobody's,
whichever replica began it, and is swept. A file that nothing names is removed once it is old: whoever gives a file its
name, and whoever removes one, holds the lock on the folder, so that the same bytes handed over anew are never lost.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator, Set
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import structlog

from connector.data.sources.kind import Incoming
from connector.data.sources.model import PINNED, Source, media_type
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.ids import new_uuid
from connector.foundation.language.system_words import system_words
from connector.foundation.small_files import synced

log = structlog.get_logger("catalogue")
PIECE = 1 << 20
LOOK = 64 << 20
"""Bytes between two looks at what else there is."""
ENDING = ".part"
ATTEMPTS = 5
OLD_S = 86_400.0
"""Seconds without a byte after which a draft is nobody's, where the file system has no locks."""
SWEEP_S = 600.0
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes: of one file, of all files of a participant, and what stays free on the disk."""

    largest: int = 1 << 40
    all: int = 1 << 42
    free: int = 0


class Room:
    """What one upload may still take: everything in the participant's folder counts, drafts of other replicas too."""

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        self.bounds, self._folder = bounds, folder

    def checked(self, size: int, *, whole: bool = False) -> None:
        """Raises Mistake or Unavailable; `whole`: nothing of these `size` bytes lies in the folder yet. Blocks."""
        bounds = self.bounds
        if size > bounds.largest:
            raise Mistake("catalogue.too-large", most=_mib(bounds.largest))
        used = sum(_sizes(self._folder))
        if used + (size if whole else 0) > bounds.all:
            raise Mistake("catalogue.quota", most=_mib(bounds.all), used=_mib(used))
        free = shutil.disk_usage(self._folder).free
        if free - (size if whole else 0) < bounds.free:
            raise Unavailable("catalogue.no-room", free=_mib(free), kept=_mib(bounds.free))


def _sizes(folder: Path) -> Iterator[int]:
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # it has gone meanwhile
                yield entry.stat(follow_symlinks=False).st_size


def _mib(count: int) -> int:
    return -(-count // (1 << 20))


class Uploads:
    """`folder` is `<data>/files`; each participant has its own below it."""

    def __init__(self, folder: Path, bounds: Bounds | None = None) -> None:
        self._folder, self._bounds = folder, bounds or Bounds()

    def folder(self, slug: str) -> Path:
        """Where the participant's files lie; made if it is not there."""
        place = self.place(slug)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        return place

    def place(self, slug: str) -> Path:
        """The same for whoever only reads; it may not be there."""
        return self._folder / slug

    async def take(self, slug: str, name: str, incoming: Incoming, size: int | None = None) -> Source:
        """The file as a source; `size` is what is announced, if anything.

        Raises Mistake without a name and beyond what one file or this participant may have, Unavailable if the disk is
        full: before anything is read where the size is known, else as soon as it shows.
        """
        label = Path(name.replace("\\", "/")).name.strip()
        if label in ("", "..") or not label.isprintable() or len(label) > 200:
            raise Mistake("catalogue.file-name", name=name[:80])
        folder = self.place(slug)
        room = Room(folder, self._bounds)
        draft = folder / f".{new_uuid()}{ENDING}"
        try:
            self.folder(slug)
            await asyncio.to_thread(room.checked, size or 0, whole=True)
            digest, stored = await _store(draft, incoming, room)
        except OSError as cause:
            raise Unavailable("catalogue.disk", problem=system_words(cause)) from cause
        finally:
            with contextlib.suppress(OSError):  # gone already, or of a disk that is read-only by now: a sweep takes it
                draft.unlink()
        return Source(
            id=new_uuid(),
            kind=PINNED,
            location=digest,
            name=label,
            media_type=media_type(label),
            bytes=stored,
            sha256=digest,
        )

    async def sweep(self) -> None:
        """Removes drafts that nobody writes any more."""
        for draft in await asyncio.to_thread(_left, self._folder):
            log.info("catalogue.swept", participant=draft.parent.name, draft=draft.name)

    async def remove_others(self, slug: str, named: Set[str]) -> list[str]:
        """Removes files that were handed over more than `OLD_S` ago and are not among these (SHA-256); which ones.

        `named` may be of a moment before: what is named later was handed over anew, so it is not old. Where the file
        system has no locks everything stays.
        """
        return await asyncio.to_thread(_removed, self._folder / slug, named)


async def _store(draft: Path, incoming: Incoming, room: Room) -> tuple[str, int]:
    """SHA-256 and size; the file has its name before the lock on the draft goes, or a sweep might come between."""
    digest, size, looked = sha256(), 0, 0
    with os.fdopen(_begun(draft), "wb", buffering=0) as file:
        while piece := await incoming.read(PIECE):
            size += len(piece)
            if size > room.bounds.largest or size - looked >= LOOK:
                await asyncio.to_thread(room.checked, size)
                looked = size
            await asyncio.to_thread(_write, file, piece)
            digest.update(piece)
        await asyncio.to_thread(room.checked, size)
        await asyncio.to_thread(os.fsync, file.fileno())
        await asyncio.to_thread(_keep, draft, digest.hexdigest())
    return digest.hexdigest(), size


def _begun(draft: Path) -> int:
    """The empty draft under our lock; raises OSError. A sweep may have come between the two steps.

    Only a sweep can hold the lock, for as long as it takes to remove the draft: it is waited for.
    """
    for _ in range(ATTEMPTS):
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with contextlib.suppress(OSError):  # a file system without locks: then age decides
            fcntl.flock(handle, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.lstat(draft)):
                return handle
        os.close(handle)
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def _left(folder: Path) -> list[Path]:
    return [draft for draft in sorted(folder.glob(f"*/.*{ENDING}")) if _swept(draft)]


def _swept(draft: Path) -> bool:
    """Whether it was nobody's and is gone."""
    try:
        handle = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return False
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    except OSError:  # no locks here
        if time.time() - os.fstat(handle).st_mtime < OLD_S:
            return False
        draft.unlink(missing_ok=True)
    finally:
        os.close(handle)
    return True


def _write(file: Any, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


def _keep(draft: Path, digest: str) -> None:
    """The same bytes twice are one file, as old as the later of them."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # a file system without locks: then no file is removed
            stack.enter_context(_locked(draft.parent))
        os.utime(draft)
        os.replace(draft, draft.with_name(digest))
        synced(draft.parent)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Nobody else gives a file its name here, or removes one; raises OSError where there are no locks. Blocks."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _removed(folder: Path, named: Set[str]) -> list[str]:
    if not folder.is_dir():
        return []
    try:
        names = sorted(set(os.listdir(folder)) - named)
        return [one for one in names if _DIGEST.fullmatch(one) and _old(folder / one) and _unlinked(folder, one)]
    except OSError as cause:
        log.warning("catalogue.not-removed", participant=folder.name, problem=cause.strerror)
        return []


def _unlinked(folder: Path, name: str) -> bool:
    """It may have been handed over anew until the lock was ours."""
    with _locked(folder):
        if not _old(folder / name):
            return False
        (folder / name).unlink()
    return True


def _old(path: Path) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and time.time() - found.st_mtime > OLD_S
