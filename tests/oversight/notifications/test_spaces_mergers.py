"""What people are told of a merger: those who decide, once each, and nobody that it does not concern."""

import asyncio

import pytest

from connector.app.on_demand import on_demand
from connector.data.approvals.model import Voter
from connector.dataspace.spaces.model import DAY_MS, Rules
from connector.foundation.clock import FakeClock, SystemClock
from connector.oversight.notifications.message import sentence
from connector.oversight.notifications.model import Notification
from connector.oversight.tasks.model import Viewer
from tests.cities.sharing import replicas
from tests.dataspace.spaces.conftest import COUNTY, PEOPLE, UNLISTED, County, joined
from tests.dataspace.spaces.mergers import (
    PART,
    PARTNER,
    WHOLE,
    approve,
    carried,
    claim,
    founded,
    listed,
    say,
    space_of,
    together,
    withdraw,
)
from tests.postgres import Cluster
from tests.testkit.cities import MUNICIPALITY, City, Refused, Space

ANNA, BERT, CEM = PEOPLE
STEWARD = Voter("p-tina", frozenset({"steward"}))


@pytest.fixture
def clock(space: Space) -> FakeClock:
    space.clock = clock = FakeClock(SystemClock().now())
    return clock


@pytest.fixture
async def county(space: Space, clock: FakeClock) -> County:
    return await founded(space, Rules(checklist=("letter",)))


@pytest.fixture
async def both(county: County, space: Space) -> City:
    """A part and its whole at one provider; both are members."""
    made = await together(space, county, PART, WHOLE)
    await made.stop_jobs()  # these tests make its rounds themselves
    return made


async def voter(county: County, login: str) -> Voter:
    return await county.city.services.infra.db.read(COUNTY, county.authority.voter, COUNTY, login)


async def heard(city: City, slug: str, who: Voter) -> list[Notification]:
    """Of mergers, after two replicas looked at once, and once more."""
    notes = city.services.notifications.service
    await asyncio.gather(notes.look(), notes.look())
    await notes.look_further()
    found = await city.services.infra.db.read(slug, notes.waiting, slug, who)
    return sorted((one for one in found if "merge" in one.cause), key=lambda one: one.cause)


async def tasks(city: City, slug: str, who: Voter) -> list[str]:
    viewer = Viewer(person="x", pseudonym=who.who, roles=who.roles)
    found = await city.services.infra.db.read(slug, on_demand(city.services).tasks.waiting, slug, viewer)
    return [one.kind for one in found if "merge" in one.kind]


async def causes(county: County, login: str) -> list[str]:
    return [one.cause for one in await heard(county.city, COUNTY, await voter(county, login))]


async def test_stewards_hear_of_a_merger_once_both_have_said_it(county: County, both: City) -> None:
    """>> the part says it; the whole, twice; Anna agrees, then Bert << nothing yet; all three hear of it, and it is a
    task of each; Bert and Cem hear that one more is needed; then nobody has anything to do."""
    did, into = both.did(PART), both.did(WHOLE)
    await say(both, PART, county, into=into)
    assert await causes(county, ANNA) == []
    assert await tasks(county.city, COUNTY, await voter(county, ANNA)) == []
    for _ in range(2):
        await say(both, WHOLE, county, member=did)
        (first,) = await heard(county.city, COUNTY, await voter(county, ANNA))
    assert sentence(first, "de").startswith("„Musterdorf“ ist laut Meldung Teil von „Musterstadt“ geworden.")
    assert first.place == ("space", "mergers")
    assert not first.concerns("p-rita", frozenset({"auditor"}))
    assert await tasks(county.city, COUNTY, await voter(county, ANNA)) == ["merger"]
    await approve(county, did, ANNA)
    assert await causes(county, ANNA) == ["merger"]
    assert await causes(county, BERT) == await causes(county, CEM) == ["merger", "merger-second"]
    assert await tasks(county.city, COUNTY, await voter(county, ANNA)) == []
    assert await tasks(county.city, COUNTY, await voter(county, CEM)) == ["merger-second"]
    await approve(county, did, BERT)
    assert await tasks(county.city, COUNTY, await voter(county, CEM)) == []
    assert await causes(county, CEM) == ["merger", "merger-second"]


