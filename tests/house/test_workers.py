"""What `./hanse test` does with its processes, tried on small suites of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from _pytest.config import get_config

from tests import forked, workers
from tests.fuzz.effort import one_in

ROOT = Path(__file__).parents[2]
SUITE = """
import os, pathlib, pytest, time
HERE = pathlib.Path(__file__).parent

def log(name):
    with open(HERE / "log", "a") as file:
        file.write(f"{name} {os.getpid()}\\n")

@pytest.mark.alone
@pytest.mark.parametrize("n", range(3))
def test_soon(n):
    log("alone")

@pytest.mark.parametrize("n", range(40))
def test_many(n):
    log("many")
    ends = time.monotonic() + 30
    while n == 0 and (HERE / "two").exists() and time.monotonic() < ends:
        if len({line.split()[1] for line in (HERE / "log").read_text().splitlines()}) == 2:
            break
        time.sleep(0.01)

@pytest.mark.long
@pytest.mark.parametrize("n", range(2))
def test_exhaustive(n):
    log("long")
"""
CONFIGURED = """
[pytest]
tmp_path_retention_policy = failed
markers =
    alone
    long
"""
MANY_ENDS = """
import pytest, warnings

def test_fails():
    print("printed before")
    assert 1 == 2

@pytest.fixture
def broken():
    raise RuntimeError("no fixture")

def test_error(broken):
    pass

def test_skipped():
    pytest.skip("never mind")

@pytest.mark.xfail(reason="is known")
def test_known():
    assert False

def test_warns():
    warnings.warn("look here")
"""
WITH = ("tests.workers", "xdist.plugin", "no:cacheprovider")
"""The plugins of a suite here; to load all that are installed takes longer than the suite."""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "test_a.py").write_text(SUITE)
    (tmp_path / "test_b.py").write_text("def test_more():\n    pass\n")
    (tmp_path / "pytest.ini").write_text(CONFIGURED)
    return tmp_path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", *(f"-p{name}" for name in WITH), *arguments]


def environ() -> dict[str, str]:
    """As of somebody who starts the tests, not of a test within them."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "HANSE_LONG"))}
    return {**outer, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*arguments), cwd=folder, env=environ(), capture_output=True, text=True)


def log(folder: Path) -> list[list[str]]:
    """Kind and process of each test, in the order in which they ran."""
    return [line.split() for line in (folder / "log").read_text().splitlines()]


def last(done: "subprocess.CompletedProcess[str]") -> str:
    return re.sub(r" in .*", "", done.stdout.splitlines()[-1]).strip("= ")


def test_portions_are_neighbours_of_one_file_and_small_at_the_end() -> None:
    """>> 40 tests of one file, 24 of another, two processes << each place once, in order, never both files at once."""
    items: Any = [SimpleNamespace(path=name) for name in ["a"] * 40 + ["b"] * 24]
    found = forked.portions(items, 2)
    assert [place for portion in found for place in portion] == list(range(64))
    assert all(portion.stop <= 40 or portion.start >= 40 for portion in found)
    assert [len(portion) for portion in found][:2] == [8, 7]
    assert {len(portion) for portion in found[-8:]} == {1}
    assert forked.portions([], 2) == []


def test_what_is_alone_stays_file_by_file() -> None:
    """>> two files behind a first test << the places of each, the most tests first."""
    items: Any = [SimpleNamespace(path=name) for name in "xaaabb"]
    assert forked.files(items, 1) == [range(1, 4), range(4, 6)]
    assert forked.files(items, 0) == [range(1, 4), range(4, 6), range(1)]
    assert forked.files(items, 6) == []


def test_five_processes_for_two_cores() -> None:
    assert [workers.processes(cores) for cores in (1, 2, 4)] == [0, 5, 9]


BESIDE = """
import pathlib, pytest, time
HERE = pathlib.Path(__file__).parent

@pytest.mark.alone
def test_beside():
    ends = time.monotonic() + 30
    while not (HERE / "log").read_text().count("alone") and time.monotonic() < ends:
        time.sleep(0.01)
    assert "alone" in (HERE / "log").read_text()

@pytest.mark.alone
def test_after():
    pass
"""


