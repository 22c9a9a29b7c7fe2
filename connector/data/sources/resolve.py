"""Opens a registered file inside the participant's folder and nowhere else (threat T19).

Every step is an `openat` relative to the folder opened before and refuses symbolic links, so a link swapped in
between a check and its use leads nowhere: there is no check before the use.
"""

import os
import stat
from pathlib import Path

from connector.foundation.errors import Mistake, Unknown

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def parts(location: str) -> list[str]:
    """The path's steps; Mistake unless it is a plain relative path with `/` between its names."""
    steps = location.split("/")
    if any(step in ("", ".", "..") for step in steps) or any(sign in location for sign in "\0\\"):
        raise Mistake("dataplane.location")
    return steps


def open_inside(folder: Path, location: str) -> int:
    """A descriptor of the regular file; Mistake for a bad location, Unknown if there is no such regular file."""
    *folders, name = parts(location)
    try:
        here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for step in folders:
                here = _enter(here, step)
            return _regular(os.open(name, _FILE, dir_fd=here))
        finally:
            os.close(here)
    except (OSError, UnicodeEncodeError) as error:
        raise Unknown("dataplane.source-gone") from error


def _enter(here: int, step: str) -> int:
    inner = os.open(step, _DIRECTORY, dir_fd=here)
    os.close(here)
    return inner


def _regular(opened: int) -> int:
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise Unknown("dataplane.source-gone")
    return opened
