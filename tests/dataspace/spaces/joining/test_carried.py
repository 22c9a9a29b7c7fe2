"""What a participant that came from elsewhere says of its spaces counts as far as their own roots could say it."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from connector.dataspace.spaces import joined_store
from connector.dataspace.spaces.joining import carried
from connector.dataspace.spaces.model import Joined, Rules
from connector.foundation.storage.database import PROCESS, Database, Tx
from connector.identity.trust.members import pins
from tests.identity.trust.members.keepers import Keeper

TOWN = "did:web:town.de"


def row(keeper: Keeper, tx: Tx) -> Joined:
    """As an archive brings it."""
    return Joined(
        participant=tx.scope,
        space=keeper.space,
        name="Kreis",
        did=keeper.pin.did,
        authority=keeper.key.id,
        jwk=keeper.key.public_jwk,
        list_url=f"{keeper.space}/list",
        rules=Rules(),
        state="member",
        document="",
        application="a",
        reason="",
        told="",
        asked_at=1,
        changed_at=1,
        version=0,
    )


@pytest.mark.threat("T189")
@pytest.mark.parametrize(
    ("change", "believed"),
    [
        ({}, True),
        ({"list_url": "https://nobody.example/list"}, False),
        ({"list_url": "https://kreis.de/space/list?old"}, False),
        ({"did": "did:web:nobody.example"}, False),
        ({"authority": "urn:x"}, False),
        ({"jwk": {}}, False),
        ({"jwk": {"kty": "EC"}}, False),
        ({"space": "https://kreis.de"}, False),
        ({"name": "Kreis\u202e"}, False),
    ],
)
async def test_bug_a_move_brought_along_where_a_list_is_looked_for(
    any_db: Database, tmp_path: Path, change: dict[str, object], believed: bool
) -> None:
    """Bug: >> a participant moves here, and its archive names a dead address for the list of a space << it was believed
    as if its people had seen that; members who join the space here later were never shown its list."""
    keeper = Keeper(tmp_path, "kreis")

    def came(tx: Tx) -> None:
        tx.run(
            "INSERT INTO participant (id, did, root, host, path, name, kind, operator, state, created_at)"
            " VALUES (:slug, :did, 'https://town.de', 'town.de', '', 'T', 'municipality', '', 'active', 1)",
            slug=tx.scope,
            did=TOWN,
        )
        joined_store.put(tx, replace(row(keeper, tx), **change), None)  # type: ignore[arg-type]
        carried.believe(tx, tx.scope, (TOWN,), "statement")

    await any_db.write("stadt", came)
    found = await any_db.read(PROCESS, pins.pins)
    assert [(one.authority, one.space, one.list_url, one.did) for one in found] == (
        [(keeper.key.id, keeper.space, keeper.pin.list_url, keeper.pin.did)] if believed else []
    )