@pytest.mark.long
def test_two_files_that_are_alone_run_on_two_cores(suite: Path) -> None:
    """>> four processes, a test of another file that waits for one of the first << both end, after all others."""
    (suite / "test_0.py").write_text(BESIDE)
    done = run(suite, "-n4")
    assert (done.returncode, last(done)) == (0, "46 passed, 2 deselected"), done.stdout + done.stderr
    ran = log(suite)
    assert [kind for kind, _ in ran] == ["many"] * 40 + ["alone"] * 3
    assert len({process for kind, process in ran if kind == "alone"}) == 1


def test_what_is_alone_runs_after_all_others_in_one_process(suite: Path) -> None:
    """>> two processes << every test once, those marked `alone` last and in one process; one sum."""
    (suite / "two").touch()  # on a busy machine one of them could have run all before the other began
    done = run(suite, "-n2")
    assert (done.returncode, last(done)) == (0, "44 passed, 2 deselected"), done.stdout + done.stderr
    ran = log(suite)
    assert [kind for kind, _ in ran] == ["many"] * 40 + ["alone"] * 3
    assert len({process for kind, process in ran if kind == "many"}) == 2
    assert len({process for kind, process in ran if kind == "alone"}) == 1
    assert "2 tests marked `long` left out" in done.stdout


FAMILY = """
import pytest

@pytest.mark.parametrize("database", ["sqlite", "postgres"])
@pytest.mark.parametrize("n", range(3))
def test_family(n, database):
    pass

@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_single(database):
    pass
"""


@pytest.mark.long
def test_of_a_family_one_runs_on_postgresql_and_the_rest_is_long(suite: Path) -> None:
    """>> three cases on two databases << four run, and -m long finds the other two."""
    (suite / "test_a.py").write_text(FAMILY)
    counts = [last(run(suite, "-n0", "test_a.py", *more)) for more in ([], ["--long"], ["--long", "-m", "long"])]
    assert counts == ["6 passed, 2 deselected", "8 passed", "2 passed, 6 deselected"]


@pytest.mark.long
@pytest.mark.parametrize("others", [0, 1, 2, 5])
def test_few_others_leave_a_process_for_what_is_alone(suite: Path, others: int) -> None:
    """Bug: >> three processes, fewer than two other tests for each << all were ended; nobody ran what is alone."""
    done = run(suite, "-n3", "test_a.py::test_soon", *(f"test_a.py::test_many[{at}]" for at in range(others)))
    assert (done.returncode, last(done)) == (0, f"{others + 3} passed"), done.stdout + done.stderr
    assert [kind for kind, _ in log(suite)] == ["many"] * others + ["alone"] * 3


