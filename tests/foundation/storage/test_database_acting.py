"""Who acts for somebody is asked once more in each transaction that writes: on SQLite and PostgreSQL."""

import asyncio
from collections.abc import Callable

import pytest

from connector.foundation.errors import Refusal
from connector.foundation.storage import Conflict, Database, Tx
from connector.foundation.storage.database import acting, by_itself, lasting, of_nobody
from tests.foundation.storage.counters import TOWN, add, names

SCOPE = "SELECT current_setting('hanse.participant', true) AS scope"


@pytest.mark.threat("T140")
async def test_bug_who_may_not_any_more_still_wrote(any_db: Database) -> None:
    """>> units of somebody who loses what she had in the middle of her request << each that writes asks first, in its
    own transaction and the scope of the process, when it runs again too; reading asks nobody; nothing is written."""
    may, asked = [True], list[str]()

    def still(tx: Tx) -> None:
        row = tx.one(SCOPE) if tx.dialect == "postgres" else None
        asked.append("" if row is None else row["scope"])
        if not may:
            raise Refusal("test.over")

    with acting({TOWN: "p-7f3a91"}, still):
        await any_db.write(TOWN, add, "before")
        assert await any_db.write(TOWN, in_scope) == TOWN
        assert await any_db.read(TOWN, names) == ["before"]
        assert asked == ["", ""]
        assert await any_db.write(TOWN, again_once()) == 2
        assert len(asked) == 4
        may.clear()
        with pytest.raises(Refusal, match=r"test\.over"):
            await any_db.write(TOWN, add, "after")
        with by_itself():
            await any_db.write(TOWN, add, "noted")
        await asyncio.create_task(any_db.write(TOWN, add, "for all"), context=of_nobody())
        with pytest.raises(Refusal):
            await asyncio.create_task(any_db.write(TOWN, add, "beside"))
        began = asyncio.Event()
        later = asyncio.create_task(_later(any_db, began))
        asking = asyncio.create_task(_later(any_db, began), context=lasting())
    began.set()
    await later
    with pytest.raises(Refusal, match=r"test\.over"):
        await asking
    await any_db.write(TOWN, add, "the system")
    assert await any_db.read(TOWN, names) == ["before", "for all", "later", "noted", "the system"]


async def _later(db: Database, began: asyncio.Event) -> None:
    """What was begun while she might, and goes on after she has her answer."""
    await began.wait()
    await db.write(TOWN, add, "later")


def in_scope(tx: Tx) -> str:
    return str(row["scope"]) if tx.dialect == "postgres" and (row := tx.one(SCOPE)) is not None else tx.scope


def again_once() -> Callable[[Tx], int]:
    """Conflicts at its first run; how often it ran."""
    runs: list[int] = []

    def unit(tx: Tx) -> int:
        runs.append(1)
        if len(runs) == 1:
            raise Conflict
        return len(runs)

    return unit
