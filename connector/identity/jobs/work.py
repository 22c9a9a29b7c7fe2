"""What a slice has done in the background: outbox rows by kind, timers by kind, jobs by name.

Each slice that has any gives one `Work`; the process lays them side by side. A kind or a name that two slices claim is
a defect, found before anything is opened.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol, TypeVar

from msgspec import Struct

from connector.foundation.errors import Defect
from connector.foundation.storage.database import Database
from connector.foundation.storage.outbox import OutboxRow
from connector.identity.jobs.scheduler import Fire, Job

Handler = Callable[[OutboxRow], Awaitable[None]]
"""Does the work of an outbox row and finishes it; Unavailable lets the row wait."""
T = TypeVar("T")
SELDOM_S = 60.0


class Stops(Protocol):
    """A round that runs beside the jobs, and is given up when the process ends."""

    async def stop(self) -> None: ...


class Work(Struct, frozen=True, kw_only=True):
    """`bounds`: kind of timer -> the longest that one may lie ahead (ms). Jobs: name -> (period in seconds, what it
    does); `every` for one replica at a time, `alone` in each of them. `wanted`: jobs of `every` for which no lease is
    asked while this says that there is nothing to do."""

    handlers: Mapping[str, Handler] = {}
    timers: Mapping[str, Fire] = {}
    bounds: Mapping[str, int] = {}
    every: Mapping[str, tuple[float, Job]] = {}
    alone: Mapping[str, tuple[float, Job]] = {}
    wanted: Mapping[str, Callable[[], bool]] = {}
    rounds: tuple[Stops, ...] = ()


def for_replicas(db: Database, period_s: float) -> float:
    """The period of a job that looks for what another replica has done, whose signal may be lost. In the only process
    it makes up for what failed, and no signal gets lost."""
    return period_s if db.dialect == "postgres" else SELDOM_S


def together(works: Iterable[Work]) -> Work:
    """The work of all; Defect `jobs.twice` if something has two who do it."""
    each = list(works)
    return Work(
        handlers=_joined(work.handlers for work in each),
        timers=_joined(work.timers for work in each),
        bounds=_joined(work.bounds for work in each),
        every=_joined(work.every for work in each),
        alone=_joined(work.alone for work in each),
        wanted=_joined(work.wanted for work in each),
        rounds=tuple(one for work in each for one in work.rounds),
    )


def _joined(tables: Iterable[Mapping[str, T]]) -> dict[str, T]:
    joined: dict[str, T] = {}
    for table in tables:
        for name, one in table.items():
            if name in joined:
                raise Defect("jobs.twice", name=name)
            joined[name] = one
    return joined
