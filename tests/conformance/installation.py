"""`hanse conformance installation`: what `pyproject.toml` and the README promise of an installation is true.

Each case has a virtual environment of its own in a folder that is gone afterwards: the wheel where no checkout is, the
lowest versions that we allow, the newest Python of this machine beside the one that runs. A case is passed when each of
its steps ends with 0; what a step said last is the reason if not.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from connector.cli.frame.call import OK, REFUSED, Call
from tests.conformance.children import child, ended_politely
from tests.testkit.places import ROOT

LONGEST_S: Final = 900.0
"""Of one step."""
PART: Final = (
    "tests/foundation/storage/sqlite",
    "tests/foundation/http",
    "tests/cli/frame",
    "tests/verify/formats",
    "tests/foundation/test_canonical_json.py",
    "tests/continuity/privacy/test_subject_access.py",
    "tests/app/test_memory.py",
    "tests/surfaces/peer/dsp/test_exchange_order.py",
)
"""Where one Python, or one version of a package, behaved otherwise than the next."""
QUICK: Final = (
    "tests/foundation/storage/sqlite/test_database.py",
    "tests/foundation/http/test_strict.py",
    "tests/foundation/http/test_outbound.py",
    "tests/cli/frame",
    "tests/app/test_memory.py",
    "tests/surfaces/peer/dsp/test_exchange_order.py",
)
"""Of these some files, in a few seconds: what runs in CI beside everything else."""
_TAIL: Final = 1_500
_VERSION: Final = re.compile(r"python3\.(\d+)")
_UNWANTED: Final = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONWARNINGS")


class Failed(Exception):
    """A step that did not end with 0, or in time; its text is what it said last."""


class Place(NamedTuple):
    """A folder of a case: its environment lies in `.venv`, and its programs run in it, far from the checkout."""

    folder: Path
    environ: Mapping[str, str]
    tests: Sequence[str] = PART

    @property
    def python(self) -> str:
        return str(self.folder / ".venv/bin/python")

    @property
    def hanse(self) -> str:
        return str(self.folder / ".venv/bin/hanse")

    def run(self, *command: str, cwd: Path | None = None) -> None:
        """Waits for the step; raises Failed."""
        said = self.folder / "said.txt"
        with said.open("w", encoding="utf-8") as file:
            kept = {name: value for name, value in self.environ.items() if name not in _UNWANTED}
            with child(command, cwd=cwd or self.folder, environ=kept, stdout=file, stderr=file) as process:
                try:
                    code: int | str = process.wait(LONGEST_S)
                except subprocess.TimeoutExpired:
                    code = f"{LONGEST_S:.0f} s"
        if code != 0:
            tail = said.read_text(encoding="utf-8", errors="replace")[-_TAIL:].strip()
            raise Failed(f"{' '.join(command)}: {code}\n{tail}")

    def made(self, python: str, *arguments: str) -> None:
        """The environment, with what `arguments` name; uv is quick, and knows the lowest versions."""
        self.run(python, "-m", "venv", ".venv")
        self.run(self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv")
        uv = str(self.folder / ".venv/bin/uv")
        self.run(uv, "pip", "install", "--quiet", "--python", self.python, *arguments)
        self.run(self.python, "-m", "pip", "check", "--disable-pip-version-check")


def wheel(place: Place) -> None:
    """>> the wheel alone, installed elsewhere << the demonstration runs with its templates, pages and style."""
    built_here = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", ".")
    place.run(sys.executable, "-m", "pip", "wheel", *built_here, str(ROOT))
    (built,) = place.folder.glob("*.whl")
    place.made(sys.executable, str(built))
    place.run(place.hanse, "demo", "--once")
    place.run(place.hanse, "policy", "templates")
    place.run(place.python, "-c", "import connector; assert 'site-packages' in connector.__file__, connector.__file__")


def lowest(place: Place) -> None:
    """>> the lowest version of each package that we name << the demonstration runs, and a part of the tests."""
    place.made(sys.executable, "--resolution", "lowest-direct", "--editable", f"{ROOT}[dev]")
    place.run(place.hanse, "demo", "--once")
    _tests(place)


def other_python(place: Place) -> None:
    """>> the newest Python of this machine that is not the one that runs << the demonstration, and the same part."""
    found = newest(place.environ)
    if found is None:
        raise Failed("no other Python from 3.11 on")
    place.made(found, "--editable", f"{ROOT}[dev]")
    place.run(place.hanse, "demo", "--once")
    _tests(place)


CASES: Final[Mapping[str, Callable[[Place], None]]] = {"wheel": wheel, "lowest": lowest, "python": other_python}


def _tests(place: Place) -> None:
    place.run(place.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *place.tests, cwd=ROOT)


def newest(environ: Mapping[str, str]) -> str | None:
    """The path of the highest version from 3.11 on whose modules `venv` and `ensurepip` are there, but for the version
    that runs: of those on PATH and of pyenv."""
    ours = sys.version_info[1]
    found = {minor: path for minor, path in _pythons(environ) if minor != ours and minor >= 11}
    for minor in sorted(found, reverse=True):
        asked = [found[minor], "-c", f"import ensurepip, sys, venv; sys.exit(sys.version_info[1] != {minor})"]
        if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
            return found[minor]
    return None


def _pythons(environ: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    home = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "/")) / ".pyenv")
    folders = [Path(one) for one in environ.get("PATH", "").split(os.pathsep) if one]
    for folder in [*(one for one in folders if one != home / "shims"), *sorted(home.glob("versions/*/bin"))]:
        for path in folder.glob("python3.*"):
            if match := _VERSION.fullmatch(path.name):
                yield int(match[1]), str(path)


def run(call: Call) -> int:
    """All cases, or those named."""
    named: Sequence[str] = call.args.case or list(CASES)
    failed = 0
    with ended_politely(), tempfile.TemporaryDirectory(prefix="hanse-installation-") as name:
        for case in named:
            folder = Path(name) / case
            folder.mkdir()
            said = call.say(f"conformance.installation.{case}")
            try:
                CASES[case](Place(folder, call.environ, QUICK if call.args.quick else PART))
            except Failed as fault:
                failed += 1
                call.tell("conformance.failed", case=said)
                call.tell("conformance.failure", case=said, reason=str(fault))
            else:
                call.tell("conformance.ok", case=said)
    call.tell("conformance.result", passed=len(named) - failed, failed=failed)
    return REFUSED if failed else OK
