"""What this witness has vouched for, kept beside its database: a restore must not make it vouch for a second history.

One note per log, written before the answer leaves. The database decides; this only keeps it from knowing less.
"""

from hashlib import sha256
from pathlib import Path

import structlog

from connector.audit import beside
from connector.audit.witnessing import Held

log = structlog.get_logger("witness")


class Memory:
    """`folder` holds the notes; None: nothing is kept. Blocking: call it in a thread."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def known(self, origin: str) -> Held | None:
        """The newest state of this log that was vouched for here."""
        found = None if self._folder is None else beside.read(_file(self._folder, origin))
        if found is None or found[1].origin != origin:
            return None
        return Held(found[1].size, found[1].root, found[0])

    def keep(self, origin: str, note: str, size: int) -> None:
        """Unless a larger state is kept, for instance by another request at the same time."""
        before = self.known(origin)
        if self._folder is None or (before is not None and before.size >= size):
            return
        try:
            beside.write(_file(self._folder, origin), note)
        except OSError as problem:
            log.warning("witness.memory", origin=origin, why=problem.strerror)


def _file(folder: Path, origin: str) -> Path:
    """The name is a digest: an origin is a stranger's text."""
    return folder / sha256(origin.encode()).hexdigest()
