"""Small files in a folder that others may write into too, and names that outlive a power failure."""

import errno
import os
import stat
import tempfile
from pathlib import Path


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


def replaced(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Writes the file whole or not at all, and so that it outlives a power failure; raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}-")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(data)
            file.flush()
            os.fsync(handle)
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    synced(path.parent)
