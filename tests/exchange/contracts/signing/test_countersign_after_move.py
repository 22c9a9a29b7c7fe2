"""Countersignatures that come late while one side moves: made before the move they count, after it nobody makes one."""

import json

import pytest

from connector.exchange.contracts import object_store
from tests.exchange.contracts.late import hand_in, waiting
from tests.testkit.moved import move_town
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"


@pytest.mark.parametrize("mover", [CONSUMER, PROVIDER])
async def test_a_seal_from_before_the_move_is_taken(towns: Towns, mover: str) -> None:
    """>> a contract of one side, the consumer's seal is on its way; one of both moves << it is there, on both."""
    found = await waiting(towns, "broken", countersignature="preferred")
    assert (await towns.agreement(PROVIDER, found.agreement)).state == "one-sided"
    named = {side: towns.did(side) for side in (CONSUMER, PROVIDER)}
    await move_town(towns, mover)
    await hand_in(towns, found)
    whole = await towns.agreement(PROVIDER, found.agreement)
    assert (whole.state, whole.consumer_jws) == ("finalized", found.seal)
    kept = await towns.db.read(PROVIDER, object_store.objects, PROVIDER, whole.negotiation)
    for role, side in (("provider", PROVIDER), ("consumer", CONSUMER)):
        assert json.loads(kept[f"did-{role}.json"].body)["id"] == named[side]
