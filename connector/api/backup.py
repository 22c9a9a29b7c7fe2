"""A copy of the SQLite database as of one moment, for `hanse backup`: only the server process has the database open.

It is written into an empty file that the caller has made in a folder of a backup that is under way, and nowhere else;
the answer tells how far it is, a JSON object a line.
"""

import asyncio
from pathlib import Path
from typing import ClassVar

import msgspec
from aiohttp import web

from connector.api.routes import PREFIX, Route, post, problem_codes
from connector.errors import HanseError, Mistake, Refusal
from connector.http import limits
from connector.storage.sqlite import snapshot
from connector.views.backup import BackupDone, BackupFailed, BackupProgress
from connector.views.fields import explanation

EVERY_S = 0.5
NAME, PARTIAL = "hanse.db", ".partial"


class CopyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`to`: the empty file."""

    to: str


class BackupHandlers:
    """`database` is the file; None on PostgreSQL, which is copied without us."""

    def __init__(self, database: Path | None) -> None:
        self._database = database

    @problem_codes({400: ("backup.not-here",), 403: ("backup.not-there",)})
    @limits.streaming
    async def copy(self, request: web.Request, wish: CopyRequest) -> web.StreamResponse:
        """Writes the copy, and tells how far it is: `done` of `of` pages, at the end `copied`, or an error."""
        if self._database is None:
            raise Mistake("backup.not-here")
        target = Path(wish.to)
        if not await asyncio.to_thread(_ours, target):
            raise Refusal("backup.not-there", place=wish.to[:300])
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        await self._told(answer, self._database, target)
        return answer

    routes: ClassVar[tuple[Route, ...]] = (post(f"{PREFIX}/backup/database", copy, media="application/x-ndjson"),)

    async def _told(self, answer: web.StreamResponse, source: Path, target: Path) -> None:
        """The copy comes to its end, or to an error, even if nobody reads on."""
        at = [0, 0]

        def told(done: int, of: int) -> None:
            at[:] = [done, of]

        copying = asyncio.ensure_future(asyncio.to_thread(snapshot.copy, source, target, told))
        copying.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # also if nobody waits
        while not copying.done():
            await asyncio.wait([copying], timeout=EVERY_S)
            await answer.write(_line(BackupProgress(*at)))
        try:
            copying.result()
        except HanseError as error:
            await answer.write(_line(BackupFailed(error.code, error.status, explanation(error))))
        else:
            await answer.write(_line(BackupDone()))


def _ours(target: Path) -> bool:
    """An empty file in the draft of a backup, no link."""
    try:
        there = target.lstat()
    except OSError:
        return False
    drafts = [one for one in target.parents[:2] if one.name.endswith(PARTIAL)]
    return target.name == NAME and bool(drafts) and not target.is_symlink() and target.is_file() and not there.st_size


def _line(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"
