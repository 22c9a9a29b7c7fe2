"""A process of its own for one document of somebody else, which its reader can be ended with (decision 0060).

It is started by the path of its program, isolated and without environment; limits on memory and CPU it sets itself,
before it reads a byte. Whatever it does wrong costs that process, and is one exit code here.
"""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import IO, TypeVar

_PIPE = subprocess.PIPE
FAILED = 1
T = TypeVar("T")


class ChildProcess:
    """For one document; it can be ended from another thread, before it has begun too."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._given_up = False

    def run(self, asked: str, document: bytes | IO[bytes], wall_s: float) -> tuple[int, bytes, bytes]:
        """Exit code and what it wrote to stdout and stderr; after `wall_s` seconds it is ended.

        `asked` is its argument; the document is its stdin, an open file as the file itself.
        """
        command = [sys.executable, "-I", "-B", str(self._program), asked]
        content, stdin = (document, _PIPE) if isinstance(document, bytes) else (None, document)
        with self._lock:
            if self._given_up:
                return FAILED, b"", b""
            self._process = subprocess.Popen(command, stdin=stdin, stdout=_PIPE, stderr=_PIPE, cwd="/", env={})  # noqa: S603
        with self._process as process:
            try:
                out, err = process.communicate(content, timeout=wall_s)
            except subprocess.TimeoutExpired:
                process.kill()
                return FAILED, b"", b""
            return process.returncode, out, err

    def kill(self) -> None:
        with self._lock:
            self._given_up = True
            if self._process is not None:
                self._process.kill()

    async def beside(self, pool: Executor, work: Callable[[], T]) -> T:
        """What `work`, which waits for this process, returns from a thread of `pool`.

        Whoever gives up takes the process with it.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        except asyncio.CancelledError:
            self.kill()
            raise
