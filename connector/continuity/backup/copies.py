"""Files copied with their SHA-256 and made durable; nothing is followed that is a link, nothing waited for in a pipe.

Methods block: call them in a thread. A file that goes while it is copied is as if it had never been there.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from connector.continuity.backup.manifest import Item
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.language.system_words import system_words
from connector.foundation.small_files import content, synced

_PIECE = 1 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
PARTS = (".part", ".part.version", ".partial")


@contextmanager
def room(place: Path) -> Iterator[None]:
    """What the disk says becomes Unavailable, with the place that was written to."""
    try:
        yield
    except OSError as error:
        code = "backup.full" if error.errno in _NO_ROOM else "backup.disk"
        raise Unavailable(code, place=place, why=system_words(error)) from error


def files(folder: Path) -> Iterator[Path]:
    """Regular files below, relative to it, in order of their names; what is not finished, links and pipes are left.

    Only a folder right in it may be a link: an operator's, who gave a participant's data another disk.
    """
    linked = [path for path in sorted(folder.glob("*")) if path.is_symlink() and path.is_dir()]
    for top in (folder, *linked):
        for here, below, names in os.walk(top):
            below.sort()
            for name in sorted(names):
                path = Path(here, name)
                with suppress(FileNotFoundError):
                    if stat.S_ISREG(path.lstat().st_mode) and not name.endswith(PARTS):
                        yield path.relative_to(folder)


def copied(source: Path, target: Path, path: str, told: Callable[[int], None] = lambda _: None) -> Item | None:
    """The file at its new place, whole and durable (mode 0600); None if it has gone. `told`: bytes since last told."""
    try:
        handle = os.open(source, _READ)
    except FileNotFoundError:
        return None
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            return None
        raise Mistake("backup.unreadable", file=source, why=system_words(problem)) from problem
    with os.fdopen(handle, "rb", buffering=0) as reading:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        with room(target):
            return poured(reading.read, target, path, told)


def put(data: bytes, target: Path, path: str) -> Item:
    """These bytes as a file at that place, durable."""
    rest = memoryview(data)

    def read(most: int) -> bytes:
        nonlocal rest
        piece, rest = rest[:most], rest[most:]
        return bytes(piece)

    with room(target):
        return poured(read, target, path, lambda _: None)


def item_of(place: Path, path: str, told: Callable[[int], None] = lambda _: None) -> Item:
    """What lies there; raises Mistake `backup.damaged` if it is not there or no file."""
    digest, size = sha256(), 0
    try:
        handle = os.open(place, _READ)
        with os.fdopen(handle, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise Mistake("backup.damaged", file=path)
            while piece := file.read(_PIECE):
                digest.update(piece)
                size += len(piece)
                told(len(piece))
    except OSError as problem:
        raise Mistake("backup.damaged", file=path) from problem
    return Item(path, size, digest.hexdigest())


def small(place: Path, most: int) -> bytes:
    """The bytes of a file of the backup; raises Mistake `backup.damaged` if it is not there or larger."""
    try:
        data = content(place, most + 1)
    except (OSError, ValueError) as problem:
        raise Mistake("backup.damaged", file=place.name) from problem
    if len(data) > most:
        raise Mistake("backup.damaged", file=place.name)
    return data


def private(folder: Path) -> None:
    """Makes the folder and those above it that are not there, for nobody else to look into; raises OSError."""
    if not folder.is_dir():
        private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def own(folder: Path) -> None:
    """`private`, and where the folder is new, git leaves it alone: it may lie in a checkout, and hold keys."""
    new = not folder.is_dir()
    private(folder)
    if new:
        (folder / ".gitignore").write_text("*\n", encoding="ascii")


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """One process at a time works in the folder of this lock file; raises Mistake `backup.busy`."""
    with room(lock):
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Mistake("backup.busy", place=lock.parent) from error
    finally:
        os.close(handle)


def durable(folder: Path) -> None:
    """The names of all folders below are on the disk too."""
    with room(folder):
        for here, _, _ in os.walk(folder):
            synced(Path(here))


def poured(read: Callable[[int], bytes], target: Path, path: str, told: Callable[[int], None] = lambda _: None) -> Item:
    """What is read until nothing comes any more, as a file at that place, durable (mode 0600); raises OSError."""
    private(target.parent)
    digest, size = sha256(), 0
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb", buffering=0) as writing:
        while piece := read(_PIECE):
            left = memoryview(piece)
            while left:
                left = left[writing.write(left) :]
            digest.update(piece)
            size += len(piece)
            told(len(piece))
        os.fsync(handle)
    return Item(path, size, digest.hexdigest())
