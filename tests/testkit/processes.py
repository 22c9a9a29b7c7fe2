"""Cities as processes of the operating system, for tests that stop and kill them.

Each is `hanse serve` on a folder of a `Space`, forked from a process that has loaded the product and does nothing else:
a new interpreter would take longer to load than the server to start. It ends with the test, however the test ends,
because its standard input closes then.
"""

import asyncio
import gc
import multiprocessing.forkserver
import os
import resource
import runpy
import signal
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp

from connector.foundation.settings.load import load
from tests.testkit.cities import ManagementApi
from tests.testkit.patience import PATIENCE_S

SERVE = ("-c", "from connector.cli.main import run; run()", "serve", "--until-eof")
MOMENT_S = 10.0
_TORN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR)
_FORKS = multiprocessing.get_context("forkserver")
_LOADED = "cli.main", "app.process", "app.management", "storage.postgres.database"
_FIRST_USE = "tests.testkit.first_use"
_FORKS.set_forkserver_preload(
    [*(f"connector.{one}" for one in _LOADED), "jinja2", "pyoxigraph", "typst", "uvloop", __name__, _FIRST_USE]
)


def share() -> None:
    """Starts the process that forks, for all that are forked from this one: loading the product takes it a second."""
    server = multiprocessing.forkserver._forkserver
    server.ensure_running()
    # It asks whether it still runs by waiting for it, which only its parent may; who is not answered learns it as well.
    server.ensure_running = lambda: None  # type: ignore[method-assign]


class Process:
    """One server process; it may be started again and again on the same folder."""

    def __init__(self, folder: Path, program: Sequence[str] = SERVE, environ: Mapping[str, str] | None = None) -> None:
        self.folder, self._program, self._environ = folder, program, dict(environ or {})
        self.api = ManagementApi(load(folder, self._environ).api.socket)
        self._running: Child | None = None

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def _child(self) -> "Child":
        assert self._running is not None
        return self._running

    async def start(self) -> None:
        """Returns when the process answers; raises RuntimeError with its last lines if it ends before."""
        place = self.folder / "stderr"
        arguments = [*self._program, "--data", str(self.folder)]
        self._running = child = Child(arguments, {**os.environ, **self._environ}, place)
        async with asyncio.timeout(PATIENCE_S):
            while not await self._answers():
                if child.returncode is not None:
                    raise RuntimeError(place.read_text(errors="replace")[-4000:])
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        try:
            started: dict[str, Any] = await self.api.get("/health/started")
        except aiohttp.ClientError:
            return False
        return bool(started["started"])

    async def ended(self) -> int:
        """Waits for the end, whoever brings it; the exit code (negative: the signal)."""
        return await self._child.ended()

    async def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing handed back."""
        self._child.kill()
        await self.ended()

    async def stop(self) -> int:
        """SIGTERM and the exit code; TimeoutError for what never ends."""
        self._child.kill(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            return await self.ended()

    def limit(self, what: int, most: int) -> None:
        """Sets a resource limit (`resource.RLIMIT_…`) of the running process."""
        _, hard = resource.prlimit(self.pid, what)
        resource.prlimit(self.pid, what, (most, hard))

    async def say(self, line: str) -> str:
        """Writes a line to the process and reads one of its answer."""
        return await self._child.say(line)

    async def close(self) -> None:
        if self._running is not None and self._running.returncode is None:
            await self.kill()
        await self.api.close()

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Reads the process's SQLite database from outside; it may run or lie dead.

        If its power goes under the reading, the files are for a moment of different times: then once more.
        """
        until = time.monotonic() + MOMENT_S
        while True:
            try:
                return self._rows(query, values)
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode & 0xFF not in _TORN or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def _rows(self, query: str, values: Sequence[object]) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(f"file:{self.folder / 'hanse.db'}?mode=ro", uri=True, timeout=10)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query, values)]


class Child:
    """A forked process, and pipes to its standard input and from its standard output."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], stderr: Path) -> None:
        theirs, self._stdin = _FORKS.Pipe(duplex=False)
        self._stdout, ours = _FORKS.Pipe(duplex=False)
        self._process = _FORKS.Process(target=_run, args=(arguments, environ, stderr, theirs, ours), daemon=True)
        self._process.start()
        theirs.close()
        ours.close()
        self.pid = self._process.ident or 0
        self.returncode: int | None = None
        self._end = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._process.sentinel, self._ended)

    def _ended(self) -> None:
        self._loop.remove_reader(self._process.sentinel)
        self.returncode = self._process.exitcode
        for each in (self._process, self._stdin, self._stdout):
            each.close()
        self._end.set()

    async def ended(self) -> int:
        await self._end.wait()
        assert self.returncode is not None
        return self.returncode

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):  # it has just ended, and nobody has told us yet
                os.kill(self.pid, number)

    async def say(self, line: str) -> str:
        """Raises ConnectionError if it is dead."""
        if self.returncode is not None:
            raise ConnectionResetError
        os.write(self._stdin.fileno(), f"{line}\n".encode())
        return (await asyncio.to_thread(_line, os.dup(self._stdout.fileno()))).strip()


def _line(descriptor: int) -> str:
    """Closes the descriptor, which is its own: when the process dies meanwhile, another file may get that number."""
    heard = b""
    try:
        while not heard.endswith(b"\n") and (byte := os.read(descriptor, 1)):
            heard += byte
    finally:
        os.close(descriptor)
    return heard.decode()


def _run(
    arguments: Sequence[str], environ: Mapping[str, str], stderr: Path, stdin: Connection, stdout: Connection
) -> None:
    """In the new process: does what `python ARGUMENTS` would."""
    gc.freeze()
    with stdin, stdout, stderr.open("ab") as told:
        for number, descriptor in enumerate((stdin.fileno(), stdout.fileno(), told.fileno())):
            os.dup2(descriptor, number)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    os.environ.clear()
    os.environ.update(environ)
    kind, program, *words = arguments
    sys.argv = [kind, *words]
    if kind == "-m":
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        exec(program, {"__name__": "__main__"})
