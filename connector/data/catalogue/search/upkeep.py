"""What keeps the copies in order: contents that nobody was shown any more go, those of an old analyser are read again.

Both go by small portions, so no other work waits long; what a crash leaves is found by the next round.
"""

import asyncio
from collections.abc import Mapping

import msgspec

from connector.data.catalogue.search import analyser, store
from connector.data.catalogue.search.copies import Copy, copy_of
from connector.foundation.errors import PeerError
from connector.foundation.storage.database import PROCESS, Database, Tx, long
from connector.identity.participants.service import Participants

EVERY_S = 3_600.0
SWEPT = 1_000
READ = 100


class Upkeep:
    def __init__(self, db: Database, participants: Participants) -> None:
        self._db, self._participants = db, participants

    async def run(self) -> None:
        """One round, to the end."""
        while await self._db.write(PROCESS, store.sweep, SWEPT) == SWEPT:
            pass
        edition = await asyncio.to_thread(analyser.edition)
        for hosted in await self._participants.all():
            slug = hosted.participant.id
            while old := await self._db.read(slug, store.outdated, slug, edition, READ):
                await self._db.write(slug, _put, await asyncio.to_thread(_copies, old))


def _copies(old: Mapping[int, bytes]) -> dict[int, Copy | None]:
    return {content: _copy(entry) for content, entry in old.items()}


def _copy(entry: bytes) -> Copy | None:
    """None for what an earlier release took and this one does not."""
    try:
        return copy_of(msgspec.json.decode(entry))
    except PeerError:
        return None


@long
def _put(tx: Tx, copies: Mapping[int, Copy | None]) -> None:
    for content, copy in copies.items():
        store.read_again(tx, content, copy, analyser.edition())
