"""Members compare what an authority showed them: two lists of one number are noticed, kept and told at both ends."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connector.data.federation.lists import AGAIN_MS, CLAIMS_BYTES, TRIES
from connector.foundation.clock import rfc3339
from connector.foundation.errors import HanseError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import PROCESS, Database, Tx
from connector.identity.trust.members import forks, pins
from connector.identity.trust.members.forks import ForkedList
from connector.identity.trust.members.held_lists import ListClaim as Claim
from connector.identity.trust.members.held_lists import Numbered, ahead, digest_of, disputed
from connector.identity.trust.members.space_lists import SOON_MS
from connector.identity.trust.members.trust_list import LARGEST, LIMIT, Entry, read_list
from tests.data.federation.list_members import Member, Wire, database
from tests.identity.trust.members.keepers import Keeper
from tests.identity.trust.members.lists import NOW, entry

FORK = [("trust.list-fork", True)]
pytestmark = pytest.mark.threat("T163")


class Space:
    """A space of three; `says` is a list of all of them, with one more member under a name if there is one."""

    def __init__(self, keeper: Keeper, there: Database, third: Database) -> None:
        self.keeper, self.wire, self.there, self.third = keeper, Wire(), there, third

    def says(self, version: int, more: str = "", **changes: object) -> str:
        names = ("town", "village", "port", *filter(None, [more]))
        return self.keeper.says(*(entry(one, NOW, **changes) for one in names), version=version)

    def member(self, name: str, db: Database) -> Member:
        return Member(self.wire, name, db, self.keeper)


@pytest.fixture
async def space(migrated: Path, tmp_path: Path) -> AsyncIterator[Space]:
    async with database(migrated, tmp_path / "there") as there, database(migrated, tmp_path / "third") as third:
        yield Space(Keeper(tmp_path, "north"), there, third)


async def test_bug_two_members_that_were_each_shown_one_list_did_not_notice(space: Space, any_db: Database) -> None:
    """>> the authority shows number 7 to one and another 7 to the other; the one compares << both keep both lists as
    they were signed, and each tells of it once, however often they compare."""
    one, two = space.says(7, "a"), space.says(7, "b")
    town = await space.member("town", any_db).shown(one)
    village = await space.member("village", space.there).shown(two)
    await town.meets(village)
    assert space.wire.asked == ["town claims village", "town shows village"]
    for member, held, other in ((town, one, two), (village, two, one)):
        proof = await member.proof()
        assert proof is not None
        assert (proof.version, proof.held, proof.other) == (7, held, other)
        assert [read_list(text, space.keeper.key.public_jwk).version for text in (held, other)] == [7, 7]
    await village.meets(town)
    await town.meets(village)
    await town.spaces.reload()
    assert (town.alarms, village.alarms, town.doubts) == (FORK, FORK, [])


async def test_who_agrees_is_asked_nothing_until_there_is_a_newer_list(space: Space, sqlite_db: Database) -> None:
    """>> one list at both, compared three times; a newer one at one end << one request, then one more."""
    first = space.says(1)
    town = await space.member("town", sqlite_db).shown(first)
    village = await space.member("village", space.there).shown(first)
    for _ in range(3):
        await town.meets(village)
    assert space.wire.asked == ["town claims village"]
    await town.shown(space.says(2))
    for _ in range(3):
        await town.meets(village)
    assert space.wire.asked == ["town claims village"] * 2
    assert (await town.proof(), await village.proof(), town.alarms) == (None, None, [])


async def test_bug_each_question_of_a_member_read_the_texts_of_all_lists_again(
    space: Space, any_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> of three lists and a pair the digests are told again and again << each text is read once: three of 6 MB
    took a tenth of a second, in which on SQLite the process answers nobody."""
    town = await space.member("town", any_db).shown(*(space.says(number, f"m{number}") for number in (1, 2, 3)))
    await any_db.write(
        PROCESS,
        forks.keep,
        ForkedList(
            authority=space.keeper.key.id,
            version=3,
            held=space.says(3, "m3"),
            other=space.says(3, "b"),
        ),
        space.keeper.key.public_jwk,
    )
    read, asked = any_db.read, list[str]()

    class Seen:
        def __init__(self, tx: Tx) -> None:
            self.one, self.all, self._tx = self._of(tx.one), self._of(tx.all), tx

        def _of(self, run: Any) -> Any:
            def seen(sql: str, **values: object) -> object:
                asked.extend(re.findall("jws|held|other", sql.partition("FROM")[0]))
                return run(sql, **values)

            return seen

    async def reading(scope: str, fn: Any, *args: Any) -> Any:
        return await read(scope, lambda tx: fn(Seen(tx), *args))

    monkeypatch.setattr(any_db, "read", reading)
    told = [await town.held.claims(town.did, "did:web:village.de") for _ in range(3)]
    assert sorted(asked) == ["held", "jws", "jws", "jws", "other"]
    assert told[0] == told[1] == told[2]
    assert [one.version for one in told[0]] == [3, 2, 1, 3]


