"""Who a participant was elsewhere, and where it has gone: kept in its row, loaded with it, and never taken back."""

import json

import pytest

from connector.errors import Defect, Mistake, PeerError
from connector.participants import succession
from connector.participants.service import Hosted
from connector.storage import Tx
from tests.testkit.towns import Towns

TOWN = "musterstadt"
BEFORE, EARLIER, HEIR = "did:web:alt.example", "did:web:sehr-alt.example", "did:web:neu.example"


async def take(towns: Towns, *former: str) -> Hosted:
    for did in former:
        hosted = await towns.participants.get(TOWN)
        await towns.db.write(TOWN, succession.take_place, hosted.participant, did)
    return await towns.participants.get(TOWN)


async def give(towns: Towns, heir: str, until: int = 1) -> bool:
    hosted = await towns.participants.get(TOWN)
    return await towns.db.write(TOWN, succession.give_place, hosted.participant, heir, until)


async def test_former_dids_mean_the_participant_too(towns: Towns) -> None:
    """>> two former DIDs, one of them twice << the newest first; nobody else is meant."""
    it = (await take(towns, EARLIER, BEFORE, BEFORE)).participant
    assert it.own_dids == (it.did, BEFORE, EARLIER)
    assert [it.is_me(did) for did in (it.did, BEFORE, EARLIER, HEIR, "")] == [True, True, True, False, False]
    await towns.participants.load()
    assert (await towns.participants.get(TOWN)).participant == it


@pytest.mark.threat("T117")
async def test_what_cannot_be_a_former_did(towns: Towns) -> None:
    """>> its own DID, something that is none, one too many << refused, and nothing is changed."""
    it = (await towns.participants.get(TOWN)).participant
    for did, error in ((it.did, Mistake), ("https://alt.example", PeerError), ("", PeerError)):
        with pytest.raises(error):
            await take(towns, did)
    many = [f"did:web:alt-{number}.example" for number in range(succession.MOST)]
    assert len((await take(towns, *many)).participant.former) == succession.MOST
    with pytest.raises(Mistake, match=r"succession\.former"):
        await take(towns, BEFORE)


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
