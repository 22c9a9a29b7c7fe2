"""How our logs stand with the witnesses of others, for operators: in metrics, by `hanse witness` and `hanse doctor`.

A log that nobody vouches for proves no time; that must be seen before an auditor asks. Nor does it prove one for a
contract with a partner whose operator is the only witness (spec/records.md 3.3). Names and sizes only.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from connector.dataspace.witness import quorum
from connector.dataspace.witness.quorum import Progress
from connector.exchange.contracts.evidence import attention
from connector.foundation.clock import Clock
from connector.foundation.errors import Unauthenticated
from connector.foundation.storage.database import Database
from connector.foundation.telemetry import Metrics
from connector.identity.audit import sealer
from connector.identity.participants.model import Participant
from connector.identity.participants.service import Participants
from connector.identity.trust.members.trust_list import Anchor
from connector.verify.formats import cosignature
from connector.verify.formats.cosignature import Policy
from connector.verify.formats.faults import Fault

LOOK_S = 60.0
LATE_MS = 2 * 3_600_000
"""Witnesses are asked every hour: whoever has not vouched for something new within two is late."""
State = Literal["new", "nobody", "never", "late", "good"]


class Log(NamedTuple):
    """One of our logs: `new` while nothing is signed, `nobody` without a foreign witness on the trust list.

    `never`: no quorum under the present origin yet; `late`: a state waits for it for two hours; else `good`.
    """

    participant: str
    origin: str
    state: State
    progress: Progress
    alone: tuple[str, ...] = ()
    """DIDs of partners with contracts whose time nobody independent can vouch for."""


class WitnessStatus:
    """Looks before a scrape, once a minute at most; `now` looks at once. Nothing walks by itself."""

    def __init__(
        self, db: Database, clock: Clock, participants: Participants, anchor: Anchor, metrics: Metrics, own: str = ""
    ) -> None:
        """`own` is the name of this process as a witness, which counts for none of its own logs."""
        self._db, self._clock, self._participants, self._anchor, self._own = db, clock, participants, anchor, own
        self._logs: tuple[Log, ...] = ()
        self._again = 0
        metrics.gauges(
            "hanse_log_quorum_age_seconds", "Seconds since the quorum of witnesses last vouched for a log.", self._ages
        )
        metrics.gauges("hanse_log_states", "Logs by how they stand with their witnesses.", self._states)

    async def look_lately(self) -> None:
        """Before a scrape: as of the last minute."""
        if self._clock.steady() >= self._again:
            self._again = self._clock.steady() + int(LOOK_S * 1000)
            await self.look()

    async def look(self) -> None:
        self._logs = tuple([await self._log(hosted.participant) for hosted in await self._participants.all()])

    async def now(self) -> Sequence[Log]:
        """All logs of this process, by name, with the partners that leave us alone."""
        found = [
            (await self._log(one.participant))._replace(alone=await self._alone(one.participant))
            for one in await self._participants.all()
        ]
        return sorted(found, key=lambda one: one.participant)

    async def _alone(self, participant: Participant) -> tuple[str, ...]:
        if self._policy(participant) is None:
            return ()  # then it is so with all
        partners = await self._db.read(participant.id, attention.partners, participant.id)
        return tuple(did for did in partners if self._policy(participant, did) is None)

    async def _log(self, participant: Participant) -> Log:
        slug, policy = participant.id, self._policy(participant)
        progress = await self._db.read(slug, quorum.progress, slug, policy)
        origin = sealer.origin(participant.root, progress.epoch)
        return Log(slug, origin, judge(progress, self._clock.now(), watched=policy is not None), progress)

    def _policy(self, participant: Participant, partner: str | None = None) -> Policy | None:
        """The one that follows from the trust list in force: for the log, or for a contract with this partner."""
        try:
            listed = self._anchor.witnesses_for(participant.did)
            entries = [
                {"operator": one.operator, "url": one.url, "keys": list(one.keys)}
                for one in listed
                if cosignature.name_of(one.url) != self._own
            ]
            return cosignature.derived(entries, *self._operators(participant, partner))
        except (Unauthenticated, Fault):
            return None

    def _operators(self, participant: Participant, partner: str | None) -> Sequence[str]:
        """Of all who have to do with it by the list in force, as the verifier has it (`TrustList.own_operators`)."""
        own, now = participant.did, self._clock.now()
        line = self._anchor.line_for(own)
        known = self._anchor.entry_for(own, own)
        theirs = () if partner is None else (partner, *line.heirs(partner, now))
        others = (self._anchor.entry_for(own, did) for did in (*line.predecessors(own, now), *theirs))
        operator = participant.operator if known is None else known.operator
        return [operator, *(one.operator for one in others if one is not None)]

    def _ages(self) -> Mapping[tuple[tuple[str, str], ...], float]:
        """By participant, the oldest first; who has no quorum is counted among the states."""
        known = [(one.progress.quorum_at, one.participant) for one in self._logs if one.progress.quorum_at is not None]
        now = self._clock.now()
        return {(("participant", slug),): max(0.0, (now - at) / 1000) for at, slug in sorted(known)}

    def _states(self) -> Mapping[tuple[tuple[str, str], ...], float]:
        states = [one.state for one in self._logs]
        return {(("state", name),): float(states.count(name)) for name in ("new", "nobody", "never", "late", "good")}


def judge(progress: Progress, now: int, *, watched: bool) -> State:
    """The word for it; `watched` unless no witness of another operator is on the trust list."""
    if not progress.size:
        return "new"
    if not watched:
        return "nobody"
    if progress.quorum_at is None:
        return "never"
    since = progress.waiting_since  # not that of the newest state: a busy log always has one that is new
    return "late" if since is not None and now - max(progress.quorum_at, since) > LATE_MS else "good"
