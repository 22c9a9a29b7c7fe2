"""Mutation testing, by hand: `python -m tests.mutants [--tests PATH ...] [--seconds N] [--again] FOLDER.MODULE ...`.

Every mutant is one small change (`mutations.py`) in one module of `connector`. All tests asked for (else those of the
module's first folder) are loaded once and each is run once to see which lines it reaches. Then each mutant gets a
process of its own, forked from there, with the change put into the loaded functions, and the tests that reach its
lines: first those that noticed others, then the cheap ones, until one fails. Nothing on the disk is touched. Changes
that matter only while a module is loaded get a process that loads everything anew. Whether a family of tests that
was thinned notices as much as the whole: try the mutants with it, then what survived with `--again` and
`HANSE_LONG=1 HANSE_WHOLE=1`. What survives is judged in `connector/docs/mutants.md`.
"""

import argparse
import gc
import importlib
import importlib.machinery
import importlib.util
import json
import os
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import hypothesis
import hypothesis.strategies
import pytest

from tests.mutants.forks import first_failing, forked, mapped
from tests.mutants.mutations import Mutant, changed, loaded, mutants, patched
from tests.testkit.places import ROOT

PACKAGE = ROOT / "connector"
EXAMPLES = 10
"""Of Hypothesis, instead of the usual number."""
SECONDS = 10.0
"""Processor time for the tests of one mutant, as measured without a change and with a tracer; the usual bound."""
NEAR = 15
"""Lines between neighbours."""
FILES = 4
"""Most files of tests that are loaded anew."""
LOST = ("survived", "not reached")


class Work(NamedTuple):
    """A module and its mutants."""

    name: str
    source: str
    mutants: list[Mutant]

    @property
    def module(self) -> str:
        return f"connector.{self.name}"

    @property
    def path(self) -> Path:
        return _path(self.name)


def _path(name: str) -> Path:
    return PACKAGE.joinpath(*name.split(".")).with_suffix(".py")


def _work(name: str) -> Work:
    source = _path(name).read_text(encoding="utf-8")
    return Work(name, source, mutants(source))


# Trying


