"""The drill: a serving town is backed up under traffic, dies, and comes back in a new folder with every proof good."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connector.cli.main import main
from connector.continuity.backup import create
from connector.dataspace.witness import note_files
from connector.foundation.storage.sqlite import snapshot
from connector.identity.audit import origins
from connector.verify.bundle import verify_bundle
from connector.verify.report import Verdict
from tests.cities.sharing import free_port, shared
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.pair import TOWN, VILLAGE, Pair, bystander, two
from tests.testkit.patience import PATIENCE_S, eventually
from tests.testkit.processes import Process

pytestmark = [pytest.mark.threat("T73"), pytest.mark.alone]


async def hanse(folder: Path, *argv: str, environ: dict[str, str] | None = None) -> int:
    return await asyncio.to_thread(main, ["--data", str(folder), "--lang", "en", "--json", *argv], environ or {})


async def backed_up(folder: Path, to: Path, capsys: pytest.CaptureFixture[str], environ: Any = None) -> dict[str, Any]:
    capsys.readouterr()
    assert await hanse(folder, "backup", "--to", str(to), "--check", environ=environ) == 0, capsys.readouterr()
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said["missing"] == []
    assert said["checked"]["wrong"] == []
    return said


async def all_passed(api: Any, slug: str, roots: bytes) -> int:
    """Every bundle of every agreement, once a witness has vouched for what the log says by now; how many there are.

    The copy may be of the moment between two messages: what is not concluded has no evidence yet.
    """
    every = (await api.get(f"/api/v1/participants/{slug}/agreements"))["agreements"]
    found = [one for one in every if one["state"] == "finalized"]
    for one in found:
        path = f"/api/v1/participants/{slug}/agreements/{one['agreement'].removeprefix('urn:uuid:')}/evidence"
        async with asyncio.timeout(PATIENCE_S):
            while (report := verify_bundle(await api.get(path), roots, "de")).verdict is not Verdict.PASSED:
                assert report.holds_apart_from_time, report.reason
                await asyncio.sleep(0.2)
    return len(found)


def marked(folder: Path) -> int:
    """How far the folder knows that the log was signed."""
    found = note_files.read(folder / "log" / TOWN)
    return 0 if found is None else found[1].size


@asynccontextmanager
async def traffic(pair: Pair) -> AsyncIterator[None]:
    """Negotiations and transfers without end."""

    async def forever() -> None:
        while True:
            await pair.exchange()

    busy = asyncio.create_task(forever())
    try:
        yield
    finally:
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)


@pytest.mark.parametrize("told", ["by the old folder", "by the witness"])
async def test_a_town_on_sqlite_comes_back_after_kill_9(
    told: str, space: Space, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> backup under traffic, more contracts, kill -9, restore << all PASSED; the log goes on under a new origin."""
    async with two(space) as pair, bystander(space, pair.provider, pair.consumer):
        town = pair.provider
        await pair.exchange()
        async with traffic(pair):
            made = await backed_up(town.folder, space.folder.parent / "backups", capsys)
            with snapshot.reading(Path(made["folder"]) / create.SQLITE) as tx:
                copied = (tx.one("SELECT max(size) AS size FROM audit_seal") or {})["size"]
            witnessed = "SELECT max(size) AS size FROM cosignature"
            await eventually(lambda: (town.rows(witnessed)[0]["size"] or 0) > copied)
            await eventually(lambda: marked(town.folder) > copied)
            await town.kill()
        fresh = town.folder.with_name("fresh")
        old = ["--old", str(town.folder)] if told == "by the old folder" else []
        assert await hanse(fresh, "restore", made["folder"], *old) == 0, capsys.readouterr()
        restored = Process(fresh)
        try:
            await restored.start()
            assert await all_passed(restored.api, TOWN, space.roots) >= 1
            pair.provider = restored
            signed = await pair.negotiate()
            assert signed["state"] == "FINALIZED"
            assert (await pair.fetch(signed["agreement"]))["state"] == "COMPLETED"
            assert await all_passed(restored.api, TOWN, space.roots) >= 2
            assert restored.rows("SELECT max(epoch) AS epoch FROM log_epoch")[0]["epoch"] == 1
        finally:
            await restored.close()