async def test_an_authority_in_the_middle_of_publishing_is_no_alarm(space: Space, sqlite_db: Database) -> None:
    """>> one holds 1, 2 and 3, the other 1 and 2 as yet; another text of one list, signed anew << nobody is told."""
    lists = [space.says(number, f"m{number}") for number in (1, 2, 3)]
    town = await space.member("town", sqlite_db).shown(*lists)
    village = await space.member("village", space.there).shown(lists[0], lists[1])
    await town.meets(village)
    await village.meets(town)
    again = space.says(4), space.says(4)
    assert again[0] != again[1]
    await town.shown(again[0])
    await village.shown(again[1])
    await town.meets(village)
    assert (town.alarms, village.alarms, await town.proof(), await village.proof()) == ([], [], None, None)


async def test_a_restored_authority_that_uses_a_number_again_is_told_of(space: Space, sqlite_db: Database) -> None:
    """>> one saw 6 and 7; the authority comes back from a backup and shows a newcomer another 6 << proof at both,
    though what the one goes by is a newer list."""
    before = space.says(6, "renewed"), space.says(7, "renewed")
    town = await space.member("town", sqlite_db).shown(*before)
    village = await space.member("village", space.there).shown(space.says(6))
    await village.meets(town)
    assert [proof.version for proof in (await town.proof(), await village.proof()) if proof] == [6, 6]
    assert (town.alarms, village.alarms) == (FORK, FORK)
    assert town.anchors.pin_of(space.keeper.key.id) is not None


async def test_who_never_meets_the_other_hears_of_it_through_a_third(space: Space, sqlite_db: Database) -> None:
    """>> two see one list each and compare with a third alone, which saw the list of the one << all three have both
    lists, those too who had the same."""
    one, two = space.says(7, "a"), space.says(7, "b")
    town = await space.member("town", sqlite_db).shown(one)
    village = await space.member("village", space.there).shown(two)
    port = await space.member("port", space.third).shown(one)
    await port.meets(town, village)
    assert await town.proof() is None
    await port.meets(town)
    proofs = [await member.proof() for member in (town, village, port)]
    assert [{one.held, one.other} for one in proofs if one] == [{one, two}] * 3
    assert [member.alarms for member in (town, village, port)] == [FORK] * 3


async def test_a_process_that_dies_before_it_tells_does_so_at_its_next_start(space: Space, any_db: Database) -> None:
    """>> the process dies between proof and alarm; the authority shows one list again and the other member is gone <<
    told of after the start, once."""
    one = space.says(7, "a")
    town = await space.member("town", any_db).shown(one)
    village = await space.member("village", space.there).shown(space.says(7, "b"))
    town.dying = True
    with pytest.raises(ConnectionError):
        await town.meets(village)
    again = space.member("town", any_db)
    for _ in range(2):
        await again.shown(one)
    assert (town.alarms, again.alarms) == ([], FORK)


async def test_bug_two_replicas_that_took_two_lists_of_one_number_did_not_notice(
    space: Space, any_db: Database
) -> None:
    """>> two processes over one database, each shown another list of number 7 << the second finds the first's there and
    keeps both; one of them tells."""
    first, second = space.member("town", any_db), space.member("town", any_db)
    first.web.jws = second.web.jws = space.says(6)
    await first.shown(space.says(6))
    await second.spaces.catch_up()
    first.web.jws, second.web.jws = one, two = space.says(7, "a"), space.says(7, "b")
    await first.spaces._look(space.keeper.pin)
    await second.spaces._look(space.keeper.pin)
    proof = await first.proof()
    assert proof is not None
    assert {proof.held, proof.other} == {one, two}
    await first.spaces.tell()
    await second.spaces.tell()
    assert first.alarms + second.alarms == FORK


