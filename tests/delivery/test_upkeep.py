"""What has served its time is forgotten, of every participant; what changed about a peer is told to all of them."""

from typing import Any

import pytest

from connector.delivery.upkeep import Upkeep
from connector.errors import Unavailable
from connector.storage.database import Tx
from connector.testing.towns import Towns
from connector.transfer import casefile
from connector.transfer.casefile import Ruled

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
DAY = 86_400_000


class NoEvidence:
    """Counts the logs that were to be sealed; the keys of those that are `away` do not answer."""

    def __init__(self) -> None:
        self.sealed: list[str] = []
        self.away: set[str] = set()

    async def seal_log(self, hosted: Any) -> None:
        self.sealed.append(hosted.participant.id)
        if hosted.participant.id in self.away:
            raise Unavailable("signer.away", host=hosted.participant.id)


def upkeep(towns: Towns, evidence: NoEvidence, days: int = 30) -> Upkeep:
    return Upkeep(towns.db, towns.clock, towns.participants, evidence, towns.enforcement, days)  # type: ignore[arg-type]


async def test_decisions_are_kept_as_long_as_transcripts(towns: Towns) -> None:
    """>> decisions of today and of 31 days ago, at both towns << those of today are left."""

    def keep(tx: Tx, slug: str, name: str, at: int) -> None:
        ruled = Ruled(
            id=name, agreement="urn:a", process="urn:p", phase="access", permit=True, at=at, record="{}", world="{}"
        )
        casefile.insert_decision(tx, slug, ruled)

    now = towns.clock.now()
    for slug in (CONSUMER, PROVIDER):
        await towns.db.write(slug, keep, slug, "old", now - 31 * DAY)
        await towns.db.write(slug, keep, slug, "new", now)
    await upkeep(towns, NoEvidence()).forget()
    for slug in (CONSUMER, PROVIDER):
        left = await towns.db.read(slug, casefile.decisions, slug, "urn:p")
        assert [ruled.id for ruled in left] == ["new"]


async def test_each_log_is_sealed(towns: Towns) -> None:
    evidence = NoEvidence()
    await upkeep(towns, evidence).seal_logs()
    assert sorted(evidence.sealed) == [PROVIDER, CONSUMER]


async def test_one_log_that_cannot_be_sealed_does_not_stop_the_others(towns: Towns) -> None:
    """Past bug: the key of one participant was away, and whoever came after it had no seal."""
    evidence = NoEvidence()
    evidence.away = {PROVIDER, CONSUMER}
    with pytest.raises(Unavailable, match=rf"{CONSUMER}|{PROVIDER}"):
        await upkeep(towns, evidence).seal_logs()
    assert sorted(evidence.sealed) == [PROVIDER, CONSUMER]


async def test_a_key_in_doubt_is_logged_by_all_and_holds_what_runs(towns: Towns) -> None:
    """>> the consumer's key changed << an alarm in both logs, and a review of what musterstadt provides to it."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await towns.fetch(CONSUMER, PROVIDER, agreement)
    await towns.run()
    await upkeep(towns, NoEvidence()).key_changed(towns.did(CONSUMER), frozenset({"a"}), frozenset({"b"}))
    alarms = "SELECT id FROM audit_entry WHERE participant = :participant AND type = 'alarm'"
    for slug in (CONSUMER, PROVIDER):
        assert len(await towns.rows(slug, alarms)) == 1
    due = "SELECT subject FROM timer WHERE participant = :participant AND kind = 'review' AND due_at <= :now"
    waiting = await towns.rows(PROVIDER, due, now=towns.clock.now() + 5000)
    assert [row["subject"] for row in waiting] == [agreement.id]
    assert await towns.rows(CONSUMER, due, now=towns.clock.now() + 5000) == []
