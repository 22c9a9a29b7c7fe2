"""What a town says of its mergers and takes back: at the authority, and in what it knows itself."""

from typing import get_args

import pytest

from connector.dataspace.spaces.documents import Request, RequestClaims
from connector.dataspace.spaces.model import REQUESTS, WITHDRAWALS
from connector.foundation.clock import FakeClock
from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http.pace import Pace
from tests.dataspace.spaces.conftest import COUNTY, PEOPLE, County
from tests.dataspace.spaces.mergers import DAY, PART, PARTNER, WHOLE, approve, claim, say, together, withdraw
from tests.testkit.cities import City, Refused, Space

pytestmark = pytest.mark.threat("T122")


@pytest.fixture
async def both(county: County, space: Space) -> City:
    """A part and its whole at one provider, and a neighbour; all are members. No job asks."""
    city = await together(space, county, PART, WHOLE, PARTNER)
    await city.stop_jobs()
    return city


def test_requests_about_mergers_are_of_one_order() -> None:
    """So that a word which comes late does not undo that it was taken back."""
    orders = {request: RequestClaims(space="", request=request).order for request in get_args(Request)}
    assert {request for request, order in orders.items() if order == "merge"} == {"merge", "merge-withdraw"}
    assert {order for request, order in orders.items() if request.startswith("group-")} == {"group"}
    assert {orders[request] for request in ("keys", "leave", "move")} == {"keys", "leave", "move"}


async def states(county: County) -> list[tuple[str, int]]:
    found = await county.city.api.get(f"/api/v1/participants/{COUNTY}/space/mergers")
    return [(one["state"], one["missing"]) for one in found["mergers"]]


async def own(city: City, slug: str) -> list[tuple[str, str]]:
    """What a town reads of its mergers."""
    found = await city.api.get(f"/api/v1/participants/{slug}/spaces")
    return [(one["state"], one["since"]) for each in found["spaces"] for one in each["mergers"]]


async def refused(city: City, slug: str, county: County, member: str = "") -> str:
    with pytest.raises(Refused) as no:
        await withdraw(city, slug, county, member)
    return str(no.value.problem["code"])


async def test_the_whole_takes_its_word_back_and_says_it_again(county: County, both: City) -> None:
    """>> both say it, Anna agrees; the whole takes it back, twice, in capitals; says it again; two agree; taken back
    << nothing for people to decide, and no vote; anew; in the list; refused."""
    did = both.did(PART)
    await say(both, PART, county, into=both.did(WHOLE))
    assert await own(both, WHOLE) == [("unsaid", DAY)]
    await say(both, WHOLE, county, member=did)
    await approve(county, did, PEOPLE[0])
    assert (await states(county), await own(both, WHOLE)) == ([("said", 1)], [("waiting", DAY)])
    for named in (did, "MUSTERDORF"):
        await withdraw(both, WHOLE, county, named)
        assert (await states(county), await own(both, WHOLE)) == ([("asked", 2)], [])
    with pytest.raises(Refused) as alone:
        await approve(county, did, PEOPLE[1])
    assert alone.value.problem["code"] == "spaces.merger-unagreed"
    assert await own(both, PART) == [("waiting", DAY)]
    await say(both, WHOLE, county, member=did)
    await approve(county, did)
    for slug, member in ((WHOLE, did), (PART, "")):
        assert await refused(both, slug, county, member) == "spaces.merger-decided"
    assert await states(county) == [("approved", 0)]


async def test_the_part_takes_it_back_and_a_late_yes_is_told_so(county: County, both: City) -> None:
    """>> both say it; the part takes it back; a person agrees, another refuses; the whole takes its own back; the part
    says it anew << told that it was taken back; nothing to do; asked anew, without the whole's word."""
    did, into = both.did(PART), both.did(WHOLE)
    await say(both, PART, county, into=into)
    await say(both, WHOLE, county, member=did)
    await withdraw(both, PART, county)
    assert (await states(county), await own(both, PART)) == ([("withdrawn", 0)], [])
    with pytest.raises(Refused) as late:
        await approve(county, did, PEOPLE[0])
    assert (late.value.status, late.value.problem["code"]) == (409, "spaces.merger-withdrawn")
    body = {"did": did, "reason": "Kein Beschluss.", "who": PEOPLE[1]}
    with pytest.raises(Refused) as no:
        await county.city.api.post(f"/api/v1/participants/{COUNTY}/space/mergers/refuse", body)
    assert no.value.problem["code"] == "spaces.merger-withdrawn"
    await withdraw(both, WHOLE, county, did)
    await say(both, PART, county, into=into)
    assert await states(county) == [("asked", 2)]


