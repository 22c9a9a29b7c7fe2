"""One process per SQLite file: an `flock` on a separate `<db>.lock`, held for the life of the process.

A POSIX lock on the database file itself would vanish as soon as any connection to that file closes (architecture.md 4).
"""

import fcntl
import os
from pathlib import Path

from connector.errors import Mistake


class ProcessLock:
    """Taken by `take`, given back by `release` or by the kernel when the process dies, however it dies."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".lock")
        self._file: int | None = None

    def take(self) -> None:
        """Raises `Mistake("storage.locked")` if another process (or another part of this one) holds it."""
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(file)
            raise Mistake("storage.locked", path=str(self.path)) from error
        self._file = file

    def release(self) -> None:
        """The file stays: removing it would let two processes lock two different files of one name."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