async def test_towns_of_one_process_ask_each_other_nothing(space: Space, sqlite_db: Database) -> None:
    town = await space.member("town", sqlite_db).shown(space.says(1))
    village = await space.member("village", space.there).shown(space.says(1, "a"))
    town.here.add(village.did)
    await town.meets(village)
    assert space.wire.asked == []


@pytest.mark.parametrize("status", [404, 405, 410, 501, None])
async def test_an_older_partner_is_left_alone(space: Space, sqlite_db: Database, status: int | None) -> None:
    """>> a member that compares no lists, or names no inventory << asked once for each list of ours, nobody is told."""
    town = await space.member("town", sqlite_db).shown(space.says(1))
    village = await space.member("village", space.there).shown(space.says(1, "a"))
    if status is None:
        space.wire.without.add("village")
    else:
        space.wire.bent = lambda what, answer: Answer(status, {}, b"")
    for _ in range(5):
        await town.meets(village)
    assert space.wire.asked == ([] if status is None else ["town claims village"])
    assert (town.alarms, town.doubts) == ([], [])


@pytest.mark.threat("T184")
async def test_bug_an_authority_with_numbers_for_each_member_went_unnoticed(space: Space, any_db: Database) -> None:
    """>> the authority shows one member the even numbers and the other one the odd ones, in which somebody is suspended
    << whoever compares goes by the newest of both at once; it is an alarm at each that is shown an older one still two
    minutes later, and the next number of either line comes to both."""

    def says(version: int) -> str:
        state = "suspended" if version % 2 else "active"
        return space.keeper.says(
            *(entry(one, NOW) for one in ("town", "village")), entry("port", NOW, state=state), version=version
        )

    def active(member: Member) -> bool:
        found = member.anchors.entry("did:web:port.de")
        return found is not None and found.state == "active"

    town = await space.member("town", any_db).shown(says(2), says(4))
    village = await space.member("village", space.there).shown(says(3), says(5))
    assert (active(town), active(village)) == (True, False)
    await town.meets(village)
    assert (town.anchors.version_of(space.keeper.key.id), active(town)) == (5, False)
    assert space.wire.asked == ["town claims village", "town reads village"]
    for member in (town, village):
        await member.shown(member.web.jws)
    assert town.alarms == []
    town.clock.advance(SOON_MS)
    for member in (town, village):
        await member.shown(member.web.jws)
    assert (town.alarms, village.alarms) == ([("trust.list-rollback", False)], [])
    await town.shown(says(6))
    await village.meets(town)
    assert (active(town), active(village)) == (True, True)
    village.clock.advance(SOON_MS)
    await village.shown(village.web.jws)
    assert village.alarms == [("trust.list-rollback", False)]
    assert (town.doubts, village.doubts, await town.proof(), await village.proof()) == ([], [], None, None)
    kept = await any_db.read(PROCESS, pins.newest, space.keeper.key.id)
    assert kept == town.anchors.jws


@pytest.mark.threat("T184")
async def test_who_was_only_late_takes_the_newer_list_and_nobody_is_told(space: Space, sqlite_db: Database) -> None:
    """>> a member looks at the authority after it has met one that had looked already << the newer list, no alarm, and
    the one that holds it is asked for nothing of ours."""
    first, second = space.says(1), space.says(2, "a")
    town = await space.member("town", sqlite_db).shown(first)
    village = await space.member("village", space.there).shown(first, second)
    await village.meets(town)
    await town.meets(village)
    town.clock.advance(SOON_MS)
    await town.shown(second)
    await town.meets(village)
    assert (town.anchors.jws, town.alarms, town.doubts) == (second, [], [])
    assert space.wire.asked == [
        "village claims town",
        "town claims village",
        "town reads village",
        "town claims village",
    ]


@pytest.mark.threat("T184")
async def test_bug_members_that_had_agreed_once_never_told_each_other_of_a_newer_list(
    space: Space, any_db: Database
) -> None:
    """>> two members agree on number 7; from then on the authority shows 9 to one of them alone << the other takes it
    from that one within ten minutes, and is told of the address that goes on with 7."""
    first = space.says(7)
    town = await space.member("town", any_db).shown(first)
    village = await space.member("village", space.there).shown(first)
    await town.meets(village)
    await village.shown(newer := space.says(9))
    await village.meets(town)
    await town.meets(village)
    town.clock.advance(AGAIN_MS)
    await town.meets(village)
    assert town.anchors.jws == newer
    town.clock.advance(SOON_MS)
    await town.shown(first)
    assert (town.alarms, village.alarms) == ([("trust.list-rollback", False)], [])
    assert space.wire.asked == [
        "town claims village",
        "village claims town",
        "town claims village",
        "town reads village",
    ]


@pytest.mark.threat("T184")
async def test_bug_after_a_settled_pair_no_newer_list_was_taken_from_a_member(space: Space, any_db: Database) -> None:
    """>> an operator settles two lists of number 7; the authority goes on showing 7 here and 9 to others << 9 is taken
    from a member: what is settled was told of no more, and counted as if no list were held."""
    town, key = await space.member("town", any_db).shown(ours := space.says(7)), space.keeper.key
    pair = ForkedList(authority=key.id, version=7, held=ours, other=space.says(7, "b"))
    await any_db.write(PROCESS, forks.keep, pair, key.public_jwk)
    assert await any_db.write(PROCESS, forks.settle, key.id, 7)
    await town.spaces.catch_up()
    village = await space.member("village", space.there).shown(newer := space.says(9))
    await town.meets(village)
    assert (town.anchors.jws, town.doubts) == (newer, [])


@pytest.mark.threat("T184")
@pytest.mark.parametrize("shown", ["nothing", "stranger's", "altered", "older", "another space's", "huge", "slow"])
async def test_who_claims_a_newer_list_and_does_not_show_it_changes_nothing(
    space: Space, sqlite_db: Database, tmp_path: Path, shown: str
) -> None:
    """>> a member claims the largest number of all and shows nothing that the authority signed as such << our list
    stays in force, what the authority shows next is taken, and the member is told of once."""
    ours = space.says(7)
    town = await space.member("town", sqlite_db).shown(ours)
    await space.member("village", space.there).shown(ours)
    head, _, signature = ours.split(".")
    away = space.keeper.says(entry("town", NOW), version=9, space="https://elsewhere.de/space")
    body = Keeper(tmp_path, "south").says(
        entry("town", NOW), version=LARGEST, space=space.keeper.space, authority=space.keeper.key.id
    )
    answers: dict[str, Answer | HanseError] = {
        "nothing": Answer(404, {}, b""),
        "stranger's": Answer(200, {}, body.encode()),
        "altered": Answer(200, {}, f"{head}.{space.says(9).split('.')[1]}.{signature}".encode()),
        "older": Answer(200, {}, space.says(6).encode()),
        "another space's": Answer(200, {}, away.encode()),
        "huge": Answer(200, {}, b"x" * (LIMIT + 1)),
        "slow": Unavailable("http.too-slow"),
    }
    claim = _claims({"authority": space.keeper.key.id, "version": LARGEST, "sha256": "0" * 64})
    space.wire.bent = lambda what, _: answers[shown] if "reads" in what else Answer(200, {}, claim)
    for _ in range(TRIES + 3):
        await town.meets(town.wire.members["village"])
    assert (town.anchors.jws, town.alarms, town.doubts) == (ours, [], [("town", "did:web:village.de")])
    newer = space.says(8)
    await town.shown(newer)
    assert (town.anchors.jws, town.alarms) == (newer, [])


