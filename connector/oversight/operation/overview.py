"""What the operator sees of the process: facts of this moment, counted, and never what participants' data say."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from cryptography import x509
from msgspec import Struct

from connector.foundation.storage.database import Database, Tx
from connector.identity.jobs.clock_watch import ClockWatch
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.members.trust_list import Anchor
from connector.oversight.operation.monitoring import Counted, Monitoring

SOON_DAYS = 30
"""A certificate that ends within this is said."""
OLD_MS = 86_400_000
"""A message that has waited for so long is said."""
MOST = 200
"""Participants that are looked into for one page."""
Look = Callable[[], Awaitable[Mapping[str, bool]]]


class Town(Struct, frozen=True, kw_only=True):
    """`waits` counts questions to people by kind; `days` is how long its seal certificate lasts, None without one."""

    hosted: Hosted
    listed: bool
    days: float | None
    datasets: int
    contracts: int
    waits: Mapping[str, int]


class State(Struct, frozen=True, kw_only=True):
    """`checks` are those of readiness; `apart` by how many seconds our clock is ahead of that of the database."""

    checks: Mapping[str, bool]
    counted: Counted
    certificates: Sequence[tuple[str, str, float]]
    doubt: bool
    apart: float
    stale: bool
    version: int
    towns: Sequence[Town]
    all_towns: int


class Observer:
    def __init__(
        self,
        db: Database,
        participants: Participants,
        anchor: Anchor,
        monitoring: Monitoring,
        ready: Look,
        watch: ClockWatch,
    ) -> None:
        self._db, self._participants, self._anchor = db, participants, anchor
        self._monitoring, self._ready, self._watch = monitoring, ready, watch

    async def look(self, now: int) -> State:
        await self._monitoring.look()
        hosted = sorted(await self._participants.all(), key=lambda one: one.participant.name.casefold())
        return State(
            checks=await self._ready(),
            counted=self._monitoring.counted,
            certificates=self._monitoring.certificates(),
            doubt=self._watch.doubt(),
            apart=self._watch.apart / 1000,
            stale=self._anchor.stale(now),
            version=self._anchor.version,
            towns=[await self.town(one, now) for one in hosted[:MOST]],
            all_towns=len(hosted),
        )

    async def town(self, hosted: Hosted, now: int) -> Town:
        slug, entry = hosted.participant.id, self._anchor.entry(hosted.participant.did)
        datasets, contracts, waits = await self._db.read(slug, _counted, slug)
        return Town(
            hosted=hosted,
            listed=entry is not None and entry.admitted(now),
            days=days_left(hosted, now),
            datasets=datasets,
            contracts=contracts,
            waits=waits,
        )


def days_left(hosted: Hosted, now: int) -> float | None:
    """Of the certificate that seals for a participant, at this instant (ms)."""
    if not hosted.chain:
        return None
    ends = x509.load_der_x509_certificate(hosted.chain[0]).not_valid_after_utc.timestamp()
    return ends / 86_400 - now / 86_400_000


def _counted(tx: Tx, slug: str) -> tuple[int, int, dict[str, int]]:
    datasets = tx.one("SELECT count(*) AS n FROM dataset WHERE participant = :slug AND state = 'published'", slug=slug)
    contracts = tx.one(
        "SELECT count(*) AS n FROM agreement WHERE participant = :slug AND state IN ('finalized', 'one-sided')"
        " AND (expires_at IS NULL OR expires_at > :now)",
        slug=slug,
        now=tx.now,
    )
    waits = tx.all(
        "SELECT kind, count(*) AS n FROM question WHERE participant = :slug AND answered_at IS NULL GROUP BY kind",
        slug=slug,
    )
    assert datasets is not None
    assert contracts is not None
    return int(datasets["n"]), int(contracts["n"]), {row["kind"]: int(row["n"]) for row in waits}
