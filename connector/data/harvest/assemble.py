"""Puts the slice together: foreign catalogues that participants take in.

Reading, repairing and publishing load a tenth of the product and pyoxigraph, and most connectors import nothing for
months; so `Harvest` is loaded when somebody first asks for it, beside the event loop (spec/architecture.md 4.4).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from connector.identity.infra import Infra
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Participants

if TYPE_CHECKING:
    from connector.data.harvest.service import Harvest
    from connector.data.harvest.waiting import People


class HarvestSlice:
    """`service()` takes in, asks and gives what may be served; its rounds end with the process."""

    def __init__(self, infra: Infra, participants: Participants, people: People) -> None:
        self._infra, self._participants, self._people = infra, participants, people
        self._service: Harvest | None = None
        self.work = Work(rounds=(self,))

    async def service(self) -> Harvest:
        """The one of this process; its first caller waits for what is loaded, and nobody else."""
        if self._service is None:
            made = await asyncio.to_thread(self._made)
            self._service = self._service or made
        return self._service

    async def stop(self) -> None:
        if self._service is not None:
            await self._service.stop()

    def _made(self) -> Harvest:
        from connector.data.harvest.fetch import Fetcher
        from connector.data.harvest.service import Harvest
        from connector.kernel.metadata.lists.updates import known_lists

        folder = self._infra.settings.folder
        fetcher = Fetcher(self._infra.http)
        return Harvest(self._infra.db, self._participants, fetcher, lambda: known_lists(folder), self._people)


def assemble(infra: Infra, participants: Participants, people: People) -> HarvestSlice:
    """`people` are asked before something is public to which others have to agree."""
    return HarvestSlice(infra, participants, people)
