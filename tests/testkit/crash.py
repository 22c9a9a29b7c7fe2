"""A server process that kills itself at a chosen commit: `python -m tests.testkit.crash --data DIR`.

A line `before N` or `after N` on standard input arms it: it dies just before, or just after, the N-th transaction of a
participant from then on, before anybody hears of the result. Not reachable from the command line of the product.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec, TypeVar

import uvloop

from connector.app import ports, process
from connector.clock import Clock
from connector.settings.load import Settings, load
from connector.storage.database import PROCESS, WORKER, Database, Listener, Tx

P = ParamSpec("P")
T = TypeVar("T")
PROGRAM = ("-m", "tests.testkit.crash")


class Mortal:
    """A database that ends its process with SIGKILL. Leases and sweeps (scopes of nobody) do not count."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.dialect: Literal["sqlite", "postgres"] = database.dialect
        self._left, self._when = 0, ""

    def arm(self, when: str, at: int) -> None:
        self._left, self._when = at, when

    async def start(self) -> None:
        await self._database.start()

    async def close(self) -> None:
        await self._database.close()

    async def write(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        self._left -= scope not in (PROCESS, WORKER)
        last = self._left == 0 and scope not in (PROCESS, WORKER)
        if last and self._when == "before":
            _die()
        try:
            return await self._database.write(scope, fn, *args, **kw)
        finally:
            if last and self._when == "after":
                _die()

    async def read(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        return await self._database.read(scope, fn, *args, **kw)

    def listen(self, topic: str, callback: Listener, /) -> None:
        self._database.listen(topic, callback)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def serve(folder: Path) -> None:
    """Serves until standard input ends."""
    mortals: list[Mortal] = []

    def opened(settings: Settings, clock: Clock) -> Mortal:
        mortals.append(Mortal(ports.database(settings, clock)))
        return mortals[-1]

    async with process.running(load(folder, os.environ), ports=ports.Ports(database=opened)):
        while line := await asyncio.to_thread(sys.stdin.readline):
            when, at = line.split()
            mortals[0].arm(when, int(at))
            print("armed", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(parser.parse_args().data))
