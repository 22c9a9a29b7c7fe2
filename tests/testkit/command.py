"""`hanse` in this process, as somebody types it who reads English."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector.cli.main import main

Run = Callable[..., tuple[int, Any, str]]
"""Words to (exit code, text or with `--json` the value, standard error)."""


def command(data: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`hanse …` for a data folder."""

    def run(*words: object) -> tuple[int, Any, str]:
        argv = ["--lang", "en", "--data", str(data), *map(str, words)]
        code = main(argv, {})
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in argv else said.out, said.err

    return run
