"""A token once, whatever happens in between: other tokens, a minute, a stop, a death of the process, undone units."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from itertools import pairwise, product
from pathlib import Path
from typing import Any, TypeVar

import pytest

from connector.foundation.clock import FakeClock
from connector.foundation.errors import HanseError, Unauthenticated, Unavailable
from connector.foundation.storage import upgrade
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.sqlite.tx import SqliteTx
from connector.identity.participants import lifecycle_store
from connector.identity.trust.keys import jose
from connector.identity.trust.members.trust_list import Entry
from connector.surfaces.peer import tokens
from connector.surfaces.peer.auth import Caller
from connector.surfaces.peer.tokens import MOST, OPEN_MS, SHORT, USABLE_S, SeenTokens, TokenUse
from tests.testkit.releases import before

T = TypeVar("T")
TOWN = "musterstadt"
NOW_S = 1_795_000_000
ENTRY = Entry(
    did="did:web:b", name="B", operator="", kind="", groups=(), state="active", valid_from="1970-01-01T00:00:00Z"
)


def caller(jti: str, second: int = NOW_S, did: str = "did:web:b") -> Caller:
    return Caller(did=did, entry=ENTRY, root=None, jti=jti, second=second)


class Desk:
    """The table of tokens without a disk: units run as they are asked for, and reading waits for nobody."""

    dialect = "sqlite"

    def __init__(self) -> None:
        self.file = sqlite3.connect(":memory:", isolation_level=None)
        self.file.execute(
            "CREATE TABLE seen_token (participant TEXT, issuer TEXT, jti TEXT, expires_at INTEGER,"
            " PRIMARY KEY (participant, issuer, jti))"
        )

    async def write(self, scope: str, fn: Callable[..., T], *args: object) -> T:
        self.file.execute("BEGIN")
        try:
            value = fn(SqliteTx(self.file, scope, 0), *args)
        except BaseException:
            self.file.execute("ROLLBACK")
            raise
        self.file.execute("COMMIT")
        return value

    read = write


def now(work: Coroutine[Any, Any, T]) -> T:
    """The value of what waits for nobody."""
    try:
        work.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError("it waits")


class House:
    """One process after the other on one table; `taken` counts by token how often it counted."""

    def __init__(self) -> None:
        self.clock, self.desk, self.taken = FakeClock(), Desk(), Counter[str]()
        self.seen = self._begun()

    def _begun(self) -> SeenTokens:
        desk: Any = self.desk
        return SeenTokens(desk, self.clock)

    def use(self, jti: str, second: int, *, fails: bool = False) -> str:
        """200, or the code of the refusal."""
        try:
            use = now(self.seen.claim(TOWN, caller(jti, second)))
            with use:
                now(self.desk.write(TOWN, self._unit, use, fails))
        except HanseError as refused:
            return refused.code
        self.taken[jti] += 1
        return "200"

    def _unit(self, tx: Tx, use: TokenUse, fails: bool) -> None:
        use.remember(tx)
        if fails:
            raise Unavailable("storage.full")

    def dies(self) -> None:
        self.seen = self._begun()

    def stops(self) -> None:
        now(self.seen.hand_over())
        self.dies()

    def rows(self) -> int:
        return int(self.desk.file.execute("SELECT count(*) FROM seen_token").fetchone()[0])


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Nobody of it leaves."""
    monkeypatch.setattr(tokens.lifecycle, "require_not_deleting", lambda tx, slug: None)
    made = House()
    yield made
    made.desk.file.close()


STEPS: dict[str, Callable[[House], object]] = {
    "a": lambda house: house.use("a", NOW_S),
    "b": lambda house: house.use("b", NOW_S),
    "next": lambda house: house.use("next", NOW_S + 1),
    "beside": lambda house: house.use("beside", NOW_S + 1),
    "undone": lambda house: house.use("a", NOW_S, fails=True),
    "minute": lambda house: house.clock.advance(OPEN_MS),
    "stop": House.stops,
    "death": House.dies,
}


