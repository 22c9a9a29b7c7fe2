"""Small files in a folder that others may write into too, and names that outlive a power failure."""

import errno
import os
import stat
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
