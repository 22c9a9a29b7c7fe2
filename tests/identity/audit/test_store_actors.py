"""Who stands in a record as the one who acted: the person where she did, nobody where the record stays for ever."""

import json

import pytest

from connector.continuity.privacy.retention import STAYS
from connector.foundation.storage import Database, Tx
from connector.foundation.storage.database import acting
from connector.identity.audit import entry, store

TOWN = "musterstadt"


async def actor(db: Database, type_: str, said: str = "system") -> str:
    """Of a record that is appended while a person acts."""

    def unit(tx: Tx) -> str:
        store.append(tx, TOWN, type_, None, said, {}, did="did:web:x")
        row = tx.one("SELECT record FROM audit_entry ORDER BY id DESC LIMIT 1")
        assert row is not None
        return str(json.loads(bytes(row["record"]))["actor"])

    with acting({TOWN: "p-7f3a91"}):
        return await db.write(TOWN, unit)


async def test_what_a_person_asked_for_bears_her_pseudonym(any_db: Database) -> None:
    """>> the system, a peer, another pseudonym as actor << hers in place of the system alone."""
    assert await actor(any_db, "role") == "p-7f3a91"
    assert await actor(any_db, "role", "peer") == "peer"
    assert await actor(any_db, "confirmation", "p-000001") == "p-000001"


@pytest.mark.parametrize("type_", sorted(entry.NAMELESS))
async def test_what_stays_for_ever_names_nobody(sqlite_db: Database, type_: str) -> None:
    assert await actor(sqlite_db, type_) == "system"


def test_all_that_stays_is_nameless() -> None:
    """>> a type that is kept for ever, and a person in it << could never be erased."""
    assert STAYS <= entry.NAMELESS
