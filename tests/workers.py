"""How the tests are spread over processes: three for two cores, `alone` after all others, `long` only when asked for.

A pytest plugin of this suite. While a test waits for its PostgreSQL or its server another one works, so half as many
processes again as there are cores are quickest (decision 0039). One file is not worth the start of a process.
"""

import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import WorkStealingScheduling

_IN_PLACE = ("collectonly", "usepdb", "trace", "setupplan", "setuponly", "showfixtures", "show_fixtures_per_test")
_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30
_LEFT_OUT = pytest.StashKey[int]()
_FAMILIES = pytest.StashKey[set[str]]()
_NOTES = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests marked `long`, too (or HANSE_LONG=1)")


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Iterator[None]:
    """Before xdist reads them."""
    if config.option.long:
        os.environ["HANSE_LONG"] = "1"  # the other processes inherit it; some tests do more of the same then
    hear_interrupts()
    keep_bytecode()
    if not hasattr(config, "workerinput"):
        keep_temporary_files_in_memory()
        if hasattr(config.option, "numprocesses"):
            require_paths(config)
            choose_processes(config)
    return (yield)


def hear_interrupts() -> None:
    """A shell that starts us in the background has SIGINT ignored, by every server that a test interrupts as well."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def keep_bytecode() -> None:
    """Images of Python often say not to; then each of some hundred processes compiles the product anew."""
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def keep_temporary_files_in_memory() -> None:
    """Where there is room and no other place is asked for: a commit of SQLite waits for the disk."""
    if "TMPDIR" in os.environ or not _MEMORY.is_dir() or not os.access(_MEMORY, os.W_OK):
        return
    if shutil.disk_usage(_MEMORY).free >= _ROOM and not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None  # read anew


def require_paths(config: pytest.Config) -> None:
    """Processes would each find nothing to run, and nobody would say why."""
    for argument in config.args:
        if not config.option.pyargs and not Path(config.invocation_params.dir, argument.partition("::")[0]).exists():
            raise pytest.UsageError(f"file or directory not found: {argument}")


def choose_processes(config: pytest.Config) -> None:
    """What was asked for stands."""
    option = config.option
    if option.numprocesses is None and option.dist == "no" and not option.tx:
        option.numprocesses = 0 if _in_place(config) else processes(_cores())
    if option.numprocesses and option.dist == "no":
        option.dist = "worksteal"


def processes(cores: int) -> int:
    """Beside the first one."""
    return 0 if cores == 1 else cores + cores // 2


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
    if hasattr(config, "workerinput"):
        config.workeroutput["left_out"] = len(left_out)  # type: ignore[attr-defined]
        note = Path(config.workerinput["notes"], config.workerinput["workerid"])
        note.write_text(str(sum(_marked(item, "alone") for item in items)))


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
    gc.set_threshold(20_000, 20, 20)


def _marked(item: pytest.Item, name: str) -> bool:
    return item.get_closest_marker(name) is not None


class AloneLast(WorkStealingScheduling):
    """Work stealing; what is `alone` goes to the last process, once all others have ended.

    A process holds its newest test back until it gets another one or is told to end. So one process is not told to
    end when the work runs out; when it is the only one left, it gets the tests that are alone.
    """

    def __init__(self, config: pytest.Config, log: Any, notes: Path) -> None:
        super().__init__(config, log)
        self._notes = notes
        self._alone: Sequence[int] | None = None
        """Indices not given to any process yet; None before the tests are known."""

    @property
    def tests_finished(self) -> bool:
        return not self._alone and super().tests_finished

    def check_schedule(self) -> None:
        if self._alone is None and self.collection is not None and self.nodes:
            self._set_apart()
        if self._alone and self.pending:
            self._distribute()
        if self._alone and not self.pending and self.steal_requested_from_node is None:
            if len(self.node2pending) == 1:
                self.pending, self._alone = list(self._alone), []
            elif all(len(pending) <= 2 for pending in self.node2pending.values()):
                self._end_all_but_one()
                return
        super().check_schedule()

    def _set_apart(self) -> None:
        """They are the last in the list, and each process has noted how many they are."""
        first = len(self.pending) - int((self._notes / self.nodes[0].gateway.id).read_text())
        self.pending, self._alone = self.pending[:first], self.pending[first:]

    def _distribute(self) -> None:
        """As work stealing does, which would then end every process that has fewer than two tests, the last too."""
        idle = [node for node in self.nodes if not node.shutting_down and len(self.node2pending[node]) < 2]
        for at, node in enumerate(idle):
            self._send_tests(node, len(self.pending) // (len(idle) - at))

    def _end_all_but_one(self) -> None:
        up = [node for node in self.nodes if not node.shutting_down]
        for node in up[1:]:
            if len(self.node2pending[node]) < 2:
                node.shutdown()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> AloneLast | None:
    return AloneLast(config, log, config.stash[_NOTES]) if config.option.dist == "worksteal" else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    stash = node.config.stash
    if _NOTES not in stash:
        stash[_NOTES] = Path(tempfile.mkdtemp(prefix="hanse-tests-"))
    node.workerinput["notes"] = str(stash[_NOTES])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A process that died says nothing; the one in its place does."""
    node.config.stash[_LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if count := config.stash.get(_LEFT_OUT, 0):
        terminalreporter.write_line(f"{count} tests marked `long` left out: --long runs them, too")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _NOTES in config.stash:
        shutil.rmtree(config.stash[_NOTES])
