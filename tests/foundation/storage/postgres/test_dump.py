"""PostgreSQL is copied whole although FORCE binds its owner, and what comes back is sealed on in any cluster."""

from pathlib import Path
from types import ModuleType

import psycopg
import pytest

from connector.dataspace.spaces import recovery_store
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.storage import open_database, upgrade
from connector.foundation.storage.postgres import dump
from connector.foundation.storage.postgres.horizon import horizon_clause


def insert(url: str) -> None:
    with psycopg.connect(url) as admin:
        admin.execute(
            "INSERT INTO participant VALUES ('town', 'did:web:x', 'https://x', 'x', '/', 'T', 'k', 'o', 'active', 0)"
        )
        admin.execute(
            "INSERT INTO audit_entry (participant, type, seq, at, record, salt, leaf, tx)"
            " VALUES ('town', 'key', 0, 0, 'r', 's', 'l', '900000000')"
        )


def test_every_table_that_hides_rows_shows_them_to_a_backup(cluster: ModuleType) -> None:
    """A table that a later migration adds without the policy would be empty in every backup."""
    with cluster.database() as urls, psycopg.connect(urls.owner) as owner:
        assert owner.execute(dump._BARE).fetchall() == []
        owner.execute("CREATE TABLE later (participant TEXT)")
        owner.execute("ALTER TABLE later FORCE ROW LEVEL SECURITY")
        owner.commit()
        with pytest.raises(Mistake, match="backup-policy"), dump.moment(urls.owner):
            pass


def test_only_the_owner_and_only_when_it_says_so(cluster: ModuleType) -> None:
    """>> the service or the worker says `hanse.backup` << it sees what it saw before: nothing of others."""
    with cluster.database() as urls:
        insert(urls.admin)
        for url, setting, seen in (
            (urls.owner, "off", 0),
            (urls.owner, "on", 1),
            (urls.app, "on", 0),
        ):
            with psycopg.connect(url) as connection:
                connection.execute("SELECT set_config('hanse.backup', %s, false)", (setting,))
                assert connection.execute("SELECT count(*) FROM audit_entry").fetchone() == (seen,)


@pytest.mark.threat("T73")
async def test_it_comes_back_with_rows_rules_and_what_waits_for_the_sealer(cluster: ModuleType, tmp_path: Path) -> None:
    """>> dump, restore into an empty database << rows, FORCE and rights as before, spaces
    marked; an entry of a cluster that was far ahead is within the sealer's horizon; not into a database with tables."""
    archive = tmp_path / "x.pgdump"
    with cluster.database() as urls, cluster.empty() as second:
        insert(urls.admin)
        with psycopg.connect(urls.admin) as admin:
            admin.execute(
                "INSERT INTO person (id, login, name, password, totp_step, operator, language, created_at)"
                " VALUES ('1', 'x', 'x', '', 0, 0, '', 1)"
            )
            admin.execute("INSERT INTO space VALUES ('town', 's', 'S', 'a', 'k', '{}', '', '{}', 1, 1, 1, 1, 1)")
            admin.execute(
                "INSERT INTO space_version VALUES ('town', 7, '', '', 'signed', 1, 1), ('town', 8, '', '', '', 1, NULL)"
            )
            admin.execute("INSERT INTO desk_session VALUES ('digest', '1', 1, '', 1, 1, 1)")
        with dump.moment(urls.owner) as seen:
            insert_more = "INSERT INTO lease VALUES ('later', 'x', 1, 1)"
            with psycopg.connect(urls.admin) as admin:
                admin.execute(insert_more)  # behind the moment: in no copy
            dump.dump(urls.owner, archive, seen)
        assert not dump.empty(urls.owner)
        assert dump.empty(second.owner)
        dump.readable(archive)
        dump.restore(second.owner, archive)
        dump.unsealed_anew(second.owner)
        for _ in range(2):  # the same command again
            with dump.writing(second.owner, "space", "space_version", "space_recovery") as tx:
                recovery_store.put_back(tx)
        with psycopg.connect(second.admin) as admin:
            marked = admin.execute("SELECT participant, state, reason, own FROM space_recovery").fetchall()
            assert marked == [("town", "asking", "restored", 7)]
        assert upgrade(second.owner) == []
        with psycopg.connect(second.admin) as admin:
            assert admin.execute("SELECT count(*) FROM lease").fetchone() == (0,)
            assert admin.execute("SELECT count(*) FROM desk_session").fetchone() == (0,)
            unforced = "SELECT relname FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity"
            assert admin.execute(unforced).fetchall() == []
        db = open_database(second.app, worker_url=second.worker)
        await db.start()
        try:
            waiting = await db.read(
                "town", lambda tx: tx.all(f"SELECT id FROM audit_entry WHERE leaf_index IS NULL{horizon_clause(tx)}")
            )
            assert len(waiting) == 1
        finally:
            await db.close()
        with pytest.raises(Mistake, match="program-failed"):
            dump.restore(second.owner, archive)


def test_without_the_programs_it_says_so(cluster: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> no pg_dump, one that is older than the server, no server, a damaged archive << each with a sentence."""
    with cluster.database() as urls, dump.moment(urls.owner) as seen:
        (tmp_path / "bad").write_bytes(b"PGDMP" + b"x" * 100)
        with pytest.raises(Mistake, match="program-failed"):
            dump.readable(tmp_path / "bad")
        old = tmp_path / "bin"
        old.mkdir()
        monkeypatch.setenv("PATH", str(old))
        with pytest.raises(Mistake, match="no-program"):
            dump.dump(urls.owner, tmp_path / "x", seen)
        (old / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
        (old / "pg_dump").chmod(0o755)
        with pytest.raises(Mistake, match="old-program"):
            dump.dump(urls.owner, tmp_path / "x", seen)
    with pytest.raises(Unavailable), dump.moment("postgresql://hanse_owner:x@127.0.0.1:1/none"):
        pass


def test_the_password_is_in_no_list_of_processes() -> None:
    facts = dump.connection_facts("postgresql://owner:geheim@db.example:5433/hanse?sslmode=require")
    assert facts["PGPASSWORD"] == "geheim"
    assert (facts["PGHOST"], facts["PGPORT"], facts["PGDATABASE"], facts["PGSSLMODE"]) == (
        "db.example",
        "5433",
        "hanse",
        "require",
    )