@pytest.mark.threat("T184")
async def test_bug_a_member_was_told_of_for_answers_that_were_lost_months_apart(
    space: Space, sqlite_db: Database
) -> None:
    """>> a member is before the authority and its list is lost on the way, the authority shows it then, and both agree;
    six times << nobody is told of an honest member: only tries in a row count."""
    town = await space.member("town", sqlite_db).shown(space.says(1))
    village = await space.member("village", space.there).shown(space.says(1))
    for version in range(2, 8):
        newer = space.says(version)
        await village.shown(newer)
        space.wire.bent = lambda what, answer: Unavailable("http.too-slow") if "reads" in what else answer
        await town.meets(village)
        space.wire.bent = None
        await town.shown(newer)
        await town.meets(village)
        town.clock.advance(AGAIN_MS)
    assert (town.anchors.jws, town.doubts) == (newer, [])


@pytest.mark.threat("T184")
async def test_bug_a_member_that_shows_nothing_was_told_of_again_and_again(space: Space, sqlite_db: Database) -> None:
    """>> a member claims the largest number of all, and says after each row of tries that it hands out none << its
    claim is told of once."""
    town = await space.member("town", sqlite_db).shown(space.says(7))
    village = await space.member("village", space.there).shown(space.says(7))
    claim = _claims({"authority": space.keeper.key.id, "version": LARGEST, "sha256": "0" * 64})
    for status in 3 * [*(TRIES + 1) * [404], 405]:
        answers = {True: Answer(status, {}, b""), False: Answer(200, {}, claim)}
        space.wire.bent = lambda what, _, answers=answers: answers["reads" in what]  # type: ignore[misc]
        await town.meets(village)
        town.clock.advance(AGAIN_MS)
    assert town.doubts == [("town", "did:web:village.de")]


@pytest.mark.threat("T184")
async def test_a_newer_list_is_not_asked_of_who_hands_out_none_nor_for_a_space_of_ours(
    space: Space, sqlite_db: Database
) -> None:
    """>> a member of before this rule; a member that is before the authority which this process hosts << nobody is told
    and nothing is taken: an authority asks its members itself what it signed (0167)."""
    ours = space.says(1)
    town = await space.member("town", sqlite_db).shown(ours)
    village = await space.member("village", space.there).shown(space.says(2))
    space.wire.bent = lambda what, answer: Answer(405, {}, b"") if "reads" in what else answer
    for _ in range(TRIES + 2):
        await town.meets(village)
    assert (town.anchors.jws, town.doubts) == (ours, [])
    assert space.wire.asked == ["town claims village", "town reads village"]
    space.wire.bent = None

    async def hosted(authority: str) -> str | None:
        return space.says(3)

    town.spaces.listen(hosted, town._raised)
    assert await town.held.lacks(Numbered(space.keeper.key.id, 9)) is False
    town.spaces.listen(_away, town._raised)
    assert await town.held.lacks(Numbered(space.keeper.key.id, 9)) is False


async def _away(authority: str) -> str | None:
    raise Unavailable("spaces.recovering")


def _claims(*lists: object) -> bytes:
    return json.dumps({"lists": lists}).encode()


ODD = {
    "garbage": b"{",
    "empty": b"",
    "no object": b"[]",
    "a number as text": _claims({"authority": "a", "version": "1", "sha256": "0" * 64}),
    "no digest": _claims({"authority": "a", "version": 1, "sha256": "x"}),
    "1000": _claims(*({"authority": "a", "version": one + 1, "sha256": "0" * 64} for one in range(1000))),
    "huge": b" " * (CLAIMS_BYTES + 1),
    "true": _claims({"authority": "a", "version": True, "sha256": "0" * 64}),
}


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(200, {}, body) for body in ODD.values()),
        Answer(500, {}, b""),
        Answer(429, {}, b""),
        Unavailable("http.too-slow"),
        Answer(200, {}, _claims({"authority": "other", "version": 7, "sha256": "0" * 64})),
        Answer(200, {}, _claims({"authority": "a" * 129, "version": 1, "sha256": "0" * 64})),
    ],
)
async def test_what_a_hostile_member_answers_tells_nothing(
    space: Space, sqlite_db: Database, answer: Answer | HanseError
) -> None:
    """>> odd, huge, slow, foreign claims << no proof, no alarm, and no list of ours is shown."""
    town = await space.member("town", sqlite_db).shown(space.says(7))
    village = await space.member("village", space.there).shown(space.says(7, "a"))
    space.wire.bent = lambda what, _: answer
    for _ in range(TRIES + 2):
        await town.meets(village)
    assert (await town.proof(), town.alarms, town.doubts) == (None, [], [])
    assert "town shows village" not in space.wire.asked


