"""What goes on in the background: the worker with every slice's handlers, the clockwork with their timers and jobs."""

from collections.abc import Iterable

from msgspec import Struct

from connector.exchange.delivery.acks import Acks
from connector.exchange.delivery.circuit import Circuits
from connector.exchange.delivery.worker import Failed, Worker
from connector.foundation.storage.probe import Probe
from connector.identity.infra import Infra
from connector.identity.jobs.clock_watch import ClockWatch
from connector.identity.jobs.scheduler import Jobs
from connector.identity.jobs.work import Stops, Work, together
from connector.oversight.operation.readiness import Readiness


class Schedule(Struct, frozen=True, kw_only=True):
    """`rounds` run beside the jobs that begin them."""

    watch: ClockWatch
    worker: Worker
    jobs: Jobs
    rounds: tuple[Stops, ...]
    readiness: Readiness


def schedule(infra: Infra, works: Iterable[Work], circuits: Circuits, acks: Acks, failed: Failed) -> Schedule:
    """Nothing is started yet. A peer that is back wakes the worker; attempts that failed are told to `failed`."""
    db, clock, work = infra.db, infra.clock, together(works)
    watch = ClockWatch(db, clock, infra.metrics, work.bounds)
    worker = Worker(db, clock, work.handlers, infra.me, infra.settings.worker, watch.doubt, failed, acks)
    circuits.listen(worker.wake)
    jobs = Jobs(db, clock, infra.me, work.timers, work.every, work.alone, watch, work.wanted)
    readiness = Readiness(db, worker, jobs, watch, Probe(db, clock, infra.settings.folder))
    return Schedule(watch=watch, worker=worker, jobs=jobs, rounds=work.rounds, readiness=readiness)
