"""A server starts in the data folder of its own database only: copies, wrong mounts, replicas and backups."""

import asyncio
import shutil
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

from connector.cli.main import main
from connector.foundation.errors import Mistake
from connector.foundation.storage import folder_identity, migrate, upgrade
from connector.foundation.storage.folder_identity import FILE
from connector.identity.audit import origins
from tests.cities.sharing import free_port, shared
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.processes import Process
from tests.testkit.releases import before

TOWN = "musterstadt"
ANOTHER = r"storage\.folder-of-another"


def without_database(folder: Path) -> dict[str, bytes]:
    """The files of SQLite, taken out of the folder."""
    found = {one.name: one.read_bytes() for one in folder.glob("hanse.db*")}
    for name in found:
        (folder / name).unlink()
    return found


def put_back(folder: Path, files: dict[str, bytes]) -> None:
    without_database(folder)
    for name, data in files.items():
        (folder / name).write_bytes(data)


async def refused(space: Space, name: str, environ: dict[str, str] | None = None) -> None:
    with pytest.raises(Mistake, match=ANOTHER):
        async with space.running(name, {}, environ):
            pytest.fail("it started")


async def sealed(city: City) -> int:
    """Its log is looked at and signed anew, also while the round of the start does so; the epoch it is in."""
    await city.services.evidence.seal_log(await city.services.participants.get(TOWN))
    return await city.services.infra.db.read(TOWN, origins.current, TOWN)


@pytest.mark.threat("T61")
async def test_another_database_in_its_place_is_refused_and_untouched(space: Space) -> None:
    """>> the file of the database is missing, or a stranger's << said, nothing made; with its own it goes on."""
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        assert await sealed(town) == 0
        folder = town.settings.folder
    noted = (folder / FILE).read_text()
    own = without_database(folder)
    await refused(space, "town")
    assert list(folder.glob("hanse.db")) == []
    async with space.running("elsewhere", {TOWN: MUNICIPALITY}) as other:
        stranger = other.settings.folder
    strange = without_database(stranger)
    put_back(folder, strange)
    await refused(space, "town")
    assert (folder / "hanse.db").read_bytes() == strange["hanse.db"]
    put_back(folder, own)
    async with space.running("town", {}) as town:
        assert await sealed(town) == 0
    assert (folder / FILE).read_text() == noted


async def test_what_comes_back_from_a_backup_is_at_home(space: Space) -> None:
    """>> the database of before, or the folder without the note << started; of a lost state the log tells (0038)."""
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        folder = town.settings.folder
        assert await sealed(town) == 0
    backup = {one.name: one.read_bytes() for one in folder.glob("hanse.db*")}
    async with space.running("town", {}) as town:
        for _ in range(2):
            await town.api.post(f"/api/v1/participants/{TOWN}/keys/peer/rotate")
            assert await sealed(town) == 0
    put_back(folder, backup)
    async with space.running("town", {}) as town:
        assert await sealed(town) == 1  # noticed by its mark, under the same roof
    noted = (folder / FILE).read_text()
    (folder / FILE).unlink()
    async with space.running("town", {}) as town:
        assert await sealed(town) == 1
    assert (folder / FILE).read_text() == noted


async def test_the_file_that_the_sentence_names_is_the_way_out(space: Space) -> None:
    """>> a folder is meant for another database from now on: its note is deleted << it is that one's, and only that."""
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        folder = town.settings.folder
    own = without_database(folder)
    (folder / FILE).unlink()
    async with space.running("town", {TOWN: MUNICIPALITY}):
        pass
    put_back(folder, own)
    await refused(space, "town")


async def test_a_copied_installation_has_a_folder_of_its_own(space: Space) -> None:
    """>> folder and database copied together << each starts; crossed over they are the same database."""
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        folder = town.settings.folder
    shutil.copytree(folder, folder.with_name("copy"), ignore=shutil.ignore_patterns("*.sock"))
    async with space.running("copy", {}) as copy:
        assert await sealed(copy) == 0


