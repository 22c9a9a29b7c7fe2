"""Sessions on both databases: who they are, when they end, and that nothing in the database opens one."""

from hashlib import sha256

import pytest

from connector.foundation.storage import PROCESS, Database, Tx
from connector.identity.accounts import session_store, store
from connector.identity.accounts.sessions import IDLE_MS, LONGEST_MS, Sessions
from tests.identity.accounts.people import TOWN, VILLAGE, aged, given, opened


async def person(db: Database, login: str = "petra@musterstadt.de", *, operator: bool = False) -> str:
    return await db.write(PROCESS, store.add, login, "Petra Muster", operator=operator)


async def test_the_cookie_says_who_it_is(any_db: Database) -> None:
    """>> roles at two participants << both, a pseudonym at each, another form key for each session."""
    it, her = Sessions(any_db), await person(any_db)
    await given(any_db, her, TOWN, "steward", "auditor")
    await given(any_db, her, VILLAGE, "publisher")
    one, two = await opened(any_db, her), await opened(any_db, her)
    first, second = await it.session(one), await it.session(two)
    assert first is not None
    assert second is not None
    assert first.roles == {TOWN: {"steward", "auditor"}, VILLAGE: {"publisher"}}
    assert (first.person, first.name, first.operator) == (her, "Petra Muster", False)
    assert first.pseudonyms.keys() == {TOWN, VILLAGE}
    assert first.pseudonyms[TOWN] != first.pseudonyms[VILLAGE]
    assert first.form_key != second.form_key
    assert len(first.form_key) == 32


async def test_bug_each_page_of_somebody_with_a_role_was_a_write(
    any_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a role; asked once << she has a pseudonym >> asked again << nothing is written."""
    it, her = Sessions(any_db), await person(any_db)
    await given(any_db, her, TOWN, "steward")
    cookie = await opened(any_db, her)
    assert await it.session(cookie) is not None
    written: list[object] = []

    async def write(*asked: object) -> None:
        written.append(asked)

    monkeypatch.setattr(any_db, "write", write)
    found = await it.session(cookie)
    assert found is not None
    assert (found.roles, found.pseudonyms.keys()) == ({TOWN: {"steward"}}, {TOWN})
    assert written == []


@pytest.mark.threat("T86")
async def test_nothing_that_is_kept_opens_a_session(any_db: Database) -> None:
    """>> what the database has of it, a guess, nothing << nobody."""
    it, her = Sessions(any_db), await person(any_db)
    cookie = await opened(any_db, her)
    row = await any_db.read(PROCESS, lambda tx: tx.one("SELECT * FROM desk_session"))
    assert row is not None
    assert cookie not in map(str, row.values())
    assert row["digest"] == sha256(cookie.encode()).hexdigest()
    for guess in (row["digest"], row["digest"][:43], "", "x" * 43, cookie + "x", cookie[:-1], "ä" * 43):
        assert await it.session(guess) is None
    assert await it.session(cookie) is not None


async def test_a_session_ends_by_itself(any_db: Database) -> None:
    """>> half an hour of nothing; ten hours of work << over; a use within that keeps it."""
    it, her = Sessions(any_db), await person(any_db)
    cookie = await opened(any_db, her)
    await aged(any_db, "touched_at", IDLE_MS - 60_000)
    assert await it.session(cookie) is not None
    await aged(any_db, "touched_at", IDLE_MS - 60_000)
    assert await it.session(cookie) is not None, "the use before was noted"
    await aged(any_db, "touched_at", IDLE_MS)
    assert await it.session(cookie) is None
    assert await it.own(her) == []
    worked = await opened(any_db, her)
    await aged(any_db, "ends_at", LONGEST_MS)
    assert await it.session(worked) is None
    await any_db.write(PROCESS, session_store.sweep, 0)
    rows = await any_db.read(PROCESS, lambda tx: tx.all("SELECT 1 FROM desk_session"))
    assert rows == []


@pytest.mark.threat("T86")
async def test_without_a_second_factor_nobody_binds_the_town(any_db: Database) -> None:
    """>> password alone << reading and drafts; signing, granting and running are withheld, and said to be."""
    it, her = Sessions(any_db), await person(any_db, operator=True)
    await given(any_db, her, TOWN, "steward", "admin", "publisher")
    await given(any_db, her, VILLAGE, "admin")
    weak = await it.session(await opened(any_db, her, strong=False))
    assert weak is not None
    assert (weak.roles, weak.operator) == ({TOWN: {"publisher"}}, False)
    assert weak.withheld == {TOWN: {"steward", "admin"}, VILLAGE: {"admin"}, "": {"operator"}}
    strong = await it.session(await opened(any_db, her))
    assert strong is not None
    assert (strong.roles[VILLAGE], strong.operator, strong.withheld) == ({"admin"}, True, {})


@pytest.mark.threat("T29")
async def test_what_was_taken_counts_no_more(any_db: Database) -> None:
    """>> a role is taken; the participant is being deleted << gone with the next request, whatever the session is."""
    it, her = Sessions(any_db), await person(any_db)
    await given(any_db, her, TOWN, "steward", "auditor")
    await given(any_db, her, VILLAGE, "steward")
    cookie = await opened(any_db, her)
    await any_db.write(PROCESS, store.revoke, TOWN, her, "steward")
    for state in ("closing", "closed", "deleting"):
        change = f"UPDATE participant SET state = '{state}' WHERE id = :id"
        await any_db.write(VILLAGE, lambda tx, change=change: tx.run(change, id=VILLAGE))
    signed = await it.session(cookie)
    assert signed is not None
    assert signed.roles == {TOWN: {"auditor"}}
    await any_db.write(PROCESS, store.remove, her)
    assert await it.session(cookie) is None


async def test_one_sees_and_ends_only_ones_own(any_db: Database) -> None:
    """>> two persons << each her own list; to end another's, or one that is not there, does nothing."""
    it, her, him = Sessions(any_db), await person(any_db), await person(any_db, "olaf@nachbardorf.de")
    mine, other, his = await opened(any_db, her), await opened(any_db, her), await opened(any_db, him)
    signed = await it.session(mine)
    assert signed is not None
    assert {one.agent for one in await it.own(her)} == {"Firefox"}
    (theirs,) = await it.own(him)
    assert not await it.end(her, theirs.id)
    assert not await it.end(her, "")
    assert await it.session(his) is not None
    assert await it.end_others(signed) == 1
    assert await it.session(other) is None
    assert [one.id for one in await it.own(her)] == [signed.session]
    assert await it.end(her, signed.session)
    assert await it.session(mine) is None


async def test_a_pseudonym_that_was_erased_is_made_anew(any_db: Database) -> None:
    """>> erasure took the row << the log of before names nobody, and she goes on under another one."""
    it, her = Sessions(any_db), await person(any_db)
    await given(any_db, her, TOWN, "auditor")
    cookie = await opened(any_db, her)
    first = await it.session(cookie)
    assert first is not None

    def erased(tx: Tx) -> None:
        tx.run("DELETE FROM person_pseudonym WHERE participant = :p", p=TOWN)

    await any_db.write(TOWN, erased)
    again = await it.session(cookie)
    assert again is not None
    assert again.pseudonyms.keys() == {TOWN}
    assert again.pseudonyms != first.pseudonyms
    assert await any_db.read(TOWN, store.called, TOWN, first.pseudonyms[TOWN]) is None
