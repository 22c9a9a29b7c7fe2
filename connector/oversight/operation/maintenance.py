"""What is done for each participant again and again: logs sealed, what has served its time forgotten, alarms logged."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Concatenate, ParamSpec

import structlog

from connector.dataspace.witness.cosign import Alarm
from connector.exchange.contracts.evidence.service import Evidence
from connector.exchange.trace import store as transcript
from connector.exchange.transfer.decision import decision_store
from connector.exchange.transfer.enforcement import Enforcement
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError
from connector.foundation.storage.at_rest import AtRest
from connector.foundation.storage.database import WORKER, Database, Tx
from connector.foundation.storage.due import having
from connector.identity.audit import sealer
from connector.identity.audit import store as audit
from connector.identity.jobs.scheduler import TOKENS_KEPT_MS, forget_tokens
from connector.identity.participants import quota
from connector.identity.participants.model import Participant
from connector.identity.participants.service import Hosted, Participants

P = ParamSpec("P")
log = structlog.get_logger("audit")
_DAY_MS = 86_400_000


class Maintenance:
    """`days`: how long transcripts and the case files of decisions are kept."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        evidence: Evidence,
        enforcement: Enforcement,
        days: int,
        in_time: Callable[[int], bool] = lambda now: True,
    ) -> None:
        """`in_time`: whether the trust list is current at that instant (ms)."""
        self._in_time = in_time
        self._looked = False
        self._db, self._clock, self._participants = db, clock, participants
        self._evidence, self._enforcement, self._days = evidence, enforcement, days

    async def seal_logs(self) -> None:
        """What fails with one log does not leave the others without a seal; the first failure is raised at the end.

        The first round of a process looks at every log, the others at those that have something to seal: whatever a
        log has to be asked or given before that (its witnesses, nodes that an older release did not keep) is.
        """
        failed: HanseError | None = None
        for hosted in await self._to_seal():
            try:
                await self._evidence.seal_log(hosted)
            except HanseError as error:
                log.warning("audit.seal", participant=hosted.participant.id, why=str(error))
                failed = failed or error
        if failed is not None:
            raise failed

    async def _to_seal(self) -> list[Hosted]:
        first, self._looked = not self._looked, True
        if first:
            return await self._participants.all()
        return await self._participants.here(await self._db.read(WORKER, sealer.unsealed))

    async def forget(self) -> None:
        """While the clock may be wrong by months nothing that was told or decided: it cannot be had back."""
        now = self._clock.now()
        before = now - self._days * _DAY_MS if self._in_time(now) else None
        for slug in await self._db.read(WORKER, _with_old, before):
            await self._db.write(slug, _forget, slug, before)

    async def members_changed(self, dids: frozenset[str]) -> None:
        """What runs with these peers is judged anew at once, of those participants with which something does; all that
        a participant of ours provides, if it is one of them."""
        ours = {one.participant.id for one in await self._participants.all() if one.participant.did in dids}
        for slug in sorted(ours):
            await self._unless_at_rest(slug, self._enforcement.members_changed, slug, None)
        for slug in await self._db.read(WORKER, self._enforcement.concerned, dids):
            if slug not in ours:
                await self._unless_at_rest(slug, self._enforcement.members_changed, slug, dids)

    async def key_changed(self, did: str, before: frozenset[str], now: frozenset[str]) -> None:
        """The peer is on hold: each participant's log says so, and what runs with it is held."""
        body = {"event": "key-change", "did": did, "before": sorted(before), "now": sorted(now)}
        for hosted in await self._participants.all():
            await self._unless_at_rest(hosted.participant.id, _log_alarm, hosted.participant, body)
        await self.members_changed(frozenset((did,)))

    async def log_misbehaved(self, alarm: Alarm) -> None:
        """Somebody's log has two histories: each participant's log keeps both checkpoints as proof."""
        body = {
            "event": f"log-{alarm.kind}",
            "origin": alarm.origin,
            "held": alarm.held,
            "offered": alarm.offered,
        }
        for hosted in await self._participants.all():
            await self._unless_at_rest(hosted.participant.id, _log_alarm, hosted.participant, body)

    async def _unless_at_rest(
        self, slug: str, unit: Callable[Concatenate[Tx, P], object], *args: P.args, **kw: P.kwargs
    ) -> None:
        """One that has moved, or is laid to rest just now, holds up nobody else."""
        with suppress(AtRest):
            await self._db.write(slug, unit, *args, **kw)


SERVED = (
    "EXISTS (SELECT 1 FROM seen_token t WHERE t.participant = p.id AND t.expires_at < :token)"
    " OR EXISTS (SELECT 1 FROM usage u WHERE u.participant = p.id AND u.hour < :hour)"
    " OR EXISTS (SELECT 1 FROM question q WHERE q.participant = p.id AND q.answered_at IS NULL AND q.asked_at < :day"
    " AND q.kind = 'quota')"
)
TOLD = (
    "EXISTS (SELECT 1 FROM transcript l WHERE l.participant = p.id AND l.last_at < :before)"
    " OR EXISTS (SELECT 1 FROM decision d WHERE d.participant = p.id AND d.at < :before)"
)


def _with_old(tx: Tx, before: int | None) -> list[str]:
    """Participants of which `_forget` may find something, in the scope of the worker."""
    found = having(tx, SERVED, token=tx.now - TOKENS_KEPT_MS, hour=tx.now - quota.KEPT_MS, day=tx.now - quota.DAY_MS)
    return found if before is None else [*dict.fromkeys([*found, *having(tx, TOLD, before=before)])]


def _forget(tx: Tx, slug: str, before: int | None) -> None:
    forget_tokens(tx, slug)
    quota.forget(tx, slug)
    if before is not None:
        transcript.forget(tx, slug, before)
        decision_store.forget(tx, slug, before)


def _log_alarm(tx: Tx, participant: Participant, body: Mapping[str, object]) -> None:
    audit.append(tx, participant.id, "alarm", None, "system", body, did=participant.did)
