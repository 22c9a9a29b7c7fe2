"""Files that nobody wants any more go, and nothing that anybody names does."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from connector.data.approvals.model import Voter
from connector.data.approvals.publications import NewDataset
from connector.data.catalogue import uploads as uploading
from connector.data.catalogue.service import Publication
from connector.data.catalogue.uploads import Uploads
from connector.data.drafts.leftovers import Leftovers
from connector.data.drafts.model import Draft
from connector.data.drafts.service import Drafts
from connector.data.sources.kinds import NewSource, Sources
from connector.data.sources.model import Source
from connector.foundation.errors import Unknown
from connector.foundation.http.outbound import SafeClient
from connector.foundation.storage.database import Tx
from connector.kernel.reading.contents import read_contents
from connector.kernel.reading.model import Limits, Reading
from tests.testkit.patience import PATIENCE_S
from tests.testkit.towns import Towns

TOWN = "musterstadt"
CONTENT = b"Art;Stamm\nAhorn;30\nLinde;41\n"
DAY = 86_400
ANNA, PAULA = Voter("p-aaaaaa", frozenset({"steward"})), Voter("p-999999", frozenset({"publisher"}))
RULE, SLOTS = "municipal-purpose", {"until": "31.12.2099"}


class Body:
    """What a browser sends."""

    def __init__(self, content: bytes) -> None:
        self._left = content

    async def read(self, n: int = -1) -> bytes:
        piece, self._left = self._left, b""
        return piece


async def read_here(path: Path, limits: Limits, participant: str = "") -> Reading:
    with path.open("rb") as file:
        return read_contents(file, str(path), limits)


class Hall:
    """A town hall in which time passes."""

    def __init__(self, towns: Towns, folder: Path) -> None:
        self.towns, self.folder, self.uploads = towns, folder / TOWN, Uploads(folder)
        self.desk = Drafts(
            towns.db,
            towns.participants,
            towns.catalogue,
            self.uploads,
            Sources(self.uploads.place, SafeClient(), towns.vault),
            towns.publications,
            towns.approvals,
            read_here,
        )
        self.leftovers = Leftovers(towns.db, towns.participants, self.uploads)

    async def draft(self, content: bytes = CONTENT) -> Draft:
        made = await self.desk.begin(TOWN, ANNA.who, "baeume.csv", Body(content))
        return await self.desk.read_within(TOWN, made.id, 10)

    async def discarded(self, content: bytes = CONTENT) -> Draft:
        made = await self.draft(content)
        await self.towns.db.write(TOWN, self.desk.discard, TOWN, made.id)
        return made

    async def published(self, one: Draft, **said: Any) -> Draft:
        ready = await self.towns.db.write(TOWN, self.desk.answer, TOWN, one.id, one.version, said, ANNA)
        return await self.towns.db.write(TOWN, self.desk.submit, TOWN, ready.id, ready.version, ANNA)

    async def handed_in(self, content: bytes = CONTENT) -> Source:
        source = await self.uploads.take(TOWN, "baeume.csv", Body(content))
        return await self.towns.db.write(TOWN, self.towns.catalogue.register, TOWN, source)

    async def pass_days(self, days: float) -> None:
        """For everything that is there."""
        await self.towns.db.write(TOWN, _older, int(days * DAY * 1000))
        for path in self.folder.iterdir():
            os.utime(path, (path.stat().st_mtime - days * DAY,) * 2)

    async def sweep(self) -> int:
        """How many files are left."""
        await self.leftovers.sweep()
        return len(list(self.folder.iterdir()))

    async def sources(self) -> int:
        return len(await self.towns.db.read(TOWN, _sources))


def _older(tx: Tx, by: int) -> None:
    tx.run("UPDATE source SET created_at = created_at - :by", by=by)
    tx.run("UPDATE publication_draft SET changed_at = changed_at - :by", by=by)


def _sources(tx: Tx) -> list[str]:
    return [str(row["id"]) for row in tx.all("SELECT id FROM source")]


@pytest.fixture
async def hall(towns: Towns, tmp_path: Path) -> AsyncIterator[Hall]:
    towns.people.roles = {who.who: set(who.roles) for who in (ANNA, PAULA)}
    made = Hall(towns, tmp_path / "files")
    yield made
    await made.desk.stop()


async def test_bug_the_file_of_a_discarded_draft_stayed_for_ever(hall: Hall) -> None:
    """>> discarded after weeks << there for a day >> more than that << gone, with its source."""
    made = await hall.draft()
    await hall.pass_days(40)
    await hall.towns.db.write(TOWN, hall.desk.discard, TOWN, made.id)
    await hall.pass_days(0.9)
    assert (await hall.sweep(), await hall.sources()) == (1, 1)
    await hall.pass_days(0.2)
    assert (await hall.sweep(), await hall.sources()) == (0, 0)


@pytest.mark.on_both
async def test_what_a_program_hands_in_waits_for_a_month(hall: Hall) -> None:
    """>> handed in << after 29 days it may be published >> after 31 << gone."""
    source = await hall.handed_in()
    await hall.pass_days(29)
    assert await hall.sweep() == 1
    assert [one.id for one in await hall.towns.db.read(TOWN, hall.desk.unused, TOWN)] == [source.id]
    await hall.pass_days(2)
    assert (await hall.sweep(), await hall.sources()) == (0, 0)
    with pytest.raises(Unknown, match=r"drafts\.unknown"):
        await hall.desk.begin_with(TOWN, ANNA.who, source.id)


@pytest.mark.threat("T191")
@pytest.mark.on_both
async def test_a_source_elsewhere_goes_with_its_login(hall: Hall) -> None:
    """>> registered with a login, after 29 days and 31; one whose dataset was published << gone; stays."""
    parameters = {"url": "https://a.example/x.csv", "authorization": "Basic c2VjcmV0"}
    wish = NewSource(kind="http", parameters=parameters, name="x.csv")
    room = Sources(hall.uploads.place, SafeClient(), hall.towns.vault)
    hall.uploads.folder(TOWN)
    for number in range(2):
        source = room.made(TOWN, wish)
        await hall.towns.db.write(TOWN, hall.towns.catalogue.register, TOWN, source)
        if number:
            publication = Publication(source=source.id, title="Stand", rule=RULE, slots=SLOTS)
            await hall.towns.db.write(TOWN, hall.towns.catalogue.publish, TOWN, publication)
    await hall.pass_days(29)
    await hall.sweep()
    assert await hall.sources() == 2
    await hall.pass_days(2)
    await hall.sweep()
    assert [str(one) for one in await hall.towns.db.read(TOWN, _sources)] == [source.id]


@pytest.mark.on_both
async def test_what_is_named_stays(hall: Hall) -> None:
    """>> an open draft, a dataset, a withdrawn one, an older version << every file after years, and its source."""
    await hall.draft(b"a;b\n1;2\n")
    for content, gone in ((b"a;b\n3;4\n", False), (b"a;b\n5;6\n", True)):
        one = await hall.published(await hall.draft(content), rule=RULE, slots=SLOTS)
        if gone:
            await hall.towns.db.write(TOWN, hall.towns.catalogue.life.withdraw, TOWN, one.dataset)
        else:
            new = await hall.desk.begin(TOWN, ANNA.who, "neu.csv", Body(b"a;b\n7;8\n"), dataset=one.dataset)
            await hall.published(await hall.desk.read_within(TOWN, new.id, 10), notes="neu")
    await hall.pass_days(4000)
    await hall.towns.db.write(TOWN, _without_published_drafts)  # the datasets alone name them
    assert (await hall.sweep(), await hall.sources()) == (4, 4)


def _without_published_drafts(tx: Tx) -> None:
    tx.run("DELETE FROM publication_draft WHERE state = 'published'")


async def test_what_others_have_to_agree_to_stays(hall: Hall) -> None:
    """>> a program's publication that waits for a steward << its file is there when she agrees."""
    source = await hall.handed_in()
    wish = NewDataset(Publication(source=source.id, title="Bäume", rule=RULE, slots=SLOTS))
    made = await hall.towns.db.write(TOWN, hall.towns.publications.submit, TOWN, PAULA, wish)
    assert made.approval is not None
    await hall.pass_days(40)
    assert (await hall.sweep(), await hall.sources()) == (1, 1)
    await hall.towns.db.write(TOWN, hall.towns.publications.yes, TOWN, made.approval.id, ANNA)


