"""Copies of what members showed: stored once, found only by whom they were shown to, swept when nobody was."""

import asyncio
from typing import Any

import pytest

from connector.data.catalogue.search import store
from connector.data.catalogue.search.copies import Box, copy_of
from connector.foundation.storage import Database, Tx
from connector.foundation.storage.database import PROCESS
from tests.conftest import TOWNS

HERE, THERE = TOWNS
PROVIDER = "did:web:seestadt.example"
TREES = {"@id": "https://seestadt.example/datasets/1", "dct:title": "Baumkataster", "dcat:keyword": ["Bäume"]}
PATHS = {"@id": "https://seestadt.example/datasets/2", "dct:title": "Radwege"}


def rows(tx: Tx, table: str) -> list[Any]:
    return tx.all(f"SELECT * FROM {table}")


async def put(db: Database, participant: str, entry: dict[str, Any], told: str | None = None) -> str:
    return await db.write(participant, store.replace_entry, participant, PROVIDER, copy_of(entry), told)


async def test_an_entry_is_new_then_the_same_then_changed(any_db: Database) -> None:
    """>> shown, shown again, shown with another title << new, same, changed; one entry."""
    said = [await put(any_db, HERE, TREES), await put(any_db, HERE, TREES)]
    said.append(await put(any_db, HERE, {**TREES, "dct:title": "Baumliste"}))
    assert said == ["new", "same", "changed"]
    assert len(await any_db.read(HERE, store.held, HERE, PROVIDER)) == 1


@pytest.mark.threat("T79")
async def test_a_content_is_stored_once_and_read_by_whom_it_was_shown_to(any_db: Database) -> None:
    """>> shown to both towns, then to one only << one content; the other holds and, on PostgreSQL, reads nothing."""
    await put(any_db, HERE, TREES)
    await put(any_db, THERE, TREES)
    assert [row["uses"] for row in await any_db.read(PROCESS, rows, "copy_content")] == [2]
    await any_db.write(THERE, store.forget, THERE, PROVIDER, [TREES["@id"]])
    assert await any_db.read(THERE, store.held, THERE, PROVIDER) == {}
    assert len(await any_db.read(HERE, rows, "copy_document")) == 1
    if any_db.dialect == "postgres":
        assert await any_db.read(THERE, rows, "copy_document") == []
        assert await any_db.read(THERE, store.held, HERE, PROVIDER) == {}


async def test_what_no_entry_names_is_swept(any_db: Database) -> None:
    """>> two contents, one forgotten << one swept, with its text and its words; the other stays."""
    await put(any_db, HERE, TREES)
    await put(any_db, HERE, PATHS)
    assert await any_db.write(PROCESS, store.sweep) == 0
    await any_db.write(HERE, store.forget, HERE, PROVIDER, [TREES["@id"]])
    assert await any_db.write(PROCESS, store.sweep) == 1
    assert len(await any_db.read(HERE, rows, "copy_document")) == 1


async def test_a_state_is_held_as_its_provider_calls_it_and_only_here(any_db: Database) -> None:
    """>> told "a" here << held here under "a"; nothing for the other town."""
    await put(any_db, HERE, TREES, "a")
    told = {name: one.told for name, one in (await any_db.read(HERE, store.held, HERE, PROVIDER)).items()}
    assert told == {TREES["@id"]: "a"}
    assert await any_db.read(THERE, store.held, THERE, PROVIDER) == {}


async def test_a_member_that_fails_keeps_its_copies_and_says_since_when(any_db: Database) -> None:
    """>> crawled, failed twice, crawled in part << since the first failure; then none, the complete crawl kept."""
    await put(any_db, HERE, TREES)
    await any_db.write(HERE, store.crawled, HERE, PROVIDER, complete=True)
    await any_db.write(HERE, store.failed, HERE, PROVIDER, "peer.silent")
    first = (await any_db.read(HERE, store.members, HERE))[PROVIDER]
    await any_db.write(HERE, store.failed, HERE, PROVIDER, "peer.silent")
    second = (await any_db.read(HERE, store.members, HERE))[PROVIDER]
    assert (second.failing_since, second.complete_at) == (first.failing_since, first.complete_at)
    await any_db.write(HERE, store.crawled, HERE, PROVIDER, complete=False)
    third = (await any_db.read(HERE, store.members, HERE))[PROVIDER]
    assert (third.failing_since, third.code, third.complete_at) == (None, None, first.complete_at)
    assert len(await any_db.read(HERE, store.held, HERE, PROVIDER)) == 1


async def test_a_member_that_left_is_forgotten_whole(any_db: Database) -> None:
    """>> entries and state of a member, forgotten << neither."""
    await put(any_db, HERE, TREES)
    await any_db.write(HERE, store.crawled, HERE, PROVIDER, complete=True)
    assert await any_db.write(HERE, store.forget_member, HERE, PROVIDER) == 1
    assert await any_db.read(HERE, store.members, HERE) == {}


