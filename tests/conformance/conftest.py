"""Programs in place of Java and Maven."""

from pathlib import Path

import pytest


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for PATH with what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder
