"""Lists of joined spaces are looked at every time, those that they recognise by turns where these take long."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connector.foundation.clock import FakeClock
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import PROCESS, Database
from connector.identity.trust.members import pins
from connector.identity.trust.members.pin import Pin
from connector.identity.trust.members.space_lists import LONGEST_MS, SpaceLists
from tests.identity.trust.members.keepers import Keeper, of
from tests.identity.trust.members.lists import NOW, entry

TOWN = "did:web:town.de"


class Web:
    """Serves lists by their address, each after `slow` ms; who serves none does not answer for ten seconds, or as long
    as one waits."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.lists, self.asked, self.slow = clock, dict[str, str](), list[str](), 0

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
        self.asked.append(url.removeprefix("https://").partition(".")[0])
        if url not in self.lists:
            self.clock.advance(int((total_s or 10) * 1000))
            raise Unavailable("http.too-slow", host="x")
        self.clock.advance(self.slow)
        return Answer(200, {}, self.lists[url].encode("ascii"))


@pytest.mark.threat("T127")
async def test_bug_recognised_lists_that_answer_slowly_held_up_the_joined_ones(
    sqlite_db: Database, tmp_path: Path
) -> None:
    """>> a joined space recognises seven others, six of which never answer and the last at once; another joined space
    has newer lists << both joined ones are looked at in each round, which takes as long as three of the others; each of
    the others has its turn, and that which answers is looked at in each round from then on."""
    clock = FakeClock()
    north, south = Keeper(tmp_path, "north"), Keeper(tmp_path, "south")
    others = [Keeper(tmp_path, f"other{number}") for number in range(7)]
    listed = north.says(entry("town", NOW), recognised=tuple(one.named() for one in others))
    anchors, web = of((north, listed), (south, south.says(entry("town", NOW)))), Web(clock)
    for one in (north, south):
        await sqlite_db.write(PROCESS, pins.pin, TOWN, one.pin)
    lists = SpaceLists(sqlite_db, clock, anchors, web)  # type: ignore[arg-type]
    web.lists = {north.pin.list_url: listed, others[-1].pin.list_url: others[-1].says(entry("village", NOW))}
    rounds = list[list[str]]()
    for _ in range(6):
        web.lists[south.pin.list_url] = south.says(entry("town", NOW))
        web.asked, began = [], clock.steady()
        await lists.reload()
        assert clock.steady() - began <= LONGEST_MS + 10_000
        rounds.append(web.asked)
        newest = anchors.list_of(south.key.id)
        assert newest is not None
        assert newest.version == south.version
    assert [sorted(asked[:2]) for asked in rounds] == [["north", "south"]] * 6
    assert [" ".join(asked[2:]).replace("other", "") for asked in rounds] == [
        "0 1 2 3 4 5 6 0 1",
        "6 2 3",
        "6 4 5",
        "6 0 1",
        "6 2 3",
        "6 4 5",
    ]
    assert anchors.list_of(others[-1].key.id) is not None


@pytest.mark.threat("T127")
async def test_bug_lists_that_are_nearly_late_kept_all_others_away(sqlite_db: Database, tmp_path: Path) -> None:
    """>> a joined space recognises thirty others: 28 need just less than a second each, two never answer << of the
    first everyone is looked at in two rounds, and one of the last in each round that follows; before, the first 21
    alone, again and again."""
    clock = FakeClock()
    north, others = Keeper(tmp_path, "north"), [Keeper(tmp_path, f"other{number}") for number in range(30)]
    listed = north.says(entry("town", NOW), recognised=tuple(one.named() for one in others))
    web = Web(clock)
    await sqlite_db.write(PROCESS, pins.pin, TOWN, north.pin)
    lists = SpaceLists(sqlite_db, clock, of((north, listed)), web)  # type: ignore[arg-type]
    web.lists = {one.pin.list_url: one.says(entry("village", NOW)) for one in others[2:]} | {north.pin.list_url: listed}
    web.slow, rounds = 999, list[list[str]]()
    for _ in range(5):
        web.asked, began = [], clock.steady()
        await lists.reload()
        assert clock.steady() - began <= 2 * 999 + LONGEST_MS + 10_000
        rounds.append(web.asked[1:])
    assert {*rounds[0], *rounds[1], *rounds[2]} >= {f"other{number}" for number in range(30)}
    assert [[one for one in asked if one in ("other0", "other1")] for asked in rounds[1:]] == [
        ["other1"],
        ["other0"],
        ["other1"],
        ["other0"],
    ]
    assert {*rounds[3], *rounds[4]} >= {f"other{number}" for number in range(2, 30)}


@pytest.mark.threat("T127")
async def test_bug_who_recognised_others_in_each_round_kept_all_others_away(
    sqlite_db: Database, tmp_path: Path
) -> None:
    """>> in each round a joined space recognises three others than before, none of which ever answers; another joined
    one recognises one that answers << that is looked at in each round."""
    clock = FakeClock()
    north, south, village = (Keeper(tmp_path, name) for name in ("north", "south", "village"))
    listed = south.says(entry("town", NOW), recognised=(village.named(),))
    anchors, web = of((north, north.says(entry("town", NOW))), (south, listed)), Web(clock)
    for one in (north, south):
        await sqlite_db.write(PROCESS, pins.pin, TOWN, one.pin)
    lists = SpaceLists(sqlite_db, clock, anchors, web)  # type: ignore[arg-type]
    web.lists = {south.pin.list_url: listed, village.pin.list_url: village.says(entry("village", NOW))}
    for number in range(4):
        others = [Keeper(tmp_path, f"other{number}{letter}") for letter in "abc"]
        web.lists[north.pin.list_url] = north.says(entry("town", NOW), recognised=tuple(one.named() for one in others))
        web.asked = []
        await lists.reload()
        assert "village" in web.asked, number
    assert {one[:5] for one in web.asked} >= {"other"}


@pytest.mark.threat("T127")
async def test_joined_lists_that_never_come_keep_no_others_away(sqlite_db: Database, tmp_path: Path) -> None:
    """>> somebody joins thirty spaces that never answer << another joined list is looked at in each round, and a round
    does not take five minutes."""
    clock = FakeClock()
    north, others = Keeper(tmp_path, "north"), [Keeper(tmp_path, f"other{number}") for number in range(30)]
    listed = north.says(entry("town", NOW))
    web = Web(clock)
    for one in (*others, north):
        await sqlite_db.write(PROCESS, pins.pin, TOWN, one.pin)
    lists = SpaceLists(sqlite_db, clock, of((north, listed)), web)  # type: ignore[arg-type]
    web.lists = {north.pin.list_url: listed}
    rounds = list[list[str]]()
    for _ in range(4):
        web.asked, began = [], clock.steady()
        await lists.reload()
        assert clock.steady() - began <= LONGEST_MS + 11_000
        rounds.append(web.asked)
    assert all("north" in asked for asked in rounds[1:])
    assert {one for asked in rounds for one in asked} >= {f"other{number}" for number in range(20)}


class Busy:
    """Serves what is put in, the first as `first` is set: whoever asked before has its answer last."""

    def __init__(self, *served: str) -> None:
        self.served, self.first = list(served), asyncio.Event()

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
        jws = self.served.pop(0)
        if self.served:
            await self.first.wait()
        return Answer(200, {}, jws.encode("ascii"))


class Told:
    """The lists of one process and the alarms that it raised."""

    def __init__(self, db: Database, web: object, *joined: tuple[Keeper, str]) -> None:
        self.alarms, self.anchors = list[str](), of(*joined)
        self.lists = SpaceLists(db, FakeClock(), self.anchors, web)  # type: ignore[arg-type]

        async def nobody(authority: str) -> None:
            return None

        async def told(pin: Pin, code: str, *more: object) -> None:
            self.alarms.append(code)

        self.lists.listen(nobody, told)

    def version(self, keeper: Keeper) -> int:
        listed = self.anchors.list_of(keeper.key.id)
        return 0 if listed is None else listed.version


@pytest.mark.threat("T127")
async def test_bug_a_list_read_while_a_newer_one_was_taken_was_a_rollback(
    any_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> version 3, kept by a replica, is read from the database; before it is taken, version 4 comes from the
    authority << 4 stays, nothing is raised; 3 that the authority serves afterwards is an alarm."""
    north = Keeper(tmp_path, "north")
    lists = [north.says(entry("town", NOW)) for _ in range(4)]
    await any_db.write(PROCESS, pins.pin, TOWN, north.pin)
    await any_db.write(PROCESS, pins.keep, north.key.id, 3, lists[2])
    web = Busy(lists[3], lists[2])
    web.first.set()
    member, read = Told(any_db, web, (north, lists[1])), any_db.read

    async def overtaken(*asked: Any) -> Any:
        found = await read(*asked)
        if asked[1] is pins.newest:
            monkeypatch.undo()
            await member.lists.look(north.key.id)
        return found

    monkeypatch.setattr(any_db, "read", overtaken)
    assert await member.lists.catch_up() == frozenset()
    assert (member.version(north), member.alarms) == (4, [])
    await member.lists.reload()
    assert (member.version(north), member.alarms) == (4, ["trust.list-rollback"])


@pytest.mark.threat("T127")
async def test_bug_an_answer_that_a_newer_one_overtook_was_an_alarm(sqlite_db: Database, tmp_path: Path) -> None:
    """>> two ask the authority: the first is answered with 3 and late, the second with 4 << no alarm, 4 is in force and
    kept as it was signed; an answer with 2, older than what was held when it was asked for, is an alarm."""
    north = Keeper(tmp_path, "north")
    lists = [north.says(entry("town", NOW)) for _ in range(4)]
    await sqlite_db.write(PROCESS, pins.pin, TOWN, north.pin)
    web = Busy(lists[2], lists[3])
    member = Told(sqlite_db, web, (north, lists[1]))
    late = asyncio.create_task(member.lists.reload())
    while len(web.served) == 2:
        await asyncio.sleep(0)
    await member.lists.look(north.key.id)
    web.first.set()
    await late
    assert (member.version(north), member.alarms) == (4, [])
    assert await sqlite_db.read(PROCESS, pins.newest, north.key.id) == lists[3]
    web.served = [lists[1]]
    await member.lists.reload()
    assert (member.version(north), member.alarms) == (4, ["trust.list-rollback"])


@pytest.mark.threat("T127")
async def test_bug_a_kept_list_that_is_refused_stopped_the_lists_of_all(any_db: Database, tmp_path: Path) -> None:
    """>> somebody joined a space and was deleted; somebody else joins another space of the same key, and the process
    starts anew << the kept list of the first is refused, and those of other spaces come all the same."""
    north, south = Keeper(tmp_path, "north"), Keeper(tmp_path, "south")
    await any_db.write(PROCESS, pins.keep, north.key.id, 3, north.says(entry("town", NOW), version=3))
    other = replace(north.pin, space="https://elsewhere.de/space")
    for one in (other, south.pin):
        await any_db.write(PROCESS, pins.pin, TOWN, one)
    await any_db.write(PROCESS, pins.keep, south.key.id, 1, south.says(entry("town", NOW)))
    member = Told(any_db, Web(FakeClock()))
    await member.lists.catch_up()
    assert (member.version(north), member.version(south)) == (0, 1)


@pytest.mark.threat("T127")
@pytest.mark.parametrize("number", [2**53, 2**63, -1])
async def test_bug_a_number_that_no_database_holds_stopped_the_lists_of_all(
    sqlite_db: Database, tmp_path: Path, number: int
) -> None:
    """>> a space that somebody joined signs a list of that number << it is refused, and other lists come all the same;
    the largest number that every reader holds exactly is taken."""
    north, south = Keeper(tmp_path, "north"), Keeper(tmp_path, "south")
    for one in (north, south):
        await sqlite_db.write(PROCESS, pins.pin, TOWN, one.pin)
    web = Web(FakeClock())
    web.lists = {north.pin.list_url: north.says(version=number), south.pin.list_url: south.says(entry("town", NOW))}
    member = Told(sqlite_db, web)
    await member.lists.reload()
    assert (member.version(north), member.version(south)) == (0, 1)
    web.lists[north.pin.list_url] = north.says(version=2**53 - 1)
    await member.lists.reload()
    assert member.version(north) == 2**53 - 1


async def test_bug_lists_of_spaces_that_nobody_believes_any_more_were_kept(any_db: Database, tmp_path: Path) -> None:
    """>> a joined space recognises another; a third one's last member was deleted; two days later << the third one's
    lists go with the next look; those of the other two stay, and so do those of a space that another replica has
    joined meanwhile."""
    keepers = [Keeper(tmp_path, name) for name in ("north", "south", "east", "west")]
    north, south, east, west = keepers
    listed = north.says(entry("town", NOW), recognised=(south.named(),))
    for one in (north, east):
        await any_db.write(PROCESS, pins.pin, TOWN if one is north else "did:web:gone.de", one.pin)
    for one in keepers:
        jws = listed if one is north else one.says(entry("x", NOW))
        await any_db.write(PROCESS, pins.keep, one.key.id, one.version, jws)
    member = Told(any_db, Web(FakeClock()))

    async def kept() -> set[str]:
        await member.lists.reload()
        found = await any_db.read(PROCESS, pins.authorities)
        return {one.name for one in keepers if one.key.id in found}

    await any_db.write(PROCESS, pins.forget, "did:web:gone.de")
    assert await kept() == {"north", "south", "east", "west"}
    days = 2 * pins.UNWANTED_MS
    await any_db.write(PROCESS, lambda tx: tx.run("UPDATE space_list SET accepted_at = accepted_at - :ago", ago=days))
    await any_db.write(PROCESS, pins.pin, TOWN, west.pin)
    await any_db.write(PROCESS, pins.drop_lists, {west.key.id})
    assert await kept() == {"north", "south", "west"}


@pytest.mark.threat("T07")
async def test_bug_a_list_of_a_space_that_could_not_be_kept_was_not_kept_nor_told_of(
    any_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a newer list suspends a member while the disk is full << it is in force; once there is room, it is kept by the
    next look, also if the authority does not answer by then, and what it says otherwise is told of."""
    north, clock = Keeper(tmp_path, "north"), FakeClock()
    before = north.says(entry("town", NOW), entry("other", NOW))
    await any_db.write(PROCESS, pins.pin, TOWN, north.pin)
    web = Web(clock)
    member, write = Told(any_db, web), any_db.write
    web.lists = {north.pin.list_url: before}
    await member.lists.reload()
    web.lists = {north.pin.list_url: north.says(entry("town", NOW), entry("other", NOW, state="suspended"))}

    async def full(scope: str, fn: Any, *args: Any) -> Any:
        if fn is pins.keep:
            raise Unavailable("storage.full")
        return await write(scope, fn, *args)

    with monkeypatch.context() as patch:
        patch.setattr(any_db, "write", full)
        assert await member.lists.reload() == set()
    assert (member.version(north), await any_db.read(PROCESS, pins.newest, north.key.id)) == (2, before)
    served, web.lists = web.lists, {}
    await member.lists.reload()
    assert await any_db.read(PROCESS, pins.newest, north.key.id) == served[north.pin.list_url]
    web.lists = served
    assert await member.lists.reload() == {"did:web:other.de"}
    assert await member.lists.reload() == set()


@pytest.mark.threat("T127")
@pytest.mark.parametrize("broken", ["older", "another"])
async def test_bug_an_alarm_that_could_not_be_booked_kept_the_lists_of_others_away(
    any_db: Database, tmp_path: Path, broken: str
) -> None:
    """>> one authority shows an older list, or another one of its number, and nothing can be booked just then; a second
    one suspends somebody << that counts at once, and is told of; the alarm comes once it can be booked."""
    web = Web(FakeClock(NOW))
    bad, good = Keeper(tmp_path, "bad"), Keeper(tmp_path, "good")
    lists = [bad.says(entry("town", NOW), version=one) for one in (1, 2)]
    shown = lists[0] if broken == "older" else bad.says(entry("town", NOW), entry("more", NOW), version=2)
    before = good.says(entry("town", NOW), entry("other", NOW))
    for keeper in (good, bad):
        await any_db.write(PROCESS, pins.pin, TOWN, keeper.pin)
    member = Told(any_db, web)
    web.lists = {bad.pin.list_url: lists[1], good.pin.list_url: before}
    await member.lists.reload()
    raised, booked = list[str](), False

    async def told(pin: Pin, code: str, since: int) -> None:
        if not booked:
            raise Unavailable("storage.full")
        raised.append(code)

    async def nobody(authority: str) -> None:
        return None

    member.lists.listen(nobody, told)
    suspended = good.says(entry("town", NOW), entry("other", NOW, state="suspended"))
    web.lists = {bad.pin.list_url: shown, good.pin.list_url: suspended}
    assert "did:web:other.de" in await member.lists.reload()
    assert (member.version(good), raised) == (2, [])
    booked = True
    await member.lists.reload()
    await member.lists.reload()
    assert raised == ["trust.list-rollback" if broken == "older" else "trust.list-fork"]


@pytest.mark.threat("T163")
async def test_bug_a_fork_that_could_not_be_booked_kept_other_forks_untold(any_db: Database, tmp_path: Path) -> None:
    """>> two authorities each show two lists of one number; of the first nothing can be booked just then << the second
    one's alarm is raised, and the first one's by the first look that can book it."""
    web = Web(FakeClock(NOW))
    keepers = [Keeper(tmp_path, name) for name in ("one", "two")]
    for keeper in keepers:
        await any_db.write(PROCESS, pins.pin, TOWN, keeper.pin)
    member, raised = Told(any_db, web), list[str]()
    stuck = min(keeper.key.id for keeper in keepers)

    async def told(pin: Pin, code: str, since: int) -> None:
        if pin.authority == stuck:
            raise Unavailable("storage.busy")
        raised.append(pin.authority)

    async def nobody(authority: str) -> None:
        return None

    member.lists.listen(nobody, told)
    for more in ((), ("more",)):
        web.lists = {
            one.pin.list_url: one.says(*(entry(name, NOW) for name in ("town", *more)), version=2) for one in keepers
        }
        await member.lists.reload()
    assert raised == [max(keeper.key.id for keeper in keepers)]
    stuck = ""
    await member.lists.reload()
    await member.lists.reload()
    assert sorted(raised) == sorted(keeper.key.id for keeper in keepers)


@pytest.mark.threat("T127")
@pytest.mark.parametrize("away", [False, True])
async def test_bug_what_a_look_took_over_from_another_replica_nobody_was_told_of(
    any_db: Database, tmp_path: Path, away: bool
) -> None:
    """>> another replica has kept a list that suspends somebody; this one looks at that authority for another reason
    << who is suspended is told of; where the authority does not answer, by the next look that goes well."""
    north, web = Keeper(tmp_path, "north"), Web(FakeClock(NOW))
    lists = [north.says(entry("town", NOW), entry("other", NOW, state=one)) for one in ("active", "suspended")]
    await any_db.write(PROCESS, pins.pin, TOWN, north.pin)
    here, there = Told(any_db, web), Told(any_db, web)
    web.lists = {north.pin.list_url: lists[0]}
    for one in (here, there):
        await one.lists.reload()
    served = web.lists = {north.pin.list_url: lists[1]}
    assert await there.lists.reload() == {"did:web:other.de"}
    if away:
        web.lists = {}
        with pytest.raises(Unavailable):
            await here.lists.look(north.key.id)
        assert here.version(north) == 2
        web.lists = served
    assert await here.lists.look(north.key.id) == {"did:web:other.de"}
    assert await here.lists.look(north.key.id) == set()


@pytest.mark.threat("T127")
async def test_bug_what_was_taken_over_before_the_database_was_away_nobody_was_told_of(
    any_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> another replica has kept newer lists of two spaces; between them the database is away << the first is told of
    by the next look."""
    keepers, web = [Keeper(tmp_path, name) for name in ("north", "south")], Web(FakeClock(NOW))
    for one in keepers:
        await any_db.write(PROCESS, pins.pin, TOWN, one.pin)
        web.lists[one.pin.list_url] = one.says(entry("town", NOW), entry(f"of-{one.name}", NOW))
    here, read, asked = Told(any_db, web), any_db.read, list[str]()
    await here.lists.reload()
    for one in keepers:
        jws = one.says(entry("town", NOW), entry(f"of-{one.name}", NOW, state="suspended"))
        web.lists[one.pin.list_url] = jws
        await any_db.write(PROCESS, pins.keep, one.key.id, 2, jws)

    async def away(scope: str, fn: Any, *args: Any) -> Any:
        asked.extend([args[0]] if fn is pins.newest else [])
        if len(asked) == 2:
            raise Unavailable("storage.busy")
        return await read(scope, fn, *args)

    with monkeypatch.context() as patch:
        patch.setattr(any_db, "read", away)
        with pytest.raises(Unavailable):
            await here.lists.catch_up()
    assert sorted(map(here.version, keepers)) == [1, 2]
    assert await here.lists.reload() == {"did:web:of-north.de", "did:web:of-south.de"}


@pytest.mark.threat("T166")
async def test_bug_who_named_a_key_for_another_space_silenced_the_alarms_of_the_real_one(
    any_db: Database, tmp_path: Path
) -> None:
    """>> a neighbour in the process was the first to name the key of a space, for a space of its own, where an old list
    lies << the one whose list it is is rolled back, then forked: its alarms are raised all the same."""
    north, clock = Keeper(tmp_path, "north"), FakeClock(NOW)
    old, new = north.says(entry("town", NOW)), north.says(entry("town", NOW), entry("other", NOW))
    false = replace(north.pin, space="https://a.de/space", list_url="https://a.de/space/list")
    await any_db.write(PROCESS, pins.pin, "did:web:a.de", false)
    web = Web(clock)
    member, raised = Told(any_db, web), list[tuple[str, str]]()

    async def told(pin: Pin, code: str, since: int) -> None:
        raised.append((pin.space, code))

    async def nobody(authority: str) -> None:
        return None

    member.lists.listen(nobody, told)
    clock.advance(1)
    await any_db.write(PROCESS, lambda tx: tx.run("UPDATE space_pin SET pinned_at = pinned_at - 1"))
    await any_db.write(PROCESS, pins.pin, TOWN, north.pin)
    web.lists = {north.pin.list_url: new}
    await member.lists.reload()
    web.lists[false.list_url] = old
    await member.lists.reload()
    assert raised == [(false.space, "trust.list-rollback")]
    web.lists[north.pin.list_url] = old
    await member.lists.reload()
    assert raised[1:] == [(north.space, "trust.list-rollback")]
    web.lists = {north.pin.list_url: north.says(entry("town", NOW), version=2)}
    await member.lists.reload()
    assert raised[2:] == [(north.space, "trust.list-fork")]
    one = member.anchors.pin_of(north.key.id)
    assert one is not None
    assert one.space == north.space


@pytest.mark.threat("T166")
@pytest.mark.parametrize("jwk", ["another's", "none"])
async def test_bug_a_participant_that_moved_here_brought_another_key_for_an_authority(
    any_db: Database, tmp_path: Path, jwk: str
) -> None:
    """>> whoever moves here says of the key of a space that it is another one, and a list of that key lies there; a
    neighbour joins the real space << the real list counts for it: the first key that was named decided for all."""
    north, false, web = Keeper(tmp_path, "north"), Keeper(tmp_path, "false"), Web(FakeClock(NOW))
    forged = false.says(entry("town", NOW), version=9, space=north.space, authority=north.key.id)
    pin = replace(north.pin, jwk=false.pin.jwk if jwk == "another's" else {"kty": "EC"})
    with pytest.raises(Mistake, match=r"spaces\.other-key"):
        await any_db.write(PROCESS, pins.pin, "did:web:a.de", pin)
    await any_db.write(PROCESS, pins.pin, TOWN, north.pin)
    member, web.lists = Told(any_db, web), {north.pin.list_url: forged}
    await member.lists.reload()
    assert member.anchors.list_of(north.key.id) is None
    web.lists = {north.pin.list_url: north.says(entry("town", NOW))}
    await member.lists.reload()
    assert member.anchors.version_of(north.key.id) == 1


@pytest.mark.threat("T189")
async def test_bug_whoever_pinned_a_space_first_said_where_its_list_lies_for_all(
    any_db: Database, tmp_path: Path
) -> None:
    """Bug: >> somebody believes a space at an address that never answers, and a town joins the same space after it <<
    the town's list was never looked for; it is looked for at both, counts once, and each goes by it."""
    keeper, web = Keeper(tmp_path, "kreis"), Web(FakeClock(NOW))
    dead = replace(keeper.pin, list_url="https://nobody.example/list")
    await any_db.write(PROCESS, pins.pin, "did:web:evil.de", dead)
    await any_db.write(PROCESS, pins.pin, TOWN, keeper.pin)
    member = Told(any_db, web)
    for more in ((), ("more",)):
        web.lists = {keeper.pin.list_url: keeper.says(*(entry(name, NOW) for name in ("town", "evil", *more)))}
        await member.lists.reload()
    assert member.version(keeper) == 2
    assert len(member.anchors.listings(TOWN)) == 1
    for own in (TOWN, "did:web:evil.de"):
        assert [one.space for one in member.anchors.belonging(own, "did:web:more.de", NOW)] == [keeper.space]
