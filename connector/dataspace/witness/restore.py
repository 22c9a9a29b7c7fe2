"""Notices a database that came back from a backup, by what is marked beside it: at the start and at each look after.

No network is asked. The log then goes on under a new origin, also while another replica runs (spec/records.md 2.5).
"""

import asyncio
from pathlib import Path

import structlog

from connector.dataspace.witness import heads
from connector.dataspace.witness.heads import LogHead, LogHeads
from connector.foundation.storage.database import Database, Tx
from connector.foundation.telemetry import Metrics
from connector.identity.audit import origins, store
from connector.identity.audit.origins import OWN
from connector.identity.participants.model import Participant

log = structlog.get_logger("audit")


class Restored:
    """Compares each log with its mark in `folder`, and raises the mark."""

    def __init__(self, db: Database, folder: Path, metrics: Metrics | None = None) -> None:
        self._db, self._kept, self._metrics = db, LogHeads(folder), metrics or Metrics()

    async def noticed(self, participant: Participant) -> bool:
        """Whether the log has just been given a new origin, because the database has lost what was signed."""
        slug, root = participant.id, participant.root
        mark = await asyncio.to_thread(self._kept.known, slug, root)
        state = await self._db.read(slug, heads.held, slug, mark)
        if not heads.lost(mark, state):
            if state.newest is not None:
                await asyncio.to_thread(self._kept.keep, slug, root, state.newest)
            return False
        assert mark is not None
        opened = await self._db.write(slug, _open, participant, mark)
        self._metrics.count("hanse_log_restored_total", "Logs found behind what was signed.", participant=slug)
        size = 0 if state.newest is None else state.newest.size
        log.error("audit.restored", participant=slug, size=size, known=mark.size, epoch=mark.epoch, opened=opened)
        return True


def _open(tx: Tx, participant: Participant, mark: LogHead) -> int | None:
    """None if another replica has opened it already."""
    slug = participant.id
    store.alone(tx, slug)
    if not heads.lost(mark, heads.held(tx, slug, mark)):
        return None
    return origins.begin(tx, slug, participant.did, participant.root, mark.size, OWN, after=mark.epoch)
