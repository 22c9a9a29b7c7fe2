"""Approvals are kept as long as their agreement can be proven, and no longer; nothing else signed is touched."""

import pytest

from connector.continuity.privacy import person_in_objects
from connector.continuity.privacy.jobs import RetentionJobs
from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.model import Agreement, EvidenceObject
from connector.foundation.settings.load import Retention
from connector.identity.audit import store as audit
from tests.testkit.neighbours import Neighbours
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
DAY = 86_400_000
APPROVALS = {"approval-provider.json", "approval-consumer.json"}


async def kept(towns: Towns, slug: str, agreement: Agreement) -> dict[str, EvidenceObject]:
    return await towns.db.read(slug, object_store.objects, slug, agreement.negotiation)


async def test_only_approvals_go(towns: Towns) -> None:
    """>> one agreement's approvals are let go << they alone; the partner and the next agreement keep all of theirs."""
    one, other = [await towns.concluded(CONSUMER, PROVIDER) for _ in range(2)]
    before = await kept(towns, CONSUMER, one)
    assert before.keys() >= APPROVALS
    await towns.db.write(CONSUMER, person_in_objects.release, CONSUMER, one.id)
    after = await kept(towns, CONSUMER, one)
    assert before.keys() - after.keys() == APPROVALS
    for name in APPROVALS:
        assert await towns.db.read(CONSUMER, object_store.known_object, CONSUMER, before[name].sha256) is None
    assert (await kept(towns, CONSUMER, other)).keys() >= APPROVALS
    theirs = await towns.db.read(PROVIDER, store.agreement, PROVIDER, one.id)
    assert theirs is not None
    assert (await towns.db.read(PROVIDER, object_store.objects, PROVIDER, theirs.negotiation)).keys() >= APPROVALS
    await towns.db.write(CONSUMER, person_in_objects.release, CONSUMER, one.id)  # again: nothing is left to do


async def test_an_approval_that_another_contract_refers_to_stays(towns: Towns) -> None:
    """>> two negotiations refer to the same bytes << they stay for the one that is not let go."""
    one, other = [await towns.concluded(CONSUMER, PROVIDER) for _ in range(2)]
    shared = (await kept(towns, CONSUMER, one))["approval-consumer.json"]
    await towns.db.write(CONSUMER, object_store.take_object, CONSUMER, other.negotiation, other.counterparty, shared)
    await towns.db.write(CONSUMER, person_in_objects.release, CONSUMER, one.id)
    assert (await kept(towns, CONSUMER, other))["approval-consumer.json"] == shared


@pytest.mark.on_both
@pytest.mark.threat("T59")
async def test_the_retention_job_takes_them_with_the_last_agreement_record(towns: Towns) -> None:
    """>> over for a year, its periods too; one still in its period << approvals gone; approvals there."""
    both = Neighbours(towns)
    days = {name: 10 for name in Retention.__struct_fields__ if name.endswith("_days")}
    keeping = RetentionJobs(
        towns.db,
        towns.clock,
        towns.participants,
        towns.contracts.agreements,
        Retention(**days),
        both.ask,
        both.log_keys,
    )
    over, late = [await towns.concluded(CONSUMER, PROVIDER) for _ in range(2)]
    ended = "UPDATE agreement SET expires_at = :at WHERE participant = :p AND id = :id"
    for one, ago in ((over, 400), (late, 5)):
        at = towns.clock.now() - ago * DAY
        await towns.db.write(CONSUMER, lambda tx, o=one, a=at: tx.run(ended, p=CONSUMER, id=o.id, at=a))
    old = "UPDATE audit_entry SET at = :at WHERE participant = :p AND agreement = :id"
    if towns.db.dialect == "sqlite":  # PostgreSQL lets nobody backdate the log: there the records are too young to go
        at = towns.clock.now() - 400 * DAY
        await towns.db.write(CONSUMER, lambda tx: tx.run(old, p=CONSUMER, id=over.id, at=at))
    await both.seal()
    await keeping.retain()
    rows = await towns.db.read(CONSUMER, audit.records, CONSUMER, over.id)
    gone = all(row.erased for row in rows if row.type == "agreement")
    assert gone == (towns.db.dialect == "sqlite")
    assert bool(APPROVALS & (await kept(towns, CONSUMER, over)).keys()) is not gone
    assert (await kept(towns, CONSUMER, late)).keys() >= APPROVALS
