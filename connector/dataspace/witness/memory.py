"""What this witness has vouched for, kept beside its database: a restore must not make it vouch for a second history.

One note per log, written before the answer leaves. The database decides; this only keeps it from knowing less.
"""

import threading
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import structlog

from connector.dataspace.witness import note_files
from connector.dataspace.witness.cosign import VouchedState
from connector.verify.formats import checkpoint
from connector.verify.formats.faults import Fault

log = structlog.get_logger("witness")


class Memory:
    """`folder` holds the notes; None: nothing is kept. Blocking: call it in a thread."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._writing = threading.Lock()

    def known(self, origin: str, keys: Sequence[Mapping[str, object]]) -> VouchedState | None:
        """The newest state of this log that was vouched for here.

        `keys` are the log's, retired ones too: what none of them signed would accuse the log without proof.
        """
        found = None if self._folder is None else note_files.read(_file(self._folder, origin))
        if found is None or found[1].origin != origin:
            return None
        try:
            checkpoint.check(found[1], keys)
        except Fault as fault:
            log.warning("witness.memory", origin=origin, why=fault.code)
            return None
        return VouchedState(found[1].size, found[1].root, found[0])

    def keep(self, origin: str, keys: Sequence[Mapping[str, object]], note: str, size: int) -> None:
        """Unless a larger state is kept, for instance by another request at the same time."""
        if self._folder is None:
            return
        with self._writing:
            before = self.known(origin, keys)
            if before is not None and before.size >= size:
                return
            try:
                note_files.write(_file(self._folder, origin), note)
            except OSError as problem:
                log.warning("witness.memory", origin=origin, why=problem.strerror)


def _file(folder: Path, origin: str) -> Path:
    """The name is a digest: an origin is a stranger's text."""
    return folder / sha256(origin.encode()).hexdigest()
