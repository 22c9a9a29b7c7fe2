"""Ports that cities of tests listen on: each belongs to one test while that lasts, also while its city is dead.

A city that died is started again where it was. Tests of other processes choose ports at the same time, and one that
nobody listens on looks free to them: they are reserved by locks in a folder that all of one user share. The product,
which knows nothing of locks, chooses ports for desks, replicas and demonstrations beside them, so these lie elsewhere.
"""

import errno
import fcntl
import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PORTS: Final = range(10_000, 20_000)
"""None that the product chooses, and none that a system takes for a connection that goes out."""
_FOLDER = Path("/tmp") / f"hanse-test-ports-{os.getuid()}"
_CHANCE = random.SystemRandom()


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port of 127.0.0.1 that no other test takes meanwhile."""
    _FOLDER.mkdir(mode=0o700, exist_ok=True)
    while True:
        port = _chosen()
        with (_FOLDER / str(port)).open("w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if _listened(port):
                continue
            yield port
            return


def _chosen() -> int:
    return _CHANCE.choice(PORTS)


def _listened(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        with socket.create_server(("127.0.0.1", port)):
            return False
    except OSError as problem:
        if problem.errno != errno.EADDRINUSE:
            raise
        return True
