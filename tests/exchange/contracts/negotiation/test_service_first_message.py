"""The same first request at several replicas at once: one negotiation, one contract, one answer."""

import asyncio
import threading
from typing import Any

import pytest

from connector.exchange.contracts import store
from connector.exchange.contracts.negotiation.service import Reply
from connector.foundation.storage.database import Tx
from connector.kernel.protocol import messages as m
from tests.testkit.patience import PATIENCE_S
from tests.testkit.towns import PURPOSE, Towns

TOWN, VILLAGE = "musterstadt", "nachbardorf"
REPLICAS = 3


@pytest.mark.on_both
async def test_the_same_first_request_at_several_replicas(towns: Towns, monkeypatch: Any) -> None:
    """>> none of them has seen it when each begins to decide << all answer with the one negotiation; of those that
    came later nothing is left, no second contract and no second message."""
    made = await towns.publish(TOWN)
    asker = towns.partner(VILLAGE)
    message = m.ContractRequestMessage(
        consumer_pid="urn:uuid:theirs", offer=made[1].for_message(), callback_address=asker.base, purpose=PURPOSE
    )
    together = threading.Barrier(REPLICAS if towns.db.dialect == "postgres" else 1)
    begun, runs = store.begun, []

    def noted(tx: Tx, *about: Any) -> Any:
        found = begun(tx, *about)
        runs.append(found.case)
        if found.case is None:
            together.wait(PATIENCE_S)
        return found

    monkeypatch.setattr(store, "begun", noted)

    def take(tx: Tx) -> Reply:
        return towns.contracts.receive_request(tx, TOWN, asker, message, "0" * 64)

    replies = await asyncio.gather(*(towns.db.write(TOWN, take) for _ in range(REPLICAS)))
    assert len({one.case.id for one in replies}) == 1
    assert sorted(one.created for one in replies) == [False] * (REPLICAS - 1) + [True]

    def counted(tx: Tx) -> list[int]:
        return [
            len(tx.all(f"SELECT 1 FROM {table} WHERE participant = :p", p=TOWN))
            for table in ("negotiation", "agreement", "outbox")
        ]

    assert await towns.db.read(TOWN, counted) == [1, 1, 1]
    if towns.db.dialect == "postgres":
        assert runs.count(None) == REPLICAS