@pytest.mark.threat("T125")
async def test_nobody_takes_back_what_others_said(county: County, both: City) -> None:
    """>> a neighbour takes back the part's word and the whole's; somebody who said nothing her own << refused; nothing
    has changed."""
    did = both.did(PART)
    await say(both, PART, county, into=both.did(WHOLE))
    await say(both, WHOLE, county, member=did)
    for slug, member in ((PARTNER, did), (PARTNER, ""), (WHOLE, "")):
        assert await refused(both, slug, county, member) == "spaces.merger-not-said"
    assert await refused(both, PARTNER, county, "Niemandsdorf") == "api.nobody-called"
    assert await states(county) == [("said", 2)]


@pytest.mark.threat("T125")
async def test_a_word_that_comes_late_undoes_nothing(
    county: County, both: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the part says it and takes it back; what it signed in between arrives << refused, and it stays taken back."""
    did, into, clock = both.did(PART), both.did(WHOLE), FakeClock(both.services.infra.clock.now() - 120_000)
    monkeypatch.setattr(both.services.spaces.joining, "_clock", clock)
    await claim(both, PART, member=did, into=into)
    clock.advance(60_000)
    await claim(both, PART, request="merge-withdraw", member=did, since="")
    clock.jump(-30_000)
    with pytest.raises(PeerError, match=r"spaces\.old-request"):
        await claim(both, PART, member=did, into=into)
    assert await states(county) == [("withdrawn", 0)]


@pytest.mark.threat("T125")
async def test_a_word_goes_back_and_forth_twelve_times_an_hour(
    county: County, both: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the part says it and takes it back until it is told to wait; takes its last word back, again and again << no
    word after twelve; taken back at once; twelve more of those and no more; the whole may still speak."""
    did, into = both.did(PART), both.did(WHOLE)
    assert (REQUESTS, WITHDRAWALS) == (12, 24)
    monkeypatch.setattr(Pace, "spend", lambda *_: None)  # what an address may do is bounded apart

    async def said() -> None:
        await claim(both, PART, member=did, into=into)

    async def taken_back() -> None:
        await claim(both, PART, request="merge-withdraw", member=did, since="")

    for _ in range(REQUESTS // 2 - 1):
        await said()
        await taken_back()
    for _ in range(2):
        await said()
    assert await states(county) == [("asked", 2)]
    with pytest.raises(Unavailable, match=r"spaces\.too-often"):
        await said()
    await taken_back()
    assert await states(county) == [("withdrawn", 0)]
    for _ in range(WITHDRAWALS - REQUESTS - 1):
        await taken_back()
    for word in (said, taken_back):
        with pytest.raises(Unavailable, match=r"spaces\.too-often"):
            await word()
    assert await states(county) == [("withdrawn", 0)]
    with pytest.raises(PeerError, match=r"spaces\.merger-unsaid"):
        await claim(both, WHOLE, member=did, into=into)


async def test_bug_who_had_said_nothing_read_no_more_that_its_word_was_missing(county: County, both: City) -> None:
    """>> the part says it; the whole, which has not, takes its word back << nothing has changed for either."""
    did = both.did(PART)
    await say(both, PART, county, into=both.did(WHOLE))
    await withdraw(both, WHOLE, county, did)
    assert (await states(county), await own(both, WHOLE)) == ([("asked", 2)], [("unsaid", DAY)])


async def test_a_process_that_died_before_it_booked_it_takes_it_back_again(county: County, both: City) -> None:
    """>> the authority has heard it from both, and the whole does not know that here; it asks; the authority has heard
    that each took it back, and neither knows that; each asks, and takes it back again << said; done: the word of the
    whole is missing, and the part is not told that it took back its own."""
    did, into = both.did(PART), both.did(WHOLE)
    joining, participants = both.services.spaces.joining, both.services.participants
    await say(both, PART, county, into=into)
    await claim(both, WHOLE, member=did, into=into, since="2025-12-31T23:00:00Z")
    await joining._round([await participants.get(WHOLE)])
    assert (await states(county), await own(both, WHOLE)) == ([("said", 2)], [("waiting", DAY)])
    await claim(both, WHOLE, request="merge-withdraw", member=did, since="")
    await joining._round([await participants.get(WHOLE)])
    await withdraw(both, WHOLE, county, did)
    assert (await states(county), await own(both, WHOLE)) == ([("asked", 2)], [("unsaid", DAY)])
    await claim(both, PART, request="merge-withdraw", member=did, since="")
    await joining._round([await participants.get(PART)])
    assert await own(both, PART) == []
    await withdraw(both, PART, county)
