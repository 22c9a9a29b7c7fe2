"""What a session, or the person behind a key, may, is held until the transaction that rests on it has ended."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from connector.accounts import session_store, store
from connector.accounts.model import Caller, SignedIn
from connector.accounts.password import Passwords
from connector.accounts.people import People
from connector.accounts.sessions import IDLE_MS, LONGEST_MS, SessionOver, Sessions
from connector.accounts.tokens import Tokens
from connector.approvals.departed import Departures
from connector.errors import Refusal, Unauthenticated
from connector.storage import PROCESS, Database, Tx
from connector.storage.database import Still, acting, long
from tests.accounts.people import TOWN, aged, given, opened, person
from tests.testkit.patience import PATIENCE_S
from tests.testkit.towns import Towns


def steward(signed: SignedIn) -> None:
    if "steward" not in signed.roles.get(TOWN, ()):
        raise Refusal("test.role")


def of_the_house(signed: SignedIn) -> None:
    if not signed.operator:
        raise Refusal("test.role")


def publishes(caller: Caller) -> None:
    if "publish" not in caller.scopes:
        raise Refusal("test.scope")


async def written(db: Database, still: Still) -> bool:
    """Whether a unit that asks this first, at the participant, is run."""
    with acting({}, still):
        return await db.write(TOWN, lambda tx: True)


@pytest.mark.threat("T140")
async def test_a_session_is_asked_in_each_transaction(any_db: Database) -> None:
    """>> idle for an hour while a file comes; the role gone, the session not; weak; ten hours old << written; not."""
    it, her = Sessions(any_db), await person(any_db)
    await given(any_db, her, TOWN, "steward")
    still = it.still(await opened(any_db, her), steward)
    assert await written(any_db, still)
    await aged(any_db, "touched_at", 2 * IDLE_MS)
    assert await written(any_db, still)
    await any_db.write(TOWN, store.revoke, TOWN, her, "steward")
    with pytest.raises(Refusal, match=r"test\.role"):
        await written(any_db, still)
    await given(any_db, her, TOWN, "steward")
    weak = it.still(await opened(any_db, her, strong=False), steward)
    with pytest.raises(Refusal, match=r"test\.role"):
        await written(any_db, weak)
    await aged(any_db, "ends_at", LONGEST_MS)
    with pytest.raises(SessionOver, match=r"accounts\.session-over"):
        await written(any_db, still)


@pytest.mark.on_both
@pytest.mark.threat("T140")
async def test_a_key_is_asked_in_each_transaction(towns: Towns) -> None:
    """>> of a town, of the process; the role is taken, given back, the key ends << at the town both are known, and what
    they may now."""
    db, tokens, her = towns.db, Tokens(towns.db, towns.participants), await person(towns.db, operator=True)
    people = People(db, towns.participants, Passwords(memory_kib=8), Departures(towns.participants))
    await people.grant(TOWN, "", her, "steward")
    key = await tokens.make_for(her, TOWN, "x", ["publish"], 1)
    still = tokens.still(f"Bearer {key}", publishes)
    process = tokens.still(f"Bearer {await tokens.make_for_process(her, 'x', 1)}", operates)
    assert await written(db, still)
    assert await written(db, process)
    await people.revoke(TOWN, "", her, "steward")
    await people.make_operator(her, operator=False)
    for one in (still, process):
        with pytest.raises(Refusal, match=r"test\.scope"):
            await written(db, one)
    await people.grant(TOWN, "", her, "steward")
    assert await written(db, still)
    await tokens.end(TOWN, key.split("_")[1])
    for one in (still, tokens.still(None, publishes), tokens.still("Bearer x", publishes)):
        with pytest.raises(Unauthenticated, match=r"api\.no-token"):
            await written(db, one)


def operates(caller: Caller) -> None:
    if "operate" not in caller.scopes:
        raise Refusal("test.scope")


@pytest.mark.threat("T140")
async def test_whoever_takes_a_right_waits_for_what_was_begun_with_it(any_db: Database) -> None:
    """>> a long unit of hers is under way on one replica; on another her session ends, or a role of hers, or that of an
    operator, or she is removed << that is told once it has ended: nobody hears that it is over and then sees something
    new of hers."""
    it, her = Sessions(any_db), await person(any_db, operator=True)
    ends: list[tuple[Callable[[SignedIn], None], Callable[[], Awaitable[object]]]] = [
        (steward, lambda: any_db.write(PROCESS, session_store.end_all, her)),
        (steward, lambda: any_db.write(TOWN, store.revoke, TOWN, her, "steward")),
        (of_the_house, lambda: any_db.write(PROCESS, store.set_operator, her, False)),
        (steward, lambda: any_db.write(PROCESS, store.remove, her)),
    ]
    for permitted, end in ends:
        await given(any_db, her, TOWN, "steward")
        still = it.still(await opened(any_db, her), permitted)
        await waited_for(any_db, still, end)
        with pytest.raises((SessionOver, Refusal)):
            await written(any_db, still)


@pytest.mark.on_both
@pytest.mark.threat("T140")
async def test_whoever_ends_a_key_waits_for_what_was_begun_with_it(towns: Towns) -> None:
    """>> a long unit of a key is under way on one replica; on another the key ends, the role behind it is taken, or
    that of an operator << that is told once the unit has ended, and the next one is refused."""
    db, tokens, her = towns.db, Tokens(towns.db, towns.participants), await person(towns.db, operator=True)
    people = People(db, towns.participants, Passwords(memory_kib=8), Departures(towns.participants))
    await people.grant(TOWN, "", her, "steward")
    key = await tokens.make_for(her, TOWN, "x", ["publish"], 1)
    still = tokens.still(f"Bearer {key}", publishes)
    process = tokens.still(f"Bearer {await tokens.make_for_process(her, 'x', 1)}", operates)
    ends: list[tuple[Still, Callable[[], Awaitable[object]]]] = [
        (process, lambda: db.write(PROCESS, store.set_operator, her, False)),
        (still, lambda: db.write(TOWN, store.revoke, TOWN, her, "steward")),
        (still, lambda: tokens.end(TOWN, key.split("_")[1])),
    ]
    for asked, end in ends:
        await given(db, her, TOWN, "steward")
        await waited_for(db, asked, end)
        with pytest.raises((Refusal, Unauthenticated)):
            await written(db, asked)


async def waited_for(db: Database, still: Still, end: Callable[[], Awaitable[object]]) -> None:
    """`end` is over no sooner than a unit that rests on `still` and is under way when it begins."""
    running, go = threading.Event(), threading.Event()

    @long
    def unit(tx: Tx) -> None:
        running.set()
        assert go.wait(PATIENCE_S)

    with acting({}, still):
        hers = asyncio.create_task(db.write(TOWN, unit))
        await asyncio.to_thread(running.wait, PATIENCE_S)
    taken = asyncio.ensure_future(end())
    try:
        done, _ = await asyncio.wait([taken], timeout=0.1)
        assert not done, "it did not wait"
    finally:
        go.set()
        await asyncio.gather(hers, taken)
