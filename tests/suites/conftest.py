"""`hanse` in this process, and the official sample where it is at hand."""

from pathlib import Path

import pytest

from tests.testkit.command import Run, command
from tests.testkit.places import SHARED


@pytest.fixture
def shared() -> Path:
    """The official artefacts; skips by name if they are not there."""
    if not (SHARED / "odrl" / "force").is_dir():
        pytest.skip("FORCE sample absent: put it at ../shared/data/odrl/force")
    return SHARED


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return command(tmp_path / "data", capsys)
