"""`hanse` in this process, and the official sample where it is at hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector.cli.main import main
from tests.testkit.places import SHARED

Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def shared() -> Path:
    """The official artefacts; skips by name if they are not there."""
    if not (SHARED / "odrl" / "force").is_dir():
        pytest.skip("FORCE sample absent: put it at ../shared/data/odrl/force")
    return SHARED


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`hanse …` in English; (exit code, text or with --json the value, standard error)."""

    def command(*words: object) -> tuple[int, Any, str]:
        argv = ["--lang", "en", "--data", str(tmp_path / "data"), *map(str, words)]
        code = main(argv, {})
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in argv else said.out, said.err

    return command