@pytest.mark.threat("T05")
@pytest.mark.threat("T126")
@pytest.mark.parametrize("length", [4, pytest.param(5, marks=pytest.mark.long)])
@pytest.mark.parametrize("most", [MOST, 1])
def test_in_every_order_of_what_can_happen_each_token_counts_once(
    most: int, length: int, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> all rows of so many of eight steps; with room for all ids, and for one << no token counts twice."""
    monkeypatch.setattr(tokens, "MOST", most)
    for steps in product(STEPS, repeat=length):
        house.desk.file.execute("DELETE FROM seen_token")
        house.taken.clear()
        house.dies()
        for step in steps:
            STEPS[step](house)
        assert all(times == 1 for times in house.taken.values()), steps


@pytest.mark.threat("T05")
@pytest.mark.threat("T126")
def test_a_token_of_an_older_second_makes_no_newer_one_forgotten(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> memory is full; a token of the next second, then one of this; a minute later two of the next one, of which the
    second was used << no token counts twice."""
    monkeypatch.setattr(tokens, "MOST", 2)
    for jti, second in (("a", 0), ("b", 0), ("next", 1), ("c", 0)):
        house.use(jti, NOW_S + second)
    house.clock.advance(OPEN_MS)
    for jti in ("beside", "next"):
        house.use(jti, NOW_S + 1)
    assert house.taken == {"a": 1, "b": 1, "next": 1, "c": 1, "beside": 1}


class Racer:
    """A use in its three parts: asked for, its unit run, its commit heard of."""

    def __init__(self, house: House, jti: str) -> None:
        self._house, self._jti, self._use = house, jti, None
        self._parts: Iterator[None] = self._run()

    def go(self) -> None:
        next(self._parts, None)

    def _run(self) -> Iterator[None]:
        house = self._house
        try:
            use = now(house.seen.claim(TOWN, caller(self._jti)))
        except HanseError:
            return
        yield
        try:
            with use:
                now(house.desk.write(TOWN, house._unit, use, False))
                house.taken[self._jti] += 1
                yield
        except HanseError:
            return


def orders(left: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Every order in which so many steps of each can be taken."""
    if not any(left):
        yield ()
    for at, some in enumerate(left):
        if some:
            for rest in orders((*left[:at], some - 1, *left[at + 1 :])):
                yield (at, *rest)


@pytest.mark.threat("T126")
def test_two_uses_of_one_token_at_once_are_one_however_their_steps_mix(house: House) -> None:
    """>> a, a again and b, each asked for, run and heard of, and a minute, in every order << a once, b
    once; what comes behind the minute may be too late."""
    for order in orders((3, 3, 3, 1)):
        if order.index(1) < order.index(0):
            continue  # the same with the two uses of a exchanged
        house.desk.file.execute("DELETE FROM seen_token")
        house.taken.clear()
        house.dies()
        racers = [Racer(house, "a"), Racer(house, "a"), Racer(house, "b")]
        for at in order:
            if at == len(racers):
                house.clock.advance(OPEN_MS)
            else:
                racers[at].go()
        taken = (house.taken["a"], house.taken["b"])
        assert taken == (1, 1) if order[-1] == len(racers) else max(taken) <= 1, order


def test_of_those_that_ask_at_once_one_opens_their_second(house: House) -> None:
    """>> three of one second before the unit of any << the first writes that it was opened."""
    uses = [now(house.seen.claim(TOWN, caller(jti))) for jti in "abc"]
    assert [use._kept is not None and use._kept.opens for use in uses] == [True, False, False]


@pytest.mark.threat("T126")
async def test_who_is_told_late_what_is_newest_forgets_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the first two tokens after a start ask the table at once; the one is written, for memory is full; there is
    room again when the other is told << the table is asked of their second, as it was for the one."""
    told = [asyncio.Event(), asyncio.Event()]
    turns, look = iter(told), house.desk.read

    async def late(scope: str, fn: Callable[..., T], *args: object) -> T:
        value = await look(scope, fn, *args)
        await next(turns).wait()
        return value

    monkeypatch.setattr(house.desk, "read", late)
    monkeypatch.setattr(tokens, "MOST", 0)
    one, other = (asyncio.create_task(house.seen.claim(TOWN, caller(jti))) for jti in "ab")
    await asyncio.sleep(0)  # both ask
    told[0].set()
    await one
    monkeypatch.setattr(tokens, "MOST", MOST)
    told[1].set()
    await other
    assert (house.seen._past, house.seen._open) == ({TOWN: NOW_S}, {})


def test_tokens_of_an_open_second_write_nothing(house: House) -> None:
    """>> a hundred of one second << two rows: that it was opened, and the first one; each of them again << refused."""
    assert {house.use(str(n), NOW_S) for n in range(100)} == {"200"}
    assert house.rows() == 2
    assert {house.use(str(n), NOW_S) for n in range(100)} == {"peer.replay"}
    assert house.rows() == 2


def test_ids_of_any_length_are_not_kept_in_memory(house: House) -> None:
    """>> the longest id that is kept, and longer ones << only the former is in memory; all of them count once."""
    ids = ["j" * SHORT, "j" * (SHORT + 1), "j" * jose.LONGEST_JTI]
    assert [house.use(jti, NOW_S) for jti in ids] == ["200"] * 3
    assert [second.ids for second in house.seen._open.values()] == [{ids[0]}]
    assert [house.use(jti, NOW_S) for jti in ids] == ["peer.replay"] * 3


def test_a_second_is_each_callers_own_and_each_participants(house: House) -> None:
    """>> the same id by another caller, and at another participant << both count."""
    for slug, did in ((TOWN, "did:web:b"), (TOWN, "did:web:c"), ("nachbardorf", "did:web:b")):
        use = now(house.seen.claim(slug, caller("j", did=did)))
        with use:
            now(house.desk.write(slug, house._unit, use, False))
    assert house.rows() == 6


@pytest.mark.threat("T126")
@pytest.mark.parametrize("ahead", [-250, -29, 0, 29])
def test_after_a_death_the_seconds_that_were_opened_are_over(house: House, ahead: int) -> None:
    """>> by a caller whose clock is that much ahead; death << nothing of that second counts, all of the next does."""
    second = NOW_S + ahead
    assert [house.use(jti, second) for jti in "ab"] == ["200", "200"]
    house.dies()
    assert [house.use(jti, second) for jti in "abc"] == ["peer.token-over"] * 3
    assert [house.use(jti, second + 1) for jti in "def"] == ["200"] * 3
    assert house.use("d", second + 1) == "peer.replay"


@pytest.mark.threat("T126")
def test_a_clock_that_was_set_back_opens_nothing_again(house: House) -> None:
    """>> used; the clock is set back by an hour, death, the clock comes back << over; and so without a death."""
    assert [house.use(jti, NOW_S) for jti in "ab"] == ["200", "200"]
    house.clock.jump(-3_600_000)
    house.dies()
    house.clock.jump(3_600_000)
    assert [house.use(jti, NOW_S) for jti in "ab"] == ["peer.token-over"] * 2
    assert [house.use(jti, NOW_S + 5) for jti in "cd"] == ["200", "200"]
    house.clock.jump(-3_600_000)
    house.clock.advance(OPEN_MS)
    assert [house.use(jti, NOW_S + 5) for jti in "cd"] == ["peer.token-over"] * 2


def test_after_a_stop_nothing_is_over(house: House) -> None:
    """>> used, stopped in good order << the used ones are known, others of that second count."""
    assert [house.use(jti, NOW_S) for jti in "ab"] == ["200", "200"]
    house.stops()
    assert [house.use(jti, NOW_S) for jti in "abc"] == ["peer.replay", "peer.replay", "200"]


def test_a_token_whose_unit_was_undone_was_not_used(house: House) -> None:
    """>> the database is full, then not << the same token counts; a refusal of ours would have used it up."""
    assert house.use("a", NOW_S, fails=True) == "storage.full"
    assert house.use("a", NOW_S) == "200"
    assert house.use("b", NOW_S, fails=True) == "storage.full"
    assert house.use("b", NOW_S) == "200"
    assert house.use("b", NOW_S) == "peer.replay"
    assert house.use("c", NOW_S) == "200"
    assert house.rows() == 2, "whose unit was undone left the opening to the next one"
    assert house.seen._count == 3, "an id that was given back takes no room"


def test_what_is_given_back_when_its_second_is_over_takes_no_room_twice(house: House) -> None:
    """>> asked for; a minute passes; its unit is undone << the room for it was given back once."""
    use = now(house.seen.claim(TOWN, caller("late")))
    house.clock.advance(OPEN_MS)
    assert house.use("next", NOW_S + 61) == "200"
    with pytest.raises(Unavailable), use:
        now(house.desk.write(TOWN, house._unit, use, True))
    assert house.seen._count == sum(len(second.ids) for second in house.seen._open.values()) == 1


@pytest.mark.threat("T126")
def test_memory_has_a_bound(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> more ids than are kept, in one second and in many << those beyond are written, and all of them count once;
    a minute later there is room again."""
    monkeypatch.setattr(tokens, "MOST", 10)
    used = [(str(n), NOW_S) for n in range(30)] + [(f"s{n}", NOW_S + n) for n in range(30)]
    assert {house.use(*one) for one in used} == {"200"}
    assert sum(len(second.ids) for second in house.seen._open.values()) == house.seen._count == 10
    assert {house.use(*one) for one in used} == {"peer.replay"}
    house.clock.advance(OPEN_MS)
    before = house.rows()
    assert {house.use(f"m{n}", NOW_S + 61) for n in range(9)} == {"200"}
    assert (house.rows() - before, house.seen._count, len(house.seen._open)) == (2, 9, 1)


@pytest.mark.threat("T126")
def test_what_memory_had_no_room_for_is_not_forgotten_once_it_has(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> memory is full, a token of another second is written; a minute, others of that second << still used."""
    monkeypatch.setattr(tokens, "MOST", 10)
    assert {house.use(str(n), NOW_S) for n in range(10)} == {"200"}
    assert house.use("written", NOW_S + 1) == "200"
    house.clock.advance(OPEN_MS)
    assert {house.use(f"m{n}", NOW_S + 1) for n in range(3)} == {"200"}
    assert house.use("written", NOW_S + 1) == "peer.replay"


def test_a_row_lasts_as_long_as_any_token_of_its_second(house: House) -> None:
    """>> the longest life that is taken, from the last moment of a second << its row is not due before."""
    house.use("a", NOW_S)
    latest = NOW_S + 1 + jose.LONGEST_S + jose.LEEWAY_S + jose.LEEWAY_S
    assert house.desk.file.execute("SELECT DISTINCT expires_at FROM seen_token").fetchall() == [(latest * 1000,)]
    assert latest == NOW_S + USABLE_S


async def test_on_both_databases_a_token_counts_once(any_db: Database) -> None:
    """>> ten tokens, each five times at once << each once; on PostgreSQL, where others answer too, each has its row."""
    seen = SeenTokens(any_db, FakeClock())

    async def used(jti: str) -> bool:
        try:
            use = await seen.claim(TOWN, caller(jti))
            with use:
                await any_db.write(TOWN, lambda tx: use.remember(tx))
        except Unauthenticated:
            return False
        return True

    assert await used("first")
    wins = await asyncio.gather(*(used(str(n % 10)) for n in range(50)))
    assert sum(wins) == 10
    rows = await any_db.read(TOWN, lambda tx: tx.all("SELECT jti FROM seen_token"))
    assert len(rows) == (11 if any_db.dialect == "postgres" else 2)


async def test_who_is_cancelled_may_have_been_heard(sqlite_db: Database) -> None:
    """>> a request that is cancelled while its unit waits << its token is used up: the unit is committed yet."""
    seen = SeenTokens(sqlite_db, FakeClock())

    async def used() -> None:
        use = await seen.claim(TOWN, caller("a"))
        with use:
            await sqlite_db.write(TOWN, lambda tx: use.remember(tx))

    asked = asyncio.create_task(used())
    while not seen._open:
        await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    with pytest.raises(Unauthenticated, match=r"peer\.replay"):
        await seen.claim(TOWN, caller("a"))


async def test_of_a_participant_that_is_being_deleted_nothing_is_written_at_a_stop(sqlite_db: Database) -> None:
    """>> used, the deletion begins, stop << the other participant's ids are there, none of this one."""
    seen = SeenTokens(sqlite_db, FakeClock())
    for slug in (TOWN, "nachbardorf"):
        for jti in "ab":
            use = await seen.claim(slug, caller(jti))
            with use:
                await sqlite_db.write(slug, use.remember)
    for earlier, state in pairwise(("active", "closing", "closed", "deleting")):
        await sqlite_db.write(TOWN, lifecycle_store.set_state, TOWN, earlier, state)
    await sqlite_db.write(TOWN, lambda tx: tx.run("DELETE FROM seen_token WHERE participant = :p", p=TOWN))
    await seen.hand_over()
    rows = await sqlite_db.read("", lambda tx: tx.all("SELECT participant, jti FROM seen_token ORDER BY jti"))
    assert [tuple(row.values()) for row in rows] == [("nachbardorf", "a"), ("nachbardorf", "b")]


@pytest.mark.threat("T126")
def test_rows_of_an_older_release_are_of_no_later_second_than_they_say(tmp_path: Path) -> None:
    """>> a token of before step 0055, used ten minutes before its end << the new process asks the table about it."""
    older = before(tmp_path / "older", "0055")
    url = f"sqlite://{tmp_path / 'hanse.db'}"
    upgrade(url, folder=older)
    ends = NOW_S + jose.LONGEST_S
    with closing(sqlite3.connect(tmp_path / "hanse.db")) as old, old:
        row = (TOWN, "did:web:b", "old", (ends + jose.LEEWAY_S) * 1000)
        old.execute("INSERT INTO seen_token VALUES (?, ?, ?, ?)", row)
    assert "0055_pre_tokens" in " ".join(upgrade(url))
    house = House()
    with closing(house.desk.file), closing(sqlite3.connect(tmp_path / "hanse.db", isolation_level=None)) as file:
        house.desk.file = file
        assert [house.use(jti, NOW_S) for jti in ("new", "old")] == ["200", "peer.replay"]