async def test_another_day_is_another_merger(county: County, both: City, clock: FakeClock) -> None:
    """>> both say it, then both say another day << told twice, by the same words; one task."""
    did, into = both.did(PART), both.did(WHOLE)
    for day in ("2026-01-01", "2026-02-01"):
        await say(both, PART, county, into=into, day=day)
        await say(both, WHOLE, county, member=did, day=day)
        clock.advance(1_000)
        await heard(county.city, COUNTY, await voter(county, ANNA))
    assert await causes(county, ANNA) == ["merger", "merger"]
    assert await tasks(county.city, COUNTY, await voter(county, ANNA)) == ["merger"]


async def test_what_nobody_can_agree_to_is_no_task(county: County, both: City) -> None:
    """>> both say it, and the whole is suspended; goes on; a person refuses << no task; one; none."""
    did, into = both.did(PART), both.did(WHOLE)
    change, who = county.city.services.spaces.memberships.change, await voter(county, ANNA)
    await say(both, PART, county, into=into)
    await say(both, WHOLE, county, member=did)
    await change(COUNTY, into, "suspended", "Test", ANNA)
    assert await tasks(county.city, COUNTY, who) == []
    await change(COUNTY, into, "active", "", ANNA)
    assert await tasks(county.city, COUNTY, who) == ["merger"]
    await county.city.services.spaces.mergers.refuse(COUNTY, did, "Kein Beschluss.", BERT)
    assert await tasks(county.city, COUNTY, who) == []


async def told(city: City, slug: str) -> list[str]:
    """What a steward there heard, after two replicas asked the authority at once."""
    joining, hosted = city.services.spaces.joining, await city.services.participants.get(slug)
    await asyncio.gather(joining._round([hosted]), joining._round([hosted]))
    return [one.cause for one in await heard(city, slug, STEWARD)]


async def test_both_hear_what_was_decided_and_nobody_else_does(county: County, space: Space) -> None:
    """>> the part says it, twice; the whole says it; two agree; the part says it again << the whole hears that its word
    is missing; both hear of the decision; all of it once, and the neighbour nothing."""
    both = await together(space, county, PART, WHOLE, PARTNER)
    did, into = both.did(PART), both.did(WHOLE)
    for _ in range(2):
        await say(both, PART, county, into=into)
        assert (await told(both, PART), await told(both, WHOLE)) == ([], ["merger-asked"])
    (missing,) = await heard(both, WHOLE, STEWARD)
    assert sentence(missing, "de").startswith("„Musterdorf“ hat dem Datenraum „Datenraum Musterkreis“ gemeldet,")
    await say(both, WHOLE, county, member=did)
    await approve(county, did, ANNA)
    assert (await told(both, PART), await told(both, WHOLE)) == ([], ["merger-asked"])
    await approve(county, did, BERT)
    for _ in range(2):
        assert (await told(both, PART), await told(both, WHOLE)) == (["merged"], ["merged", "merger-asked"])
        await say(both, PART, county, into=into)
    (decided,) = await heard(both, PART, STEWARD)
    assert "„Musterdorf“ ist Teil von „Musterstadt“." in sentence(decided, "de")
    assert await told(both, PARTNER) == []


async def test_both_hear_of_a_no_and_of_what_is_said_anew(county: County, both: City, clock: FakeClock) -> None:
    """>> refused; both say it anew, and nobody decides in time << told each time that it was not agreed to, and not
    why; the whole hears each time that its word is missing."""
    did, into = both.did(PART), both.did(WHOLE)
    await say(both, PART, county, into=into)
    await say(both, WHOLE, county, member=did)
    await county.city.services.spaces.mergers.refuse(COUNTY, did, "Kein Beschluss.", BERT)
    for slug in (PART, WHOLE):
        assert (await told(both, slug)).count("not-merged") == 1
    assert not any("Kein Beschluss" in sentence(one, "de") for one in await heard(both, PART, STEWARD))
    clock.advance(1)
    await say(both, PART, county, into=into)
    await say(both, WHOLE, county, member=did)
    assert (await told(both, WHOLE)).count("not-merged") == 1
    assert (await told(both, WHOLE)).count("merger-asked") == 2
    clock.advance(31 * DAY_MS)
    assert [(await told(both, slug)).count("not-merged") for slug in (PART, WHOLE)] == [2, 2]