async def test_replicas_show_forget_and_sweep_at_once(any_db: Database) -> None:
    """>> both towns show and forget the same contents while others sweep << no error; counts are right."""
    entries = [{"@id": f"urn:x:{number}", "dct:title": "Hecken"} for number in range(6)]

    async def shows(town: str) -> None:
        for entry in entries * 3:
            await put(any_db, town, entry)
            await any_db.write(town, store.forget, town, PROVIDER, [entry["@id"]])
        await put(any_db, town, entries[0])

    async def sweeps() -> None:
        for _ in range(30):
            await any_db.write(PROCESS, store.sweep)

    await asyncio.gather(shows(HERE), shows(THERE), shows(HERE), sweeps(), sweeps())
    await any_db.write(PROCESS, store.sweep)
    assert [row["uses"] for row in await any_db.read(PROCESS, rows, "copy_content")] == [2]


async def test_a_unit_that_fails_leaves_nothing(any_db: Database) -> None:
    """>> an error after the entry was written << neither entry nor content."""

    def fails(tx: Tx) -> None:
        store.replace_entry(tx, HERE, PROVIDER, copy_of(TREES))
        raise LookupError

    with pytest.raises(LookupError):
        await any_db.write(HERE, fails)
    assert await any_db.read(PROCESS, rows, "copy_content") == []
    assert await any_db.read(HERE, store.held, HERE, PROVIDER) == {}


async def test_what_a_provider_calls_a_state_may_be_anything(any_db: Database) -> None:
    """>> NUL, a megabyte, line breaks as the name of a state << kept as none, and never known."""
    for told in ("\x00", "x" * (1 << 20), "a\nb"):
        await put(any_db, HERE, TREES, told)
        assert (await any_db.read(HERE, store.held, HERE, PROVIDER))[TREES["@id"]].told is None


async def test_many_datasets_are_forgotten_in_portions(any_db: Database) -> None:
    names = [f"urn:x:{number}" for number in range(450)]
    for name in names[:3]:
        await put(any_db, HERE, {"@id": name})
    assert await any_db.write(HERE, store.forget, HERE, PROVIDER, names) == 3


class Plans:
    """A transaction that keeps how SQLite would answer what is asked of it."""

    def __init__(self, tx: Tx) -> None:
        self._tx, self.plans = tx, list[str]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def all(self, sql: str, **values: object) -> list[Any]:
        self.plans += [row["detail"] for row in self._tx.all(f"EXPLAIN QUERY PLAN {sql}", **values)]
        return self._tx.all(sql, **values)

    def one(self, sql: str, **values: object) -> Any:
        return next(iter(self.all(sql, **values)), None)


async def test_no_question_reads_all_contents(sqlite_db: Database) -> None:
    """>> everything, by a word, place, time, an old edition << by an index each; everything without being sorted.

    On SQLite: how PostgreSQL answers depends on how much there is.
    """
    await put(sqlite_db, HERE, TREES)
    asked = {
        "all": store.Query(match=None),
        "word": store.Query(match="baum"),
        "box": store.Query(match=None, box=Box(1, 2, 3, 4)),
        "period": store.Query(match=None, period=(1, 2)),
    }

    def plans(tx: Tx) -> dict[str, list[str]]:
        found = dict[str, list[str]]()
        for name, one in asked.items():
            spy: Any = Plans(tx)
            store.found(spy, HERE, one, None, 20)
            found[name] = spy.plans
        spy = Plans(tx)
        store.outdated(spy, HERE, "now", 10)
        return {**found, "old": spy.plans}

    found = await sqlite_db.read(HERE, plans)
    for name, index in (
        ("all", "copy_entry_newest"),
        ("word", "VIRTUAL TABLE"),
        ("box", "copy_content_box"),
        ("period", "copy_content_period"),
        ("old", "copy_content_edition"),
    ):
        assert any(index in step for step in found[name]), (name, found[name])
        read_whole = [step for step in found[name] if step.split()[:2] in (["SCAN", "c"], ["SCAN", "d"], ["SCAN", "e"])]
        assert all("INDEX copy_content_period" in step for step in read_whole), (name, read_whole)
    assert "USE TEMP B-TREE FOR ORDER BY" not in found["all"]


async def test_a_word_is_known_by_whom_it_was_shown_to(any_db: Database) -> None:
    """>> a word shown here, one shown to the other town only, one to nobody << known here; not known, not known."""
    await put(any_db, HERE, TREES)
    await put(any_db, THERE, PATHS)
    known = [await any_db.read(HERE, store.shown, HERE, word) for word in ("+baum", "+radweg", "+xyz")]
    assert known == [True, False, False]


@pytest.mark.threat("T79")
async def test_what_another_town_was_shown_is_read_by_no_name(any_db: Database) -> None:
    """>> the IRI of a dataset that its provider showed to the other town alone << neither its entry nor when it was
    seen, here; both there."""
    await put(any_db, THERE, TREES)
    for look in (store.entry, store.seen):
        found = [await any_db.read(town, look, town, PROVIDER, TREES["@id"]) for town in TOWNS]
        assert (found[0], found[1] is not None) == (None, True)
