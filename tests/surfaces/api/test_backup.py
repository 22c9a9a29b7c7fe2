"""The server's copy of its database goes into a folder of its own, on the socket's word alone."""

import asyncio
import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from connector.cli.main import main
from connector.continuity.backup import create
from connector.foundation.storage.sqlite import own_copies, snapshot
from tests.testkit.cities import MUNICIPALITY, Space
from tests.testkit.listening import reserved_port
from tests.testkit.patience import PATIENCE_S, eventually
from tests.testkit.processes import Process

TOWN = "musterstadt"
PATH = "/api/v1/backup/database"


@pytest.mark.threat("T73")
async def test_bug_a_key_copied_the_whole_database_into_any_file(space: Space, tmp_path: Path) -> None:
    """>> a key of the process with `operate`; the socket, with a place of the caller's and without << as if it were not
    there; a file of the server's own beside the database, for its owner alone, whatever place was named."""
    draft = tmp_path / "hanse-x.partial" / "hanse.db"
    draft.parent.mkdir()
    draft.touch()
    with reserved_port() as port:
        async with space.running("town", {TOWN: MUNICIPALITY}, {"HANSE_API__PORT": str(port)}) as town:
            accounts, own = town.services.accounts, town.settings.folder / own_copies.FOLDER
            her = await accounts.people.add("otto@provider.de", "Otto", operator=True)
            headers = {"Authorization": f"Bearer {await accounts.tokens.make_for_process(her.id, 'x', 1)}"}
            async with aiohttp.ClientSession() as session:
                for method in (session.post, session.get):
                    async with method(f"http://127.0.0.1:{port}{PATH}", headers=headers, json={}) as answer:
                        assert answer.status == 404
            assert not own.exists()
            for body in ({}, {"to": str(draft)}):
                said = json.loads((await town.api.post(PATH, body)).splitlines()[-1])
                place = own / said["name"]
                assert (said["copied"], place.parent, place.stat().st_mode & 0o777) == (True, own, 0o600)
                assert own.stat().st_mode & 0o777 == 0o700
                with closing(sqlite3.connect(place)) as copy:
                    assert copy.execute("SELECT id FROM participant").fetchall() == [(TOWN,)]
            assert len(list(own.iterdir())) == 2
    assert draft.read_bytes() == b""


async def test_a_backup_leaves_no_copy_behind(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    """>> `hanse backup` beside a running server << whole; what the server copied is in it and nowhere else."""
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        to = town.settings.folder.with_name("backups")
        words = ["--data", str(town.settings.folder), "backup", "--to", str(to), "--check"]
        assert await asyncio.to_thread(main, words, {}) == 0, capsys.readouterr()
        assert list((town.settings.folder / own_copies.FOLDER).iterdir()) == []
        assert len(list(to.glob("hanse-*/database/hanse.db"))) == 1
    capsys.readouterr()


async def test_who_asked_and_has_gone_leaves_no_copy(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the connection breaks while the server copies << the copy comes to its end, and is removed."""
    copying, go = threading.Event(), threading.Event()
    inner = snapshot.copy

    def slow(source: Path, target: Path, told: snapshot.Told) -> None:
        copying.set()
        assert go.wait(PATIENCE_S)
        inner(source, target, told)

    monkeypatch.setattr(snapshot, "copy", slow)
    monkeypatch.setattr("connector.surfaces.api.backup.EVERY_S", 0.01)
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        own = town.settings.folder / own_copies.FOLDER
        reader, writer = await asyncio.open_unix_connection(str(town.settings.api.socket))
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
        await reader.readuntil(b'"of":')
        assert copying.is_set()
        assert len(list(own.iterdir())) == 1
        writer.transport.abort()
        await asyncio.sleep(0.05)
        go.set()
        await eventually(lambda: not list(own.iterdir()))


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
