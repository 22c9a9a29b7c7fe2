"""Small files in a folder that others may write into too, and names that outlive a power failure."""

import errno
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What file systems say that have no hard links."""


def content(path: Path, limit: int) -> bytes:
    """At most `limit` bytes, never through a link, and never waiting for whoever writes into a pipe.

    Raises OSError, or ValueError if it is no file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("file")
        return file.read(limit)


def synced(folder: Path) -> None:
    """The names in it are on the disk too, where the file system can say so of folders: network drives may not."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as problem:
        if problem.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(opened)


@contextmanager
def replacing(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """What is written becomes the file, whole or not at all, and outlives a power failure; raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}-")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            yield file
            file.flush()
            os.fsync(handle)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    synced(path.parent)


def replaced(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Writes the file whole or not at all, and so that it outlives a power failure; raises OSError."""
    with replacing(path, mode) as file:
        file.write(data)


def created(path: Path, data: bytes) -> None:
    """Writes the file as `replaced` does, but leaves one that is there: of two at once one is first."""
    draft = path.with_name(f".{path.name[:100]}-{secrets.token_hex(4)}")
    try:
        replaced(draft, data)
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError as problem:
        if problem.errno not in _NO_LINKS:
            raise
        _exclusive(path, data)
    finally:
        draft.unlink(missing_ok=True)
    synced(path.parent)


def _exclusive(place: Path, data: bytes) -> None:
    """Where there are no hard links: not whole at once, but of two still one is first."""
    try:
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        place.unlink(missing_ok=True)  # half a file would refuse every later start
        raise
