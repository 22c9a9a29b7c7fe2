"""What a session, or the person behind a key, may, is held until the transaction that rests on it has ended."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from connector.data.approvals.departed import Departures
from connector.foundation.errors import Refusal, Unauthenticated, Unavailable
from connector.foundation.storage import PROCESS, Database, Tx
from connector.foundation.storage.database import Still, acting, long
from connector.foundation.storage.postgres.database import THREADS
from connector.identity.accounts import session_store, store
from connector.identity.accounts.model import Caller, SignedIn
from connector.identity.accounts.password import Passwords
from connector.identity.accounts.people import People
from connector.identity.accounts.sessions import IDLE_MS, LONGEST_MS, TOUCH_MS, SessionOver, Sessions
from connector.identity.accounts.tokens import Tokens
from tests.identity.accounts.people import TOWN, aged, came_in, given, names, opened, person, signing_in
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
    with acting(await names(db), still):
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


@pytest.mark.on_both
@pytest.mark.threat("T183")
async def test_bug_an_erased_pseudonym_acted_on(towns: Towns) -> None:
    """Bug: her form was under way while her pseudonym was erased; under the new one she agreed once more. >> so with a
    session, and with a key << nothing is written under the old one."""
    db, tokens, it, her = towns.db, Tokens(towns.db, towns.participants), Sessions(towns.db), await person(towns.db)
    await given(db, her, TOWN, "steward")
    key = f"Bearer {await tokens.make_for(her, TOWN, 'x', ['publish'], 1)}"
    said = (await tokens.caller(key)).pseudonyms
    for still in (it.still(await opened(db, her), steward), tokens.still(key, publishes)):
        with acting(said, still):
            assert await db.write(TOWN, lambda tx: tx.actor) == said[TOWN]
            await db.write(PROCESS, lambda tx: tx.run("DELETE FROM person_pseudonym"))
            with pytest.raises(Unauthenticated):
                await db.write(TOWN, lambda tx: tx.actor)
            said = (await tokens.caller(key)).pseudonyms
            with pytest.raises(Unauthenticated):
                await db.write(TOWN, lambda tx: tx.actor)


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


@pytest.mark.threat("T181")
async def test_bug_who_sent_enough_kept_her_role(postgres_db: Database) -> None:
    """Bug: who shares the lock of a row passes those who wait for it. >> a long unit of hers is under way, her role is
    taken, she sends more << nothing more is written before that is done; then she is refused."""
    it, her = Sessions(postgres_db), await person(postgres_db)
    await given(postgres_db, her, TOWN, "steward")
    still = it.still(await opened(postgres_db, her), steward)
    async with under_way(postgres_db, still):
        taken = asyncio.create_task(postgres_db.write(TOWN, store.revoke, TOWN, her, "steward"))
        await asyncio.wait([taken], timeout=0.1)
        for _ in "123":
            with pytest.raises(Unavailable, match=r"storage\.contended"):
                await written(postgres_db, still)
    assert await taken
    with pytest.raises(Refusal, match=r"test\.role"):
        await written(postgres_db, still)


@pytest.mark.threat("T181")
async def test_bug_one_person_held_every_connection(postgres_db: Database) -> None:
    """Bug: a page noted that her session was used, a sign-in or a new name changed her row, and waited for her long
    unit with a connection each. >> more of them than there are connections, during such a unit << all are answered."""
    it, her = Sessions(postgres_db), await person(postgres_db)
    await given(postgres_db, her, TOWN, "steward")
    cookie = await opened(postgres_db, her)
    signed, still, signing = await it.session(cookie), it.still(cookie, steward), signing_in(postgres_db)
    assert signed is not None
    await aged(postgres_db, "touched_at", 2 * TOUCH_MS)
    async with under_way(postgres_db, still):
        pages = [it.session(cookie) for _ in range(THREADS)]
        assert None not in await asyncio.wait_for(asyncio.gather(*pages), PATIENCE_S)
        await asyncio.wait_for(came_in(signing), PATIENCE_S)
        with acting(signed.pseudonyms, still):
            await asyncio.wait_for(signing.describe(signed, "Petra M.", "de"), PATIENCE_S)


@pytest.mark.on_both
@pytest.mark.threat("T181")
async def test_bug_units_that_end_what_they_rest_on_waited_for_each_other(towns: Towns) -> None:
    """Bug: half a minute, with every connection. >> she says her name, signs out, gives her role back, eight times at
    once << the first does it, of the others none hears that the database is too busy."""
    db, her = towns.db, await person(towns.db)
    it, signing = Sessions(db), signing_in(db)
    people = People(db, towns.participants, Passwords(memory_kib=8), Departures(towns.participants))
    await people.grant(TOWN, "", her, "steward")
    for over in (
        lambda signed: signing.describe(signed, "Petra M.", "de"),
        signing.sign_out,
        lambda signed: people.revoke(TOWN, her, her, "steward"),
    ):
        cookie = await opened(db, her)
        signed = await it.session(cookie)
        assert signed is not None
        with acting(signed.pseudonyms, it.still(cookie, lambda signed: None)):
            done = await asyncio.gather(*(over(signed) for _ in "12345678"), return_exceptions=True)
        assert None in done
        assert {str(one) for one in done} <= {"None", "accounts.session-over"}


@asynccontextmanager
async def under_way(db: Database, still: Still) -> AsyncIterator[None]:
    """A unit that rests on `still` runs meanwhile, on a replica."""
    running, go = threading.Event(), threading.Event()

    @long
    def unit(tx: Tx) -> None:
        running.set()
        assert go.wait(2 * PATIENCE_S)

    with acting(await names(db), still):
        hers = asyncio.create_task(db.write(TOWN, unit))
        await asyncio.to_thread(running.wait, PATIENCE_S)
    try:
        yield
    finally:
        go.set()
        await hers


async def waited_for(db: Database, still: Still, end: Callable[[], Awaitable[object]]) -> None:
    """`end` is over no sooner than a unit that rests on `still` and is under way when it begins."""
    async with under_way(db, still):
        taken = asyncio.ensure_future(end())
        done, _ = await asyncio.wait([taken], timeout=0.1)
        assert not done, "it did not wait"
    await taken
