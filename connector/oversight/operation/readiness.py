"""What readiness asks: database, worker, jobs, clock, disk, and that the process is not about to stop."""

from collections.abc import Mapping

from connector.exchange.delivery.worker import Worker
from connector.foundation.errors import Unavailable
from connector.foundation.storage.database import PROCESS, Database, Tx
from connector.foundation.storage.probe import Probe
from connector.identity.jobs.clock_watch import ClockWatch
from connector.identity.jobs.scheduler import Jobs


class Readiness:
    """`stop` says that the process is about to end: nobody should send it anything new."""

    def __init__(self, db: Database, worker: Worker, jobs: Jobs, watch: ClockWatch, probe: Probe) -> None:
        self._db, self._worker, self._jobs, self._watch, self._probe = db, worker, jobs, watch, probe
        self._stopping = False

    def stop(self) -> None:
        self._stopping = True

    async def look(self) -> Mapping[str, bool]:
        """Each thing that has to be well, and whether it is."""
        try:
            await self._db.read(PROCESS, _one)
            database = True
        except Unavailable:
            database = False
        return {
            "database": database,
            "worker": self._worker.alive(),
            "jobs": self._jobs.alive(),
            "staying": not self._stopping,
            "clock": not self._watch.doubt(),
            "disk": database and await self._probe.writable(),
        }


def _one(tx: Tx) -> None:
    tx.one("SELECT 1 AS one")
