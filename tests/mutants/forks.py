"""Tests in processes of their own, forked after everything is loaded, and which lines each test reaches.

It is how `tests/mutants` tries a change: what happens in a fork changes nothing outside it, and an endless or
greedy one ends by itself.
"""

import contextlib
import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from _pytest.runner import runtestprotocol

TIMES, MORE = 5, 4
"""A test that takes so many times as long as without the change, and so many seconds more, counts as noticing."""
MEMORY = 4 << 30


class Reached(NamedTuple):
    """Of one test: the lines it reaches, by module, and its seconds of processor time under the eyes of the tracer."""

    lines: dict[str, frozenset[int]]
    seconds: float
    passed: bool


# Processes


def forked(work: Callable[[], Any], wait: int = 600) -> tuple[Any, str]:
    """What `work` returns in a process of its own, and "" or how that process ended instead."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            signal.alarm(wait)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            with contextlib.redirect_stdout(open(os.devnull, "w")), contextlib.redirect_stderr(open(os.devnull, "w")):
                answer = pickle.dumps(work())
            with os.fdopen(write, "wb") as out:
                out.write(answer)
        except BaseException as error:
            with contextlib.suppress(OSError), os.fdopen(write, "wb") as out:
                out.write(pickle.dumps((repr(error)[:200],)))
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as inn:
        answer = inn.read()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return None, "endless" if -code in (signal.SIGPROF, signal.SIGALRM) else "crashed"
    return pickle.loads(answer), ""


def _passes(item: Any, after: Any, seconds: float) -> bool:
    signal.setitimer(signal.ITIMER_PROF, TIMES * seconds + MORE)
    passed = not any(report.failed for report in runtestprotocol(item, log=False, nextitem=after))
    signal.setitimer(signal.ITIMER_PROF, 0)
    return passed


def first_failing(items: Sequence[Any], seconds: dict[str, float]) -> str:
    """The name of the first test that fails, "" if none does."""
    for item, after in zip(items, [*items[1:], None], strict=True):
        if not _passes(item, after, seconds.get(item.nodeid, 1.0)):
            return str(item.nodeid)
    return ""


# Which test reaches what


def _reach(item: Any, files: dict[str, str]) -> Reached:
    seen: dict[str, set[int]] = {}
    begun = time.process_time()

    def entered(frame: Any, event: str, given: Any) -> Any:
        name = files.get(frame.f_code.co_filename)
        if name is None:
            return None
        lines = seen.setdefault(name, set())
        lines.add(frame.f_lineno)

        def line(frame: Any, event: str, given: Any) -> Any:
            lines.add(frame.f_lineno)
            return line

        return line

    sys.settrace(entered)
    try:
        passed = not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))
    finally:
        sys.settrace(None)
    lines = {name: frozenset(found) for name, found in seen.items()}
    return Reached(lines, time.process_time() - begun, passed)


def mapped(items: Iterable[Any], files: dict[str, str], kept: Path | None) -> dict[str, Reached]:
    if kept is not None and kept.exists():
        known: dict[str, Reached] = pickle.loads(kept.read_bytes())
    else:
        known = {}
    for item in items:
        if item.nodeid not in known:
            found, _ = forked(lambda item=item: _reach(item, files), 120)
            known[item.nodeid] = found if isinstance(found, Reached) else Reached({}, 99.0, False)
    if kept is not None:
        kept.write_bytes(pickle.dumps(known))
    return known
