"""`hanse demo` in forked processes: it and its servers need not load the product, which takes most of their time.

Their standard streams, signals, sessions and ends are those of processes that an interpreter starts.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import connection
from pathlib import Path
from typing import Any

from connector.cli.demo import place
from connector.cli.main import run
from tests.cli.demo.driven import PATIENCE_S, environment
from tests.testkit import processes

DRIVER = ("-c", "from tests.cli.demo.light import drive; drive()", "demo")


class Demo:
    """A running demonstration: what it says, line by line, and its end."""

    def __init__(self, err: Path, *words: str) -> None:
        theirs, self._stdin = processes._FORKS.Pipe(duplex=False)
        heard, ours = processes._FORKS.Pipe(duplex=False)
        self._process = processes._FORKS.Process(
            target=processes._run, args=((*DRIVER, *words), environment(), err, theirs, ours)
        )
        self._process.start()
        theirs.close()
        ours.close()
        with heard:
            self.stdout = os.fdopen(os.dup(heard.fileno()), encoding="utf-8")

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float = PATIENCE_S) -> int:
        self._process.join(timeout)
        assert self._process.exitcode is not None
        return self._process.exitcode


@contextmanager
def demo(err: Path, *words: str) -> Iterator[Demo]:
    """Killed in the end, if it has not ended."""
    child = Demo(err, "--json", *words)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def told(err: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, steps by name in their order, and what stood on standard error."""
    with demo(err, "--once", *words) as child:
        steps = [json.loads(line) for line in child.stdout]
        code = child.wait()
    return code, {step["step"]: step for step in steps}, err.read_text("utf-8")


def drive() -> None:
    """In the forked process."""
    place._started = _started
    run()


def _started(folder: Path, environ: Mapping[str, str]) -> place.Server:
    return place.Server(folder, Forked(folder, environ))  # type: ignore[arg-type]


class Forked:
    """A server, forked by the driver: as much of `subprocess.Popen` as the demonstration uses."""

    _ends: tuple[int, ...] = ()
    """Of the pipes to all servers: one that is forked later must not hold that of an earlier one open."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.returncode: int | None = None
        reading, writing = os.pipe()
        Forked._ends += (writing,)
        self.pid = os.fork()
        if self.pid == 0:
            self._serve(folder, environ, reading)
        os.close(reading)
        self.stdin = os.fdopen(writing, "wb")
        self._end = os.pidfd_open(self.pid)

    def _serve(self, folder: Path, environ: Mapping[str, str], reading: int) -> None:
        """Does not return."""
        code = 1
        try:
            os.setsid()
            for end in self._ends:
                os.close(end)
            with (folder / place.LOG).open("wb") as log:
                for number, descriptor in enumerate((reading, log.fileno(), log.fileno())):
                    os.dup2(descriptor, number)
            os.close(reading)
            os.environ.clear()
            os.environ.update({name: value for name, value in environ.items() if not name.startswith("HANSE_")})
            sys.argv = ["hanse", "serve", "--data", str(folder), "--until-eof"]
            run()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def poll(self) -> int | None:
        if self.returncode is None and connection.wait([self._end], 0):
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        connection.wait([self._end], timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired("serve", timeout or 0.0)
        return code

    def kill(self) -> None:
        os.kill(self.pid, 9)
