"""One process per SQLite file: an `flock` on a separate `<db>.lock` and one on its folder, held as long as it lives.

A POSIX lock on the database file itself would vanish as soon as any connection to that file closes
(spec/architecture.md 2.3). A lock file can be deleted, and then a second process would lock another file of the same
name: the folder cannot.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.foundation.errors import Mistake


class ProcessLock:
    """Taken by `take`, given back by `release` or by the kernel when the process dies, however it dies."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".lock")
        self._held: list[int] = []

    def take(self) -> None:
        """Raises `Mistake("storage.locked")` if another process (or another part of this one) holds it."""
        try:
            self._lock(os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), optional=True)
            self._lock(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            if not self._still_there():  # deleted between opening and locking: it keeps nobody out
                raise BlockingIOError
        except BlockingIOError as error:
            self.release()
            raise Mistake("storage.locked", path=str(self.path)) from error

    def _lock(self, file: int, *, optional: bool = False) -> None:
        """`optional`: there are network file systems that lock no folders; the file beside it has to do there."""
        self._held.append(file)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if isinstance(error, BlockingIOError) or not optional:
                raise

    def _still_there(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._held[-1]), os.stat(self.path))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """The file stays: removing it would let two processes lock two different files of one name."""
        while self._held:
            os.close(self._held.pop())


@contextmanager
def only_process(path: Path) -> Iterator[None]:
    """SQLite's lock for a short work beside no server; raises Mistake `storage.locked`."""
    lock = ProcessLock(path)
    lock.take()
    try:
        yield
    finally:
        lock.release()
