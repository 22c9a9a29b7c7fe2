"""Cities as processes of the operating system, for tests that stop and kill them.

Each is `hanse serve` on a folder of a `Space`. It ends with the test, however the test ends, because its standard input
closes then.
"""

import asyncio
import os
import resource
import signal
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp

from connector.settings.load import load
from tests.testkit.cities import ManagementApi

SERVE = ("-c", "from connector.cli.main import run; run()", "serve", "--until-eof")
START_S = 30.0
STOP_S = 20.0


class Process:
    """One server process; it may be started again and again on the same folder."""

    def __init__(self, folder: Path, program: Sequence[str] = SERVE, environ: Mapping[str, str] | None = None) -> None:
        self.folder, self._program, self._environ = folder, program, dict(environ or {})
        self.api = ManagementApi(load(folder, self._environ).api.socket)
        self._running: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def _child(self) -> asyncio.subprocess.Process:
        assert self._running is not None
        return self._running

    async def start(self) -> None:
        """Returns when the process answers; raises RuntimeError with its last lines if it ends before."""
        place = self.folder / "stderr"
        with place.open("ab") as stderr:
            self._running = await asyncio.create_subprocess_exec(
                sys.executable, *self._program, "--data", str(self.folder),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=stderr,
                env={**os.environ, **self._environ},
            )  # fmt: skip
        async with asyncio.timeout(START_S):
            while not await self._answers():
                if self._child.returncode is not None:
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
        return await self._child.wait()

    async def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing handed back."""
        self._child.kill()
        await self.ended()

    async def stop(self) -> int:
        """SIGTERM and the exit code; TimeoutError after 20 s."""
        self._child.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_S):
            return await self.ended()

    def limit(self, what: int, most: int) -> None:
        """Sets a resource limit (`resource.RLIMIT_…`) of the running process."""
        _, hard = resource.prlimit(self.pid, what)
        resource.prlimit(self.pid, what, (most, hard))

    async def say(self, line: str) -> str:
        """Writes a line to the process and reads one of its answer."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(f"{line}\n".encode())
        await self._child.stdin.drain()
        return (await self._child.stdout.readline()).decode().strip()

    async def close(self) -> None:
        if self._running is not None and self._running.returncode is None:
            await self.kill()
        await self.api.close()

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Reads the process's SQLite database from outside; it may run or lie dead."""
        with closing(sqlite3.connect(f"file:{self.folder / 'hanse.db'}?mode=ro", uri=True, timeout=10)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query, values)]
