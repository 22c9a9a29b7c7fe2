"""Signed notes kept in a folder beside the database: what was said to others must outlive a restore of it.

One file per note, written whole or not at all. What cannot be read, or is no file of its own, is as if it were not
there, and told of.
"""

from pathlib import Path

import structlog

from connector.foundation.small_files import content, replaced
from connector.verify.formats import checkpoint
from connector.verify.formats.checkpoint import Checkpoint
from connector.verify.formats.faults import Fault

log = structlog.get_logger("audit")
LIMIT = 65_536
"""Bytes: any note that a witness takes."""


def read(path: Path) -> tuple[str, Checkpoint] | None:
    """The note and what it says; None without one."""
    try:
        text = content(path, LIMIT).decode()
        return text, checkpoint.parse(text)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, Fault) as problem:
        log.warning("audit.beside", name=path.name, why=type(problem).__name__)
        return None


def write(path: Path, note: str) -> None:
    """Whole or not at all, and there after a power failure; raises OSError."""
    replaced(path, note.encode())
