"""The folder beside the database file into which its server copies it, and from which `hanse backup` takes the copy.

Whoever asks for a copy names no place: a copy is a file of ours, with a name of chance, for its owner alone (threat
T73). What nobody takes away is removed with the next copy, an hour later at the soonest. Everything here blocks.
"""

import errno
import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

from connector.foundation.errors import HanseError, Mistake, Unavailable
from connector.foundation.ids import new_uuid

FOLDER = "copies"
OLD_S = 3_600.0
_NAME = re.compile(r"[0-9a-f-]{36}\.db", re.ASCII)


def begin(database: Path, keep_free: int) -> Path:
    """An empty file for a copy. Raises Mistake where the disk has no room for one beside `keep_free` bytes, Unavailable
    where it cannot be written."""
    folder = database.with_name(FOLDER)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _cleared(folder)
        needed, free = database.stat().st_size + keep_free, shutil.disk_usage(folder).free
        if free < needed:
            raise Mistake("backup.no-room", place=folder, needed=-(-needed // (1 << 20)), free=free >> 20)
        path = folder / f"{new_uuid()}.db"
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    except OSError as problem:
        raise _unfit(problem) from problem
    return path


def take(database: Path, name: str, target: Path) -> None:
    """Moves the copy of that name to `target`, over what is there; raises Unavailable if there is none."""
    folder = database.with_name(FOLDER)
    path = folder / name
    if not _NAME.fullmatch(name) or path.is_symlink() or not path.is_file():
        raise Unavailable("backup.not-there", place=folder)
    try:
        os.replace(path, target)
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise _unfit(problem) from problem
        _across(path, target)


def _across(path: Path, target: Path) -> None:
    """To another disk."""
    try:
        shutil.copyfile(path, target)
        path.unlink()
    except OSError as problem:
        raise _unfit(problem) from problem


def _cleared(folder: Path) -> None:
    for left in folder.iterdir():
        with suppress(FileNotFoundError):
            if _NAME.fullmatch(left.name.removesuffix("-journal")) and time.time() - left.lstat().st_mtime > OLD_S:
                left.unlink()


def _unfit(problem: OSError) -> HanseError:
    full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
    return Unavailable("storage.full" if full else "storage.unwritable")