@pytest.mark.parametrize("shown", ["nothing", "busy", "ours", "stranger's", "altered", "unsigned", "older", "slow"])
async def test_who_claims_another_list_and_does_not_show_it_is_told_of_once(
    space: Space, sqlite_db: Database, tmp_path: Path, shown: str
) -> None:
    """>> a member claims another list of our number and shows none that the authority signed << nothing is believed of
    the authority; after three times in a row its claim is told of as its own, once."""
    ours, stranger = space.says(7), Keeper(tmp_path, "south")
    town = await space.member("town", sqlite_db).shown(ours)
    village = await space.member("village", space.there).shown(ours)
    head, _, signature = ours.split(".")
    other = space.says(7, "a")
    body = stranger.says(entry("town", NOW), version=7, space=space.keeper.space, authority=space.keeper.key.id)
    answers: dict[str, Answer | HanseError] = {
        "nothing": Answer(404, {}, b""),
        "busy": Answer(503, {}, b""),
        "ours": Answer(200, {}, ours.encode()),
        "stranger's": Answer(200, {}, body.encode()),
        "unsigned": Answer(200, {}, b"x.y.z"),
        "altered": Answer(200, {}, f"{head}.{other.split('.')[1]}.{signature}".encode()),
        "older": Answer(200, {}, space.says(6).encode()),
        "slow": Unavailable("http.too-slow"),
    }
    claim = _claims({"authority": space.keeper.key.id, "version": 7, "sha256": digest_of(other)})

    def bent(what: str, answer: Answer) -> Answer | HanseError:
        return answers[shown] if "shows" in what else Answer(200, {}, claim)

    space.wire.bent = bent
    counts = []
    for _ in range(TRIES + 3):
        await town.meets(village)
        counts.append(len(town.doubts))
    assert counts == [0] * TRIES + [1] * 3
    assert (await town.proof(), town.alarms, town.doubts) == (None, [], [("town", "did:web:village.de")])


async def test_of_a_list_in_which_one_of_them_is_no_member_nothing_is_told(space: Space, sqlite_db: Database) -> None:
    """>> the other is suspended by our list, or not named << nothing is asked, and its door tells us nothing."""

    def said(*members: Entry) -> str:
        return space.keeper.says(*members, version=3)

    town = await space.member("town", sqlite_db).shown(said(entry("town", NOW), entry("village", NOW)))
    off = entry("town", NOW, state="suspended", suspended_since=rfc3339(NOW))
    village = await space.member("village", space.there).shown(said(off, entry("village", NOW)))
    await town.meets(village)
    await village.meets(town)
    assert space.wire.asked == ["town claims village"]
    assert (await town.proof(), await village.proof(), town.doubts) == (None, None, [])


def test_only_numbers_that_both_hold_and_where_one_has_something_to_show() -> None:
    """>> every way in which two members may hold none, one or two of the lists of one number << shown where one of them
    holds what the other does not, unless each has a pair already."""
    mine = {"none": [], "a": ["a"], "b": ["b"], "both": ["a", "b"], "other two": ["a", "c"]}
    found = {
        (one, two)
        for one, ours in mine.items()
        for two, theirs in mine.items()
        if disputed([Claim("x", 1, digest) for digest in ours], [Claim("x", 1, digest) for digest in theirs])
    }
    single, pairs = {"a", "b"}, {"both", "other two"}
    assert found == {
        ("a", "b"),
        ("b", "a"),
        *((s, p) for s in single for p in pairs),
        *((p, s) for s in single for p in pairs),
    }
    assert disputed([Claim("x", 1, "a")], [Claim("x", 1, "b")]) == {Numbered("x", 1): "b"}
    assert not disputed([Claim("x", 1, "a")], [Claim("x", 2, "b"), Claim("y", 1, "b")])
    claims = [Claim("x", 2, "b"), Claim("x", 4, "d"), Claim("x", 3, "c"), Claim("y", 9, "b")]
    assert ahead({"x": 3}, claims) == [Numbered("x", 4)]
    assert ahead({"x": 4}, claims) == []
