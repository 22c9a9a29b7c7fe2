"""An approval is saved only on the version that was read."""

import pytest
from msgspec.structs import replace

from connector.data.approvals import store
from connector.data.approvals.model import ApprovalRow
from connector.data.approvals.service import Asked
from connector.foundation.storage.database import Conflict, Tx
from tests.testkit.towns import Towns

TOWN = "musterstadt"


@pytest.mark.threat("T93")
async def test_what_was_read_before_is_not_written_over(towns: Towns) -> None:
    """>> two read the same, both save << the second finds another version and runs again."""
    asked = Asked(subject="contract", title="Bäume", process="urn:uuid:1", terms="a", personal=True)
    opened = await towns.db.write(TOWN, towns.approvals.contract, TOWN, asked)
    assert opened is not None

    def twice(tx: Tx) -> ApprovalRow:
        store.save(tx, replace(opened, code="terms"))
        with pytest.raises(Conflict):
            store.save(tx, replace(opened, code="data"))
        found = store.approval(tx, TOWN, opened.id)
        assert found is not None
        return found

    after = await towns.db.write(TOWN, twice)
    assert (after.code, after.version) == ("terms", 2)
    assert after == replace(opened, code="terms", version=2)


@pytest.mark.threat("T93")
async def test_a_partner_that_asks_often_hides_nobody(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> one asks five times, then another once, and three are looked at << the other's is among them, in its place."""
    monkeypatch.setattr(store, "MOST", 3)
    for number, partner in enumerate(["did:web:loud", "did:web:loud", "did:web:loud", "did:web:loud", "did:web:quiet"]):
        asked = Asked(
            subject="contract",
            title="Bäume",
            process=f"urn:uuid:{number}",
            terms="a",
            personal=True,
            counterparty=partner,
        )
        await towns.db.write(TOWN, towns.approvals.contract, TOWN, asked)
    found = await towns.db.read(TOWN, store.open_ones, TOWN)
    assert len(found) == 3
    assert "did:web:quiet" in {one.counterparty for one in found}
    assert found == sorted(found, key=lambda one: (one.ballot.due_at, one.id))