async def test_the_whole_hears_that_the_part_has_taken_it_back(county: County, both: City, clock: FakeClock) -> None:
    """>> both say it, Anna agrees; the whole takes it back and says it anew; the part takes it back << the stewards of
    the space hear of it anew, the second yes included; the whole hears that it was taken back, the part nothing."""
    did, into = both.did(PART), both.did(WHOLE)
    await say(both, PART, county, into=into)
    await say(both, WHOLE, county, member=did)
    await approve(county, did, ANNA)
    assert await causes(county, BERT) == ["merger", "merger-second"]
    clock.advance(1_000)
    await withdraw(both, WHOLE, county, member=did)
    assert await tasks(county.city, COUNTY, await voter(county, BERT)) == []
    await say(both, WHOLE, county, member=did)
    await approve(county, did, ANNA)
    assert await causes(county, BERT) == ["merger", "merger", "merger-second", "merger-second"]
    for _ in range(2):
        await withdraw(both, PART, county)
        assert (await told(both, PART), await told(both, WHOLE)) == ([], ["merger-asked", "merger-withdrawn"])
    assert await tasks(county.city, COUNTY, await voter(county, BERT)) == []
    (_, said) = await heard(both, WHOLE, STEWARD)
    assert sentence(said, "de").startswith("„Musterdorf“ hat beim Datenraum „Datenraum Musterkreis“ zurückgenommen,")


async def test_bug_the_whole_waited_for_a_word_that_it_has_to_say_anew(
    county: County, both: City, clock: FakeClock
) -> None:
    """>> both say it; before the whole asks, the part takes it back and says the same anew << the whole hears that its
    word is missing, once; it says it, and hears of the decision."""
    did, into = both.did(PART), both.did(WHOLE)
    await say(both, PART, county, into=into)
    await say(both, WHOLE, county, member=did)
    clock.advance(1_000)
    await withdraw(both, PART, county)
    await say(both, PART, county, into=into)
    for _ in range(2):
        assert await told(both, WHOLE) == ["merger-asked", "merger-asked"]
    await say(both, WHOLE, county, member=did)
    assert await told(both, WHOLE) == ["merger-asked", "merger-asked"]
    await approve(county, did)
    assert await told(both, WHOLE) == ["merged", "merger-asked", "merger-asked"]


async def test_what_was_told_is_not_told_again_after_a_move(county: County, both: City, space: Space) -> None:
    """>> both say it, two agree, both are told; the part moves to a third provider, and says it there again << told
    once, whatever numbers the entries of its log have there."""
    did, into = both.did(PART), both.did(WHOLE)
    await say(both, PART, county, into=into)
    await say(both, WHOLE, county, member=did)
    await approve(county, did)
    assert await told(both, PART) == ["merged"]
    third = await space.city("third", {"anderswo": MUNICIPALITY}, UNLISTED)
    await joined(third, "anderswo", county)
    await carried(both, third, county, both, county.city)
    assert await told(third, PART) == ["merged"]
    await say(third, PART, county, into=into)
    assert await told(third, PART) == ["merged"]


async def test_the_whole_hears_of_a_yes_to_a_part_that_has_moved_since(
    county: County, both: City, space: Space
) -> None:
    """>> both say it, two agree; before anybody asks the part moves to a third provider << each is told, once."""
    did, into = both.did(PART), both.did(WHOLE)
    await say(both, PART, county, into=into)
    await say(both, WHOLE, county, member=did)
    await approve(county, did)
    third = await space.city("third", {"anderswo": MUNICIPALITY}, UNLISTED)
    await joined(third, "anderswo", county)
    await carried(both, third, county, both, county.city)
    for _ in range(2):
        assert (await told(third, PART), await told(both, WHOLE)) == (["merged"], ["merged", "merger-asked"])


async def elsewhere(both: City, county: County, space: Space, slug: str) -> City:
    """A third provider, where a town of both works from now on."""
    third = await space.city("third", {"anderswo": MUNICIPALITY}, UNLISTED)
    await joined(third, "anderswo", county)
    await carried(both, third, county, both, county.city, slug=slug)
    return third


