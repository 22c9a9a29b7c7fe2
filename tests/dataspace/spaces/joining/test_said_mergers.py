"""How a member hears from the authority of a space what became of a merger, whatever that authority answers."""

import pytest

from connector.dataspace.spaces.joining import said_mergers
from connector.dataspace.spaces.model import Joined
from connector.foundation.http.outbound import Answer
from tests.dataspace.spaces.conftest import COUNTY, PEOPLE, County
from tests.dataspace.spaces.mergers import PART, PARTNER, WHOLE, approve, say, together
from tests.testkit.cities import City, Space

BERT = PEOPLE[1]


@pytest.fixture
async def both(county: County, space: Space) -> City:
    """A part and its whole at one provider, and a neighbour that has nothing to do with it; all are members.
    No job asks."""
    city = await together(space, county, PART, WHOLE, PARTNER)
    await city.stop_jobs()
    return city


async def stands(city: City, slug: str) -> list[str]:
    """What is known of its mergers after a round of the job."""
    joining = city.services.spaces.joining
    await joining._round([await city.services.participants.get(slug)])
    (one,) = await joining.all(slug)
    return [own.state for own in one.mergers.values()]


async def test_who_asked_for_it_waits_for_what_was_decided(county: County, both: City) -> None:
    """>> the part says it; says another day; both say that, and two agree; the part says it again << it waits, for the
    other day; it is decided, and nobody waits again."""
    did, into = both.did(PART), both.did(WHOLE)
    await say(both, PART, county, into=into)
    await say(both, PART, county, into=into, day="2026-02-01")
    assert await stands(both, PART) == ["waiting"]
    await say(both, WHOLE, county, member=did, day="2026-02-01")
    await approve(county, did)
    assert (await stands(both, PART), await stands(both, WHOLE)) == (["approved"], ["approved"])
    await say(both, PART, county, into=into, day="2026-02-01")
    (one,) = await both.services.spaces.joining.all(PART)
    assert not said_mergers.waits(one)


async def test_an_answer_from_before_the_newest_word_decides_nothing(county: County, both: City) -> None:
    """>> refused; the part asks, and says it anew before it reads the answer << it waits for the new decision."""
    did, into, infra = both.did(PART), both.did(WHOLE), both.services.infra
    await say(both, PART, county, into=into)
    hosted = await both.services.participants.get(PART)

    async def row() -> Joined:
        (one,) = await both.services.spaces.joining.all(PART)
        return one

    await stands(both, PART)
    await county.city.services.spaces.mergers.refuse(COUNTY, did, "Kein Beschluss.", BERT)
    seen, told = await row(), await county.city.services.spaces.mergers.standing(COUNTY, did)
    await say(both, PART, county, into=into, day="2026-02-01")
    await infra.db.write(PART, said_mergers.book, hosted, seen, told)
    assert said_mergers.waits(await row())


@pytest.mark.threat("T122")
async def test_an_authority_shows_a_merger_to_both_alone(county: County, both: City) -> None:
    """>> part, whole and neighbour ask, and somebody with no token << the merger; the merger; nothing; refused."""
    await say(both, PART, county, into=both.did(WHOLE))
    joining = both.services.spaces.joining
    shown = {}
    for slug in (PART, WHOLE, PARTNER):
        (one,) = await joining.all(slug)
        answer = await joining.read(await both.services.participants.get(slug), one, "mergers")
        shown[slug] = [(said.member, said.state) for said in said_mergers.read(answer)]
    assert shown == {PART: [(both.did(PART), "asked")], WHOLE: [(both.did(PART), "asked")], PARTNER: []}
    answer = await both.services.infra.http.get(f"{one.space}/mergers", headers={}, limit=65_536)
    assert answer.status == 401


async def test_an_authority_that_talks_nonsense_decides_nothing(
    county: County, both: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> it answers what is no list, 500, or that there is nothing; then the truth; then of a merger of others alone
    << it waits on; refused; it waits no more."""
    did, into = both.did(PART), both.did(WHOLE)
    await say(both, PART, county, into=into)
    joining, read = both.services.spaces.joining, both.services.spaces.joining.read
    other = b'[{"member":"did:web:x.example","into":"did:web:y.example","since":1,"state":"approved"}]'
    wrong = [(200, b"{}"), (500, b""), (404, b'{"code":"peer.nothing-here"}')]
    for status, body in wrong:

        async def answered(*_: object, status: int = status, body: bytes = body) -> Answer:
            return Answer(status, {}, body)

        monkeypatch.setattr(joining, "read", answered)
        assert await stands(both, PART) == ["waiting"]
    monkeypatch.setattr(joining, "read", read)
    await county.city.services.spaces.mergers.refuse(COUNTY, did, "Kein Beschluss.", BERT)
    assert await stands(both, PART) == ["refused"]
    await say(both, PART, county, into=into)

    async def strange(*_: object) -> Answer:
        return Answer(200, {}, other)

    monkeypatch.setattr(joining, "read", strange)
    assert await stands(both, PART) == []
