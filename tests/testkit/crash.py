"""A server process that kills itself at a chosen commit: `python -m tests.testkit.crash --data DIR`.

A line `before N` or `after N` on standard input arms it: it dies just before, or just after, the N-th transaction of a
participant from then on, before anybody hears of the result. With `--power` its disk loses what was not synced when it
dies (`power.py`), and it may die `during N` too: while the disk works for that transaction. Not reachable from the
command line of the product.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec, TypeVar

import uvloop

from connector.app import ports, process
from connector.foundation.clock import Clock
from connector.foundation.settings.load import Settings, database_url, load
from connector.foundation.storage import sqlite_path
from connector.foundation.storage.database import PROCESS, WORKER, Database, Listener, Tx
from connector.foundation.storage.sqlite.database import Sqlite
from tests.testkit.power import Disk, watched

P = ParamSpec("P")
T = TypeVar("T")
PROGRAM = ("-m", "tests.testkit.crash")
POWER = (*PROGRAM, "--power")


class Mortal:
    """A database that ends its process with SIGKILL. Leases and sweeps (scopes of nobody) do not count."""

    def __init__(self, database: Database, disk: Disk | None = None) -> None:
        self._database = database
        self._disk = disk
        self._doomed, self._dying = False, threading.Lock()
        if disk is not None:
            disk.heard = self._disk_works
        self.dialect: Literal["sqlite", "postgres"] = database.dialect
        self._left, self._when, self._at, self._armed = 0, "", 0, 0

    def arm(self, when: str, at: int) -> None:
        """From here on it dies as told now, also where a transaction is under way that it would have died of."""
        with self._dying:
            self._left, self._when, self._at, self._armed = at, when, at, self._armed + 1
            self._doomed = False

    async def start(self) -> None:
        await self._database.start()

    async def close(self) -> None:
        await self._database.close()

    async def write(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        armed = self._armed
        self._left -= scope not in (PROCESS, WORKER)
        last = self._left == 0 and scope not in (PROCESS, WORKER)
        if last and self._when == "before":
            self._die(armed)
        self._doomed |= last and self._when == "during"  # it stays: a write of the same pass shares the sync
        try:
            return await self._database.write(scope, fn, *args, **kw)
        finally:
            if last and self._when == "after":
                self._die(armed)

    async def read(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        return await self._database.read(scope, fn, *args, **kw)

    def listen(self, topic: str, callback: Listener, /) -> None:
        self._database.listen(topic, callback)

    def _disk_works(self, what: str) -> None:
        armed = self._armed
        if self._doomed and what == "product":
            self._die(armed)

    def _die(self, armed: int) -> None:
        """Unless it was armed anew meanwhile; whoever arms it now waits for its end."""
        with self._dying:
            if self._armed != armed:
                return
            if self._disk is not None:
                self._disk.alone.acquire()
                self._disk.lose(random.Random(self._at))
            os.kill(os.getpid(), signal.SIGKILL)


async def serve(folder: Path, *, power: bool = False) -> None:
    """Serves until standard input ends."""
    mortals: list[Mortal] = []
    disk = Disk(folder) if power else None

    def opened(settings: Settings, clock: Clock) -> Mortal:
        if disk is None:
            mortals.append(Mortal(ports.database(settings, clock)))
        else:
            mortals.append(Mortal(Sqlite(sqlite_path(database_url(settings)), clock, sync=disk.sync), disk))
        return mortals[-1]

    async with AsyncExitStack() as stack:
        if disk is not None:
            stack.enter_context(watched(disk))
        await stack.enter_async_context(process.running(load(folder, os.environ), ports=ports.Ports(database=opened)))
        while line := await asyncio.to_thread(sys.stdin.readline):
            when, at = line.split()
            mortals[0].arm(when, int(at))
            print("armed", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--power", action="store_true")
    meant = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(meant.data, power=meant.power))
