"""The power goes at any moment: what was answered is there, what was not is there whole or not at all."""

import asyncio
import random
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from connector.foundation.storage import PROCESS, Tx, upgrade
from connector.foundation.storage.database import long
from connector.foundation.storage.sqlite import checkpoint
from connector.foundation.storage.sqlite.database import Sqlite
from tests.testkit import power

PAGES = 3
"""Of the database that a unit writes at least, so that it could be torn."""


class Moment(NamedTuple):
    """The files as they may have been found after the power went, and what had been answered by then."""

    files: dict[str, bytes]
    answered: frozenset[int]


class Watch:
    """Takes a moment at every `stride`-th thing that happens to the disk, others with another seed.

    What is taken is judged and dropped as the life goes on: a moment is a copy of all files.
    """

    def __init__(self, seed: int, stride: int, judge: Callable[[Moment], None]) -> None:
        self.dice, self._stride, self._count = random.Random(seed), stride, seed
        self._judge, self._moments = judge, deque[Moment]()
        self.judged = 0
        self.answered: set[int] = set()
        self.happened: set[str] = set()
        self.disk: power.Disk | None = None

    def heard(self, what: str) -> None:
        self.happened.add(what)
        self._count += 1
        if self.disk is not None and self._count % self._stride == 0:
            with self.disk.alone:
                answered = frozenset(self.answered)  # before the cut: the loop answers on while another thread is here
                self._moments.append(Moment(self.disk.cut(self.dice), answered))

    def judge(self) -> None:
        while self._moments:
            self._judge(self._moments.popleft())
            self.judged += 1


def put(tx: Tx, number: int) -> None:
    """Rows on several pages of two tables, that belong together."""
    for part in range(PAGES):
        tx.run("INSERT INTO lease VALUES (:name, :owner, 1, 1)", name=f"{number}-{part}", owner="x" * 3_000)
    tx.run("INSERT INTO did_pin (did, keys, seen_at) VALUES (:n, zeroblob(2000), 0)", n=str(number))


@long
def put_long(tx: Tx, number: int) -> None:
    put(tx, number)


async def life(path: Path, watch: Watch, units: int, sync: Callable[[int], None] | None = None) -> None:
    """Short and long units side by side, checkpoints, a log that begins anew and one that is emptied."""
    disk = watch.disk = power.Disk(path.parent, watch.heard)
    with power.watched(disk):
        db = Sqlite(path, wal_limit=150_000, sync=sync or disk.sync)
        await db.start()

        async def one(number: int) -> None:
            await db.write(PROCESS, put_long if number % 7 == 3 else put, number)
            watch.answered.add(number)

        try:
            for begin in range(0, units, 4):
                await asyncio.gather(*(one(number) for number in range(begin, begin + 4)))
                watch.judge()
        finally:
            await db.close()
        watch.judge()


def found(moment: Moment, folder: Path) -> set[int]:
    """The numbers of units that are there after the power is back; fails if the database is not sound."""
    for old in folder.iterdir():
        old.unlink()
    for name, content in moment.files.items():
        (folder / name).write_bytes(content)
    with closing(sqlite3.connect(folder / "hanse.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        parts = [name.split("-") for (name,) in database.execute("SELECT name FROM lease WHERE name LIKE '%-%'")]
        whole = {int(number) for (number,) in database.execute("SELECT did FROM did_pin")}
    assert sorted((int(number), int(part)) for number, part in parts) == [
        (number, part) for number in sorted(whole) for part in range(PAGES)
    ], "nothing is half"
    return whole


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(checkpoint, "UNITS", 6)
    (tmp_path / "one").mkdir()
    (tmp_path / "found").mkdir()
    place = tmp_path / "one" / "hanse.db"
    upgrade(f"sqlite://{place}")
    return place


@pytest.mark.threat("T99")
@pytest.mark.parametrize(
    ("seed", "units", "stride"),
    [(1, 24, 12), *(pytest.param(seed, 80, 3, marks=pytest.mark.long) for seed in range(2, 5))],
)
async def test_what_was_answered_outlives_a_power_cut(path: Path, seed: int, units: int, stride: int) -> None:
    """At every twelfth (`long`: third) write and sync of a busy life the power goes; each time the files are opened."""

    def judge(moment: Moment) -> None:
        assert moment.answered <= found(moment, path.parent.parent / "found")

    watch = Watch(seed, stride, judge)
    await life(path, watch, units)
    assert watch.happened == {"write", "sync", "truncate", "product"}
    assert watch.judged > 20


async def test_this_disk_finds_a_sync_that_was_left_out(path: Path) -> None:
    """>> the product answers without bringing anything to the disk << something is missing after some cut."""
    missing = set[int]()
    watch = Watch(1, 5, lambda moment: missing.update(moment.answered - found(moment, path.parent.parent / "found")))
    await life(path, watch, 40, sync=lambda _: None)
    assert missing
