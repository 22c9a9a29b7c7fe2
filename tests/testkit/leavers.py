"""Towns that leave, for tests: the slice over a `Towns`, and a database that dies after a number of transactions."""

from collections.abc import Callable
from pathlib import Path
from typing import Concatenate

from msgspec.structs import replace

from connector.continuity.offboarding import participant_rows
from connector.continuity.offboarding.assemble import OffboardingSlice, assemble
from connector.continuity.offboarding.close import Closing
from connector.continuity.offboarding.delete import Deletion
from connector.continuity.privacy import jobs
from connector.continuity.privacy.unexpired import Unexpired
from connector.exchange.contracts.agreement.agreements import ended_at
from connector.foundation.settings.sections import Retention
from connector.foundation.storage.database import PROCESS, WORKER, Database, Dialect, Listener, P, T, Tx
from tests.testkit.towns import Towns


class Killed(Exception):
    """The process died here."""


class Mortal:
    """A database port that is gone after `left` transactions of a participant: what came before has committed."""

    def __init__(self, db: Database, left: int) -> None:
        self._db, self._left = db, left
        self.survived = True

    @property
    def dialect(self) -> Dialect:
        return self._db.dialect

    async def start(self) -> None:
        await self._db.start()

    async def close(self) -> None:
        await self._db.close()

    async def write(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        if scope not in (PROCESS, WORKER):
            if self._left == 0:
                self.survived = False
                raise Killed
            self._left -= 1
        return await self._db.write(scope, fn, *args, **kw)

    async def read(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        return await self._db.read(scope, fn, *args, **kw)

    def listen(self, topic: str, callback: Listener, /) -> None:
        self._db.listen(topic, callback)


def offboarding(
    towns: Towns, db: Database | None = None, *folders: Path, periods: Unexpired | None = None
) -> OffboardingSlice:
    """As in a process behind `db`, with the periods of retention that the settings have by themselves."""
    infra = towns.infra if db is None else replace(towns.infra, db=db)
    kept = periods or Unexpired(jobs.periods(Retention()), ended_at, lambda now: True)
    return assemble(
        infra,
        towns.participants,
        towns.contracts,
        towns.terminations,
        towns.transfers,
        towns.catalogue,
        folders=folders,
        struck=_struck,
        periods=kept,
    )


def leaving(
    towns: Towns, db: Database | None = None, *folders: Path, periods: Unexpired | None = None
) -> tuple[Closing, Deletion]:
    """Who closes and who deletes."""
    made = offboarding(towns, db, *folders, periods=periods)
    return made.closing, made.deletion


async def holdings(towns: Towns, slug: str) -> dict[str, int]:
    """How many rows of the participant each table has."""
    return dict(await towns.db.read(slug, participant_rows.counted, slug))


async def _struck(did: str) -> None:
    return None
