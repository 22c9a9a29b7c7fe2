"""Spaces that an older release believed for the whole process are believed by who joined or keeps them."""

import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType

import psycopg

from connector.foundation.storage import upgrade
from tests.testkit.releases import before

JOINED = (
    "INSERT INTO joined_space (participant, space, name, did, authority, jwk, list_url, rules, state, document,"
    " application, reason, told, asked_at, changed_at, version)"
    " VALUES ('{slug}', 's', 'S', 'did:web:k', 'urn:k', '{{}}', 'l', '{{}}', '{state}', '', '', '', '', 1, 1, 1)"
)
PINNED = (
    "INSERT INTO pinned_space (authority, space, name, did, jwk, list_url, pinned_at)"
    " VALUES ('urn:k', 's', 'S', 'did:web:k', '{}', 'l', 7)"
)
BELIEVED = "SELECT member, authority, space, pinned_at FROM space_pin ORDER BY member"
EXPECTED = [(member, "urn:k", "s", 7) for member in ("did:web:a", "did:web:before", "did:web:k")]


def _participant(slug: str, former: str = "[]", state: str = "active") -> str:
    return (
        "INSERT INTO participant (id, did, root, host, path, name, kind, operator, state, created_at, former)"
        f" VALUES ('{slug}', 'did:web:{slug}', 'https://{slug}', '{slug}', '', 'A', 'k', 'o', '{state}', 1, '{former}')"
    )


def _rows() -> list[tuple[str, str]]:
    """One joined and had another DID before, one was refused, one has nothing to do with it, one had joined and was
    deleted since; in the place of its former DID is the first, as after a move within this database."""
    return [
        ("a", _participant("a", '["did:web:before"]')),
        ("b", _participant("b")),
        ("c", _participant("c")),
        ("d", _participant("d", '["did:web:before", "did:web:long-ago"]', "deleted")),
        ("a", JOINED.format(slug="a", state="member")),
        ("b", JOINED.format(slug="b", state="refused")),
        ("d", JOINED.format(slug="d", state="member")),
        ("a", PINNED),
    ]


def test_whose_space_it_is_stands_in_the_new_table_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path / 'hanse.db'}"
    upgrade(url, folder=before(tmp_path / "older", "0079"))
    with closing(sqlite3.connect(tmp_path / "hanse.db")) as old, old:
        for _, statement in _rows():
            old.execute(statement)
    upgrade(url)
    with closing(sqlite3.connect(tmp_path / "hanse.db")) as new:
        assert new.execute(BELIEVED).fetchall() == EXPECTED


def test_whose_space_it_is_stands_in_the_new_table_on_postgresql(cluster: ModuleType, tmp_path: Path) -> None:
    with cluster.empty() as urls:
        upgrade(urls.owner, folder=before(tmp_path / "older", "0079"))
        with psycopg.connect(urls.app) as service:
            for slug, statement in _rows():
                service.execute("SELECT set_config('hanse.participant', %s, false)", (slug,))
                service.execute(statement.encode())
        upgrade(urls.owner)
        with psycopg.connect(urls.app) as service:
            assert service.execute(BELIEVED.encode()).fetchall() == EXPECTED
            service.execute("SELECT set_config('hanse.participant', 'b', false)")
            apart = "SELECT participant FROM joined_space"
            assert service.execute(apart.encode()).fetchall() == [("b",)], "rows are kept apart again"
