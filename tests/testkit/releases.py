"""Databases as an older release left them: the product's own migrations before a step of its."""

from pathlib import Path

from connector.foundation.storage.schema import MIGRATIONS


def before(folder: Path, step: str) -> Path:
    """A new folder with the migrations of the release before that step, such as `0016`."""
    folder.mkdir()
    for path in MIGRATIONS.glob("*.sql"):
        if path.name < step:
            (folder / path.name).write_text(path.read_text())
    return folder