class Tries:
    """Everything that is known while the mutants are tried, in the process in which all tests are loaded."""

    def __init__(self, works: Sequence[Work], args: argparse.Namespace, anew: Callable[[str, int, list[str]], Any]):
        self._works, self._args, self._anew = works, args, anew
        self._ends: dict[str, dict[int, str]] = {}
        self._noticing: list[tuple[tuple[str, int], str]] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        from connector.data.catalogue.concepts import vocabulary

        vocabulary()
        begun = time.monotonic()
        gc.unfreeze()  # what was frozen once the tests were collected (`tests/workers.py`) is hidden
        gc.collect()
        for work in self._works:
            loaded(importlib.import_module(work.module))
        gc.freeze()
        files = {str(work.path): work.name for work in self._works}
        self._reached = mapped(session.items, files, self._args.map)
        self._items = {item.nodeid: item for item in session.items}
        bad = [name for name in self._items if not self._reached[name].passed]
        told = f"{len(self._items)} tests, looked at in {time.monotonic() - begun:.0f} s; failing without any change: "
        print(told + (", ".join(bad) or "none"), flush=True)
        self._recorded()
        for anew in (False, True):
            for work in self._works:
                self._module(work, anew)
        return True

    def _tests(self, work: Work, mutant: Mutant) -> list[str]:
        """Those that reach the lines; of what is only run once, those that reach the module at all."""
        wanted = range(mutant.first, mutant.last + 1)
        by_module = {name: r.lines[work.name] for name, r in self._reached.items() if r.passed and work.name in r.lines}
        by_module = {name: lines for name, lines in by_module.items() if name in self._items}
        return [name for name, lines in by_module.items() if any(line in lines for line in wanted)]

    def _chosen(self, work: Work, names: Iterable[str], line: int) -> list[str]:
        """First what noticed neighbours, then one test of every way through the module, then others; cheap first."""
        near = Counter(by for (module, other), by in self._noticing if module == work.name and abs(other - line) < NEAR)
        ways, ranks = Counter[frozenset[int]](), dict[str, int]()
        own = f"/test_{work.name.rpartition('.')[2]}.py"
        for name in sorted(names, key=lambda name: self._reached[name].seconds):
            ranks[name] = 0 if own in name else ways[self._reached[name].lines[work.name]]
            ways[self._reached[name].lines[work.name]] += 1
        spent, chosen = 0.0, []
        for name in sorted(ranks, key=lambda name: (-near[name], ranks[name], self._reached[name].seconds)):
            spent += self._reached[name].seconds
            if chosen and spent > self._args.seconds:
                break
            chosen.append(name)
        return chosen

    def _try(self, work: Work, number: int) -> tuple[str, str] | None:
        """How it ended ("noticed", "endless", "crashed", "survived", "not reached") and which test noticed it.

        None if everything must be loaded anew for it.
        """
        mutant = work.mutants[number]
        module = importlib.import_module(work.module)
        tree = changed(work.source, mutant)
        apply = patched(module, str(work.path), work.source, tree)
        if apply is None:
            return None
        if not (tests := self._tests(work, mutant)):
            return "not reached", ""
        chosen = self._chosen(work, tests, mutant.line)
        items = [self._items[name] for name in chosen]
        seconds = {name: self._reached[name].seconds for name in chosen}

        def run() -> str:
            apply()
            return first_failing(items, seconds)

        return self._ended(work, number, *forked(run))

    def _try_anew(self, work: Work, number: int) -> tuple[str, str]:
        """The same, with the tests of the files that noticed most in this module, because each must be loaded."""
        mutant = work.mutants[number]
        known = {name for name, r in self._reached.items() if r.passed and work.name in r.lines and name in self._items}
        tests = self._tests(work, mutant) or known
        files = Counter(by.partition("::")[0] for (module, _), by in self._noticing if module == work.name)
        most = {file for file, _ in files.most_common(FILES)}
        tests = [name for name in tests if name.partition("::")[0] in most] or tests
        return self._ended(work, number, *self._anew(work.name, number, self._chosen(work, tests, mutant.line)))

    def _ended(self, work: Work, number: int, found: Any, how: str) -> tuple[str, str]:
        if how:
            return how, ""
        if isinstance(found, tuple | list):
            return "noticed", str(found[0])
        if found:
            self._noticing.append(((work.name, work.mutants[number].line), found))
        return ("noticed" if found else "survived"), found

    def _module(self, work: Work, anew: bool) -> None:
        """Try what can be tried with everything loaded, or the rest; what the record knows is not tried again."""
        ends = self._ends.setdefault(work.name, {})
        lines = work.source.splitlines()
        for number in self._numbers(work):
            mutant = work.mutants[number]
            if number in ends or (found := self._try_anew(work, number) if anew else self._try(work, number)) is None:
                continue
            ends[number] = found[0]
            if self._args.record is not None:
                with self._args.record.open("a") as record:
                    record.write(json.dumps([work.name, number, *found]) + "\n")
            if found[0] in LOST or self._args.only:
                place = f"{work.name}:{mutant.line} #{number} {mutant.change}"
                print(f"  {found[0]}: {place}: {lines[mutant.line - 1].strip()} {found[1]}", flush=True)
        self._tell(work, anew)

    def _numbers(self, work: Work) -> list[int]:
        numbers = list(range(len(work.mutants)))
        if self._args.only:
            numbers = [n for n in numbers if f"{work.name}:{work.mutants[n].line}" in self._args.only]
        if self._args.every > 1:
            random.Random(work.name).shuffle(numbers)
            numbers = sorted(numbers[:: self._args.every])
        return numbers

    def _tell(self, work: Work, anew: bool) -> None:
        ends = Counter(self._ends[work.name].values())
        lost = ends["survived"] + ends["not reached"]
        told = f"{work.name}: {len(work.mutants)} mutants, {ends.total()} tried, {ends.total() - lost} noticed"
        told += f" ({ends['endless']} endless, {ends['crashed']} crashed), {ends['survived']} survived"
        print(told + f", {ends['not reached']} not reached" + ("" if anew else " (so far)"), flush=True)

    def _recorded(self) -> None:
        if self._args.record is None or not self._args.record.exists():
            return
        lines_of = {work.name: [mutant.line for mutant in work.mutants] for work in self._works}
        for line in self._args.record.read_text().splitlines():
            name, number, ended, by = json.loads(line)
            ends = self._ends.setdefault(name, {})
            ends.pop(number, None)
            if not self._args.again or ended not in LOST:
                ends[number] = ended
            if ended == "noticed" and name in lines_of and "::" in by:
                self._noticing.append(((name, lines_of[name][number]), by))


