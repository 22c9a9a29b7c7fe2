"""Whether the database takes a write now and the disk has room for more: what readiness asks, every few seconds.

A read succeeds on a full disk, so only a commit shows that the next contract can be kept.
"""

import asyncio
import shutil
from pathlib import Path

from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError
from connector.foundation.storage.database import PROCESS, Database, Tx

KEEP_MS = 5_000
LEAST_FREE = 64 << 20
"""Bytes: enough for what is under way and for a checkpoint of SQLite's log."""


class Probe:
    """`folder`: the data folder, where SQLite's file, uploads and received data lie."""

    def __init__(self, db: Database, clock: Clock, folder: Path) -> None:
        self._db, self._clock, self._folder = db, clock, folder
        self._one = asyncio.Lock()
        self._until = 0
        self._found = False

    async def writable(self) -> bool:
        """As it was found at most `KEEP_MS` ago: however often somebody asks, one write is made."""
        async with self._one:
            now = self._clock.steady()
            if now >= self._until:
                self._found = await asyncio.to_thread(self._room) and await self._writes()
                self._until = now + KEEP_MS
            return self._found

    def _room(self) -> bool:
        try:
            return shutil.disk_usage(self._folder).free >= LEAST_FREE
        except OSError:
            return False

    async def _writes(self) -> bool:
        try:
            await self._db.write(PROCESS, _touch)
        except HanseError:
            return False
        return True


def _touch(tx: Tx) -> None:
    """A row of its own: the time in it says when somebody last asked."""
    tx.run(
        "INSERT INTO clock_note (id, at) VALUES (2, :now) ON CONFLICT (id) DO UPDATE SET at = :now",
        now=tx.now,
    )