async def test_bug_a_copy_over_the_database_beside_the_log_of_a_crash_is_refused(
    space: Space, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> kill -9, the backup copied over `hanse.db` beside its `-wal` << no start, nothing written, doctor says why."""
    async with two(space) as pair:
        town = pair.provider
        await pair.exchange()
        made = await backed_up(town.folder, space.folder.parent / "backups", capsys)
        await pair.exchange()
        await town.kill()
        assert (town.folder / "hanse.db-wal").stat().st_size > 4096
        shutil.copyfile(Path(made["folder"]) / "database" / "hanse.db", town.folder / "hanse.db")
        there = {path.name: path.read_bytes() for path in town.folder.glob("hanse.db*")}
        with pytest.raises(RuntimeError, match="einer anderen"):
            await town.start()
        assert {path.name: path.read_bytes() for path in town.folder.glob("hanse.db*")} == there
        assert await hanse(town.folder, "doctor") == 1
        found = json.loads(capsys.readouterr().out)["findings"]
        assert [one["state"] for one in found if one["check"] == "database-unsound"] == ["bad"]


async def agreed(town: City, village: City, dataset: str) -> str:
    found = await village.negotiate(VILLAGE, town.did(TOWN), dataset)
    assert found["state"] == "FINALIZED", found
    return str(found["agreement"])


def moved(environ: dict[str, str], urls: Any, folder: Path, names: Sequence[str]) -> dict[str, str]:
    """The same settings for the new place: another database, and folders of its own."""
    places = {"HANSE_DATA__FILES": str(folder / "files"), "HANSE_DATA__RECEIVED": str(folder / "received")}
    kept = {name: value for name, value in environ.items() if name not in names}
    return (
        kept
        | places
        | {
            "HANSE_DATABASE__URL": urls.app,
            "HANSE_DATABASE__WORKER_URL": urls.worker,
            "HANSE_DATABASE__OWNER_URL": urls.owner,
        }
    )


@pytest.mark.long
async def test_two_replicas_on_postgresql_come_back_in_another_database(
    space: Space, cluster: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> backup beside two replicas, restore into an empty database << PASSED, tenants apart; not into a full one."""
    with cluster.empty() as urls, cluster.empty() as second:
        environ = shared(space.folder, urls, free_port())
        village = await space.city("village", {VILLAGE: MUNICIPALITY})
        await space.city("kreis", {"kreis": MUNICIPALITY})  # no party: its witness proves when
        async with (
            space.running("ra", {TOWN: MUNICIPALITY}, environ | {"HANSE_API__SOCKET": "one.sock"}) as one,
            space.running("rb", {}, environ | {"HANSE_API__SOCKET": "two.sock"}) as two_,
        ):
            await space.reload(one, two_, village)
            dataset = (await one.publish(TOWN))["dataset"]
            await agreed(one, village, dataset)
            folder, to = one.settings.folder, space.folder.parent / "backups"
            made = await backed_up(folder, to, capsys, environ | {"HANSE_API__SOCKET": "one.sock"})
            await agreed(two_, village, dataset)
            assert await all_passed(one.api, TOWN, space.roots) == 2
            await (
                one.services.operation.maintenance.seal_logs()
            )  # what was signed is known to its own folder at the next look
        taken = moved(environ, urls, space.folder.parent / "taken", ["HANSE_TRUST__MASTER_KEY_FILE"])
        capsys.readouterr()
        assert await hanse(space.folder.parent / "taken", "restore", made["folder"], environ=taken) == 1
        assert json.loads(capsys.readouterr().out)["code"] == "backup.database-not-empty"
        fresh = moved(environ, second, space.folder.parent / "again", ["HANSE_TRUST__MASTER_KEY_FILE"])
        again = space.folder.parent / "again"
        code = await hanse(again, "restore", made["folder"], "--old", str(folder), environ=fresh)
        assert code == 0, capsys.readouterr()
        async with space.running("again", {}, fresh) as town:
            assert await all_passed(town.api, TOWN, space.roots) == 1
            await agreed(town, village, dataset)
            assert await all_passed(town.api, TOWN, space.roots) == 2
            assert await town.services.infra.db.read(TOWN, origins.current, TOWN) == 1
            hidden = await town.services.infra.db.read("nobody", lambda tx: tx.all("SELECT id FROM agreement"))
            assert hidden == []
