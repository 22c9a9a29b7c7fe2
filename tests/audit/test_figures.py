"""Figures are counted from the log: what was published, not what became of it."""

from connector.audit import store
from connector.audit.figures import figures
from connector.storage.database import Database, Tx

TOWN, DID = "musterstadt", "did:web:localhost%3A18443:musterstadt"
PUBLICATIONS: tuple[dict[str, object], ...] = (
    {"dataset": "1", "offer": "1/o", "policy": "p", "version": "v"},
    {"dataset": "2", "action": "published", "revision": 1, "version": "v"},
    {"dataset": "1", "action": "changed", "revision": 2, "version": "v"},
    {"dataset": "1", "action": "withdrawn", "revision": 3, "version": "v"},
    {"dataset": "1", "offer": "1/o", "visibility": "eligible", "countersignature": "none"},
    {"publisher": ["ars"]},
)


async def test_only_publications_count_as_published(any_db: Database) -> None:
    """>> an offer, open data without one, a change, a withdrawal, another visibility, a contact << two."""

    def log(tx: Tx) -> None:
        for body in PUBLICATIONS:
            store.append(tx, TOWN, "publication", None, "steward", body, did=DID)
        store.append(tx, TOWN, "decision", "a", "peer", {"permit": False}, did=DID)
        store.append(tx, TOWN, "transfer", "a", "peer", {"event": "sent", "bytes": 8}, did=DID)

    await any_db.write(TOWN, log)
    found = {one.id: one for one in await any_db.read(TOWN, figures, TOWN)}
    assert {name: one.value for name, one in found.items()} == {
        "published": 2, "agreements": 0, "refusals": 1, "bytes": 8,
    }  # fmt: skip
    assert len(found["published"].events) == 2
