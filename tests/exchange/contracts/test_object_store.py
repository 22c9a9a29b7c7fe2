"""How objects and their uses are put down, on both databases: each once, however often it is said."""

import pytest

from connector.exchange.contracts import object_store
from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.model import EvidenceObject
from connector.foundation.errors import PeerError
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.nested import nested

TOWN, PEER, CASE = "musterstadt", "did:web:peer.example", "urn:uuid:case"


def item(number: int, name: str = "") -> EvidenceObject:
    body = f"body {number}".encode()
    return EvidenceObject(
        name=name or f"object{number}", sha256=sealing.digest(body), media_type="text/plain", body=body
    )


@pytest.mark.parametrize("count", [0, 1, object_store.PORTION, 2 * object_store.PORTION + 1])
async def test_objects_are_kept_however_many_there_are(any_db: Database, count: int) -> None:
    """Twice is once; the same bytes under two names are one object."""
    items = [item(number) for number in range(count)]
    for _ in range(2):
        await any_db.write(TOWN, object_store.keep_object, TOWN, CASE, PEER, *items)
    assert await any_db.read(TOWN, object_store.objects, TOWN, CASE) == {one.name: one for one in items}


async def test_the_same_bytes_under_two_names_are_one_object(any_db: Database) -> None:
    await any_db.write(TOWN, object_store.keep_object, TOWN, CASE, PEER, item(1, "a"), item(1, "b"))
    found = await any_db.read(TOWN, object_store.objects, TOWN, CASE)
    assert sorted(found) == ["a", "b"]
    assert found["a"].sha256 == found["b"].sha256


async def test_a_part_that_fails_leaves_no_object_behind(any_db: Database) -> None:
    """>> of other bytes under a name that is taken only the object is stored, then the part fails << it is gone too."""
    first, second = item(1, "a"), item(2, "a")
    await any_db.write(TOWN, object_store.keep_object, TOWN, CASE, PEER, first)

    def part(tx: Tx) -> None:
        object_store.keep_object(tx, TOWN, CASE, PEER, second)
        assert object_store.known_object(tx, TOWN, second.sha256) is not None
        raise PeerError("contracts.pid")

    assert isinstance(await any_db.write(TOWN, nested, part), PeerError)
    assert await any_db.read(TOWN, object_store.known_object, TOWN, second.sha256) is None
    assert await any_db.read(TOWN, object_store.objects, TOWN, CASE) == {"a": first}
