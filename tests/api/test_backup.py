"""The server's copy of its database goes into the draft of a backup, and nowhere else, whoever asks."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from connector.backup import create
from connector.cli.main import main
from tests.testkit.cities import MUNICIPALITY, Refused, Space
from tests.testkit.processes import Process

TOWN = "musterstadt"
PATH = "/api/v1/backup/database"


@pytest.mark.threat("T73")
async def test_it_writes_into_an_empty_file_of_a_draft_alone(space: Space, tmp_path: Path) -> None:
    """>> another name, another folder, a file with something in it, a link, none << refused, and nothing is changed."""
    draft = tmp_path / "hanse-x.partial" / "database"
    draft.mkdir(parents=True)
    (good := draft / "hanse.db").touch()
    full = tmp_path / "hanse-y.partial" / "hanse.db"
    full.parent.mkdir()
    full.write_text("mine")
    (linked := tmp_path / "hanse-z.partial" / "hanse.db").parent.mkdir()
    (tmp_path / "empty").touch()
    linked.symlink_to(tmp_path / "empty")
    (tmp_path / "hanse.db").touch()
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        own = town.settings.folder / "hanse.db"
        for place in (
            own,
            full,
            linked,
            tmp_path / "hanse.db",
            draft / "other.db",
            tmp_path / "no.partial" / "hanse.db",
        ):
            with pytest.raises(Refused) as refused:
                await town.api.post(PATH, {"to": str(place)})
            assert (refused.value.status, refused.value.problem["code"]) == (403, "backup.not-there")
        for body in ({"to": 7}, {}, {"to": str(good), "more": 1}):
            with pytest.raises(Refused):
                await town.api.post(PATH, body)
        said = (await town.api.post(PATH, {"to": str(good)})).splitlines()
    assert full.read_text() == "mine"
    assert (tmp_path / "empty").read_bytes() == (tmp_path / "hanse.db").read_bytes() == b""
    assert json.loads(said[-1]) == {"copied": True}
    with closing(sqlite3.connect(good)) as copy:
        assert copy.execute("SELECT id FROM participant").fetchall() == [(TOWN,)]


async def test_a_server_that_dies_in_the_middle_leaves_no_backup(
    space: Space, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> kill -9 while it copies << said, exit code 4; no folder, no draft; the next one, without it, is whole."""
    town = Process(space.prepared("town"))
    await town.start()
    await town.api.post("/api/v1/participants", {"slug": TOWN, "name": TOWN, "kind": MUNICIPALITY})
    to = town.folder.with_name("backups")

    files = create._files

    def killed(*args: object) -> object:
        town._child.kill()
        return files(*args)

    monkeypatch.setattr(create, "_files", killed)
    assert await asyncio.to_thread(main, ["--data", str(town.folder), "backup", "--to", str(to)], {}) in (3, 4)
    monkeypatch.undo()
    await town.ended()
    assert sorted(path.name for path in to.iterdir()) == [".gitignore", ".lock"]
    assert await asyncio.to_thread(main, ["--data", str(town.folder), "backup", "--to", str(to)], {}) == 0
    await town.api.close()
    capsys.readouterr()


async def test_on_postgresql_the_owner_has_to_be_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"HANSE_DATABASE__URL": "postgresql://hanse@localhost/none", "HANSE_TRUST__MASTER_KEY": "ab" * 32}
    words = ["--data", str(tmp_path / "data"), "--json", "backup"]
    assert await asyncio.to_thread(main, words, environ) == 1
    assert json.loads(capsys.readouterr().out)["code"] == "backup.no-owner"
