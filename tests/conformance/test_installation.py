"""What is tried of an installation: which Python, in which surroundings, and what a step that fails says."""

import argparse
import sys
from pathlib import Path

import pytest

from connector.cli.checkout import INSTALLATIONS
from connector.cli.frame.call import OK, Call
from tests.conformance import installation
from tests.conformance.installation import Failed, Place
from tests.conformance.stand_ins import put
from tests.testkit.places import ROOT

OURS = sys.version_info[1]


def test_the_cases_are_those_of_the_command_line() -> None:
    assert tuple(installation.CASES) == INSTALLATIONS


def test_the_newest_other_python_is_taken(tmp_path: Path) -> None:
    """>> one too old, ours, one that lacks a module, one that is named wrongly, two that do << the newer of the two."""
    path, pyenv = tmp_path / "bin", tmp_path / "pyenv"
    for folder in (path, pyenv / "versions/3.96.1/bin"):
        folder.mkdir(parents=True)
    for minor, code in ((9, 0), (OURS, 0), (99, 1), (95, 0)):
        put(path, f"python3.{minor}", f"exit {code}")
    put(path, "python3.97-config", "exit 0")
    put(pyenv / "versions/3.96.1/bin", "python3.96", "exit 0")
    environ = {"PATH": str(path), "PYENV_ROOT": str(pyenv)}
    assert installation.newest(environ) == str(pyenv / "versions/3.96.1/bin/python3.96")
    assert installation.newest({"PATH": str(path), "PYENV_ROOT": "/nowhere"}) == str(path / "python3.95")
    assert installation.newest({"PATH": "", "PYENV_ROOT": "/nowhere"}) is None


def test_without_another_python_that_case_fails_and_is_not_left_out(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="no other Python"):
        installation.other_python(Place(tmp_path, {"PATH": "", "PYENV_ROOT": "/nowhere"}))


@pytest.mark.parametrize(("quick", "tests"), [(True, installation.QUICK), (False, installation.PART)])
def test_quick_asks_fewer_tests(quick: bool, tests: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the command with and without --quick << few of the files, or all; each is there."""
    asked: list[Place] = []
    monkeypatch.setattr(installation, "CASES", {"python": asked.append})
    args = argparse.Namespace(case=["python"], quick=quick, json=False)
    assert installation.run(Call(args, "en", {})) == OK
    assert [place.tests for place in asked] == [tests]
    assert all((ROOT / one).exists() for one in tests)


def test_what_ci_asks_is_of_the_part() -> None:
    assert all(any(one.startswith(part) for part in installation.PART) for one in installation.QUICK)


def test_a_step_says_what_it_said_last_and_sees_no_other_modules(tmp_path: Path) -> None:
    """>> a step that ends with 3, one that never ends, one that asks for modules of ours << Failed, Failed, none."""
    place = Place(tmp_path, {"PYTHONPATH": "/elsewhere", "PATH": "/bin"})
    with pytest.raises(Failed, match=r"sys\.exit.*: 3\nlast words"):
        place.run(sys.executable, "-c", "import sys; print('last words'); sys.exit(3)")
    place.run(sys.executable, "-c", "import os, sys; sys.exit('PYTHONPATH' in os.environ)")


def test_a_step_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "LONGEST_S", 0.1)
    with pytest.raises(Failed, match=": 0 s"):
        Place(tmp_path, {}).run(sys.executable, "-c", "import sys; sys.stdin.read()")
