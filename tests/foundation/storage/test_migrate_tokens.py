"""Tokens that an older release has seen stay seen for as long as they may be used."""

from pathlib import Path
from types import ModuleType

import psycopg
import pytest

from connector.foundation.storage import upgrade
from tests.testkit.releases import before

TOWN, END = "musterstadt", 1_000


@pytest.mark.threat("T126")
def test_on_postgresql_a_row_of_an_older_release_ends_with_its_token(cluster: ModuleType, tmp_path: Path) -> None:
    """>> a token of before step 0055, whose end is all that is known << its row is there until then, and no longer:
    row-level security binds the owner that takes the step."""
    with cluster.empty() as urls:
        upgrade(urls.owner, folder=before(tmp_path / "older", "0055"))
        with psycopg.connect(urls.app) as service:
            service.execute("SELECT set_config('hanse.participant', %s, false)", (TOWN,))
            service.execute("INSERT INTO seen_token VALUES (%s, 'did:web:b', 'old', %s)", (TOWN, END))
        assert "0055_pre_tokens" in upgrade(urls.owner)
        with psycopg.connect(urls.app) as service:
            service.execute("SELECT set_config('hanse.participant', %s, false)", (TOWN,))
            assert service.execute("SELECT jti, expires_at FROM seen_token").fetchall() == [("old", END)]