async def test_replicas_of_one_database_share_a_folder_or_not(space: Space, cluster: ModuleType) -> None:
    """>> two in one folder, a third in its own << all run, and all folders are of this database alone."""
    with cluster.empty() as urls:
        environ = shared(space.folder, urls, free_port())

        def own(socket: str) -> dict[str, str]:
            return environ | {"HANSE_API__SOCKET": socket}

        async with (
            space.running("ra", {TOWN: MUNICIPALITY}, own("one.sock")) as one,
            space.running("ra", {}, own("two.sock")) as two,
            space.running("rb", {}, own("three.sock")) as three,
        ):
            found = await one.services.infra.db.read("", folder_identity.identity)
            assert {folder_identity.owner(city.settings.folder) for city in (one, two, three)} == {found}
            for city in (one, two, three, one, two, three):
                assert await sealed(city) == 0


@pytest.mark.threat("T61")
async def test_bug_two_installations_in_one_folder_opened_new_origins_in_turn(
    space: Space, cluster: ModuleType
) -> None:
    """>> two databases that know the same town, one folder << the second is refused, the first signs on as before.

    Nor is the second migrated: its schema is older, and stays so.
    """
    older = before(space.folder.parent / "older", "0016")
    with cluster.empty() as first, cluster.empty() as second:
        environ = shared(space.folder, first, free_port())
        wrong = environ | {
            "HANSE_DATABASE__URL": second.app,
            "HANSE_DATABASE__WORKER_URL": second.worker,
            "HANSE_DATABASE__OWNER_URL": second.owner,
        }
        async with space.running("town", {TOWN: MUNICIPALITY}, environ) as town:
            assert await sealed(town) == 0
            await refused(space, "town", wrong | {"HANSE_API__SOCKET": "other.sock"})  # while the first is running
            assert await sealed(town) == 0
        with psycopg.connect(second.admin) as admin:
            assert admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall() == []
        upgrade(second.owner, folder=older)
        await refused(space, "town", wrong)
        assert migrate.identity(second.owner) is None
        upgrade(second.owner)
        await refused(space, "town", wrong)
        await refused(space, "town", wrong | {"HANSE_DATABASE__OWNER_URL": ""})  # which does not migrate
        async with space.running("town", {}, environ) as town:
            assert await sealed(town) == 0
            assert [one["slug"] for one in (await town.api.get("/api/v1/participants"))["participants"]] == [TOWN]


async def test_the_server_says_it_and_what_only_reads_goes_on(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    """>> `hanse serve` in the wrong folder << exit code 1, both ways out in the sentence; `doctor` still runs there."""
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        folder = town.settings.folder
    (folder / FILE).write_text("f" * 32 + "\n")
    process = Process(folder, environ={"HANSE_LANG": "de"})
    with pytest.raises(RuntimeError) as ended:
        await process.start()
    await process.api.close()
    assert await process.ended() == 1
    told = str(ended.value)
    assert "gehört zu einer anderen Datenbank" in told
    assert str(folder / FILE) in told
    assert "Traceback" not in told
    await asyncio.to_thread(main, ["--data", str(folder), "--lang", "en", "doctor"], {})
    assert "belongs to another database" not in capsys.readouterr().err
    assert (folder / FILE).read_text() == "f" * 32 + "\n"


async def test_killed_at_any_moment_of_its_first_start_it_starts_again(space: Space) -> None:
    """>> SIGKILL again and again while it starts for the first time << the folder is never another's, and it runs."""
    process = Process(space.prepared("town"))
    for pause in (0.02, 0.08, 0.14, 0.2, 0.3, 0.5):
        starting = asyncio.ensure_future(process.start())
        await asyncio.sleep(pause)
        await process.kill()
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
    await process.start()
    assert await process.api.get("/health/started")
    assert await process.stop() == 0
    await process.api.close()
    assert folder_identity.owner(process.folder) == migrate.identity(f"sqlite://{process.folder / 'hanse.db'}")
