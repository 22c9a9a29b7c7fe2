"""`hanse` in this process, a sound rule, and a policy that nobody understands."""

import json
from pathlib import Path

import pytest

from tests.cli.policy.rules import RULE
from tests.testkit.command import Run, command


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return command(tmp_path / "data", capsys)


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
