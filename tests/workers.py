"""How the tests are spread over processes: five for two cores, `alone` after all others, `long` only when asked for.

A pytest plugin of this suite. While a test waits for its PostgreSQL or its server another one works: three processes
left a third of two cores idle, and a forked one costs next to nothing (decision 0093). One file stays in one.
"""

import faulthandler
import gc
import math
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import forked

_IN_PLACE = ("collectonly", "usepdb", "trace", "setupplan", "setuponly", "showfixtures", "show_fixtures_per_test")
_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30
_LEFT_OUT = pytest.StashKey[int]()
_FAMILIES = pytest.StashKey[set[str]]()
_PROCESSES = pytest.StashKey[int]()
_STDERR = pytest.StashKey[int]()
_ARMED = pytest.StashKey[float]()
HANGS_S = 600
"""A test that takes about so long has every thread's place told: at most a minute earlier."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests marked `long`, too (or HANSE_LONG=1)")


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Iterator[None]:
    """Before xdist reads them."""
    if config.option.long:
        os.environ["HANSE_LONG"] = "1"  # the other processes inherit it; some tests do more of the same then
    hear_interrupts()
    keep_bytecode()
    look_seldom_for_garbage()
    if not hasattr(config, "workerinput"):
        keep_temporary_files_in_memory()
        config.stash[_PROCESSES] = choose_processes(config)
    return (yield)


def hear_interrupts() -> None:
    """A shell that starts us in the background has SIGINT ignored, by every server that a test interrupts as well."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def keep_bytecode() -> None:
    """Images of Python often say not to; then each of some hundred processes compiles the product anew."""
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def look_seldom_for_garbage() -> None:
    """What is loaded and collected makes hardly any, and all of it would be looked through again and again."""
    gc.set_threshold(500_000, 50, 50)


def keep_temporary_files_in_memory() -> None:
    """Where there is room and no other place is asked for: a commit of SQLite waits for the disk."""
    if "TMPDIR" in os.environ or not _MEMORY.is_dir() or not os.access(_MEMORY, os.W_OK):
        return
    if shutil.disk_usage(_MEMORY).free >= _ROOM and not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None  # read anew


def choose_processes(config: pytest.Config) -> int:
    """How many to fork; 0 for none. What was asked for stands; `-n`, `--dist` and `--tx` are pytest-xdist's options."""
    option = config.option
    asked = getattr(option, "numprocesses", None)
    if getattr(option, "dist", "no") != "no" or getattr(option, "tx", None):
        return 0
    if hasattr(option, "numprocesses"):
        option.numprocesses = 0
    if _in_place(config) if asked is None else asked == 0:
        return 0
    return processes(_cores()) if asked is None else int(asked)


def processes(cores: int) -> int:
    """Beside the first one."""
    return 0 if cores == 1 else 2 * cores + 1


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_place(config: pytest.Config) -> bool:
    """One file, or a run that looks at tests instead of running them side by side."""
    files = {argument.partition("::")[0] for argument in config.args}
    single = len(files) == 1 and Path(config.invocation_params.dir, *files).is_file()
    return single or any(getattr(config.option, name, False) for name in _IN_PLACE)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """After -k and -m have chosen."""
    asked = os.environ.get("HANSE_LONG") == "1"
    left_out = [item for item in items if _marked(item, "long") and not asked]
    config.stash[_LEFT_OUT] = len(left_out)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if asked or not _marked(item, "long")]
    items.sort(key=lambda item: _marked(item, "alone"))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Of a test with many cases on either database, the first runs on PostgreSQL; the others there are `long`.

    The statements are the same in each case: those of the first are nearly all that the others use. It is marked
    before -m chooses.
    """
    chosen = getattr(getattr(item, "callspec", None), "params", {})
    if "postgres" in chosen.values() and len(chosen) > 1:
        families, family = item.config.stash.setdefault(_FAMILIES, set()), item.nodeid.partition("[")[0]
        if family in families:
            item.add_marker("long")
        families.add(family)


def pytest_collection_finish() -> None:
    """The modules and tests that are loaded now stay: whoever looks for garbage need not look at them again."""
    gc.collect()
    gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    """Before any output is captured."""
    config.stash[_STDERR] = os.dup(2)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Arms the alarm once a minute. `faulthandler_timeout` does for each test: it starts and awaits a thread, which
    takes a busy machine longer than most tests take."""
    now = time.monotonic()
    if now - item.config.stash.get(_ARMED, -math.inf) > HANGS_S / 10:
        item.config.stash[_ARMED] = now
        faulthandler.dump_traceback_later(HANGS_S, file=item.config.stash[_STDERR])


def pytest_unconfigure(config: pytest.Config) -> None:
    faulthandler.cancel_dump_traceback_later()
    if _STDERR in config.stash:
        os.close(config.stash[_STDERR])
        del config.stash[_STDERR]


def _marked(item: pytest.Item, name: str) -> bool:
    return item.get_closest_marker(name) is not None


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Here the tests are collected; None lets this process run them."""
    processes = session.config.stash.get(_PROCESSES, 0)
    broken = session.testsfailed and not session.config.option.continue_on_collection_errors
    if not processes or broken or session.config.option.collectonly:
        return None
    forked.run(session, processes, sum(_marked(item, "alone") for item in session.items))
    return True


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if count := config.stash.get(_LEFT_OUT, 0):
        terminalreporter.write_line(f"{count} tests marked `long` left out: --long runs them, too")