async def test_the_same_bytes_in_another_draft_stay(hall: Hall) -> None:
    """>> the same file in a discarded and in an open draft << it stays; >> handed in anew just now << too."""
    await hall.discarded()
    await hall.draft()
    await hall.pass_days(100)
    assert await hall.sweep() == 1
    other = b"a;b\n9;9\n"
    await hall.discarded(other)
    await hall.pass_days(100)
    await hall.uploads.take(TOWN, "neu.csv", Body(other))  # its source is registered in a moment
    assert await hall.sweep() == 2


async def test_who_dies_between_row_and_file_leaves_a_file_for_the_next(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the process ends when the rows are gone << the next sweep removes the file."""
    await hall.discarded()
    await hall.pass_days(2)

    async def dies(slug: str, named: object) -> list[str]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(hall.uploads, "remove_others", dies)
        with pytest.raises(KeyboardInterrupt):
            await hall.leftovers.sweep()
    assert (await hall.sources(), len(list(hall.folder.iterdir()))) == (0, 1)
    assert await hall.sweep() == 0


async def test_bytes_that_come_anew_at_the_last_moment_stay(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the same bytes get their name after the sweep found them old, before it has the lock << they stay."""
    await hall.discarded()
    await hall.pass_days(2)
    lock, path = uploading._locked, hall.folder / sha256(CONTENT).hexdigest()

    def late(folder: Path) -> object:
        os.utime(path, (time.time(),) * 2)
        return lock(folder)

    monkeypatch.setattr(uploading, "_locked", late)
    assert await hall.sweep() == 1


async def test_without_locks_everything_stays(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a file system that has none << a file comes in as ever, and none is removed."""

    def none(handle: int, operation: int) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(uploading.fcntl, "flock", none)
    await hall.discarded()
    await hall.pass_days(2)
    assert await hall.sweep() == 1


async def test_what_is_published_at_the_last_moment_stays(hall: Hall) -> None:
    """>> the sweep has found a file that nobody wants >> a program publishes it << it stays."""
    source = await hall.handed_in()
    await hall.pass_days(31)
    db, wish = hall.towns.db, Publication(source=source.id, title="Bäume", rule=RULE, slots=SLOTS)

    class Late:
        read = db.read

        async def write(self, *args: Any) -> Any:
            await db.write(TOWN, hall.towns.catalogue.publish, TOWN, wish)
            return await db.write(*args)

    hall.leftovers._db = Late()  # type: ignore[assignment]
    assert (await hall.sweep(), await hall.sources()) == (1, 1)


async def test_a_draft_of_what_has_just_been_removed_is_refused(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> somebody goes on with a file that the sweep removes at this moment << no draft without a file."""
    source = await hall.handed_in()
    await hall.pass_days(31)
    await hall.sweep()
    monkeypatch.setattr(hall.desk, "unused", lambda tx, slug: [source])
    with pytest.raises(Unknown, match=r"drafts\.unknown"):
        await hall.desk.begin_with(TOWN, ANNA.who, source.id)


@pytest.mark.parametrize("way", ["approval", "draft"])
async def test_what_is_named_while_the_sweep_looks_stays(hall: Hall, way: str) -> None:
    """>> one unit names a file, another sweeps before it is committed << the sweep waits for it, and it stays."""
    source, named = await hall.handed_in(), threading.Event()
    await hall.pass_days(31)
    wish = NewDataset(Publication(source=source.id, title="Bäume", rule=RULE, slots=SLOTS))

    def name(tx: Tx) -> None:
        if way == "approval":
            hall.towns.publications.submit(tx, TOWN, PAULA, wish)
        else:
            hall.desk._insert(tx, TOWN, ANNA.who, source, source, "", source.id)
        named.set()
        time.sleep(0.2)

    naming = asyncio.create_task(hall.towns.db.write(TOWN, name))
    assert await asyncio.to_thread(named.wait, PATIENCE_S)
    assert (await hall.sweep(), await hall.sources()) == (1, 1)
    await naming