async def test_a_whole_that_has_moved_since_hears_of_a_yes(county: County, both: City, space: Space) -> None:
    """>> both say it, two agree; before anybody asks the whole moves to a third provider << each is told, once."""
    did = both.did(PART)
    await say(both, PART, county, into=both.did(WHOLE))
    await say(both, WHOLE, county, member=did)
    await approve(county, did)
    third = await elsewhere(both, county, space, WHOLE)
    for _ in range(2):
        assert (await told(both, PART), await told(third, WHOLE)) == (["merged"], ["merged", "merger-asked"])


@pytest.mark.parametrize("mover", [PART, pytest.param(WHOLE, marks=pytest.mark.long)])
async def test_bug_a_no_was_told_to_nobody_if_the_part_moved_before_it_asked(
    county: County, both: City, space: Space, mover: str
) -> None:
    """>> both say it; refused; before anybody asks one of both moves to a third provider << each is told of the no,
    once, and reads it."""
    did = both.did(PART)
    await say(both, PART, county, into=both.did(WHOLE))
    await say(both, WHOLE, county, member=did)
    await county.city.services.spaces.mergers.refuse(COUNTY, did, "Kein Beschluss.", BERT)
    third = await elsewhere(both, county, space, mover)
    part, whole = (third, both) if mover == PART else (both, third)
    for _ in range(2):
        assert await told(part, PART) == ["not-merged"]
        assert await told(whole, WHOLE) == ["merger-asked", "not-merged"]
    for city, slug in ((part, PART), (whole, WHOLE)):
        (one,) = (await city.api.get(f"/api/v1/participants/{slug}/spaces"))["spaces"]
        assert [it["state"] for it in one["mergers"]] == ["refused"]


@pytest.mark.threat("T122")
@pytest.mark.parametrize("mover", [PART, pytest.param(WHOLE, marks=pytest.mark.long)])
async def test_bug_nobody_told_that_a_move_takes_the_words_of_both(
    county: County, both: City, space: Space, mover: str
) -> None:
    """>> both say it, Anna agrees; one of both moves to a third provider; Bert agrees; it is said anew << both hear,
    once, that it has to be said anew, and read it; nobody has anything to decide, and Bert is told why; all of it
    anew, and in the list."""
    did, into = both.did(PART), both.did(WHOLE)
    await say(both, PART, county, into=into)
    await say(both, WHOLE, county, member=did)
    await approve(county, did, ANNA)
    third = await elsewhere(both, county, space, mover)
    part, whole = (third, both) if mover == PART else (both, third)
    did, into = part.did(PART), whole.did(WHOLE)
    for _ in range(2):
        assert (await told(part, PART), await told(whole, WHOLE)) == (
            ["merger-lapsed"],
            ["merger-asked", "merger-lapsed"],
        )
    logged = await county.city.services.infra.db.read(
        COUNTY, lambda tx: tx.all("SELECT record FROM audit_entry WHERE type = 'space' ORDER BY id")
    )
    assert [bytes(row["record"]).count(b'"merger lapsed"') for row in logged].count(1) == 1
    (lapsed,) = await heard(part, PART, STEWARD)
    assert sentence(lapsed, "de").endswith("lassen Sie es neu melden, zuerst „Musterdorf“, dann „Musterstadt“.")
    for city, slug in ((part, PART), (whole, WHOLE)):
        (one,) = (await city.api.get(f"/api/v1/participants/{slug}/spaces"))["spaces"]
        assert [it["state"] for it in one["mergers"]] == ["lapsed"]
    assert await tasks(county.city, COUNTY, await voter(county, BERT)) == []
    with pytest.raises(Refused) as over:
        await approve(county, did, BERT)
    assert (over.value.status, over.value.problem["code"]) == (409, "spaces.merger-lapsed")
    await say(part, PART, county, into=into)
    await say(whole, WHOLE, county, member=did)
    assert [one["state"] for one in await approve(county, did)] == ["approved"]
    for city, slug in ((part, PART), (whole, WHOLE)):
        assert "merged" in await told(city, slug)


