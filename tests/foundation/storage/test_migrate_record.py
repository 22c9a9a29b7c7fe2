"""Datasets of an older release are brought up to the one that keeps records, and either release reads them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from connector.data.catalogue import store
from connector.foundation.storage import open_database, upgrade
from connector.identity.participants import store as participants
from connector.kernel.metadata.record.model import DatasetRecord
from tests.testkit.releases import before

TOWN, IRI = "musterstadt", "https://a.example/datasets/1"
DOCUMENT = '{"title": "Bäume", "description": "Alle", "name": "a.csv", "media_type": "text/csv", "keywords": ["Baum"]}'
ROWS = (
    "INSERT INTO participant (id, did, root, host, path, name, kind, operator, state, created_at)"
    f" VALUES ('{TOWN}', 'did:web:a', 'https://a.example', 'a.example', '', 'A', 'k', 'o', 'active', 1)",
    f"INSERT INTO source VALUES ('{TOWN}', 's', 'file', 'x', 'a.csv', 'text/csv', 8, '{'0' * 64}', 1)",
    "INSERT INTO dataset (participant, id, source, title, version, document, created_at, changed_at)"
    f" VALUES ('{TOWN}', '{IRI}', 's', 'Bäume', '{'0' * 64}', '{DOCUMENT}', 1, 2)",
)


async def test_a_dataset_from_before_there_were_records_is_read(tmp_path: Path) -> None:
    """>> a database without migration 0024, with a dataset in it << the same dataset, for members, revision 1."""
    older = before(tmp_path / "older", "0024")
    url = f"sqlite://{tmp_path / 'hanse.db'}"
    upgrade(url, folder=older)
    with closing(sqlite3.connect(tmp_path / "hanse.db")) as old, old:
        for row in ROWS:
            old.execute(row)
    assert any(name.startswith("0024") for name in upgrade(url))
    database = open_database(url)
    await database.start()
    try:
        found = await database.read(TOWN, store.dataset, TOWN, IRI)
        details = await database.read(TOWN, participants.publisher, TOWN)
        known = await database.read(TOWN, participants.revisions)
    finally:
        await database.close()
    assert found is not None
    assert found.record == DatasetRecord(title={"de": "Bäume"}, description={"de": "Alle"}, keywords={"de": ("Baum",)})
    assert (found.access, found.state, found.revision) == ("contract", "published", 1)
    assert details is not None
    assert (details.ars, known) == ("", {TOWN: 0})
