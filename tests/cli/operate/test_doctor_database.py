"""`hanse doctor` tells of the database that the server serves, not of the one that its own environment names."""

import asyncio
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connector.cli.main import main
from connector.cli.operate import doctor_database
from connector.foundation.settings.load import database_place, database_url, documented, load, master_key, value_of
from connector.foundation.storage import folder_identity, upgrade
from tests.cities.sharing import shared
from tests.testkit.cities import MUNICIPALITY, Space
from tests.testkit.listening import reserved_port

TOWN = "musterstadt"


async def findings(
    folder: Path, capsys: pytest.CaptureFixture[str], environ: dict[str, str] | None = None
) -> dict[str, dict[str, Any]]:
    capsys.readouterr()
    await asyncio.to_thread(main, ["--data", str(folder), "--lang", "en", "--json", "doctor"], environ or {})
    return {one["check"]: one for one in json.loads(capsys.readouterr().out)["findings"]}


async def test_bug_it_told_of_another_database_than_the_one_that_serves(
    space: Space, cluster: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a server on PostgreSQL, `doctor` without its environment << PostgreSQL, its id, and what differs."""
    with cluster.empty() as urls, reserved_port() as port:
        environ = shared(space.folder, urls, port)
        async with space.running("town", {TOWN: MUNICIPALITY}, environ) as town:
            found = await findings(town.settings.folder, capsys)
            assert database_place(urls.app) in found["database-served"]["text"]
            assert await town.services.infra.db.read("", folder_identity.identity) in found["database-served"]["text"]
            assert found["database-elsewhere"]["state"] == "warn"
            assert "hanse.db" in found["database-elsewhere"]["text"]
            assert "database.url" in found["settings-differ"]["text"]
            assert "sqlite-new" not in found
            told = json.dumps(found)
            assert cluster.password not in told
            same = await findings(town.settings.folder, capsys, environ)
            assert "database-served" in same
            assert not {"database-elsewhere", "settings-differ"} & same.keys()


async def test_what_a_process_says_of_itself_holds_no_secret(space: Space) -> None:
    environ = {"HANSE_SIGNERS__CSC_TOKEN": "hunter2-hunter2-hunter2-hunter2"}
    async with space.running("town", {TOWN: MUNICIPALITY}, environ) as town:
        said = await town.api.get("/api/v1/process")
        master = (town.settings.folder / "trust" / "master.key").read_text().strip()
    assert said["settings"]["signers.csc_token"] == {"value": "Secret(***)", "origin": "HANSE_SIGNERS__CSC_TOKEN"}
    assert said["database"]["place"] == str(town.settings.folder / "hanse.db")
    for secret in ("hunter2", master):
        assert secret not in json.dumps(said)


def test_an_address_is_told_without_its_login() -> None:
    assert (
        database_place("postgresql://hanse:geheim@db.example:5433/hanse?sslmode=require")
        == "postgresql://db.example:5433/hanse"
    )
    assert database_place("sqlite:///srv/hanse.db") == "/srv/hanse.db"


@pytest.mark.parametrize("damage", ["pages", "none"])
async def test_it_looks_for_damage_without_writing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    """>> no server, a database that is broken or whole << said so; no file is made or changed."""
    path = tmp_path / "hanse.db"
    upgrade(f"sqlite://{path}")
    with closing(sqlite3.connect(path)) as database:
        database.executemany("INSERT INTO lease VALUES (?, ?, 1, 1)", [(str(n), "x" * 900) for n in range(500)])
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if damage == "pages":
        data = path.read_bytes()
        path.write_bytes(data[:409_600] + os.urandom(40_960) + data[450_560:])
    before = path.read_bytes()
    found = await findings(tmp_path, capsys)
    assert ("database-unsound" in found, "sqlite" in found) == (damage == "pages", damage == "none")
    assert path.read_bytes() == before


async def test_a_half_restored_folder_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / folder_identity.HALF).write_text("{}")
    assert (await findings(tmp_path, capsys))["half-restored"]["state"] == "bad"


def test_a_first_start_that_makes_the_master_key_is_not_another_environment(tmp_path: Path) -> None:
    """Bug: until the second start doctor found the server's environment to be another one. >> settings before and after
    the key was made << no difference; one that comes from the environment now is one."""
    before = load(tmp_path, {})
    master_key(before)
    serves = {
        "database": {"place": database_place(database_url(before))},
        "settings": {
            one.key: {"value": str(value_of(before, one.key)), "origin": before.origins[one.key]}
            for one in documented()
        },
    }
    assert list(doctor_database._differences(load(tmp_path, {}), serves)) == []
    ((_, key, facts),) = doctor_database._differences(load(tmp_path, {"HANSE_TRUST__MASTER_KEY": "ab" * 32}), serves)
    assert (key, facts["keys"]) == ("settings-differ", "trust.master_key")
