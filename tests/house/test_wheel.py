"""The wheel: the product and nothing of a checkout, and it works where nothing else of ours is."""

import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.testkit.places import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from this checkout, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env={**os.environ, "HANSE_NPM": "no"})
    (built,) = folder.glob("*.whl")
    return built


def test_it_holds_the_product_alone(wheel: Path) -> None:
    """>> its names << the package, templates and vocabularies; no tests, no suite, no sentence of their programs."""
    names = zipfile.ZipFile(wheel).namelist()
    package = {name for name in names if name.startswith("connector/")}
    assert {name.split("/")[0] for name in names} == {"connector", "hanse_connector-0.1.0.dist-info"}
    assert not [name for name in names if {"tests", "suite", "checkout.toml"} & set(Path(name).parts)]
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "connector").rglob("*.py")}
    assert {name for name in package if name.endswith(".py")} == ours
    templates = {f"connector/share/policies/{path.name}" for path in (ROOT / "policies").glob("*.toml")}
    earlier = {f"connector/share/policies/earlier/{path.name}" for path in (ROOT / "policies/earlier").glob("*.toml")}
    assert (len(templates), len(earlier)) == (19, 24)
    assert templates | earlier <= package


@pytest.fixture(scope="module")
def short() -> Iterator[Path]:
    """A folder with a short path, because Unix sockets are limited to 100 bytes."""
    with tempfile.TemporaryDirectory(prefix="h") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def hanse(
    wheel: Path, short: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """The command of an environment with the wheel and what it depends on; the checkout is not on its path."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--no-compile", str(wheel)], check=True, capture_output=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HANSE_"))}
    environ["TMPDIR"] = str(short)

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [str(folder / "bin/hanse"), "--lang", "en", *words]
        return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)

    return run


@pytest.mark.long
def test_installed_it_runs_the_demo(hanse: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
    """>> hanse demo --once << two municipalities have exchanged data under contract."""
    done = hanse("demo", "--once")
    assert (done.returncode, done.stderr) == (0, "")
    assert "10/10" in done.stdout


@pytest.mark.long
def test_installed_it_says_what_needs_a_checkout(hanse: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
    """>> --help; bench, conformance, policy suite << help; one sentence and exit code 1."""
    assert hanse("--help").returncode == 0
    for words in (("bench",), ("conformance", "dsp"), ("policy", "suite", "."), ("test",)):
        done = hanse(*words)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "hanse: This works only in a source checkout that has the folder tests/.\n"