# Loading everything anew


class _Changed(importlib.machinery.SourceFileLoader):
    """Reads one module from a tree instead of its file."""

    tree: Any

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.tree, self.path, "exec")


class _Finder:
    def __init__(self, module: str, path: Path, tree: Any) -> None:
        self._module, self._path, self._tree = module, path, tree

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname != self._module:
            return None
        loader = _Changed(fullname, str(self._path))
        loader.tree = self._tree
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


class _Some:
    """Runs some tests in a given order, until one fails."""

    def __init__(self, names: list[str]) -> None:
        self._names, self.failing = names, "loading"

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        if not session.testsfailed:
            self.failing = first_failing([items[name] for name in self._names if name in items], {})
        return True


OPTIONS = [
    "-o",
    "addopts=--import-mode=importlib",
    "--assert=plain",
    "-n0",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:terminal",
]


def _anew(work: Work, number: int, names: list[str]) -> Any:
    assert work.module not in sys.modules
    sys.meta_path.insert(0, _Finder(work.module, work.path, changed(work.source, work.mutants[number])))  # type: ignore[arg-type]
    files = sorted({name.partition("::")[0] for name in names})
    some = _Some(names)
    pytest.main([*OPTIONS, *[str(ROOT / file) for file in files]], plugins=[some])
    return some.failing


def _requests(wire: socket.socket) -> Iterator[Any]:
    with wire.makefile("r") as lines:
        for line in lines:
            yield json.loads(line)


def _bounded(examples: int) -> None:
    """A counterexample is enough, it need not be small; and a busy machine is no failure."""
    given = hypothesis.settings.__init__
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    always = {"database": None, "derandomize": True, "phases": phases, "deadline": None}
    always["suppress_health_check"] = list(hypothesis.HealthCheck)

    def bounded(self: Any, parent: Any = None, **kwargs: Any) -> None:
        kwargs["max_examples"] = min(kwargs.get("max_examples", examples), examples)
        given(self, parent, **{**kwargs, **always})

    hypothesis.settings.__init__ = bounded  # type: ignore[method-assign]
    hypothesis.settings.register_profile("mutants", hypothesis.settings())
    hypothesis.settings.load_profile("mutants")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument(
        "modules", nargs="+", metavar="FOLDER.MODULE", help="of connector, such as kernel.policy.odrl.parse"
    )
    parser.add_argument("--tests", action="append", default=[], help="files or tests to ask, instead of the folder's")
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="most examples of a property")
    parser.add_argument("--every", type=int, default=1, help="try every n-th mutant")
    parser.add_argument("--only", action="append", default=[], help="try the mutants of MODULE:LINE")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="processor time for the tests of one mutant")
    parser.add_argument("--again", action="store_true", help="try again what survived in the record")
    parser.add_argument("--map", type=Path, help="where to keep which test reaches what, for the next run")
    parser.add_argument("--record", type=Path, help="where to write how each ended; what stands there is not repeated")
    args = parser.parse_args()
    _bounded(args.examples)
    works = [_work(name) for name in args.modules]
    tests = args.tests or sorted({str(ROOT.joinpath("tests", *name.split(".")[:2])) for name in args.modules})
    by_name = {work.name: work for work in works}
    here, there = socket.socketpair()
    child = os.fork()
    if child == 0:
        here.close()
        answers = there.makefile("r")

        def ask(name: str, number: int, names: list[str]) -> Any:
            there.sendall(json.dumps([name, number, names]).encode() + b"\n")
            return tuple(json.loads(answers.readline()))

        pytest.main([*OPTIONS, *tests], plugins=[Tries(works, args, ask)])
        os._exit(0)
    there.close()
    for name, number, names in _requests(here):
        found = forked(lambda name=name, number=number, names=names: _anew(by_name[name], number, names))
        here.sendall(json.dumps(found).encode() + b"\n")
    os.waitpid(child, 0)


if __name__ == "__main__":
    main()
