"""Who a participant was elsewhere, and where it has gone: kept in its row, loaded with it, and never taken back."""

import json

import pytest

from connector.foundation.errors import Defect, Mistake
from connector.foundation.storage import Tx
from connector.identity.participants import succession
from tests.testkit.moved import set_former
from tests.testkit.towns import Towns

TOWN = "musterstadt"
BEFORE, EARLIER, HEIR = "did:web:alt.example", "did:web:sehr-alt.example", "did:web:neu.example"


async def give(towns: Towns, heir: str, until: int = 1) -> bool:
    hosted = await towns.participants.get(TOWN)
    return await towns.db.write(TOWN, succession.give_place, hosted.participant, heir, until)


@pytest.mark.threat("T117")
async def test_former_dids_mean_the_participant_too(towns: Towns) -> None:
    """>> two former DIDs in its row << nobody else is meant."""
    await towns.db.write(TOWN, set_former, TOWN, BEFORE, EARLIER)
    await towns.participants.catch_up()
    it = (await towns.participants.get(TOWN)).participant
    assert it.own_dids == (it.did, BEFORE, EARLIER)
    assert [it.is_me(did) for did in (it.did, BEFORE, EARLIER, HEIR, "")] == [True, True, True, False, False]
    await towns.participants.load()
    assert (await towns.participants.get(TOWN)).participant == it


@pytest.mark.threat("T118")
async def test_it_goes_to_one_place_and_not_back(towns: Towns) -> None:
    """>> it moves, the same again, elsewhere, to itself << once; its log stays; the others are refused."""
    assert await give(towns, HEIR, 7)
    assert not await give(towns, HEIR, 9)
    for did in (BEFORE, towns.did(TOWN)):
        with pytest.raises(Mistake):
            await give(towns, did)
    moved = (await towns.participants.get(TOWN)).participant.moved
    assert moved is not None
    assert (moved.did, moved.until) == (HEIR, 7)
    sql = "SELECT record FROM audit_entry WHERE participant = :participant AND type = 'key' ORDER BY seq"
    events = [json.loads(bytes(row["record"]))["body"]["event"] for row in await towns.rows(TOWN, sql)]
    assert events == ["created"]


@pytest.mark.on_both
@pytest.mark.threat("T118")
async def test_the_database_itself_keeps_it_where_it_went(towns: Towns) -> None:
    """>> a statement that takes it back, whoever sends it << refused by a trigger."""
    await give(towns, HEIR)

    def back(tx: Tx) -> None:
        tx.run("UPDATE participant SET moved_to = NULL WHERE id = :id", id=TOWN)

    with pytest.raises(Defect, match=r"storage\.constraint"):
        await towns.db.write(TOWN, back)
    await towns.participants.load()
    moved = (await towns.participants.get(TOWN)).participant.moved
    assert moved is not None
    assert moved.did == HEIR
