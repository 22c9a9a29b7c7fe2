"""Files that nobody wants any more: of a draft that was discarded, or handed in and never published.

A source goes when no dataset, no version of one, no draft and no open approval names it, and its time is over; a file
goes when no source and no draft names it (`Uploads.remove_others`). Rows first, then files: who dies between the two
leaves a file that nothing names, which the next sweep removes. When in doubt it stays.
"""

from typing import Final

import structlog

from connector.data.catalogue.uploads import Uploads
from connector.data.drafts import store
from connector.data.sources import store as source_store
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.service import Participants

log = structlog.get_logger("drafts")
SWEEP_S: Final = 3600.0
DISCARDED_MS: Final = 86_400_000
UNUSED_MS: Final = 30 * 86_400_000
"""So long what a program handed in waits for somebody who publishes it, who may look once a week."""


class Leftovers:
    """Of all participants."""

    def __init__(self, db: Database, participants: Participants, uploads: Uploads) -> None:
        self._db, self._participants, self._uploads = db, participants, uploads

    async def sweep(self) -> None:
        for one in await self._participants.all():
            await self._swept(one.participant.id)

    async def _swept(self, slug: str) -> None:
        if await self._db.read(slug, _leftovers, slug):
            await self._db.write(slug, _forget, slug)
        named = await self._db.read(slug, store.named_files, slug)
        for digest in await self._uploads.remove_others(slug, named):
            log.info("drafts.removed", participant=slug, file=digest)


def _leftovers(tx: Tx, slug: str, *, lock: bool = False) -> frozenset[str]:
    return store.leftovers(tx, slug, discarded=tx.now - DISCARDED_MS, unused=tx.now - UNUSED_MS, lock=lock)


def _forget(tx: Tx, slug: str) -> None:
    """Looked at again under the lock: PostgreSQL shows what was named until then to the next statement alone."""
    for source in sorted(_leftovers(tx, slug, lock=True) & _leftovers(tx, slug)):
        source_store.forget(tx, slug, source)
