"""A wish for erasure in the middle of everything: before and after each step of both sides, with the default periods.

>> contracts are made, completed, used and ended while somebody asks again and again << they are, and can be proven.
"""

from pathlib import Path

import pytest

from connector.continuity.privacy import person_in_objects
from connector.continuity.privacy.erasure import Eraser
from connector.continuity.privacy.jobs import periods
from connector.continuity.privacy.subject_access import Persons
from connector.exchange.contracts.agreement.agreements import ended_at
from connector.foundation.settings.load import Retention
from connector.foundation.storage.outbox import OutboxRow
from connector.verify.bundle import verify_bundle
from tests.continuity.privacy.persons import CONSUMER, HEAD, HER, PROVIDER, WHY, signed
from tests.exchange.contracts import told
from tests.exchange.contracts.auditor import auditor
from tests.exchange.contracts.late import broken, order
from tests.testkit.neighbours import Neighbours
from tests.testkit.towns import Towns


@pytest.mark.threat("T59")
async def test_a_wish_at_every_step_breaks_no_contract(
    towns: Towns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> two contracts, one completed late, one used and ended; erased between all of it << both bundles, both logs."""
    both, handle = Neighbours(towns), towns._handle
    persons = Persons(towns.db, Eraser(periods(Retention()), ended_at, towns.did, person_in_objects.release))

    async def asked() -> None:
        await both.seal()
        for slug in (CONSUMER, PROVIDER):
            await told.erased(persons, slug, HER)

    async def between(row: OutboxRow) -> None:
        await asked()
        await handle(row)
        await asked()

    monkeypatch.setattr(towns, "_handle", between)
    used = await signed(towns)
    late = await broken(towns)
    await order(towns, late, HEAD)
    await towns.run()
    process = await towns.fetch(CONSUMER, PROVIDER, used)
    await towns.run()
    await towns.db.write(CONSUMER, towns.transfers.suspend, CONSUMER, process.id, "operator", WHY)
    await towns.run()
    await towns.termination_delivery.end(CONSUMER, used.id, WHY, None)
    await towns.run()

    evidence, roots = await auditor(towns, tmp_path)
    for slug in (CONSUMER, PROVIDER):
        for agreement, state in ((used.id, "ended"), (late.agreement, "finalized")):
            ours = await towns.agreement(slug, agreement)
            assert ours.state == state
            report = verify_bundle(await evidence.bundle(slug, agreement), roots, "de")
            assert report.holds_apart_from_time, report.reason
            assert (await both.compare(slug, ours)).state == "agrees"