async def test_bug_a_whole_that_moved_heard_nothing_if_the_part_was_quick(
    county: County, both: City, space: Space
) -> None:
    """>> both say it; the whole moves to a third provider, and the part says it anew before that one asks << the whole
    hears that its word fell, once, and is taken at its new word."""
    did, into = both.did(PART), both.did(WHOLE)
    await say(both, PART, county, into=into)
    await say(both, WHOLE, county, member=did)
    third = await elsewhere(both, county, space, WHOLE)
    await say(both, PART, county, into=third.did(WHOLE))
    for _ in range(2):
        assert await told(third, WHOLE) == ["merger-asked", "merger-lapsed"]
    await say(third, WHOLE, county, member=did)
    assert [one["state"] for one in await approve(county, did)] == ["approved"]
    assert "merged" in await told(third, WHOLE)


@pytest.mark.parametrize("how", ["left", pytest.param("expelled", marks=pytest.mark.long)])
async def test_bug_a_part_waited_thirty_days_for_a_whole_that_had_left(county: County, both: City, how: str) -> None:
    """>> both say it; the whole leaves the space, or is expelled << the part hears, once, that it does not count any
    more; nobody has anything to decide, and who agrees all the same is told why."""
    did, into = both.did(PART), both.did(WHOLE)
    await say(both, PART, county, into=into)
    await say(both, WHOLE, county, member=did)
    if how == "left":
        await both.services.spaces.joining.leave(WHOLE, await space_of(county))
    else:
        await county.city.services.spaces.memberships.change(COUNTY, into, "expelled", "Test", ANNA)
    for _ in range(2):
        assert await told(both, PART) == ["merger-lapsed"]
    assert await tasks(county.city, COUNTY, await voter(county, BERT)) == []
    with pytest.raises(Refused) as over:
        await approve(county, did, BERT)
    assert (over.value.status, over.value.problem["code"]) == (409, "spaces.merger-lapsed")


async def test_nobody_tells_the_whole_of_another_process(county: County, space: Space) -> None:
    """>> part and whole at two providers; the part says it, and so does the whole; refused << the whole hears nothing
    before its own word, and then of the decision."""
    one = await space.city("one", {PART: MUNICIPALITY}, UNLISTED)
    two = await space.city("two", {WHOLE: MUNICIPALITY}, UNLISTED)
    for city, slug in ((one, PART), (two, WHOLE)):
        await joined(city, slug, county)
    await listed(county, one, two)
    did, into = one.did(PART), two.did(WHOLE)
    await say(one, PART, county, into=into)
    assert await told(two, WHOLE) == []
    await say(two, WHOLE, county, member=did)
    await county.city.services.spaces.mergers.refuse(COUNTY, did, "Kein Beschluss.", BERT)
    assert (await told(one, PART), await told(two, WHOLE)) == (["not-merged"], ["not-merged"])


async def test_a_process_that_died_after_its_word_says_it_again(county: County, both: City) -> None:
    """>> the authority has the part's word, and the process knows nothing of it; decided; said again << nobody waits,
    and nobody is told; then both are, and it is said once."""
    did, into = both.did(PART), both.did(WHOLE)
    await claim(both, PART, member=did, into=into, since="2025-12-31T23:00:00Z")
    await say(both, WHOLE, county, member=did)
    await approve(county, did)
    assert (await told(both, PART), await told(both, WHOLE)) == ([], ["merged"])
    for _ in range(2):
        await say(both, PART, county, into=into)
        assert (await told(both, PART), await told(both, WHOLE)) == (["merged"], ["merged"])


async def test_two_replicas_of_both_towns_tell_them_once(cluster: Cluster, space: Space, county: County) -> None:
    """>> two processes on one PostgreSQL; the part says it at one, the whole at the other; decided, and both ask and
    look at once << each town is told once of each thing, whichever process shows it."""
    async with replicas(cluster, space, dict.fromkeys((PART, WHOLE), MUNICIPALITY), UNLISTED) as (one, two):
        for slug in (PART, WHOLE):
            await joined(one, slug, county)
            await two.services.participants.get(slug)
        await listed(county, one, two)
        did, into = one.did(PART), one.did(WHOLE)
        await asyncio.gather(*(say(city, PART, county, into=into) for city in (one, two)))
        await say(two, WHOLE, county, member=did)
        await approve(county, did)
        for slug, causes in ((PART, ["merged"]), (WHOLE, ["merged", "merger-asked"])):
            await asyncio.gather(*(told(city, slug) for city in (one, two)))
            assert [await told(city, slug) for city in (one, two)] == [causes, causes]
