"""`hanse` in this process, a sound rule, and a policy that nobody understands."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector.cli.main import main
from tests.cli.policy.rules import RULE

Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`hanse …` in English; (exit code, text or with --json the value, standard error)."""

    def command(*words: object) -> tuple[int, Any, str]:
        argv = ["--lang", "en", "--data", str(tmp_path / "data"), *map(str, words)]
        code = main(argv, {})
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in argv else said.out, said.err

    return command


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    place = tmp_path / "rule.json"
    place.write_text(json.dumps(RULE), encoding="utf-8")
    return place


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A policy with a clause that nobody understands."""
    place = tmp_path / "odd.ttl"
    place.write_text(
        "@prefix odrl: <http://www.w3.org/ns/odrl/2/> . <urn:p> a odrl:Set ; odrl:permission [ odrl:action odrl:use ;"
        " odrl:constraint [ odrl:leftOperand <urn:mood> ; odrl:operator odrl:eq ; odrl:rightOperand 'good' ] ] .",
        encoding="utf-8",
    )
    return place