@pytest.mark.long
def test_long_tests_run_when_asked_for(suite: Path) -> None:
    """>> --long << they run, and nothing is said to be left out; without it they are named in one process as well."""
    asked = run(suite, "-n2", "--long")
    assert last(asked) == "46 passed"
    assert "left out" not in asked.stdout
    assert [kind for kind, _ in log(suite)].count("long") == 2
    unasked = run(suite, "test_a.py")
    assert last(unasked) == "43 passed, 2 deselected"
    assert "2 tests marked `long` left out" in unasked.stdout


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        ([], 5),
        (["test_a.py", "test_b.py"], 5),
        (["test_a.py"], 0),
        (["test_a.py::test_soon", "test_a.py::test_many"], 0),
        (["test_a.py", "-n2"], 2),
        (["-n2", "--dist", "load"], 0),
        (["-n0"], 0),
        (["--collect-only"], 0),
        (["--pdb"], 0),
    ],
)
def test_one_file_stays_in_one_process_unless_told_otherwise(
    suite: Path, arguments: list[str], chosen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> what is asked for, on two cores << how many processes are forked; what --dist asks for is pytest-xdist's."""
    monkeypatch.setattr(workers, "_cores", lambda: 2)
    monkeypatch.chdir(suite)
    config = get_config(["-p", "xdist", "-p", "tests.workers"])
    config.parse(arguments or ["."])
    assert workers.choose_processes(config) == chosen
    assert config.option.numprocesses == (2 if "--dist" in arguments else 0)


STARTING = """
import asyncio, os, pathlib, pytest, time
from tests.testkit.processes import Child
HERE = pathlib.Path(__file__).parent

async def told():
    child = Child(["-c", "import os; input(); print(os.getppid(), flush=True)"], dict(os.environ), HERE / "stderr")
    parent = await child.say("")
    await child.ended()
    return parent

@pytest.mark.parametrize("n", range(8))
def test_start(n):
    with open(HERE / "log", "a") as file:
        file.write(f"{asyncio.run(told())} {os.getpid()}\\n")
    ends = time.monotonic() + 30
    while len({line.split()[1] for line in (HERE / "log").read_text().splitlines()}) == 1 and time.monotonic() < ends:
        time.sleep(0.01)
"""


@pytest.mark.long
def test_processes_of_the_product_are_forked_from_one_in_the_whole_run(suite: Path) -> None:
    """>> two processes, each of which starts one of the product << both are children of one that loaded it once."""
    (suite / "test_a.py").write_text(STARTING)
    done = run(suite, "-n2")
    assert (done.returncode, last(done)) == (0, "9 passed"), done.stdout + done.stderr
    assert len({process for _, process in log(suite)}) == 2
    assert len({parent for parent, _ in log(suite)}) == 1


KEEPING = """
import os, pathlib, pytest, time
HERE = pathlib.Path(__file__).parent

@pytest.mark.parametrize("n", range(8))
def test_keeps(n, tmp_path):
    (tmp_path / "kept").touch()
    with open(HERE / "log", "a") as file:
        file.write(f"{tmp_path.parents[1]} {os.getpid()}\\n")
    ends = time.monotonic() + 30
    while len({line.split()[1] for line in (HERE / "log").read_text().splitlines()}) == 1 and time.monotonic() < ends:
        time.sleep(0.01)
    assert (n, FAILS) != (3, True)
"""


@pytest.mark.long
@pytest.mark.parametrize("fails", [True, False])
def test_bug_each_process_left_a_folder_in_memory(suite: Path, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> two processes << they share one folder, and of it only what a failed test wrote is there at the end.

    Each made one of its own, with its own PostgreSQL cluster, and nobody removed it.
    """
    monkeypatch.setenv("TMPDIR", str(suite / "temporary"))
    (suite / "temporary").mkdir()
    (suite / "test_a.py").write_text(KEEPING.replace("FAILS", str(fails)))
    done = run(suite, "-n2")
    assert last(done) == ("1 failed, 8 passed" if fails else "9 passed"), done.stdout + done.stderr
    assert len({process for _, process in log(suite)}) == 2
    assert len({folder for folder, _ in log(suite)}) == 1
    left = [path.parent.name for path in (suite / "temporary").rglob("kept") if "current" not in str(path)]
    assert left == (["test_keeps_3_0"] if fails else [])
    assert [path.name for path in (suite / "temporary").rglob("*.lock")] == []


@pytest.mark.long
@pytest.mark.parametrize("only", [["-m", "alone"], ["-k", "test_soon"]])
def test_the_choice_of_tests_holds(only: list[str], suite: Path) -> None:
    """>> only those that are alone << they run, although nothing runs before them."""
    done = run(suite, "-n2", *only)
    assert last(done) == "3 passed, 43 deselected", done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.parametrize("where", ["test_many[20]", "test_soon[0]"])
def test_a_process_that_dies_fails_its_test_only(suite: Path, where: str) -> None:
    """>> os._exit in a test, among the many or alone << one failure, all others run, exit code 1."""
    name, _, number = where.rstrip("]").partition("[")
    kind = name.replace("soon", "alone").removeprefix("test_")
    spoken = f'log("{kind}")'
    (suite / "test_a.py").write_text(SUITE.replace(spoken, f"{spoken} if n != {number} else os._exit(3)"))
    done = run(suite, "-n2")
    assert (done.returncode, last(done)) == (1, "1 failed, 43 passed, 2 deselected"), done.stdout + done.stderr
    assert f"test_a.py::{where}" in done.stdout


LEAKING = """
import os, pytest

def end():
    END

@pytest.mark.parametrize("n", range(3))
def test_leaks(n, request):
    if n == 0:
        request.config.add_cleanup(end)
    assert n != 1
"""


@pytest.mark.parametrize("end", one_in(2, ["raise ResourceWarning('never closed')", "os._exit(3)"]))
def test_bug_a_process_that_broke_after_its_tests_took_the_summary_along(suite: Path, end: str) -> None:
    """>> what a process cleans up at its end raises, or ends it << an error, and the failures are still told."""
    (suite / "test_a.py").write_text(LEAKING.replace("END", end))
    done = run(suite, "-n1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert last(done) == "1 failed, 3 passed, 1 error"
    assert "FAILED test_a.py::test_leaks[1]" in done.stdout
    assert "the process died after this test: exit code" in done.stdout
    assert ("never closed" in done.stdout) == ("never" in end)


@pytest.mark.long
def test_what_a_process_says_is_shown_as_of_one(suite: Path) -> None:
    """>> a failure, an error, a skip, an xfail and a warning in two processes << the same sums as without, all told."""
    (suite / "test_b.py").write_text(MANY_ENDS)
    side, one = (run(suite, *arguments, "-rsxX") for arguments in (["-n2"], ["-n0"]))
    assert last(side) == last(one)
    assert (side.returncode, one.returncode) == (1, 1)
    for told in ("assert 1 == 2", "printed before", "no fixture", "never mind", "is known", "look here"):
        assert told in side.stdout, told


@pytest.mark.long
def test_a_file_that_cannot_be_read_is_an_error(suite: Path) -> None:
    """>> a module that raises << exit code as without processes."""
    (suite / "test_b.py").write_text("raise RuntimeError\n")
    codes = [run(suite, arguments).returncode for arguments in ("-n2", "-n0")]
    assert codes[0] != 0, codes
    assert codes[1] == 2


def test_bug_a_path_that_does_not_exist_was_an_internal_error(suite: Path) -> None:
    """>> a folder that is not there << its name, exit code 4 as without processes."""
    done = run(suite, "-n2", "test_nowhere.py")
    assert done.returncode == 4, done.stdout
    assert "test_nowhere.py" in done.stdout + done.stderr
    assert "INTERNALERROR" not in done.stdout


@pytest.mark.long
def test_it_stops_at_the_first_failure(suite: Path) -> None:
    """>> -x, the first of all fails << exit code 1, and what is alone does not run."""
    (suite / "test_a.py").write_text(SUITE.replace('log("many")', "assert False"))
    done = run(suite, "-n2", "-x")
    assert done.returncode != 0
    assert not (suite / "log").exists(), log(suite)


def test_a_test_that_hangs_says_where(suite: Path) -> None:
    """>> one that takes longer than the bound, after another in the same minute << its line on standard error."""
    bound = "from tests import workers\nworkers.HANGS_S = 0.2\nimport threading, time\n"
    hangs = "def test_hangs():\n    here = threading.Event()\n    here.wait(1.0)\n"
    (suite / "test_a.py").write_text(f"{bound}def test_before():\n    pass\n\n{hangs}")
    done = run(suite, "-n0", "test_a.py")
    assert done.returncode == 0, done.stdout
    assert "in test_hangs" in done.stderr


IGNORING = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]


@pytest.mark.long
@pytest.mark.parametrize("before", [[], IGNORING], ids=["terminal", "background"])
def test_an_interrupt_ends_all_processes(suite: Path, before: list[str]) -> None:
    """>> Ctrl-C, also where the shell had it ignored << exit code 2, and no process of the run is left."""
    (suite / "test_a.py").write_text(SUITE.replace('log("many")', 'log("many"); __import__("time").sleep(600)'))
    started = subprocess.Popen(
        [*before, *command("-n2")],
        cwd=suite,
        env=environ(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (suite / "log").exists() or len(log(suite)) < 2:
        assert started.poll() is None
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGINT)
    told, _ = started.communicate()
    assert started.returncode == 2, told
    for _, process in log(suite):
        with pytest.raises(ProcessLookupError):
            os.kill(int(process), 0)
