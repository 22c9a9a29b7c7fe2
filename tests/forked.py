"""Runs the collected tests in processes that are forked from the one that collected them (decision 0093).

Everything is loaded, rewritten and collected once. A process takes a portion of tests, neighbours of one file, whenever
it is about to run out of them. What is `alone` runs after all others have ended, file by file, the longest first: it
mostly waits, and has the cores for itself (decision 0128). A process that dies fails the test that it was in, and
another one takes over what it had taken. Only what did not plainly pass travels as a whole report.
"""

import mmap
import os
import signal
import struct
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count, pairwise
from multiprocessing import connection
from pathlib import Path
from typing import Any, Literal, NoReturn

import pytest

from tests import made_once

PORTION = 16
"""Tests that a process takes at once, at most; towards the end fewer, so that none waits long for another."""
GRACE_S = 30.0
"""After an interrupt the processes have so long to clean up."""
shared: Path | None = None
"""Where the processes of one run find what one of them has made; None where nothing is forked.

Made before the fork: otherwise each process makes a folder of its own, which nobody removes."""
_NUMBER = struct.Struct("I")
_NAMES = count()
_NOTHING = -1


def portions(items: Sequence[pytest.Item], processes: int) -> list[range]:
    """Neighbours of one file, by their places in `items`."""
    found, start = list[range](), 0
    while start < len(items):
        most = max(1, min(PORTION, (len(items) - start) // (4 * processes)))
        end = start + 1
        while end < len(items) and end - start < most and items[end].path == items[start].path:
            end += 1
        found.append(range(start, end))
        start = end
    return found


def files(items: Sequence[pytest.Item], start: int) -> list[range]:
    """Whole files, by their places in `items` from `start` on; who has most tests begins, or others wait for it."""
    firsts = [at for at in range(start, len(items)) if at == start or items[at].path != items[at - 1].path]
    found = [range(first, end) for first, end in pairwise([*firsts, len(items)])]
    return sorted(found, key=len, reverse=True)


class Queue:
    """Portions that nobody has taken yet: their numbers lie in a pipe that every process reads from."""

    def __init__(self, waiting: Sequence[Sequence[int]]) -> None:
        self.portions = waiting
        self._reading, writing = os.pipe()
        with open(writing, "wb", buffering=0) as pipe:
            os.set_blocking(writing, False)  # it takes 16,384 numbers: more are an error, not a wait for ever
            for number in range(len(waiting)):
                if pipe.write(_NUMBER.pack(number)) != _NUMBER.size:
                    raise RuntimeError("too many portions")

    def take(self) -> int | None:
        """The number of a portion that no other process takes; None when there is none left."""
        read = os.read(self._reading, _NUMBER.size)
        return int(_NUMBER.unpack(read)[0]) if read else None

    def close(self) -> None:
        os.close(self._reading)


class Worker:
    """A forked process, as the first one sees it."""

    def __init__(self, session: pytest.Session, queue: Queue, first: Sequence[int], stop: mmap.mmap) -> None:
        self.name = f"w{next(_NAMES)}"
        self.left, self.running, self.last = list(first), _NOTHING, _NOTHING
        """`left` was taken and has not begun; `running` has not ended, `last` has (their places)."""
        self.broke = ""
        """What the process said of its end outside of a test."""
        self.told, telling = connection.Pipe(duplex=False)
        self.pid = os.fork()
        if self.pid == 0:
            self.told.close()
            _work(session, self.name, queue, first, stop, telling)
        telling.close()

    def ended(self) -> str:
        """Waits for the end of the process; what it died of, in words."""
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self.told.close()
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def run(session: pytest.Session, processes: int, alone: int) -> None:
    """All items of the session, of which the last `alone` have to be; raises what a session does when it stops."""
    global shared
    together = session.items[: len(session.items) - alone]
    made_once.make()
    shared = Path(session.config._tmp_path_factory.getbasetemp())  # type: ignore[attr-defined]
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.showfspath = False  # files take turns
    _Run(session, portions(together, processes)).run(min(processes, len(together)))
    if alone and not (session.shouldfail or session.shouldstop):
        waiting = files(session.items, len(together))
        _Run(session, waiting).run(min(processes, len(waiting)))
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)


class _Run:
    """Some processes, one queue."""

    def __init__(self, session: pytest.Session, waiting: Sequence[Sequence[int]]) -> None:
        self._session, self._queue = session, Queue(waiting)
        self._stop = mmap.mmap(-1, 1)
        self._workers: dict[connection.Connection, Worker] = {}

    def run(self, processes: int) -> None:
        try:
            for _ in range(processes):
                self._start([])
            while self._workers:
                for told in connection.wait(list(self._workers)):
                    assert isinstance(told, connection.Connection)
                    self._hear(self._workers[told])
        except BaseException:
            self._interrupt()
            raise
        finally:
            self._queue.close()

    def _start(self, first: Sequence[int]) -> None:
        worker = Worker(self._session, self._queue, first, self._stop)
        self._workers[worker.told] = worker

    def _hear(self, worker: Worker) -> None:
        try:
            kind, *facts = worker.told.recv()
        except (EOFError, ConnectionError):
            del self._workers[worker.told]
            self._after(worker, worker.ended())
            return
        getattr(self, f"_{kind}")(worker, *facts)
        if self._session.shouldfail or self._session.shouldstop:
            self._stop[0] = 1

    def _after(self, worker: Worker, end: str) -> None:
        """A process that died fails its test, or is an error of the test before; a new one takes what it had taken."""
        if worker.running != _NOTHING:
            self._died(worker.running, "call", f"the process died while it ran this test: {end}")
        elif worker.last != _NOTHING:
            self._died(worker.last, "teardown", f"the process died after this test: {end}\n{worker.broke}")
        else:
            raise RuntimeError(f"a process of the tests died before any test: {end}\n{worker.broke}")
        if not self._stop[0]:
            self._start(worker.left)

    def _died(self, place: int, when: Literal["call", "teardown"], said: str) -> None:
        item = self._session.items[place]
        location = (item.location[0], None, item.location[2])
        self._logged(pytest.TestReport(item.nodeid, location, {}, "failed", said, when))

    def _took(self, worker: Worker, number: int) -> None:
        worker.left += self._queue.portions[number]

    def _began(self, worker: Worker, place: int) -> None:
        worker.running = place
        worker.left.remove(place)

    def _passed(self, worker: Worker, when: Any, duration: float, start: float, stop: float) -> None:
        item = self._session.items[worker.running]
        self._logged(
            pytest.TestReport(
                item.nodeid, item.location, {}, "passed", None, when, duration=duration, start=start, stop=stop
            ),
        )

    def _reported(self, worker: Worker, report: dict[str, Any]) -> None:
        config = self._session.config
        self._logged(config.hook.pytest_report_from_serializable(config=config, data=report))

    def _logged(self, report: pytest.TestReport) -> None:
        self._session.config.hook.pytest_runtest_logreport(report=report)

    def _finished(self, worker: Worker) -> None:
        item = self._session.items[worker.running]
        worker.running, worker.last = _NOTHING, worker.running
        self._session.config.hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def _warned(self, worker: Worker, said: str, when: Any, nodeid: str, location: Any) -> None:
        told = warnings.WarningMessage(pytest.PytestWarning(said), pytest.PytestWarning, nodeid, 0)
        self._session.config.hook.pytest_warning_recorded.call_historic(
            kwargs={"warning_message": told, "when": when, "nodeid": nodeid, "location": location}
        )

    def _broke(self, worker: Worker, said: str) -> None:
        worker.broke = said

    def _ended(self, worker: Worker) -> None:
        del self._workers[worker.told]
        worker.ended()

    def _interrupt(self) -> None:
        """All of them, whether or not the terminal has told them; who cleans up too long is killed."""
        self._stop[0] = 1
        for worker in self._workers.values():
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGINT)
        until = time.monotonic() + GRACE_S
        for worker in self._workers.values():
            while os.waitpid(worker.pid, os.WNOHANG) == (0, 0):
                if time.monotonic() > until:
                    os.kill(worker.pid, signal.SIGKILL)
                time.sleep(0.02)


