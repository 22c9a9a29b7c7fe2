"""Who agreed to contracts and who acted for a side, as the approvals say that both sides signed."""

import pytest

from connector.exchange.contracts.evidence import approvals
from connector.foundation.storage.database import Tx
from tests.exchange.mandates.entrusting import PROVIDER, TOWN, entrusted
from tests.testkit.towns import Towns

VILLAGE = "nachbardorf"


@pytest.mark.on_both
async def test_who_acted_is_read_for_many_agreements_at_once(towns: Towns) -> None:
    """>> a contract between towns that act themselves, one where the provider is acted for, one where both are; of the
    last the consumer's approval is unreadable here << each side by itself, and nobody for what cannot be read."""
    plain = await towns.concluded(VILLAGE, TOWN)
    await entrusted(towns)
    one = await towns.concluded(VILLAGE, TOWN)
    await entrusted(towns, VILLAGE, name="Rechenzentrum Süd")
    both = await towns.concluded(VILLAGE, TOWN)

    def spoil(tx: Tx) -> None:
        tx.run(
            "UPDATE object SET body = :body WHERE participant = :p AND sha256 IN (SELECT sha256 FROM object_use"
            " WHERE participant = :p AND negotiation = :negotiation AND name = 'approval-consumer.json')",
            body=b"[]",
            p=VILLAGE,
            negotiation=both.negotiation,
        )

    async def acted() -> dict[tuple[str, str], tuple[str, str]]:
        found = await towns.db.read(VILLAGE, approvals.all_acted, [plain, one, both])
        return {key: (agent.did, agent.name) for key, agent in found.items()}

    provider, consumer = (PROVIDER, "IT-Verbund Beispiel"), (PROVIDER, "Rechenzentrum Süd")
    expected = {(one.negotiation, "provider"): provider, (both.negotiation, "provider"): provider}
    assert await acted() == {**expected, (both.negotiation, "consumer"): consumer}
    alone = await towns.db.read(VILLAGE, approvals.acted, both, "consumer")
    assert alone is not None
    assert alone.name == consumer[1]
    if towns.db.dialect == "sqlite":  # PostgreSQL lets nobody change what was signed
        await towns.db.write(VILLAGE, spoil)
        assert await acted() == expected
    assert await towns.db.read(VILLAGE, approvals.all_acted, []) == {}
