"""Migrations on both databases: forward only, all or nothing, and clear words when database and program do not fit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.foundation.errors import Mistake
from connector.foundation.language import say
from connector.foundation.storage import open_database, upgrade
from connector.foundation.storage.schema import MIGRATIONS, steps


@pytest.fixture(params=["sqlite", "postgres"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """Owner, service and worker of a database without tables."""
    if request.param == "sqlite":
        url = f"sqlite://{tmp_path / 'hanse.db'}"
        yield url, url, ""
        return
    with request.getfixturevalue("cluster").empty() as found:
        yield found.owner, found.app, found.worker


def release(folder: Path, **more: str) -> Path:
    """The migrations of this release and those of a later one."""
    folder.mkdir()
    for path in MIGRATIONS.glob("*.sql"):
        (folder / path.name).write_text(path.read_text())
    for name, sql in more.items():
        (folder / f"{name}.sql").write_text(sql)
    return folder


async def opens(urls: tuple[str, str, str]) -> None:
    database = open_database(urls[1], worker_url=urls[2])
    await database.start()
    await database.close()


async def test_twice_is_once(urls: tuple[str, str, str]) -> None:
    """The second run finds nothing to do."""
    assert upgrade(urls[0]) == [step.name for step in steps("sqlite")]
    assert upgrade(urls[0]) == []
    await opens(urls)


async def test_an_empty_database_is_too_old(urls: tuple[str, str, str]) -> None:
    """The sentence names the missing step."""
    with pytest.raises(Mistake, match=r"storage\.schema-old") as caught:
        await opens(urls)
    assert "0001_pre_house" in say(f"error.{caught.value.code}", "de", **caught.value.facts)


async def test_a_newer_database_is_refused(urls: tuple[str, str, str], tmp_path: Path) -> None:
    """A `post` step we do not know removed what we need: neither start nor migrate."""
    later = release(tmp_path / "later", **{"9002_post_tidy": "CREATE TABLE tidy (id {int});"})
    assert "9002_post_tidy" in upgrade(urls[0], folder=later)
    with pytest.raises(Mistake, match=r"storage\.schema-new"):
        await opens(urls)
    with pytest.raises(Mistake, match=r"storage\.schema-new"):
        upgrade(urls[0])


async def test_the_previous_release_runs_on_a_prepared_database(urls: tuple[str, str, str], tmp_path: Path) -> None:
    """During a rollout the `pre` step is there and the `post` step is not yet."""
    more = {"9001_pre_more": "CREATE TABLE more (id {id});", "9002_post_tidy": "DROP TABLE more;"}
    later = release(tmp_path / "later", **more)
    assert upgrade(urls[0], until="pre", folder=later) == [*(step.name for step in steps("sqlite")), "9001_pre_more"]
    await opens(urls)
    assert upgrade(urls[0], folder=later) == ["9002_post_tidy"]


async def test_a_failing_step_leaves_nothing(urls: tuple[str, str, str], tmp_path: Path) -> None:
    """Its first statement is undone with the second, and after mending it runs."""
    folder = release(
        tmp_path / "later", **{"9001_pre_more": "CREATE TABLE more (id {id});\nCREATE TABLE more (id {id});"}
    )
    with pytest.raises(Mistake, match=r"storage\.migration-failed"):
        upgrade(urls[0], folder=folder)
    (folder / "9001_pre_more.sql").write_text("CREATE TABLE more (id {id});")
    assert upgrade(urls[0], folder=folder) == ["9001_pre_more"]


def test_a_stray_file_is_named(tmp_path: Path) -> None:
    """A migration that would silently be left out stops everything."""
    folder = release(tmp_path / "later", more="SELECT 1;")
    with pytest.raises(Mistake, match=r"storage\.migration-name"):
        steps("sqlite", folder)


@pytest.mark.parametrize("url", ["mysql://x", "sqlite:", "sqlite://", "sqlite:///", "hanse.db"])
def test_an_unreadable_address(url: str) -> None:
    """Neither SQLite nor PostgreSQL."""
    with pytest.raises(Mistake, match=r"storage\.url"):
        open_database(url)
