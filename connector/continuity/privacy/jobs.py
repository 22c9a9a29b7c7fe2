"""What becomes of records in time: compared with partners, erased when their time is over (spec/records.md 6, 7).

The job erases page by page, each in a transaction of its own: a crash or a second replica leaves whole records with
their tombstones, or nothing done.
"""

from collections.abc import Callable

import structlog

from connector.continuity.privacy import person_in_objects
from connector.continuity.privacy.erasure import Eraser, Order
from connector.continuity.privacy.retention import Periods
from connector.continuity.privacy.unexpired import Unexpired
from connector.exchange.contracts.agreement.agreements import Agreements, ended_at
from connector.exchange.reconciliation import store as reconciliation_store
from connector.exchange.reconciliation.ask import Ask, Keys, Reconciliation
from connector.exchange.reconciliation.service import RECONCILE, Comparison
from connector.foundation.clock import Clock
from connector.foundation.settings.load import Retention
from connector.foundation.storage.database import PROCESS, Database
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Participants

ROLE, GROUND = "retention", "retention-period"
PASSES = 3
"""An agreement record goes after the last one that needs it, key events after that."""
_TYPES = (
    "agreement",
    "termination",
    "transfer",
    "deed",
    "decision",
    "confirmation",
    "publication",
    "alarm",
    "key",
)

log = structlog.get_logger("records")


def periods(settings: Retention) -> Periods:
    """The periods as the settings say."""
    days = {name: int(getattr(settings, f"{name}_days")) for name in _TYPES}
    return Periods(
        days=days,
        other=settings.other_days,
        duties=frozenset(settings.duties),
        performance=frozenset(settings.performance),
    )


class RetentionJobs:
    """`eraser`, `unexpired` and `reconciling` are for surfaces."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        agreements: Agreements,
        settings: Retention,
        ask: Ask,
        keys: Keys,
        in_time: Callable[[int], bool] = lambda now: True,
    ) -> None:
        """`in_time`: whether an instant (ms) can be now, by the word of somebody else's clock."""
        self._db, self._participants, self._settings, self._in_time = db, participants, settings, in_time
        self.eraser = Eraser(
            periods(settings),
            ended_at,
            lambda slug: participants.held(slug).participant.did,
            person_in_objects.release,
            in_time,
        )
        self.unexpired = Unexpired(periods(settings), ended_at, in_time)
        comparison = Comparison(
            participants, agreements, reconciliation_store.ours_by_theirs, int(settings.compare_every_s * 1000)
        )
        self.comparison = comparison
        self.reconciling = Reconciliation(db, clock, participants, comparison, ask, keys)

    def work(self) -> Work:
        return Work(
            handlers={RECONCILE: self.reconciling.reconcile},
            every={
                "retention": (self._settings.every_s, self.retain),
                "compare": (self._settings.compare_look_s, self.reconciling.queue),
            },
        )

    async def retain(self) -> None:
        """Erases what is due, of every participant; nothing while the clock may be wrong, for that cannot be undone."""
        if not self._in_time(await self._db.read(PROCESS, lambda tx: tx.now)):
            log.warning("records.clock", why="no current list of members vouches for the clock: nothing is erased")
            return
        for hosted in await self._participants.all():
            slug = hosted.participant.id
            total = 0
            for _ in range(PASSES):
                erased = await self._round(slug)
                total += erased
                if not erased:
                    break
            if total:
                log.info("records.erased", participant=slug, count=total)

    async def _round(self, slug: str) -> int:
        after: int | None = 0
        erased = 0
        while after is not None:
            due, after = await self._db.read(slug, self.eraser.due, slug, after)
            if due:
                order = Order(ROLE, GROUND)
                outcome = await self._db.write(slug, self.eraser.erase, slug, due, order, asked=False)
                erased += len(outcome.erased)
        return erased
