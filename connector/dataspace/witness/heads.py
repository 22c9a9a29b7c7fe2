"""The newest state of each log that this process has signed or seen, kept beside the database (spec/records.md 2.5).

A database that comes back from a backup does not know what was signed since. This folder does, without a network: the
last checkpoint of each log as its note. What is marked is never signed again in another way. The folder must not be
restored together with the database; where it was, the witnesses still tell.
"""

import re
import threading
from pathlib import Path
from typing import NamedTuple

import structlog

from connector.dataspace.witness import note_files
from connector.foundation.storage.database import Tx
from connector.identity.audit import origins, sealer
from connector.identity.audit.sealer import Batch

log = structlog.get_logger("audit")
_EPOCH = re.compile(r"0|[1-9][0-9]{0,2}")
"""No log has had a thousand origins; witnesses take ten thousand."""


class LogHead(NamedTuple):
    """A state of a log: `size` leaves with this root were signed under the origin of `epoch`."""

    epoch: int
    size: int
    root: bytes


class SignedState(NamedTuple):
    """What the database has: the epoch in force, the newest signed batch, and the root at the size that was marked.

    `gone`: the participant is being deleted, and its log with it.
    """

    epoch: int
    newest: Batch | None
    root: bytes | None
    gone: bool = False


def held(tx: Tx, participant: str, mark: LogHead | None) -> SignedState:
    """The database's side of the question; one moment."""
    at_mark = None
    if mark is not None:
        at_mark = tx.one(
            "SELECT root FROM audit_seal WHERE participant = :participant AND size = :size",
            participant=participant,
            size=mark.size,
        )
    there = tx.one(
        "SELECT id FROM participant WHERE id = :participant AND state NOT IN ('deleting', 'deleted')",
        participant=participant,
    )
    return SignedState(
        origins.current(tx, participant),
        sealer.latest(tx, participant),
        None if at_mark is None else bytes(at_mark["root"]),
        gone=there is None,
    )


def lost(mark: LogHead | None, state: SignedState) -> bool:
    """Whether the database has lost, or has otherwise, what was signed under an origin that is still to be signed.

    A batch that is not signed yet counts as held: to sign the same tree again says nothing new.
    """
    if mark is None or state.gone or state.epoch > mark.epoch:
        return False
    return state.epoch < mark.epoch or state.root != mark.root


class LogHeads:
    """`folder` holds one file per participant; it is made when the first is written. Blocking: call it in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[tuple[str, str], LogHead] = {}
        self._failed = False
        self._writing = threading.Lock()

    def known(self, slug: str, root: str) -> LogHead | None:
        """The highest mark of the log below the address `root`, from this process and from the folder."""
        return _highest(self._known.get((slug, root)), self._read(slug, root))

    def keep(self, slug: str, root: str, batch: Batch) -> None:
        """Marks a signed batch unless a higher one is marked. Without a place to write it holds for this process.

        What could not be written, or was overwritten by another process with less, is written at the next look.
        """
        if batch.checkpoint is None:
            return
        with self._writing:
            self._keep(slug, root, LogHead(batch.epoch, batch.size, batch.root), batch.checkpoint)

    def _keep(self, slug: str, root: str, mark: LogHead, note: str) -> None:
        written, before = self._read(slug, root), self._known.get((slug, root))
        self._known[slug, root] = _highest(mark, before) or mark
        if _highest(written, before, mark) != mark or written == mark:
            return
        try:
            note_files.write(self._folder / slug, note)
            self._failed = False
        except OSError as problem:
            if not self._failed:
                log.warning("audit.mark", participant=slug, why=problem.strerror)
            self._failed = True

    def _read(self, slug: str, root: str) -> LogHead | None:
        found = note_files.read(self._folder / slug)
        if found is None:
            return None
        note = found[1]
        name, _, epoch = note.origin.rpartition("/")
        if name != sealer.origin(root).rpartition("/")[0]:
            return None  # the log of somebody else who was hosted under this short name
        if not _EPOCH.fullmatch(epoch):
            log.warning("audit.beside", name=slug, why="epoch")
            return None
        return LogHead(int(epoch), note.size, note.root)


def _highest(*marks: LogHead | None) -> LogHead | None:
    return max((one for one in marks if one is not None), key=lambda one: (one.epoch, one.size), default=None)