class _Teller:
    """Plugin of a forked process: says to the first one what the terminal would have been told."""

    def __init__(self, config: pytest.Config, telling: connection.Connection) -> None:
        self._config, self._telling = config, telling
        self.listens = False
        """Warnings from before the fork are said again to whoever registers."""

    def __call__(self, *said: object) -> None:
        self._telling.send(said)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        plain = report.passed and not (report.sections or report.user_properties or hasattr(report, "wasxfail"))
        if plain and report.longrepr is None:
            self("passed", report.when, report.duration, report.start, report.stop)
        else:
            self("reported", self._config.hook.pytest_report_to_serializable(config=self._config, report=report))

    @pytest.hookimpl
    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str, location: object
    ) -> None:
        if self.listens:
            self("warned", f"{warning_message.category.__name__}: {warning_message.message}", when, nodeid, location)


def _work(
    session: pytest.Session,
    name: str,
    queue: Queue,
    first: Sequence[int],
    stop: mmap.mmap,
    telling: connection.Connection,
) -> NoReturn:
    """In the new process: runs what it takes, and ends without whatever the first one does at its end."""
    code, tell = 1, _Teller(session.config, telling)
    try:
        _become(session.config, name, tell)
        places = _places(queue, first, stop, tell)
        place = next(places, None)
        while place is not None:
            following = next(places, None)
            item = session.items[place]
            tell("began", place)
            nextitem = None if following is None else session.items[following]
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
            tell("finished")
            place = following
            if stop[0] or session.shouldfail or session.shouldstop:
                break
        session._setupstate.teardown_exact(None)
        session.config._ensure_unconfigure()
        tell("ended")
        code = 0
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough: what follows cleans up
        with suppress(BaseException):
            session._setupstate.teardown_exact(None)
    except BaseException:
        with suppress(OSError):  # the first process has ended
            tell("broke", traceback.format_exc())
    finally:
        os._exit(code)


def _become(config: pytest.Config, name: str, tell: _Teller) -> None:
    """What the processes must not share: the terminal, captured output, temporary folders."""
    plugins: Any = config.pluginmanager
    for known in ("terminalreporter", "lfplugin", "nfplugin", "stepwiseplugin", "junitxml"):
        if (plugin := plugins.get_plugin(known)) is not None:
            plugins.unregister(plugin)
    plugins.register(tell)
    tell.listens = True
    capture = plugins.get_plugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    factory: Any = config._tmp_path_factory  # type: ignore[attr-defined]
    folder = factory.getbasetemp() / name
    folder.mkdir(mode=0o700)
    factory._basetemp = folder


def _places(queue: Queue, first: Sequence[int], stop: mmap.mmap, tell: _Teller) -> Iterator[int]:
    yield from first
    while not stop[0] and (number := queue.take()) is not None:
        tell("took", number)
        yield from queue.portions[number]
