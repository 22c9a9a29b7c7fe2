"""What is done for each participant again and again: logs sealed, what has served its time forgotten, alarms logged."""

from collections.abc import Callable, Mapping

import structlog

from connector.audit import store as audit
from connector.clock import Clock
from connector.contracts.evidence.service import Evidence
from connector.errors import HanseError
from connector.jobs.scheduler import forget_tokens
from connector.participants import quota
from connector.participants.model import Participant
from connector.participants.service import Participants
from connector.storage.database import WORKER, Database, Tx
from connector.trace import store as transcript
from connector.transfer.decision import decision_store
from connector.transfer.enforcement import Enforcement
from connector.witness.cosign import Alarm

log = structlog.get_logger("audit")
_DAY_MS = 86_400_000


class Maintenance:
    """`days`: how long transcripts and the case files of decisions are kept."""

    def __init__(
        self, db: Database, clock: Clock, participants: Participants, evidence: Evidence, enforcement: Enforcement,
        days: int, in_time: Callable[[int], bool] = lambda now: True,
    ) -> None:  # fmt: skip
        """`in_time`: whether the trust list is current at that instant (ms)."""
        self._in_time = in_time
        self._db, self._clock, self._participants = db, clock, participants
        self._evidence, self._enforcement, self._days = evidence, enforcement, days

    async def seal_logs(self) -> None:
        """What fails with one log does not leave the others without a seal; the first failure is raised at the end."""
        failed: HanseError | None = None
        for hosted in await self._participants.all():
            try:
                await self._evidence.seal_log(hosted)
            except HanseError as error:
                log.warning("audit.seal", participant=hosted.participant.id, why=str(error))
                failed = failed or error
        if failed is not None:
            raise failed

    async def forget(self) -> None:
        """While the clock may be wrong by months nothing that was told or decided: it cannot be had back."""
        now = self._clock.now()
        before = now - self._days * _DAY_MS if self._in_time(now) else None
        for hosted in await self._participants.all():
            await self._db.write(hosted.participant.id, _forget, hosted.participant.id, before)

    async def members_changed(self, dids: frozenset[str]) -> None:
        """What runs with these peers is judged anew at once, of those participants with which something does."""
        for slug in await self._db.read(WORKER, self._enforcement.concerned, dids):
            await self._db.write(slug, self._enforcement.members_changed, slug, dids)

    async def key_changed(self, did: str, before: frozenset[str], now: frozenset[str]) -> None:
        """The peer is on hold: each participant's log says so, and what runs with it is held."""
        body = {"event": "key-change", "did": did, "before": sorted(before), "now": sorted(now)}
        for hosted in await self._participants.all():
            await self._db.write(hosted.participant.id, _log_alarm, hosted.participant, body)
        await self.members_changed(frozenset((did,)))

    async def log_misbehaved(self, alarm: Alarm) -> None:
        """Somebody's log has two histories: each participant's log keeps both checkpoints as proof."""
        body = {
            "event": f"log-{alarm.kind}", "origin": alarm.origin, "held": alarm.held, "offered": alarm.offered,
        }  # fmt: skip
        for hosted in await self._participants.all():
            await self._db.write(hosted.participant.id, _log_alarm, hosted.participant, body)


def _forget(tx: Tx, slug: str, before: int | None) -> None:
    forget_tokens(tx, slug)
    quota.forget(tx, slug)
    if before is not None:
        transcript.forget(tx, slug, before)
        decision_store.forget(tx, slug, before)


def _log_alarm(tx: Tx, participant: Participant, body: Mapping[str, object]) -> None:
    audit.append(tx, participant.id, "alarm", None, "system", body, did=participant.did)
