"""A database of an older release, with data in it, is brought up to the one in which participants can leave."""

import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

from connector.foundation.storage import upgrade
from tests.testkit.releases import before

TOWN = "musterstadt"
PARTICIPANT = (
    f"INSERT INTO participant VALUES ('{TOWN}', 'did:web:a', 'https://a', 'a', '', 'A', 'k', 'o', 'active', 1)"
)
ENTRY = (
    "INSERT INTO audit_entry (participant, type, seq, at, record, salt, leaf)"
    f" VALUES ('{TOWN}', 'key', 0, 1, 'r', 's', 'l')"
)


def test_evidence_that_an_older_release_handed_over_is_taken_along_again(tmp_path: Path) -> None:
    """It did not say how much of the log was in it << 0 records: not what there is now."""
    url = f"sqlite://{tmp_path / 'hanse.db'}"
    upgrade(url, folder=before(tmp_path / "older", "0014"))
    with closing(sqlite3.connect(tmp_path / "hanse.db")) as old, old:
        old.execute(f"INSERT INTO handover VALUES ('{TOWN}', 'g', '{'0' * 64}', 1)")
    upgrade(url)
    with closing(sqlite3.connect(tmp_path / "hanse.db")) as new:
        assert new.execute("SELECT sha256, records FROM handover").fetchall() == [("0" * 64, 0)]


def test_the_log_of_an_older_release_stays_and_is_as_safe_as_before(cluster: ModuleType, tmp_path: Path) -> None:
    """>> records of a participant from before it could leave << they are there, the participant is active, and
    the service's role deletes none of them."""
    with cluster.empty() as urls:
        upgrade(urls.owner, folder=before(tmp_path / "older", "0012"))
        with psycopg.connect(urls.app) as service:
            service.execute("SELECT set_config('hanse.participant', %s, false)", (TOWN,))
            service.execute(PARTICIPANT.encode())
            service.execute(ENTRY.encode())
        upgrade(urls.owner)
        with psycopg.connect(urls.app) as service:
            service.execute("SELECT set_config('hanse.participant', %s, false)", (TOWN,))
            assert service.execute("SELECT state FROM participant").fetchall() == [("active",)]
            assert service.execute("SELECT count(*) FROM audit_entry").fetchall() == [(1,)]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                service.execute("DELETE FROM audit_entry")
