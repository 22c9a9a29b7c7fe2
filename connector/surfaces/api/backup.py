"""A copy of the SQLite database as of one moment, for `hanse backup`: only the server process has the database open.

It is written into a folder of the server's own and nowhere else, and asked for on the Unix socket alone, because it
holds all there is of everybody. The answer tells how far it is, a JSON object a line, and then the name of the file
(decision 0159).
"""

import asyncio
from pathlib import Path
from typing import ClassVar

import msgspec
from aiohttp import web

from connector.foundation.errors import HanseError, Mistake
from connector.foundation.http import limits
from connector.foundation.storage.sqlite import own_copies, snapshot
from connector.surfaces.api.routes import PREFIX, Route, post, problem_codes
from connector.surfaces.views.backup import BackupDone, BackupFailed, BackupProgress
from connector.surfaces.views.fields import explanation

EVERY_S = 0.5


class BackupHandlers:
    """`database` is the file; None on PostgreSQL, which is copied without us. `keep_free`: bytes that stay free."""

    def __init__(self, database: Path | None, keep_free: int = 0) -> None:
        self._database, self._keep_free = database, keep_free

    @problem_codes({400: ("backup.not-here", "backup.no-room"), 503: ("storage.full", "storage.unwritable")})
    @limits.streaming
    async def copy(self, request: web.Request) -> web.StreamResponse:
        """Writes the copy, and tells how far it is: `done` of `of` pages, at the end its `name`, or an error."""
        if self._database is None:
            raise Mistake("backup.not-here")
        target = await asyncio.to_thread(own_copies.begin, self._database, self._keep_free)
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        await self._told(answer, self._database, target)
        return answer

    routes: ClassVar[tuple[Route, ...]] = (post(f"{PREFIX}/backup/database", copy, media="application/x-ndjson"),)

    async def _told(self, answer: web.StreamResponse, source: Path, target: Path) -> None:
        """The copy comes to its end, or to an error, even if nobody reads on; then nobody needs it."""
        at = [0, 0]

        def told(done: int, of: int) -> None:
            at[:] = [done, of]

        copying = asyncio.ensure_future(asyncio.to_thread(snapshot.copy, source, target, told))
        try:
            while not copying.done():
                await asyncio.wait([copying], timeout=EVERY_S)
                await answer.write(_line(BackupProgress(*at)))
            copying.result()
            await answer.write(_line(BackupDone(name=target.name)))
        except HanseError as error:
            _dropped(copying, target)
            await answer.write(_line(BackupFailed(error.code, error.status, explanation(error))))
        except BaseException:
            copying.add_done_callback(lambda ended: _dropped(ended, target))
            raise


def _dropped(ended: "asyncio.Future[None]", target: Path) -> None:
    """Nobody takes it: whoever asked has gone."""
    if not ended.cancelled():
        ended.exception()
    target.unlink(missing_ok=True)


def _line(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"
