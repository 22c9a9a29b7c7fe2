"""Ports that cities of tests listen on: each belongs to one test while that lasts, also while its city is dead.

A city that died is started again where it was. Tests of other processes choose ports at the same time, and one that
nobody listens on looks free to them: they are reserved by locks in a folder that all of one user share.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.settings import load

_FOLDER = Path(tempfile.gettempdir()) / f"hanse-test-ports-{os.getuid()}"


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port of 127.0.0.1 that no other test takes meanwhile."""
    _FOLDER.mkdir(mode=0o700, exist_ok=True)
    while True:
        port = load.free_port("127.0.0.1")
        with (_FOLDER / str(port)).open("w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield port
            return
