"""Evidence that somebody drops is checked by the verifier itself, in a process of its own, two at a time and
one of each participant (threats T95, T147).

What it is held against are this process's own anchors and its newest trust list; nothing in the bundle vouches for
itself. The bundle is kept nowhere.
"""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Literal

import msgspec

from connector.foundation.child_process import ChildProcess
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.fair_turns import FairTurns
from connector.verify.formats.limits import LARGEST_FILE

_PROCESS = Path(__file__).with_name("verify_process.py")
AT_ONCE = 2
WALL_S = 45.0


class CheckView(msgspec.Struct, frozen=True):
    """One check: its name, its verdict, and a sentence."""

    name: str
    verdict: Literal["PASSED", "FAILED", "INDETERMINATE"]
    sentence: str


class ReportView(msgspec.Struct, frozen=True):
    """The verdict over all checks, the sentence that explains it, each check, and remarks."""

    verdict: Literal["PASSED", "FAILED", "INDETERMINATE"]
    reason: str
    checks: list[CheckView]
    notes: list[str]

    @property
    def told(self) -> str:
        """The verdict; `untimed` where everything holds but that nobody besides the two sides vouches for the time."""
        open_ones = {one.name for one in self.checks if one.verdict == "INDETERMINATE"}
        return "untimed" if self.verdict == "INDETERMINATE" and open_ones == {"time"} else self.verdict.lower()


class Checking:
    """`anchors` are PEM, `listed` the JWS of the newest trust list (empty: none)."""

    def __init__(self, anchors: Callable[[], bytes], listed: Callable[[], bytes], largest: int = LARGEST_FILE) -> None:
        self._anchors, self._listed, self._largest = anchors, listed, largest
        self._pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="verify")
        self._turns, self._busy = FairTurns(AT_ONCE), set[str]()

    async def check(self, pieces: AsyncIterator[bytes], lang: str, participant: str) -> ReportView:
        """Raises Mistake for what is too large or exhausts its verifier, Unavailable while the participant has another
        one checked. What comes slowly keeps nobody else's place: a verifier is taken once all of it is here."""
        if participant in self._busy:
            raise Unavailable("web.check-busy")
        self._busy.add(participant)
        try:
            return await self._checked(pieces, lang, participant)
        finally:
            self._busy.discard(participant)

    async def _checked(self, pieces: AsyncIterator[bytes], lang: str, participant: str) -> ReportView:
        anchors, listed, size = self._anchors(), self._listed(), 0
        with tempfile.TemporaryFile() as file:
            await asyncio.to_thread(file.write, anchors + listed)
            async for piece in pieces:
                size += len(piece)
                if size > self._largest:
                    raise Mistake("web.check-large", most=self._largest >> 20)
                await asyncio.to_thread(file.write, piece)
            if not size:
                raise Mistake("web.no-file")
            await asyncio.to_thread(file.seek, 0)
            asked = json.dumps({"lang": lang, "anchors": len(anchors), "list": len(listed)})
            async with self._turns.place(participant):
                return await self._run(asked, file)

    async def _run(self, asked: str, file: IO[bytes]) -> ReportView:
        child = ChildProcess(_PROCESS)
        work = asyncio.get_running_loop().run_in_executor(self._pool, child.run, asked, file, WALL_S)
        try:
            code, out, _ = await work
        except asyncio.CancelledError:
            child.kill()
            raise
        try:
            if code == 0:
                return msgspec.json.decode(out, type=ReportView)
        except msgspec.MsgspecError:
            pass
        raise Mistake("web.check-exhausted")
