"""Whatever dies in the middle of a move, on either side: never in force twice, and the same command again ends it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from connector.continuity.moving import rows, target
from connector.continuity.moving.departure import Departures
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.storage import Database, open_database
from connector.foundation.storage.database import PROCESS
from connector.identity.trust.keys.jwk import Jwk
from tests.continuity.moving.sides import PARTNER, TOWN, New, Old, new_side
from tests.testkit.towns import Towns


class Died(BaseException):
    """The process is gone: nothing of it goes on."""


class Mortal:
    """A database whose process dies just before, or just after, the transaction of that number; for good."""

    def __init__(self, database: Database, at: int = 0, *, after: bool = False) -> None:
        self._database, self._at, self._after = database, at, after
        self.dialect, self.done, self.dead = database.dialect, 0, False

    async def start(self) -> None:
        await self._database.start()

    async def close(self) -> None:
        await self._database.close()

    async def write(self, scope: str, fn: Callable[..., Any], /, *args: Any, **kw: Any) -> Any:
        self.done += 1
        if self.dead or (self.done == self._at and not self._after):
            self.dead = True
            raise Died
        found = await self._database.write(scope, fn, *args, **kw)
        if self.done == self._at:
            self.dead = True
            raise Died
        return found

    async def read(self, scope: str, fn: Callable[..., Any], /, *args: Any, **kw: Any) -> Any:
        if self.dead:
            raise Died
        return await self._database.read(scope, fn, *args, **kw)

    def listen(self, topic: str, callback: Any, /) -> None:
        self._database.listen(topic, callback)


@asynccontextmanager
async def place(towns: Towns, migrated: Path, folder: Path) -> AsyncIterator[New]:
    folder.mkdir()
    file = shutil.copy(migrated, folder / "hanse.db")
    async with new_side(towns, open_database(f"sqlite://{file}"), folder) as side:
        yield side


def dying(side: New, mortal: Mortal) -> New:
    """The same place in a process that will die; what it has on the disk is the same."""
    arrivals = side.arrivals
    return side._replace(
        arrivals=type(arrivals)(
            mortal, side.participants, side.vault, arrivals._key_of, arrivals._folders, arrivals._spool
        )
    )


async def written_out(old: Old, side: New) -> bytes:
    await old.departures.begin(TOWN, target.parse((await side.arrivals.expect(TOWN)).target.text))
    return await old.archive()


async def furnished(old: Old) -> None:
    await old.towns.concluded(PARTNER, TOWN)
    await old.towns.concluded(TOWN, PARTNER)
    (old.folders["files/"] / TOWN).mkdir()
    (old.folders["files/"] / TOWN / "a.csv").write_bytes(b"a;b\n")


async def dies_and_goes_on(old: Old, side: New, archive: bytes, at: int, *, after: bool) -> None:
    """>> dies there, is started again << at rest all the while; the same file is taken, and it arrives."""
    with pytest.raises(Died):
        await dying(side, Mortal(side.db, at, after=after)).take(archive)
    assert await side.participants.all() == []
    assert (await side.arrivals.look(TOWN)).arrival.state in ("waiting", "imported")
    receipt = await side.take(archive)
    assert receipt
    counts = await side.db.read(TOWN, rows.counted, TOWN)
    assert counts["agreement"] == 2
    people = await side.db.read(PROCESS, lambda tx: tx.all("SELECT id FROM person"))
    assert people == []
    assert [path.name for path in (side.folders["files/"] / TOWN).iterdir()] == ["a.csv"]


async def walked(old: Old, migrated: Path, folder: Path, chosen: Callable[[int], list[int]]) -> None:
    towns = old.towns
    await furnished(old)
    total = await counted(old, migrated, folder / "count")
    for after in (False, True):
        for at in chosen(total):
            async with place(towns, migrated, folder / f"{after}-{at}") as side:
                archive = await written_out(old, side)
                await dies_and_goes_on(old, side, archive, at, after=after)
            await old.departures.back(TOWN)


async def counted(old: Old, migrated: Path, folder: Path) -> int:
    """How many transactions taking it in has."""
    async with place(old.towns, migrated, folder) as side:
        archive = await written_out(old, side)
        counting = Mortal(side.db)
        await dying(side, counting).take(archive)
        await old.departures.back(TOWN)
        return counting.done


@pytest.mark.threat("T110")
async def test_some_points_of_taking_it_in(old: Old, migrated: Path, tmp_path: Path) -> None:
    await walked(old, migrated, tmp_path, lambda total: [total - 1])


@pytest.mark.long
async def test_every_point_of_taking_it_in(old: Old, migrated: Path, tmp_path: Path) -> None:
    await walked(old, migrated, tmp_path, lambda total: list(range(1, total + 1)))


@pytest.mark.parametrize("after", [False, True])
async def test_each_step_of_the_other_side(old: Old, migrated: Path, tmp_path: Path, *, after: bool) -> None:
    """>> dies at the transaction of each step, before or after << the same command again gives the same end."""
    towns = old.towns
    await furnished(old)
    async with place(towns, migrated, tmp_path / "there") as side:
        to = target.parse((await side.arrivals.expect(TOWN)).target.text)

        def again(at: int) -> Departures:
            known = old.departures
            mortal: Any = Mortal(towns.db, at, after=after)
            return Departures(
                mortal, towns.clock, towns.participants, towns.vault, known._seal_log, known._folders, lambda: "hanse 0"
            )

        async def twice(call: Callable[[Departures], Any]) -> Any:
            with pytest.raises(Died):
                await call(again(1))
            await towns.participants.catch_up()
            return await call(old.departures)

        async def archive(departures: Departures) -> bytes:
            return b"".join([piece async for piece in departures.archive(TOWN)])

        await twice(lambda departures: departures.begin(TOWN, to))
        receipt = await side.take(await twice(archive))
        statement = await twice(lambda departures: departures.hand(TOWN, receipt))
        mortal = Mortal(side.db, 1, after=after)
        with pytest.raises(Died):
            await dying(side, mortal).arrivals.begin(TOWN, statement)
        await side.participants.catch_up()
        assert len(await side.participants.all()) == after
        await side.arrivals.begin(TOWN, statement)
        assert [one.participant.id for one in await side.participants.all()] == [TOWN]
        assert [one.participant.id for one in await towns.participants.all()] == [PARTNER]


class Hooked(Mortal):
    """A database on which something happens just behind the transaction of that number, in a process that lives on."""

    def __init__(
        self, database: Database, at: int, hook: Callable[[], Any], more: Mapping[int, Callable[[], Any]] | None = None
    ) -> None:
        super().__init__(database)
        self._hooks = {at: hook, **(more or {})}

    async def write(self, scope: str, fn: Callable[..., Any], /, *args: Any, **kw: Any) -> Any:
        found = await super().write(scope, fn, *args, **kw)
        if hook := self._hooks.get(self.done):
            await hook()
        return found


async def cancelled() -> None:
    raise asyncio.CancelledError


async def begun(old: Old, side: New, receipt: str) -> dict[str, int]:
    """How many rows of each table work there at last."""
    await side.arrivals.begin(TOWN, await old.departures.hand(TOWN, receipt))
    return dict(await side.db.read(TOWN, rows.counted, TOWN))


@pytest.mark.threat("T110")
async def test_nothing_that_a_receipt_promises_is_removed(old: Old, migrated: Path, tmp_path: Path) -> None:
    """>> whoever asked hangs up just when the receipt is there << all rows stay, and it can be handed over."""
    await furnished(old)
    total = await counted(old, migrated, tmp_path / "count")
    async with place(old.towns, migrated, tmp_path / "there") as side:
        archive = await written_out(old, side)
        with pytest.raises(asyncio.CancelledError):
            await dying(side, Hooked(side.db, total, cancelled)).take(archive)
        found = await side.arrivals.look(TOWN)
        assert found.arrival.state == "imported"
        assert (await begun(old, side, found.arrival.receipt))["agreement"] == 2


@pytest.mark.threat("T110")
@pytest.mark.parametrize("back", [1, 0])
async def test_another_process_takes_the_same_archive_meanwhile(
    old: Old, migrated: Path, tmp_path: Path, back: int
) -> None:
    """>> two take it in at once, the later one ends first << what it has a receipt for is whole, the other changes
    nothing of it."""
    await furnished(old)
    total = await counted(old, migrated, tmp_path / "count")
    async with place(old.towns, migrated, tmp_path / "there") as side:
        archive, receipts = await written_out(old, side), list[str]()
        before = await old.towns.db.read(TOWN, rows.counted, TOWN)

        async def other() -> None:
            spool = tmp_path / "other"
            arrivals = side.arrivals
            second = type(arrivals)(side.db, side.participants, side.vault, arrivals._key_of, arrivals._folders, spool)
            receipts.append(await side._replace(arrivals=second).take(archive))

        hooked = Hooked(side.db, total - 2 - back, other)
        with suppress(HanseError):
            await dying(side, hooked).take(archive)
        assert receipts
        after = await begun(old, side, receipts[0])
        for name in ("agreement", "negotiation", "object", "dataset"):
            assert after[name] in (before[name], before[name] + (name == "object")), name


@pytest.mark.threat("T110")
async def test_replicas_that_share_a_disk_do_not_mix_what_they_read(old: Old, migrated: Path, tmp_path: Path) -> None:
    """>> one has looked through an archive, another is just getting one for the same move << the first is taken in
    whole, the other refused, and nothing of either is left on the disk."""
    await furnished(old)
    async with place(old.towns, migrated, tmp_path / "there") as side:
        first, second = await written_out(old, side), await old.archive()
        one, half, more = side.arrivals, asyncio.Event(), asyncio.Event()
        other = type(one)(side.db, side.participants, side.vault, one._key_of, one._folders, one._spool)

        async def slowly() -> AsyncIterator[bytes]:
            yield second[: len(second) // 2]
            half.set()
            await more.wait()
            yield second[len(second) // 2 :]

        async def meanwhile(did: str, kid: str) -> Jwk:
            await half.wait()
            return await other._key_of(did, kid)

        one._key_of = meanwhile
        late = asyncio.create_task(other.receive(TOWN, slowly()))
        receipt = await side.take(first)
        more.set()
        with pytest.raises(Mistake, match=r"moving\.taken"):
            await late
        assert (await one.look(TOWN)).arrival.receipt == receipt
        assert list(one._spool.iterdir()) == []


async def another(old: Old, side: New, folder: Path) -> tuple[bytes, Callable[[], Any]]:
    """Two archives of one move, of which the later one has another file; another process takes that in when asked."""
    first = await written_out(old, side)
    (old.folders["files/"] / TOWN / "a.csv").write_bytes(b"c;d\n")
    second, one = await old.archive(), side.arrivals
    other = type(one)(side.db, side.participants, side.vault, one._key_of, one._folders, folder)

    async def meanwhile() -> None:
        await side._replace(arrivals=other).take(second)

    return first, meanwhile


@pytest.mark.threat("T110")
async def test_who_was_shut_out_replaces_no_file(old: Old, migrated: Path, tmp_path: Path) -> None:
    """>> while an archive is taken in, a later one is taken in as a whole; the first one goes on with its file
    << refused, and the file is that of the later one."""
    await furnished(old)
    total = await counted(old, migrated, tmp_path / "count")
    async with place(old.towns, migrated, tmp_path / "there") as side:
        first, meanwhile = await another(old, side, tmp_path / "other")
        with pytest.raises(Mistake, match=r"moving\.over"):
            await dying(side, Hooked(side.db, total - 2, meanwhile)).take(first)
        (file,) = (side.folders["files/"] / TOWN).iterdir()
        assert (file.name, file.read_bytes()) == ("a.csv", b"c;d\n")


@pytest.mark.threat("T110")
async def test_who_was_shut_out_removes_no_file(old: Old, migrated: Path, tmp_path: Path) -> None:
    """>> an attempt is cut off when its file is there, and removes its rows; before it removes files another one has
    taken the archive in << the file is there."""
    await furnished(old)
    total = await counted(old, migrated, tmp_path / "count")
    async with place(old.towns, migrated, tmp_path / "there") as side:
        first, meanwhile = await another(old, side, tmp_path / "other")
        hooked = Hooked(side.db, total - 1, cancelled, {total: meanwhile})
        with pytest.raises(asyncio.CancelledError):
            await dying(side, hooked).take(first)
        assert (await side.arrivals.look(TOWN)).arrival.state == "imported"
        assert (side.folders["files/"] / TOWN / "a.csv").read_bytes() == b"c;d\n"


async def test_giving_up_may_die_anywhere(old: Old, migrated: Path, tmp_path: Path) -> None:
    """>> dies between what it removes << the same command again, and the place is free for another."""
    await furnished(old)
    for at in (1, 2, 3, 4):
        async with place(old.towns, migrated, tmp_path / f"there-{at}") as side:
            receipt = await side.take(await written_out(old, side))
            word = await old.departures.back(TOWN)
            with pytest.raises(Died):
                await dying(side, Mortal(side.db, at, after=True)).arrivals.give_up(TOWN, word)
            with suppress(HanseError):
                await side.arrivals.give_up(TOWN, word)
            assert receipt
            assert await side.db.read(PROCESS, lambda tx: tx.all("SELECT id FROM participant")) == []
            assert (await side.arrivals.expect(TOWN)).state == "waiting"
